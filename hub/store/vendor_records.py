"""What an administrator changes of a vendor's record, and the reports of its conformance."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from contracts.identifiers import new_uuid7

from .database import Tx
from .directory import HUB_VENDOR, AlreadyThere, NotThere, bump
from .notice_keys import is_tried
from .tables import conformance_reports, items, vendors

CHANGEABLE = (
    "name",
    "subject",
    "aliases",
    "collections",
    "services",
    "rights",
    "signature_only",
    "daily_quota",
    "active",
    "stage",
)


@dataclass(frozen=True, slots=True)
class ConformanceReport:
    """A report as it was attached."""

    report_id: str
    at: datetime
    author: str
    verdict: str
    passed: int
    failed: int
    skipped: int
    tried: str
    sha256: str


def change_vendor(tx: Tx, ente_id: str, vendor_id: str, values: Mapping[str, Any]) -> None:
    """Set columns of a vendor's record. Raises NotThere; AlreadyThere for an alias that is taken."""
    bump(tx, "trust")
    assert set(values) <= set(CHANGEABLE)
    if HUB_VENDOR in values.get("aliases", ()):
        raise AlreadyThere(HUB_VENDOR)  # its items are the hub's own, and would go the vendor's way
    if "aliases" in values:
        others = select(vendors).where(vendors.c.ente_id == ente_id, vendors.c.vendor_id != vendor_id)
        for row in tx.connection.execute(others):
            taken = {*values["aliases"], vendor_id} & {row.vendor_id, *row.aliases}
            if taken:
                raise AlreadyThere(min(taken))
    where = (vendors.c.ente_id == ente_id) & (vendors.c.vendor_id == vendor_id)
    if tx.connection.execute(update(vendors).where(where).values(**values)).rowcount == 0:
        raise NotThere(vendor_id)


def is_on_trial(connection: Connection, ente_id: str, message_id: str) -> bool:
    """Whether a message tells of what a vendor published that is in its sandbox now: it goes by test connectors alone.
    A message that a rule made is of the vendor of the item that it tells about. Of a payment itself pagoPA is told in
    the environment in which its notice is known."""
    its = items.c
    asked = select(its.about_item_id, its.collection, its.notice_key)
    row = connection.execute(asked.where(its.ente_id == ente_id, its.item_id == message_id)).one_or_none()
    if row is not None and row.collection == "payments":
        return is_tried(row.notice_key)
    about = None if row is None else row.about_item_id
    found = (
        select(func.count())
        .select_from(items.join(vendors, (vendors.c.ente_id == its.ente_id) & (vendors.c.vendor_id == its.vendor_id)))
        .where(its.ente_id == ente_id, its.item_id == (about or message_id), vendors.c.stage == "sandbox")
    )
    return connection.execute(found).scalar_one() > 0


def attach_report(
    tx: Tx,
    ente_id: str,
    vendor_id: str,
    *,
    author: str,
    verdict: str,
    counts: Mapping[str, int],
    tried: str,
    sha256: str,
    report: Mapping[str, Any],
) -> ConformanceReport:
    """Keep a report of the vendor's conformance."""
    made = ConformanceReport(
        new_uuid7(), tx.now, author, verdict, counts["passed"], counts["failed"], counts["skipped"], tried, sha256
    )
    row = {"ente_id": ente_id, "vendor_id": vendor_id, "report": dict(report)} | asdict(made)
    tx.connection.execute(insert(conformance_reports), row)
    return made


def lapse_reports(tx: Tx, ente_id: str, vendor_id: str) -> None:
    """What the vendor has shown no longer brings it to production: it was put back into its sandbox."""
    its = conformance_reports.c
    mine = (its.ente_id == ente_id) & (its.vendor_id == vendor_id) & (its.verdict == "passed")
    tx.connection.execute(update(conformance_reports).where(mine).values(verdict="lapsed"))


def reports_of(
    connection: Connection, ente_id: str, vendor_id: str | None = None
) -> Sequence[tuple[str, ConformanceReport]]:
    """(vendor, report) of an ente or of one vendor, newest first."""
    its, names = conformance_reports.c, ConformanceReport.__dataclass_fields__
    query = select(its.vendor_id, *(its[name] for name in names)).where(its.ente_id == ente_id)
    if vendor_id is not None:
        query = query.where(its.vendor_id == vendor_id)
    rows = connection.execute(query.order_by(its.at.desc(), its.report_id.desc())).mappings()
    return [(row["vendor_id"], ConformanceReport(**{name: row[name] for name in names})) for row in rows]


def report_content(connection: Connection, ente_id: str, vendor_id: str, report_id: str) -> Any:
    """What was attached, as it came; None where there is no such report."""
    its = conformance_reports.c
    where = (its.ente_id == ente_id) & (its.vendor_id == vendor_id) & (its.report_id == report_id)
    return connection.execute(select(its.report).where(where)).scalar_one_or_none()
