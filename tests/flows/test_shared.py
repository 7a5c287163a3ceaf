"""Two processes serve one PostgreSQL: what one has accepted the other knows, and neither takes the other's work."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.home import Home
from hub.store.tables import attempts
from tests import stores
from tests.flows.making import described_hub, fresh, mail_folder, new_person, published, rows, titles
from tests.harness import HubUnderTest, eventually, make_message, make_payment, make_receipt, served


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[HubUnderTest, HubUnderTest]]:
    folder: Path = tmp_path_factory.mktemp("shared")
    with (
        stores.in_use("postgresql"),
        described_hub(folder / "home", connectors=mail_folder(folder)) as first,
        served(Home(first.home.settings), *first.callers) as second,
    ):
        yield first, second


def test_what_one_accepted_the_other_shows_and_does_not_accept_again(both: tuple[HubUnderTest, HubUnderTest]) -> None:
    first, second = both
    person = new_person()
    message = make_message(fresh(), tax_code=person)
    item_id = published(first, "messages", message)
    assert titles(second.read("/items", person)) == [message["title"]]
    again = second.publish("messages", message).json()
    assert (again["item_id"], again["outcome"]) == (item_id, "unchanged")


def test_a_token_used_at_one_is_used_at_the_other(both: tuple[HubUnderTest, HubUnderTest]) -> None:
    first, second = both
    body = b'{"reason": "errore"}'
    item_id = published(first, "messages", make_message(fresh(), tax_code=new_person()))
    headers = first.signed(body)
    path = f"/publish/v1/items/{item_id}/withdrawals"
    assert first.client.post(path, content=body, headers=headers).is_success
    assert second.client.post(path, content=body, headers=headers).json()["code"] == "token.replayed"


def test_a_receipt_at_one_pays_the_payment_at_the_other(both: tuple[HubUnderTest, HubUnderTest]) -> None:
    first, second = both
    person = new_person()
    item_id = published(first, "payments", make_payment(fresh(), tax_code=person))
    published(second, "receipts", make_receipt(fresh(), tax_code=person))
    assert first.read(f"/items/{item_id}", person).json()["state"] == "paid"


def test_each_delivery_goes_out_once(both: tuple[HubUnderTest, HubUnderTest]) -> None:
    for n in range(10):
        where = {"tax_code": new_person(), "email": "a@example.org"}
        published(both[n % 2], "messages", make_message(fresh(), recipient=where))
    settled = both[0].settled()
    for delivery in settled:
        assert len(rows(both[0], attempts, delivery_id=delivery["delivery_id"])) <= 1


def assert_a_batch_is_worked_off_once(accepting: HubUnderTest, asking: HubUnderTest) -> None:
    elements = [{"collection": "messages", "item": make_message(fresh(), tax_code=new_person())} for _ in range(70)]
    body = json.dumps({"items": elements}).encode()
    accepted = accepting.client.post("/publish/v1/batches", content=body, headers=accepting.signed(body))
    path = accepted.headers["Location"].partition("/publish/v1")[2]
    eventually(lambda: asking.vendor_get(path), lambda response: response.status_code == 303)
    result = asking.vendor_get(f"{path}/result").json()
    assert [each["outcome"] for each in result["items"]] == ["created"] * 70


def test_a_batch_accepted_at_one_is_worked_off_once_whoever_does_it(both: tuple[HubUnderTest, HubUnderTest]) -> None:
    first, second = both
    assert_a_batch_is_worked_off_once(first, second)
    assert_a_batch_is_worked_off_once(second, first)


def test_when_who_works_off_batches_is_gone_another_goes_on(both: tuple[HubUnderTest, HubUnderTest]) -> None:
    first, second = both
    assert first.hub is not None
    first.hub.batch_runner.stop()
    assert_a_batch_is_worked_off_once(first, second)
    assert_a_batch_is_worked_off_once(second, first)
