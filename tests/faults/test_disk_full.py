"""A full disk under an embedded hub: 503, no half state, and it goes on by itself once there is room."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.clock import SystemClock
from hub.store.database import Database

from .oracle import violations
from .small_disk import filled, missing, mounted
from .world import World


@pytest.fixture
def small_home(tmp_path: Path) -> Iterator[Path]:
    if reason := missing():
        pytest.skip(f"NOT CHECKED on a full disk: {reason}")
    with mounted(tmp_path / "home", "24m") as folder:
        yield folder


def test_a_full_disk_refuses_for_now_and_loses_nothing(small_home: Path, tmp_path: Path) -> None:
    world = World(tmp_path)
    try:
        with world.life() as hub:
            world.generator.load(hub, 10)
            with filled(small_home):
                world.generator.load(hub, 40)
            assert world.generator.counts()["put_off"]
            world.generator.send_again(hub)
        assert violations(world.recover()) == []
    finally:
        world.close()


def test_a_disk_that_turned_read_only_is_seen(small_home: Path) -> None:
    database = Database(f"sqlite:///{small_home / 'trial.db'}", SystemClock())
    database.migrate()
    assert database.takes_writes()
    database.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_home)], check=True)
    assert not database.takes_writes()
