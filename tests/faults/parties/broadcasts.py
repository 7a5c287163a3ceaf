"""An administrator who writes to all subscribers of a service, again and again."""

from collections.abc import Mapping
from typing import Any

from contracts.broadcasts import Broadcast, BroadcastText
from contracts.identifiers import new_uuid7
from hub.store.broadcasts import Begun, begin

from ...flows.making import make_subscription
from ...harness import ENTE, HubUnderTest
from .party import Party, Wish, accepted, person, recipient

TITLE = "Chiusura"
_SERVICE = "nido-2026"
_SUBSCRIBERS = 5
_PER_SECOND = 2
"""So that a broadcast is written in several portions."""
_RUNNING = "SELECT count(*) AS n FROM broadcasts WHERE state = 'running'"


class Broadcasts(Party):
    name = "broadcasts"

    def __init__(self, ground: Any) -> None:
        super().__init__(ground)
        self._people = [person() for _ in range(_SUBSCRIBERS)]

    def prepare(self, hub: HubUnderTest) -> None:
        for one in self._people:
            own = {"subscription_service": _SERVICE, "recipient": recipient(one)}
            accepted(hub.publish("subscriptions", make_subscription(f"nido-{one['tax_code'].lower()[:6]}", **own)))
            self.ledger.append(event="subscribed", **one)

    def wish(self, name: str) -> Wish:
        return {"broadcast_id": new_uuid7()}

    def ask(self, hub: HubUnderTest, name: str, wish: Wish) -> Mapping[str, Any]:
        text = BroadcastText(title=f"{TITLE} {name}", body=f"Chiuso lunedì: {name}.")
        content = Broadcast(code=_SERVICE, it=text, per_second=_PER_SECOND)
        home = self.ground.home
        try:
            with home.database.write() as tx:
                begin(tx, home.vault, Begun(ENTE, wish["broadcast_id"], content), len(self._people))
        finally:
            home.database.close()
        return {}

    def is_over(self) -> bool:
        return self.ground.count(_RUNNING) == 0

    def found(self, hub: HubUnderTest) -> list[dict[str, Any]]:
        """Every message of a broadcast that a subscriber reads."""
        shown = []
        for one in self._people:
            path = "/messages?limit=100"
            while path:
                page = hub.read(path, one["tax_code"]).raise_for_status().json()
                shown += [
                    {"tax_code": one["tax_code"], "title": each["title"], "item_id": each["item_id"]}
                    for each in page["items"]
                    if each["title"].startswith(TITLE)
                ]
                path = f"/messages?limit=100&cursor={page['next_cursor']}" if page["next_cursor"] else ""
        return shown
