"""What is changed holds on every process within two seconds. No clock tells it here: of a crowded machine it would tell
how crowded it is."""

import pytest

from hub.dispatch import pool
from hub.feed import streams
from hub.settings import Settings
from hub.store.snapshot import Watcher


@pytest.mark.parametrize(
    "every_s",
    [Watcher(())._rounds.every_s, streams.LOOK_S, Settings.model_fields["pdnd_events_s"].default],
    ids=["configuration", "event streams", "keys at PDND"],
)
def test_looks_are_a_second_apart_at_most_which_leaves_one_for_what_follows(every_s):
    assert 0 < every_s <= 1


def test_a_secret_that_is_only_named_is_looked_at_every_two_seconds():
    assert 0 < pool.LOOK_S <= 2
