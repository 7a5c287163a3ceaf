"""What a system of the ente is told of the items that it follows: names alone, or the notice to the citizen as well."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, select

from contracts.connector import CALLBACK, Notice, Push
from contracts.failures import Skipped
from contracts.following import FollowedItem, ItemEvent
from contracts.items import Message
from hub.store.erasing import ERASED
from hub.store.events import event_of_ente
from hub.store.opening import opened
from hub.store.outbox import Claim
from hub.store.tables import items

from .enclosures import payment_of
from .notices import Notices
from .putting_off import PutOff

_NOBODYS = frozenset({"services"})
"""Items that are about no citizen."""


@dataclass(frozen=True, slots=True)
class Following:
    """Builds what followers are told, at the moment of the call: nothing is opened that is not to be told."""

    notices: Notices

    def notice(self, claim: Claim, settings: Mapping[str, Any]) -> Notice:
        """The event of a claimed delivery. Raises Skipped where there is nothing to tell any more, PutOff before the
        item is to be shown."""
        with self.notices.database.read() as connection:
            event = event_of_ente(connection, ente_id=claim.ente_id, number=int(claim.message_id))
            if event is None:
                raise Skipped("callback.nothing_to_tell")
            lifecycle, until = connection.execute(_standing(claim.ente_id, event)).one()
            if lifecycle == "erased":
                raise Skipped(ERASED)
            if until is not None and until > self.notices.database.now(connection):
                raise PutOff("item.embargoed", until)
            told = self._event(claim, event)
            wanted = settings.get("payload") == "notice" and event["collection"] not in _NOBODYS
            if wanted and lifecycle == "active":
                return self._opened(connection, claim, event, told)
            return told

    def _event(self, claim: Claim, event: Mapping[str, Any]) -> Notice:
        said = ItemEvent(
            type=f"item.{event['event']}",
            timestamp=event["at"],
            data=FollowedItem(
                ente_id=claim.ente_id,
                event_id=event["event_id"],
                item_id=event["item_id"],
                collection=event["collection"],
                vendor_id=event["vendor_id"],
                source=event["source"],
                external_id=event["external_id"],
                detail=event["data"],
            ),
        )
        return Notice(
            delivery_id=claim.delivery_id,
            ente_name=self.notices.registry().ente(claim.ente_id).name,
            kind=CALLBACK,
            language="it",
            created_at=claim.created_at,
            deep_link="",
            tax_code="",
            email=None,
            title="",
            body_markdown="",
            push=Push(event["event_id"], said.model_dump_json().encode()),
        )

    def _opened(self, connection: Connection, claim: Claim, event: Mapping[str, Any], told: Notice) -> Notice:
        """The same with whom the item concerns, and what it says in its newest version."""
        tax_code, citizen = self.notices.whose(connection, claim.ente_id, event["citizen_id"])
        row, item = opened(connection, self.notices.vault, citizen, event["item_id"])
        ente = self.notices.registry().ente(claim.ente_id)
        return replace(
            told,
            kind=item.kind if isinstance(item, Message) else event["collection"],
            language=item.language,
            deep_link=f"{ente.portal_url}/items/{event['item_id']}",
            tax_code=tax_code,
            title=item.title,
            body_markdown=item.body_markdown if isinstance(item, Message) else item.summary or "",
            sensitive=row["sensitivity"] == "sensitive",
            due_at=row["due_at"],
            payment=payment_of(item, row),
        )


def _standing(ente_id: str, event: Mapping[str, Any]) -> Any:
    its = items.c
    mine = (its.ente_id == ente_id) & (its.citizen_id == event["citizen_id"]) & (its.item_id == event["item_id"])
    return select(its.lifecycle, its.visible_from).where(mine)
