"""For random histories of versions, in random order and pieces, the end is the same: every collection (settled 11).

Between sources that meet in one fact (payments of one notice, documents that replace each other) `test_orders` looks.
"""

import tempfile
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.items import COLLECTIONS
from contracts.states import MACHINES
from hub.store.item_history import version_payload
from hub.store.tables import agenda
from tests.flows.making import MAKERS, new_person, notice_number
from tests.stores import KINDS
from tests.unit.store.canonical import Canonical, days, instant
from tests.unit.store.making import ENTE, START, FakeClock, Store, fresh_database

names = count()
DAYS = st.none() | st.integers(1, 60)


def states(collection, without=()):
    return st.sampled_from(sorted(set(MACHINES[collection].ways) - {*without}))


def moment(day):
    return {} if day is None else {"due_at": instant(START + days(day))}


def date(name, day):
    return {} if day is None else {name: (START + days(day)).date().isoformat()}


def handed(state, day):
    """A thing on paper that is collected, where it is."""
    delivery = {"mode": "collect", "place": "Anagrafe", "state": state}
    delivery |= {} if state == "preparing" else {"ready_at": instant(START)}
    delivery |= {} if day is None else {"collect_by": instant(START + days(day))}
    return {"form": "physical", "delivery": delivery}


FIELDS = {
    "messages": st.builds(
        lambda day, confirm, kind: {"requires_confirmation": confirm, "kind": kind} | moment(day),
        DAYS,
        st.booleans(),
        st.sampled_from(["info", "integration_request", "alert"]),
    ),
    "documents": st.builds(
        lambda state, day: (
            ({} if state == "available" else {"state": state})
            | ({} if day is None else {"valid_to": instant(START + days(day))})
        ),
        states("documents", {"announced"}),
        DAYS,
    ),
    "handovers": st.builds(handed, st.sampled_from(["preparing", "ready", "collected", "returned"]), DAYS),
    "payments": st.builds(lambda state, day: {"state": state} | date("due_date", day), states("payments"), DAYS),
    "receipts": st.builds(lambda cents: {"amount_cents": cents}, st.integers(1, 9)),
    # A draft is not expired by its source here: that is refused while it is promised, in the order in which it is.
    "applications": st.builds(lambda state: {"state": state} | integration(state), states("applications", {"expired"})),
    "subscriptions": st.builds(
        lambda state, day, renewal: {"state": state, "renewal": renewal} | date("valid_to", day),
        states("subscriptions"),
        DAYS,
        st.sampled_from(["auto", "manual", "none"]),
    ),
    "deadlines": st.builds(lambda state, day: {"state": state} | moment(day), states("deadlines"), st.integers(1, 60)),
    "services": st.builds(
        lambda state, name: {"state": state, "name": name},
        st.sampled_from(["published", "suspended", "retired"]),
        st.sampled_from(["Mensa", "Nido"]),
    ),
}
"""What versions of an item say, by collection; of a document also what is said of its handover."""


def integration(state):
    if state != "integration_requested":
        return {}
    return {"integration": {"requested_at": instant(START), "due_at": instant(START + days(20)), "reason": "ISEE"}}


def sayable(kind, said):
    """The versions without those by which a source would take a fact back: they are refused (settled 12)."""
    machine, kept = MACHINES.get(kind), []
    for fields in said:
        if machine is None or not kept or machine.reportable(state_of(kind, kept[-1]), state_of(kind, fields)):
            kept.append(fields)
    return kept


def state_of(kind, fields):
    return fields["delivery"]["state"] if kind == "handovers" else fields.get("state", "available")


class Histories(Canonical):
    """Items of one vendor, each of a person of its own."""

    def play(self, kind, versions, sizes):
        """Publish the versions in pieces of these sizes, then all of them again; what the citizen has in the end."""
        collection = "documents" if kind == "handovers" else kind
        name, person, number = f"item-{next(names)}", new_person(), notice_number()
        drafts = []
        for version, fields in versions:
            own = {"version": version, "as_of": instant(START + timedelta(minutes=version))} | fields
            if collection == "services":
                del own["as_of"]
                item = MAKERS[collection](name) | own
            else:
                item = MAKERS[collection](name, tax_code=person) | own
            if collection == "payments":
                item["notice_number"] = number
            drafts.append(self.drafted(collection, item))
        waiting, parts = list(drafts), iter(sizes)
        while waiting:
            size = next(parts)
            part, waiting = waiting[:size], waiting[size:]
            for answer in self.store.publish(*part):
                assert not isinstance(answer, Exception), answer
        self.store.publish(*drafts)
        return self.end_of(name, max(drafts, key=lambda draft: draft.version))

    def end_of(self, name, newest):
        item = self.item(name)
        columns = ("state", "reported_state", "turn", "version", "due_at", "as_of", "lifecycle", "hidden", "own_state")
        told = self.made(item["item_id"], "messages")
        rule = None if newest.told is None else newest.told.message.identity.external_id
        with self.store.database.read() as connection:
            citizen = self.store.citizens.by_id(connection, ENTE, item["citizen_id"])
            place = {"item_id": item["item_id"], "version": item["version"]}
            payload = version_payload(connection, self.store.vault, citizen, **place)
        # Of both parts the content is that of the newest version.
        assert payload == newest.payload
        open_still = self.made(item["item_id"], "deadlines").items()
        return {
            **{column: item[column] for column in columns},
            "deadlines": sorted((kind, row["due_at"]) for kind, row in open_still if row["state"] == "open"),
            "agenda": sorted(
                (row["occasion"], row["at"]) for row in self.store.rows(agenda) if row["item_id"] == item["item_id"]
            ),
            "told": rule is not None and any(each.partition(".")[0] == rule for each in told),
        }


@pytest.fixture(scope="module", params=KINDS)
def histories(request):
    """A store that all examples share."""
    with tempfile.TemporaryDirectory() as folder:
        clock = FakeClock()
        with fresh_database(request.param, Path(folder), clock) as database:
            yield Histories(Store(database, clock))


def test_every_collection_has_histories():
    assert FIELDS.keys() == COLLECTIONS.keys() | {"handovers"}


@pytest.mark.req("S25", "S26")
@pytest.mark.parametrize("kind", FIELDS)
def test_the_same_versions_in_another_order_and_other_pieces_leave_the_same(histories, kind):
    @settings(max_examples=6 if histories.store.database.is_shared else 25, deadline=None)
    @given(data=st.data())
    def holds(data):
        said = sayable(kind, data.draw(st.lists(FIELDS[kind], min_size=2, max_size=5)))
        versions = list(enumerate(said, start=1))
        sizes = st.lists(st.integers(1, 3), min_size=len(versions), max_size=len(versions))
        in_order = histories.play(kind, versions, data.draw(sizes))
        shuffled = histories.play(kind, data.draw(st.permutations(versions)), data.draw(sizes))
        assert shuffled == in_order

    holds()
