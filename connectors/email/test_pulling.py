"""From a notice that was sent to the report of its bounce, over SMTP and IMAP; restarts, deleting, wrong set-ups."""

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.base.conformance import make_notice
from connectors.base.mail.simulated_mailbox import Fault
from contracts.connector import Connector, Continue, Done, Limits
from contracts.failures import Deferred, Misconfigured
from contracts.inbound import Pulled, Report

from . import connect
from .config import Settings
from .simulator import MailServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    simulated = MailServer(tmp_path)
    yield simulated
    simulated.stop()


@pytest.fixture
def given(server: MailServer) -> dict[str, Any]:
    return dict(server.start())


def connected(given: dict[str, Any], **changes: Any) -> Connector:
    return connect(Settings(**given | changes), Limits(timeout_s=5))


def sent(connector: Connector, *recipients: str) -> list[str]:
    """The Message-IDs of notices to them."""
    ids = []
    for number, recipient in enumerate(recipients):
        notice = make_notice(delivery_id=f"01890a5d-ac96-774b-bcce-{number:012d}", email=recipient)
        first = connector.advance(notice, {})
        assert isinstance(first, Continue)
        done = connector.advance(notice, first.memo)
        assert isinstance(done, Done)
        assert done.provider_id == first.provider_id, "known before it leaves, should the answer be lost"
        ids.append(str(done.provider_id))
    return ids


def pulled(connector: Connector, memo: dict[str, Any]) -> Pulled:
    assert connector.pull is not None
    return connector.pull(json.loads(json.dumps(memo)))


def all_of(connector: Connector, memo: dict[str, Any]) -> tuple[list[Report], dict[str, Any]]:
    reports: list[Report] = []
    while True:
        step = pulled(connector, memo)
        reports += step.reports
        memo = step.memo
        if not step.more:
            return reports, memo


def test_what_comes_back_is_told_once(given: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="connectors")
    connector = connected(given)
    people = (
        "inesistente@posta.example",
        "piena@posta.example",
        "lenta@x.example",
        "reclamo@x.example",
        "anna@x.example",
    )
    dead, full, _, complained, _ = sent(connector, *people)
    reports, memo = all_of(connector, {})
    assert [(each.event, each.provider_id, each.reason, each.address_is_dead) for each in reports] == [
        ("failed", dead, "email.bounced.5.1.1", True),
        ("failed", full, "email.bounced.5.2.2", False),
        ("complained", complained, "email.complaint.abuse", False),
    ]
    again = pulled(connector, memo)
    assert (again.reports, again.more, again.after) == ((), False, timedelta(seconds=5))
    # The simulated server's own log tells of everything.
    ours = " ".join(record.getMessage() for record in caplog.records if record.name.startswith("connectors."))
    for person in people:
        assert person not in ours
        assert person not in json.dumps(memo)


def test_a_crash_before_the_memo_was_kept_tells_the_same_again(given: dict[str, Any]) -> None:
    connector = connected(given)
    sent(connector, "inesistente@posta.example", "piena@posta.example")
    assert all_of(connector, {})[0] == all_of(connected(given), {})[0]


def test_another_uidvalidity_is_read_from_the_start(given: dict[str, Any], server: MailServer) -> None:
    connector = connected(given)
    sent(connector, "inesistente@posta.example")
    reports, memo = all_of(connector, {})
    server.returns.renumber()
    assert all_of(connector, memo)[0] == reports


def test_it_only_looks_unless_told_to_delete(given: dict[str, Any], server: MailServer) -> None:
    connector = connected(given)
    sent(connector, "inesistente@posta.example")
    server.returns.deposit(b"From: a@b.example\r\nSubject: ciao\r\n\r\nletto?")
    all_of(connector, {})
    assert not any(command.startswith(("SELECT", "UID STORE", "UID EXPUNGE")) for command in server.returns.commands)
    assert len(server.returns.messages("INBOX", 1, 99)) == 2

    deleting = connected(given, imap_delete=True)
    first = pulled(deleting, {})
    assert len(server.returns.messages("INBOX", 1, 99)) == 2, "not before the hub has kept the reports"
    assert first.more
    pulled(deleting, first.memo)
    (left,) = server.returns.messages("INBOX", 1, 99)
    assert b"letto?" in left.content, "what is no report of ours is nobody's to delete"


@pytest.mark.parametrize("phase", ["store", "expunge", "select"])
def test_deleting_that_fails_is_tried_again(given: dict[str, Any], server: MailServer, phase: Any) -> None:
    deleting = connected(given, imap_delete=True)
    sent(deleting, "inesistente@posta.example")
    first = pulled(deleting, {})
    server.returns.misbehave(Fault(phase))
    with pytest.raises(Deferred):
        pulled(deleting, first.memo)
    pulled(deleting, first.memo)
    assert server.returns.messages("INBOX", 1, 99) == []


def test_an_old_memo_deletes_nothing_of_another_numbering(given: dict[str, Any], server: MailServer) -> None:
    deleting = connected(given, imap_delete=True)
    sent(deleting, "inesistente@posta.example")
    first = pulled(deleting, {})
    server.returns.renumber()
    pulled(deleting, first.memo)
    assert len(server.returns.messages("INBOX", 1, 99)) == 1


def test_without_a_mailbox_nothing_is_pulled(given: dict[str, Any]) -> None:
    without = {key: value for key, value in given.items() if not key.startswith("imap_")}
    assert connect(Settings(**without), Limits()).pull is None


def test_a_mailbox_that_refuses_does_not_stop_the_mail(given: dict[str, Any]) -> None:
    with pytest.raises(Deferred) as caught:
        pulled(connected(given, imap_password="hunter2"), {})
    assert (caught.value.reason, caught.value.after) == ("imap.login_refused", timedelta(hours=1))


def test_check_opens_the_mailbox(given: dict[str, Any], server: MailServer) -> None:
    assert "La casella" in connected(given).check()
    for changes, reason in (
        ({"imap_password": "hunter2"}, "imap.login_refused"),
        ({"imap_folders": "INBOX,Ricevute"}, "imap.folder_missing"),
        ({"imap_security": "starttls"}, "imap.starttls_missing"),
        ({"imap_security": "tls"}, "imap.tls_failed"),
    ):
        with pytest.raises(Misconfigured) as caught:
            connected(given, **changes).check()
        assert caught.value.reason == reason
        assert "hunter2" not in str(caught.value)
    server.returns.stop()
    with pytest.raises(Deferred, match="non è raggiungibile"):
        connected(given).check()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"imap_password": None}, "vuole anche"),
        ({"imap_host": "imap.example.it"}, "solo verso questa stessa macchina"),
        ({"imap_folders": 'IN"BOX'}, "pattern"),
    ],
)
def test_a_mailbox_that_cannot_work_is_refused(given: dict[str, Any], changes: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Settings(**given | changes)
