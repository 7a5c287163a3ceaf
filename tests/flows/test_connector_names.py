"""What connectors' settings name of the ente's own lists is held against them when it is written, and never after."""

import pytest

from hub.store.document_types import set_others
from tests.flows.administering import check
from tests.flows.making import code, described_hub, fresh
from tests.harness import ENTE

IO = {"api_key": "chiave-di-io-0123456789"}
SDC = {
    "base_url": "https://servizi.example.org/lang/api",
    "username": "hub",
    "password": "segreta",
    "vendor_id": "acme",
}
CRM = {"url": "https://crm.example.org/hook", "signing_secrets": "whsec_c2VncmV0by1kZWwtY3JtLTAxMjM0NTY3ODk="}
NODE = {
    "vendor_id": "acme",
    "creditor_tax_code": "00301970190",
    "broker_tax_code": "00301970190",
    "station_id": "00301970190_01",
    "company_name": "Comune di Prova",
    "iban": "IT60X0542811101000000123456",
    "taxonomy": "9/0101101IM/",
    "caller_key": "chiave-di-pagopa",
}


def rule(**own):
    return {"as": "constant"} | own


def mapped(collection="messages", **fields):
    """A mapping that makes these fields of each record."""
    items = [{"collection": collection, "fields": {"external_id": {"as": "text", "from": "id"}} | fields}]
    document = {"version": 1, "title": "Atti", "source": "atti", "reads": {"format": "json"}, "items": items}
    return {"vendor_id": "acme", "mapping": document}


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    with described_hub(tmp_path_factory.mktemp("names") / "home", internal_hosts="127.0.0.1") as running:
        yield running


@pytest.fixture
def name():
    return fresh("conn")


@pytest.fixture
def others_refused(hub):
    with hub.home.database.write() as tx:
        set_others(tx, ENTE, refused=True, keep_copy=False)
    yield
    with hub.home.database.write() as tx:
        set_others(tx, ENTE, refused=False, keep_copy=False)


def wish(name, kind, settings, **more):
    return {"connector_id": name, "connector_type": kind, "settings": settings} | more


def faults_of(answer):
    assert code(answer) == (422, "contract.violation")
    return {(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]}


@pytest.mark.parametrize(
    ("connector_type", "settings", "pointer"),
    [
        ("app_io", IO | {"services": {"tari": IO, "tarri": IO}}, "/settings/services/tarri"),
        ("opencity", SDC | {"service_ids": {"a/b": "tari", "c/d": "tarri"}}, "/settings/service_ids/c~1d"),
        ("opencity", SDC | {"service_ids": "tassa=tari,rifiuti=tarri"}, "/settings/service_ids/rifiuti"),
        ("webhook", CRM | {"services": ["tari", "tarri"]}, "/settings/services/1"),
        ("webhook", CRM | {"services": "tari,tarri"}, "/settings/services/1"),
        ("pagopa_node", NODE | {"service_id": "tarri"}, "/settings/service_id"),
        ("pagopa_node", NODE | {"taxonomies": "tari:9/1/,tarri:9/2/"}, "/settings/taxonomies/1/service_id"),
        ("mapped", mapped(service_id=rule(value="tarri")), "/settings/mapping/items/0/fields/service_id/value"),
        (
            "mapped",
            mapped(service_id={"as": "choice", "from": "s", "values": {"T": "tari", "R/": "tarri"}}),
            "/settings/mapping/items/0/fields/service_id/values/R~1",
        ),
        (
            "mapped",
            mapped(service_id={"as": "text", "from": "s", "default": "tarri"}),
            "/settings/mapping/items/0/fields/service_id/default",
        ),
    ],
)
def test_a_service_that_is_not_in_the_catalogue_is_refused_where_it_stands(
    admin, name, connector_type, settings, pointer
):
    answer = admin.post("/connectors", wish(name, connector_type, settings))
    assert faults_of(answer) == {(pointer, "service.unknown")}
    [fault] = answer.json()["errors"]
    told = "'tarri' non è nel catalogo: va prima aggiunto / 'tarri' is not in the catalogue: add it there first"
    assert fault["detail"] == told
    assert code(admin.get(f"/connectors/{name}")) == (404, "connector.unknown")


def test_a_known_name_is_taken_and_a_card_may_be_proposed_for_one_that_is_not_there_yet(admin, name):
    known = mapped(service_id={"as": "first", "of": [{"as": "text", "from": "s"}, rule(value="tari")]})
    assert admin.post("/connectors", wish(name, "mapped", known)).status_code == 201
    proposing = mapped("services", service_id=rule(value="tarri"), name=rule(value="Rifiuti"))
    assert admin.patch(f"/connectors/{name}", {"settings": proposing}).status_code == 200


def test_what_single_services_have_of_their_own_is_held_too_and_each_name_told_once(admin, name):
    own = {"tari": {"services": ["nido", "mensa"]}, "anagrafe": {}}
    answer = admin.post("/connectors", wish(name, "webhook", CRM | {"services": ["nido"]}, service_overrides=own))
    assert faults_of(answer) == {
        ("/settings/services/0", "service.unknown"),
        ("/service_overrides/tari/services/1", "service.unknown"),
        ("/service_overrides/anagrafe", "service.unknown"),
    }


def test_a_vendor_that_is_not_registered_is_refused(admin, name):
    answer = admin.post("/connectors", wish(name, "opencity", SDC | {"vendor_id": "acmee"}))
    assert faults_of(answer) == {("/settings/vendor_id", "vendor.unknown")}


def test_a_service_to_subscribe_to_has_to_be_there(admin, name):
    settings = mapped("subscriptions", subscription_service=rule(value="nidi"))
    answer = admin.post("/connectors", wish(name, "mapped", settings))
    place = "/settings/mapping/items/0/fields/subscription_service/value"
    assert faults_of(answer) == {(place, "subscription_service.unknown")}


def test_a_type_of_documents_is_held_against_the_list_where_others_are_refused(admin, name, others_refused):
    settings = mapped("documents", doc_type=rule(value="certificatto"))
    place = "/settings/mapping/items/0/fields/doc_type/value"
    assert faults_of(admin.post("/connectors", wish(name, "mapped", settings))) == {(place, "document_type.unknown")}


def test_where_other_types_of_documents_are_taken_a_mapping_may_name_any(admin, name):
    settings = mapped("documents", doc_type=rule(value="certificato"))
    assert admin.post("/connectors", wish(name, "mapped", settings)).status_code == 201


def test_what_was_saved_before_is_not_held_against_who_changes_something_else(hub, admin, name):
    with hub.home.database.write() as tx:
        given = {"ente_id": ENTE, "connector_id": name, "type": "webhook", "limits": {}}
        hub.home.configuration.save(tx, settings=CRM | {"services": ["tarri"]}, **given)
    assert admin.get(f"/connectors/{name}").json()["state"] == "active"
    assert admin.patch(f"/connectors/{name}", {"limits": {"burst": 2}}).status_code == 200
    answer = admin.patch(f"/connectors/{name}", {"settings": {"services": ["tarri", "nido"]}})
    assert faults_of(answer) == {("/settings/services/1", "service.unknown")}
    assert admin.patch(f"/connectors/{name}", {"settings": {"services": ["tari"]}}).status_code == 200


def test_the_command_line_refuses_the_same_and_changes_nothing(admin, name, raccordo, tmp_path):
    (tmp_path / "keys").write_text(CRM["signing_secrets"])
    known = ("--secret-file", f"signing_secrets={tmp_path / 'keys'}", "--set", f"url={CRM['url']}")
    refused = raccordo("connector", "set", name, "--type", "webhook", *known, "--set", "services=tarri", code=2)
    assert (
        "/settings/services/0: 'tarri' non è nel catalogo: va prima aggiunto / 'tarri' is not in the catalogue"
        in refused
    )
    assert code(admin.get(f"/connectors/{name}")) == (404, "connector.unknown")
    raccordo("connector", "set", name, "--type", "webhook", *known, "--set", "services=tari")
    assert admin.get(f"/connectors/{name}").json()["newest"]["settings"]["services"] == "tari"


def test_a_service_says_which_connectors_name_it_also_when_it_is_closed(admin, name, raccordo):
    service = fresh("serv")
    card = {"service_id": service, "display_name": "Prova"}
    assert admin.post("/services", card).json()["named_by"] == []
    assert admin.post("/connectors", wish(name, "webhook", CRM | {"services": [service]})).status_code == 201
    assert admin.get(f"/services/{service}").json()["named_by"] == []  # a draft does nothing with it
    raccordo("connector", "set", name, "--type", "loopback", "--set", "folder=/tmp")
    with_it = ("connector", "set", name, "--type", "pagopa_node", "--set", f"service_id={service}")
    plain = [one for key, value in NODE.items() if key != "caller_key" for one in ("--set", f"{key}={value}")]
    raccordo(*with_it, *plain, "--set", "caller_networks=127.0.0.1")
    closed = admin.patch(f"/services/{service}", {"state": "retired"}).json()
    assert (closed["state"], closed["named_by"]) == ("retired", [name])
    told = raccordo("service", "set", service, "--state", "suspended")
    assert f"{name} name it in their settings" in told
    assert raccordo("service", "show", service, "--json")["named_by"] == [name]


@pytest.mark.parametrize(
    ("connector_type", "settings", "pointer"),
    [
        ("opencity", SDC | {"base_url": "https://servizi.example.org/lang/api/"}, "/settings/base_url"),
        ("webhook", {"url": CRM["url"]}, "/settings/signing_secrets"),
        ("mapped", mapped() | {"origin": "rest"}, "/settings/url"),
        ("app_io", IO | {"services": {"tari": {}}}, "/settings/services/tari/api_key"),
    ],
)
def test_settings_that_do_not_go_together_are_told_at_the_one_to_change(admin, name, connector_type, settings, pointer):
    answer = admin.post("/connectors", wish(name, connector_type, settings))
    assert {place for place, _ in faults_of(answer)} == {pointer}


def test_a_check_says_of_which_service_the_settings_failed(admin, name, tmp_path):
    (tmp_path / "box").mkdir()
    own = {"tari": {"folder": str(tmp_path / "box" / "none")}}
    made = wish(name, "loopback", {"folder": str(tmp_path / "box")}, service_overrides=own)
    assert admin.post("/connectors", made).status_code == 201
    found = check(admin, name)
    assert (found["outcome"], found["detail"].startswith("service tari: ")) == ("failed", True)
