"""A vendor without code, whole: read by a mapping, its records reach the feed, misfits wait in quarantine."""

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.registry import simulate
from tests.harness import HubUnderTest, eventually, running_hub

PERSON = "RSSMRA80A01H501U"


@pytest.fixture(scope="module")
def simulation(tmp_path_factory: pytest.TempPathFactory, kind: str) -> Iterator[Any]:
    made = simulate("mapped", tmp_path_factory.mktemp(f"vendor-{kind}"), vendor_id="acme", records=12)
    settings = dict(made.start())
    yield made, settings
    made.stop()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, kind: str, simulation: Any) -> Iterator[HubUnderTest]:
    settings = simulation[1] | {"poll_every_s": 1}
    with running_hub(tmp_path_factory.mktemp("mapped") / "home", connectors={"tributi": ("mapped", settings)}) as hub:
        yield hub


def amounts(hub: HubUnderTest) -> list[int]:
    items = hub.read("/items", PERSON).json()["items"]
    return sorted(item["amount_cents"] for item in items if item["collection"] == "payments")


@pytest.mark.req("S39", "S69")
def test_records_become_items_and_change_as_they_change(hub: HubUnderTest, simulation: Any) -> None:
    expected = [n * 100 + 50 for n in range(1, 13) if n % 10]
    eventually(lambda: amounts(hub), lambda found: found == expected)
    vendor = simulation[0].vendor
    vendor.records[12] = vendor.records[12] | {"importo": "1.012,00", "modificato": "2026-06-01T08:00:00Z"}
    eventually(lambda: amounts(hub), lambda found: found == [*expected[:-1], 101200])


@pytest.mark.req("S39")
def test_a_record_that_does_not_fit_waits_with_both_its_places(
    hub: HubUnderTest, simulation: Any, raccordo: Any
) -> None:
    [entry] = eventually(lambda: raccordo("quarantine", "list", "--json"), bool)
    assert entry["name"] == "payments/AVV-2026-000010"
    [fault] = entry["wrong"]
    assert (fault["code"], fault["pointer"]) == ("mapping.money", "/importo")
    assert fault["rule"] == "/items/0/fields/amount_cents"
    assert "mapping version 3" in fault["detail"]
    vendor = simulation[0].vendor
    vendor.records[10] = vendor.records[10] | {"importo": "84,50", "modificato": "2026-06-01T09:00:00Z"}
    eventually(lambda: raccordo("quarantine", "list", "--json"), lambda found: found == [])
    assert 8450 in amounts(hub)
