"""Notice numbers that the hub gave: a counter for each segregation code, and a row for each number, for ever."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table

from .columns import CLUSTERED, Instant, ente, key, metadata, needed

# The counter is held until the commit of what its numbers are for: a number that was rolled back was given to nobody.
notice_counters = Table(
    "notice_counters",
    metadata,
    ente(),
    key("creditor_tax_code", 11),
    Column("segregation_code", Integer, primary_key=True, autoincrement=False),
    needed("last", BigInteger),
)

# Not erased with the citizen: a number is not to be used again (spec/pagopa.md), and names nobody by itself.
notice_numbers = Table(
    "notice_numbers",
    metadata,
    ente(),
    key("creditor_tax_code", 11),
    key("notice_number", 18),
    Column("item_id", String(36)),
    needed("part", Integer),  # 0 the whole, else which instalment
    needed("given_at", Instant),
    Index("ix_notice_numbers_item", "ente_id", "item_id"),
    **CLUSTERED,
)
