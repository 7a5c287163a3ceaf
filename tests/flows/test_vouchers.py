"""Vendors at PDND, whole: a hub as an administrator sets it up, a simulated PDND over loopback, a client that signs."""

from contextlib import contextmanager
from dataclasses import replace

import httpx
import pytest

from hub.clock import SystemClock
from hub.profile import defaults_of
from hub.registry import Pdnd, Vendor
from hub.security.evidence import Evidence
from hub.security.outbound import Integrity, PdndAuth, Signer
from hub.security.sign import SigningKey
from hub.security.vault import Vault
from hub.store import directory
from hub.store.database import Database
from hub.store.pdnd_clients import PdndClients
from hub.store.tables import evidence as evidence_table
from hub.store.vouchers import SharedVouchers
from hub.trust.vouchers import ClientVouchers
from tests.flows.making import described_hub, fresh, rows
from tests.harness import ALL_COLLECTIONS, ENTE, PUBLISH_AUDIENCE, eventually, make_message
from tests.pdnd import Client, credentials, rsa_key, running_pdnd

USER = {"userID": "operatore-7", "userLocation": "sportello-2"}


@pytest.fixture(scope="module")
def pdnd(kind, tmp_path_factory):
    with running_pdnd(tmp_path_factory.mktemp("pdnd")) as pdnd:
        yield pdnd


@pytest.fixture(autouse=True)
def without_faults(pdnd):
    yield
    pdnd.faults.clear()


@pytest.fixture(scope="module")
def members(pdnd):
    """Clients of two vendors at PDND; what they sign with is their assertions' key."""
    found = {name: Client(pdnd, key=rsa_key(name)) for name in ("luna", "ponte", "lost")}
    for one in found.values():
        one.purpose_id = pdnd.records.add_purpose(one.client_id, audience=PUBLISH_AUDIENCE)
    return found


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory, pdnd, members):
    def prepare(home, _vendor, _portal):
        own = Pdnd(
            pdnd.issuer,
            f"{pdnd.base_url}/.well-known/jwks.json",
            PUBLISH_AUDIENCE + "/e-service",
            f"{pdnd.base_url}/v3",
        )
        api = credentials(pdnd, "api", Client(pdnd, "api", key=rsa_key("api")), "api", bound=True)
        with home.database.write() as tx:
            directory.set_pdnd(tx, ENTE, own)
            PdndClients(home.vault).save(tx, api)
            for name, client in members.items():
                profile = replace(
                    defaults_of("pdnd"),
                    clients=frozenset({client.client_id}),
                    purposes=frozenset({client.purpose_id}),
                    audit="AUDIT_REST_02",
                    dpop="required" if name == "ponte" else "never",
                )
                vendor = Vendor(ENTE, name, name, "pdnd", True, (), "", collections=ALL_COLLECTIONS, profile=profile)
                directory.add_vendor(tx, vendor, [])

    for client in members.values():
        pdnd.records.purposes[client.purpose_id].audience = (PUBLISH_AUDIENCE + "/e-service",)
    with described_hub(tmp_path_factory.mktemp("vouchers") / "home", prepare=prepare) as running:
        yield running


class Proxied(httpx.HTTPTransport):
    """The ente's public address, which is here: as a proxy in front of the hub has it."""

    def __init__(self, url):
        super().__init__()
        self._url = httpx.URL(url)

    def handle_request(self, request):
        url = request.url.copy_with(scheme=self._url.scheme, host=self._url.host, port=self._url.port)
        here = httpx.Request(request.method, url, headers=request.headers, stream=request.stream)
        return super().handle_request(here)


@pytest.fixture(scope="module")
def holding(tmp_path_factory):
    """Where vendors keep their vouchers: they have a database of their own."""
    folder = tmp_path_factory.mktemp("vendors")
    Vault.create(folder / "vault.json")
    database = Database(f"sqlite:///{folder / 'vendors.db'}", SystemClock())
    database.migrate()
    yield SharedVouchers(database, Vault.load(folder / "vault.json"))
    database.close()


@contextmanager
def sending(hub, pdnd, members, holding, name="luna"):
    """The vendor's httpx client: voucher, INTEGRITY_REST_02 and AUDIT_REST_02."""
    client = members[name]
    vouchers = ClientVouchers(credentials(pdnd, name, client, bound=name == "ponte"), holding, SystemClock())
    signer = Signer(SigningKey(client.key), client.client_id, PUBLISH_AUDIENCE + "/e-service", "kid", kid=client.kid)
    tracking = Evidence(signer, purpose_id=client.purpose_id, correlated=True)
    auth = PdndAuth(vouchers, integrity=Integrity(signer), evidence=tracking)
    with httpx.Client(auth=auth.for_user(USER), transport=Proxied(hub.url), timeout=20) as http:
        yield http


def publish(http):
    return http.post(f"{PUBLISH_AUDIENCE}/messages", json=make_message(fresh()))


@pytest.mark.parametrize("name", ["luna", "ponte"])
def test_voucher_integrity_and_evidence_are_accepted(hub, pdnd, members, holding, name):
    with sending(hub, pdnd, members, holding, name) as http:
        tokens = pdnd.ledger.count("token")
        answers = [publish(http) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 201], answers[0].text
    assert pdnd.ledger.count("token") - tokens <= 2  # the vendor's, and the hub's own for the keys API
    (row,) = [row for row in rows(hub, evidence_table) if row["item_id"] == answers[-1].json()["item_id"]]
    assert row["signer"] == f"pdnd:{members[name].client_id}"


def test_another_purpose_is_refused(hub, pdnd, members, holding):
    elsewhere = Client(pdnd, key=rsa_key("elsewhere"))
    pdnd.records.purposes[elsewhere.purpose_id].audience = (PUBLISH_AUDIENCE + "/e-service",)
    with sending(hub, pdnd, {"luna": elsewhere}, holding) as http:
        assert publish(http).status_code == 401


def test_keys_that_are_known_serve_while_pdnd_is_down(hub, pdnd, members, holding):
    with sending(hub, pdnd, members, holding) as http:
        assert publish(http).status_code == 201
        for on in ("key", "jwks", "token", "events"):
            pdnd.faults.add("down", on=on, times=0)
        assert publish(http).status_code == 201


def test_a_key_that_is_revoked_is_refused_within_seconds(hub, pdnd, members, holding):
    with sending(hub, pdnd, members, holding, "lost") as http:
        eventually(lambda: publish(http).status_code, lambda status: status == 201)
        pdnd.records.revoke_key(members["lost"].kid)
        # Long before the minute is over in which what is known of a key is not asked for again.
        eventually(lambda: publish(http).status_code, lambda status: status == 401, within_s=20)
