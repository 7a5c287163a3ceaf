"""Ranked lists as administrators freeze, publish, correct and withdraw them (S45-S47)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from contracts.base import rfc3339
from contracts.faults import Bilingual, bilingual
from hub.errors import ContractViolation, Fault
from hub.ingest.ranking import LISTED, TooMany, ranked
from hub.ingest.subscribers import subscribers
from hub.ingest.wording import end_of
from hub.reading_errors import RankedListUnknown
from hub.store.database import Database, Tx
from hub.store.directory import NotThere
from hub.store.ports import Vault
from hub.store.ranked_lists import (
    Frozen,
    NotSo,
    correct_list,
    draft_list,
    entries_of,
    list_lists,
    new_list_id,
    publish_list,
    show_list,
    withdraw_list,
)

from .acting import Acted, Actor, Order
from .errors import RankedListElsewhere, RankedListRefused
from .subscription_services import service_of
from .vendors import changed_parts

_SHOWN = ("list_id", "code", "title", "state")
_INSTANTS = ("frozen_at", "published_at", "until", "withdrawn_at")


@dataclass(frozen=True, slots=True)
class RankedListDesk:
    """The ranked lists of all enti; each reading and each order is of one."""

    database: Database
    vault: Vault

    def draft(self, actor: Actor, code: str, title: str) -> Order:
        """Freeze the list as the subscriptions stand now. Raises SubscriptionServiceUnknown, RankedListRefused."""
        list_id = new_list_id()
        frozen = self._frozen(actor.ente_id, code, title, list_id)

        def do(tx: Tx) -> Acted:
            draft_list(tx, self.vault, list_id, frozen)
            view = self.one_of(tx.connection, actor.ente_id, list_id)
            return Acted(view, target_of(list_id), after=_told(view))

        return Order("draft_ranked_list", actor, do, "ranked-lists")

    def publish(self, actor: Actor, list_id: str, until: date) -> Order:
        """Let anybody read a draft, until the end of a day. Raises ContractViolation for a day that is over; the order
        RankedListUnknown, RankedListRefused, RankedListElsewhere."""
        try:
            end = end_of(until)
        except OverflowError:
            end = None
        with self.database.read() as connection:
            if end is None or not self.database.now(connection) < end:
                raise ContractViolation(
                    faults=(Fault("/until", "field.invalid", bilingual("Quel giorno è passato", "that day is over")),)
                )

        def publish(tx: Tx) -> None:
            row = self._row(tx.connection, actor.ente_id, list_id)
            if not service_of(tx.connection, actor.ente_id, row["code"]).list_policy.published:
                raise RankedListRefused(_unpublished(row["code"]))
            publish_list(tx, list_id, end)

        return self._changed("publish_ranked_list", actor, list_id, publish)

    def correct(self, actor: Actor, list_id: str, reason: str) -> Order:
        """Freeze a published list anew, with a line in its public log; pseudonyms stay. Raises RankedListUnknown,
        RankedListRefused; the order RankedListElsewhere."""
        with self.database.read() as connection:
            row = self._row(connection, actor.ente_id, list_id)
        frozen = self._frozen(actor.ente_id, row["code"], row["title"], list_id)
        return self._changed(
            "correct_ranked_list", actor, list_id, lambda tx: correct_list(tx, self.vault, list_id, frozen, reason)
        )

    def withdraw(self, actor: Actor, list_id: str) -> Order:
        """Take a list back for good: its entries are deleted. The order raises RankedListUnknown,
        RankedListElsewhere."""
        return self._changed("withdraw_ranked_list", actor, list_id, lambda tx: withdraw_list(tx, list_id))

    def all_of(self, connection: Connection, ente_id: str) -> list[tuple[str, dict[str, Any]]]:
        """contracts.outreach_administration.RankedListView of each, by id: the oldest first."""
        return sorted((row["list_id"], _view(row, row["entries"])) for row in list_lists(connection, ente_id))

    def one_of(self, connection: Connection, ente_id: str, list_id: str) -> dict[str, Any]:
        """The same of one, with its entries. Raises RankedListUnknown."""
        row, entries = self._row(connection, ente_id, list_id), entries_of(connection, ente_id, list_id)
        return _view(row, len(entries)) | {"corrections": row["corrections"], "entries": entries}

    def _row(self, connection: Connection, ente_id: str, list_id: str) -> dict[str, Any]:
        try:
            row = show_list(connection, list_id)
        except NotThere:
            raise RankedListUnknown from None
        if row["ente_id"] != ente_id:
            raise RankedListUnknown
        return row

    def _changed(self, operation: str, actor: Actor, list_id: str, change: Callable[[Tx], Any]) -> Order:
        target = target_of(list_id)

        def do(tx: Tx) -> Acted:
            before = self.one_of(tx.connection, actor.ente_id, list_id)
            try:
                change(tx)
            except NotSo as state:
                raise RankedListElsewhere(bilingual(f"La graduatoria è {state}", f"the list is {state}")) from None
            after = self.one_of(tx.connection, actor.ente_id, list_id)
            return Acted(after, target, *changed_parts(_told(before), _told(after)))

        return Order(operation, actor, do, target)

    def _frozen(self, ente_id: str, code: str, title: str, list_id: str) -> Frozen:
        """Raises SubscriptionServiceUnknown; RankedListRefused where the service's policy, or the number of its
        subscribers, allows no list."""
        with self.database.read() as connection:
            service = service_of(connection, ente_id, code)
            now: datetime = self.database.now(connection)
        policy, smallest = service.list_policy, service.statistics.smallest
        if not policy.published:
            raise RankedListRefused(_unpublished(code))
        if not policy.anonymise:
            raise RankedListRefused(
                bilingual(
                    f"{code} vuole nomi nella graduatoria: l'hub non ne ha, e pubblica pseudonimi (--anonymise)",
                    f"{code} wants names in its list: the hub has none, and publishes pseudonyms (--anonymise)",
                )
            )
        if not policy.order_keys:
            raise RankedListRefused(
                bilingual(
                    f"{code} non dice come si ordina la graduatoria (subscription-service set --order-keys)",
                    f"{code} does not say what orders its list (subscription-service set --order-keys)",
                )
            )
        found = subscribers(self.database, self.vault, ente_id, code, LISTED, now)
        try:
            entries = ranked(found, policy.order_keys, self.vault, list_id)
        except TooMany:
            raise RankedListRefused(
                bilingual(
                    f"Gli iscritti a {code} sono più di quanti ne contiene una graduatoria",
                    f"more are subscribed to {code} than a list holds",
                )
            ) from None
        if len(entries) < smallest:
            raise RankedListRefused(
                bilingual(
                    f"Gli iscritti a {code} sono meno di {smallest}: chi ne conosce uno saprebbe di chi è il posto",
                    f"fewer than {smallest} are subscribed to {code}: whoever knows one would know whose place it is",
                )
            )
        return Frozen(ente_id, code, title, policy.order_keys, entries)


def target_of(list_id: str) -> str:
    """What stands in the record for the list."""
    return f"ranked-lists/{list_id}"


def _unpublished(code: str) -> Bilingual:
    return bilingual(
        f"Le graduatorie di {code} non si pubblicano (subscription-service set --list)",
        f"the lists of {code} are not to be published (subscription-service set --list)",
    )


def _view(row: dict[str, Any], size: int) -> dict[str, Any]:
    instants = {name: None if row[name] is None else rfc3339(row[name]) for name in _INSTANTS}
    return {name: row[name] for name in _SHOWN} | {"size": size} | instants


def _told(view: dict[str, Any]) -> dict[str, Any]:
    """For the record: a title may stand there, entries need not."""
    return {name: value for name, value in view.items() if name not in ("list_id", "entries")}
