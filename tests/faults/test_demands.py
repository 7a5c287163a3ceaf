"""kill -9 while a payment is made that pagoPA demands: asked for again, it is one payment, with one notice number."""

from pathlib import Path

import pytest
from sqlalchemy import select

from connectors.pagopa_node.sampling import DEBTOR, card
from hub.home import Home
from hub.store.tables import items, notice_counters, notice_numbers
from tests.flows.at_pagopa import Pagopa, at_pagopa

from ..harness import ENTE, running_hub
from .hub_process import serve
from .lives import PLAIN, Life
from .part import Part


@pytest.mark.parametrize("step", ["before_insert", "before_commit", "after_commit"])
def test_killed_at_a_step_of_a_demand_one_payment_comes_of_it(tmp_path: Path, step: str) -> None:
    with at_pagopa(tmp_path / "node") as pagopa:
        with running_hub(tmp_path / "home", connectors={"pagopa": ("pagopa_node", pagopa.settings)}) as hub:
            home = hub.home
        served = Part(tmp_path, "embedded", serve, home.folder)
        assert demanded(pagopa, served, Life(step))["code"] == "PPT_STAZIONE_INT_PA_IRRAGGIUNGIBILE"
        assert payments(home) == (1 if step == "after_commit" else 0)
        told = demanded(pagopa, served)
        assert told["outcome"] == "OK"
        assert payments(home) == 1
        with home.database.read() as connection:
            assert [row.notice_number for row in connection.execute(select(notice_numbers))] == [told["notice_number"]]
            assert [row.last for row in connection.execute(select(notice_counters))] == [1]


def payments(home: Home) -> int:
    with home.database.read() as connection:
        return len(connection.execute(select(items).where(items.c.collection == "payments")).all())


def demanded(pagopa: Pagopa, served: Part, life: Life = PLAIN) -> dict[str, object]:
    """What becomes of a demand in a life of the hub."""
    served.start(life)
    try:
        pagopa.station = f"http://127.0.0.1:{served.place.ready.read_text()}/callbacks/v1/{ENTE}/pagopa/paForNode"
        told: dict[str, object] = pagopa.demand("00005", card(debtor=DEBTOR), pay=False)
        return told
    finally:
        served.stop()
