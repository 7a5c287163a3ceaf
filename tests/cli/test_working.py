"""`worker` and `sweep` as commands: where they refuse, and that they deliver as processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import stores
from tests.harness import HubUnderTest, eventually, make_message, running_hub

from .conftest import Raccordo
from .test_serving import COMMAND

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("command", ["worker", "sweep"])
def test_on_sqlite_there_are_no_workers(raccordo: Raccordo, command: str) -> None:
    answer = raccordo(command)
    assert (answer.code, "need PostgreSQL" in answer.err) == (2, True)


def test_on_sqlite_serving_without_delivering_is_refused(raccordo: Raccordo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RACCORDO_DISPATCH", "workers")
    answer = raccordo("serve", "--port", "0")
    assert (answer.code, "need PostgreSQL" in answer.err) == (2, True)


def test_an_address_that_is_none_of_redis_is_told(raccordo: Raccordo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RACCORDO_REDIS_URL", "http://secret@127.0.0.1")
    answer = raccordo("worker")
    assert (answer.code, "RACCORDO_REDIS_URL" in answer.err, "secret" in answer.err) == (2, True, False)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubUnderTest]:
    (tmp_path / "out").mkdir()
    connectors = {"folder": ("loopback", {"folder": str(tmp_path / "out"), "channel": "io"})}
    with (
        stores.in_use("postgresql"),
        running_hub(tmp_path / "home", connectors=connectors, dispatch="workers") as hub,
    ):
        yield hub


@contextmanager
def process(hub: HubUnderTest, command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    settings = hub.home.settings
    own = {"RACCORDO_HOME": str(settings.home), "RACCORDO_DATABASE_URL": settings.database_url}
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | own, stderr=subprocess.DEVNULL) as started:
        try:
            yield started
        finally:
            started.kill()


def handles(process: subprocess.Popen[bytes], number: signal.Signals) -> bool:
    """Whether the process has a handler for the signal: one that has none yet dies of it."""
    caught = Path(f"/proc/{process.pid}/status").read_text().partition("SigCgt:")[2].split(maxsplit=1)[0]
    return bool(int(caught, 16) >> (number - 1) & 1)


def test_the_checkout_s_worker_delivers_what_is_due_and_ends(hub: HubUnderTest) -> None:
    hub.publish("messages", make_message()).raise_for_status()
    with process(hub, [sys.executable, "worker.py", "--burst", "--threads", "2"]) as worker:
        assert worker.wait(30) == 0
    assert {d["state"] for d in hub.deliveries() if d["channel"] == "io"} == {"delivered"}


def test_a_worker_and_a_sweeper_end_in_good_order(hub: HubUnderTest) -> None:
    hub.publish("messages", make_message()).raise_for_status()
    with process(hub, [*COMMAND, "sweep"]) as sweeper, process(hub, [*COMMAND, "worker", "--no-redis"]) as worker:
        hub.settled()
        eventually(lambda: handles(sweeper, signal.SIGTERM), bool)  # it may still be starting
        for each in (sweeper, worker):
            each.send_signal(signal.SIGTERM)
        assert (sweeper.wait(30), worker.wait(30)) == (0, 0)
