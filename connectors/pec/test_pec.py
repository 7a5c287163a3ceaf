"""From a notice to its receipts, over SMTP and IMAP; what is never sent twice; the promises of every connector."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import ValidationError

from connectors.base.conformance import make_notice
from connectors.base.mail.smtp_conformance import SmtpConformance
from contracts.connector import Connector, Continue, Limits, Notice
from contracts.failures import Deferred, Failure, Misconfigured, Rejected, Skipped, Unconfirmed
from contracts.inbound import Report

from . import MANIFEST, connect
from .config import Settings
from .delivery import advance
from .simulator import Account, Fault, PecProvider, formal_fault

ACCOUNT = Account("comune", "pàss.hunter2")


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[PecProvider]:
    simulated = PecProvider(tmp_path)
    yield simulated
    simulated.stop()


@pytest.fixture
def given(provider: PecProvider) -> dict[str, Any]:
    return dict(provider.start())


def connected(given: dict[str, Any], *, timeout_s: float = 5.0, **changes: Any) -> Connector:
    return connect(Settings(**given | changes), Limits(timeout_s=timeout_s))


def notice(address: str | None = "mario.rossi@pec.example", number: int = 0, **changes: Any) -> Notice:
    return make_notice(delivery_id=f"01890a5d-ac96-774b-bcce-{number:012d}", digital_address=address, **changes)


def sent(connector: Connector, told: Notice) -> Continue:
    first = connector.advance(told, {})
    assert isinstance(first, Continue)
    assert first.unsafe
    taken = connector.advance(told, first.memo)
    assert isinstance(taken, Continue)
    assert first.provider_id == taken.provider_id == first.memo["message_id"]
    return taken


def reports(connector: Connector) -> list[Report]:
    assert connector.pull is not None
    found: list[Report] = []
    memo: dict[str, Any] = {}
    while True:
        step = connector.pull(json.loads(json.dumps(memo)))
        found += step.reports
        memo = step.memo
        if not step.more:
            return found


def test_the_manifest_says_that_it_never_sends_again() -> None:
    assert (MANIFEST.name, MANIFEST.channel) == ("pec", "pec")
    assert not MANIFEST.idempotency.resend_unconfirmed
    assert not MANIFEST.idempotency.honours_key


@pytest.mark.parametrize("address", [None, ""])
def test_without_a_digital_domicile_it_is_skipped(given: dict[str, Any], address: str | None) -> None:
    with pytest.raises(Skipped, match=r"^pec\.no_address$"):
        connected(given).advance(notice(address), {})


def test_a_malformed_address_is_rejected_before_anything_is_sent(given: dict[str, Any]) -> None:
    with pytest.raises(Rejected, match=r"^pec\.address_invalid$"):
        connected(given).advance(notice("a@b.it\r\nRCPT TO:<c@d.it>"), {})


def test_what_is_taken_waits_and_its_receipts_say_the_rest(
    given: dict[str, Any], provider: PecProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="connectors")
    connector = connected(given)
    names = ("mario", "inesistente", "piena", "virus", "lenta", "persa", "muta", "esterna", "falsa")
    ids = {}
    for number, name in enumerate(names):
        taken = sent(connector, notice(f"{name}.rossi@pec.example", number))
        assert taken.accepted
        assert timedelta(hours=27) < taken.after <= timedelta(hours=28)
        ids[taken.provider_id] = name
    told: dict[str, list[str]] = {name: [] for name in names}
    for report in reports(connector):
        told[ids[report.provider_id]].append(f"{report.event} {report.reason}".strip())
        assert report.evidence
    assert told == {
        "mario": ["accepted", "delivered"],
        "inesistente": ["accepted", "failed pec.not_delivered.5.1.1"],
        "piena": ["accepted", "failed pec.not_delivered.5.2.2"],
        "virus": ["accepted", "failed pec.not_delivered.virus"],
        "lenta": ["accepted", "delayed pec.warned"],
        "persa": ["accepted", "delayed pec.warned", "failed pec.not_delivered.5.4.1"],
        "muta": ["accepted"],
        "esterna": ["failed pec.not_a_pec_address"],
        "falsa": ["accepted"],
    }
    assert "provider_not_trusted" in caplog.text, "who forges receipts is told to the operator"
    # The simulated server's own log tells of everything.
    ours = " ".join(record.getMessage() for record in caplog.records if record.name.startswith("connectors."))
    for name in names:
        assert f"{name}.rossi" not in ours
    assert not any(command.startswith(("SELECT", "UID STORE")) for command in provider.receipts.commands)


def test_an_answer_that_was_lost_is_not_sent_again_and_its_receipts_tell(
    given: dict[str, Any], provider: PecProvider
) -> None:
    provider.smtp.misbehave(Fault("accepted", "drop"))
    connector, told = connected(given), notice()
    first = connector.advance(told, {})
    assert isinstance(first, Continue)
    with pytest.raises(Unconfirmed):
        connector.advance(told, first.memo)
    assert not connector.may_repeat
    assert [(each.event, each.provider_id) for each in reports(connector)] == [
        ("accepted", first.provider_id),
        ("delivered", first.provider_id),
    ]


def test_without_a_receipt_in_time_a_person_looks(given: dict[str, Any]) -> None:
    settings, began, said = Settings(**given), datetime(2026, 3, 2, 9, tzinfo=UTC), []

    def at(hours: float, memo: dict[str, Any]) -> Continue:
        return advance(notice(), memo, settings, said.append, lambda: began + timedelta(hours=hours))

    taken = at(0.1, at(0, {}).memo)
    again = at(20.1, taken.memo)
    assert (again.accepted, again.after) == (True, timedelta(hours=8))
    assert len(said) == 1, "a look at the clock sends nothing"
    with pytest.raises(Unconfirmed, match=r"^pec\.no_receipt$"):
        at(28.2, again.memo)
    assert len(said) == 1


def test_the_message_is_one_that_a_provider_accepts(given: dict[str, Any], provider: PecProvider) -> None:
    sent(connected(given), notice(sensitive=False))
    (entry,) = provider.smtp.entries()
    content = (provider.smtp.mailbox / entry["file"]).read_bytes()
    assert formal_fault(content, entry["sender"], entry["recipients"]) is None
    assert formal_fault(content.replace(b"To: ", b"Bcc: ", 1), entry["sender"], entry["recipients"]) is not None
    message = message_from_bytes(content, policy=default)
    assert message["X-TipoRicevuta"] == "completa"
    text = message.get_content()
    assert "domicilio digitale" in text
    assert "avviso di cortesia" not in text
    assert make_notice().title in text
    assert make_notice().title not in message["Subject"]


def test_a_sensitive_one_says_only_that_something_waits(given: dict[str, Any], provider: PecProvider) -> None:
    sent(connected(given), notice(sensitive=True))
    (entry,) = provider.smtp.entries()
    content = (provider.smtp.mailbox / entry["file"]).read_text()
    assert make_notice().title not in content
    assert "Giulia" not in content


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"imap_host": None}, "imap_host: la PEC lo vuole"),
        ({"receipt_authorities": "hunter2"}, "certificati PEM"),
        ({"receipt_kind": "lunga"}, "completa"),
    ],
)
def test_a_set_up_that_cannot_work_is_refused(given: dict[str, Any], changes: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why) as caught:
        Settings(**given | changes)
    assert "hunter2" not in str(caught.value)


def test_check_opens_both(given: dict[str, Any], provider: PecProvider) -> None:
    said = connected(given).check()
    assert "server di posta" in said
    assert "casella" in said
    assert provider.smtp.entries() == []
    with pytest.raises(Misconfigured, match="imap_password"):
        connected(given, imap_password="hunter2").check()
    provider.receipts.stop()
    with pytest.raises(Deferred):
        connected(given).check()


def test_a_provider_that_comes_back_is_the_same(tmp_path: Path) -> None:
    first, second = PecProvider(tmp_path), PecProvider(tmp_path)
    assert first.provider.authority.pem == second.provider.authority.pem


class TestConformance(SmtpConformance):
    secrets: ClassVar[tuple[str, ...]] = (ACCOUNT.password, "simulata")
    ends_by_report: ClassVar[bool] = True

    @pytest.fixture(autouse=True)
    def _provider(self, tmp_path: Path) -> Iterator[None]:
        provider = PecProvider(tmp_path, account=ACCOUNT)
        self._given, self.smtp = dict(provider.start()), provider.smtp
        yield
        provider.stop()

    def notice(self) -> Notice:
        return notice()

    def connect(self, limits: Limits) -> Connector:
        login = {"username": ACCOUNT.username, "password": ACCOUNT.password}
        return connected(self._given, timeout_s=limits.timeout_s, **login)

    def test_a_refusal_has_the_outcome_of_the_table(self) -> None:
        for reply, kind in (
            ("550 5.1.1 no", Rejected),
            ("451 4.3.0 later", Deferred),
            ("530 5.7.0 login", Misconfigured),
        ):
            walk = self.until_sending()
            self.smtp.misbehave(Fault("rcpt", reply=reply))
            result = walk.step()
            assert isinstance(result, Failure)
            assert isinstance(result, kind)
            self.is_proper(result)
