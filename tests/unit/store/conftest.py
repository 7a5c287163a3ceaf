"""A fresh store for each test."""

import pytest

from tests.unit.store.making import FakeClock, Store, new_database


@pytest.fixture
def store(tmp_path):
    clock = FakeClock()
    database = new_database(tmp_path / "store.db", clock)
    yield Store(database, clock)
    database.close()
