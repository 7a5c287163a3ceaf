"""What an answer of the mail server speaks of: of everybody's mail, or of this one."""

import pytest

from contracts.failures import Deferred

from .statuses import Phase, Reply, failure


@pytest.mark.parametrize(
    ("phase", "code", "status", "about"),
    [
        (Phase.DATA, 451, "4.7.1", "message"),
        (Phase.SENT, 451, "4.7.1", "message"),
        (Phase.SENT, 451, "", "message"),
        (Phase.SENT, 451, "4.3.0", "provider"),
        (Phase.SENT, 421, "4.7.0", "provider"),
        (Phase.SENDER, 451, "4.7.1", "provider"),
        (Phase.CONNECT, 421, "", "provider"),
        (Phase.RECIPIENT, 451, "4.3.0", "message"),
    ],
)
def test_a_text_refused_for_now_speaks_of_itself(phase: Phase, code: int, status: str, about: str) -> None:
    """A filter that put off one vendor's messages closed the lane for everybody's."""
    found = failure(Reply(phase, code, status))
    assert isinstance(found, Deferred)
    assert found.about == about
