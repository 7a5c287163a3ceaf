"""A fresh store for each test, on either kind of database."""

from collections import Counter

import pytest

from hub.store import committer
from hub.store.faults import error_name
from tests.stores import KINDS
from tests.unit.store.making import FakeClock, Store, fresh_database, make_draft


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def store(kind, tmp_path):
    clock = FakeClock()
    with fresh_database(kind, tmp_path, clock) as database:
        yield Store(database, clock)


@pytest.fixture
def outbox(store):
    """One queued delivery of an active connector."""
    store.connector()
    store.publish(make_draft())
    return store


@pytest.fixture
def broken_off(monkeypatch):
    """Why transactions had to be tried again."""
    seen, known = Counter(), committer.may_pass

    def may_pass(error):
        seen[error_name(error).partition("/")[0]] += 1
        return known(error)

    monkeypatch.setattr(committer, "may_pass", may_pass)
    return seen
