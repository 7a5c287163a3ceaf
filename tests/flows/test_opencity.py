"""A tenant of OpenCity and the hub: read, told by its webhook, written to; nothing doubled, nothing of another's."""

import base64

import httpx
import pytest
from sqlalchemy import delete

from connectors.registry import simulate
from hub.errors import StoreUnavailable
from hub.store.files import Files
from hub.store.tables import missing_records, quarantine, source_positions
from tests.flows.making import fresh, new_person, outcomes, rows
from tests.harness import ENTE, eventually, make_message, running_hub

SUBSCRIPTION = {
    "id": "5dc00000-0000-4000-8003-000000000001",
    "related_cfs": [],
    "subscription_service_name": "Nido",
    "subscription_service_code": "nido-2026",
    "status": "active",
    "created_at": "2026-01-12T08:00:00+01:00",
    "_service_status": "1",
}


class Tenant:
    """The simulated tenant, by the calls of its own that change what it has."""

    def __init__(self, folder):
        self.simulation = simulate("opencity", folder)
        self.settings = self.simulation.start()
        self.root = self.settings["base_url"].removesuffix("/lang/api")

    def told(self, method, path, body=None):
        answer = httpx.request(method, f"{self.root}/_sim/{path}", json=body, trust_env=False)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def application(self, person, **fields):
        applicant = {"fiscal_code": {"fiscal_code": person}}
        return self.told("POST", "applications", {"data": {"applicant": applicant}, **fields})["id"]


@pytest.fixture(scope="module")
def tenant(tmp_path_factory, kind):
    tenant = Tenant(tmp_path_factory.mktemp("opencity"))
    yield tenant
    tenant.simulation.stop()


@pytest.fixture(scope="module")
def hub(tmp_path_factory, kind, tenant):
    own = {
        "vendor_id": "acme",
        "poll_every_s": 1,
        "settle_s": 0,
        "overlap_s": 3600,
        "service_ids": {"bonus-mensa": "tari"},
        "collections": ["applications", "messages", "payments", "subscriptions", "documents"],
        "largest_file": 4096,
    }
    settings = dict(tenant.settings) | own
    connectors = {"sdc": ("opencity", settings)}
    folder = tmp_path_factory.mktemp("hub") / "home"
    with running_hub(folder, connectors=connectors, limits={"retry_base_s": 0.1}, sweep_s=0.3) as hub:
        yield hub


def states(hub, person):
    return [item["state"] for item in hub.read("/applications", person).json()["items"]]


def test_what_a_tenant_has_is_in_the_feed_and_follows_it(hub, tenant, person):
    name = tenant.application(person)
    eventually(lambda: states(hub, person), lambda found: found == ["in_progress"])
    tenant.told("POST", f"messages/{name}", {"message": "<p>Manca l'ISEE</p>", "visibility": "applicant"})
    tenant.told("POST", "applications", {"id": name, "status": "4200"})
    eventually(lambda: states(hub, person), lambda found: found == ["integration_requested"])
    # Beside it the one of the hub's own rule, which tells of the integration.
    eventually(
        lambda: [item["title"] for item in hub.read("/messages", person).json()["items"]],
        lambda titles: "Messaggio sulla pratica: Bonus mensa" in titles,
    )
    assert states(hub, new_person()) == []


def documents(hub, person):
    return [(each["title"], each["state"]) for each in hub.read("/documents", person).json()["items"]]


@pytest.mark.req("S55")
def test_a_file_of_an_application_is_its_citizens_to_read(hub, tenant, person):
    name = tenant.application(person)
    content = b"%PDF-1.7 ricevuta di " + name.encode()
    for title, given in (("Ricevuta.pdf", content), ("Troppo.pdf", b"%PDF-" + bytes(5000))):
        told = {"kind": "attachments", "name": title, "base64": base64.b64encode(given).decode()}
        tenant.told("POST", f"files/{name}", told)
    eventually(lambda: documents(hub, person), lambda found: found == [("Ricevuta.pdf", "available")])
    (item,) = hub.read("/documents", person).json()["items"]
    answer = hub.read(f"/documents/{item['item_id']}/content", person)
    assert (answer.content, answer.headers["content-type"]) == (content, "application/pdf")
    assert hub.read(f"/documents/{item['item_id']}/content", new_person()).status_code == 404
    eventually(lambda: str(rows(hub, quarantine)), lambda waiting: "opencity.file_too_large" in waiting)


@pytest.mark.req("S55")
def test_a_file_whose_commit_was_lost_is_kept_when_the_step_is_repeated(hub, tenant, person, monkeypatch):
    put, lost = Files.put, []

    def once(self, citizen, **given):
        if not lost:
            lost.append(given["item_id"])
            raise StoreUnavailable
        return put(self, citizen, **given)

    monkeypatch.setattr(Files, "put", once)
    name = tenant.application(person)
    content = base64.b64encode(b"%PDF-1.7 nulla osta").decode()
    told = {"kind": "attachments", "name": "Nulla osta.pdf", "base64": content}
    tenant.told("POST", f"files/{name}", told)
    eventually(lambda: documents(hub, person), lambda found: found == [("Nulla osta.pdf", "available")])
    assert lost


def test_a_webhook_tells_before_a_round_does(hub, tenant, person):
    settings = {"url": f"{hub.url}/callbacks/v1/{ENTE}/sdc/events", "headers": {"X-Hub-Key": "guessed"}}
    tenant.told("PUT", "webhook", settings)
    refused = tenant.application(new_person())
    events = eventually(lambda: tenant.told("GET", "webhook")["events"], lambda seen: len(seen[-1]["answers"]) == 10)
    assert set(events[-1]["answers"]) == {401}
    tenant.told("PUT", "webhook", settings | {"headers": {"X-Hub-Key": tenant.settings["webhook_secret"]}})
    tenant.application(person)
    events = eventually(lambda: tenant.told("GET", "webhook")["events"], lambda seen: 202 in seen[-1]["answers"])
    assert states(hub, person) == ["in_progress"]
    tenant.told("PUT", "webhook", {"url": ""})
    tenant.told("DELETE", f"applications/{refused}")


def test_a_message_of_a_vendor_goes_to_the_application_that_it_links_to(hub, tenant, person):
    name = tenant.application(person)
    eventually(lambda: states(hub, person), lambda found: found == ["in_progress"])

    def told(tax_code):
        wish = {"links": [{"rel": "application", "external_id": name}], "notify": {"channels": ["opencity"]}}
        answer = hub.publish("messages", make_message(fresh(), tax_code=tax_code, title="Avviso", **wish))
        assert answer.status_code == 201
        return answer.json()["item_id"]

    tenant.told("POST", "faults", [{"kind": "stored"}])
    mine, other = told(person), told(new_person())
    eventually(lambda: outcomes(hub, mine), lambda seen: seen == [("delivered", None)])
    eventually(lambda: outcomes(hub, other), lambda seen: seen == [("rejected", "opencity.another_applicant")])
    written = [entry for entry in tenant.simulation.tenant.ledger.entries if entry["application"] == name]
    assert ["Avviso" in entry["message"]["message"] for entry in written] == [True]


def test_a_subscription_that_is_deleted_there_is_withdrawn(hub, tenant, person):
    def listed():
        """What is shown, while each round is a sweep, as after a day."""
        with hub.home.database.write() as tx:
            tx.connection.execute(delete(source_positions))
        return [item["state"] for item in hub.read("/subscriptions", person).json()["items"]]

    another = SUBSCRIPTION | {"id": "5dc00000-0000-4000-8003-000000000002", "subscriber_fiscal_code": new_person()}
    tenant.told("POST", "records", {"subscriptions": [SUBSCRIPTION | {"subscriber_fiscal_code": person}, another]})
    eventually(listed, lambda found: found == ["active"])
    tenant.simulation.tenant.subscriptions.pop(0)
    eventually(listed, lambda found: found == [])


def test_an_application_that_is_deleted_there_is_withdrawn(hub, tenant, person):
    def swept():
        """What is shown, while each round is a sweep, as after a day."""
        with hub.home.database.write() as tx:
            tx.connection.execute(delete(source_positions))
        return states(hub, person)

    gone, kept = tenant.application(person), tenant.application(person)
    eventually(swept, lambda found: len(found) == 2)
    tenant.told("DELETE", f"applications/{gone}")
    eventually(swept, lambda found: len(found) == 1)
    assert rows(hub, missing_records, name=f"application/{gone}")[0]["withdrawn_at"] is not None
    assert rows(hub, missing_records, name=f"application/{kept}") == []
