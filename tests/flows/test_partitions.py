"""The large tables of a PostgreSQL in partitions: made while there is data, and serving as before."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from hub.cli.application import run
from hub.store.partitioning import PARTITIONED, partitions

from .. import stores
from ..bench.corpus import tax_codes
from ..harness import HubUnderTest, make_message, make_payment, make_receipt, running_hub

CITIZENS = tuple(tax_codes(3))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubUnderTest]:
    with stores.in_use("postgresql"), running_hub(tmp_path / "home") as hub:
        monkeypatch.setenv("RACCORDO_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("RACCORDO_DATABASE_URL", hub.home.settings.database_url)
        yield hub


def publish(hub: HubUnderTest, name: str) -> None:
    for number, code in enumerate(CITIZENS):
        for collection, item in (
            ("messages", make_message(f"m-{name}-{number}")),
            ("payments", make_payment(f"p-{name}-{number}")),
            ("receipts", make_receipt(f"r-{name}-{number}")),
        ):
            answer = hub.publish(collection, item | {"recipient": {"tax_code": code}})
            assert answer.status_code == 201, answer.text


def feeds(hub: HubUnderTest) -> list[list[str]]:
    return [[i["item_id"] for i in hub.read("/items?limit=100", code).json()["items"]] for code in CITIZENS]


def test_data_is_moved_and_all_goes_on(hub: HubUnderTest, capsys: pytest.CaptureFixture[str]) -> None:
    publish(hub, "before")
    before = feeds(hub)
    assert run(["partition", "--parts", "4"]) == 0
    assert "items: 4 partitions" in capsys.readouterr().out
    assert feeds(hub) == before
    publish(hub, "after")
    assert [len(feed) > len(old) for feed, old in zip(feeds(hub), before, strict=True)] == [True] * 3
    assert hub.mark(before[0][0], {"read": True}, CITIZENS[0]).is_success
    with hub.home.database.read() as connection:
        for table in PARTITIONED:
            assert len(partitions(connection, table.name)) == 4
        query = "EXPLAIN SELECT * FROM items WHERE ente_id = 'c_h501' AND citizen_id = 'x' ORDER BY occurred_at"
        plan = "\n".join(connection.execute(text(query)).scalars())
    assert plan.count("items_0") in (1, 2), plan  # one partition: its scan, and its index's name where it has one


def test_it_is_done_once(hub: HubUnderTest, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["partition", "--parts", "2"]) == 0
    assert run(["partition", "--parts", "4"]) == 1
    assert "already" in capsys.readouterr().err


@pytest.mark.parametrize("parts", ["1", "65", "x"])
def test_a_wrong_number_changes_nothing(hub: HubUnderTest, parts: str) -> None:
    assert run(["partition", "--parts", parts]) == 2
    with hub.home.database.read() as connection:
        assert partitions(connection, "items") == []


def test_sqlite_has_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running_hub(tmp_path / "home"):
        pass
    assert run(["partition", "--home", str(tmp_path / "home")]) == 2
    assert "PostgreSQL" in capsys.readouterr().err
