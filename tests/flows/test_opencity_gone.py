"""An application that OpenCity has no more goes with all that hangs on it, under one brake, whatever breaks meanwhile;
what was paid stays, and so does everything of another application, or of another's."""

import base64
from types import SimpleNamespace

import pytest
from sqlalchemy import delete

from connectors.opencity.simulator_model import name_of
from hub.store.tables import items, missing_records, quarantine, source_positions
from tests.flows.making import fresh, new_person, notice_number, rows
from tests.flows.test_opencity import Tenant
from tests.harness import ENTE, eventually, make_message, running_hub

pytestmark = pytest.mark.xdist_group("opencity-gone")
MOST = 6


@pytest.fixture(scope="module")
def tenant(tmp_path_factory, kind):
    tenant = Tenant(tmp_path_factory.mktemp("opencity"))
    yield tenant
    tenant.simulation.stop()


@pytest.fixture(scope="module")
def hub(tmp_path_factory, kind, tenant):
    own = {
        "vendor_id": "acme",
        "poll_every_s": 86_400,
        "withdraw_at_most": MOST,
        "service_ids": {"bonus-mensa": "tari"},
        "collections": ["applications", "messages", "payments", "documents"],
    }
    connectors = {"sdc": ("opencity", dict(tenant.settings) | own)}
    with running_hub(tmp_path_factory.mktemp("hub") / "home", connectors=connectors, sweep_s=0.3) as hub:
        polling = hub.hub.inbound.polling
        eventually(lambda: rows(hub, source_positions), lambda found: found and found[0]["read_at"])
        # From now on only the tests read.
        polling._turn.release()
        polling._turn = SimpleNamespace(held=lambda: False, release=lambda: None)
        eventually(lambda: polling._busy, lambda busy: not busy)
        yield hub


@pytest.fixture(autouse=True)
def _anew(hub):
    with hub.home.database.write() as tx:
        tx.connection.execute(delete(missing_records))


def swept(hub):
    """What came of a round that reads all there is, as after a day."""
    with hub.home.database.write() as tx:
        tx.connection.execute(delete(source_positions))
    polling = hub.hub.inbound.polling
    return dict(polling.once(polling._configs()[ENTE, "sdc"]).counts)


def shown(hub, person):
    """What the citizen sees, by collection: how many."""
    seen = {}
    for collection in ("applications", "messages", "payments", "documents"):
        found = hub.read(f"/{collection}", person).json()["items"]
        seen[collection] = len([one for one in found if one["source"] == "opencity"])
    return seen


def whole(tenant, person, *, debtor=None, paid=False):
    """An application with a message, a file and a payment."""
    name = tenant.application(person, payment_type="mypay", payment_data={"amount": "16.00"})
    tenant.told("POST", f"messages/{name}", {"message": "<p>Manca l'ISEE</p>", "visibility": "applicant"})
    told = {"kind": "attachments", "name": "Ricevuta.pdf", "base64": base64.b64encode(b"%PDF-1.7 x").decode()}
    tenant.told("POST", f"files/{name}", told)
    pay(tenant, name, debtor or person, paid=paid)
    return name


def pay(tenant, application, debtor, *, paid):
    payment = {
        "id": name_of(len(tenant.simulation.tenant.payments) + 1, 2),
        "type": "PAGOPA",
        "remote_id": application,
        "status": "COMPLETE" if paid else "PAYMENT_PENDING",
        "reason": "Mensa",
        "created_at": "2026-02-03T09:13:10+01:00",
        "updated_at": "2026-02-03T09:14:10+01:00",
        "payment": {
            "amount": 16,
            "notice_code": notice_number(),
            "receiver": {"tax_identification_number": "00301970190"},
        },
        "debtor": {"tax_identification_number": debtor},
        "links": {},
    }
    tenant.told("POST", "records", {"payments": [payment]})


def withdrawn(hub):
    return {row["name"].partition("/")[0] for row in rows(hub, missing_records) if row["withdrawn_at"] is not None}


ALL = {"applications": 1, "messages": 1, "payments": 1, "documents": 1}
NONE = dict.fromkeys(ALL, 0)


@pytest.mark.req("S55")
def test_what_hangs_on_an_application_goes_with_it_and_nothing_else(hub, tenant, person):
    parent, other = new_person(), new_person()
    gone = whole(tenant, person, debtor=parent)
    whole(tenant, other)
    whole(tenant, person)
    wish = {"links": [{"rel": "application", "external_id": gone}], "source": "opencity", "notify": {"channels": []}}
    assert hub.publish("messages", make_message(fresh(), tax_code=person, **wish)).status_code == 201
    swept(hub)
    assert shown(hub, person) == {"applications": 2, "messages": 3, "payments": 1, "documents": 2}
    assert shown(hub, parent) == NONE | {"payments": 1}
    files = [one["item_id"] for one in hub.read("/documents", person).json()["items"]]
    tenant.told("DELETE", f"applications/{gone}")
    assert swept(hub)["withdrawn"] == 4
    # Beside those of the other application the message that the vendor itself published.
    assert shown(hub, person) == ALL | {"messages": 2}
    assert shown(hub, parent) == NONE
    assert shown(hub, other) == ALL
    assert sorted(hub.read(f"/documents/{each}/content", person).status_code for each in files) == [200, 404]
    assert len(rows(hub, missing_records)) == 4
    assert withdrawn(hub) == {"application", "message", "payment", "file"}
    before = [(row["item_id"], row["sequence"]) for row in rows(hub, items)]
    assert set(swept(hub)) <= {"unchanged", "passed"}
    assert [(row["item_id"], row["sequence"]) for row in rows(hub, items)] == before


def test_a_payment_that_was_paid_stays(hub, tenant, person):
    gone = whole(tenant, person, paid=True)
    pay(tenant, gone, person, paid=False)
    swept(hub)
    tenant.told("DELETE", f"applications/{gone}")
    assert swept(hub)["withdrawn"] == 4
    assert shown(hub, person) == NONE | {"payments": 1}
    assert [one["state"] for one in hub.read("/payments", person).json()["items"]] == ["paid"]


def test_parts_count_under_the_brake(hub, tenant, person):
    gone = [whole(tenant, person), whole(tenant, person)]
    swept(hub)
    there = dict(tenant.simulation.tenant.applications)
    for name in gone:
        tenant.told("DELETE", f"applications/{name}")
    assert "withdrawn" not in swept(hub), f"eight would go, of {MOST}"
    assert shown(hub, person) == dict.fromkeys(ALL, 2)
    assert {row["name"] for row in rows(hub, missing_records)} == {f"application/{name}" for name in gone}
    tenant.simulation.tenant.applications.update(there)
    swept(hub)
    assert rows(hub, missing_records) == [], "it has them after all"


@pytest.mark.parametrize("point", ["taker", "settled", "pieces"])
def test_what_a_crash_leaves_half_taken_back_is_taken_back_and_counted(hub, tenant, person, monkeypatch, point):
    gone = whole(tenant, person)
    swept(hub)
    tenant.told("DELETE", f"applications/{gone}")
    with monkeypatch.context() as patch:
        if point == "settled":  # all is taken back, and not counted
            patch.setattr("hub.inbound.missing.Settled", killed)
        elif point == "taker":  # nothing is
            patch.setattr(hub.hub.inbound.missing.taker, "take", killed)
        else:  # some of what hangs on it is, and not itself
            patch.setattr("hub.inbound.taking.PIECE", 1)
            patch.setattr(hub.hub.inbound.missing.taker, "_write", dying_after(hub, 2))
        with pytest.raises(SystemExit):
            swept(hub)
    assert shown(hub, person)["applications"] == (0 if point == "settled" else 1), "itself goes last"
    assert sum(shown(hub, person).values()) == {"settled": 0, "taker": 4, "pieces": 2}[point]
    swept(hub)
    assert shown(hub, person) == NONE
    assert [row["withdrawn_at"] is None for row in rows(hub, missing_records)] == [False] * 4


def test_what_a_crash_took_back_is_counted_though_more_are_missing_than_may_go(hub, tenant, person, monkeypatch):
    """It was shown as held, and left room under the brake for others, for as long as they were missing."""
    gone, *others = [whole(tenant, person) for _ in range(3)]
    swept(hub)
    tenant.told("DELETE", f"applications/{gone}")
    with monkeypatch.context() as patch:
        patch.setattr("hub.inbound.missing.Settled", killed)
        with pytest.raises(SystemExit):
            swept(hub)
    there = dict(tenant.simulation.tenant.applications)
    for name in others:
        tenant.told("DELETE", f"applications/{name}")
    assert "withdrawn" not in swept(hub)
    assert shown(hub, person) == dict.fromkeys(ALL, 2)
    held = {row["name"] for row in rows(hub, missing_records) if row["withdrawn_at"] is None}
    assert held == {f"application/{name}" for name in others}
    assert len(rows(hub, missing_records)) == 4 + 2
    tenant.simulation.tenant.applications.update(there)  # for the tests that share the tenant


def test_what_is_listed_again_waits_for_an_administrator(hub, tenant, person):
    gone = whole(tenant, person)
    swept(hub)
    record = dict(tenant.simulation.tenant.applications[gone])
    tenant.told("DELETE", f"applications/{gone}")
    swept(hub)
    tenant.simulation.tenant.applications[gone] = record
    swept(hub)
    waiting = [row for row in rows(hub, quarantine) if "item.withdrawn" in str(row["wrong"])]
    assert {row["collection"] for row in waiting} == set(ALL)
    assert shown(hub, person) == NONE
    assert "quarantined" not in swept(hub), "it is said once"


def killed(*_args, **_more):
    raise SystemExit


def dying_after(hub, pieces):
    write, left = hub.hub.inbound.missing.taker._write, [pieces]

    def one(source, vendor, takes, counts):
        if takes and not left[0]:
            raise SystemExit
        left[0] -= len(takes)
        write(source, vendor, takes, counts)

    return one
