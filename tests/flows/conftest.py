"""The main flows run on both kinds of database, on a hub; the command line works on the home of the hub that runs."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hub.store.vendor_records import change_vendor
from tests import stores
from tests.flows.administering import Admin, admin_of
from tests.flows.making import command_line, described_hub, new_person
from tests.harness import ENTE, HubUnderTest


@pytest.fixture(scope="module", params=stores.KINDS)
def kind(request: pytest.FixtureRequest) -> Iterator[str]:
    """Homes made meanwhile have their database there."""
    with stores.in_use(request.param):
        yield request.param


@pytest.fixture(scope="module")
def hub(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubUnderTest]:
    """One without connectors; a module that needs more has its own."""
    with described_hub(tmp_path_factory.mktemp("hub") / "home") as running:
        yield running


@pytest.fixture(scope="module")
def admin(hub: HubUnderTest) -> Admin:
    """Who may do everything; a module that tells roles apart has its own."""
    return admin_of(hub, "anna.verdi", "administrator")


@pytest.fixture
def person() -> str:
    """A citizen of the test's own, of whom nothing is known yet."""
    return new_person()


@pytest.fixture
def staged(hub: HubUnderTest) -> Iterator[Callable[[str], None]]:
    """Takes `beta`, who is in its sandbox, to a stage; in the end it is there again."""

    def move(stage: str) -> None:
        with hub.home.database.write() as tx:
            change_vendor(tx, ENTE, "beta", {"stage": stage})
        hub.hub.registry.poll()

    yield move
    move("sandbox")


@pytest.fixture
def raccordo(
    hub: HubUnderTest, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    """The command line on the home of the test's `hub`, or on another."""
    return command_line(hub, monkeypatch, capsys)
