"""Somebody who deals with the hub, and keeps account: what was asked is on the disk before it leaves, what was answered
before anything else is done with it. What had no answer is asked again until it has one.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

import httpx
import psycopg

from hub.errors import StoreUnavailable
from hub.store.faults import IN_TROUBLE

from ...flows.making import new_person
from ...harness import HubUnderTest
from ..files import Lines

if TYPE_CHECKING:
    from ..ground import Ground

Wish = dict[str, Any]


class NotYet(Exception):
    """There was no good answer: it is to be asked again."""


class Party(ABC):
    """`ledger` is its account: `asked`, `told`, `put_off`, and what else it does."""

    name: ClassVar[str]

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.ledger = Lines(ground.folder / f"of-{self.name}.jsonl")
        self._waiting: dict[str, Wish] = {}
        self._turn = threading.Lock()

    def prepare(self, hub: HubUnderTest) -> None:  # noqa: B027 - most need nothing
        """What has to be there before the first wish."""

    def one(self, hub: HubUnderTest) -> None:
        """Its next wish, once."""
        with self._turn:
            name = str(uuid4())
            self._waiting[name] = wish = self.wish(name)
            self.ledger.append(event="asked", at=time.time(), name=name, **wish)
            self._try(hub, name, wish)

    def ask_again(self, hub: HubUnderTest, *, within_s: float = 30) -> None:
        """What had no good answer, in turn; given up when there was none for so long."""
        deadline = time.monotonic() + within_s
        with self._turn:
            while self._waiting and time.monotonic() < deadline:
                for name, wish in list(self._waiting.items()):
                    if self._try(hub, name, wish):
                        deadline = time.monotonic() + within_s
                if self._waiting:
                    time.sleep(0.2)

    def _try(self, hub: HubUnderTest, name: str, wish: Wish) -> bool:
        try:
            told = self.ask(hub, name, wish)
        except (NotYet, httpx.TransportError, StoreUnavailable, psycopg.OperationalError, *IN_TROUBLE) as error:
            self.ledger.append(event="put_off", at=time.time(), name=name, error=type(error).__name__)
            return False
        self.ledger.append(event="told", at=time.time(), name=name, **told)
        del self._waiting[name]
        return True

    @abstractmethod
    def wish(self, name: str) -> Wish:
        """The next one, as it is noted down."""

    @abstractmethod
    def ask(self, hub: HubUnderTest, name: str, wish: Wish) -> Mapping[str, Any]:
        """Ask for it, whether or not it was asked for before; what was answered. Raises NotYet."""

    def is_over(self) -> bool:
        """Whether the hub has done what it does by itself, deliveries apart."""
        return True

    @abstractmethod
    def found(self, hub: HubUnderTest) -> list[dict[str, Any]]:
        """What the hub has of its wishes, by the feed and by its rows, once all is over."""


def person() -> Wish:
    """Somebody new, with an address of his own."""
    tax_code = new_person()
    return {"tax_code": tax_code, "email": f"{tax_code.lower()}@famiglia.example"}


def recipient(wish: Wish) -> dict[str, str]:
    return {"tax_code": wish["tax_code"], "email": wish["email"]}


def accepted(answer: httpx.Response) -> Mapping[str, Any]:
    """What a good answer says. Raises NotYet where it is to be asked again, AssertionError where it never will do."""
    if answer.status_code >= 500 or answer.status_code == 429:
        raise NotYet
    assert answer.is_success, answer.text
    said: Mapping[str, Any] = answer.json()
    return said
