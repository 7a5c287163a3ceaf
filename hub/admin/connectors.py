"""Connectors as administrators change them: drafts that do nothing, checks, activation of what was tested, rollback.

The row of `connectors` is what is in force, and all that the rest of the hub knows. A draft is a version alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection

from contracts.connector import Connector
from contracts.connector_administration import ConnectorPatch, NewConnector
from contracts.faults import Bilingual, bilingual
from contracts.naming import Named
from hub.dispatch.building import BadConfiguration, tried
from hub.dispatch.settings_form import merged
from hub.errors import ContractViolation, Fault
from hub.store.configuration import ConnectorConfig, StillPending, left, remove, set_status
from hub.store.connector_versions import Content, Version, forget_versions
from hub.store.database import Tx
from hub.store.ports import Vault

from .acting import Acted, Actor, Matches, Order
from .catalogue_names import must_be_known, named_anew
from .connector_views import ConnectorViews, Known, sides, standing, target_of
from .errors import (
    ConnectorExists,
    ConnectorInUse,
    ConnectorNotInForce,
    ConnectorUntested,
    ConnectorVersionUnknown,
    none_such,
)
from .reach import Reach


@dataclass(frozen=True, slots=True)
class Connectors(ConnectorViews):
    """The connectors of all enti; each order is of one."""

    vault: Vault
    reach: Reach

    def connector_of(self, one: Known, version: Version) -> Connector:
        """The connector as that version would make it. Raises ContractViolation where it no longer fits its type."""
        return self._built(_draft(one.ente_id, one.connector_id, version.content))

    def in_force(self, connection: Connection, ente_id: str, connector_id: str) -> Connector:
        """The connector as it works now, made for the caller, who closes it. Raises ConnectorUnknown,
        ConnectorNotInForce, ContractViolation."""
        config = self.one_of(connection, ente_id, connector_id).config
        if config is None:
            raise ConnectorNotInForce
        return self._built(config)

    def add(self, actor: Actor, wish: NewConnector) -> Order:
        """Make a connector, as a draft. The order raises ConnectorExists."""
        content = Content(
            wish.connector_type,
            _object(wish.settings, "settings"),
            _object(wish.limits, "limits"),
            _overrides(wish.service_overrides),
            wish.environment,
        )
        kind = self.types.get(content.type)
        self.reach.check(kind, content)
        self.reach.check_names(kind, content)
        # Outside of the transaction: it may look keys up, and takes its time.
        named = self._tried(actor.ente_id, wish.connector_id, content)

        def do(tx: Tx) -> Acted:
            key = (actor.ente_id, wish.connector_id)
            if key in self.configuration.load(tx.connection) or self.configuration.versions.all_of(tx.connection, *key):
                raise ConnectorExists
            must_be_known(tx.connection, actor.ente_id, named)
            self.configuration.versions.add(tx, actor.ente_id, wish.connector_id, content, actor.name)
            view = self.view(self.one_of(tx.connection, actor.ente_id, wish.connector_id))
            return Acted(view, target_of(wish.connector_id), after=self.shown(content))

        return Order("add_connector", actor, do, target_of(wish.connector_id))

    def change(
        self, actor: Actor, connector_id: str, patch: ConnectorPatch, matches: Matches, seen: Content | None = None
    ) -> Order:
        """Save a new version of what the newest is; it does nothing until it was tested and activated.

        `seen` is the newest as it was a moment ago: what the patch makes of it is tried outside of the transaction, in
        which everybody's writing would wait for as many connectors as there are services.
        """
        given = patch.model_dump(exclude_unset=True)
        tried, named = None, []
        if seen is not None:
            tried = self._patched(seen, given)
            kind = self.types.get(tried.type)
            self.reach.check(kind, tried, seen)
            self.reach.check_names(kind, tried, seen)
            if tried != seen:
                named = self._tried(actor.ente_id, connector_id, tried, seen)

        def do(tx: Tx) -> Acted:
            self.configuration.adopt(tx, actor.ente_id, connector_id)
            before = self.one_of(tx.connection, actor.ente_id, connector_id)
            matches(self.view(before))
            content = self._patched(before.newest.content, given)
            if content == before.newest.content:
                return Acted(self.view(before), target_of(connector_id))
            self.reach.check(self.types.get(content.type), content, before.newest.content)
            now = (actor.ente_id, connector_id, content, before.newest.content)
            must_be_known(tx.connection, actor.ente_id, named if content == tried else self._tried(*now))
            self.configuration.versions.add(tx, actor.ente_id, connector_id, content, actor.name)
            after = self.one_of(tx.connection, actor.ente_id, connector_id)
            told = self.differences(before.newest, after.newest)
            return Acted(self.view(after), target_of(connector_id), *sides(told))

        return Order("change_connector", actor, do, target_of(connector_id))

    def note_check(
        self, actor: Actor, connector_id: str, version: Version, *, reason: str | None, answer: Mapping[str, Any]
    ) -> Order:
        """Keep what a check found; `reason` is None where it passed. The order raises ConnectorVersionUnknown."""

        def do(tx: Tx) -> Acted:
            number = version.version
            now = self.one_of(tx.connection, actor.ente_id, connector_id).version(number)
            if (now.made_at, now.content) != (version.made_at, version.content):
                raise ConnectorVersionUnknown  # removed, and made anew under that name, while the provider answered
            self.configuration.versions.note_check(
                tx, actor.ente_id, connector_id, number, passed=reason is None, reason=reason
            )
            after = {"version": number, "outcome": answer["outcome"], "reason": reason}
            outcome = "ok" if reason is None else "failed"
            return Acted(answer, target_of(connector_id), after=after, outcome=outcome)

        return Order("check_connector", actor, do, target_of(connector_id))

    def activate(self, actor: Actor, connector_id: str, number: int | None, matches: Matches) -> Order:
        """Let a version hold if a check of it passed; an earlier one also if it held, and no check since has failed; or
        resume what was paused. The order raises ConnectorVersionUnknown, ConnectorUntested."""

        def do(tx: Tx) -> Acted:
            self.configuration.adopt(tx, actor.ente_id, connector_id)
            before = self.one_of(tx.connection, actor.ente_id, connector_id)
            matches(self.view(before))
            resumed = before.in_force if before.state == "paused" else None
            wanted = before.version(number or resumed or before.newest.version)
            if wanted.version == before.in_force:
                set_status(tx, actor.ente_id, connector_id, status="active")
            elif wanted.check_outcome == "passed" or _was_in_force(wanted):
                self._may_turn(tx, before, wanted)
                self.configuration.put_in_force(tx, actor.ente_id, connector_id, wanted.content, wanted.version)
            else:
                raise ConnectorUntested
            after = self.one_of(tx.connection, actor.ente_id, connector_id)
            was, now = sides(self._turned(before, wanted))
            return Acted(self.view(after), target_of(connector_id), standing(before) | was, standing(after) | now)

        return Order("activate_connector", actor, do, target_of(connector_id))

    def _turned(self, before: Known, wanted: Version) -> list[dict[str, Any]]:
        """What differs from what was in force, which need not be the version before."""
        return [] if before.in_force is None else self.differences(before.version(before.in_force), wanted)

    def _may_turn(self, tx: Tx, before: Known, wanted: Version) -> None:
        """What a sandbox had still to send would reach citizens. Raises ConnectorInUse."""
        if before.config is None or before.config.environment == wanted.content.environment:
            return
        if count := left(tx.connection, before.ente_id, before.connector_id):
            was = before.config.environment
            raise ConnectorInUse(
                bilingual(
                    f"{count} sue consegne, di {was}, non sono concluse",
                    f"{count} deliveries of it have not ended, which are of {was}",
                )
            )

    def pause(self, actor: Actor, connector_id: str, reason: str, matches: Matches) -> Order:
        """Let nothing out until it is activated again. The order raises ConnectorNotInForce."""

        def do(tx: Tx) -> Acted:
            before = self.one_of(tx.connection, actor.ente_id, connector_id)
            matches(self.view(before))
            if before.config is None:
                raise ConnectorNotInForce
            set_status(tx, actor.ente_id, connector_id, status="paused", reason=reason)
            after = self.one_of(tx.connection, actor.ente_id, connector_id)
            return Acted(self.view(after), target_of(connector_id), standing(before), standing(after))

        return Order("pause_connector", actor, do, target_of(connector_id))

    def remove(self, actor: Actor, connector_id: str, matches: Matches) -> Order:
        """Take a connector away, with every version and its secrets. The order raises ConnectorInUse."""

        def do(tx: Tx) -> Acted:
            before = self.one_of(tx.connection, actor.ente_id, connector_id)
            matches(self.view(before))
            try:
                if before.config is not None:
                    remove(tx, self.vault, actor.ente_id, connector_id)
            except StillPending as count:
                raise ConnectorInUse(
                    bilingual(f"{count} sue consegne non sono concluse", f"{count} deliveries of it have not ended")
                ) from None
            forget_versions(tx, actor.ente_id, connector_id)
            return Acted(None, target_of(connector_id), standing(before))

        return Order("remove_connector", actor, do, target_of(connector_id))

    def _patched(self, content: Content, given: Mapping[str, Any]) -> Content:
        parts = {"settings": content.settings, "limits": content.limits, "service_overrides": content.overrides}
        for name, present in parts.items():
            if name in given:
                parts[name] = merged(present, _object(given[name], name))
        environment = given.get("environment") or content.environment
        overrides = _overrides(parts["service_overrides"])
        return Content(content.type, parts["settings"], parts["limits"], overrides, environment)

    def _tried(self, ente_id: str, connector_id: str, content: Content, before: Content | None = None) -> list[Named]:
        """What settings of which a connector can be made name anew. Raises ContractViolation."""
        config = _draft(ente_id, connector_id, content)
        self._built(config).close()
        earlier = None if before is None else _draft(ente_id, connector_id, before)
        return named_anew(self.types, config, earlier)

    def _built(self, config: ConnectorConfig) -> Connector:
        try:
            return tried(self.types, config)
        except BadConfiguration as problem:
            if config.type not in self.types:
                detail = none_such("nessun tipo di connettore", "type of connector", self.types)
                raise ContractViolation(faults=(Fault("/connector_type", "field.invalid", detail),)) from None
            faults = [Fault(pointer[:500], "field.invalid", text) for pointer, text in problem.faults]
            raise ContractViolation(faults=tuple(faults[:100])) from None


def _draft(ente_id: str, connector_id: str, content: Content) -> ConnectorConfig:
    own = content.overrides
    return ConnectorConfig(
        ente_id, connector_id, content.type, "draft", 0, content.settings, content.limits, overrides=own
    )


def _was_in_force(version: Version) -> bool:
    """As what the command line set was: to go back to it, nobody has to wait for a provider that is away."""
    return version.activated_at is not None and version.check_outcome is None


def _object(value: Any, name: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _wrong(f"/{name}", "field.type", bilingual("Deve essere un oggetto JSON", "must be an object"))
    try:
        orjson.dumps(value)
    except TypeError:
        detail = bilingual("Un numero oltre i 64 bit, o troppo annidato", "a number of more than 64 bits, or too deep")
        raise _wrong(f"/{name}", "field.invalid", detail) from None
    return value


def _overrides(value: Any) -> dict[str, dict[str, Any]]:
    found = _object(value, "service_overrides")
    if len(found) > 500:
        raise _wrong(
            "/service_overrides", "field.too_long", bilingual("Servizi: al massimo 500", "at most 500 services")
        )
    for service_id, own in found.items():
        if not isinstance(own, dict):
            place = f"/service_overrides/{service_id[:64]}"
            raise _wrong(place, "field.type", bilingual("Deve essere un oggetto JSON", "must be an object"))
    return found


def _wrong(pointer: str, code: str, detail: Bilingual) -> ContractViolation:
    return ContractViolation(faults=(Fault(pointer, code, detail),))
