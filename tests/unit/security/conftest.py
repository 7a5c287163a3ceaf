"""One municipality, one vendor with certificates, one with a JWK, one portal; keys made once per run."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import pytest

from hub.registry import Ente, Key, Portal, Registry, Vendor
from hub.security import jose, keys, sign
from hub.security.headers import SignedRequest

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
BASE = "https://hub.comune.example.it"


@lru_cache
def authority(name: str = "Test CA") -> keys.Authority:
    return keys.new_authority(name, now=NOW)


@lru_cache
def signing_key(name: str, kind: keys.KeyType = "es256", certified: bool = False) -> sign.SigningKey:
    private = keys.new_key(kind)
    if not certified:
        return sign.SigningKey(private)
    return sign.SigningKey(private, (keys.new_leaf(authority(), name, private.public_key(), now=NOW),))


def jwk_entry(key: sign.SigningKey, kind: Any = "jwk", **kw: Any) -> Key:
    jwk = key.public_jwk()
    import json

    return Key(key_id=f"{kind}-{jwk['kid'][:8]}", kind=kind, material=json.dumps(jwk), kid=jwk["kid"], **kw)


def anchor_entry(ca: keys.Authority, kind: Any = "anchor", **kw: Any) -> Key:
    return Key(key_id="anchor", kind=kind, material=keys.certificates_pem([ca.certificate]).decode(), **kw)


@dataclass
class World:
    """What the tests share; `with_portal` and `with_vendor` give a changed picture at the next trust version."""

    registry: Registry
    now: datetime = NOW
    publish: str = f"{BASE}/publish/v1"
    feed: str = f"{BASE}/feed/v1"
    signing_key = staticmethod(signing_key)
    jwk_entry = staticmethod(jwk_entry)
    anchor_entry = staticmethod(anchor_entry)
    authority = staticmethod(authority)

    def with_portal(self, **changes: Any) -> Registry:
        portal = replace(self.registry.portals["c_h501", "portale"], **changes)
        return replace(self.registry, version=self.registry.version + 1, portals={("c_h501", portal.portal_id): portal})

    def with_vendor(self, vendor_id: str = "acme", **changes: Any) -> Registry:
        vendor = replace(self.registry.vendors["c_h501", vendor_id], **changes)
        vendors = {**self.registry.vendors, ("c_h501", vendor_id): vendor}
        return replace(self.registry, version=self.registry.version + 1, vendors=vendors)

    def vendor(self, vendor_id: str = "acme") -> Vendor:
        return self.registry.vendors["c_h501", vendor_id]

    @staticmethod
    def request(headers: dict[str, str], body: bytes = b"", method: str = "POST") -> SignedRequest:
        return SignedRequest(method, "/x", tuple((name.lower(), value) for name, value in headers.items()), body)

    @staticmethod
    def forged(request: SignedRequest, other: SignedRequest, header: str) -> SignedRequest:
        """With the signature of other words."""
        lines = dict(request.headers)
        lines[header] = lines[header].rpartition(".")[0] + "." + dict(other.headers)[header].rpartition(".")[2]
        return replace(request, headers=tuple(lines.items()))

    def signed(self, key: sign.SigningKey, iss: str, body: bytes = b"{}", **kw: Any) -> SignedRequest:
        headers = sign.sign_request(
            key,
            **{
                "iss": iss,
                "aud": self.publish,
                "method": "POST",
                "url": self.publish + "/messages",
                "body": body,
                "content_type": "application/json",
                "now": self.now,
            }
            | kw,
        )
        return self.request(headers, body)


def _vendor(vendor_id: str, trust: Any, *entries: Key) -> Vendor:
    return Vendor("c_h501", vendor_id, vendor_id, trust, True, entries, vendor_id)


@pytest.fixture
def world() -> World:
    ente = Ente("c_h501", "Comune", BASE, f"{BASE}/publish/v1", f"{BASE}/feed/v1", "https://portale.example.it")
    vendors = (
        _vendor("acme", "x509", anchor_entry(authority())),
        _vendor("borea", "jwk", jwk_entry(signing_key("borea")), jwk_entry(signing_key("borea-rsa", "rs256"))),
    )
    portal = Portal(
        "c_h501",
        "portale",
        "Portale",
        True,
        (jwk_entry(signing_key("portale")), jwk_entry(signing_key("assertion"), "assertion_jwk")),
        frozenset({"feed:read", "feed:write"}),
    )
    registry = Registry(
        1, (ente,), {("c_h501", one.vendor_id): one for one in vendors}, {("c_h501", "portale"): portal}
    )
    assert jose.ALGORITHMS
    return World(registry)
