"""What must hold after any crash, judged from what stands outside the hub: accounts of vendor and providers, the feed
as a portal reads it, the rows on the disk, the logs. Pure: evidence in, violations out.
"""

import re
from collections import defaultdict
from collections.abc import Iterator

from .evidence import Evidence, Violation
from .oracle_of_parties import RULES as OF_PARTIES

_TAX_CODE = re.compile(r"[A-Z]{6}\d{2}[A-Z]\d{2}[A-Z]\d{3}[A-Z]", re.IGNORECASE)
# What `hub.telemetry` blots out had reached the log all the same.
_BLOTS = ("[tax code]", "[token]", "eyJ")
ENDS = frozenset({"delivered", "rejected", "skipped", "unconfirmed", "expired", "parked", "closed"})
MAX_CLAIMS = 5
"""As `hub.store.sweeping` has it: after so many claims without a result a delivery is parked."""


def violations(seen: Evidence) -> list[Violation]:
    """Everything that does not hold; empty when nothing was lost, doubled, made up or told to the wrong ear."""
    return [found for rule in RULES for found in rule(seen)]


def acknowledged_means_shown(seen: Evidence) -> Iterator[Violation]:
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


def acknowledged_means_proven(seen: Evidence) -> Iterator[Violation]:
    """I1: of what was acknowledged there is one row of evidence that it was taken in, over the very bytes."""
    acked = {line["name"] for line in seen.ledger if line["event"] == "acked"}
    for line in seen.ledger:
        if line["event"] == "sent" and line["name"] in acked and seen.inbound[line["body_sha256"]] != 1:
            yield Violation("I1", f"{line['name']} was acknowledged with {seen.inbound[line['body_sha256']]} rows")


def nothing_stuck(seen: Evidence) -> Iterator[Violation]:
    """I2: every message has its deliveries, each one over in one of the ways that this run's providers allow."""
    channels = defaultdict(list)
    for row in seen.deliveries:
        delivery = row["delivery_id"]
        channels[seen.names[delivery]].append(row["channel"])
        poison = row["state"] == "parked" and seen.doubts[delivery] >= MAX_CLAIMS
        if row["claim_id"] is not None or not (row["state"] in seen.ends or poison):
            yield Violation("I2", f"{delivery} stands as {row['state']} {row['reason']}")
    for item in seen.shown:
        if sorted(channels[item.name]) != sorted(seen.channels):
            yield Violation("I2", f"{item.name} has deliveries for {channels[item.name]}")


def an_end_is_the_end(seen: Evidence) -> Iterator[Violation]:
    """I2: one end for each delivery; who comes late changes nothing."""
    for delivery, before, after in seen.changes:
        heard = seen.settles_later and (before, after) == ("unconfirmed", "delivered")
        if before in ENDS and after != before and not heard:
            yield Violation("I2", f"{delivery} was {before} and became {after}")


def told_as_recorded(seen: Evidence) -> Iterator[Violation]:
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


def told_to_the_right_ear(seen: Evidence) -> Iterator[Violation]:
    """I3: title, text and addressee at the provider are those of one message that was sent."""
    sent = {line["name"]: line for line in seen.ledger if line["event"] == "sent"}
    for one in seen.told:
        line = sent.get(one.name)
        if line is None:
            yield Violation("I3", f"{one.channel} has {one.provider_id}, which nobody sent")
        elif one.number != line["number"] or one.to != line[seen.channels[one.channel]]:
            yield Violation("I3", f"{one.channel} has {one.name} under another title or for somebody else")


def never_twice(seen: Evidence) -> Iterator[Violation]:
    """I4: no provider has a message twice, but for copies of an e-mail: they bear the same Message-ID, and attempts
    without a known end explain them."""
    deliveries = {(row["channel"], seen.names[row["delivery_id"]]): row["delivery_id"] for row in seen.deliveries}
    by_message = defaultdict(list)
    for one in seen.told:
        by_message[one.channel, one.name].append(one.provider_id)
    for (channel, name), ids in by_message.items():
        if channel != "email" and len(ids) > 1:
            yield Violation("I4", f"{channel} has {name} {len(ids)} times")
        if channel == "email" and len(set(ids)) > 1:
            yield Violation("I4", f"{name} went out under {len(set(ids))} Message-IDs")
        doubts = seen.doubts[deliveries.get((channel, name), "")]
        if channel == "email" and len(ids) - 1 > doubts:
            yield Violation("I4", f"{name} went out {len(ids)} times with {doubts} attempts in doubt")


def doubt_has_a_mark(seen: Evidence) -> Iterator[Violation]:
    """I4: `unconfirmed` only where bytes may have left."""
    for row in (*seen.deliveries, *seen.beside):
        if row["state"] == "unconfirmed" and row["delivery_id"] not in seen.marked:
            yield Violation("I4", f"{row['delivery_id']} is unconfirmed and was not being sent")


def refused_means_refused(seen: Evidence) -> Iterator[Violation]:
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


def order_kept(seen: Evidence) -> Iterator[Violation]:
    """I6: where order is promised, what was acknowledged before another was even sent reaches the citizen first."""
    if not seen.ordered:
        return
    acked_at = {line["name"]: at for at, line in reversed([*enumerate(seen.ledger)]) if line["event"] == "acked"}
    sent_at = {line["name"]: at for at, line in enumerate(seen.ledger) if line["event"] == "sent"}
    citizen = {line["name"]: line["tax_code"] for line in seen.ledger if line["event"] == "sent"}
    first: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for place, one in enumerate(seen.told):
        first[one.channel, citizen.get(one.name, "")].setdefault(one.name, place)
    for (channel, _), places in first.items():
        told = sorted(places, key=places.__getitem__)
        for earlier, later in ((a, b) for n, a in enumerate(told) for b in told[n + 1 :]):
            if acked_at.get(later, len(seen.ledger)) < sent_at.get(earlier, -1):
                yield Violation("I6", f"{channel} had {earlier} before {later}, which was there first")


def chain_holds(seen: Evidence) -> Iterator[Violation]:
    """I7: the chain of evidence and audit verifies, up to its last anchor."""
    for text in seen.chain:
        yield Violation("I7", text)


def drained_in_time(seen: Evidence) -> Iterator[Violation]:
    """I8: once everything is repaired, what had gathered goes away, and never stands still for longer than allowed."""
    if seen.pending:
        text = (
            f"after {seen.drain_s:.1f} s {seen.pending} were pending, and none had gone for {seen.drain_within_s:.0f} s"
        )
        yield Violation("I8", text)


def taken_in_after_repair(seen: Evidence) -> Iterator[Violation]:
    """I8: whoever came again after the repair was taken in."""
    answered = {line["name"] for line in seen.ledger if line["event"] in ("acked", "refused")}
    for line in seen.ledger:
        if line["event"] == "sent" and not line["wrong"] and line["name"] not in answered:
            yield Violation("I8", f"{line['name']} is right and was not taken in")


def quiet_logs(seen: Evidence) -> Iterator[Violation]:
    """I9: no tax code, no token and no secret in the logs."""
    if _TAX_CODE.search(seen.logs):
        yield Violation("I9", "a tax code is in the logs")
    for blot in _BLOTS:
        if blot in seen.logs:
            yield Violation("I9", f"{blot} is in the logs")
    for number, secret in enumerate(seen.secrets):
        if secret in seen.logs:
            yield Violation("I9", f"secret {number} is in the logs")


def tokens_once(seen: Evidence) -> Iterator[Violation]:
    """I10: a request that was accepted is never accepted again, a crash in between or not."""
    for line in seen.ledger:
        if line["event"] == "replayed" and line["status"] != 409:
            yield Violation("I10", f"the tokens of {line['name']} were used twice: {line['status']}")


def database_whole(seen: Evidence) -> Iterator[Violation]:
    """I0: the database itself finds no fault with its files."""
    for text in seen.integrity:
        yield Violation("I0", text)


RULES = (
    acknowledged_means_shown,
    acknowledged_means_proven,
    nothing_stuck,
    an_end_is_the_end,
    told_as_recorded,
    told_to_the_right_ear,
    never_twice,
    doubt_has_a_mark,
    refused_means_refused,
    order_kept,
    chain_holds,
    drained_in_time,
    taken_in_after_repair,
    quiet_logs,
    tokens_once,
    database_whole,
    *OF_PARTIES,
)
