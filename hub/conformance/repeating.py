"""PROFILE_NON_REPUDIATION_01: one message that arrives again, and what it is answered (modi 1.8)."""

from typing import Any, Final

from hub.profile import Profile

from .case import ACCEPTED, CONFLICT, Case
from .changes import dropped, replaced
from .draft import SIG, Built, Draft
from .several import Play, Stage, judged
from .wire import Answer

_MOST: Final = 256


def repeatable(profile: Profile) -> bool:
    return profile.max_receipts > 0


def _in_header(profile: Profile) -> bool:
    return repeatable(profile) and profile.message_id.startswith("header:")


def _place(draft: Draft) -> str:
    return draft.party.profile.message_id.partition(":")[2]


def _missing(draft: Draft) -> None:
    name = _place(draft)
    draft.claims[SIG].pop(name, None)
    draft.headers = [one for one in draft.headers if one[0] != name]
    _unsigned(draft)


def _unsigned(draft: Draft) -> None:
    name = _place(draft)
    draft.claims[SIG]["signed_headers"] = [one for one in draft.claims[SIG]["signed_headers"] if name not in one]


def _removed(draft: Draft) -> None:
    dropped(_place(draft))(draft)


def _changed(draft: Draft) -> None:
    replaced(_place(draft), "another")(draft)


def _long(draft: Draft) -> None:
    draft.name_message("x" * (_MOST + 1))


_ROWS: Final = (
    ("message-id-missing", "manca l'identificativo del messaggio", "no message id", _missing),
    ("message-id-long", "identificativo troppo lungo", "a message id that is too long", _long),
)

_HEADER: Final = (
    ("message-id-unsigned", "identificativo non firmato", "the message id is not signed", _unsigned),
    ("message-id-removed", "identificativo firmato e tolto", "the message id was signed and removed", _removed),
    ("message-id-changed", "identificativo cambiato", "another message id than was signed", _changed),
)

CASES: Final = (
    *(Case("non-repudiation", *row, when=repeatable) for row in _ROWS),
    *(Case("non-repudiation", *row, when=_in_header) for row in _HEADER),
)


def _attempt(on: Stage, message_id: str, body: bytes | None = None) -> tuple[Built, Answer]:
    """The message once more: fresh tokens, the same id."""
    draft = on.make()
    if body is not None:
        draft.body = body
        draft.sign_body("application/json")
    draft.name_message(message_id)
    built = draft.build()
    return built, on.send(built)


def _content(answer: Answer) -> dict[str, Any]:
    content = answer.json()
    return content if isinstance(content, dict) else {}


def _retransmitted(on: Stage) -> tuple[str, str]:
    """Whoever got no answer sends again, and is answered as the first time; signed anew, and tied to the message."""
    message_id = on.make().message_id
    (first, answer), (second, again) = (_attempt(on, message_id) for _ in range(2))
    told, faults = judged([answer, again], ACCEPTED, ACCEPTED)
    if faults:
        return told, faults
    if _content(answer) != _content(again):
        return told, "the second answer says something else than the first"
    if answer.response.headers.get(SIG) == again.response.headers.get(SIG) and answer.response.headers.get(SIG):
        return told, "the second answer is not signed anew"
    return told, on.receipt_faults(answer, first) or on.receipt_faults(again, second)


def _too_often(on: Stage) -> tuple[str, str]:
    draft = on.make()
    most = draft.party.profile.max_receipts
    answers = [_attempt(on, draft.message_id)[1] for _ in range(most + 1)]
    return judged(answers, *[ACCEPTED] * most, CONFLICT)


def _reused(on: Stage) -> tuple[str, str]:
    """One id names one message: another under the same is no retransmission."""
    message_id = on.make().message_id
    (_, first), (_, other) = _attempt(on, message_id), _attempt(on, message_id, on.publishes())
    return judged([first, other], ACCEPTED, CONFLICT)


def _same_tokens(on: Stage) -> tuple[str, str]:
    """The jti of an attempt counts once, whatever the message id says (ID_AUTH_REST_02)."""
    built = on.make().build()
    return judged([on.send(built), on.send(built)], ACCEPTED, CONFLICT)


def _named(on: Stage) -> tuple[str, str]:
    message_id = on.make().message_id
    _, answer = _attempt(on, message_id)
    told, faults = judged([answer], ACCEPTED)
    if not faults and _content(answer).get("message_id") != message_id:
        faults = "the confirmation does not name the message"
    return told, faults


def _play(name: str, it: str, en: str, expected: str, act: Any, *, own_api: bool = False) -> Play:
    return Play(name, it, en, expected, act, "non-repudiation", repeatable, own_api)


PLAYS: Final = (
    _play(
        "message-again",
        "ritrasmissione: stesso messaggio, jti nuovi",
        "a retransmission: the same message, fresh jti",
        "2xx, and the same answer signed anew",
        _retransmitted,
    ),
    _play(
        "message-too-often", "oltre le ricezioni concordate", "more often than agreed", "2xx, at last 409", _too_often
    ),
    _play(
        "message-id-reused",
        "un altro messaggio, stesso identificativo",
        "another message, the same id",
        "2xx, then 409",
        _reused,
        own_api=True,
    ),
    _play(
        "message-jti-again",
        "ritrasmissione con i jti già usati",
        "a retransmission with used jti",
        "2xx, then 409",
        _same_tokens,
    ),
    _play(
        "confirmation-named",
        "la conferma nomina il messaggio",
        "the confirmation names the message",
        "2xx with message_id",
        _named,
        own_api=True,
    ),
)
