"""Cases of more than one request: replay, races, and what all refusals have in common (settled 3 and 4; modi 5.16)."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from .case import ACCEPTED, CONFLICT, REFUSED, Expected
from .changes import parts
from .draft import AUTH, SIG, Built, Draft
from .wire import Answer

PARALLEL: Final = 20

Make = Callable[[], Draft]
Send = Callable[[Built], Answer]


@dataclass(frozen=True, slots=True)
class Play:
    """`act` returns what was answered and what was wrong with it, both for people."""

    name: str
    it: str
    en: str
    expected: str
    act: Callable[[Make, Send], tuple[str, str]]
    group: str = "replay"


def _judged(answers: Sequence[Answer], *wanted: Expected) -> tuple[str, str]:
    told = ", ".join(str(answer.status) for answer in answers)
    faults = [
        f"request {number} should be answered {expected.name}"
        for number, (answer, expected) in enumerate(zip(answers, wanted, strict=True), 1)
        if answer.status not in expected.statuses
    ]
    return told, "; ".join(faults)


def _replayed(make: Make, send: Send) -> tuple[str, str]:
    built = make().build()
    return _judged([send(built), send(built)], ACCEPTED, CONFLICT)


def _authorization_again(make: Make, send: Send) -> tuple[str, str]:
    first, second = make(), make()
    second.claims[AUTH]["jti"] = first.claims[AUTH]["jti"]
    return _judged([send(first.build()), send(second.build())], ACCEPTED, CONFLICT)


def _signature_again(make: Make, send: Send) -> tuple[str, str]:
    first, second = make(), make()
    second.claims[SIG]["jti"] = first.claims[SIG]["jti"]
    return _judged([send(first.build()), send(second.build())], ACCEPTED, CONFLICT)


def _not_burnt(make: Make, send: Send) -> tuple[str, str]:
    """Whoever saw a jti but has no key cannot use it up."""
    true = make()
    forged = make()
    forged.claims = true.claims
    forged.keys = dict.fromkeys(forged.sent, forged.party.stranger)
    return _judged([send(forged.build()), send(true.build())], REFUSED, ACCEPTED)


def _after_other(make: Make, send: Send) -> tuple[str, str]:
    """The same jti again, with another spelling of iat and exp: it is the jti that counts."""
    first, second = make(), make()
    second.claims = {name: claims | {"exp": claims["exp"] + 1} for name, claims in first.claims.items()}
    return _judged([send(first.build()), send(second.build())], ACCEPTED, CONFLICT)


def _parallel(make: Make, send: Send) -> tuple[str, str]:
    built = make().build()
    with ThreadPoolExecutor(PARALLEL) as pool:
        answers = list(pool.map(send, [built] * PARALLEL))
    accepted = sum(answer.status in ACCEPTED.statuses for answer in answers)
    refused = sum(answer.status in CONFLICT.statuses for answer in answers)
    told = f"{accepted} accepted, {refused} refused as replays"
    return told, "" if (accepted, refused) == (1, PARALLEL - 1) else f"of {PARALLEL}, one should be accepted"


def _alike(make: Make, send: Send) -> tuple[str, str]:
    """Two of one cause show which members vary by themselves; the rest may not differ between causes."""

    def refused(iss: str = "", *, stranger: bool = False, none: bool = False) -> Answer:
        draft = make()
        if iss:
            for claims in draft.claims.values():
                claims["iss"] = iss
        if stranger:
            draft.keys = dict.fromkeys(draft.sent, draft.party.stranger)
        if none:
            parts(lambda h, p, s: f"{h}.{p}.")(draft)
        return send(draft.build())

    answers = [refused("conformance-nobody"), refused("conformance-nobody"), refused(stranger=True), refused(none=True)]
    told = ", ".join(str(answer.status) for answer in answers)
    contents = [answer.json() for answer in answers]
    if not all(isinstance(content, dict) for content in contents):
        return told, "a refusal is no JSON object"
    volatile = {name for name, value in contents[0].items() if contents[1].get(name) != value}
    seen = [{name: value for name, value in content.items() if name not in volatile} for content in contents]
    differing = sorted({name for one in seen for name in _differing(seen[0], one)})
    return told, f"refusals tell causes apart by {', '.join(differing)}" if differing else ""


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
