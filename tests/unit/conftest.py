"""A fresh store for each test, on either kind of database."""

import pytest

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
