"""What a mail server may say, and what may be wrong with its TLS: each answer has its action, nothing that was
taken is sent twice, and nothing goes out in clear that is to go out under TLS.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from ...harness import eventually
from ..evidence import Evidence
from ..scenario import Scenario
from ..topology import Shared
from ..trades import MESSAGES, SECURED, Trade

_COUNT = 3


def _mails(seen: Evidence) -> Counter[str]:
    return Counter(row["state"] for row in seen.deliveries if row["channel"] == "email")


def _answer(phase: str, reply: str, end: str) -> Scenario:
    """So many sessions are answered so at that phase; their letters come to that end."""

    def play(world: Shared) -> None:
        world.post_office(faults=[{"phase": phase, "reply": reply, "times": _COUNT}])
        world.load(8)
        world.drain()

    def also(_world: Shared, seen: Evidence) -> Iterable[str]:
        found = _mails(seen)
        if end != "delivered" and found[end] != _COUNT:
            yield f"of {_COUNT} answers {reply} came {dict(found)}"
        if end == "delivered" and set(found) != {end}:
            yield f"after {reply} nobody tried again: {dict(found)}"

    return Scenario(f"mail server answers {reply} to {phase}", play, ends=frozenset({end}), also=also)


def _broken(phase: str, act: str) -> Scenario:
    """So many sessions break there. After the last byte nobody knows, and e-mail is sent again under the same
    Message-ID."""

    def play(world: Shared) -> None:
        world.post_office(faults=[{"phase": phase, "act": act, "times": _COUNT}])
        world.load(8)
        world.drain()

    def also(_world: Shared, seen: Evidence) -> Iterable[str]:
        if set(found := _mails(seen)) != {"delivered"}:
            yield f"not all went out in the end: {dict(found)}"

    return Scenario(f"mail server: {act} at {phase}", play, also=also)


def _paused(name: str, reason: str, trade: Trade = MESSAGES, **told: Any) -> Scenario:
    """The connector stops; what is due is held, until what was wrong is set right and somebody resumes it."""

    def play(world: Shared) -> None:
        taken = world.folder / "mail" / "mailbox"
        world.post_office(**told)
        before = len(list(taken.glob("*.eml")))
        world.load(8)
        status = "SELECT status, paused_reason FROM connectors WHERE connector_id = 'posta'"
        eventually(lambda: world.rows(status)[0], lambda row: row["status"] == "paused", within_s=40)
        said = str(world.rows(status)[0])
        assert reason in said, said
        assert len(list(taken.glob("*.eml"))) == before, "letters went out all the same"
        world.post_office()
        world.resume("posta")

    return Scenario(f"mail server {name}, is set right, and is resumed", play, {"trade": trade})


_ANSWERS = (
    ("rcpt", "550 5.1.1 No such user", "rejected"),
    ("rcpt", "550 5.1.10 Null MX", "rejected"),
    ("content", "554 5.6.0 Not this content", "rejected"),
    ("content", "552 5.3.4 Too large", "rejected"),
    ("rcpt", "450 4.7.1 Greylisted", "delivered"),
    ("mail", "451 4.3.0 Later", "delivered"),
    ("connect", "421 4.3.2 Closing", "delivered"),
    ("data", "451 4.3.0 Later", "delivered"),
    ("content", "451 4.3.0 Later", "delivered"),
)
SCENARIOS = [
    *(_answer(*each) for each in _ANSWERS),
    *(_broken(phase, "drop") for phase in ("ehlo", "rcpt", "data", "content", "accepted", "quit")),
    *(_broken(phase, "hang") for phase in ("connect", "content", "accepted")),
    _paused("refuses the sender", "email.sender_refused", faults=[{"phase": "mail", "reply": "550 5.1.8 Who are you"}]),
    _paused("has an expired certificate", "email.tls_untrusted", SECURED, certificate="expired"),
    _paused("has the certificate of another", "email.tls_untrusted", SECURED, certificate="of_another"),
    _paused("offers no STARTTLS", "email.starttls_missing", SECURED, certificate=""),
]
