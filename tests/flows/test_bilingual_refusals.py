"""What is refused is told in Italian and then in English: to a vendor, to a portal and to an administrator."""

import pytest

from contracts.faults import BETWEEN, LONGEST
from hub.errors import RequestRefused
from tests.flows.making import fresh, make_document, new_person, published, to
from tests.harness import make_message


def of_a_vendor(hub, _admin):
    document = published(hub, "documents", make_document(fresh(), b"%PDF-1.7 uno", **to(new_person())))
    message = make_message(fresh(), **to(new_person()))
    published(hub, "messages", message)
    yield hub.publish("messages", b"{")
    yield hub.publish("messages", message | {"title": "Altro"})
    yield hub.publish("messages", message | {"recipient": {"tax_code": new_person()}, "version": 2})
    yield hub.publish("messages", make_message(fresh(), service_id="sconosciuto"))
    yield hub.publish("messages", make_message(fresh(), sorpresa=1))
    yield hub.upload(document, b"%PDF-1.7 due")
    yield hub.vendor_get("/items?altro=1")
    yield hub.vendor_get("/events?limit=0")
    yield hub.vendor_get("/items/0199d1a2-7b3c-7d4e-8f50-6a7b8c9d0e1f")


def of_a_portal(hub, _admin):
    yield hub.read("/items?limit=0")
    yield hub.read("/items?colore=rosso")
    yield hub.read("/items?sort=titolo")
    yield hub.read("/items/0199d1a2-7b3c-7d4e-8f50-6a7b8c9d0e1f")
    yield hub.write("/preferences", {}, method="PATCH")
    yield hub.client.get("/feed/v1/none")
    yield hub.client.post("/feed/v1/items")


def of_an_administrator(_hub, admin):
    yield admin.get("/connectors/fax")
    yield admin.get("/connector-types/fax")
    yield admin.get("/vendors/fax")
    yield admin.post("/connectors", {"connector_id": "x", "connector_type": "loopback", "settings": {"altro": 1}})
    yield admin.post("/vendors/acme/vendor-keys", {"kind": "jwk", "material": "{"})
    yield admin.patch("/vendors/acme", {"display_name": None})
    yield admin.get("/deliveries/0199d1a2-7b3c-7d4e-8f50-6a7b8c9d0e1f")
    yield admin.get("/vendors?limit=0")
    yield admin.call("GET", "/connectors", headers={"Authorization": "Bearer none"})


@pytest.mark.parametrize("refusals", [of_a_vendor, of_a_portal, of_an_administrator])
def test_each_refusal_speaks_both_languages(hub, admin, refusals):
    for answer in refusals(hub, admin):
        problem = answer.json()
        assert answer.status_code >= 400, problem
        for detail in (problem["detail"], *(each["detail"] for each in problem.get("errors", ()))):
            italian, english = detail.split(BETWEEN)
            assert italian
            assert english
            assert italian != english
            assert len(detail) <= LONGEST


def test_before_the_signature_holds_the_one_body_is_in_both_languages(hub):
    bodies = [
        hub.client.post("/publish/v1/messages", content=b"{}", headers=headers).json()
        for headers in ({}, {"Authorization": "Bearer x"}, {"Agid-JWT-Signature": "x"})
    ]
    assert {each["detail"] for each in bodies} == {RequestRefused.in_general()}
    assert RequestRefused.in_general() == "La richiesta è stata rifiutata. / The request was refused."
