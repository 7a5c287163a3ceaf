"""What is known after a fault test, from outside the hub: the oracle judges it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple


@dataclass(frozen=True)
class Shown:
    """An item of the feed."""

    item_id: str
    name: str
    sha256: str


@dataclass(frozen=True)
class Told:
    """A message that a provider accepted."""

    channel: str
    provider_id: str
    name: str
    """The message that the text names."""
    number: int | None
    """The number in its title."""
    to: str
    title: str = ""
    """What App IO has for its subject, up to a colon."""


@dataclass(frozen=True)
class Account:
    """What a party (`parties`) noted, and what the hub and its provider have of it."""

    said: list[dict[str, Any]]
    found: list[dict[str, Any]]

    def of(self, event: str) -> list[dict[str, Any]]:
        """Its own lines of that kind, in order."""
        return [line for line in self.said if line["event"] == event]

    def what(self, kind: str) -> list[dict[str, Any]]:
        """What was found of that kind."""
        return [each for each in self.found if each["what"] == kind]


@dataclass
class Evidence:
    ledger: list[dict[str, Any]]
    shown: list[Shown]
    told: list[Told]
    deliveries: list[dict[str, Any]]
    attempts: Counter[str]
    """Attempt rows by delivery."""
    marked: set[str]
    """Deliveries that ever bore the mark "about to send"."""
    logs: str
    chain: list[str]
    integrity: list[str]
    names: dict[str, str]
    """Delivery -> the message it belongs to."""
    doubts: Counter[str]
    """Attempts whose end nobody knows (lost, late, unconfirmed, never closed), by delivery."""
    inbound: Counter[str]
    """Rows of the evidence that made an item, by the hash of the body that was signed."""
    changes: list[tuple[str, str, str]]
    """Every change of a delivery's state, in order: delivery, from, to."""
    secrets: list[str]
    """What must be in no log beside tax codes and tokens."""
    ends: frozenset[str]
    """The ends that this run's providers can bring about."""
    ordered: bool
    """Its connectors promise the order."""
    channels: Mapping[str, str]
    """By which every message leaves, each with the member of the vendor's line that says to whom."""
    settles_later: bool
    """A provider's later word decides what nobody knew."""
    drain_s: float
    """From the last repair until nothing was pending."""
    pending: int
    """What was pending all the same: for `drain_within_s` nothing of it had gone away."""
    drain_within_s: float
    accounts: Mapping[str, Account]
    """Of the parties, by name."""
    beside: list[dict[str, Any]]
    """The deliveries to those with whom the parties have to do."""
    told_beside: list[Told]
    """What the providers have for them."""


class Violation(NamedTuple):
    invariant: str
    text: str
