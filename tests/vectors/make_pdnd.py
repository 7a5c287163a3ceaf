"""Requests of vendors that authenticate with PDND vouchers, before they are put together. TEST KEYS."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from make_changes import AUTH
from make_drafts import PUBLISH, Draft, T, b64u, kid, public_jwk

AUDIT, DPOP = "agid-jwt-trackingevidence", "dpop"
ISSUER = "pdnd.example.it"
ESERVICE = "https://pdnd.example.it/eservice/area-personale"
PRODUCER, ESERVICE_ID = "7d5c9a7e-1111-4a5b-8f00-000000000001", "7d5c9a7e-2222-4a5b-8f00-000000000002"
DESCRIPTOR = "7d5c9a7e-3333-4a5b-8f00-000000000003"
PURPOSE, OTHER_PURPOSE = "7d5c9a7e-4444-4a5b-8f00-000000000004", "7d5c9a7e-5555-4a5b-8f00-000000000005"
ELSEWHERE = "7d5c9a7e-9999-4a5b-8f00-000000000009"
TARGET = "/publish/v1/messages"
BASE = PUBLISH.removesuffix("/publish/v1")


def client(vendor: str) -> str:
    """The PDND client of a vendor."""
    return f"9e107d9d-0000-4000-8000-{hashlib.sha256(vendor.encode()).hexdigest()[:12]}"


def voucher_of(vendor: str, **claims: Any) -> dict[str, Any]:
    """The claims of a voucher that has lived for a minute of its ten."""
    return {
        "iss": ISSUER,
        "aud": ESERVICE,
        "sub": client(vendor),
        "client_id": client(vendor),
        "purposeId": PURPOSE,
        "producerId": PRODUCER,
        "eserviceId": ESERVICE_ID,
        "descriptorId": DESCRIPTOR,
        "jti": "voucher-1",
        "iat": T - 60,
        "nbf": T - 60,
        "exp": T + 540,
        **claims,
    }


def pdnd(vendor: str, *, key: str = "luna", alg: str = "ES256", **kw: Any) -> Draft:
    """A voucher and, where there is a body, INTEGRITY_REST_02."""
    draft = Draft(client(vendor), key, {"typ": "JWT", "alg": alg, "kid": pdnd_kid(vendor, key)}, **kw)
    for claims in draft.claims.values():
        claims["aud"] = ESERVICE
    draft.keys[AUTH] = "pdnd"
    draft.header[AUTH] = {"typ": "at+jwt", "alg": "RS256", "kid": "pdnd-2026", "use": "sig"}
    draft.claims[AUTH] = voucher_of(vendor)
    return draft


def pdnd_kid(vendor: str, key: str) -> str:
    """PDND gives kids of its own: one for each client and key."""
    return f"{key}-of-{vendor}"


def audited(draft: Draft, vendor: str, *, level: int, key: str = "luna") -> Draft:
    """The same with tracking evidence; at level 2 with dnonce, and its digest in the voucher."""
    draft.tokens = [AUDIT, *draft.tokens]
    draft.keys[AUDIT] = key
    draft.header[AUDIT] = {"typ": "JWT", "alg": "ES256", "kid": pdnd_kid(vendor, key)}
    draft.claims[AUDIT] = {
        "iss": client(vendor),
        "aud": ESERVICE,
        "iat": T - 60,
        "exp": T + 540,
        "jti": "evidence-1",
        "purposeId": PURPOSE,
        "userID": "operator-7",
        "userLocation": "sportello-2",
    }
    if level == 2:
        draft.claims[AUDIT]["dnonce"] = 1_234_567_890_123
        draft.claims[AUTH]["digest"] = lambda made: {"alg": "SHA256", "value": hex_digest(made[AUDIT])}
    return draft


def possessing(draft: Draft, *, key: str = "possession", bound: str = "possession") -> Draft:
    """The same with a voucher bound to a key, and a proof of it."""
    draft.bearer = "DPoP "
    draft.claims[AUTH]["cnf"] = {"jkt": kid(bound)}
    draft.tokens = [*draft.tokens, DPOP]
    draft.keys[DPOP] = key
    jwk = {name: value for name, value in json.loads(public_jwk(key)).items() if name != "kid"}
    draft.header[DPOP] = {"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk}
    draft.claims[DPOP] = {
        "htm": "POST",
        "htu": BASE + TARGET,
        "iat": T - 1,
        "jti": "proof-1",
        "ath": lambda made: b64u(hashlib.sha256(made[AUTH].encode()).digest()),
    }
    return draft


def hex_digest(compact: str) -> str:
    return hashlib.sha256(compact.encode()).hexdigest()


def shelf() -> dict[str, Any]:
    """What PDND publishes, as it was fetched."""
    own = {"kid": "pdnd-2026", "jwk": public_jwk("pdnd")}
    clients = {
        pdnd_kid(vendor, key): {"jwk": public_jwk(key), "client_id": client(owner)}
        for vendor, key, owner in (
            *((vendor, "luna", vendor) for vendor in ("luna", "mare", "nembo", "ponte", "quarzo", "uva")),
            ("luna", "luna-rsa", "luna"),
            ("luna", "stranger", "elsewhere"),
        )
    }
    return {
        "pdnd-jwks": {ISSUER: [own]},
        "pdnd-key": {
            ISSUER: {
                **clients,
                "unknown-of-luna": None,
                "unowned-of-luna": {"jwk": public_jwk("luna"), "client_id": None},
            }
        },
    }


Change = Callable[[Draft], None]


def each(*names: str, **values: Any) -> Change:
    """The same claims in several tokens."""

    def change(draft: Draft) -> None:
        for name in names:
            for claim, value in values.items():
                if value is ...:
                    draft.claims[name].pop(claim, None)
                else:
                    draft.claims[name][claim] = value

    return change


def header_of(which: str, **members: Any) -> Change:
    """Members of one token's JOSE header."""

    def change(draft: Draft) -> None:
        for name, value in members.items():
            if value is ...:
                draft.header[which].pop(name, None)
            else:
                draft.header[which][name] = value

    return change
