"""What holds for every test here."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

import tests.hypothesis_profile  # noqa: F401 - the profile is loaded with it
from hub.telemetry import Lines
from tests.real import server
from tests.requirements_page import RequirementsPage
from tests.softhsm import SoftHsm, made, module

_FLOWS = Path(__file__).parent / "flows"


@pytest.fixture(autouse=True)
def _logs_end_with_their_test() -> Iterator[None]:
    """A command that a test ran has set the process's logs up, on a stream that closes with the test."""
    before = logging.root.handlers[:]
    yield
    for handler in logging.root.handlers[:]:
        if handler not in before and type(handler) in (logging.StreamHandler, Lines):
            logging.root.removeHandler(handler)


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftHsm]:
    """A token for a module of tests, with what a process's environment says of it. Skips where there is no SoftHSM."""
    library, folder = module(), tmp_path_factory.mktemp("softhsm")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(folder / "softhsm2.conf"))
        patch.setenv("RACCORDO_PKCS11_MODULE", library)
        patch.setenv("RACCORDO_PKCS11_PIN", f"file:{folder / 'pin'}")
        yield made(folder, library)


@pytest.fixture
def without() -> Iterator[Callable[..., None]]:
    """Switches checks of a request off by their names, until the test ends; what was compiled of the table before and
    after is forgotten."""
    from hub.security import checks

    def forget() -> None:
        for compiled in (checks.checks_of, checks.runs_of):
            compiled.cache_clear()

    def off(*names: str) -> None:
        assert {*names} <= {one.name for one in checks.CHECKS}
        patch.setattr(checks, "CHECKS", tuple(one for one in checks.CHECKS if one.name not in names))
        forget()

    with pytest.MonkeyPatch.context() as patch:
        yield off
    forget()


@pytest.fixture
def one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short limits count by the clock's minutes: half of one is over, and it does not end before the test."""
    monkeypatch.setattr("hub.http.limits.time", SimpleNamespace(monotonic=lambda: 30.0))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--requirements-page", type=Path, help="write which requirements the passed tests prove")


def pytest_configure(config: pytest.Config) -> None:
    page, beside = config.getoption("--requirements-page"), getattr(config, "workerinput", None)
    if beside is not None:
        number = int(beside["workerid"].removeprefix("gw"))
        server.PORTS = server.PORTS[number :: beside["workercount"]]
    elif page is not None:
        config.pluginmanager.register(RequirementsPage(page))


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in its own
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        # Reports travel from workers to their controller, marks do not.
        for mark in item.iter_markers("req"):
            item.user_properties += [("req", number) for number in mark.args]
        if _FLOWS in item.path.parents and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(_of_one_hub(item)))


def _of_one_hub(item: pytest.Item) -> str:
    """The group of the tests that one hub can serve: two workers that shared a module would each start its hubs."""
    called = getattr(item, "callspec", None)
    return f"{item.path.name} {called.params.get('kind', '') if called else ''}".strip()
