"""Random histories of payments and documents, in random order, from two vendors: the end is the same (settled 11, 14).

The model knows no order: what is shown of a notice is what its contributors say together, and a document is superseded
while another one that is here replaces it.
"""

from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.store.amendments import Withdraw
from hub.store.drafts import Identity
from hub.store.intake import Submission
from hub.store.tables import item_identities, items
from tests.unit.store.making import ENTE, Subject, make_draft

VENDORS = ("acme", "beta")
# What a source may say one after the other without taking a fact back.
HISTORIES = st.sampled_from(
    [
        ("due",),
        ("due", "started", "paid"),
        ("due", "cancelled"),
        ("creating", "due", "overdue"),
        ("due", "paid", "refunded"),
        ("due", "paid_elsewhere"),
        ("due", "expired"),
    ]
)
ORDER = ("refunded", "paid", "paid_elsewhere", "started", "overdue", "due", "creating", "expired", "cancelled")
PAID = ORDER[:3]
names = count()
QUIET = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def drafted(vendor, collection, external_id, who, version, **fields):
    made = {
        "identity": Identity(ENTE, vendor, "s", external_id, collection),
        "subject": Subject(ENTE, "person", who),
        "version": version,
        "content_hash": f"{version:064}",
        "deliveries": (),
    }
    state = fields.pop("state")
    turn = "citizen" if collection == "payments" and state in ("due", "started", "overdue") else "none"
    return make_draft(**(made | {"state": state, "reported_state": state, "turn": turn} | fields))


def rows_of(store, who):
    """The items of a person, by vendor and collection."""
    with store.database.read() as connection:
        citizen = store.citizens.find(connection, Subject(ENTE, "person", who))
    return [row for row in store.rows(items) if citizen is not None and row["citizen_id"] == citizen.citizen_id]


def withdraw(store, item):
    act = Withdraw(item["item_id"], "errore")
    store.run(store.intake.record, Submission(store.signed(vendor=item["vendor_id"]), act=act))


@pytest.mark.req("S58", "S59")
@QUIET
@given(
    histories=st.lists(HISTORIES, min_size=2, max_size=2),
    receipts=st.sets(st.sampled_from(VENDORS)),
    gone=st.sets(st.sampled_from(VENDORS)),
    data=st.data(),
)
def test_a_notice_is_one_payment_in_whatever_order_it_is_told_of(store, histories, receipts, gone, data):
    who = f"persona-{next(names)}"
    acts = [
        (vendor, drafted(vendor, "payments", who, who, version, state=state, notice_key=who))
        for vendor, history in zip(VENDORS, histories, strict=True)
        for version, state in enumerate(history, start=1)
    ]
    acts += [
        (vendor, drafted(vendor, "receipts", who, who, 1, state="available", notice_key=who)) for vendor in receipts
    ]
    for vendor, draft in data.draw(st.permutations(acts)):
        (answer,) = store.publish(draft, vendor=vendor)
        assert not isinstance(answer, Exception), answer
    for row in rows_of(store, who):
        if row["collection"] == "payments" and row["vendor_id"] in gone:
            withdraw(store, row)

    own = {vendor: history[-1] for vendor, history in zip(VENDORS, histories, strict=True)}
    own |= {vendor: "paid" for vendor in receipts if own[vendor] != "refunded"}
    left = [vendor for vendor in VENDORS if vendor not in gone]
    said = [own[vendor] for vendor in VENDORS if vendor in left or own[vendor] in PAID]
    payments = [row for row in rows_of(store, who) if row["collection"] == "payments"]
    here = [row for row in payments if row["lifecycle"] == "active"]
    shown = [row for row in here if row["folded_into"] in (None, row["item_id"])]
    assert sorted(row["vendor_id"] for row in here) == left
    assert len(shown) == min(1, len(left))
    for row in here:
        assert (row["own_state"] or row["state"]) == own[row["vendor_id"]]
    if shown:
        assert shown[0]["state"] == min(said, key=ORDER.index)
        assert shown[0]["turn"] == ("citizen" if shown[0]["state"] in ("due", "started", "overdue") else "none")
    proofs = [row for row in rows_of(store, who) if row["collection"] == "receipts"]
    assert [row["lifecycle"] for row in proofs] == ["active"] * len(receipts)


DOCUMENTS = ("a", "b", "c")
TIES = st.tuples(st.sampled_from(DOCUMENTS), st.sampled_from(DOCUMENTS)).filter(lambda tie: tie[0] != tie[1])


@pytest.mark.req("S55")
@QUIET
@given(
    ties=st.sets(
        st.tuples(st.sampled_from(DOCUMENTS), st.sampled_from(DOCUMENTS)).filter(lambda tie: tie[0] != tie[1])
    ),
    reported=st.fixed_dictionaries(
        {name: st.sampled_from(["available", "announced", "revoked", "superseded"]) for name in DOCUMENTS}
    ),
    changed=st.sets(st.sampled_from(DOCUMENTS)),
    gone=st.sets(st.sampled_from(DOCUMENTS)),
    data=st.data(),
)
def test_a_document_is_superseded_in_whatever_order_versions_come(store, ties, reported, changed, gone, data):
    who = f"persona-{next(names)}"
    acts = []
    for name in DOCUMENTS:
        # A first version that says something else is overtaken, early or late.
        versions = [(1, "available" if reported[name] != "revoked" else "revoked", ())] if name in changed else []
        links = tuple(sorted(("replaces", f"{who}-{old}") for new, old in ties if new == name))
        versions.append((2, reported[name], links))
        acts += [
            drafted("acme", "documents", f"{who}-{name}", who, version, state=state, links=links)
            for version, state, links in versions
        ]
    for draft in data.draw(st.permutations(acts)):
        (answer,) = store.publish(draft)
        assert not isinstance(answer, Exception), answer
    kept = {name_of(store, row, who): row for row in rows_of(store, who)}
    for name in sorted(gone):
        withdraw(store, kept[name])

    for name, row in {name_of(store, row, who): row for row in rows_of(store, who)}.items():
        replaced = any(old == name and new not in gone and reported[new] != "announced" for new, old in ties)
        if name in gone:
            assert row["lifecycle"] == "withdrawn"
        elif reported[name] == "revoked":
            assert row["state"] == "revoked"
        else:
            assert row["state"] == ("superseded" if replaced else reported[name])


def test_a_document_that_was_only_announced_replaces_nothing_though_it_is_superseded_itself(store):
    who = f"persona-{next(names)}"
    for name, state, replaced in (("a", "announced", "c"), ("b", "available", "a"), ("c", "available", None)):
        links = () if replaced is None else (("replaces", f"{who}-{replaced}"),)
        store.publish(drafted("acme", "documents", f"{who}-{name}", who, 1, state=state, links=links))
    states = {name_of(store, row, who): row["state"] for row in rows_of(store, who)}
    assert states == {"a": "superseded", "b": "available", "c": "available"}


def name_of(store, row, who):

    (name,) = [one["external_id"] for one in store.rows(item_identities) if one["item_id"] == row["item_id"]]
    return name.removeprefix(f"{who}-")
