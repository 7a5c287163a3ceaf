"""How a hub puts everything down."""

from pathlib import Path
from unittest.mock import Mock

import pytest

from hub.bootstrap import Hub
from tests.harness import make_home


def test_what_fails_at_the_stop_leaves_nothing_else_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that was full for the last anchor left the database open, and the part of who anchors taken."""
    hub = Hub(make_home(tmp_path / "home"))
    closed, released = Mock(wraps=hub.database.close), Mock()
    monkeypatch.setattr(hub.database, "close", closed)
    monkeypatch.setattr(hub.anchors, "release", released)
    monkeypatch.setattr(hub.anchors, "write", Mock(side_effect=OSError("no space left")))
    with pytest.raises(OSError, match="no space"), hub.working(serving=True):
        pass
    assert (closed.called, released.called, hub.committer.alive) == (True, True, False)
