"""What no connector may show in logs, failures, memos or replies: the part that all conformance suites look at."""

import logging
import traceback
from collections.abc import Iterable, Iterator
from typing import ClassVar

import pytest

from contracts.failures import Failure

_LOGGERS = ("", "httpx", "httpcore.connection", "httpcore.http11")


class Discretion:
    """A suite says with `hidden` what must not show; each of its tests then has its log read."""

    secrets: ClassVar[tuple[str, ...]] = ()
    """Values of the settings that may not show anywhere."""
    provider_loggers: ClassVar[tuple[str, ...]] = ()
    """Loggers of a played provider, which runs in this process and may log what it gets."""

    def hidden(self) -> Iterable[str]:
        return self.secrets

    @pytest.fixture(autouse=True)
    def _nothing_personal_is_logged(self, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
        for name in _LOGGERS:
            caplog.set_level(logging.DEBUG, logger=name)
        yield
        self.logged_nothing(caplog)

    def logged_nothing(self, caplog: pytest.LogCaptureFixture) -> None:
        """Assert, when a test is over, that its log shows nothing that it should not."""
        # `caplog.records` would be those of the fixture's own end.
        records = [record for record in caplog.get_records("call") if record.name not in self.provider_loggers]
        self.shows_nothing("\n".join(f"{record.getMessage()} {record.exc_text}" for record in records))

    def shows_nothing(self, text: str) -> None:
        """Assert that nothing of what is hidden stands in `text`."""
        for value in self.hidden():
            assert value.lower() not in text.lower(), "a secret or personal datum shows"

    def is_a_failure(self, failure: Failure) -> None:
        """Assert that the failure has a stable reason and shows nothing."""
        assert failure.reason, "a failure has a reason"
        assert failure.reason.isascii()
        assert " " not in failure.reason
        self.shows_nothing("".join(traceback.format_exception(failure)))
