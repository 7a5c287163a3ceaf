"""Reporting flows of pagoPA: what providers say they have paid out. They concern nobody by name."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table

from .columns import CLUSTERED, Instant, ente, key, metadata, needed

# A flow as its parts say of the whole; several revisions stand side by side, and the highest holds.
reporting_flows = Table(
    "reporting_flows",
    metadata,
    ente(),
    key("psp_id", 35),
    key("flow", 35),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    needed("creditor_tax_code", String(11)),
    needed("made_at", Instant),
    needed("regulation", String(35)),
    needed("regulation_date", String(10)),  # a day, ISO 8601
    needed("total_count", Integer),
    needed("total_cents", BigInteger),
    needed("received_at", Instant),
    Index("ix_reporting_flows_regulation_date", "ente_id", "regulation_date"),
    **CLUSTERED,
)

reported_payments = Table(
    "reported_payments",
    metadata,
    ente(),
    key("psp_id", 35),
    key("flow", 35),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    needed("iuv_hash", String(64)),  # keyed, of creditor and IUV
    needed("names_sealed", LargeBinary),  # IUV and IUR, under the vault key
    needed("transfer", Integer),
    needed("amount_cents", BigInteger),
    needed("outcome", String(16)),
    needed("paid_on", String(10)),  # a day, ISO 8601
    Index("ix_reported_payments_paid_on", "ente_id", "paid_on"),
    Index("ix_reported_payments_iuv", "ente_id", "iuv_hash"),
    **CLUSTERED,
)
