"""What state machines stand on: a store of their own for each run."""

import tempfile
from contextlib import ExitStack
from pathlib import Path

from hypothesis.stateful import RuleBasedStateMachine

from tests.unit.store.making import FakeClock, Store, fresh_database


class StoreMachine(RuleBasedStateMachine):
    """Over a fresh store, on the `kind` of database that a subclass names."""

    kind: str

    def __init__(self):
        super().__init__()
        self.opened = ExitStack()
        folder = self.opened.enter_context(tempfile.TemporaryDirectory())
        self.clock = FakeClock()
        database = self.opened.enter_context(fresh_database(self.kind, Path(folder), self.clock))
        self.store = Store(database, self.clock)

    def teardown(self):
        self.opened.close()
