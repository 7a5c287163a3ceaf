"""No statement of the hot path, or of the sweep that shares its thread, reads a whole table that grows."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from hub.store.outbox import Due, claim
from hub.store.sweeping import Sweep, sweep

from ..harness import HubUnderTest, make_message, make_payment, make_receipt, running_hub

GROWING = ("items", "item_identities", "item_versions", "timeline", "deliveries", "attempts", "evidence", "replays",
           "citizens", "access_log", "user_states")  # fmt: skip


@pytest.fixture
def statements(tmp_path: Path) -> Any:
    with running_hub(tmp_path) as hub:
        seen: dict[str, Any] = {}

        def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            if statement.split(None, 1)[0] in ("SELECT", "UPDATE", "DELETE", "WITH"):
                seen[statement] = parameters

        event.listen(hub.home.database.engine, "before_cursor_execute", note)
        yield hub, seen


def work(hub: HubUnderTest) -> None:
    """Everything that happens often: publishing anew and again, reading, a change of state, a claim, a sweep."""
    message = make_message()
    item_id = hub.publish("messages", message).json()["item_id"]
    for collection, item in (
        ("messages", message),
        ("messages", message | {"version": 2}),
        ("payments", make_payment()),
        ("receipts", make_receipt()),
    ):
        assert hub.publish(collection, item).is_success
    for path in ("/items", "/summary", "/changes", f"/items/{item_id}"):
        assert hub.read(path).is_success
    assert hub.mark(item_id, {"read": True}).is_success
    with hub.home.database.write() as tx:
        claim(tx, [Due(8, timedelta(minutes=3))])
        sweep(tx, [Sweep(frozenset()), Sweep(frozenset(), everyone=True)])


def test_no_hot_statement_reads_a_whole_table(statements: Any) -> None:
    hub, seen = statements
    work(hub)
    plans = {}
    with hub.home.database.read() as connection:
        for statement, parameters in list(seen.items()):
            first = parameters[0] if isinstance(parameters, list) else parameters
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", first)
            plans[statement] = [row[3] for row in plan]
    scans = {
        statement: plan
        for statement, plan in plans.items()
        if any(line.split()[:2] == ["SCAN", table] for line in plan for table in GROWING)
    }
    assert len(plans) > 10
    assert scans == {}
