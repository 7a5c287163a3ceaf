"""kill -9 while a provider is told later of what it was given: SEND that a notice of its notification was paid, GPD
that a payment was withdrawn. Whoever dies at whatever step, it is told, and once.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from connectors import registry as connectors
from contracts.items import SEND
from contracts.positions import PAGOPA
from contracts.settling import SETTLED
from hub.store.tables import deliveries
from tests.flows.making import fresh, notice_number, published, rows

from ..harness import HubUnderTest, eventually, make_payment, running_hub
from .files import Lines
from .ground import FAST
from .hub_process import serve
from .lives import Life
from .part import Part
from .trades import CITIZENS, NOTIFICATIONS, POSITIONS, Trade

_STEPS = ("before_commit", "after_commit", "claimed", "before_settle", "settled")
_LEASE_S = 1.0


@dataclass(frozen=True)
class Later:
    """A hub that is to tell something, in as many lives as a test wants; its provider lives on."""

    hub: HubUnderTest
    served: Part
    cause: Callable[[HubUnderTest], httpx.Response]
    """What the vendor does that is to be told."""
    item_id: str
    channel: str
    account: Callable[[], list[str]]
    """What the provider was told, by its own ledger."""
    once: list[str]

    def dies(self, step: str, bug: str = "") -> None:
        """The vendor asks for it in a life that ends at that step of it."""
        with self._alive(Life(step, bug=bug, lease_s=_LEASE_S)) as hub:
            with suppress(httpx.TransportError):
                self.cause(hub)
            eventually(lambda: not self.served.alive, bool, within_s=60)

    def told(self, bug: str = "") -> list[str]:
        """The vendor, who may have had no answer, asks again; what the provider was told once all is over."""
        with self._alive(Life(bug=bug, lease_s=_LEASE_S)) as hub:
            answer = self.cause(hub)
            assert answer.is_success or answer.json()["code"] == "item.withdrawn", answer.text
            eventually(self._pending, lambda left: not left, within_s=60)
        return self.account()

    def _pending(self) -> list[str]:
        states = [row["state"] for row in rows(self.hub, deliveries, message_id=self.item_id, channel=self.channel)]
        return [state for state in states if state != "delivered"]

    @contextmanager
    def _alive(self, life: Life) -> Iterator[HubUnderTest]:
        self.served.start(life)
        url = f"http://127.0.0.1:{self.served.place.ready.read_text()}"
        try:
            with httpx.Client(base_url=url, timeout=30) as client:
                yield replace(self.hub, url=url, client=client, hub=None)
        finally:
            self.served.stop()


@contextmanager
def _provided(
    folder: Path, trade: Trade, kind: str, begin: Callable[[HubUnderTest], str]
) -> Iterator[tuple[HubUnderTest, str]]:
    """What `begin` makes of a hub in its first life, whose provider outlives it."""
    provider = connectors.simulate(kind, folder / kind)
    try:
        given = trade.tuned({kind: (kind, dict(provider.start()))})
        with running_hub(folder / "home", connectors=given, limits=FAST) as hub:
            trade.prepare(hub)
            begun = begin(hub)
        yield hub, begun
    finally:
        provider.stop()


def _is_delivered(hub: HubUnderTest, item_id: str, channel: str) -> None:
    def states() -> list[str]:
        return [row["state"] for row in rows(hub, deliveries, message_id=item_id, channel=channel)]

    eventually(states, lambda found: found == ["delivered"], within_s=60)


@contextmanager
def _notified(folder: Path) -> Iterator[Later]:
    """SEND has a notification that asks for a payment, which is then made."""
    bill = make_payment(
        fresh(), recipient={"tax_code": CITIZENS[0]}, notice_number=notice_number(), notify={"channels": []}
    )

    def begin(hub: HubUnderTest) -> str:
        item_id = published(hub, "payments", bill)
        message = NOTIFICATIONS.make(str(uuid4()), 0)
        message["links"].append({"rel": "payment", "external_id": bill["external_id"]})
        _is_delivered(hub, published(hub, "messages", message), SEND)
        return item_id

    def paid(hub: HubUnderTest) -> httpx.Response:
        return hub.publish("payments", bill | {"version": 2, "state": "paid"})

    def account() -> list[str]:
        newest = Lines(folder / "send" / "send.jsonl").read()[-1]
        return [each["noticeCode"] for each in newest.get("paid", ())]

    with _provided(folder, NOTIFICATIONS, "send", begin) as (hub, item_id):
        served = Part(folder, "embedded", serve, hub.home.folder)
        yield Later(hub, served, paid, item_id, SETTLED, account, [bill["notice_number"]])


@contextmanager
def _registered(folder: Path) -> Iterator[Later]:
    """GPD has a position, whose payment is then withdrawn."""

    def begin(hub: HubUnderTest) -> str:
        item_id = published(hub, "payments", POSITIONS.make(fresh(), 0))
        _is_delivered(hub, item_id, PAGOPA)
        return item_id

    def withdrawn(hub: HubUnderTest) -> httpx.Response:
        return hub.withdraw(item_id)

    def account() -> list[str]:
        return [line["act"] for line in Lines(folder / "pagopa" / "pagopa.jsonl").read()]

    with _provided(folder, POSITIONS, "pagopa", begin) as (hub, item_id):
        served = Part(folder, "embedded", serve, hub.home.folder)
        yield Later(hub, served, withdrawn, item_id, PAGOPA, account, ["create", "invalidate"])


_LATER = {"send": _notified, "pagopa": _registered}


@pytest.fixture(params=_LATER)
def later(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Later]:
    with _LATER[request.param](tmp_path) as begun:
        yield begun


@pytest.mark.parametrize("step", _STEPS)
def test_killed_at_a_step_a_provider_is_told_once(later: Later, step: str) -> None:
    later.dies(step)
    assert later.told() == later.once


def test_a_bug_that_forgets_to_tell_shows(later: Later) -> None:
    assert later.told("tell_nobody_later") != later.once


def test_a_bug_that_tells_blindly_shows(tmp_path: Path) -> None:
    with _notified(tmp_path) as later:
        later.dies("before_settle", "tell_blindly")
        assert later.told("tell_blindly") == later.once * 2
