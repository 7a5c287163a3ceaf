"""Vouchers of PDND, INTEGRITY_REST_02, AUDIT_REST_01 and _02, DPoP: good ones, and each with one thing wrong."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from make_changes import AUTH, SIG, Vector, bad, changed, claim, good, sent, tokens
from make_drafts import FEED, KEYS, OTHER_PUBLISH, PUBLISH, Draft, T, b64u, by_hand, kid, public_jwk, segment, x5c
from make_pdnd import (
    AUDIT,
    BASE,
    DPOP,
    ELSEWHERE,
    ESERVICE,
    OTHER_PURPOSE,
    TARGET,
    audited,
    client,
    header_of,
    hex_digest,
    pdnd,
    possessing,
)

luna: Callable[..., Draft] = partial(pdnd, "luna")


def mare(**kw: Any) -> Draft:
    return audited(pdnd("mare", **kw), "mare", level=2)


def nembo(**kw: Any) -> Draft:
    return audited(pdnd("nembo", **kw), "nembo", level=1)


def ponte(**kw: Any) -> Draft:
    return possessing(pdnd("ponte", **kw))


def uva(**kw: Any) -> Draft:
    return pdnd("uva", **kw)


def quarzo(**kw: Any) -> Draft:
    """Hybrid: a voucher, and integrity by the vendor's certificate."""
    draft = pdnd("quarzo", **kw)
    draft.keys[SIG] = "acme"
    draft.header[SIG] = {"typ": "JWT", "alg": "ES256", "x5c": x5c("acme", "acme-issuing")}
    draft.claims[SIG] |= {"iss": "quarzo", "aud": PUBLISH}
    return draft


def read(make: Callable[..., Draft]) -> Draft:
    return make(signed_body=False, body=b"")


def _good() -> Iterator[Vector]:
    yield good("voucher", "a voucher with INTEGRITY_REST_02", luna(), vendor="luna", consumes=[SIG])
    yield good("voucher-rs256", "a client's RSA key", luna(key="luna-rsa", alg="RS256"), vendor="luna", consumes=[SIG])
    yield good(
        "voucher-read", "a read needs the voucher alone; its jti is not used up", read(luna), vendor="luna", consumes=[]
    )
    yield good(
        "voucher-aud-list",
        "aud of the voucher is an array",
        changed(luna(), claim(AUTH, aud=["https://x.example", ESERVICE])),
        vendor="luna",
        consumes=[SIG],
    )
    yield good(
        "voucher-no-flags",
        "producerId, eserviceId, descriptorId are behind a flag",
        changed(luna(), claim(AUTH, producerId=..., eserviceId=..., descriptorId=...)),
        vendor="luna",
        consumes=[SIG],
    )
    yield good(
        "voucher-no-jti", "a voucher without jti", changed(luna(), claim(AUTH, jti=...)), vendor="luna", consumes=[SIG]
    )
    yield good(
        "integrity-api-audience",
        "Agid-JWT-Signature names the API instead of the e-service",
        changed(luna(), claim(SIG, aud=PUBLISH)),
        vendor="luna",
        consumes=[SIG],
    )
    yield good(
        "hybrid", "a voucher, and integrity by X.509 (iss is the vendor)", quarzo(), vendor="quarzo", consumes=[SIG]
    )
    yield good(
        "hybrid-client-iss",
        "the same, iss is the client",
        changed(quarzo(), claim(SIG, iss=client("quarzo"))),
        vendor="quarzo",
        consumes=[SIG],
    )
    yield good("audit-02", "AUDIT_REST_02", mare(), vendor="mare", consumes=[SIG])
    yield good("audit-02-read", "AUDIT_REST_02 on a read", read(mare), vendor="mare", consumes=[])
    yield good(
        "audit-02-least-nonce",
        "the least dnonce",
        changed(mare(), claim(AUDIT, dnonce=10**12)),
        vendor="mare",
        consumes=[SIG],
    )
    yield good(
        "audit-02-loa",
        "a further claim in the evidence",
        changed(mare(), claim(AUDIT, LoA="LOA3")),
        vendor="mare",
        consumes=[SIG],
    )
    yield good(
        "audit-01-pdnd", "AUDIT_REST_01 with PDND: no digest, no dnonce", nembo(), vendor="nembo", consumes=[SIG]
    )
    yield good("dpop", "a voucher bound to a key, and a proof of it", ponte(), vendor="ponte", consumes=[SIG, DPOP])
    yield good("dpop-allowed-bearer", "DPoP allowed, and not used", uva(), vendor="uva", consumes=[SIG])
    yield good("dpop-allowed", "DPoP allowed, and used", possessing(uva()), vendor="uva", consumes=[SIG, DPOP])
    other_form = BASE.replace("https://hub", "HTTPS://HUB").replace(".it", ".it:443")
    yield good(
        "dpop-htu-normal",
        "htu in another spelling, with a query",
        changed(ponte(), claim(DPOP, htu=f"{other_form}{TARGET}?a=b")),
        vendor="ponte",
        consumes=[SIG, DPOP],
    )


def _voucher() -> Iterator[Vector]:
    base = "voucher"
    yield bad("voucher-typ-jwt", base, "typ JWT: no voucher", "issuer.unknown", header_of(AUTH, typ="JWT"), draft=luna)
    own = changed(luna(), header_of(AUTH, typ="JWT", kid="luna-of-luna", alg="ES256"), claim(AUTH, iss=client("luna")))
    own.keys[AUTH] = "luna"
    yield bad("voucher-own-token", base, "a token of its own instead of a voucher", "typ.wrong", own)
    yield bad(
        "voucher-signature-alone",
        base,
        "Agid-JWT-Signature without a voucher",
        "token.missing",
        lambda d: setattr(d, "tokens", [SIG]),
        draft=luna,
        status=400,
    )
    yield bad(
        "voucher-no-integrity",
        base,
        "a voucher alone with a body",
        "token.missing",
        lambda d: setattr(d, "tokens", [AUTH]),
        draft=luna,
        status=400,
    )
    yield bad(
        "voucher-aud",
        base,
        "aud is the API, not the e-service",
        "audience.mismatch",
        claim(AUTH, aud=PUBLISH),
        draft=luna,
    )
    yield bad("voucher-aud-feed", base, "aud is the feed", "audience.mismatch", claim(AUTH, aud=FEED), draft=luna)
    yield bad(
        "voucher-two-enti",
        base,
        "the signature is for another ente",
        "audience.differs",
        claim(SIG, aud=OTHER_PUBLISH),
        draft=luna,
    )
    yield bad(
        "voucher-unknown-client",
        base,
        "a client of no vendor",
        "issuer.unknown",
        claim(AUTH, client_id=ELSEWHERE, sub=ELSEWHERE),
        draft=luna,
    )
    yield bad("voucher-no-client", base, "no client_id", "claim.missing", claim(AUTH, client_id=...), draft=luna)
    yield bad("voucher-alg-none", base, "alg none", "alg.forbidden", tokens(_unsigned), draft=luna)
    yield bad(
        "voucher-crit",
        base,
        "crit in the voucher",
        "crit.unsupported",
        header_of(AUTH, crit=["exp"], exp=1),
        draft=luna,
    )
    yield bad("voucher-no-kid", base, "no kid", "key.reference_missing", header_of(AUTH, kid=...), draft=luna)
    yield bad(
        "voucher-unknown-kid",
        base,
        "a key that PDND does not have",
        "key.unknown",
        header_of(AUTH, kid="other"),
        draft=luna,
    )
    yield bad(
        "voucher-forged",
        base,
        "signed by somebody else",
        "signature.invalid",
        lambda d: d.keys.update({AUTH: "luna-rsa"}),
        draft=luna,
    )
    yield bad(
        "voucher-issuer", base, "another issuer", "voucher.issuer", claim(AUTH, iss="uat.pdnd.example.it"), draft=luna
    )
    yield bad(
        "voucher-subject", base, "sub is another client", "voucher.subject", claim(AUTH, sub=client("mare")), draft=luna
    )
    yield bad("voucher-no-nbf", base, "no nbf", "claim.missing", claim(AUTH, nbf=...), draft=luna)
    yield bad("voucher-no-iat", base, "no iat", "claim.missing", claim(AUTH, iat=...), draft=luna)
    yield bad("voucher-no-exp", base, "no exp", "claim.missing", claim(AUTH, exp=...), draft=luna)
    yield bad("voucher-early", base, "nbf 6 s ahead", "nbf.future", claim(AUTH, nbf=T + 6), draft=luna)
    yield bad("voucher-expired", base, "expired", "token.expired", claim(AUTH, exp=T), draft=luna)
    yield bad(
        "voucher-long", base, "lives for more than an hour", "lifetime.too_long", claim(AUTH, exp=T + 3541), draft=luna
    )
    yield bad(
        "voucher-purpose", base, "another purpose", "voucher.purpose", claim(AUTH, purposeId=OTHER_PURPOSE), draft=luna
    )
    yield bad(
        "voucher-no-purpose",
        base,
        "no purposeId (a voucher of the PDND API)",
        "claim.missing",
        claim(AUTH, purposeId=...),
        draft=luna,
    )
    yield bad(
        "voucher-producer", base, "another producer", "voucher.eservice", claim(AUTH, producerId=ELSEWHERE), draft=luna
    )
    yield bad(
        "voucher-eservice", base, "another e-service", "voucher.eservice", claim(AUTH, eserviceId=ELSEWHERE), draft=luna
    )
    yield bad(
        "voucher-descriptor",
        base,
        "another version",
        "voucher.eservice",
        claim(AUTH, descriptorId=ELSEWHERE),
        draft=luna,
    )
    yield bad(
        "voucher-descriptor-list",
        base,
        "descriptorId is no text",
        "voucher.eservice",
        claim(AUTH, descriptorId=["x"]),
        draft=luna,
    )
    yield bad(
        "voucher-as-dpop",
        base,
        "scheme DPoP where it was not agreed",
        "authorization.scheme",
        lambda d: setattr(d, "bearer", "DPoP "),
        draft=luna,
        status=400,
    )
    yield bad(
        "voucher-bound-as-bearer",
        base,
        "bound to a key, sent as Bearer",
        "dpop.bearer",
        claim(AUTH, cnf={"jkt": kid("possession")}),
        draft=luna,
    )
    yield bad("voucher-cnf-text", base, "cnf is no object", "claim.type", claim(AUTH, cnf="x"), draft=luna)
    yield bad(
        "voucher-signed-headers",
        base,
        "signed_headers in the voucher",
        "token.misplaced",
        claim(AUTH, signed_headers=[]),
        draft=luna,
        status=400,
    )


def _unsigned(found: dict[str, str]) -> None:
    payload = found[AUTH].split(".")[1]
    found[AUTH] = f"{segment({'typ': 'at+jwt', 'alg': 'none', 'kid': 'pdnd-2026'})}.{payload}."


def _keys() -> Iterator[Vector]:
    base = "voucher"
    yield bad(
        "integrity-no-kid",
        base,
        "no kid in Agid-JWT-Signature",
        "key.reference_missing",
        header_of(SIG, kid=...),
        draft=luna,
    )
    yield bad(
        "integrity-unknown-kid",
        base,
        "PDND knows no such kid",
        "key.unknown",
        header_of(SIG, kid="unknown-of-luna"),
        draft=luna,
    )
    yield bad(
        "integrity-odd-kid",
        base,
        "a kid such as PDND never gives",
        "key.unknown",
        header_of(SIG, kid="../keys?x"),
        draft=luna,
    )
    yield bad(
        "integrity-not-fetched",
        base,
        "a kid that nobody fetched yet",
        "material.wanted",
        header_of(SIG, kid="new-of-luna"),
        draft=luna,
    )
    stranger = changed(luna(), header_of(SIG, kid="stranger-of-luna"))
    stranger.keys[SIG] = "stranger"
    yield bad("integrity-key-of-another", base, "a PDND key of another client", "key.owner", stranger)
    yield bad(
        "integrity-key-of-nobody",
        base,
        "PDND does not say whose key",
        "key.owner",
        header_of(SIG, kid="unowned-of-luna"),
        draft=luna,
    )
    yield bad(
        "integrity-forged",
        base,
        "the kid of luna, signed by somebody else",
        "signature.invalid",
        lambda d: d.keys.update({SIG: "stranger"}),
        draft=luna,
    )
    yield bad(
        "integrity-issuer",
        base,
        "iss is the vendor, not the client",
        "issuer.differs",
        claim(SIG, iss="luna"),
        draft=luna,
    )
    yield bad(
        "integrity-no-jti", base, "no jti in Agid-JWT-Signature", "claim.missing", claim(SIG, jti=...), draft=luna
    )
    yield bad(
        "integrity-old",
        base,
        "Agid-JWT-Signature as old as the voucher may be",
        "iat.old",
        claim(SIG, iat=T - 301, nbf=T - 301),
        draft=luna,
    )
    x509 = changed(luna(), lambda d: d.header.update({SIG: {"typ": "JWT", "alg": "ES256", "x5c": x5c("acme")}}))
    x509.keys[SIG] = "acme"
    yield bad("integrity-x5c", base, "a certificate instead of a kid", "key.reference_missing", x509)
    yield bad(
        "hybrid-other-vendor", "hybrid", "iss is another vendor", "issuer.differs", claim(SIG, iss="acme"), draft=quarzo
    )
    yield bad(
        "hybrid-kid",
        "hybrid",
        "a PDND kid instead of a certificate",
        "key.reference_missing",
        lambda d: d.header.update({SIG: {"typ": "JWT", "alg": "ES256", "kid": "luna-of-quarzo"}}),
        draft=quarzo,
    )
    acme = pdnd("luna")
    acme.claims[AUTH] |= {"client_id": client("acme"), "sub": client("acme")}
    yield bad("voucher-not-agreed", base, "a voucher of a vendor that authenticates itself", "issuer.unknown", acme)


def _audit() -> Iterator[Vector]:
    base = "audit-02"
    yield bad(
        "audit-missing",
        base,
        "no evidence",
        "token.missing",
        _without_evidence,
        draft=mare,
        status=400,
    )
    yield bad(
        "audit-twice",
        base,
        "two headers",
        "header.repeated",
        sent(lambda h, t: h.append((AUDIT, t[AUDIT]))),
        draft=mare,
        status=400,
    )
    yield bad(
        "audit-malformed",
        base,
        "no JWS",
        "token.malformed",
        tokens(lambda t: t.update({AUDIT: "x.y"})),
        draft=mare,
        status=400,
    )
    yield bad("audit-typ", base, "typ of a voucher", "typ.wrong", header_of(AUDIT, typ="at+jwt"), draft=mare)
    yield bad("audit-ente", base, "for another ente", "audience.differs", claim(AUDIT, aud=OTHER_PUBLISH), draft=mare)
    yield bad(
        "audit-issuer", base, "iss is another client", "issuer.differs", claim(AUDIT, iss=client("luna")), draft=mare
    )
    other = changed(mare(), header_of(AUDIT, kid="stranger-of-luna"))
    other.keys[AUDIT] = "stranger"
    yield bad("audit-key-of-another", base, "a key of another client", "key.owner", other)
    yield bad(
        "audit-forged",
        base,
        "signed by somebody else",
        "signature.invalid",
        lambda d: d.keys.update({AUDIT: "stranger"}),
        draft=mare,
    )
    yield bad("audit-expired", base, "expired", "token.expired", claim(AUDIT, exp=T), draft=mare)
    yield bad("audit-no-jti", base, "no jti", "claim.missing", claim(AUDIT, jti=...), draft=mare)
    yield bad("audit-no-user", base, "no userID", "claim.missing", claim(AUDIT, userID=...), draft=mare)
    yield bad(
        "audit-user-case",
        base,
        "userId in other letters",
        "claim.missing",
        claim(AUDIT, userID=..., userId="operator-7"),
        draft=mare,
    )
    yield bad("audit-user-number", base, "userID is a number", "claim.type", claim(AUDIT, userID=7), draft=mare)
    yield bad(
        "audit-purpose",
        base,
        "purposeId is not the voucher's",
        "audit.purpose",
        claim(AUDIT, purposeId=OTHER_PURPOSE),
        draft=mare,
    )
    yield bad("audit-no-purpose", base, "no purposeId", "claim.missing", claim(AUDIT, purposeId=...), draft=mare)
    yield bad(
        "audit-01-purpose",
        "audit-01-pdnd",
        "purposeId is not the voucher's",
        "audit.purpose",
        claim(AUDIT, purposeId=OTHER_PURPOSE),
        draft=nembo,
    )
    yield bad("audit-no-nonce", base, "no dnonce", "claim.missing", claim(AUDIT, dnonce=...), draft=mare)
    yield bad(
        "audit-nonce-text", base, "dnonce is text", "claim.type", claim(AUDIT, dnonce="1234567890123"), draft=mare
    )
    yield bad("audit-nonce-12", base, "dnonce has 12 digits", "claim.type", claim(AUDIT, dnonce=10**12 - 1), draft=mare)
    yield bad("audit-nonce-14", base, "dnonce has 14 digits", "claim.type", claim(AUDIT, dnonce=10**13), draft=mare)
    yield bad(
        "audit-no-digest",
        base,
        "the voucher has no digest",
        "audit.digest_missing",
        claim(AUTH, digest=...),
        draft=mare,
    )
    yield bad(
        "audit-digest-alg",
        base,
        "SHA-256 instead of SHA256",
        "audit.digest_missing",
        claim(AUTH, digest=lambda m: {"alg": "SHA-256", "value": hex_digest(m[AUDIT])}),
        draft=mare,
    )
    yield bad(
        "audit-digest-upper",
        base,
        "upper-case hex",
        "audit.digest",
        claim(AUTH, digest=lambda m: {"alg": "SHA256", "value": hex_digest(m[AUDIT]).upper()}),
        draft=mare,
    )
    yield bad(
        "audit-digest-base64",
        base,
        "base64 of the digest",
        "audit.digest",
        claim(AUTH, digest=lambda m: {"alg": "SHA256", "value": b64u(bytes.fromhex(hex_digest(m[AUDIT])))}),
        draft=mare,
    )

    def signed_again(found: dict[str, str]) -> None:
        header, payload, _ = found[AUDIT].split(".")
        found[AUDIT] = by_hand(header, payload, "luna")

    yield bad(
        "audit-signed-again",
        base,
        "the same evidence, signed again after hashing",
        "audit.digest",
        tokens(signed_again),
        draft=mare,
    )


def _without_evidence(draft: Draft) -> None:
    draft.tokens.remove(AUDIT)
    draft.claims[AUTH].pop("digest")


def _dpop() -> Iterator[Vector]:
    base = "dpop"
    yield bad(
        "dpop-bearer",
        base,
        "Bearer where a proof is required",
        "authorization.scheme",
        lambda d: setattr(d, "bearer", "Bearer "),
        draft=ponte,
        status=400,
    )
    yield bad(
        "dpop-bearer-unbound",
        base,
        "a plain voucher where a proof is required",
        "authorization.scheme",
        lambda d: None,
        draft=lambda: pdnd("ponte"),
        status=400,
    )
    yield bad(
        "dpop-missing", base, "no proof", "dpop.missing", lambda d: d.tokens.remove(DPOP), draft=ponte, status=400
    )
    yield bad(
        "dpop-twice",
        base,
        "two proofs",
        "header.repeated",
        sent(lambda h, t: h.append((DPOP, t[DPOP]))),
        draft=ponte,
        status=400,
    )
    yield bad(
        "dpop-malformed",
        base,
        "no JWS",
        "token.malformed",
        tokens(lambda t: t.update({DPOP: "x"})),
        draft=ponte,
        status=400,
    )
    yield bad("dpop-unbound", base, "the voucher is bound to no key", "dpop.unbound", claim(AUTH, cnf=...), draft=ponte)
    yield bad("dpop-typ", base, "typ JWT", "typ.wrong", header_of(DPOP, typ="JWT"), draft=ponte)
    yield bad("dpop-alg-none", base, "alg none", "alg.forbidden", tokens(_unsigned_proof), draft=ponte)
    yield bad(
        "dpop-crit", base, "crit in the proof", "crit.unsupported", header_of(DPOP, crit=["exp"], exp=1), draft=ponte
    )
    yield bad("dpop-no-jwk", base, "no jwk", "dpop.key", header_of(DPOP, jwk=...), draft=ponte)
    private = json.loads(_private_jwk("possession"))
    yield bad("dpop-private", base, "the private key in jwk", "dpop.key", header_of(DPOP, jwk=private), draft=ponte)
    yield bad(
        "dpop-symmetric",
        base,
        "a symmetric jwk",
        "dpop.key",
        header_of(DPOP, jwk={"kty": "oct", "k": "AAAA"}),
        draft=ponte,
    )
    yield bad(
        "dpop-other-key",
        base,
        "another key than the voucher's",
        "dpop.binding",
        possessing(pdnd("ponte"), key="possession-2"),
    )
    yield bad(
        "dpop-forged",
        base,
        "jwk of the voucher, signed by another key",
        "signature.invalid",
        lambda d: d.keys.update({DPOP: "possession-2"}),
        draft=ponte,
    )
    yield bad("dpop-htm", base, "htm of another method", "dpop.method", claim(DPOP, htm="GET"), draft=ponte)
    yield bad("dpop-htm-lower", base, "htm in lower case", "dpop.method", claim(DPOP, htm="post"), draft=ponte)
    yield bad(
        "dpop-htu",
        base,
        "htu of another path",
        "dpop.target",
        claim(DPOP, htu=f"{BASE}/publish/v1/payments"),
        draft=ponte,
    )
    yield bad(
        "dpop-htu-http",
        base,
        "htu with http",
        "dpop.target",
        claim(DPOP, htu=f"{BASE}{TARGET}".replace("https", "http")),
        draft=ponte,
    )
    yield bad(
        "dpop-htu-inside",
        base,
        "htu as behind the proxy",
        "dpop.target",
        claim(DPOP, htu=f"http://10.0.0.5:8000{TARGET}"),
        draft=ponte,
    )
    yield bad(
        "dpop-htu-port",
        base,
        "htu with a port that is none",
        "dpop.target",
        claim(DPOP, htu=f"https://hub.comune.example.it:x{TARGET}"),
        draft=ponte,
    )
    yield bad("dpop-future", base, "iat 6 s ahead", "iat.future", claim(DPOP, iat=T + 6), draft=ponte)
    yield bad("dpop-old", base, "iat 61 s old", "iat.old", claim(DPOP, iat=T - 61), draft=ponte)
    yield bad("dpop-no-iat", base, "no iat", "claim.missing", claim(DPOP, iat=...), draft=ponte)
    yield bad("dpop-ath", base, "ath of another voucher", "dpop.voucher", claim(DPOP, ath=kid("luna")), draft=ponte)
    yield bad("dpop-no-ath", base, "no ath", "claim.missing", claim(DPOP, ath=...), draft=ponte)
    yield bad("dpop-no-jti", base, "no jti", "claim.missing", claim(DPOP, jti=...), draft=ponte)
    yield bad(
        "dpop-allowed-bound-bearer",
        "dpop-allowed",
        "bound to a key, sent as Bearer",
        "dpop.bearer",
        claim(AUTH, cnf={"jkt": kid("possession")}),
        draft=uva,
    )


def _unsigned_proof(found: dict[str, str]) -> None:
    header = {"typ": "dpop+jwt", "alg": "none", "jwk": json.loads(public_jwk("possession"))}
    found[DPOP] = f"{segment(header)}.{found[DPOP].split('.')[1]}."


def _private_jwk(name: str) -> str:
    from jwcrypto import jwk

    return str(jwk.JWK.from_pem(KEYS[name].encode()).export_private())


def vectors() -> Iterator[Vector]:
    yield from _good()
    yield from _voucher()
    yield from _keys()
    yield from _audit()
    yield from _dpop()
