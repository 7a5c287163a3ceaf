"""What is written one after the other while the next is understood: in order, and nothing behind what failed."""

from threading import Event

import pytest

from hub.inbound.line import Line


def test_what_is_put_waits_for_what_is_under_way_and_what_follows_it_does_not():
    first, done = Event(), []
    with Line() as line:
        line.put(["a"], first.wait, lambda: done.append("a"))
        line.then(lambda: done.append("place"), lambda: None)
        assert line.holds_any(["x", "a"])
        assert not line.holds_any(["x"])
        assert done == []
        first.set()
        line.put(["b"], lambda: None, lambda: done.append("b"))
        assert sorted(done[:2]) == ["a", "place"]
        line.wait()
        assert not line.holds_any(["a", "b"])
    assert done[2:] == ["b"]


def test_behind_what_failed_nothing_is_done_and_who_waits_is_told_why():
    done: list[str] = []

    def fail() -> None:
        raise LookupError("full")

    with Line() as line:
        line.put(["a"], fail, lambda: done.append("told"))
        line.then(lambda: done.append("place"), lambda: done.append("moved"))
        with pytest.raises(LookupError):
            line.put(["b"], lambda: done.append("b"), lambda: None)
        line.wait()
        line.then(lambda: done.append("later"), lambda: None)
        with pytest.raises(RuntimeError):
            line.wait()
    assert done == []


def test_what_is_put_at_once_is_done_where_it_is_put_and_after_what_is_under_way():
    order: list[str] = []
    with Line() as line:
        line.put(["a"], lambda: order.append("a"), lambda: None)
        line.put(["b"], lambda: order.append("b"), lambda: order.append("told"), at_once=True)
        assert order == ["a", "b", "told"]
