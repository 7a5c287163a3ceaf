"""Many payments at once, registered at pagoPA in requests for several (DECISIONS.md 120), in spite of faults."""

import json

import httpx

from connectors.pagopa.simulator import Pagopa
from hub.store.tables import deliveries
from tests.flows.making import described_hub, mail_folder, new_person, published, rows
from tests.flows.test_positions import CREDITOR, OURS, payment
from tests.harness import eventually

COUNT = 12
LIMITS = {"concurrency": 8, "rate_per_s": 1000, "burst": 100, "retry_base_s": 0.2, "retry_cap_s": 1}


def test_a_roll_is_registered_once_whatever_becomes_of_the_requests(kind, tmp_path):
    folder = tmp_path / "pagopa"
    simulation = Pagopa(folder)
    settings = {**simulation.start(), **OURS, "bulk": 20, "receipts": "none"}
    origin = settings["gpd_url"].rpartition("/gpd/")[0]
    # The first waits, so that the others come together; then one is taken without an answer, one is lost, one breaks.
    faults = [{"kind": "delay", "seconds": 0.5}, {"kind": "cut"}, {"kind": "drop"}, {"kind": "error", "status": 500}]
    httpx.post(f"{origin}/_sim/faults", json=faults, trust_env=False).raise_for_status()
    connectors = {**mail_folder(tmp_path), "gpd": ("pagopa", settings)}
    try:
        with described_hub(tmp_path / "home", connectors=connectors, limits=LIMITS, sweep_s=0.3) as hub:
            item_ids = [published(hub, "payments", payment(new_person())) for _ in range(COUNT)]

            def states():
                return [row["state"] for row in rows(hub, deliveries, channel="pagopa")]

            eventually(states, lambda found: found == ["delivered"] * COUNT, within_s=90)
            left = httpx.get(f"{origin}/_sim/faults", trust_env=False).json()
    finally:
        simulation.stop()
    assert left == [], "each of them happened"
    lines = [json.loads(line) for line in (folder / "pagopa.jsonl").read_text().splitlines()]
    made = [(line["act"], line["position"]["iupd"]) for line in lines]
    assert sorted(made) == sorted(("create", f"RAC-{item_id}") for item_id in item_ids), "each once"
    assert {line["position"]["organization"] for line in lines} == {CREDITOR}
