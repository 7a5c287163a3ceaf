"""Makes the vectors: `python tests/vectors/make.py [FILE ...]`. TEST KEYS, published here, of no use to anyone.

Keys and certificates stay in `keys.json` once made; tokens are made anew. They come from PyJWT (Authorization) and
jwcrypto (Agid-JWT-Signature), never from the hub's own code; what no library would make is put together by hand.
"""

import hashlib
import json
import sys
from typing import Any

import cases_good
import cases_integrity
import cases_keys
import cases_patterns
import cases_pdnd
import cases_shape
import cases_tokens
from make_drafts import CERTS, FEED, HERE, NOW, OTHER_FEED, OTHER_PUBLISH, PUBLISH, kid, public_jwk
from make_keys import der
from make_pdnd import DESCRIPTOR, ESERVICE, ESERVICE_ID, ISSUER, PRODUCER, PURPOSE, client, shelf

SIZES = ("256", "384", "512")
EVERY_ALGORITHM = {"algorithms": ["EdDSA", *(f"{kind}{size}" for kind in ("ES", "PS", "RS") for size in SIZES)]}


def registry() -> dict[str, Any]:
    """Enti and vendors as the vectors assume them."""

    def jwk_entry(name: str, **kw: Any) -> dict[str, Any]:
        return {"key_id": f"k-{name}", "kind": "jwk", "kid": kid(name), "material": public_jwk(name), **kw}

    def vendor(vendor_id: str, trust: str, keys: list[dict[str, Any]], **kw: Any) -> dict[str, Any]:
        base = {"ente_id": "c_h501", "vendor_id": vendor_id, "trust": trust, "active": True, "subject": vendor_id}
        return {**base, "aliases": [], "signature_only": False, "keys": keys, **kw}

    def anchor(key_id: str, *certs: str, kind: str = "anchor", **kw: Any) -> dict[str, Any]:
        return {"key_id": key_id, "kind": kind, "material": "".join(CERTS[cert] for cert in certs), **kw}

    print_ = hashlib.sha256(der(CERTS["cielo"])).hexdigest()
    return {
        "enti": [
            {
                "ente_id": "c_h501",
                "publish_audience": PUBLISH,
                "feed_audience": FEED,
                "public_url": PUBLISH.removesuffix("/publish/v1"),
                "pdnd": {
                    "issuer": ISSUER,
                    "jwks_url": f"https://{ISSUER}/.well-known/jwks.json",
                    "audience": ESERVICE,
                    "eservice_id": ESERVICE_ID,
                    "producer_id": PRODUCER,
                    "descriptor_ids": [DESCRIPTOR],
                },
            },
            {"ente_id": "c_f205", "publish_audience": OTHER_PUBLISH, "feed_audience": OTHER_FEED},
        ],
        "vendors": [
            vendor("acme", "x509", [anchor("a-acme", "ca")], aliases=["acme-legacy"], profile=EVERY_ALGORITHM),
            vendor(
                "borea",
                "jwk",
                [
                    jwk_entry("borea"),
                    jwk_entry("borea-es"),
                    jwk_entry("borea-revoked", revoked_at="2026-11-24T09:59:00Z"),
                    jwk_entry("borea-next", valid_from="2026-11-24T10:01:00Z"),
                    jwk_entry("borea-past", valid_to="2026-11-24T09:59:00Z"),
                ],
                profile=EVERY_ALGORITHM,
            ),
            vendor("cielo", "x509", [{"key_id": "t-cielo", "kind": "thumbprint", "material": print_}]),
            vendor(
                "dorica",
                "x509",
                [anchor("p-dorica", "public-issuing", kind="public_anchor")],
                subject="VATIT-01234567890",
            ),
            vendor("eolo", "jwk", [jwk_entry("eolo")], signature_only=True),
            vendor("fumo", "jwk", [jwk_entry("fumo")], active=False),
            vendor("gea", "x509", [anchor("a-gea", "ca", revoked_at="2026-11-24T09:59:00Z")]),
            *_patterns(vendor, jwk_entry, anchor),
        ],
        "shelf": shelf(),
        "proxy": {"networks": ["10.0.0.1/32", "2001:db8::/64"], "header": "client-cert", "form": "rfc9440"},
    }


def _patterns(vendor: Any, jwk_entry: Any, anchor: Any) -> list[dict[str, Any]]:
    """Vendors of the other patterns; what a profile leaves out is the default."""

    def vouched(vendor_id: str, **settings: Any) -> dict[str, Any]:
        own = {"authentication": "voucher", "clients": [client(vendor_id)], "purposes": [PURPOSE]}
        return {"integrity": "INTEGRITY_REST_02", **own, **settings}

    print_ = hashlib.sha256(der(CERTS["cielo"])).hexdigest()
    channel = [
        anchor("c-rupe", "ca", kind="channel_anchor"),
        {"key_id": "ct-rupe", "kind": "channel_thumbprint", "material": print_},
    ]
    limits = {"algorithms": ["ES256"], "max_age": 60, "future": 60, "grace": 30, "lifetime": 120}
    return [
        vendor("luna", "pdnd", [], profile=vouched("luna")),
        vendor("mare", "pdnd", [], profile=vouched("mare", audit="AUDIT_REST_02")),
        vendor("nembo", "pdnd", [], profile=vouched("nembo", audit="AUDIT_REST_01")),
        vendor("ponte", "pdnd", [], profile=vouched("ponte", dpop="required")),
        vendor("uva", "pdnd", [], profile=vouched("uva", dpop="allowed")),
        vendor(
            "quarzo",
            "x509",
            [anchor("a-quarzo", "ca")],
            subject="acme",
            profile=vouched("quarzo", integrity="INTEGRITY_REST_01"),
        ),
        vendor(
            "ibla",
            "jwk",
            [jwk_entry("eolo")],
            profile={"authentication": "ID_AUTH_REST_01", "jti": "if-present"},
        ),
        vendor(
            "onda",
            "jwk",
            [jwk_entry("eolo")],
            profile={"audit": "AUDIT_REST_01", "audit_claims": ["user_id", "loa"]},
        ),
        vendor(
            "rupe",
            "jwk",
            [jwk_entry("eolo"), *channel],
            profile={"channel": "ID_AUTH_CHANNEL_02", "channel_subject": "acme"},
        ),
        vendor("selva", "jwk", [jwk_entry("eolo")], profile={"max_receipts": 3}),
        vendor("tufo", "jwk", [jwk_entry("eolo")], profile={"max_receipts": 3, "message_id": "claim:mid"}),
        vendor("vela", "jwk", [jwk_entry("eolo"), jwk_entry("borea")], profile=limits),
    ]


FILES = {
    "publish.json": (cases_good, cases_shape, cases_tokens, cases_keys, cases_integrity),
    "patterns.json": (cases_pdnd, cases_patterns),
}


def main() -> None:
    (HERE / "registry.json").write_text(json.dumps(registry(), indent=1) + "\n")
    notice = "TEST KEYS. `now` is the receiver's clock. `cause` is for the operator's log: HTTP shows the status alone."
    names: list[str] = []
    for file in sys.argv[1:] or FILES:
        vectors = [vector for part in FILES[file] for vector in part.vectors()]
        names += [vector["name"] for vector in vectors]
        content = {"notice": notice, "now": NOW.isoformat(), "vectors": vectors}
        (HERE / file).write_text(json.dumps(content, indent=1) + "\n")
        bad = sum("status" in vector["expect"] for vector in vectors)
        print(f"{file}: {len(vectors) - bad} good, {bad} bad")
    assert len(names) == len(set(names)), "two vectors of one name"


if __name__ == "__main__":
    main()
