"""What holds for every test."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.telemetry import Lines
from tests.requirements_page import RequirementsPage


@pytest.fixture(autouse=True)
def _logs_end_with_their_test() -> Iterator[None]:
    """A command that a test ran has set the process's logs up, on a stream that closes with the test."""
    before = logging.root.handlers[:]
    yield
    for handler in logging.root.handlers[:]:
        if handler not in before and type(handler) in (logging.StreamHandler, Lines):
            logging.root.removeHandler(handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--requirements-page", type=Path, help="write which requirements the passed tests prove")


def pytest_configure(config: pytest.Config) -> None:
    page = config.getoption("--requirements-page")
    if page is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(RequirementsPage(page))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Reports travel from workers to their controller, marks do not."""
    for item in items:
        for mark in item.iter_markers("req"):
            item.user_properties += [("req", number) for number in mark.args]
