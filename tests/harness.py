"""A whole hub on a loopback port, with a vendor and a portal that sign: what flow tests talk to."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import httpx

from connectors.base.serving import LoopbackServer
from contracts.items import COLLECTIONS
from contracts.subscription_services import SubscriptionService
from hub.app import create_app
from hub.bootstrap import Hub
from hub.home import Home
from hub.registry import Ente, Portal, Vendor
from hub.security.keys import new_key
from hub.security.sign import SigningKey, sign_portal_request, sign_request
from hub.settings import Settings
from hub.store import directory
from hub.store.directory import NewKey
from hub.store.operations import list_deliveries
from hub.store.subscription_services import add_subscription_service
from tests import stores

ENTE = "c_h501"
BASE = "https://hub.comune.example.it"
PUBLISH_AUDIENCE = f"{BASE}/publish/v1"
FEED_AUDIENCE = f"{BASE}/feed/v1"
ROSSI = "RSSMRA80A01H501U"
BIANCHI = "BNCLRA85C41F205P"
ALL_COLLECTIONS = frozenset(COLLECTIONS)


def make_item(external_id: str = "item-1", *, tax_code: str = ROSSI, **fields: Any) -> dict[str, Any]:
    """A valid envelope; give the collection's own fields, or override any."""
    item: dict[str, Any] = {
        "external_id": external_id,
        "version": 1,
        "source": "tributi",
        "recipient": {"tax_code": tax_code},
        "title": f"Titolo {external_id}",
        "occurred_at": "2026-11-23T09:00:00Z",
    }
    return item | fields


def make_message(external_id: str = "message-1", **fields: Any) -> dict[str, Any]:
    return make_item(external_id, **({"body_markdown": "Testo del messaggio."} | fields))


def make_payment(external_id: str = "payment-1", **fields: Any) -> dict[str, Any]:
    own = {
        "creditor_tax_code": "00488410010",
        "notice_number": "301000000000000012",
        "amount_cents": 12_500,
        "reason": "TARI 2026",
        "due_date": "2026-12-16",
    }
    return make_item(external_id, **(own | fields))


def make_receipt(external_id: str = "receipt-1", **fields: Any) -> dict[str, Any]:
    own = {
        "payment": {"creditor_tax_code": "00488410010", "notice_number": "301000000000000012"},
        "receipt_number": "RT-1",
        "paid_at": "2026-11-24T10:00:00Z",
        "amount_cents": 12_500,
    }
    return make_item(external_id, **(own | fields))


@dataclass
class Caller:
    """A vendor or portal: its id and its key."""

    name: str
    key: SigningKey = field(default_factory=lambda: SigningKey(new_key("es256")))

    def jwk(self, kind: str = "jwk") -> NewKey:
        return NewKey(kind, json.dumps(self.key.public_jwk()), self.key.kid)


@dataclass
class HubUnderTest:
    """A running hub. `publish` signs as a vendor, `read` as the portal on behalf of a citizen."""

    home: Home
    url: str
    client: httpx.Client
    vendor: Caller
    other_vendor: Caller
    portal: Caller
    hub: Hub | None = None
    """The hub itself, where it runs in this process."""

    @property
    def callers(self) -> tuple[Caller, Caller, Caller]:
        """Whom `served` wants."""
        return self.vendor, self.other_vendor, self.portal

    def signed(
        self,
        body: bytes,
        *,
        method: str = "POST",
        content_type: str | None = "application/json",
        vendor: Caller | None = None,
        audience: str = PUBLISH_AUDIENCE,
        now: datetime | None = None,
    ) -> dict[str, str]:
        """The headers of a signed vendor request."""
        caller = vendor or self.vendor
        headers = sign_request(
            caller.key,
            iss=caller.name,
            aud=audience,
            method=method,
            url="",
            body=body,
            content_type=content_type,
            now=now or datetime.now(UTC),
        )
        if content_type:
            headers.setdefault("Content-Type", content_type)
        return headers

    def publish(
        self, collection: str, item: Mapping[str, Any] | bytes, *, vendor: Caller | None = None
    ) -> httpx.Response:
        body = item if isinstance(item, bytes) else json.dumps(item).encode()
        headers = self.signed(body, vendor=vendor)
        return self.client.post(f"/publish/v1/{collection}", content=body, headers=headers)

    def withdraw(self, item_id: str, reason: str = "errore", *, vendor: Caller | None = None) -> httpx.Response:
        body = json.dumps({"reason": reason}).encode()
        headers = self.signed(body, vendor=vendor)
        return self.client.post(f"/publish/v1/items/{item_id}/withdrawals", content=body, headers=headers)

    def upload(
        self, item_id: str, content: bytes, media_type: str = "application/pdf", *, vendor: Caller | None = None
    ) -> httpx.Response:
        headers = self.signed(content, method="PUT", content_type=media_type, vendor=vendor)
        return self.client.put(f"/publish/v1/documents/{item_id}/content", content=content, headers=headers)

    def vendor_get(
        self, path: str, *, vendor: Caller | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        signed = self.signed(b"", method="GET", content_type=None, vendor=vendor)
        return self.client.get(f"/publish/v1{path}", headers=signed | dict(headers or {}))

    def reader(self, tax_code: str = ROSSI, **claims: Any) -> dict[str, str]:
        """The two tokens of a feed request."""
        return sign_portal_request(
            self.portal.key,
            iss=self.portal.name,
            aud=claims.pop("aud", FEED_AUDIENCE),
            sub=claims.pop("sub", "session-1"),
            fiscal_number=claims.pop("fiscal_number", f"TINIT-{tax_code}"),
            now=claims.pop("now", datetime.now(UTC)),
            **claims,
        )

    def read(self, path: str, tax_code: str = ROSSI, *, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return self.client.get(f"/feed/v1{path}", headers=self.reader(tax_code) | dict(headers or {}))

    def mark(
        self,
        item_id: str,
        patch: Mapping[str, Any] | str,
        tax_code: str = ROSSI,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        return self.write(f"/items/{item_id}/user-state", patch, tax_code, method="PATCH", headers=headers)

    def write(
        self,
        path: str,
        content: Mapping[str, Any] | str | bytes,
        tax_code: str = ROSSI,
        *,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """What a citizen changes: PATCH with a merge patch, else JSON. Tokens may be given among the headers."""
        media_type = "application/merge-patch+json" if method == "PATCH" else "application/json"
        own = self.reader(tax_code) | {"Content-Type": media_type} | dict(headers or {})
        body = content if isinstance(content, str | bytes) else json.dumps(content)
        return self.client.request(method, f"/feed/v1{path}", content=body, headers=own)

    def deliveries(self) -> list[dict[str, Any]]:
        with self.home.database.read() as connection:
            return list_deliveries(connection, limit=1000)

    def settled(self, *, within_s: float = 30) -> list[dict[str, Any]]:
        """The deliveries, once none is queued."""
        return eventually(self.deliveries, lambda found: all(d["state"] != "queued" for d in found), within_s=within_s)


def eventually(look: Callable[[], Any], holds: Callable[[Any], bool], *, within_s: float = 30) -> Any:
    """What `look` sees as soon as `holds`; fails with the last sight of it. A crowded machine is given its time: only
    what fails waits for so long."""
    deadline = time.monotonic() + within_s
    while not holds(seen := look()):
        assert time.monotonic() < deadline, f"still: {seen}"
        time.sleep(0.02)
    return seen


def make_home(
    folder: Path,
    *,
    vendors: tuple[Caller, ...] = (),
    portals: tuple[Caller, ...] = (),
    connectors: Mapping[str, tuple[str, Mapping[str, Any]]] | None = None,
    limits: Mapping[str, Any] | None = None,
    migrated: bool = False,
    **settings: Any,
) -> Home:
    """A fresh home with one ente. `connectors` maps an id to (type, settings). A database that is `migrated` has its
    schema, and nothing else; so has any that the settings do not name."""
    if "database_url" not in settings:
        settings, migrated = stores.home_settings(folder) | settings, True
    # Administrators may let connectors write where tests make their folders.
    home = Home(Settings(home=folder, **({"trial_folder": Path(gettempdir())} | settings)))
    home.create(migrated=migrated)
    with home.database.write() as tx:
        ente = Ente(ENTE, "Comune di Prova", BASE, PUBLISH_AUDIENCE, FEED_AUDIENCE, "https://servizi.comune.example.it")
        directory.add_ente(tx, ente)
        for caller in vendors:
            vendor = Vendor(ENTE, caller.name, caller.name, "jwk", True, (), caller.name, collections=ALL_COLLECTIONS)
            directory.add_vendor(tx, vendor, [caller.jwk()])
        for caller in portals:
            portal = Portal(ENTE, caller.name, caller.name, True, (), frozenset({"feed:read", "feed:write"}))
            directory.add_portal(tx, portal, [caller.jwk(), caller.jwk("assertion_jwk")])
        directory.add_service(tx, ENTE, "tari", {"name": "TARI"})
        add_subscription_service(tx, ENTE, SubscriptionService(code="nido-2026", name="Nido 2026/27"))
        for connector_id, (kind, own) in (connectors or {}).items():
            home.configuration.save(
                tx, ente_id=ENTE, connector_id=connector_id, type=kind, settings=own, limits=limits or {}
            )
    return home


@contextmanager
def running_hub(
    folder: Path,
    *,
    prepare: Callable[[Home, Caller, Caller], None] = lambda *_: None,
    durable: bool = True,
    **options: Any,
) -> Iterator[HubUnderTest]:
    """A hub with two vendors and a portal, on a loopback port, until the block ends.

    `prepare(home, vendor, portal)` may register more before it starts. `durable=False` is for speed (`stores`).
    """
    vendor, other, portal = Caller("acme"), Caller("beta"), Caller("portale")
    home = make_home(folder, vendors=(vendor, other), portals=(portal,), **options)
    if not durable:
        stores.not_durable(home.database)
    prepare(home, vendor, portal)
    with served(home, vendor, other, portal) as hub:
        yield hub


@contextmanager
def served(home: Home, vendor: Caller, other_vendor: Caller, portal: Caller) -> Iterator[HubUnderTest]:
    """The hub of a home that is there already, with the callers that it knows: one more process, or a later one."""
    app = create_app(home)
    server = LoopbackServer(app)
    server.start()
    try:
        # The server closes a connection that was idle for 5 s: a request sent at that very moment would be lost.
        limits = httpx.Limits(keepalive_expiry=2)
        with httpx.Client(base_url=server.url, timeout=20, limits=limits) as client:
            yield HubUnderTest(home, server.url, client, vendor, other_vendor, portal, app.hub)
    finally:
        server.stop()
        app.hub.connectors.close()
    assert app.hub.committer.coming == 0, "every batch would wait for what never comes"
