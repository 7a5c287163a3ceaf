"""`payment reconcile`: a table for people, JSON for machines, and an exit code where something is missing."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import orjson

from contracts.items import Receipt
from contracts.reporting import FlowPart, iuv_of
from hub.home import Home
from hub.settings import Settings
from hub.store.reporting import keep_flow_part
from tests.harness import ENTE, ROSSI, make_receipt
from tests.unit.store.test_reporting import PART, paid

from .conftest import Raccordo
from .keeping import keep

NOTICE = "301000000000000012"
DAYS = ("payment", "reconcile", "--from", "2026-03-02", "--to", "2026-03-02")
FLOW = replace(PART, total_count=1, total_cents=12_500, payments=(paid(1, iuv_of(NOTICE), 12_500),))


def hold(folder: Path, *, receipt: bool = False, flow: FlowPart | None = None) -> None:
    """A receipt and a flow, written as the hub keeps them."""
    home = Home(Settings(home=folder))
    with closing(home.open_database()) as database, database.write() as tx:
        if flow is not None:
            keep_flow_part(tx, home.vault, ENTE, flow)
        if receipt:
            raw = make_receipt(paid_at="2026-03-02T10:00:00Z", occurred_at="2026-03-02T10:00:00Z")
            keep(tx, home, [Receipt.model_validate_json(orjson.dumps(raw))])


def test_nothing_is_whole(raccordo: Raccordo) -> None:
    answer = raccordo(*DAYS, "--json")
    assert (answer.code, answer.json["whole"], answer.json["payments"]) == (0, True, [])


def test_paid_and_reported_is_whole(raccordo: Raccordo, home: Path) -> None:
    hold(home, receipt=True, flow=FLOW)
    answer = raccordo(*DAYS, "--json")
    assert answer.code == 0, answer.out
    assert answer.json["totals"]["matched"] == {"count": 1, "cents": 12_500}
    assert (answer.json["ente_id"], answer.json["from"], answer.json["whole"]) == (ENTE, "2026-03-02", True)
    (flow,) = answer.json["flows"]
    assert (flow["regulation"], flow["held_cents"], flow["fault"]) == ("TRN1", 12_500, None)
    shown = raccordo(*DAYS)
    assert (shown.code, "125.00" in shown.out, "no payment is missing" in shown.out) == (0, True, True)
    assert ROSSI not in answer.out + shown.out


def test_what_is_missing_is_shown_and_is_no_success(raccordo: Raccordo, home: Path) -> None:
    hold(home, receipt=True)
    answer = raccordo(*DAYS, "--json")
    assert (answer.code, answer.json["whole"]) == (1, False)
    assert [line["status"] for line in answer.json["payments"]] == ["report_missing"]
    shown = raccordo(*DAYS)
    assert (shown.code, "report_missing" in shown.out, iuv_of(NOTICE) in shown.out) == (1, True, True)
    hold(home, flow=replace(FLOW, total_cents=12_501))
    answer = raccordo(*DAYS, "--json")
    assert (answer.code, [flow["fault"] for flow in answer.json["flows"]]) == (1, ["sum_differs"])


def test_wrong_days_are_told_before_anything_is_read(raccordo: Raccordo) -> None:
    for since, until in (("ieri", "2026-03-02"), ("2026-03-02", "2026-13-01"), ("2026-03-02", "2026-03-01")):
        assert raccordo("payment", "reconcile", "--from", since, "--to", until).code == 2
    assert raccordo(*DAYS, "--ente", "c_x000").code == 1
