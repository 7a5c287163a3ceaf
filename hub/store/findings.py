"""In what applications fall short of the model of municipal services: noted with each version, read by the report."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select

from .database import Tx
from .drafts import Finding
from .rows import Batch, item_key
from .tables import findings

TOLD = frozenset({"due_date.late"})
"""What stands in the timeline too: a term that is exceeded (S24)."""


def keep_findings(tx: Tx, batch: Batch, item: dict[str, Any], found: Sequence[Finding], *, first: bool) -> None:
    """These, and no others, are what the item's newest version falls short in."""
    if first and not found:
        return
    its, names = findings.c, {name: item[name] for name in ("ente_id", "citizen_id", "item_id")}
    before: set[str] = set()
    if not first:
        mine = [its[name] == value for name, value in names.items()]
        before = set(tx.connection.execute(select(its.code).where(*mine)).scalars())
        before |= {row["code"] for row in batch.findings.get(item_key(item), ())}  # of a version in this very batch
        tx.connection.execute(delete(findings).where(*mine))
    batch.findings[item_key(item)] = [
        {**names, "code": each.code, "criterion": each.criterion, "days": each.days, "found_at": tx.now}
        for each in found
    ]
    for finding in found:
        if finding.code in TOLD and finding.code not in before:
            batch.event(item, tx.now, "flagged", criterion=finding.criterion, code=finding.code, days=finding.days or 0)
