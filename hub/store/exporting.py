"""All rows of one citizen, for an export: in pieces by key, so that whoever reads slowly holds no transaction open.

What changes while it is read may be in it or not; what was there before and stays is in it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import Table, func, select

from contracts.base import rfc3339

from .attributes import attribute_place
from .citizens import Citizen, Citizens
from .contacts import contact_place
from .database import Database
from .handling import ADMINISTRATORS
from .packing import unpacked
from .ports import Vault
from .preferences import wishes_of
from .requests import last_request
from .requests_of_rights import words_of
from .rows import payload_place
from .tables import (
    access_log,
    agenda,
    attempts,
    channel_opt_outs,
    citizen_attributes,
    citizen_contacts,
    citizens,
    delegations,
    deliveries,
    evidence,
    findings,
    item_identities,
    item_versions,
    items,
    preferences,
    rights_requests,
    subscription_requests,
    timeline,
    user_states,
)

_PAGE: Final = 50
ALL_LEVELS: Final = 99
"""More than any item asks for: an administrator's export is of everything."""

INTERNAL: Final[dict[Table, frozenset[str]]] = {
    citizens: frozenset({"ente_id", "subject_hash", "data_key_sealed"}),
    citizen_attributes: frozenset({"ente_id", "citizen_id"}),
    citizen_contacts: frozenset({"ente_id", "citizen_id", "value_hash"}),
    channel_opt_outs: frozenset({"ente_id", "citizen_id", "address_hash"}),
    items: frozenset(
        {"ente_id", "citizen_id", "notice_key", "content_key", "sequence", "folded_into", "own_state"},
    ),
    item_identities: frozenset({"ente_id", "citizen_id", "vendor_id", "source", "collection", "item_id"}),
    item_versions: frozenset({"ente_id", "citizen_id", "item_id"}),
    timeline: frozenset({"ente_id", "citizen_id", "item_id"}),
    user_states: frozenset({"ente_id", "citizen_id", "item_id"}),
    agenda: frozenset({"ente_id", "citizen_id", "item_id"}),
    findings: frozenset({"ente_id", "citizen_id", "item_id"}),
    subscription_requests: frozenset({"ente_id", "citizen_id", "item_id"}),
    preferences: frozenset({"ente_id", "citizen_id"}),
    deliveries: frozenset(
        {
            *("ente_id", "citizen_id", "message_id", "claims", "claim_id", "lease_until", "about_to_send_at"),
            *("maybe_sent", "unsafe", "memo", "priority", "order_key", "attempts", "fallback"),
            "follow_up_at",
        }
    ),
    attempts: frozenset({"ente_id", "delivery_id", "claim_id"}),
    access_log: frozenset({"ente_id", "citizen_id", "row_hash", "writer_id", "root_number", "act"}),
    delegations: frozenset({"ente_id", "citizen_id"}),
    rights_requests: frozenset({"ente_id", "citizen_id", "erasure_ordered_at", "erasure_despite", "erased_at"}),
    evidence: frozenset(
        {
            *("ente_id", "citizen_id", "cause", "tokens", "verified_by", "peer", "row_hash", "writer_id"),
            *("root_number", "tokens_sealed", "sealed_later"),
        }
    ),
}
"""Columns that are not shown: keys and keyed hashes, what stands elsewhere in the export, the hub's own bookkeeping."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one citizen that a level of assurance may see."""

    database: Database
    vault: Vault
    citizen: Citizen
    level: int

    def identity(self, citizens_: Citizens) -> dict[str, Any]:
        """contracts.export.ExportIdentity."""
        with self.database.read() as connection:
            row = connection.execute(select(citizens).where(*self._of(citizens))).mappings().one()
            tax_code, _ = citizens_.tax_code(connection, self.citizen.ente_id, self.citizen.citizen_id)
        return _shown(citizens, row, without={"tax_code_sealed"}) | {"tax_code": tax_code}

    def contacts(self) -> Iterator[dict[str, Any]]:
        """contracts.export.ExportContact."""
        for row in self._all(citizen_contacts, "contact_id"):
            place = contact_place(self.citizen, row["contact_id"])
            value = self.vault.open_with(self.citizen.data_key, row["value_sealed"], place).decode()
            yield _shown(citizen_contacts, row, without={"value_sealed"}) | {"value": value}

    def attributes(self) -> Iterator[dict[str, Any]]:
        """contracts.export.ExportAttribute."""
        for row in self._all(citizen_attributes, "code"):
            place = attribute_place(self.citizen, row["code"])
            value = self.vault.open_with(self.citizen.data_key, row["value_sealed"], place).decode()
            yield _shown(citizen_attributes, row, without={"value_sealed"}) | {"value": value}

    def opt_outs(self) -> Iterator[dict[str, Any]]:
        """contracts.export.ExportOptOut."""
        with self.database.read() as connection:
            found = connection.execute(select(channel_opt_outs).where(*self._of(channel_opt_outs))).mappings().all()
        for row in found:
            yield _shown(channel_opt_outs, row)

    def preferences(self) -> Iterator[dict[str, Any]]:
        """contracts.export.ExportPreferences, where something was said."""
        with self.database.read() as connection:
            row = connection.execute(select(preferences).where(*self._of(preferences))).mappings().one_or_none()
            wishes = wishes_of(connection, self.vault, self.citizen)
        if row is not None:
            quiet = wishes.quiet and {
                "start": wishes.quiet.start.isoformat("minutes"),
                "end": wishes.quiet.end.isoformat("minutes"),
            }
            own = {"language": wishes.language, "quiet_hours": quiet}
            yield _shown(preferences, row, without={"record_sealed"}) | own

    def items(self) -> Iterator[tuple[dict[str, Any], str | None]]:
        """contracts.export.ExportItem without its `file`, and the key of its file."""
        for page in self._pages(items, "item_id", *self._visible()):
            yield from self._whole(page)

    def accesses(self) -> Iterator[dict[str, Any]]:
        """contracts.export.ExportAccess."""
        for page in self._pages(access_log, "access_id"):
            known = self._visible_among([row["item_id"] for row in page])
            for row in page:
                shown = _shown(access_log, row)
                if row["portal_id"] in ADMINISTRATORS:
                    shown["pseudonym"] = None
                yield shown | {"item_id": row["item_id"] if row["item_id"] in known else None}

    def delegations(self) -> Iterator[dict[str, Any]]:
        """contracts.export.ExportDelegation."""
        for row in self._all(delegations, "delegation_id"):
            yield _shown(delegations, row)

    def requests(self) -> Iterator[dict[str, Any]]:
        """contracts.export.ExportRequest."""
        sealed = {"text_sealed", "answer_sealed"}
        for row in self._all(rights_requests, "request_id", rights_requests.c.min_loa <= self.level):
            yield _shown(rights_requests, row, without=sealed) | words_of(self.vault, self.citizen, row)

    def evidence(self) -> Iterator[dict[str, Any]]:
        """contracts.export.ExportEvidence. It reads the whole evidence, which is in the order of time alone."""
        for row in self._all(evidence, "evidence_id"):
            body = None
            if row["body_sealed"] is not None:
                place = f"evidence|body|{row['ente_id']}|{row['evidence_id']}"
                body = unpacked(self.vault.open_with(self.citizen.data_key, row["body_sealed"], place)).decode()
            yield _shown(evidence, row, without={"body_sealed"}) | {"body": body}

    def left_out(self) -> dict[str, int]:
        """How many items are not among `items`, and requests not among `requests`."""
        everything = self.level == ALL_LEVELS
        higher = sum(self._count(table, table.c.min_loa > self.level) for table in (items, rights_requests))
        hidden = 0 if everything else self._count(items, items.c.min_loa <= self.level, items.c.hidden.is_(True))
        return {"higher_level": higher, "not_yet_visible": hidden}

    def _count(self, table: Table, *where: Any) -> int:
        with self.database.read() as connection:
            query = select(func.count()).select_from(table).where(*self._of(table), *where)
            return int(connection.execute(query).scalar_one())

    def _visible(self) -> Sequence[Any]:
        # What is restricted, withdrawn or over is still held, so it is shown.
        if self.level == ALL_LEVELS:
            return ()
        return (items.c.min_loa <= self.level, items.c.hidden.is_(False))

    def _visible_among(self, wanted: Sequence[str | None]) -> set[str]:
        query = select(items.c.item_id).where(
            *self._of(items), *self._visible(), items.c.item_id.in_(set(wanted) - {None})
        )
        with self.database.read() as connection:
            return set(connection.execute(query).scalars())

    def _whole(self, page: Sequence[Any]) -> Iterator[tuple[dict[str, Any], str | None]]:
        ids = [row["item_id"] for row in page]
        with self.database.read() as connection:

            def of(table: Table, key: str, *order: str) -> dict[str, list[Any]]:
                where = (table.c.ente_id == self.citizen.ente_id, table.c[key].in_(ids))
                mine = (table.c.citizen_id == self.citizen.citizen_id,)
                query = select(table).where(*where, *mine).order_by(*(table.c[name] for name in order))
                found: dict[str, list[Any]] = {}
                for row in connection.execute(query).mappings():
                    found.setdefault(row[key], []).append(row)
                return found

            names = of(item_identities, "item_id", "item_id")
            versions = of(item_versions, "item_id", "version")
            events = of(timeline, "item_id", "event_id")
            states = of(user_states, "item_id", "item_id")
            due = of(agenda, "item_id", "at", "occasion")
            flagged = of(findings, "item_id", "found_at", "code")
            asked = of(subscription_requests, "item_id", "request_id")
            sent = of(deliveries, "message_id", "delivery_id")
            tried: dict[str, list[Any]] = {}
            requests: dict[str, str] = {}
            for delivery in (each for several in sent.values() for each in several):
                delivery_id = delivery["delivery_id"]
                its = attempts.c
                query = select(attempts).where(its.ente_id == self.citizen.ente_id, its.delivery_id == delivery_id)
                tried[delivery_id] = list(connection.execute(query.order_by(its.started_at)).mappings())
                kept = last_request(connection, self.vault, self.citizen, delivery_id)
                if kept is not None:
                    requests[delivery_id] = kept[1].decode()
        for row in page:
            item_id = row["item_id"]
            shown = _shown(items, row)
            [name] = names[item_id]
            shown |= {"external_id": name["external_id"]}
            shown["versions"] = [self._version(each) for each in versions.get(item_id, ())]
            shown["timeline"] = [_shown(timeline, each) for each in events.get(item_id, ())]
            state = states.get(item_id)
            shown["user_state"] = _shown(user_states, state[0]) if state else None
            shown["agenda"] = [_shown(agenda, each) for each in due.get(item_id, ())]
            shown["findings"] = [_shown(findings, each) for each in flagged.get(item_id, ())]
            shown["source_requests"] = [_shown(subscription_requests, each) for each in asked.get(item_id, ())]
            shown["deliveries"] = [
                _shown(deliveries, each)
                | {
                    "attempts": [_shown(attempts, one) for one in tried[each["delivery_id"]]],
                    "last_request": requests.get(each["delivery_id"]),
                }
                for each in sent.get(item_id, ())
            ]
            yield shown, row["content_key"]

    def _version(self, row: Any) -> dict[str, Any]:
        place = payload_place(row["ente_id"], row["item_id"], row["version"])
        content = orjson.loads(self.vault.open_with(self.citizen.data_key, row["payload_sealed"], place))
        return _shown(item_versions, row, without={"payload_sealed"}) | {"content": content}

    def _all(self, table: Table, key: str, *where: Any) -> Iterator[Any]:
        for page in self._pages(table, key, *where):
            yield from page

    def _pages(self, table: Table, key: str, *where: Any) -> Iterator[Sequence[Any]]:
        last = ""
        while True:
            after = (table.c[key] > last,) if last else ()
            query = select(table).where(*self._of(table), *where, *after).order_by(table.c[key]).limit(_PAGE)
            with self.database.read() as connection:
                page = connection.execute(query).mappings().all()
            if page:
                yield page
            if len(page) < _PAGE:
                return
            last = page[-1][key]

    def _of(self, table: Table) -> tuple[Any, ...]:
        return (table.c.ente_id == self.citizen.ente_id, table.c.citizen_id == self.citizen.citizen_id)


def _shown(table: Table, row: Any, *, without: frozenset[str] | set[str] = frozenset()) -> dict[str, Any]:
    hidden = INTERNAL[table] | without
    return {
        str(name): rfc3339(value) if hasattr(value, "astimezone") else value
        for name, value in row.items()
        if name not in hidden
    }
