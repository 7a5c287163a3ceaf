"""The simulated node and the station, over the network: who pays gets a receipt kept once, whatever goes wrong between
them; what was paid is reported, and pulled."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from connectors.base.serving import LoopbackServer
from connectors.pagopa_node import connect
from connectors.pagopa_node.calling import OWED, Hub
from connectors.pagopa_node.config import Settings
from connectors.pagopa_node.sampling import CREDITOR, DEBTOR, NOTICE, OTHER, OTHER_BODY
from connectors.pagopa_node.simulator import simulate
from connectors.pagopa_node.simulator_model import NotOk, read_answer
from contracts.answering import Call, OwedPart
from contracts.connector import Limits
from contracts.failures import Deferred, Misconfigured


class TinyHub:
    """What the hub does with a reply: keep what was found by its name, and only then answer."""

    def __init__(self, connector, *payments):
        self.connector = connector
        self.reading = Hub(*payments)
        self.kept = {}
        self.calls = 0
        self.server = LoopbackServer(Starlette(routes=[Route("/callbacks/{path:path}", self.serve, methods=["POST"])]))

    async def serve(self, request):
        self.calls += 1
        call = Call(
            method=request.method,
            path=request.path_params["path"],
            url=str(request.url),
            query=request.url.query,
            headers=tuple(request.headers.items()),
            body=await request.body(),
            now=datetime.now(UTC),
        )
        reply = self.connector.answer(call, self.reading)
        for found in reply.found:
            assert self.kept.setdefault(found.name, found).item == found.item, "told again, it is another"
            if found.item is not None:
                self.settle(found.item)
        return Response(reply.body, reply.status, dict(reply.headers), reply.media_type)

    def settle(self, item):
        key = (item["payment"]["creditor_tax_code"], item["payment"]["notice_number"])
        owed = self.reading.payments[key]
        numbers = tuple({*owed.receipt_numbers, item["receipt_number"]})
        self.reading.payments[key] = replace(owed, state="paid", receipt_numbers=numbers)


class World:
    def __init__(self, folder, *payments, **changes):
        self.node = simulate(folder)
        self.settings = Settings.model_validate(dict(self.node.start()) | changes)
        self.connector = connect(self.settings, Limits(timeout_s=5))
        self.hub = TinyHub(self.connector, *payments)
        self.hub.server.start()
        self.http = httpx.Client(
            base_url=self.settings.fdr_base_url.removesuffix("/fdr-org/service/v1"), trust_env=False
        )

    def stop(self):
        self.http.close()
        self.connector.close()
        self.hub.server.stop()
        self.node.stop()

    def pay(self, notice=NOTICE, version=2, path="paForNode"):
        body = {"notice_number": notice, "version": version, "station_url": f"{self.hub.server.url}/callbacks/{path}"}
        return self.http.post("/_sim/pay", json=body, timeout=30).json()

    def faults(self, *faults):
        assert self.http.post("/_sim/faults", json=faults).status_code == 200

    def events(self):
        return [line["event"] for line in self.http.get("/_sim/ledger").json()]

    def report(self, **options):
        return self.http.post("/_sim/report", json=options).json()

    def pull(self, memo):
        parts = []
        while True:
            pulled = self.connector.pull(json.loads(json.dumps(memo)))
            parts += [found.flow for found in pulled.found]
            memo = pulled.memo
            if not pulled.more:
                return parts, memo


@pytest.fixture
def world(tmp_path):
    made = []

    def make(*payments, **changes):
        made.append(World(tmp_path / "node", *(payments or (OWED,)), **changes))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.mark.parametrize("version", [1, 2])
def test_who_pays_gets_a_receipt(world, version):
    one = world()
    told = one.pay(version=version)
    assert (told["outcome"], told["amount_cents"], told["attempts"]) == ("OK", 8450, 1)
    (found,) = one.hub.kept.values()
    assert (found.name, found.item["amount_cents"], found.item["recipient"]) == (
        told["receipt_id"],
        8450,
        {"tax_code": DEBTOR},
    )
    assert one.events() == ["paid", "delivered"]
    again = one.pay(version=version)
    assert (again["outcome"], again["code"]) == ("KO", "PAA_PAGAMENTO_DUPLICATO")


def test_the_account_says_which_notice_was_paid_each_time_that_it_was(world):
    one = world()
    owed = dict(one.hub.reading.payments)
    one.pay()
    one.pay(notice="3" + "9" * 17)  # nobody owes it
    one.hub.reading.payments = owed  # a station that forgets lets itself be paid twice
    one.pay()
    paid = [line["notice_number"] for line in one.http.get("/_sim/ledger").json() if line["event"] == "paid"]
    assert paid == [NOTICE] * 2


@pytest.mark.parametrize(
    ("fault", "attempts", "calls"), [("repeat", 1, 4), ("lose", 2, 4), ("garble", 2, 4), (None, 1, 3)]
)
def test_a_receipt_that_comes_again_is_kept_once(world, fault, attempts, calls):
    one = world()
    one.faults(*([{"kind": fault}] if fault else []))
    assert one.pay()["attempts"] == attempts
    assert one.hub.calls == calls
    assert [found.wrong for found in one.hub.kept.values()] == [()]


def test_a_second_payment_is_kept_for_a_person_and_told_of(world):
    one = world()
    one.faults({"kind": "second"})
    assert one.pay()["second"] == "PAA_RECEIPT_DUPLICATA"
    assert sorted(wrong.code for found in one.hub.kept.values() for wrong in found.wrong) == ["pagopa.paid_twice"]
    assert len(one.hub.kept) == 2


def test_what_was_paid_while_the_station_was_away_comes_all_the_same(world):
    one = world()
    one.faults({"kind": "stand_in", "amount_cents": 8450}, {"kind": "stand_in", "amount_cents": 1})
    assert one.pay()["outcome"] == "OK"
    assert one.hub.calls == 1, "nobody asked the station"
    assert one.pay("301000000000000241")["outcome"] == "OK"
    assert [[wrong.code for wrong in found.wrong] for found in one.hub.kept.values()] == [[], ["pagopa.notice_unknown"]]


def test_nobody_is_charged_for_what_the_station_will_not_have(world):
    one = world(replace(OWED, state="cancelled"))
    one.faults({"kind": "intruder"})
    assert one.pay()["code"] == "PPT_STAZIONE_INT_PA_ERRORE_RESPONSE"
    assert one.pay()["code"] == "PAA_PAGAMENTO_ANNULLATO"
    assert one.pay("301000000000000241")["code"] == "PAA_PAGAMENTO_SCONOSCIUTO"
    assert one.pay(path="elsewhere")["code"] == "PPT_STAZIONE_INT_PA_ERRORE_RESPONSE"
    assert one.events() == []
    assert one.hub.kept == {}


def test_another_debtor_is_kept_and_not_shown_to_the_one_we_know(world):
    one = world()
    one.faults({"kind": "debtor", "debtor": "VRDLGI75B02F205X"})
    assert one.pay()["outcome"] == "OK"
    assert [wrong.code for found in one.hub.kept.values() for wrong in found.wrong] == ["pagopa.debtor_differs"]


def test_what_was_paid_is_reported_pulled_once_and_adds_up(world):
    parts = (OwedPart("pagopa", 8000, CREDITOR), OwedPart("pagopa", 450, OTHER_BODY))
    second = replace(OWED, notice_number="301000000000000241", amount_cents=10_001)
    one = world(replace(OWED, parts=parts), second, beneficiaries=[OTHER], fdr_page=1)
    assert one.connector.check()
    assert one.pull({})[0] == []
    for notice in (NOTICE, "301000000000000241"):
        assert one.pay(notice)["outcome"] == "OK"
    one.report(flow="F1", leave_out=1)
    one.report(flow="F2")
    pulled, memo = one.pull({})
    # Of the payment with two beneficiaries, our share alone came to us.
    assert [(p.flow, p.total_cents, [x.amount_cents for x in p.payments]) for p in pulled] == [
        ("F1", 8000, [8000]),
        ("F2", 10_001, [10_001]),
    ]
    assert [x.iuv for p in pulled for x in p.payments] == ["01000000000000144", "01000000000000241"]
    assert one.pull(memo) == ([], memo)


def test_the_reporting_api_in_trouble_is_asked_again_from_the_same_place(world):
    one = world()
    one.pay()
    one.report()
    one.faults({"kind": "throttle", "retry_after": 3, "on": "fdr"}, {"kind": "error", "on": "fdr"})
    one.faults({"kind": "truncate", "on": "fdr"})
    for _ in range(3):
        with pytest.raises(Deferred):
            one.connector.pull({})
    assert len(one.pull({})[0]) == 1
    stranger = connect(Settings.model_validate(one.settings.model_dump() | {"fdr_key": "other"}), Limits())
    with pytest.raises(Misconfigured):
        stranger.pull({})
    with pytest.raises(Misconfigured):
        stranger.check()
    stranger.close()


def test_a_restarted_node_knows_its_ledger_and_no_half_line(world, tmp_path):
    world().pay()
    with (tmp_path / "node" / "pagopa_node.jsonl").open("a") as ledger:
        ledger.write('{"event": "pa')
    again = world()
    assert again.events() == ["paid", "delivered"]
    assert again.report()["payments"] == 1


ANSWER = (
    '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
    '<p:paSendRTRes xmlns:p="http://pagopa-api.pagopa.gov.it/pa/paForNode.xsd">{}</p:paSendRTRes></e:Body></e:Envelope>'
)


@pytest.mark.parametrize(
    "content",
    ["", "<outcome>YES</outcome>", "<outcome>OK</outcome><more/>", '<outcome xmlns="urn:x">OK</outcome>'],
)
def test_the_node_takes_no_answer_that_breaks_the_schema(content):
    assert read_answer("paSendRT", 200, "text/xml", ANSWER.format("<outcome>OK</outcome>").encode())
    with pytest.raises(NotOk, match="ERRORE_RESPONSE"):
        read_answer("paSendRT", 200, "text/xml", ANSWER.format(content).encode())
    with pytest.raises(NotOk, match="ERRORE_RESPONSE"):
        read_answer("paSendRT", 500, "text/xml", ANSWER.format("<outcome>OK</outcome>").encode())
    with pytest.raises(NotOk, match="ERRORE_RESPONSE"):
        read_answer("paVerifyPaymentNotice", 200, "text/xml", ANSWER.format("<outcome>OK</outcome>").encode())
