"""Cases of more than one request: replay, races, and what all refusals have in common (settled 3 and 4; modi 5.16)."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Protocol

from .case import ACCEPTED, CONFLICT, REFUSED, Change, Expected, When, always, unique
from .changes import both, by_a_stranger
from .draft import AUTH, SIG, Built, Draft
from .wire import Answer

PARALLEL: Final = 20

Make = Callable[[], Draft]
Send = Callable[[Built], Answer]


@dataclass(frozen=True, slots=True)
class Refusal:
    """How one case was refused before its signature held."""

    name: str
    status: int
    content: Any


class Asks(Protocol):
    def __call__(
        self, method: str, path: str, body: bytes | None = None, content_type: str = "application/json"
    ) -> Draft:
        """A good request to another place of the API."""
        ...


@dataclass(frozen=True, slots=True)
class Stage:
    """What a play has: good requests to change, a way to send them, and the refusals so far."""

    make: Make
    send: Send
    refusals: Sequence[Refusal]
    ask: Asks
    receipt_faults: Callable[[Answer, Built], str]
    """What is wrong with the signature of an answer; empty where answers need none."""
    publishes: Callable[[], bytes]
    """A message like the one that is published, under an external id of its own."""
    published: Callable[[str], None]
    """Tells of an item that is to be withdrawn at the end."""


@dataclass(frozen=True, slots=True)
class Play:
    """`act` returns what was answered and what was wrong with it, both for people."""

    name: str
    it: str
    en: str
    expected: str
    act: Callable[[Stage], tuple[str, str]]
    group: str = "replay"
    when: When = always
    own_api: bool = False
    """It needs the rest of this API."""


def judged(answers: Sequence[Answer], *wanted: Expected) -> tuple[str, str]:
    told = ", ".join(str(answer.status) for answer in answers)
    faults = [
        f"request {number} should be answered {expected.name}"
        for number, (answer, expected) in enumerate(zip(answers, wanted, strict=True), 1)
        if answer.status not in expected.statuses
    ]
    return told, "; ".join(faults)


def raced(on: Stage, built: Built) -> tuple[str, str]:
    """The same request many times at once: one should be accepted, the others refused as replays of it."""
    with ThreadPoolExecutor(PARALLEL) as pool:
        answers = list(pool.map(on.send, [built] * PARALLEL))
    accepted = sum(answer.status in ACCEPTED.statuses for answer in answers)
    refused = sum(answer.status in CONFLICT.statuses for answer in answers)
    told = f"{accepted} accepted, {refused} refused as replays"
    return told, "" if (accepted, refused) == (1, PARALLEL - 1) else f"of {PARALLEL}, one should be accepted"


def _replayed(on: Stage) -> tuple[str, str]:
    built = on.make().build()
    return judged([on.send(built), on.send(built)], ACCEPTED, CONFLICT)


def _authorization_again(on: Stage) -> tuple[str, str]:
    first, second = on.make(), on.make()
    second.claims[AUTH]["jti"] = first.claims[AUTH]["jti"]
    return judged([on.send(first.build()), on.send(second.build())], ACCEPTED, CONFLICT)


def _signature_again(on: Stage) -> tuple[str, str]:
    first, second = on.make(), on.make()
    second.claims[SIG]["jti"] = first.claims[SIG]["jti"]
    return judged([on.send(first.build()), on.send(second.build())], ACCEPTED, CONFLICT)


def _not_burnt(on: Stage) -> tuple[str, str]:
    """Whoever saw a jti but has no key cannot use it up."""
    true = on.make()
    forged = on.make()
    forged.claims = true.claims | {name: forged.claims[name] for name in forged.claims.keys() - set(forged.own)}
    by_a_stranger(forged)
    return judged([on.send(forged.build()), on.send(true.build())], REFUSED, ACCEPTED)


def _after_other(on: Stage) -> tuple[str, str]:
    """The same jti again, with another spelling of iat and exp: it is the jti that counts."""
    first, second = on.make(), on.make()
    for name in first.own:
        second.claims[name] = first.claims[name] | {"exp": first.claims[name]["exp"] - 1}
    if first.message_id:
        second.headers, second.message_id = first.headers, first.message_id
    return judged([on.send(first.build()), on.send(second.build())], ACCEPTED, CONFLICT)


def _parallel(on: Stage) -> tuple[str, str]:
    return raced(on, on.make().build())


def _alike(on: Stage) -> tuple[str, str]:
    """Two of one cause show which members vary by themselves; the rest may not differ between causes of one status."""
    unknown = both(iss="conformance-nobody")
    first, second = (_refused(on, "iss-unknown", unknown) for _ in range(2))
    signed_by_another = _refused(on, "other-key", by_a_stranger)
    seen = [first, second, signed_by_another, *on.refusals]
    if strange := [one.name for one in seen if not isinstance(one.content, dict)]:
        return "no JSON object", f"the refusal of {strange[0]} is no JSON object"
    volatile = _differing(first.content, second.content)
    told = f"{len(seen)} refusals, {len({one.status for one in seen})} statuses"
    for status in {one.status for one in seen}:
        reference, *others = [one for one in seen if one.status == status]
        for one in others:
            if apart := _differing(reference.content, one.content) - volatile:
                return told, f"{one.name} is told apart from {reference.name} by {', '.join(sorted(apart))}"
    return told, ""


def _refused(on: Stage, name: str, change: Change) -> Refusal:
    draft = on.make()
    change(draft)
    answer = on.send(draft.build())
    return Refusal(name, answer.status, answer.json())


def _differing(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}


PLAYS: Final = (
    Play("replayed", "la stessa richiesta due volte", "the same request twice", "2xx, then 409", _replayed),
    Play(
        "authorization-jti-again",
        "jti di Authorization già usato",
        "the jti of Authorization was used",
        "2xx, then 409",
        _authorization_again,
        when=unique,
    ),
    Play(
        "signature-jti-again",
        "jti di Agid-JWT-Signature già usato",
        "the jti of Agid-JWT-Signature was used",
        "2xx, then 409",
        _signature_again,
    ),
    Play(
        "jti-again-in-new-tokens",
        "jti già usati in token nuovi",
        "used jti in tokens that were signed anew",
        "2xx, then 409",
        _after_other,
    ),
    Play(
        "jti-not-burnt",
        "una firma falsa non consuma il jti",
        "a false signature uses up no jti",
        "400/401, then 2xx",
        _not_burnt,
    ),
    Play(
        "parallel",
        f"{PARALLEL} usi insieme di un jti: uno solo vale",
        f"{PARALLEL} uses of one jti at once: one counts",
        "one 2xx, the rest 409",
        _parallel,
    ),
    Play(
        "refusals-alike",
        "prima della firma i rifiuti sono uguali",
        "before the signature holds all refusals are alike",
        "one body for every cause",
        _alike,
        "answers",
    ),
)
