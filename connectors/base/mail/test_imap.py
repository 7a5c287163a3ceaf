"""Reading a mailbox, against a server that misbehaves: nothing twice, nothing left out, the deadline kept."""

import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.connector import Limits
from contracts.failures import Deferred, Failure, Misconfigured

from . import imap
from .imap import Mailbox, Place, Reading
from .settings import MailboxSettings
from .simulated_mailbox import Fault, SimulatedMailbox

SECRET = "pàss.hunter2"


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[SimulatedMailbox]:
    with SimulatedMailbox(tmp_path, password=SECRET, folders=("INBOX", "Posta ricevuta")) as simulated:
        yield simulated


def mailbox(sim: SimulatedMailbox, *, timeout_s: float = 5.0, **changes: Any) -> Mailbox:
    return Mailbox(MailboxSettings(**sim.settings(**changes)), Limits(timeout_s=timeout_s))


def read(box: Mailbox, places: dict[str, Place] | None = None, *, most: int = 1000, whole: bool = False) -> Reading:
    return box.read(places or {}, most=most, whole=whole)


def everything(box: Mailbox, **kwargs: Any) -> list[bytes]:
    places: dict[str, Place] = {}
    found = []
    while True:
        reading = read(box, places, **kwargs)
        found += [piece.content for piece in reading.pieces]
        places = reading.places
        if not reading.more:
            return found


def test_every_message_comes_once_and_in_order(sim: SimulatedMailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap, "WINDOW", 7)
    monkeypatch.setattr(imap, "MOST_MESSAGES", 4)
    messages = [f"Subject: {n}\r\n\r\n{'x' * n}".encode() for n in range(23)]
    for content in messages:
        sim.deposit(content)
    sim.expunge("INBOX", {3, 9, 10, 11, 12, 13, 14, 15, 16})
    assert everything(mailbox(sim)) == [c for n, c in enumerate(messages, 1) if n not in {3, *range(9, 17)}]


def test_all_folders_are_read(sim: SimulatedMailbox) -> None:
    for folder in ("INBOX", "Posta ricevuta"):
        sim.deposit(folder.encode(), folder=folder)
    assert everything(mailbox(sim, imap_folders="INBOX, Posta ricevuta,INBOX")) == [b"INBOX", b"Posta ricevuta"]


def test_a_large_one_comes_in_part_or_not_at_all(sim: SimulatedMailbox) -> None:
    sim.deposit(b"x" * 5000)
    sim.deposit(b"small")
    assert everything(mailbox(sim)) == [b"x" * 1000, b"small"]
    whole = read(mailbox(sim), whole=True)
    assert [piece.content for piece in whole.pieces] == [b"small"]
    assert whole.passed_over == 1
    assert whole.places["INBOX"].uid == 2


def test_what_one_step_reads_is_bounded(sim: SimulatedMailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap, "MOST_BYTES", 2500)
    for _ in range(4):
        sim.deposit(b"x" * 1000)
    first = read(mailbox(sim))
    assert (len(first.pieces), first.more, first.places["INBOX"].uid) == (2, True, 2)


def test_the_time_of_arrival_is_the_server_s(sim: SimulatedMailbox) -> None:
    uid = sim.deposit(b"x")
    (piece,) = read(mailbox(sim)).pieces
    assert piece.arrived_at == sim.messages("INBOX", uid, uid)[0].arrived_at


PHASES = ["connect", "login", "select", "sizes", "content"]


@pytest.mark.parametrize("act", ["hang", "drop", "drip", "endless", "huge"])
@pytest.mark.parametrize("phase", PHASES)
def test_a_broken_session_is_deferred_in_time_and_shows_nothing(sim: SimulatedMailbox, phase: Any, act: Any) -> None:
    sim.deposit(b"Subject: segreto\r\n\r\nx")
    sim.misbehave(Fault(phase, act))
    started = time.monotonic()
    with pytest.raises(Failure) as caught:
        read(mailbox(sim, timeout_s=1.5))
    # A literal of 100 GB is refused unread; what never ends is cut by bytes or by time, whichever is first.
    assert time.monotonic() - started < 10
    assert type(caught.value) is Deferred
    shown = "".join(traceback.format_exception(caught.value))
    assert SECRET not in shown
    assert "segreto" not in shown
    assert len(read(mailbox(sim)).pieces) == 1


@pytest.mark.parametrize("reply", ["\0\1 nonsense", "* OK", "} {", "BAD", "NO [UNAVAILABLE] later", "OK"])
@pytest.mark.parametrize("phase", PHASES)
def test_nonsense_never_counts_as_read(sim: SimulatedMailbox, phase: Any, reply: str) -> None:
    sim.deposit(b"x")
    sim.misbehave(Fault(phase, reply=reply))
    try:
        reading = read(mailbox(sim, timeout_s=1))
    except (Deferred, Misconfigured):
        return
    # Said to be done, with nothing in it: that is an empty folder to whoever has to believe it.
    assert (reply, phase) in {("OK", "sizes"), ("OK", "content")}
    assert reading.pieces == ()


def test_a_session_that_breaks_half_way_gives_what_it_had(
    sim: SimulatedMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(3):
        sim.deposit(b"%d" % n)
    asked = imap._Session.content

    def breaking(self: Any, uid: int, most: int) -> bytes | None:
        if uid == 2:
            raise OSError
        return asked(self, uid, most)

    with monkeypatch.context() as broken:
        broken.setattr(imap._Session, "content", breaking)
        first = read(mailbox(sim))
    assert [piece.content for piece in first.pieces] == [b"0"]
    assert first.more
    assert [piece.content for piece in read(mailbox(sim), first.places).pieces] == [b"1", b"2"]


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_tls_and_login(tmp_path: Path, security: Any) -> None:
    with SimulatedMailbox(tmp_path, security=security, password=SECRET) as sim:
        sim.deposit(b"x")
        good = {"imap_security": security, "imap_ca_file": str(sim.ca_file)}
        assert len(read(mailbox(sim, **good)).pieces) == 1
        with pytest.raises(Misconfigured) as caught:
            mailbox(sim, **good, imap_password="hunter3").check()
        assert caught.value.reason == "imap.login_refused"
        assert "hunter3" not in str(caught.value)
        with pytest.raises(Misconfigured) as untrusted:
            mailbox(sim, imap_security=security).check()
        assert untrusted.value.reason == "imap.tls_untrusted"


def test_a_server_that_takes_no_login_now_is_not_a_wrong_password(sim: SimulatedMailbox) -> None:
    sim.misbehave(Fault("login", reply="NO [UNAVAILABLE] backend down"))
    with pytest.raises(Deferred) as caught:
        mailbox(sim).check()
    assert caught.value.reason == "imap.server_busy"
