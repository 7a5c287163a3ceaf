"""Makes the vectors: `python tests/vectors/make.py`. TEST KEYS, published here, of no use to anyone.

Keys and certificates stay in `keys.json` once made; tokens are made anew. They come from PyJWT (Authorization) and
jwcrypto (Agid-JWT-Signature), never from the hub's own code; what no library would make is put together by hand.
"""

import hashlib
import json
from typing import Any

import cases_good
import cases_integrity
import cases_keys
import cases_shape
import cases_tokens
from make_drafts import CERTS, FEED, HERE, NOW, OTHER_FEED, OTHER_PUBLISH, PUBLISH, kid, public_jwk
from make_keys import der


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
            {"ente_id": "c_h501", "publish_audience": PUBLISH, "feed_audience": FEED},
            {"ente_id": "c_f205", "publish_audience": OTHER_PUBLISH, "feed_audience": OTHER_FEED},
        ],
        "vendors": [
            vendor("acme", "x509", [anchor("a-acme", "ca")], aliases=["acme-legacy"]),
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
        ],
    }


def all_vectors() -> list[dict[str, Any]]:
    """Every vector, good ones first."""
    parts = (cases_good, cases_shape, cases_tokens, cases_keys, cases_integrity)
    vectors = [vector for part in parts for vector in part.vectors()]
    names = [vector["name"] for vector in vectors]
    assert len(names) == len(set(names)), "two vectors of one name"
    return vectors


def main() -> None:
    vectors = all_vectors()
    (HERE / "registry.json").write_text(json.dumps(registry(), indent=1) + "\n")
    notice = "TEST KEYS. `now` is the receiver's clock. `cause` is for the operator's log: HTTP shows the status alone."
    content = {"notice": notice, "now": NOW.isoformat(), "vectors": vectors}
    (HERE / "publish.json").write_text(json.dumps(content, indent=1) + "\n")
    bad = sum("status" in vector["expect"] for vector in vectors)
    print(f"{len(vectors) - bad} good, {bad} bad")


if __name__ == "__main__":
    main()
