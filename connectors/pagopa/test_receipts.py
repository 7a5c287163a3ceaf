"""Receipts by pull: the common promises of sources, what a receipt says, and a round against the simulator."""

from base64 import b64decode
from datetime import timedelta
from decimal import Decimal

import pytest

from connectors.base.inbound_conformance import Taken, take
from connectors.base.pull_conformance import PullConformance
from connectors.base.scripted import Received, Reply
from connectors.pagopa import connect
from connectors.pagopa.receipt import Unreadable, cents_of, moment_of, of_json, of_xml
from connectors.pagopa.receipts import UNREADABLE_TRIES
from connectors.pagopa.test_parts import BASE, CREDITOR, KEY, SAMPLES, TODAY, settings
from contracts.connector import Connector, Limits
from contracts.failures import Deferred, Misconfigured
from contracts.inbound import Found, Memo
from contracts.items import Receipt

PERSONAL = ("RSSMRA80A01H501U", "Maria Rossi")


STAMPED = "<MBDAttachment>PHgvPg==</MBDAttachment>"
"""Without an amount."""
PAID_STAMP = (
    b"<receipt><receiptId>IUR1</receiptId><noticeNumber>347170000000000067</noticeNumber>"
    b"<fiscalCode>00488410010</fiscalCode><outcome>OK</outcome><paymentAmount>16.00</paymentAmount>"
    b"<debtor><entityUniqueIdentifierValue>RSSMRA80A01H501U</entityUniqueIdentifierValue></debtor>"
    b"<transferList><transfer>%s</transfer></transferList>"
    b"<paymentDateTime>2026-03-02T10:15:30</paymentDateTime></receipt>"
)


class Pulling(PullConformance):
    secrets = (KEY,)
    personal = PERSONAL
    source = "gpd"

    def connect_to(self, url: str, limits: Limits) -> Connector:
        given = settings(url, receipts=self.source, receipts_url=url, bizevents_url=url)
        return connect(given, limits, lambda: TODAY)

    def connect_unlisted(self, limits: Limits) -> Connector:
        url = "https://provider.example"
        given = settings(url, receipts=self.source, receipts_url=url, bizevents_url=url, private_hosts="")
        return connect(given, limits, lambda: TODAY)

    def check_request(self, request: Received) -> None:
        assert request.headers["ocp-apim-subscription-key"] == KEY

    def test_a_receipt_that_stays_unreadable_goes_to_quarantine_and_the_others_are_read(self) -> None:
        tried = 0
        for memo, expected in self.each_step():
            if not memo.get("todo"):
                continue
            tried += 1
            self.server.answering = lambda _: Reply(200, "<html>")
            connector = self.fresh()
            once, twice, thrice = (take(connector, memo) for _ in range(3))
            assert (type(once), type(twice)) == (Deferred, Deferred), "a page that passes is waited for"
            assert isinstance(thrice, Taken)
            (found,) = thrice.found
            assert [each.code for each in found.wrong] == ["pagopa.unreadable"]
            self.is_well_found(found)
            asked = memo["todo"][0]["iuv"]
            assert found.name == f"iuv.{asked}"
            assert b"<html>" in found.raw, "an administrator can see what came"
            self.from_the_quarantine(connector, found)
            assert asked in thrice.memo["seen"], "it is not asked for again"
            assert thrice.more == expected.more
        assert tried

    def from_the_quarantine(self, connector: Connector, found: Found) -> None:
        """Read anew, it is asked for again: the same entry, until there is a receipt."""
        assert connector.read is not None
        for came, reason in (
            (Reply(200, "<html>"), "pagopa.unreadable"),
            (Reply(404, {"status": 404}), "pagopa.receipt_missing"),
            (Reply(503, {}), "pagopa.unavailable"),
        ):
            self.server.answering = lambda _, came=came: came
            (again,) = connector.read(found.raw)
            assert (again.name, [each.code for each in again.wrong]) == (found.name, [reason])
            assert again.raw == found.raw, "it can be asked for once more"
            self.is_well_found(again)
        asked = len(self.server.received)
        receipt = b"<receipt><receiptId>IUR1</receiptId><outcome>KO</outcome></receipt>"
        content = receipt if self.source == "gpd" else b'{"receiptId": "IUR1", "outcome": "KO"}'
        self.server.answering = lambda _: Reply(200, content)
        (there,) = connector.read(found.raw)
        assert (there.name, there.wrong, there.raw) == ("IUR1", (), content)
        assert len(self.server.received) == asked + 1


class TestGpd(Pulling):
    samples = SAMPLES / "pulled"

    def test_while_a_gateway_is_down_few_receipts_are_given_up(self) -> None:
        """Where none is a receipt, each has to fail twice as often as the one before, until one is."""
        first, listed = next(self.each_step())
        assert first == {}
        healthy, connector = self.server.answering, self.fresh()
        self.server.answering = lambda _: Reply(200, "<html>")

        def given_up(memo: Memo) -> tuple[int, Memo]:
            for tries in range(1, 100):
                taken = take(connector, memo)
                if isinstance(taken, Taken):
                    return tries, taken.memo
                assert isinstance(taken, Deferred)
            raise AssertionError("never given up")

        tries, memo = given_up(listed.memo)
        then, _ = given_up(memo)
        assert (tries, then) == (UNREADABLE_TRIES, 2 * UNREADABLE_TRIES)
        self.server.answering = healthy
        self.step(connector, memo)
        self.server.answering = lambda _: Reply(200, "<html>")
        assert given_up(listed.memo)[0] == UNREADABLE_TRIES


class TestBizEvents(Pulling):
    samples = SAMPLES / "pulled_bizevents"
    source = "bizevents"


@pytest.mark.parametrize(
    ("amount", "cents"),
    [
        ("84.50", 8450),
        ("84.5", 8450),
        ("0.01", 1),
        (Decimal("84.10"), 8410),
        (7, 700),
        ("999999999.99", 99_999_999_999),
        ("1000000000.00", None),
        ("84.505", None),
        ("-1.00", None),
        ("1e400", None),
        ("1e9999999", None),
        (Decimal("1e9999999"), None),
        ("NaN", None),
        ("", None),
        (None, None),
        ("84,50", None),
    ],
)
def test_amounts_are_decimals(amount, cents):
    assert cents_of(amount) == cents


def test_a_number_of_json_never_goes_through_a_float():
    assert of_json(b'{"receiptId": "x", "paymentAmount": 1.005}').amount == Decimal("1.005")
    assert cents_of(of_json(b'{"receiptId": "x", "paymentAmount": 0.29}').amount) == 29


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-03-01T10:15:00+01:00", "2026-03-01T09:15:00+00:00"),
        ("2026-03-01T10:15:00", "2026-03-01T09:15:00+00:00"),
        ("2026-07-01T10:15:00", "2026-07-01T08:15:00+00:00"),
        ("2026-07-01", "2026-07-01T10:00:00+00:00"),
        ("2026-07-01T10:15:00.123Z", "2026-07-01T10:15:00.123000+00:00"),
    ],
)
def test_a_time_without_a_zone_is_romes(text, utc):
    assert moment_of(text).isoformat() == utc


@pytest.mark.parametrize("text", [None, "", "ieri", "2026-13-01", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:00"])
def test_what_is_no_time_is_none(text):
    assert moment_of(text) is None


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<a/>",
        b"<receipt",
        b'<!DOCTYPE a [<!ENTITY b "xx"><!ENTITY c "&b;&b;">]><receipt><receiptId>&c;</receiptId></receipt>',
        b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><receipt><receiptId>&b;</receiptId></receipt>',
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1/x.dtd"><receipt/>',
        b"<a>" * 100_000,
        b"\xff\xfe<receipt/>",
        b'<?xml version="1.0" encoding="no-such"?><receipt/>',
    ],
)
def test_attacks_and_garbage_are_no_receipts(document):
    with pytest.raises(Unreadable):
        of_xml(document)


def test_a_very_deep_document_does_no_harm():
    assert of_xml(b"<a>" * 50_000 + b"<receipt><receiptId>x</receiptId></receipt>" + b"</a>" * 50_000).receipt_id == "x"


@pytest.mark.parametrize("source", ["gpd", "bizevents"])
@pytest.mark.parametrize("api", ["v1", "v3"])
def test_a_round_against_the_simulator(start, source, api):
    running = start()
    running.walk("instalments.json", api=api).finish()
    for nav in ("347170000000000168", "347170000000000269"):
        assert running.pay(nav).status_code == 200
    connector = puller(running, source, api=api)
    found = pulled(connector)
    assert {each.item["payment"]["notice_number"] for each in found} == {"347170000000000168", "347170000000000269"}
    assert {each.item["amount_cents"] for each in found} == {4225}
    assert {each.item["recipient"]["tax_code"] for each in found} == {"RSSMRA80A01H501U"}


@pytest.mark.parametrize("source", ["gpd", "bizevents"])
def test_a_revenue_stamp_that_was_paid_comes_with_its_receipt(start, source):
    running = start()
    running.walk("several_beneficiaries.json").finish()
    assert running.pay().status_code == 200
    (found,) = pulled(puller(running, source))
    (stamp,) = found.item["stamps"]
    assert b64decode(stamp["file"]).startswith(b"<marcaDaBollo")
    assert (stamp["amount_cents"], stamp["document_sha256"]) == (1600, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
    assert Receipt.model_validate(found.item | {"version": 1}, strict=False).stamps[0].number == stamp["number"]


@pytest.mark.parametrize(
    "transfer", ["<MBDAttachment>!</MBDAttachment><transferAmount>16.00</transferAmount>", STAMPED]
)
def test_a_stamp_that_is_none_waits_for_a_person(start, transfer):
    (found,) = puller(start(), "gpd").read(PAID_STAMP % transfer.encode())
    assert [each.code for each in found.wrong] == ["pagopa.stamp"]
    assert found.item is None
    assert transfer.encode() in found.raw, "nothing of it is lost"


def test_what_was_paid_while_nobody_asked_is_found_in_windows(start):
    """biz-events' positions are listed for thirty days at most."""
    running = start()
    running.walk().finish()
    running.pay()
    running.clock.now += timedelta(days=80)
    connector = puller(running, "bizevents", receipts_since_days=100)
    assert [each.item["amount_cents"] for each in pulled(connector)] == [8450]


def puller(running, source, **others):
    more = others | {
        "receipts": source,
        "receipts_url": f"{running.url}/gpd/payments-receipts-service/v1",
        "bizevents_url": f"{running.url}/bizevents/service/v1",
    }
    running.connectors.append(connect(settings(running.url + BASE, **more), Limits(timeout_s=10), running.clock))
    return running.connectors[-1]


def pulled(connector, memo=None):
    found, memo = [], memo or {}
    while True:
        taken = take(connector, memo)
        found += taken.found
        memo = taken.memo
        if not taken.more:
            return found


def test_what_is_asked_for_and_refused_is_a_matter_of_the_settings(start):
    running = start()
    running.faults({"kind": "error", "status": 400, "on": "receipts"})
    result = take(puller(running, "gpd"), {})
    assert type(result) is Misconfigured


def test_what_an_administrator_has_is_read(start):
    connector = puller(start(), "gpd")
    (found,) = connector.read(b"<receipt><receiptId>x</receiptId><outcome>OK</outcome></receipt>")
    assert found.name == "x"
    assert found.wrong
    (found,) = connector.read(b'{"receiptId": "y", "outcome": "KO"}')
    assert (found.name, found.item, found.wrong) == ("y", None, ())
    (found,) = connector.read(b"nonsense")
    assert found.wrong[0].code == "pagopa.unreadable"
    assert CREDITOR not in repr(found)
