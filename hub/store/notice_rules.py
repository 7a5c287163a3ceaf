"""What administrators change of the rules of notices: versions, of which the newest holds on every process at once."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, insert, select

from .database import Tx
from .directory import bump
from .tables import clipped, notice_rules


class RuleVersion(NamedTuple):
    """What was changed of a rule, by whom and when; an empty record is the rule as it comes."""

    version: int
    record: Mapping[str, Any]
    author: str
    changed_at: datetime


def save_rule(tx: Tx, ente_id: str, rule: str, record: Mapping[str, Any], *, author: str) -> int:
    """A new version of what an ente changed of a rule; its number."""
    bump(tx, "trust")  # held until the commit: of two who change at once the second gets the next number
    its = notice_rules.c
    last = select(func.max(its.version)).where(its.ente_id == ente_id, its.rule == rule)
    version: int = (tx.connection.execute(last).scalar() or 0) + 1
    row = {"ente_id": ente_id, "rule": rule, "version": version, "record": dict(record)}
    tx.connection.execute(insert(notice_rules), row | {"author": clipped(author, 100), "changed_at": tx.now})
    return version


def rule_versions(connection: Connection, ente_id: str, rule: str) -> list[RuleVersion]:
    """All versions of it, oldest first."""
    its = notice_rules.c
    query = select(its.version, its.record, its.author, its.changed_at)
    query = query.where(its.ente_id == ente_id, its.rule == rule).order_by(its.version)
    return [RuleVersion(*row) for row in connection.execute(query)]
