"""Sending, against a real SMTP server on loopback: the table of answers, broken sessions, TLS, login, the deadline."""

import socket
import time
import traceback
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from connectors.base.conformance import make_notice
from connectors.base.mail.smtp_conformance import SmtpConformance
from connectors.base.mail.statuses import ENHANCED, Phase, Reply, failure
from contracts.connector import Connector, Continue, Done, Limits, Notice
from contracts.failures import Deferred, Failure, Misconfigured, Rejected, Skipped, Unconfirmed

from . import MANIFEST, connect
from .config import Settings
from .simulator import Account, Fault, Simulator, mailbox_messages

ACCOUNT = Account("raccordo", "pàss.hunter2")
DAY = timedelta(days=1)
IN_TIME_S = 10
"""On a crowded machine, too; whoever is silent here is so for an hour."""


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Simulator]:
    with Simulator(tmp_path) as simulator:
        yield simulator


def connected(sim: Simulator, *, timeout_s: float = 5.0, **changes: Any) -> Connector:
    base = {"host": "127.0.0.1", "port": sim.port, "security": "none", "from_address": "no-reply@comune.example.it"}
    return connect(Settings(**base | changes), Limits(timeout_s=timeout_s))


def sent(connector: Connector, notice: Notice | None = None, **memo: Any) -> Done | Continue:
    """The unsafe step, after the one that announces it."""
    notice = notice or make_notice()
    first = connector.advance(notice, {})
    assert isinstance(first, Continue)
    assert first.unsafe
    return connector.advance(notice, first.memo | memo)


def failed(connector: Connector, notice: Notice | None = None, **memo: Any) -> Failure:
    with pytest.raises(Failure) as caught:
        sent(connector, notice, **memo)
    return caught.value


def test_the_manifest_says_that_it_sends_again() -> None:
    assert (MANIFEST.name, MANIFEST.channel, MANIFEST.auth) == ("email", "email", "smtp")
    assert MANIFEST.idempotency.resend_unconfirmed


def test_a_notice_without_an_address_is_skipped(sim: Simulator) -> None:
    for email in (None, "", "  "):
        with pytest.raises(Skipped, match="no_address"):
            connected(sim).advance(make_notice(email=email), {})


@pytest.mark.parametrize(
    "email", ["x", "a@b", "a b@c.it", "a@b.it\r\nRCPT TO:<c@d.it>", "a@b.it>", "a@b..it", "à@b.it"]
)
def test_a_malformed_address_is_rejected_before_anything_is_sent(sim: Simulator, email: str) -> None:
    with pytest.raises(Rejected, match=r"^email\.address_invalid$"):
        connected(sim).advance(make_notice(email=email), {})


def test_a_notice_arrives_once_and_whole(sim: Simulator) -> None:
    done = sent(connected(sim, bounce_domain="rimbalzi.example.it"), make_notice(email="maria@città.example"))
    (message,) = mailbox_messages(sim.mailbox)
    (entry,) = sim.entries()
    assert isinstance(done, Done)
    assert done.provider_id == message["Message-ID"] == entry["message_id"]
    assert entry["recipients"] == ["maria@xn--citt-3na.example"]
    assert entry["sender"] == f"{done.provider_id[1:27]}@rimbalzi.example.it"
    assert make_notice().tax_code not in (sim.mailbox / entry["file"]).read_text()


def test_lines_that_begin_with_a_dot_arrive(sim: Simulator) -> None:
    sent(connected(sim), make_notice(body_markdown="    .\n    ..due\n    .tre\n"))
    (message,) = mailbox_messages(sim.mailbox)
    body = message.get_body(("plain",))
    assert body is not None
    assert "    .\n    ..due\n    .tre" in body.get_content().replace("\r\n", "\n")


ABOUT_THE_RECIPIENT: list[tuple[str, type[Failure], str, timedelta | None]] = [
    ("550 5.1.1 No such user", Rejected, "email.address_invalid", None),
    ("550 5.1.0 Bad address", Rejected, "email.address_invalid", None),
    ("501 5.1.3 Bad syntax", Rejected, "email.address_invalid", None),
    ("551 5.1.6 Moved", Rejected, "email.address_invalid", None),
    ("556 5.1.10 Null MX", Rejected, "email.address_invalid", None),
    ("556 Null MX", Rejected, "email.address_invalid", None),
    ("550 5.2.1 Disabled", Rejected, "email.mailbox_disabled", None),
    ("450 4.2.1 Disabled for now", Deferred, "email.server_busy", None),
    ("452 4.2.2 Full", Deferred, "email.mailbox_full", DAY),
    ("552 5.2.2 Full", Deferred, "email.mailbox_full", DAY),
    ("552 Full", Deferred, "email.mailbox_full", DAY),
    ("552 5.2.3 Too big", Rejected, "email.content_refused", None),
    ("450 4.3.2 Busy", Deferred, "email.server_busy", None),
    ("451 4.4.1 No answer", Deferred, "email.server_busy", None),
    ("450 4.4.7 Expired", Deferred, "email.server_busy", None),
    ("550 5.4.7 Expired", Rejected, "email.undeliverable", None),
    ("452 4.5.3 Too many", Deferred, "email.server_busy", None),
    ("450 4.7.0 Rate", Deferred, "email.server_busy", None),
    ("451 4.7.1 Greylisted", Deferred, "email.server_busy", None),
    ("421 Going down", Deferred, "email.server_busy", None),
    ("550 5.7.1 Policy", Deferred, "email.blocked", timedelta(hours=4)),
    ("554 Refused", Deferred, "email.blocked", timedelta(hours=4)),
    ("550 5.7.26 Not authenticated", Misconfigured, "email.sender_refused", None),
    ("550 5.7.25 No reverse DNS", Misconfigured, "email.sender_refused", None),
    ("550 5.7.509 DMARC", Misconfigured, "email.sender_refused", None),
    ("550 5.1.8 Sender domain not found", Misconfigured, "email.sender_refused", None),
    ("530 5.7.0 Authentication required", Misconfigured, "email.login_refused", None),
    ("503 5.5.1 Bad sequence", Misconfigured, "email.server_refused", None),
    ("550 5.5.0 Mailbox unavailable", Rejected, "email.refused", None),
    ("550 5.3.0 Other", Rejected, "email.refused", None),
    ("550 No", Rejected, "email.refused", None),
    ("550 4.1.1 Contradictory", Rejected, "email.refused", None),
]


@pytest.mark.parametrize(("reply", "kind", "reason", "after"), ABOUT_THE_RECIPIENT)
def test_a_refusal_of_the_recipient(
    sim: Simulator, reply: str, kind: type[Failure], reason: str, after: timedelta | None
) -> None:
    sim.misbehave(Fault("rcpt", reply=f"{reply} <mario.rossi@posta.example>"))
    caught = failed(connected(sim))
    assert isinstance(caught, kind)
    assert caught.reason == reason
    assert getattr(caught, "after", None) == after
    assert getattr(caught, "about", "message") == "message", "one citizen's mailbox must not stop everybody's mail"
    assert "mario.rossi" not in "".join(traceback.format_exception(caught))
    assert sim.entries() == []


@pytest.mark.parametrize(
    ("fault", "kind", "reason"),
    [
        (Fault("connect", reply="554 Not you"), Misconfigured, "email.server_refused"),
        (Fault("connect", reply="421 4.3.2 Busy"), Deferred, "email.server_busy"),
        (Fault("connect", reply="SSH-2.0-OpenSSH"), Deferred, "email.protocol"),
        (Fault("ehlo", reply="550 5.7.1 Name refused"), Misconfigured, "email.server_refused"),
        (Fault("mail", reply="550 5.7.1 Not your address"), Misconfigured, "email.sender_refused"),
        (Fault("mail", reply="552 5.3.4 Too big"), Rejected, "email.content_refused"),
        (Fault("mail", reply="452 4.3.1 No space"), Deferred, "email.server_busy"),
        (Fault("data", reply="451 4.3.0 Try later"), Deferred, "email.server_busy"),
        (Fault("data", reply="554 5.5.1 No valid recipients"), Misconfigured, "email.server_refused"),
        (Fault("content", reply="550 5.7.1 Spam"), Rejected, "email.blocked"),
        (Fault("content", reply="552 Too much"), Rejected, "email.content_refused"),
        (Fault("content", reply="554 5.6.0 Bad content"), Rejected, "email.content_refused"),
        (Fault("content", reply="451 4.3.0 Later"), Deferred, "email.server_busy"),
    ],
)
def test_a_refusal_in_another_phase(sim: Simulator, fault: Fault, kind: type[Failure], reason: str) -> None:
    sim.misbehave(fault)
    caught = failed(connected(sim))
    assert (type(caught), caught.reason) == (kind, reason)


@pytest.mark.parametrize("pattern", [pattern for pattern, _ in ENHANCED])
def test_every_row_of_the_table_is_reached(pattern: str) -> None:
    status = pattern.replace("[0-9]", "7").replace("*", "9")
    code = int(status[0]) * 100 + 50
    expected = next(found for row, found in ENHANCED if row == pattern)
    assert failure(Reply(Phase.RECIPIENT, code, status)).reason == expected


@pytest.mark.parametrize("status", ["5.1.2", "5.4.4", "5.4.6"])
def test_a_missing_domain_is_believed_the_second_time(sim: Simulator, status: str) -> None:
    sim.misbehave(Fault("rcpt", reply=f"550 {status} Domain not found", times=2))
    connector, notice = connected(sim), make_notice()
    doubt = sent(connector)
    assert isinstance(doubt, Continue)
    assert doubt.after == timedelta(hours=12)
    assert not doubt.unsafe
    again = connector.advance(notice, doubt.memo)
    assert isinstance(again, Continue)
    assert again.unsafe
    with pytest.raises(Rejected):
        connector.advance(notice, again.memo)
    assert isinstance(connector.advance(notice, again.memo), Done)


def test_a_greylist_lets_the_second_attempt_in(tmp_path: Path) -> None:
    with Simulator(tmp_path, greylist=True) as sim:
        connector = connected(sim)
        assert isinstance(failed(connector), Deferred)
        assert isinstance(sent(connector), Done)


@pytest.mark.parametrize("phase", ["connect", "ehlo", "mail", "rcpt", "data"])
@pytest.mark.parametrize("act", ["hang", "drop", "drip"])
def test_a_session_broken_before_the_content_is_deferred(sim: Simulator, phase: Any, act: Any) -> None:
    sim.misbehave(Fault(phase, act))
    started = time.monotonic()
    assert isinstance(failed(connected(sim, timeout_s=0.3)), Deferred)
    assert time.monotonic() - started < IN_TIME_S


@pytest.mark.parametrize("phase", ["content", "accepted"])
@pytest.mark.parametrize("act", ["hang", "drop", "drip"])
def test_no_answer_to_the_final_dot_is_unconfirmed(sim: Simulator, phase: Any, act: Any) -> None:
    sim.misbehave(Fault(phase, act))
    started = time.monotonic()
    caught = failed(connected(sim, timeout_s=1.5))  # all before the content takes less
    assert (type(caught), caught.reason) == (Unconfirmed, "email.no_answer")
    assert time.monotonic() - started < IN_TIME_S
    assert len(sim.entries()) == (phase == "accepted")


def test_an_unconfirmed_message_is_sent_again_byte_for_byte(sim: Simulator) -> None:
    sim.misbehave(Fault("accepted", "drop"))
    connector, notice = connected(sim), make_notice()
    first = connector.advance(notice, {})
    assert isinstance(first, Continue)
    with pytest.raises(Unconfirmed):
        connector.advance(notice, first.memo)
    assert isinstance(connected(sim).advance(notice, first.memo), Done)
    one, two = sim.entries()
    assert one["message_id"] == two["message_id"]
    assert one["sha256"] == two["sha256"]


def test_silence_after_the_250_changes_nothing(sim: Simulator) -> None:
    for act in ("hang", "drop", "drip"):
        sim.misbehave(Fault("quit", act))
        started = time.monotonic()
        assert isinstance(sent(connected(sim, timeout_s=100)), Done)
        assert time.monotonic() - started < IN_TIME_S


def test_nobody_listening_is_deferred(sim: Simulator) -> None:
    connector = connected(sim)
    sim.stop()
    caught = failed(connector)
    assert (type(caught), caught.reason) == (Deferred, "email.unreachable")


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_tls_and_login(tmp_path: Path, security: Any) -> None:
    with Simulator(tmp_path, security=security, account=ACCOUNT, dsn=True) as sim:
        good = {"security": security, "ca_file": str(sim.ca_file), "username": ACCOUNT.username}
        connector = connected(sim, **good, password=ACCOUNT.password)
        assert "funziona" in connector.check()
        assert sim.entries() == []
        assert isinstance(sent(connector), Done)
        (entry,) = sim.entries()
        assert entry["tls"]
        assert entry["login"]
        assert entry["dsn"][0] == "RET=HDRS"

        refused = connected(sim, **good, password="hunter2-wrong")
        caught = failed(refused)
        assert (type(caught), caught.reason) == (Misconfigured, "email.login_refused")
        with pytest.raises(Misconfigured, match="rifiuta nome utente o password") as told:
            refused.check()
        assert "hunter2" not in "".join(traceback.format_exception(told.value))


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_that_does_not_hold_pauses_the_connector(tmp_path: Path, security: Any) -> None:
    # Trying again cures nothing and every delivery meets it; a person must look (client._broken says more).
    with Simulator(tmp_path, security=security) as sim:
        connector = connected(sim, security=security)
        caught = failed(connector)
        assert (type(caught), caught.reason) == (Misconfigured, "email.tls_untrusted")
        with pytest.raises(Misconfigured, match="ca_file"):
            connector.check()


def test_a_handshake_that_never_comes_keeps_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        base = {"host": "127.0.0.1", "port": silent.getsockname()[1], "from_address": "a@comune.example.it"}
        caught = failed(connect(Settings(**base, security="tls"), Limits(timeout_s=0.3)))
    assert (type(caught), caught.reason) == (Deferred, "email.timeout")


def test_a_slow_drip_inside_tls_keeps_the_deadline(tmp_path: Path) -> None:
    with Simulator(tmp_path, security="starttls") as sim:
        sim.misbehave(Fault("rcpt", "drip"))
        started = time.monotonic()
        caught = failed(connected(sim, security="starttls", ca_file=str(sim.ca_file), timeout_s=0.4))
    assert (type(caught), caught.reason) == (Deferred, "email.timeout")
    assert time.monotonic() - started < IN_TIME_S


def test_a_host_name_that_cannot_be_one_is_unreachable() -> None:
    name = f"{'x' * 64}.example"
    connector = connect(Settings(host=name, from_address="a@comune.example.it"), Limits(timeout_s=2))
    assert failed(connector).reason == "email.unreachable"


def test_set_ups_that_do_not_fit_the_server_are_told(sim: Simulator, tmp_path: Path) -> None:
    for changes, reason in (
        ({"security": "starttls"}, "email.starttls_missing"),
        ({"security": "tls"}, "email.tls_failed"),
        ({"username": "a", "password": "b"}, "email.login_refused"),
    ):
        with pytest.raises(Misconfigured) as caught:
            connected(sim, **changes).check()
        assert caught.value.reason == reason
    with pytest.raises(Misconfigured, match="ca_file"):
        connected(sim, security="tls", ca_file=str(tmp_path / "none.pem"))


def test_a_login_that_is_wanted_and_not_given_pauses_the_connector(tmp_path: Path) -> None:
    with Simulator(tmp_path, account=ACCOUNT) as sim:
        caught = failed(connected(sim))
        assert (type(caught), caught.reason) == (Misconfigured, "email.login_refused")


class TestConformance(SmtpConformance):
    secrets: ClassVar[tuple[str, ...]] = (ACCOUNT.password,)

    @pytest.fixture(autouse=True)
    def _provider(self, tmp_path: Path) -> Iterator[None]:
        with Simulator(tmp_path, account=ACCOUNT) as self.smtp:
            yield

    def connect(self, limits: Limits) -> Connector:
        login = {"username": ACCOUNT.username, "password": ACCOUNT.password}
        return connected(self.smtp, timeout_s=limits.timeout_s, **login)
