"""Batches: accepted, asked after, read (NONBLOCK_PULL_REST), and addresses that may not be told (modi 3)."""

import json
import time
from secrets import token_hex
from typing import Any, Final

from .case import CONFLICT, REFUSED, Expected
from .changes import by_a_stranger, without
from .draft import SIG, Built
from .several import Play, Stage, judged
from .wire import Answer, problem_faults, seconds_to_wait

PATH: Final = "/batches"
API: Final = "/publish/v1"
WITHIN_S: Final = 60.0
_ACCEPTED: Final = Expected("202", frozenset({202}))
_UNKNOWN: Final = Expected("404", frozenset({404}))
_INVALID: Final = Expected("400/422", frozenset({400, 422}))


def content(on: Stage, good: int = 1, *, bad: int = 0) -> bytes:
    """A batch of that many good messages, and of such as are refused."""
    items = [json.loads(on.publishes()) for _ in range(good + bad)]
    for item in items[good:]:
        del item["title"]
    return json.dumps({"items": [{"collection": "messages", "item": item} for item in items]}).encode()


def published(on: Stage, body: bytes) -> tuple[Built, Answer]:
    built = on.ask("POST", PATH, body).build()
    return built, on.send(built)


def place_of(answer: Answer) -> str:
    """The path below the API that Location names; empty where it names none. Whatever its host, the target is asked."""
    _, found, path = answer.response.headers.get("location", "").partition(API)
    return path if found else ""


def result_of(on: Stage, answer: Answer) -> tuple[Answer | None, str]:
    """The result of an accepted batch, asked for as its Location and Retry-After say; or what was wrong on the way."""
    status = place_of(answer)
    if answer.status != 202 or not status:
        return None, f"answered {answer.status}, expected 202 with Location"
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        asked = on.send(on.ask("GET", status).build())
        if asked.status == 303:
            if not (result := place_of(asked)):
                return None, "303 without Location"
            return on.send(on.ask("GET", result).build()), ""
        if asked.status != 200:
            return None, f"the status is answered {asked.status}, expected 200 or 303"
        time.sleep(min(seconds_to_wait(asked), 5.0))
    return None, f"not done after {WITHIN_S:.0f} s"


def outcomes_of(on: Stage, result: Answer) -> list[dict[str, Any]]:
    """What became of each item; those that were published are to be withdrawn."""
    found = result.json()
    items = found.get("items") if isinstance(found, dict) else None
    outcomes = [one for one in items if isinstance(one, dict)] if isinstance(items, list) else []
    for one in outcomes:
        if isinstance(one.get("item_id"), str):
            on.published(one["item_id"])
    return outcomes


def _done(on: Stage) -> tuple[str, str]:
    built, answer = published(on, content(on, 2, bad=1))
    if answer.status == 202 and (faults := on.receipt_faults(answer, built)):
        return "202", faults
    result, faults = result_of(on, answer)
    if result is None:
        return str(answer.status), faults
    told = f"{answer.status}, 303, {result.status}"
    if result.status != 200:
        return told, f"the result is answered {result.status}"
    outcomes = outcomes_of(on, result)
    if len(outcomes) != 3:
        return told, f"3 items were sent, the result has {len(outcomes)}"
    if len([one for one in outcomes if one.get("item_id")]) != 2:
        return told, "2 items of 3 should have been published"
    return told, on.receipt_faults(result, built)


def _unsigned(on: Stage) -> tuple[str, str]:
    draft = on.ask("POST", PATH, content(on))
    without(SIG)(draft)
    return judged([on.send(draft.build())], REFUSED)


def _replayed(on: Stage) -> tuple[str, str]:
    built, first = published(on, content(on, 0, bad=1))
    return judged([first, on.send(built)], _ACCEPTED, CONFLICT)


def _empty(on: Stage) -> tuple[str, str]:
    return _invalid(on, b'{"items":[]}')


def _no_list(on: Stage) -> tuple[str, str]:
    return _invalid(on, b'{"items":{}}')


def _invalid(on: Stage, body: bytes) -> tuple[str, str]:
    _, answer = published(on, body)
    told, faults = judged([answer], _INVALID)
    return told, faults or problem_faults(answer)


def _unknown(on: Stage) -> tuple[str, str]:
    asked = on.send(on.ask("GET", f"{PATH}/00000000-0000-7000-8000-000000000000").build())
    return judged([asked], _UNKNOWN)


def _stranger_asks(on: Stage) -> tuple[str, str]:
    """Whoever knows the address of a batch has no right to what it says."""
    _, answer = published(on, content(on, 0, bad=1))
    draft = on.ask("GET", place_of(answer) or PATH)
    if draft.own:
        by_a_stranger(draft)
    else:
        draft.rewrite = lambda found: found.update(authorization=found["authorization"][:-4] + "AAAA")
    return judged([answer, on.send(draft.build())], _ACCEPTED, REFUSED)


def _reply_to(*addresses: str, expected: Expected = _INVALID) -> Any:
    def act(on: Stage) -> tuple[str, str]:
        draft = on.ask("POST", PATH, content(on, 0, bad=1))
        draft.headers += [("x-replyto", each) for each in addresses]
        draft.headers.append(("x-correlation-id", token_hex(8)))
        answer = on.send(draft.build())
        told, faults = judged([answer], expected)
        return told, faults or problem_faults(answer)

    return act


def _play(name: str, it: str, en: str, expected: str, act: Any, group: str = "batches") -> Play:
    return Play(name, it, en, expected, act, group, own_api=True)


_ADDRESSES: Final = (
    ("reply-to-elsewhere", "X-ReplyTo di un host non registrato", "X-ReplyTo at a host nobody registered", "https://elsewhere.example.it/"),
    ("reply-to-metadata", "X-ReplyTo verso la rete interna", "X-ReplyTo into the inner network", "http://169.254.169.254/latest/"),
    ("reply-to-user", "X-ReplyTo con una password", "X-ReplyTo with a password", "https://user:secret@elsewhere.example.it/"),
    ("reply-to-file", "X-ReplyTo non è https", "X-ReplyTo is not https", "file:///etc/passwd"),
)  # fmt: skip

PLAYS: Final = (
    _play(
        "batch-done", "lotto accettato, seguito e letto", "a batch: accepted, asked after, read", "202, 303, 200", _done
    ),
    _play("batch-unsigned", "lotto senza firma", "a batch without signature", REFUSED.name, _unsigned),
    _play("batch-replayed", "lo stesso lotto due volte", "the same batch twice", "202, then 409", _replayed),
    _play("batch-empty", "lotto vuoto", "an empty batch", _INVALID.name, _empty),
    _play("batch-no-list", "items non è una lista", "items is no list", _INVALID.name, _no_list),
    _play("batch-unknown", "lotto sconosciuto", "a batch that is not there", "404", _unknown),
    _play(
        "batch-of-another", "stato chiesto da un estraneo", "a stranger asks for the status", "400/401", _stranger_asks
    ),
    *(_play(name, it, en, _INVALID.name, _reply_to(address), "callbacks") for name, it, en, address in _ADDRESSES),
    _play(
        "reply-to-twice",
        "due X-ReplyTo",
        "two X-ReplyTo",
        _INVALID.name,
        _reply_to("https://elsewhere.example.it/", "https://elsewhere.example.it/"),
        "callbacks",
    ),
)
