"""What came back, read: bounces and complaints as mail systems word them, and mail made to mislead or break."""

import random
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.base.conformance import make_notice
from connectors.base.mail.addresses import opaque_token
from contracts.inbound import Report

from .config import Settings
from .message import Stamp, compose
from .returns import read_return
from .simulated_returns import Fate, complaint, notification

AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
NOTICE = make_notice()
TOKEN = opaque_token(NOTICE.delivery_id)
TO = "mario.rossi@posta.example"


def settings(**changes: Any) -> Settings:
    return Settings(**{"host": "smtp.example.it", "from_address": "no-reply@comune.example.it"} | changes)


PLAIN = settings()
DOMAIN = settings(bounce_domain="r.example.it")
PLUS = settings(bounce_plus=True)
ID = PLAIN.message_id(TOKEN)
ORIGINAL = compose(NOTICE, TO, Stamp(ID, AT), PLAIN).as_bytes()


def read(content: bytes, its: Settings = PLAIN) -> Report | None:
    return read_return(content, AT, its).report


def bounced(**fate: str) -> Report | None:
    return read(notification(ORIGINAL, "no-reply@comune.example.it", Fate(TO, **fate)))


@pytest.mark.parametrize(
    ("status", "dead"),
    [
        ("5.1.1", True),
        ("5.1.0", True),
        ("5.1.3", True),
        ("5.1.6", True),
        ("5.1.10", True),
        ("5.2.1", True),
        ("5.1.2", False),
        ("5.4.4", False),
        ("5.4.6", False),
        ("5.2.2", False),
        ("4.2.2", False),
        ("4.4.7", False),
        ("5.4.7", False),
        ("5.2.3", False),
        ("5.6.1", False),
        ("5.7.1", False),
        ("5.7.26", False),
        ("5.5.4", False),
        ("5.9.9", False),
    ],
)
def test_a_bounce_is_told_and_only_a_sure_fault_of_the_address_ends_it(status: str, dead: bool) -> None:
    expected = Report("failed", AT, provider_id=ID, reason=f"email.bounced.{status}", address_is_dead=dead)
    assert bounced(status=status) == expected


@pytest.mark.parametrize(
    ("status", "diagnostic", "reason", "dead"),
    [
        ("5.0.0", "550 5.1.1 <x>: no such user", "5.1.1", True),
        ("5.0.0", "550-5.2.2 full", "5.2.2", False),
        ("5.0.0", "556 null MX", "5.0.0", True),
        ("5.0.0", "something", "5.0.0", False),
        ("", "550 5.7.1 policy", "5.7.1", False),
        ("", "450 later", "4.0.0", False),
        ("", "nothing", "5.0.0", False),
        ("5.1.1 (bad mailbox)", "smtp", "5.1.1", True),
        ("5.1.1.9", "554 refused", "5.0.0", False),
    ],
)
def test_where_the_status_is_generic_the_answer_of_the_server_says_more(
    status: str, diagnostic: str, reason: str, dead: bool
) -> None:
    found = bounced(status=status, diagnostic=diagnostic)
    assert found is not None
    assert (found.reason, found.address_is_dead) == (f"email.bounced.{reason}", dead)


def test_a_delay_is_no_bounce() -> None:
    assert bounced(action="delayed", status="4.4.1") is None
    assert bounced(action="Failed", status="4.4.7") is not None


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded"])
def test_what_got_there_is_delivered(action: str) -> None:
    assert bounced(action=action, status="2.0.0") == Report("delivered", AT, provider_id=ID)


def test_of_two_recipients_one_that_has_it_counts() -> None:
    def both(*fates: Fate) -> Report | None:
        return read(notification(ORIGINAL, "x@comune.example.it", *fates))

    dead, full, there = (
        Fate("a@x.example"),
        Fate("b@x.example", status="5.2.2"),
        Fate("c@x.example", "delivered", "2.0.0"),
    )
    got = both(dead, there)
    assert got is not None
    assert got.event == "delivered"
    not_dead = both(dead, full)
    assert not_dead is not None
    assert (not_dead.reason, not_dead.address_is_dead) == ("email.bounced.5.2.2", False)
    assert both(dead, Fate("d@x.example", "delayed", "4.4.1")) is None


@pytest.mark.parametrize(
    ("its", "to", "envelope_id", "quotes"),
    [
        (DOMAIN, f"{TOKEN}@r.example.it", "", "nothing"),
        (DOMAIN, f"{TOKEN.upper()}@R.Example.it", "", "nothing"),
        (PLUS, f"no-reply+{TOKEN}@comune.example.it", "", "nothing"),
        (PLAIN, "no-reply@comune.example.it", TOKEN, "nothing"),
        (PLAIN, "no-reply@comune.example.it", "", "headers"),
        (PLAIN, "no-reply@comune.example.it", "", "all"),
        (DOMAIN, f"{TOKEN}@r.example.it", TOKEN, "all"),
    ],
)
def test_it_names_its_delivery(its: Settings, to: str, envelope_id: str, quotes: str) -> None:
    found = read(notification(ORIGINAL, to, Fate(TO), envelope_id=envelope_id, quotes=quotes), its)
    assert found is not None
    assert found.provider_id == ID


@pytest.mark.parametrize(
    ("its", "to", "envelope_id"),
    [
        (PLAIN, "no-reply@comune.example.it", ""),
        (PLAIN, f"{TOKEN}@r.example.it", ""),
        (DOMAIN, f"{TOKEN}@altro.example", ""),
        (PLUS, f"{TOKEN}@comune.example.it", ""),
        (PLUS, f"altro+{TOKEN}@comune.example.it", ""),
        (DOMAIN, f"{TOKEN[:25]}@r.example.it", ""),
        (DOMAIN, f"{TOKEN}@r.example.it", opaque_token("another")),
        (PLAIN, "no-reply@comune.example.it", NOTICE.delivery_id),
    ],
)
def test_one_that_names_none_or_two_of_ours_changes_nothing(its: Settings, to: str, envelope_id: str) -> None:
    found = read_return(notification(ORIGINAL, to, Fate(TO), envelope_id=envelope_id, quotes="nothing"), AT, its)
    assert (found.kind, found.report) == ("other", None)


@pytest.mark.parametrize("kind", ["abuse", "fraud", "Abuse"])
def test_a_complaint_is_told_of_its_delivery(kind: str) -> None:
    expected = Report("complained", AT, provider_id=ID, reason=f"email.complaint.{kind.lower()}")
    assert read(complaint(ORIGINAL, "no-reply@comune.example.it", kind=kind)) == expected


@pytest.mark.parametrize("kind", ["not-spam", "other", "virus", "auth-failure", ""])
def test_other_feedback_changes_nothing(kind: str) -> None:
    assert read(complaint(ORIGINAL, "no-reply@comune.example.it", kind=kind)) is None


def test_a_complaint_whose_original_is_not_quoted_is_known_by_its_envelope_sender() -> None:
    content = complaint(ORIGINAL, "fbl@comune.example.it", quotes="nothing").replace(
        b"Version: 1", f"Original-Mail-From: <{TOKEN}@r.example.it>".encode()
    )
    found = read(content, DOMAIN)
    assert found is not None
    assert found.provider_id == ID
    assert read(content, PLAIN) is None


def forwarded(content: bytes) -> bytes:
    return (
        b'From: a@b.example\r\nContent-Type: multipart/mixed; boundary="f"\r\n\r\n--f\r\n'
        b"Content-Type: message/rfc822\r\n\r\n" + content + b"\r\n--f--\r\n"
    )


GOOD = notification(ORIGINAL, "no-reply@comune.example.it", Fate(TO))
NESTED = b"".join(f'Content-Type: multipart/report; boundary="b{n}"\r\n\r\n--b{n}\r\n'.encode() for n in range(4000))
HOSTILE: dict[str, bytes] = {
    "empty": b"",
    "an ordinary message": ORIGINAL,
    "a forwarded bounce": forwarded(GOOD),
    "a vacation answer": b"From: a@b.example\r\nSubject: Re: avviso\r\nIn-Reply-To: " + ID.encode() + b"\r\n\r\nFerie.",
    "nested without end": NESTED,
    "a report without parts": b"Content-Type: multipart/report; boundary=x\r\n\r\nnothing",
    "a report without a boundary": b"Content-Type: multipart/report\r\n\r\n--\r\n",
    "a status that is no list": GOOD.replace(b"message/delivery-status", b"text/plain"),
    "no recipient": GOOD.replace(b"Final-Recipient", b"Somebody"),
    "an unknown action": GOOD.replace(b"Action: failed", b"Action: exploded"),
    "no action": GOOD.replace(b"Action: failed", b"Action:"),
    "eight bits in the headers": GOOD.replace(b"Status: 5.1.1", b"Status: \xe0\xe8").replace(b"550 5.1.1 no", b"\xff"),
    "zero bytes": b"\0" * 5000,
    "a million header fields": b"X: y\r\n" * 40_000,
    "a header of a megabyte": b"To: " + b"a," * 500_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_mail_made_to_mislead_or_break_moves_no_address(name: str) -> None:
    found = read(HOSTILE[name])
    assert found is None or not found.address_is_dead


def test_a_bounce_cut_short_is_read_as_far_as_it_goes() -> None:
    long = notification(ORIGINAL, f"{TOKEN}@r.example.it", Fate(TO), quotes="all") + b"x" * 2_000_000
    assert read(long, DOMAIN) is not None
    # Cut anywhere, or with any byte another, it says the same or nothing, and never something else.
    draw = random.Random(7)
    for _ in range(300):
        cut = GOOD[: draw.randrange(len(GOOD))]
        place = draw.randrange(len(GOOD))
        spoilt = GOOD[:place] + bytes([draw.randrange(256)]) + GOOD[place + 1 :]
        found = read(cut)
        assert found is None or (found.provider_id, found.event) == (ID, "failed")
        found = read(spoilt)
        # Of a token with another letter in it the hub knows nothing.
        assert found is None or found.event == "failed"
