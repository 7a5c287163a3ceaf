"""Bad ones in their key or certificate."""

import json
from collections.abc import Iterator

from make_changes import SIG, Vector, bad, headers
from make_drafts import CERTS, Draft, kid, public_jwk, with_cert, with_kid, x5c


def _keys() -> Iterator[Vector]:
    base, jwk = "x5c-es256", "jwk-es256"
    yield bad("kid-unknown", jwk, "a key that is not registered", "key.unknown", with_kid("borea-unknown"))
    yield bad("kid-of-another", jwk, "eolo's key and kid, borea's iss", "key.unknown", with_kid("eolo"))
    yield bad(
        "kid-missing",
        jwk,
        "no kid",
        "key.reference_missing",
        Draft("borea", "borea-es", {"typ": "JWT", "alg": "ES256"}),
    )
    yield bad("key-revoked", jwk, "revoked a minute ago", "key.unusable", with_kid("borea-revoked"))
    yield bad("key-not-yet-valid", jwk, "valid from a minute ahead", "key.unusable", with_kid("borea-next"))
    yield bad("key-past", jwk, "valid until a minute ago", "key.unusable", with_kid("borea-past"))
    yield bad(
        "jwk-in-header",
        jwk,
        "a key of its own in jwk, no kid",
        "key.reference_missing",
        Draft(
            "borea",
            "borea-unknown",
            {"typ": "JWT", "alg": "ES256", "jwk": json.loads(public_jwk("borea-unknown"))},
        ),
    )
    yield bad("anchor-revoked", base, "the vendor's anchor is revoked", "key.unusable", with_cert("gea", iss="gea"))
    yield bad(
        "x5c-missing",
        base,
        "x5u instead of x5c",
        "key.reference_missing",
        Draft("acme", "acme", {"typ": "JWT", "alg": "ES256", "x5u": "https://acme.example/cert.pem"}),
    )
    yield bad("x5c-not-list", base, "x5c is a string", "certificate.malformed", headers(x5c=x5c("acme")[0]))
    yield bad("x5c-pem", base, "x5c holds PEM", "certificate.malformed", headers(x5c=[CERTS["acme"]]))
    yield bad("x5c-not-der", base, "x5c holds no certificate", "certificate.malformed", headers(x5c=["AAAA"]))
    yield bad("x5c-other-ca", base, "a CA of the same name", "chain.invalid", with_cert("acme-other-ca"))
    yield bad(
        "x5c-own-root",
        base,
        "a CA of the same name, sent along",
        "chain.invalid",
        with_cert("acme-other-ca", "other-ca"),
    )
    yield bad("x5c-no-intermediate", base, "the intermediate is missing", "chain.invalid", headers(x5c=x5c("acme")))
    yield bad("x5c-self-signed", base, "self-signed, the right name", "chain.invalid", with_cert("acme-self"))
    yield bad(
        "x5c-under-a-leaf", base, "issued by another vendor's leaf", "chain.invalid", with_cert("under-leaf", "zeta")
    )
    yield bad(
        "x5c-other-subject", base, "another vendor under the same anchor", "certificate.subject", with_cert("zeta")
    )
    yield bad("x5c-expired", base, "expired a minute ago", "certificate.expired", with_cert("acme-expired"))
    yield bad("x5c-early", base, "valid from a minute ahead", "certificate.expired", with_cert("acme-early"))
    yield bad("x5c-ca-as-leaf", base, "a CA certificate as leaf", "certificate.usage", with_cert("acme-ca-leaf"))
    yield bad(
        "x5c-no-digital-signature",
        base,
        "KeyUsage without digitalSignature",
        "certificate.usage",
        with_cert("acme-no-sign"),
    )
    yield bad("x5c-server-auth", base, "EKU serverAuth alone", "certificate.usage", with_cert("acme-server"))
    yield bad("x5c-1024-bit", base, "an RSA key of 1024 bits", "certificate.weak", headers(x5c=x5c("acme-1024")))
    yield bad("x5c-p384-es256", "x5c-es384", "ES256 with a P-384 key", "alg.mismatch", headers(x5c=x5c("acme-p384")))
    yield bad("x5t-of-another", base, "x5t#S256 is not the leaf's", "certificate.malformed", headers(x5t_S256="A" * 43))
    yield bad(
        "thumbprint-other",
        "thumbprint",
        "same key, another certificate than the pinned one",
        "key.unknown",
        with_cert("cielo-renewed", iss="cielo"),
    )
    yield bad(
        "public-anchor-cn",
        "public-anchor",
        "the registered name as CN, another organizationIdentifier",
        "certificate.subject",
        with_cert("dorica-cn", iss="dorica"),
    )
    yield bad(
        "public-anchor-other-issuer",
        "public-anchor",
        "another CA under the pinned one",
        "chain.invalid",
        with_cert("dorica-below", "public-other-issuing", iss="dorica"),
    )
    two = with_kid("borea-es")
    two.keys[SIG], two.header[SIG] = "borea", {"typ": "JWT", "alg": "RS256", "kid": kid("borea")}
    yield bad("two-signers", jwk, "one vendor's two keys, one per token", "signer.differs", two)
    suspended = Draft("fumo", "fumo", {"typ": "JWT", "alg": "ES256", "kid": kid("fumo")})
    yield bad(
        "vendor-suspended", jwk, "all holds, but the vendor is suspended", "vendor.suspended", suspended, status=403
    )


def vectors() -> Iterator[Vector]:
    yield from _keys()
