"""No statement of the hot path, or of the sweep that shares its thread, reads a whole table that grows."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event

from hub.store import subscribers
from hub.store.outbox import Due, claim
from hub.store.sweeping import Sweep, sweep

from .. import stores
from ..harness import ENTE, HubUnderTest, make_home, make_message, make_payment, make_receipt, running_hub
from .broadcasting import enrol

GROWING = ("items", "item_identities", "item_versions", "timeline", "deliveries", "attempts", "evidence", "replays",
           "citizens", "access_log", "user_states")  # fmt: skip
WHOLE = re.compile(rf"(SCAN|Seq Scan on) ({'|'.join(GROWING)})\b|PRIMARY KEY \(ente_id=\?\)$")
"""All rows of a table, or all of an ente, which may be the only one."""


@pytest.fixture(params=stores.KINDS)
def statements(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    with stores.in_use(request.param), running_hub(tmp_path) as hub:
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


def plan_of(connection: Connection, statement: str, parameters: Any) -> list[str]:
    """The lines of the database's plan."""
    if connection.dialect.name == "postgresql":
        return list(connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars())
    return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]


def test_no_hot_statement_reads_a_whole_table(statements: Any) -> None:
    hub, seen = statements
    work(hub)
    plans = {}
    with hub.home.database.engine.connect() as connection:
        if hub.home.database.is_shared:
            # Tables as small as these are read whole, unless that is forbidden: then it shows who can do no better.
            connection.exec_driver_sql("SET enable_seqscan = off")
        for statement, parameters in list(seen.items()):
            first = parameters[0] if isinstance(parameters, list) else parameters
            plans[statement] = plan_of(connection, statement, first)
    scans = {statement: plan for statement, plan in plans.items() if any(map(WHOLE.search, plan))}
    assert len(plans) > 10
    assert scans == {}


def test_subscriptions_are_read_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By lists of citizens and of items each item is looked for at each citizen: 40,000 times for a page of 200."""
    home = make_home(tmp_path)
    enrol(home, 200)

    def steps(size: int) -> int:
        """Of SQLite's machine, in tens."""
        monkeypatch.setattr(subscribers, "PAGE", size)
        taken: list[int] = []
        with home.database.read() as connection:
            sqlite: Any = connection.connection.driver_connection
            sqlite.set_progress_handler(lambda: taken.append(1), 10)
            found, _ = subscribers.subscriptions_page(connection, home.vault, ENTE, ("active",), subscribers.START)
            sqlite.set_progress_handler(None, 0)
        assert len(found) == size
        return len(taken)

    few, many = steps(20), steps(200)
    home.database.close()
    assert many < 15 * few, (few, many)
