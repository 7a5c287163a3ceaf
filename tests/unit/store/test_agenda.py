"""Items at which the hub looks again by itself: one that cannot be kept holds up none of the others."""

from datetime import timedelta

import pytest

from hub import metrics
from hub.errors import StoreUnavailable
from hub.store.agenda import Agenda, Happening
from hub.store.drafts import Appointment
from hub.store.ending import mark_ente
from hub.store.publications import Publications
from hub.store.tables import agenda, timeline
from hub.store.watching import each_on_its_own

from .making import ENTE, START, make_draft

SOON = START + timedelta(minutes=1)


@pytest.fixture
def three(store):
    """Items with something due, by their names."""
    found = {}
    for name in ("first", "odd", "last"):
        draft = make_draft(name, agenda=(Appointment("reminder", SOON),), deliveries=())
        (answer,) = store.publish(draft)
        found[name] = answer.item_id
    store.clock.pass_by(minutes=2)
    return found


def kept(store, happen):
    return Agenda(store.citizens, store.vault, Publications(store.citizens, store.vault), happen).keep_all(store)


def remembered(store):
    return {row["item_id"] for row in store.rows(timeline) if row["event"] == "remembered"}


def put_off():
    return metrics.REGISTRY.get_sample_value("raccordo_agenda_put_off_total")


def test_what_is_due_is_done_once(store, three):
    def happen(*_):
        return Happening(event="remembered")

    assert kept(store, happen)
    assert not kept(store, happen)
    assert remembered(store) == set(three.values())
    assert store.rows(agenda) == []


def test_nothing_is_due_any_more_of_a_body_that_has_left(store, three):
    with store.database.write() as tx:
        mark_ente(tx, ENTE)
    assert not kept(store, lambda *_: Happening(event="remembered"))
    assert remembered(store) == set()
    assert {row["item_id"] for row in store.rows(agenda)} == set(three.values())


@pytest.mark.parametrize("failing", ["happening", "writing"])
def test_one_that_fails_holds_up_none_of_the_others(store, three, failing, caplog):
    healed = []

    def happen(item, *_):
        if item["item_id"] == three["odd"] and not healed:
            if failing == "happening":
                raise ValueError("damaged")
            return Happening(event="remembered", data={"x": object()})
        return Happening(event="remembered")

    before = put_off()
    kept(store, happen)
    assert remembered(store) == {three["first"], three["last"]}
    assert three["odd"] in caplog.text
    assert put_off() == before + (failing == "writing")
    if failing == "happening":
        return  # nobody can say what was to happen: it is not tried for ever
    assert [(row["item_id"], row["at"]) for row in store.rows(agenda)] == [
        (three["odd"], store.clock.now() + timedelta(hours=1))
    ]
    assert not kept(store, happen)
    store.clock.pass_by(hours=1)
    healed.append(True)
    assert kept(store, happen)
    assert remembered(store) == set(three.values())


def test_where_the_store_is_away_nothing_is_put_off(store, three):
    class Away:
        def write(self, _handler, _value):
            raise StoreUnavailable(cause="away")

    before = store.rows(agenda)
    publications = Publications(store.citizens, store.vault)
    with pytest.raises(StoreUnavailable):
        Agenda(store.citizens, store.vault, publications, lambda *_: Happening()).keep_all(Away())
    assert store.rows(agenda) == before
    assert len(before) == len(three)


def test_each_step_has_its_turn_and_the_first_failure_is_told():
    done = []
    with pytest.raises(ZeroDivisionError):
        each_on_its_own(lambda: done.append(1), lambda: 1 / 0, lambda: done.append(2), lambda: {}["x"])
    assert done == [1, 2]
    each_on_its_own(lambda: done.append(3))
    assert done == [1, 2, 3]
