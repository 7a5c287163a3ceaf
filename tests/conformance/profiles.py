"""A hub with a vendor for each profile, and a simulated PDND: what the kit is tried on."""

from collections.abc import Iterator
from dataclasses import replace
from time import time
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import httpx
import pytest

from connectors.base.serving import LoopbackServer
from contracts.callbacks import CallbackSettings
from hub.conformance.callbacks import CallReceiver
from hub.conformance.draft import Party
from hub.conformance.issuing import Simulated
from hub.conformance.report import Report
from hub.conformance.vendor import Kit, Trial
from hub.home import Home
from hub.pdnd.simulator import Pdnd as SimulatedPdnd
from hub.profile import Profile, defaults_of
from hub.registry import Pdnd, Vendor
from hub.security.jwk import jwk_key
from hub.security.keys import new_key
from hub.security.material import Held, PdndKey
from hub.security.sign import SigningKey
from hub.store import directory
from hub.store.pushing import TYPE, connector_of
from tests.harness import (
    ALL_COLLECTIONS,
    BASE,
    ENTE,
    PUBLISH_AUDIENCE,
    Caller,
    HubUnderTest,
    running_hub,
)

NOBODY = "XXXXXX00A01X000P"
"""A tax code with the right form; nobody has it."""

ESERVICE = "https://hub.comune.example.it/eservice"
IDS = {"eserviceId": "eservice-1", "producerId": "producer-1", "descriptorId": "descriptor-1"}


def client_of(name: str) -> str:
    """PDND's ids are UUIDs."""
    return str(uuid5(NAMESPACE_URL, name))


def purpose_of(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"purpose/{name}"))


PROFILES: dict[str, tuple[str, dict[str, Any]]] = {
    "first": ("jwk", {"authentication": "ID_AUTH_REST_01"}),
    "loose": ("jwk", {"authentication": "ID_AUTH_REST_01", "jti": "if-present", "max_age": 120, "lifetime": 60}),
    "voucher": ("pdnd", {}),
    "hybrid": ("jwk", {"authentication": "voucher"}),
    "bound": ("pdnd", {"dpop": "required"}),
    "maybe": ("pdnd", {"dpop": "allowed"}),
    "tracked": ("jwk", {"audit": "AUDIT_REST_01"}),
    "traced": ("pdnd", {"audit": "AUDIT_REST_01"}),
    "tied": ("pdnd", {"audit": "AUDIT_REST_02", "dpop": "required"}),
    "named": ("jwk", {"max_receipts": 3}),
    "obtained": ("pdnd", {"dpop": "required", "audit": "AUDIT_REST_02"}),
    "claimed": ("jwk", {"max_receipts": 2, "message_id": "claim:message"}),
}


def profile_of(name: str) -> Profile:
    trust, settings = PROFILES[name]
    profile = replace(defaults_of(trust), **settings)
    if profile.authentication == "voucher":
        profile = replace(profile, clients=frozenset({client_of(name)}), purposes=frozenset({purpose_of(name)}))
    return profile


class Patterns:
    """A hub with a vendor for each profile, and a simulated PDND whose keys it holds."""

    def __init__(
        self,
        hub: HubUnderTest,
        keys: dict[str, SigningKey],
        platform: SimulatedPdnd,
        portal: Caller,
        called: CallReceiver,
    ) -> None:
        self.hub, self.keys, self.platform, self.portal, self.called = hub, keys, platform, portal, called
        self.issuers = {
            name: Simulated(
                platform,
                client_id=client_of(name),
                purpose_id=purpose_of(name),
                key=keys[name],
                audience=ESERVICE,
                ids=IDS,
            )
            for name in PROFILES
            if profile_of(name).authentication == "voucher"
        }
        shelf, until = hub.hub.shelf, time() + 3600
        known = {one["kid"]: jwk_key(httpx.Response(200, json=one).text) for one in platform.keys.jwks()}
        shelf.put("pdnd-jwks", platform.issuer, Held(known, until, until))
        for key in platform.records.keys.values():
            held = PdndKey(jwk_key(httpx.Response(200, json=key.jwk).text), key.owner)
            shelf.put("pdnd-key", f"{platform.issuer}\n{key.kid}", Held(held, until, until))

    def trial(self, name: str, only: str = "*", **more: Any) -> Trial:
        key, issuer = self.keys[name], self.issuers.get(name)
        party = Party(
            name,
            ESERVICE if issuer else PUBLISH_AUDIENCE,
            key,
            SigningKey(new_key(key.alg.lower())),
            profile_of(name),
            issuer,
            base_url=BASE,
        )
        return Trial(self.hub.url, party, NOBODY, only, receipt_iss=PUBLISH_AUDIENCE, **more)

    def report(self, name: str, only: str = "*", **more: Any) -> Report:
        with httpx.Client(timeout=30) as client:
            return Kit(self.trial(name, only, **more), client).run()


@pytest.fixture(scope="module")
def patterns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Patterns]:
    folder = tmp_path_factory.mktemp("patterns")
    platform = SimulatedPdnd(folder / "pdnd.jsonl")
    keys = {name: SigningKey(new_key("rs256" if name == "obtained" else "es256")) for name in PROFILES}
    portals: list[Caller] = []
    called = CallReceiver("", 20)
    place = LoopbackServer(called)
    place.start()
    called.url = place.url

    def prepare(home: Home, _vendor: Caller, portal: Caller) -> None:
        portals.append(portal)
        with home.database.write() as tx:
            registered = Pdnd(
                platform.issuer,
                "https://pdnd.example.it/jwks",
                ESERVICE,
                eservice_id=IDS["eserviceId"],
                producer_id=IDS["producerId"],
                descriptor_ids=frozenset({IDS["descriptorId"]}),
            )
            directory.set_pdnd(tx, ENTE, registered)
            for name, (trust, _) in PROFILES.items():
                vendor = Vendor(
                    ENTE, name, name, trust, True, (), name, collections=ALL_COLLECTIONS, profile=profile_of(name)
                )
                material = [] if trust == "pdnd" else [Caller(name, keys[name]).jwk()]
                directory.add_vendor(tx, vendor, material)
            for name in ("first", "voucher"):
                settings = CallbackSettings(
                    issuer=PUBLISH_AUDIENCE, hosts=(place.url.removeprefix("http://"),), private_hosts=("127.0.0.1",)
                )
                home.configuration.save(
                    tx,
                    ente_id=ENTE,
                    connector_id=connector_of("replies", name),
                    type=TYPE,
                    settings=settings.model_dump(mode="json"),
                    limits={"retry_base_s": 0.01, "retry_cap_s": 0.05, "rate_per_s": 1000, "burst": 1000},
                )

    with running_hub(folder / "home", prepare=prepare, refusals_per_minute=1_000_000) as hub:
        yield Patterns(hub, keys, platform, portals[0], called)
    place.stop()


def failed(report: Report) -> dict[str, str]:
    return {one.name: f"{one.answered}: {one.detail}" for one in report.results if one.outcome == "failed"}
