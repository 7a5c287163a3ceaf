"""What state machines stand on: a store of their own for each run."""

import tempfile
from contextlib import ExitStack
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine

from tests.stores import KINDS
from tests.unit.store.making import FakeClock, Store, fresh_database


class StoreMachine(RuleBasedStateMachine):
    """Over a fresh store, on the `kind` of database that `on_each_kind` names."""

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


def on_each_kind(machine, *, examples, steps, slow=True):
    """Its test cases on SQLite and on PostgreSQL, of so many examples there; `slow` if making one may take long."""
    suppressed = [HealthCheck.too_slow] if slow else []
    for kind, most in zip(KINDS, examples, strict=True):
        here = type(f"{machine.__name__}On{kind.title()}", (machine,), {"kind": kind})
        here.TestCase.settings = settings(
            max_examples=most, stateful_step_count=steps, deadline=None, suppress_health_check=suppressed
        )
        yield here.TestCase
