"""Sources as administrators look after them: read now, files taken in, quarantine read anew, how fresh each is."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from contracts.base import rfc3339
from contracts.connector import Connector
from contracts.faults import bilingual
from contracts.inbound import Read
from contracts.source_administration import VendorSourcePatch
from hub.catalogue import DRAFT_DAYS
from hub.inbound.missing import Missing
from hub.inbound.sources import Manner, Source, still_taken
from hub.inbound.taking import Taker, Tally
from hub.store.configuration import Configuration, ConnectorConfig
from hub.store.database import Database, Tx
from hub.store.missing import missing_counts
from hub.store.ports import Vault
from hub.store.positions import reading_of_sources, wake
from hub.store.quarantine import Entry, NotInQuarantine, entry, open_counts, raw_of
from hub.store.sources import open_practices, set_source, standing_sources

from .acting import Acted, Actor, Matches, Order, may_be_done, may_begin
from .errors import ConnectorUnknown, QuarantineUnknown, SourceNotRead, SourceReadsNoFiles, none_such
from .vendors import Vendors, changed_parts

_OUTCOMES = ("taken", "withdrawn", "unchanged", "quarantined", "passed")


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources of all enti; each reading and each order is of one. `connector` gives what is in force."""

    database: Database
    vault: Vault
    configuration: Configuration
    connector: Callable[[str, str], Connector | None]
    taker: Taker
    missing: Missing

    def readings(self, connection: Connection, ente_id: str) -> list[tuple[str, dict[str, Any]]]:
        """contracts.source_administration.SourceReading of each connector that reads a source, by id."""
        at = {(one.ente_id, one.connector_id, one.type): one for one in reading_of_sources(connection)}
        waiting, missing = open_counts(connection), missing_counts(connection)
        found = []
        for key, config in sorted(self.configuration.load(connection).items()):
            connector = self.connector(*key) if config.ente_id == ente_id else None
            if connector is None or (connector.pull is None and connector.read is None):
                continue
            read = at.get((*key, config.type))
            view = {
                "connector_id": config.connector_id,
                "due_at": None if read is None else rfc3339(read.due_at),
                "read_at": None if read is None or read.read_at is None else rfc3339(read.read_at),
                "failures": 0 if read is None else read.failures,
                "reason": None if read is None else read.reason,
                "quarantined": waiting.get(key, 0),
                "missing": missing.get(key, 0),
            }
            found.append((config.connector_id, view))
        return found

    def poll(self, connection: Connection, actor: Actor, connector_id: str) -> Order:
        """Let it be its turn now: whoever reads sources begins within a second or two. Raises ConnectorUnknown,
        SourceNotRead."""
        config = self._config(connection, actor.ente_id, connector_id)
        connector = self.connector(actor.ente_id, connector_id)
        if connector is None or connector.pull is None or config.status != "active":
            raise SourceNotRead
        target = f"connectors/{connector_id}"

        def do(tx: Tx) -> Acted:
            wake(tx, self.vault, actor.ente_id, connector_id, config.type, connector.afresh)
            view = dict(self.readings(tx.connection, actor.ente_id))[connector_id]
            return Acted(view, target)

        return Order("poll_source", actor, do, target)

    def take_in(
        self,
        ente_id: str,
        connector_id: str,
        content: bytes,
        *,
        again: bool = False,
        seen: Callable[[Tally], None] = lambda _: None,
    ) -> Tally:
        """Take in what a connector reads of some content; `again` also what has not changed. Of content that is all its
        source has, what is missing from it is taken back. Raises ConnectorUnknown, SourceReadsNoFiles, EnteEnded, and
        what `Taker.take` does."""
        with self.database.read() as connection:
            may_be_done(connection, "upload_source_file", ente_id)
        config, connector, read = self._reader(ente_id, connector_id)
        source = Source.of(config)
        if connector.read_whole is None:
            return self.taker.take(source, read(content), again=again, seen=seen)
        whole = connector.read_whole(content)
        tally = self.taker.take(source, whole.found, again=again, seen=seen)
        self.missing.note(source, whole.all_names)
        if whole.all_names:
            self.missing.settle(source, whole.look, tally, at_most=Manner.of(config).withdraw_at_most)
        return tally

    def _reader(self, ente_id: str, connector_id: str) -> tuple[ConnectorConfig, Connector, Read]:
        with self.database.read() as connection:
            config = self._config(connection, ente_id, connector_id)
        connector = self.connector(ente_id, connector_id)
        if connector is None or connector.read is None:
            raise SourceReadsNoFiles(
                bilingual(
                    f"Il connettore {connector_id} di tipo {config.type} non legge file",
                    f"connector {connector_id} of type {config.type} reads no files",
                )
            )
        return config, connector, connector.read

    def retry(self, ente_id: str, quarantine_id: str) -> tuple[Entry, Entry]:
        """Read an entry anew: as it was, and as it is now. What is read as one thing is that entry, whatever name it
        bears: it had one by which it was asked for. Raises QuarantineUnknown for one that is not open, EnteEnded for
        what is not taken of a body that has left, and what `take_in` does."""
        before = self.entry_of(ente_id, quarantine_id)
        with self.database.read() as connection:
            try:
                raw = raw_of(connection, self.vault, ente_id, quarantine_id)
            except NotInQuarantine:
                raise QuarantineUnknown from None
        config, _, read = self._reader(ente_id, before.connector_id)
        found = list(read(raw))
        if len(found) == 1:
            found = [replace(found[0], name=before.name)]
        if not all(map(still_taken, found)):
            with self.database.read() as connection:
                may_begin(connection, ente_id)
        self.taker.take(Source.of(config), found, again=True)
        return before, self.entry_of(ente_id, quarantine_id)

    def entry_of(self, ente_id: str, quarantine_id: str) -> Entry:
        """An entry, open or decided. Raises QuarantineUnknown."""
        with self.database.read() as connection:
            try:
                return entry(connection, ente_id, quarantine_id)
            except NotInQuarantine:
                raise QuarantineUnknown from None

    def _config(self, connection: Connection, ente_id: str, connector_id: str) -> ConnectorConfig:
        configs = self.configuration.load(connection)
        found = configs.get((ente_id, connector_id))
        if found is None:
            raise ConnectorUnknown(
                none_such("nessun connettore", "connector", sorted(name for owner, name in configs if owner == ente_id))
            )
        return found


def counts_of(tally: Tally) -> dict[str, int]:
    """What became of records, as it is told: every outcome with its number."""
    return {name: tally.counts[name] for name in _OUTCOMES}


def vendor_sources(
    connection: Connection, ente_id: str, now: datetime, *, only: tuple[str, str] | None = None
) -> list[tuple[str, dict[str, Any]]]:
    """contracts.source_administration.VendorSource of each source with which something is agreed or that has open
    applications, by vendor and name; or of `only` that one."""
    agreed = {(s.vendor_id, s.source): s for s in standing_sources(connection, now) if s.ente_id == ente_id}
    if only is not None:
        agreed = {name: one for name, one in agreed.items() if name == only}
    practices = open_practices(connection, ente_id, now, only=only)
    rows = []
    for name in sorted(agreed.keys() | practices.keys()):
        one, (waiting, fresh) = agreed.get(name), practices.get(name, (0, 0))
        view = {
            "vendor_id": name[0],
            "source": name[1],
            "every_s": one.every_s if one else None,
            "heard_at": rfc3339(one.heard_at) if one and one.heard_at else None,
            "stale": one.stale if one else False,
            "draft_days": one.draft_days if one else DRAFT_DAYS,
            "open_applications": waiting,
            "fresh": fresh,
        }
        rows.append(("/".join(name), view))
    return rows


def agree(actor: Actor, vendor_id: str, source: str, patch: VendorSourcePatch, matches: Matches) -> Order:
    """Agree on something with a source of a vendor. Drafts that are there keep the date that was promised. The order
    raises VendorUnknown."""
    target = f"vendors/{vendor_id}/sources/{source}"

    def do(tx: Tx) -> Acted:
        Vendors().one_of(tx.connection, actor.ente_id, vendor_id)
        name = f"{vendor_id}/{source}"

        def view() -> dict[str, Any] | None:
            # Of that source alone: meanwhile all who write wait, and an ente has many applications.
            only = (vendor_id, source)
            return dict(vendor_sources(tx.connection, actor.ente_id, tx.now, only=only)).get(name)

        before = view()
        matches(before or {})
        given = patch.model_dump(exclude_unset=True)
        every_s = given["every_s"] or 0 if "every_s" in given else None
        set_source(tx, actor.ente_id, vendor_id, source, every_s=every_s, draft_days=given.get("draft_days"))
        after = view() or {}
        return Acted(after, target, *changed_parts(before or {}, after))

    return Order("change_source", actor, do, target)
