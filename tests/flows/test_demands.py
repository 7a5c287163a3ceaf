"""Somebody asks a payment service provider for a payment that nobody has asked him for (paDemandPaymentNotice): the hub
makes it once, whoever asks, however often; it is paid like any other."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from typing import Any

import pytest
from sqlalchemy import update

from connectors.pagopa_node.sampling import CREDITOR, card, meals
from hub import metrics
from hub.errors import StoreUnavailable
from hub.home import Home
from hub.inbound.demanding import Demands
from hub.store.tables import agenda, evidence, item_identities, items, notice_counters, notice_numbers, quarantine
from tests import stores
from tests.flows.at_pagopa import Pagopa, at_pagopa
from tests.flows.making import described_hub, new_person, notice_number, published, rows
from tests.harness import ENTE, HubUnderTest, eventually, make_payment, served

pupils = count(1)


@pytest.fixture(scope="module")
def pagopa(tmp_path_factory: pytest.TempPathFactory, kind: str) -> Iterator[Pagopa]:
    with at_pagopa(tmp_path_factory.mktemp("node")) as found:
        yield found


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, pagopa: Pagopa) -> Iterator[HubUnderTest]:
    connectors = {"pagopa": ("pagopa_node", pagopa.settings)}
    with described_hub(tmp_path_factory.mktemp("demands") / "home", connectors=connectors, sweep_s=0.3) as hub:
        pagopa.station = station(hub)
        yield hub


def station(hub: HubUnderTest) -> str:
    return f"{hub.url}/callbacks/v1/{ENTE}/pagopa/paForNode"


def payments(hub: HubUnderTest, person: str) -> list[dict[str, Any]]:
    """What the citizen sees of them, oldest first."""
    found = hub.read("/payments", person).json()["items"]
    return [hub.read(f"/items/{one['item_id']}", person).json() for one in reversed(found)]


def numbers(hub: HubUnderTest, person: str) -> list[str]:
    return [one["content"]["notice_number"] for one in payments(hub, person)]


def pupil() -> str:
    return str(next(pupils))


@pytest.mark.parametrize("version", [1, 2])
def test_what_is_demanded_is_in_the_citizens_area_at_once_and_is_paid_like_any_other(hub, pagopa, person, version):
    told = pagopa.demand("00005", card(debtor=person), pay=False)
    assert told["outcome"] == "OK"
    (payment,) = payments(hub, person)
    assert (payment["state"], payment["content"]["amount_cents"]) == ("due", 2221)
    assert payment["content"]["notice_number"] == told["notice_number"]
    assert told["notice_number"].startswith("347")
    paid = pagopa.pay(told["notice_number"], version=version)
    assert (paid["outcome"], paid["amount_cents"]) == ("OK", 2221)
    assert payments(hub, person)[0]["state"] == "paid"
    (receipt,) = hub.read("/receipts", person).json()["items"]
    assert hub.read(f"/items/{receipt['item_id']}", person).json()["content"]["amount_cents"] == 2221
    log = [each["operation"] for each in hub.read("/access-log", person).json()["items"]]
    assert "answer_provider" in log


def test_who_asks_and_pays_in_one_go(hub, pagopa, person):
    told = pagopa.demand("00006", meals(pupil(), person))
    assert (told["outcome"], told["amount_cents"]) == ("OK", 4550)
    assert [one["state"] for one in payments(hub, person)] == ["paid"]


def test_an_answer_that_was_lost_makes_no_second_payment(hub, pagopa, person):
    for document in (card(debtor=person), card(debtor=person).replace("><", "> <")):
        told = pagopa.demand("00005", document, {"kind": "repeat"}, {"kind": "garble"}, pay=False)
        assert numbers(hub, person) == [told["notice_number"]]
    other = new_person()
    assert pagopa.demand("00005", card(debtor=other), pay=False)["notice_number"] != told["notice_number"]
    assert len(payments(hub, person)) == len(payments(hub, other)) == 1


def test_once_it_is_paid_the_same_is_another_payment(hub, pagopa, person):
    notices = [pagopa.demand("00005", card(debtor=person))["notice_number"] for _ in range(3)]
    assert len(set(notices)) == 3
    assert numbers(hub, person) == notices
    assert [one["state"] for one in payments(hub, person)] == ["paid"] * 3


def test_what_has_a_name_of_its_own_is_paid_once_and_may_change_until_then(hub, pagopa, person):
    name = pupil()
    first = pagopa.demand("00006", meals(name, person), pay=False)
    dearer = pagopa.demand("00006", meals(name, person, "50,00"), {"kind": "repeat"}, pay=False)
    assert dearer["notice_number"] == first["notice_number"]
    (payment,) = payments(hub, person)
    assert (payment["content"]["amount_cents"], payment["version"]) == (5000, 2)
    assert pagopa.demand("00006", meals(name, person, "50,00"))["amount_cents"] == 5000
    assert pagopa.demand("00006", meals(name, person, "50,00"))["code"] == "PAA_PAGAMENTO_DUPLICATO"
    assert pagopa.demand("00006", meals(name, person, "60,00"))["code"] == "PAA_PAGAMENTO_DUPLICATO"
    assert [one["state"] for one in payments(hub, person)] == ["paid"]


def test_what_its_vendor_says_of_it_meanwhile_holds(hub, pagopa, person):
    first = pagopa.demand("00005", card(debtor=person), pay=False)
    (payment,) = payments(hub, person)
    (named,) = rows(hub, item_identities, item_id=payment["item_id"])
    content = {key: payment["content"][key] for key in ("title", "notice_number", "creditor_tax_code", "reason")}
    corrected = make_payment(named["external_id"], tax_code=person, **content) | {"source": "pagopa", "version": 2}
    published(hub, "payments", corrected | {"amount_cents": 1500})
    again = pagopa.demand("00005", card(debtor=person))
    assert (again["notice_number"], again["amount_cents"]) == (first["notice_number"], 1500)


def test_what_its_vendor_adds_to_it_stays_while_the_same_is_demanded(hub, pagopa, person):
    name = pupil()
    first = pagopa.demand("00006", meals(name, person), pay=False)
    (payment,) = payments(hub, person)
    said = ("title", "notice_number", "creditor_tax_code", "reason", "amount_cents", "due_date", "service_id")
    content = {key: payment["content"][key] for key in said}
    own = make_payment(f"mensa-2026-{int(name):06d}", tax_code=person, **content) | {"source": "mense", "version": 2}
    published(hub, "payments", own | {"state": "started", "summary": "Mensa, classe 2B"})
    assert pagopa.demand("00006", meals(name, person), pay=False) == first
    (payment,) = payments(hub, person)
    assert (payment["version"], payment["state"], payment["content"]["summary"]) == (2, "started", "Mensa, classe 2B")


@pytest.mark.parametrize("said", [{}, {"state": "cancelled"}, {"state": "paid"}])
def test_what_a_vendor_asks_for_itself_is_not_changed_by_a_demand(hub, pagopa, person, said):
    name = pupil()
    own = make_payment(f"mensa-2026-{int(name):06d}", tax_code=person, notice_number=notice_number(), **said)
    item_id = published(hub, "payments", own | {"source": "mense", "creditor_tax_code": CREDITOR})
    (before,), refused = payments(hub, person), declined("external_id.taken")
    assert pagopa.demand("00006", meals(name, person, "0.01"))["code"] == "PAA_SEMANTICA"
    assert payments(hub, person) == [before]
    assert [row["version"] for row in rows(hub, items, item_id=item_id)] == [1]
    assert declined("external_id.taken") == refused + 1


def test_one_that_was_taken_back_is_not_asked_for_again(hub, pagopa, person):
    first = pagopa.demand("00005", card(debtor=person), pay=False)
    hub.withdraw(payments(hub, person)[0]["item_id"])
    second = pagopa.demand("00005", card(debtor=person), pay=False)
    assert second["notice_number"] != first["notice_number"]
    assert numbers(hub, person) == [second["notice_number"]]
    name = pupil()
    pagopa.demand("00006", meals(name, person), pay=False)
    hub.withdraw(payments(hub, person)[-1]["item_id"])
    assert pagopa.demand("00006", meals(name, person))["code"] == "PAA_SEMANTICA"


def test_one_that_its_vendor_cancelled_does_not_come_back_for_a_demand(hub, pagopa, person):
    """Its notice number would be used again, which pagoPA forbids."""
    name = pupil()
    pagopa.demand("00006", meals(name, person), pay=False)
    (payment,) = payments(hub, person)
    said = ("title", "notice_number", "creditor_tax_code", "reason", "amount_cents", "due_date", "service_id")
    own = make_payment(f"mensa-2026-{int(name):06d}", tax_code=person, **{key: payment["content"][key] for key in said})
    published(hub, "payments", own | {"source": "mense", "version": 2, "state": "cancelled"})
    before = declined("external_id.cancelled")
    assert pagopa.demand("00006", meals(name, person))["code"] == "PAA_SEMANTICA"
    assert declined("external_id.cancelled") == before + 1
    (payment,) = payments(hub, person)
    assert (payment["version"], payment["state"]) == (2, "cancelled")


def test_one_that_is_restricted_is_left_as_it_is(hub, pagopa, person, raccordo):
    name = pupil()
    pagopa.demand("00006", meals(name, person), pay=False)
    item_id = payments(hub, person)[0]["item_id"]
    raccordo("restrict", item_id)
    before = declined("item.restricted")
    assert pagopa.demand("00006", meals(name, person, "60,00"))["code"] == "PAA_SEMANTICA"
    assert declined("item.restricted") == before + 1
    assert [row["version"] for row in rows(hub, items, item_id=item_id)] == [1]


def test_one_that_nobody_paid_in_time_lapses_and_what_has_a_name_can_be_asked_for_anew(hub, pagopa, person):
    name = pupil()
    for service, document in (("00005", card(debtor=person)), ("00006", meals(name, person))):
        first = pagopa.demand(service, document, pay=False)["notice_number"]
        payment = payments(hub, person)[-1]
        with hub.home.database.write() as tx:
            tx.connection.execute(update(agenda).where(agenda.c.item_id == payment["item_id"]).values(at=tx.now))
        path = f"/items/{payment['item_id']}"
        eventually(lambda path=path: hub.read(path, person).json()["state"], lambda state: state == "expired")
        assert pagopa.pay(first)["code"] == "PAA_PAGAMENTO_SCADUTO"
        again = pagopa.demand(service, document)
        assert again["outcome"] == "OK"
        assert (again["notice_number"] == first) is (service == "00006")


def test_nobody_gets_to_see_whose_payment_a_name_is(hub, pagopa, person):
    name, other = pupil(), new_person()
    pagopa.demand("00006", meals(name, person), pay=False)
    before = declined("recipient.changed")
    assert pagopa.demand("00006", meals(name, other), pay=False)["code"] == "PAA_SEMANTICA"
    assert payments(hub, other) == []
    assert declined("recipient.changed") == before + 1


def declined(code: str) -> float:
    return (
        metrics.REGISTRY.get_sample_value(
            "raccordo_callbacks_declined_total", {"ente": ENTE, "connector": "pagopa", "code": code}
        )
        or 0.0
    )


@pytest.mark.parametrize(
    ("id_servizio", "document", "code", "why"),
    [
        ("00009", "<x/>", "PAA_SEMANTICA", "pagopa.demand_not_offered"),
        ("00005", "<x", "PAA_SINTASSI_XSD", "pagopa.demand_unreadable"),
        ("00005", card("3"), "PAA_SEMANTICA", "mapping.choice"),
        ("00006", meals(amount="0.00"), "PAA_SEMANTICA", "pagopa.demand_nothing"),
    ],
)
def test_what_makes_no_payment_leaves_nothing_but_the_reason(
    hub, pagopa, id_servizio, document, code, why, caplog, kind
):
    before = declined(why)
    kept = [len(rows(hub, table)) for table in (item_identities, evidence, quarantine, notice_numbers)]
    assert pagopa.demand(id_servizio, document)["code"] == code
    assert [len(rows(hub, table)) for table in (item_identities, evidence, quarantine, notice_numbers)] == kept
    assert declined(why) == before + 1
    assert f"callback.declined ente={ENTE} connector=pagopa code={why} pointer=" in caplog.text
    assert "RSSMRA80A01H501U" not in caplog.text


def test_a_vendor_that_is_not_there_is_seen_by_whoever_administers(hub, pagopa, person, raccordo):
    (service, *_) = json.loads(pagopa.settings["spontaneous"])
    before = declined("source.vendor_unknown")
    nobodys = json.dumps([service | {"vendor_id": "nobody"}])
    with hub.home.database.write() as tx:  # as it was saved before names were held against the ente's lists
        now = hub.home.configuration.load(tx.connection)[ENTE, "pagopa"]
        given = {"ente_id": ENTE, "connector_id": "pagopa", "type": now.type, "limits": now.limits}
        hub.home.configuration.save(tx, settings={**now.settings, "spontaneous": nobodys}, **given)
    eventually(lambda: demanded(pagopa, person)["outcome"], lambda outcome: outcome == "KO")
    assert declined("source.vendor_unknown") == before + 1
    raccordo("connector", "set", "pagopa", "--set", f"spontaneous={pagopa.settings['spontaneous']}")
    eventually(lambda: demanded(pagopa, person)["outcome"], lambda outcome: outcome == "OK")


def demanded(pagopa: Pagopa, person: str) -> dict[str, Any]:
    return pagopa.demand("00005", card(debtor=person), pay=False)


def test_strangers_make_no_payment(hub, pagopa, person):
    assert pagopa.demand("00005", card(debtor=person), {"kind": "intruder"})["code"].startswith("PPT_")
    assert payments(hub, person) == []


def dies_after_the_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    published = Demands._publish

    def publish_and_die(self: Demands, *args: Any) -> None:
        published(self, *args)
        monkeypatch.undo()
        raise StoreUnavailable(cause="the process died")

    monkeypatch.setattr(Demands, "_publish", publish_and_die)


def test_who_asks_again_after_a_crash_gets_the_notice_that_was_made(hub, pagopa, person, monkeypatch):
    dies_after_the_commit(monkeypatch)
    assert pagopa.demand("00005", card(debtor=person))["code"].startswith("PPT_")
    (notice,) = numbers(hub, person)
    assert pagopa.demand("00005", card(debtor=person))["notice_number"] == notice
    assert numbers(hub, person) == [notice]


def test_numbers_have_no_gaps(hub, pagopa, person):
    pagopa.demand("00005", card(debtor=person), pay=False)
    (counter,) = rows(hub, notice_counters, creditor_tax_code=CREDITOR)
    given = sorted(int(row["notice_number"][3:16]) for row in rows(hub, notice_numbers) if row["item_id"] is not None)
    assert given == list(range(1, counter["last"] + 1))


def test_an_administrator_withdraws_and_offers_a_service_without_a_restart(hub, pagopa, person, raccordo):
    raccordo("connector", "set", "pagopa", "--set", "spontaneous=[]")
    assert eventually(lambda: demanded(pagopa, person), lambda told: told["outcome"] == "KO")["code"] == "PAA_SEMANTICA"
    raccordo("connector", "set", "pagopa", "--set", f"spontaneous={pagopa.settings['spontaneous']}")
    eventually(lambda: demanded(pagopa, person), lambda told: told["outcome"] == "OK")


def test_an_administrator_sees_what_the_data_become(hub, pagopa, person, raccordo, tmp_path):
    sample = tmp_path / "sample.json"
    sample.write_text(json.dumps({"id_servizio": "00005", "document": card(debtor=person)}))
    made = raccordo("connector", "run", "pagopa", "preview-demand", "--arguments", sample, "--json")
    assert (made["amount_cents"], made["recipient"]) == (2221, {"tax_code": person})
    sample.write_text(json.dumps({"id_servizio": "00005", "document": card("3")}))
    raccordo("connector", "run", "pagopa", "preview-demand", "--arguments", sample, code=1)
    assert payments(hub, person) == []


def at_once(calls: list[Callable[[], dict[str, Any]]]) -> list[dict[str, Any]]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def assert_made_once(hubs: list[HubUnderTest], pagopa: Pagopa) -> None:
    for n in range(3):
        person, name = new_person(), pupil()
        for service, document in (("00005", card(debtor=person)), ("00006", meals(name, person))):
            told = at_once(
                [partial(pagopa.demand, service, document, pay=False, station_url=station(one)) for one in hubs * 4]
            )
            assert {each["outcome"] for each in told} == {"OK"}, n
            assert len({each["notice_number"] for each in told}) == 1
        assert len(payments(hubs[0], person)) == 2


def test_of_many_who_ask_at_once_one_makes_it(hub, pagopa):
    assert_made_once([hub], pagopa)


def test_of_many_who_say_different_things_of_one_name_each_is_answered(hub, pagopa, person):
    name = pupil()
    told = at_once(
        [partial(pagopa.demand, "00006", meals(name, person, f"{amount}.00"), pay=False) for amount in range(40, 46)]
    )
    (payment,) = payments(hub, person)
    assert {each.get("notice_number") for each in told} == {payment["content"]["notice_number"]}
    assert payment["version"] == 6, "each is kept once"


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True, scope="module")  # a file has one writer at a time
def test_of_two_processes_that_are_asked_at_once_one_makes_it(tmp_path, pagopa):
    connectors = {"pagopa": ("pagopa_node", pagopa.settings)}
    with (
        stores.in_use("postgresql"),
        described_hub(tmp_path / "home", connectors=connectors) as first,
        served(Home(first.home.settings), *first.callers) as second,
    ):
        assert_made_once([first, second], pagopa)
        given = [row for row in rows(first, notice_numbers) if row["item_id"] is not None]
        assert len({row["notice_number"] for row in given}) == len(given) == 6
