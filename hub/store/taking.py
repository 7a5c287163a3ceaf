"""The taking of what a source had: the item, what is known of the record, and the quarantine, in one commit."""

from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, bindparam, select, update

from hub.errors import HubError, StoreUnavailable, VersionConflict

from .bulk import insert_rows, select_rows
from .database import Tx
from .drafts import Identity
from .given import GIVEN, given, is_given
from .intake import Intake, Submission
from .ports import Vault
from .quarantine import Misfit, keep_misfits, let_out
from .tables import item_identities, items, same_item, source_records

_AT_ONCE: Final = 1000
"""Records that are looked through at once: a source may have a million."""

_ITS = source_records.c
_KNOWN = select(_ITS.name, _ITS.digest, _ITS.version, _ITS.item_id).select_from(
    GIVEN.join(source_records, is_given(_ITS.ente_id, _ITS.connector_id, _ITS.name))
)


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of a record of a source."""

    digest: str
    version: int
    item_id: str | None


@dataclass(frozen=True, slots=True)
class Take:
    """A record that is new or changed: the act it asks for, or why there is none. `misfit` is what is kept of it where
    it does not become an item; its `wrong` is empty where the store has still to tell."""

    digest: str
    version: int
    misfit: Misfit
    submission: Submission[Any] | None = None
    is_over: bool = False
    """It asks for nothing, and nothing is wrong with it any more."""

    @property
    def key(self) -> tuple[str, str, str]:
        return self.misfit.ente_id, self.misfit.connector_id, self.misfit.name


def records(connection: Connection, ente_id: str, connector_id: str, names: Iterable[str]) -> dict[str, Record]:
    """What is known of these records, by their names."""
    wanted = {(ente_id, connector_id, name) for name in names}
    if not wanted:
        return {}
    found = select_rows(connection, _KNOWN, given(wanted))
    return {name: Record(digest, version, item_id) for name, digest, version, item_id in found}


def absent(
    connection: Connection, ente_id: str, connector_id: str, beginning: str, there: Container[str]
) -> Iterator[str]:
    """The records of items in force with names that begin so, and are not among those that are there."""
    its = source_records.c
    query = select(its.name, its.item_id).where(
        its.ente_id == ente_id,
        its.connector_id == connector_id,
        its.item_id.is_not(None),
        its.name.startswith(beginning, autoescape=True),
    )
    query, last = query.order_by(its.name).limit(_AT_ONCE), ""
    while rows := connection.execute(query.where(its.name > last)).all():
        gone = [row for row in rows if row.name not in there]
        active = in_force(connection, ente_id, {row.item_id for row in gone}) if gone else set()
        yield from (row.name for row in gone if row.item_id in active)
        last = rows[-1].name


def in_force(connection: Connection, ente_id: str, item_ids: Collection[str]) -> set[str]:
    """Those of the items that are not taken back."""
    names = item_identities.c
    query = (
        select(items.c.item_id)
        .join(item_identities, same_item)
        .where(names.ente_id == ente_id, names.item_id.in_(item_ids), items.c.lifecycle == "active")
    )
    return set(connection.execute(query).scalars())


def newest_version(connection: Connection, identity: Identity) -> int:
    """The version that an item of that name has; 0 where there is none."""
    names = item_identities.c
    query = (
        select(items.c.version)
        .join(item_identities, same_item)
        .where(*(names[name] == value for name, value in identity._asdict().items()))
    )
    return connection.execute(query).scalar_one_or_none() or 0


def named(
    connection: Connection, ente_id: str, vendor_id: str, source: str, collection: str, external_ids: Collection[str]
) -> dict[str, RowMapping]:
    """The items that a source's names lead to: `item_id`, `citizen_id`, `version`, `state` and `lifecycle`, by name."""
    names, its = item_identities.c, items.c
    query = (
        select(names.external_id, its.item_id, its.citizen_id, its.version, its.state, its.lifecycle)
        .join(item_identities, same_item)
        .where(names.ente_id == ente_id, names.vendor_id == vendor_id, names.source == source)
        .where(names.collection == collection, names.external_id.in_(external_ids))
    )
    return {row["external_id"]: row for row in connection.execute(query).mappings()}


class Taking:
    """Takes records."""

    def __init__(self, intake: Intake, vault: Vault) -> None:
        self._intake = intake
        self._vault = vault

    def note_digests(self, tx: Tx, changes: Sequence[tuple[str, str, Mapping[str, tuple[str, str]]]]) -> list[None]:
        """A Committer handler: of records that have not changed themselves, (ente, connector, by name what the digest
        was and what it is now). One that somebody took in meanwhile keeps the digest of what was taken."""
        rows = [
            {"of_ente": ente_id, "of_connector": connector_id, "of_name": name, "was": was, "now": now}
            for ente_id, connector_id, digests in changes
            for name, (was, now) in sorted(digests.items())
        ]
        its = source_records.c
        place = (its.ente_id == bindparam("of_ente")) & (its.connector_id == bindparam("of_connector"))
        same = (its.name == bindparam("of_name")) & (its.digest == bindparam("was"))
        statement = update(source_records).where(place, same)
        tx.connection.execute(statement.values(digest=bindparam("now")), rows)
        return [None] * len(changes)

    def record(self, tx: Tx, takes: Sequence[Take]) -> list[Any]:
        """A Committer handler: `Published` or `Withdrawn` for each; the refusal where it went into quarantine, returned
        and not raised; StoreUnavailable and VersionConflict where it is to be tried again, and nothing of it stays."""
        acting = [take for take in takes if take.submission is not None]
        answers = iter(self._intake.record(tx, [take.submission for take in acting if take.submission is not None]))
        results: list[Any] = []
        known: dict[tuple[str, str, str], dict[str, Any]] = {}
        misfits: list[Misfit] = []
        right: dict[tuple[str, str], set[str]] = {}
        for take in takes:
            answer = next(answers) if take.submission is not None else None
            results.append(answer)
            if isinstance(answer, VersionConflict | StoreUnavailable):
                continue
            if isinstance(answer, HubError):
                misfits.append(_with_faults(take.misfit, answer))
            elif answer is None and not take.is_over:
                misfits.append(take.misfit)
            else:
                right.setdefault(take.key[:2], set()).add(take.misfit.name)
            ente_id, connector_id, name = take.key
            known[take.key] = {
                "ente_id": ente_id,
                "connector_id": connector_id,
                "name": name,
                "digest": take.digest,
                "version": take.version,
                "item_id": getattr(answer, "item_id", None),
            }
        keep_misfits(tx, self._vault, misfits)
        for (ente_id, connector_id), names in right.items():
            let_out(tx, ente_id, connector_id, names)
        if known:
            rows = [known[key] for key in sorted(known)]
            insert_rows(tx.connection, source_records, rows, conflict=_NEWER)
        return results


_NEWER = (
    "ON CONFLICT (ente_id, connector_id, name) DO UPDATE SET digest = excluded.digest, "
    "version = CASE WHEN excluded.version > source_records.version THEN excluded.version "
    "ELSE source_records.version END, item_id = coalesce(excluded.item_id, source_records.item_id)"
)


def _with_faults(misfit: Misfit, refusal: HubError) -> Misfit:
    faults = [{"pointer": each.pointer, "code": each.code, "detail": each.detail} for each in refusal.faults]
    wrong: tuple[Mapping[str, str], ...] = tuple(faults) or (
        {"pointer": "", "code": refusal.code, "detail": refusal.detail},
    )
    return replace(misfit, wrong=wrong)
