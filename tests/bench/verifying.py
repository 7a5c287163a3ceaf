"""One signed request verified by every rule of the hub, and two plain joserfc decodes with claim checks."""

import json
import time
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from joserfc import jws, jwt
from joserfc.jwk import ECKey, RSAKey

from hub.home import Home
from hub.security import modi
from hub.security.chains import ChainCache
from hub.store.directory import load_registry

from ..harness import PUBLISH_AUDIENCE
from .corpus import Vendors, make_item, signed_headers


def verifiers(
    home: Home, vendors: Vendors, vendor: str, code: str
) -> tuple[Callable[[], object], Callable[[], object]]:
    """(the hub's verification, the two decodes) of one request of `vendor`."""
    body = json.dumps(make_item(code)).encode()
    found = signed_headers(vendors.of(vendor), vendor, body)
    request = modi.SignedRequest(
        method="POST",
        target="/publish/v1/messages",
        headers=tuple((name.lower(), value) for name, value in found.items()),
        body=body,
    )
    with home.database.read() as connection:
        registry = load_registry(connection)
    chains = ChainCache()

    def ours() -> object:
        return modi.verify(request, signed_body=True, registry=registry, now=datetime.now(UTC), chains=chains)

    tokens = [found["Authorization"].removeprefix("Bearer "), found["Agid-JWT-Signature"]]
    header = json.loads(urlsafe_b64decode(tokens[0].split(".")[0] + "=="))
    if "x5c" in header:
        key: Any = RSAKey.import_key(x509.load_der_x509_certificate(b64decode(header["x5c"][0])).public_key())
    else:
        key = ECKey.import_key(vendors.of(vendor).public_jwk())
    limits = jws.JWSRegistry(algorithms=["RS256", "ES256"])
    limits.max_header_length = limits.max_payload_length = 20_000

    def plain() -> object:
        needed: dict[str, Any] = {claim: {"essential": True} for claim in ("iss", "exp", "iat", "jti")}
        audience = {"essential": True, "value": PUBLISH_AUDIENCE}
        checks = jwt.JWTClaimsRegistry(now=int(time.time()), leeway=5, aud=audience, **needed)
        for token in tokens:
            checks.validate(jwt.decode(token, key, algorithms=["RS256", "ES256"], registry=limits).claims)
        return checks

    return ours, plain
