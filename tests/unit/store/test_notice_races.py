"""Several processes write about payments and receipts of one notice, by whatever name each of them came to it: they
wait for each other in one order, and PostgreSQL has no deadlock to break."""

from dataclasses import replace
from datetime import timedelta

import orjson
import pytest

from contracts.positions import Numbering
from hub.errors import HubError
from hub.store.amendments import Withdraw
from hub.store.drafts import Numbers, Registration
from hub.store.intake import Submission
from hub.store.tables import items
from tests.unit.store.test_writers import CREDITOR, OTHER, at_once, payment, processes, publishing, receipt

ROUNDS = 12
NUMBERING = Numbering(CREDITOR, 47)


@pytest.fixture(scope="module")
def kind():
    return "postgresql"


def again(draft, **fields):
    return replace(draft, version=2, content_hash=OTHER, **fields)


def named(draft, name):
    return replace(draft, identity=draft.identity._replace(vendor_id="beta", external_id=name))


def numbered(name):
    """A payment whose notice number is the hub's."""
    by, content = Registration("gpd", timedelta(days=30), NUMBERING), orjson.dumps({"creditor_tax_code": CREDITOR})
    more = {"registration": by, "numbers": Numbers(NUMBERING, (0,)), "payload": content}
    return payment(name, notice_key=None, **more)


def one_leaves_while_the_other_is_changed(store, one, other, n):
    mine, theirs = payment(f"n{n}"), named(payment(f"n{n}"), f"q{n}")
    store.publish(mine, theirs)
    key = f"m{n}" if n % 2 else None
    return publishing(one, again(mine, notice_key=key)), publishing(other, again(theirs))


def one_is_withdrawn_while_the_other_is_changed(store, one, other, n):
    mine, theirs = payment(f"n{n}"), named(payment(f"n{n}"), f"q{n}")
    made, _ = store.publish(mine, theirs)
    withdrawal = Submission(one.signed(), act=Withdraw(made.item_id, "x"))
    return lambda: one.committer.write(one.intake.record, withdrawal), publishing(other, again(theirs))


def one_of_the_hubs_numbers_is_changed_beside_another_that_names_it(store, one, other, n):
    mine = numbered(f"n{n}")
    (made,) = store.publish(mine)
    (key,) = (row["notice_key"] for row in store.rows(items) if row["item_id"] == made.item_id)
    theirs = named(payment(key), f"q{n}")
    store.publish(theirs)
    return publishing(one, again(mine)), publishing(other, again(theirs))


def two_receipts_change_places(store, one, other, n):
    both = [replace(receipt(name), identity=receipt(f"{name}{n}").identity, notice_key=f"{name}{n}") for name in "nm"]
    store.publish(*both)
    first, second = both
    keys = second.notice_key, first.notice_key
    return publishing(one, again(first, notice_key=keys[0])), publishing(other, again(second, notice_key=keys[1]))


@pytest.mark.req("S58")
@pytest.mark.parametrize(
    "meeting",
    [
        one_leaves_while_the_other_is_changed,
        one_is_withdrawn_while_the_other_is_changed,
        one_of_the_hubs_numbers_is_changed_beside_another_that_names_it,
        two_receipts_change_places,
    ],
)
def test_whoever_writes_about_a_notice_waits_for_whoever_does_already(store, broken_off, meeting):
    with processes(store, 2) as (one, other):
        for n in range(ROUNDS):
            for answer in at_once(*meeting(store, one, other, n)):
                assert not isinstance(answer, HubError | Exception), answer
    assert not broken_off
