"""The main flows run on both kinds of database; the command line works on the home of the hub that runs."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.cli.application import run
from tests import stores
from tests.flows.making import new_person
from tests.harness import HubUnderTest


@pytest.fixture(scope="module", params=stores.KINDS)
def kind(request: pytest.FixtureRequest) -> Iterator[str]:
    """Homes made meanwhile have their database there."""
    with stores.in_use(request.param):
        yield request.param


@pytest.fixture
def person() -> str:
    """A citizen of the test's own, of whom nothing is known yet."""
    return new_person()


@pytest.fixture
def raccordo(
    hub: HubUnderTest, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    """The command line on the home of the test's `hub`, or on another; what it says, read where it is JSON."""
    if hub.home.database.is_shared:
        monkeypatch.setenv("RACCORDO_DATABASE_URL", hub.home.settings.database_url)

    def call(*arguments: object, code: int = 0, home: Path | None = None) -> Any:
        capsys.readouterr()
        assert run([*map(str, arguments), "--home", str(home or hub.home.folder)]) == code
        out, err = capsys.readouterr()
        return json.loads(out) if out.startswith(("[", "{")) else out + err

    return call
