"""A fresh store for each test, on either kind of database."""

import pytest

from tests.stores import KINDS
from tests.unit.store.making import FakeClock, Store, fresh_database


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def store(kind, tmp_path):
    clock = FakeClock()
    with fresh_database(kind, tmp_path, clock) as database:
        yield Store(database, clock)
