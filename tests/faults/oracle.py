"""What must hold after any crash, judged from what stands outside the hub: accounts of vendor and providers, the feed
as a portal reads it, the rows on the disk, the logs. Pure: evidence in, violations out.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

_TAX_CODE = re.compile(r"[A-Z]{6}\d{2}[A-Z]\d{2}[A-Z]\d{3}[A-Z]", re.IGNORECASE)
# What `hub.telemetry` blots out had reached the log all the same.
_BLOTS = ("[tax code]", "[token]", "eyJ")
CHANNELS = ("io", "email")


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


@dataclass
class Evidence:
    ledger: list[dict[str, Any]]
    shown: list[Shown]
    told: list[Told]
    deliveries: list[dict[str, Any]]
    attempts: Counter[str]
    """Attempt rows by delivery."""
    marked: set[str]
    """Deliveries with the mark "about to send" at a moment of death."""
    logs: str
    chain: list[str]
    integrity: list[str]
    names: dict[str, str] = field(default_factory=dict)
    """Delivery -> the message it belongs to."""


class Violation(NamedTuple):
    invariant: str
    text: str


def violations(seen: Evidence) -> list[Violation]:
    """Everything that does not hold; empty when nothing was lost, doubled, made up or told to the wrong ear."""
    return [
        *_nothing_lost(seen),
        *_nothing_stuck(seen),
        *_told_as_recorded(seen),
        *_never_twice(seen),
        *_doubt_has_a_mark(seen),
        *_refused_means_refused(seen),
        *[Violation("I7", text) for text in seen.chain],
        *_quiet_logs(seen),
        *_tokens_once(seen),
        *[Violation("I0", text) for text in seen.integrity],
    ]


def _nothing_lost(seen: Evidence) -> Iterator[Violation]:
    """I1: what was acknowledged is in the feed once, as it was said; and nothing is there that was not said."""
    sent = {line["name"]: line for line in seen.ledger if line["event"] == "sent"}
    acked = {line["name"]: line["item_id"] for line in seen.ledger if line["event"] == "acked"}
    by_name = defaultdict(list)
    for item in seen.shown:
        by_name[item.name].append(item)
    for name, item_id in acked.items():
        found = by_name[name]
        if len(found) != 1:
            yield Violation("I1", f"{name} was acknowledged and is in the feed {len(found)} times")
        elif found[0].item_id != item_id:
            yield Violation("I1", f"{name} is {found[0].item_id}, the last answer said {item_id}")
    for name, found in by_name.items():
        if name not in sent:
            yield Violation("I1", f"{name} is in the feed and was never sent")
        elif any(item.sha256 != sent[name]["sha256"] for item in found):
            yield Violation("I1", f"{name} is not what was sent")


def _nothing_stuck(seen: Evidence) -> Iterator[Violation]:
    """I2: every message has its deliveries, each one over (these providers answer, so none is given up)."""
    channels = defaultdict(list)
    for row in seen.deliveries:
        channels[seen.names[row["delivery_id"]]].append(row["channel"])
        if row["state"] not in ("delivered", "unconfirmed") or row["claim_id"] is not None:
            yield Violation("I2", f"{row['delivery_id']} stands as {row['state']} {row['reason']}")
    for item in seen.shown:
        if sorted(channels[item.name]) != sorted(CHANNELS):
            yield Violation("I2", f"{item.name} has deliveries for {channels[item.name]}")


def _told_as_recorded(seen: Evidence) -> Iterator[Violation]:
    """I3: delivered means that the provider has that very message; what a provider has, an attempt was made of."""
    told = {(one.channel, one.provider_id): one.name for one in seen.told}
    made = {(seen.names[row["delivery_id"]], row["channel"]): row["delivery_id"] for row in seen.deliveries}
    for row in seen.deliveries:
        name = seen.names[row["delivery_id"]]
        if row["state"] == "delivered" and told.get((row["channel"], row["provider_id"])) != name:
            yield Violation("I3", f"{row['delivery_id']} is delivered; {row['provider_id']} is not that message")
    for one in seen.told:
        delivery_id = made.get((one.name, one.channel))
        if delivery_id is None or seen.attempts[delivery_id] == 0:
            yield Violation("I3", f"{one.channel} has {one.name}, of which there is no attempt")


def _never_twice(seen: Evidence) -> Iterator[Violation]:
    """I4: App IO never has a message twice; a copy of an e-mail bears the same Message-ID."""
    by_message = defaultdict(list)
    for one in seen.told:
        by_message[one.channel, one.name].append(one.provider_id)
    for (channel, name), ids in by_message.items():
        if channel == "io" and len(ids) > 1:
            yield Violation("I4", f"App IO has {name} {len(ids)} times")
        if channel == "email" and len(set(ids)) > 1:
            yield Violation("I4", f"{name} went out under {len(set(ids))} Message-IDs")


def _doubt_has_a_mark(seen: Evidence) -> Iterator[Violation]:
    """I4: `unconfirmed` only where bytes may have left."""
    for row in seen.deliveries:
        if row["state"] == "unconfirmed" and row["delivery_id"] not in seen.marked:
            yield Violation("I4", f"{row['delivery_id']} is unconfirmed and was not being sent")


def _refused_means_refused(seen: Evidence) -> Iterator[Violation]:
    """I5: what is wrong is refused, what is refused shows nowhere."""
    wrong = {line["name"] for line in seen.ledger if line["event"] == "sent" and line["wrong"]}
    acked = {line["name"] for line in seen.ledger if line["event"] == "acked"}
    refused = {line["name"] for line in seen.ledger if line["event"] == "refused"}
    shown = {item.name for item in seen.shown} | {one.name for one in seen.told}
    for name in wrong & acked:
        yield Violation("I5", f"{name} is wrong and was accepted")
    for name in (wrong | (refused - acked)) & shown:
        yield Violation("I5", f"{name} was refused and shows")
    for name in refused - wrong:
        yield Violation("I5", f"{name} is right and was refused")


def _quiet_logs(seen: Evidence) -> Iterator[Violation]:
    """I9: no tax code and no token in the logs."""
    if _TAX_CODE.search(seen.logs):
        yield Violation("I9", "a tax code is in the logs")
    for blot in _BLOTS:
        if blot in seen.logs:
            yield Violation("I9", f"{blot} is in the logs")


def _tokens_once(seen: Evidence) -> Iterator[Violation]:
    """I10: a request that was accepted is never accepted again, a crash in between or not."""
    for line in seen.ledger:
        if line["event"] == "replayed" and line["status"] != 409:
            yield Violation("I10", f"the tokens of {line['name']} were used twice: {line['status']}")
