"""The simulated vendor and the connector, and what the vendor refuses."""

import json
import time

import httpx
import pytest

from connectors.base.inbound_conformance import Taken, take
from connectors.mapped import connect
from connectors.mapped.config import Settings
from connectors.mapped.simulator import Simulated
from contracts.connector import Limits
from contracts.failures import Deferred, Misconfigured


@pytest.fixture
def simulated(tmp_path):
    simulation = Simulated(tmp_path)
    settings = Settings.model_validate_json(json.dumps(dict(simulation.start())))
    connector = connect(settings, Limits(timeout_s=10))
    yield simulation, connector, httpx.URL(settings.url)
    connector.close()
    simulation.stop()


def play(url, *faults):
    httpx.post(url.copy_with(path="/_sim/faults", query=None), json=faults, trust_env=False).raise_for_status()


def a_round(connector, memo):
    found = []
    while True:
        taken = take(connector, memo)
        if isinstance(taken, Deferred):
            continue  # as the hub does: later, from the same memo
        assert isinstance(taken, Taken), taken
        found, memo = [*found, *taken.found], taken.memo
        if not taken.more:
            return found, memo


def test_a_round_over_faults_finds_each_once_and_the_next_only_what_changed(simulated, tmp_path):
    simulation, connector, url = simulated
    play(url, {"kind": "status", "status": 503}, {"kind": "page"}, {"kind": "cut"}, {"kind": "status", "status": 500})
    found, memo = a_round(connector, {})
    assert len(found) == len({one.name for one in found}) == 25
    assert sum(bool(one.wrong) for one in found) == 2
    changed = simulation.vendor.records[7] | {"importo": "9,99", "modificato": "2026-06-01T00:00:00Z"}
    httpx.post(url.copy_with(path="/_sim/records", query=None), json=[changed], trust_env=False)
    found, _ = a_round(connector, memo)
    assert {one.name: one.item["amount_cents"] for one in found}["payments/AVV-2026-000007"] == 999
    assert len(found) < 5
    lines = [json.loads(line) for line in (tmp_path / "mapped.jsonl").read_text().splitlines()]
    assert lines[0]["numbers"] == list(range(1, 11))


def put(url, what, content):
    httpx.put(url.copy_with(path=f"/_sim/{what}", query=None), json=content, trust_env=False).raise_for_status()


def test_what_it_is_said_to_have_is_all_it_has_in_that_order(simulated, tmp_path):
    simulation, connector, url = simulated
    records = [simulation.vendor.records[number] for number in (9, 3, 7)]
    put(url, "records", records)
    found, _ = a_round(connector, {})
    assert [found.name[-1] for found in found] == ["9", "3", "7"]
    put(url, "records", [])
    before = time.time()
    assert a_round(connector, {})[0] == []
    lines = [json.loads(line) for line in (tmp_path / "mapped.jsonl").read_text().splitlines()]
    assert [line["numbers"] for line in lines] == [[9, 3, 7], [], []]  # a round ends with a page of nothing
    assert before <= lines[-1]["at"] <= time.time()


def test_a_page_with_a_broken_record_is_not_given_until_it_is_mended(simulated, tmp_path):
    _, connector, url = simulated
    put(url, "broken", [14])
    first = take(connector, {})
    assert isinstance(take(connector, first.memo), Deferred)
    lines = (tmp_path / "mapped.jsonl").read_text().splitlines()
    assert [json.loads(line)["numbers"][0] for line in lines] == [1], "what was not given is in no account"
    put(url, "broken", [])
    assert len(take(connector, first.memo).found) == 10


def test_a_vendor_that_repeats_its_page_is_a_matter_of_the_settings(simulated):
    _, connector, url = simulated
    play(url, {"kind": "same"}, {"kind": "same"})
    first = take(connector, {})
    assert type(take(connector, first.memo)) is Misconfigured


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("per=101", 400),
        ("pagina=0", 400),
        ("pagina=x", 400),
        ("da=ieri", 400),
        ("da=2026-05-01T00:00:00", 400),
        ("x=1", 400),
    ],
)
def test_what_the_vendor_refuses(simulated, query, status):
    _, _, url = simulated
    key = {"X-Api-Key": "simulated-source-key"}
    assert httpx.get(f"{url}&{query}", headers=key, trust_env=False).status_code == status
    assert httpx.get(url, trust_env=False).status_code == 401
    assert httpx.get(url, headers=key, trust_env=False).json()["totale"] == 25
