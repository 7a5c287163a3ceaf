"""Good requests."""

from collections.abc import Iterator

from make_changes import SIG, Vector, both, changed, get, good, headers, set_header
from make_drafts import PUBLISH, Draft, T, acme, borea, kid, with_cert, with_kid


def _good() -> Iterator[Vector]:
    yield good("x5c-es256", "ES256, chain to the vendor's own anchor", acme(), vendor="acme")
    yield good("x5c-rs256", "RS256, leaf directly under the anchor", with_cert("acme-rsa", alg="RS256"), vendor="acme")
    yield good("x5c-es384", "ES384, a P-384 key", with_cert("acme-p384", alg="ES384"), vendor="acme")
    for alg in ("RS384", "RS512", "PS256", "PS384", "PS512"):
        yield good(f"jwk-{alg.lower()}", f"{alg}, a key that names no alg", with_kid("borea", alg=alg), vendor="borea")
    yield good(
        "x5c-seal", "a seal: no SAN, no EKU, subject by organizationIdentifier", with_cert("acme-seal"), vendor="acme"
    )
    yield good("jwk-rs256", "a registered JWK, by kid", borea(), vendor="borea")
    yield good("jwk-es256", "another registered JWK", with_kid("borea-es"), vendor="borea")
    yield good("thumbprint", "a pinned self-signed certificate", with_cert("cielo", iss="cielo"), vendor="cielo")
    yield good("public-anchor", "issuer and organizationIdentifier", with_cert("dorica", iss="dorica"), vendor="dorica")
    yield good("alias", "iss is a registered alias", changed(acme(), both(iss="acme-legacy")), vendor="acme")
    yield good("aud-list", "aud is an array", changed(acme(), both(aud=["https://x.example", PUBLISH])), vendor="acme")
    yield good("same-jti", "both tokens have one jti", changed(acme(), both(jti="one")), vendor="acme")
    yield good("no-body", "a read needs Authorization alone", get(), vendor="acme")
    yield good("empty-body", "an empty body is signed too", acme(body=b""), vendor="acme")
    yield good("clock-ahead", "iat and nbf 5 s ahead", changed(acme(), both(iat=T + 5, nbf=T + 5)), vendor="acme")
    yield good("iat-299", "iat 299 s old", changed(acme(), both(iat=T - 299, nbf=T - 299, exp=T + 1)), vendor="acme")
    yield good("no-nbf", "nbf is optional", changed(acme(), both(nbf=...)), vendor="acme")
    yield good(
        "content-type-charset",
        "a framework added charset=utf-8 to JSON after signing",
        changed(acme(), set_header("content-type", "application/json; charset=UTF-8")),
        vendor="acme",
    )
    lower = acme()
    lower.bearer = "bearer "
    yield good("lower-case-bearer", "scheme names are case-insensitive (RFC 9110 11.1)", lower, vendor="acme")
    ignored = changed(acme(), headers(jku="https://evil.example/jwks", x5t="AAAA", x5u="https://evil.example/c"))
    yield good("pointers-ignored", "jku, x5u and SHA-1 x5t are not followed", ignored, vendor="acme")
    only = Draft("eolo", "eolo", {"typ": "JWT", "alg": "ES256", "kid": kid("eolo")})
    only.tokens = [SIG]
    yield good("signature-only", "a vendor that may send Agid-JWT-Signature alone", only, vendor="eolo")
    extra = acme()
    extra.headers.append(("x-correlation-id", "abc"))
    extra.sig["signed_headers"].append({"x-correlation-id": "abc"})
    yield good("extra-signed-header", "a further header is signed", extra, vendor="acme")
    identity = acme()
    identity.headers.append(("content-encoding", "identity"))
    identity.sig["signed_headers"].append({"content-encoding": "identity"})
    yield good("identity-coding", "Content-Encoding identity, signed", identity, vendor="acme")


def vectors() -> Iterator[Vector]:
    yield from _good()
