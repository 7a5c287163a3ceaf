"""The cases: good requests, and bad ones that differ from a good one in one point."""

import hashlib
import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import datetime
from typing import Any

import make
from make import (
    BODY,
    FEED,
    HEX,
    KEYS,
    OTHER_PUBLISH,
    PUBLISH,
    Draft,
    T,
    acme,
    b64u,
    borea,
    by_hand,
    digest,
    kid,
    segment,
    with_cert,
    with_kid,
    x5c,
)

SIG, AUTH = "agid-jwt-signature", "authorization"
_VECTORS: list[dict[str, Any]] = []


def good(name: str, why: str, draft: Draft, *, vendor: str) -> None:
    _VECTORS.append({"name": name, "why": why, **draft.build(), "expect": {"ente": "c_h501", "vendor": vendor}})


def bad(
    name: str,
    base: str,
    why: str,
    cause: str,
    change: Callable[[Draft], None] | Draft,
    *,
    status: int = 401,
    draft: Callable[[], Draft] = acme,
) -> None:
    made = change if isinstance(change, Draft) else draft()
    if not isinstance(change, Draft):
        change(made)
    _VECTORS.append(
        {"name": name, "base": base, "why": why, **made.build(), "expect": {"status": status, "cause": cause}}
    )


def tokens(change: Callable[[dict[str, str]], None]) -> Callable[[Draft], None]:
    def apply(draft: Draft) -> None:
        draft.rewrite = change

    return apply


def sent(change: Callable[[list[tuple[str, str]], dict[str, str]], None]) -> Callable[[Draft], None]:
    def apply(draft: Draft) -> None:
        draft.after = change

    return apply


def edit_both(make_token: Callable[[str, str, str], str]) -> Callable[[Draft], None]:
    """Both tokens rewritten from their own header and payload segments, by acme's key."""

    def change(found: dict[str, str]) -> None:
        for name, compact in found.items():
            found[name] = make_token(*compact.split("."))

    return tokens(change)


def set_header(name: str, value: str) -> Callable[[Draft], None]:
    def change(draft: Draft) -> None:
        draft.headers = [(n, value if n == name else v) for n, v in draft.headers]

    return change


def drop_header(name: str) -> Callable[[Draft], None]:
    def change(draft: Draft) -> None:
        draft.headers = [(n, v) for n, v in draft.headers if n != name]

    return change


def claim(which: str, **values: Any) -> Callable[[Draft], None]:
    def change(draft: Draft) -> None:
        for name, value in values.items():
            if value is ...:
                draft.claims[which].pop(name, None)
            else:
                draft.claims[which][name] = value

    return change


def both(**values: Any) -> Callable[[Draft], None]:
    return lambda draft: draft.both(**values)


def headers(**members: Any) -> Callable[[Draft], None]:
    return lambda draft: draft.both_headers(**members)


def changed(draft: Draft, *changes: Callable[[Draft], None]) -> Draft:
    for change in changes:
        change(draft)
    return draft


def unb64u(text: str) -> bytes:
    return b64decode(text.translate(str.maketrans("-_", "+/")) + "=" * (-len(text) % 4))


def get(**kw: Any) -> Draft:
    return acme(signed_body=False, body=b"", **kw)


def _good() -> None:
    good("x5c-es256", "ES256, chain to the vendor's own anchor", acme(), vendor="acme")
    good("x5c-rs256", "RS256, leaf directly under the anchor", with_cert("acme-rsa", alg="RS256"), vendor="acme")
    good("x5c-seal", "a seal: no SAN, no EKU, subject by organizationIdentifier", with_cert("acme-seal"), vendor="acme")
    good("jwk-rs256", "a registered JWK, by kid", borea(), vendor="borea")
    good("jwk-es256", "another registered JWK", with_kid("borea-es"), vendor="borea")
    good("thumbprint", "a pinned self-signed certificate", with_cert("cielo", iss="cielo"), vendor="cielo")
    good("public-anchor", "issuer and organizationIdentifier", with_cert("dorica", iss="dorica"), vendor="dorica")
    good("alias", "iss is a registered alias", changed(acme(), both(iss="acme-legacy")), vendor="acme")
    good("aud-list", "aud is an array", changed(acme(), both(aud=["https://x.example", PUBLISH])), vendor="acme")
    good("same-jti", "both tokens have one jti", changed(acme(), both(jti="one")), vendor="acme")
    good("no-body", "a read needs Authorization alone", get(), vendor="acme")
    good("empty-body", "an empty body is signed too", acme(body=b""), vendor="acme")
    good("clock-ahead", "iat and nbf 5 s ahead", changed(acme(), both(iat=T + 5, nbf=T + 5)), vendor="acme")
    good("iat-299", "iat 299 s old", changed(acme(), both(iat=T - 299, nbf=T - 299, exp=T + 1)), vendor="acme")
    good("no-nbf", "nbf is optional", changed(acme(), both(nbf=...)), vendor="acme")
    good(
        "content-type-charset",
        "a framework added charset=utf-8 to JSON after signing",
        changed(acme(), set_header("content-type", "application/json; charset=UTF-8")),
        vendor="acme",
    )
    lower = acme()
    lower.bearer = "bearer "
    good("lower-case-bearer", "scheme names are case-insensitive (RFC 9110 11.1)", lower, vendor="acme")
    ignored = changed(acme(), headers(jku="https://evil.example/jwks", x5t="AAAA", x5u="https://evil.example/c"))
    good("pointers-ignored", "jku, x5u and SHA-1 x5t are not followed", ignored, vendor="acme")
    only = Draft("eolo", "eolo", {"typ": "JWT", "alg": "ES256", "kid": kid("eolo")})
    only.tokens = [SIG]
    good("signature-only", "a vendor that may send Agid-JWT-Signature alone", only, vendor="eolo")
    extra = acme()
    extra.headers.append(("x-correlation-id", "abc"))
    extra.sig["signed_headers"].append({"x-correlation-id": "abc"})
    good("extra-signed-header", "a further header is signed", extra, vendor="acme")
    identity = acme()
    identity.headers.append(("content-encoding", "identity"))
    identity.sig["signed_headers"].append({"content-encoding": "identity"})
    good("identity-coding", "Content-Encoding identity, signed", identity, vendor="acme")


def _shape() -> None:
    base = "x5c-es256"
    bad(
        "authorization-twice",
        base,
        "two Authorization headers",
        "header.repeated",
        sent(lambda h, t: h.append((AUTH, "Bearer " + t[AUTH]))),
        status=400,
    )
    bad(
        "signature-twice",
        base,
        "two Agid-JWT-Signature headers",
        "header.repeated",
        sent(lambda h, t: h.append((SIG, t[SIG]))),
        status=400,
    )
    bad(
        "digest-twice",
        base,
        "an appended Digest",
        "header.repeated",
        sent(lambda h, t: h.append(("digest", digest(BODY)))),
        status=400,
    )
    no_bearer = acme()
    no_bearer.bearer = ""
    bad("no-bearer", base, "Bearer is missing", "authorization.scheme", no_bearer, status=400)
    nothing = acme()
    nothing.tokens = []
    bad("no-token", base, "neither token", "token.missing", nothing, status=400)
    one = acme()
    one.tokens = [AUTH]
    bad("no-signature", base, "a body with Authorization alone", "token.missing", one, status=400)
    other = acme()
    other.tokens = [SIG]
    bad("no-authorization", base, "Agid-JWT-Signature alone", "token.missing", other, status=400)
    stripped = changed(acme(body=b""), drop_header("digest"), drop_header("content-type"))
    stripped.tokens = [AUTH]
    bad("body-stripped", base, "body and its signature stripped from a POST", "token.missing", stripped, status=400)
    added = get()
    added.body = BODY
    bad("body-added", "no-body", "an unsigned body on a read", "token.missing", added, status=400)
    bad(
        "same-token-twice",
        base,
        "one token in both headers",
        "token.duplicated",
        tokens(lambda t: t.update({AUTH: t[SIG]})),
        status=400,
    )
    bad(
        "two-parts",
        base,
        "the signature part is missing",
        "token.malformed",
        edit_both(lambda h, p, s: f"{h}.{p}"),
        status=400,
    )
    bad(
        "four-parts",
        base,
        "a part too many",
        "token.malformed",
        edit_both(lambda h, p, s: f"{h}.{p}.{s}.{s}"),
        status=400,
    )
    bad("padded", base, "base64 padding", "token.malformed", edit_both(lambda h, p, s: f"{h}.{p}.{s}=="), status=400)
    bad(
        "standard-base64",
        base,
        "the alphabet of plain base64",
        "token.malformed",
        edit_both(lambda h, p, s: f"{h}.{p}.{b64encode(unb64u(s)[:60] + b'~~~>>>???').decode()}"),
        status=400,
    )
    bad(
        "trailing-bits",
        base,
        "another spelling of the same signature",
        "token.malformed",
        edit_both(lambda h, p, s: f"{h}.{p}.{s[:-1]}{chr(ord(s[-1]) + 1)}"),
        status=400,
    )
    bad(
        "blank-inside",
        base,
        "a blank inside the signature",
        "token.malformed",
        tokens(lambda t: t.update({SIG: t[SIG][:-5] + " " + t[SIG][-5:]})),
        status=400,
    )
    bad("detached", base, "empty payload", "token.detached", edit_both(lambda h, p, s: f"{h}..{s}"), status=400)
    bad("oversized", base, "more than 16 KiB", "token.too_large", both(pad="x" * 17000), status=400)
    bad(
        "payload-array",
        base,
        "claims are no object",
        "token.malformed",
        edit_both(lambda h, p, s: by_hand(h, segment(["iss"]), "acme")),
        status=400,
    )
    bad(
        "payload-not-json",
        base,
        "claims are no JSON",
        "token.malformed",
        edit_both(lambda h, p, s: by_hand(h, b64u(b"{'iss':1}"), "acme")),
        status=400,
    )
    bad("nested", base, "nested deeper than 8", "token.malformed", both(deep=[[[[[[[[[1]]]]]]]]]), status=400)
    bad(
        "duplicate-claim",
        base,
        "iss occurs twice",
        "token.duplicate_member",
        edit_both(lambda h, p, s: by_hand(h, b64u(b'{"iss":"zeta",' + unb64u(p).lstrip()[1:]), "acme")),
        status=400,
    )
    bad(
        "duplicate-header-member",
        base,
        "alg occurs twice",
        "token.duplicate_member",
        edit_both(lambda h, p, s: by_hand(b64u(b'{"alg":"none",' + unb64u(h)[1:]), p, "acme")),
        status=400,
    )


def _algorithm() -> None:
    base = "x5c-es256"

    def public_hmac(found: dict[str, str]) -> None:
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

        key = load_pem_private_key(KEYS["borea"].encode(), None).public_key()
        secret = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        for name, compact in found.items():
            header = json.loads(unb64u(compact.split(".")[0])) | {"alg": "HS256"}
            text = f"{segment(header)}.{compact.split('.')[1]}"
            found[name] = f"{text}.{b64u(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"

    bad(
        "hs256-public-key",
        "jwk-rs256",
        "HMAC with the public key as secret",
        "alg.forbidden",
        tokens(public_hmac),
        draft=borea,
    )

    def none(header: str, payload: str, signature: str) -> str:
        return f"{segment(json.loads(unb64u(header)) | {'alg': 'none'})}.{payload}."

    bad("alg-none", base, "alg none, no signature", "alg.forbidden", edit_both(none))
    bad(
        "alg-none-mixed-case",
        base,
        "alg nOnE",
        "alg.forbidden",
        edit_both(lambda h, p, s: f"{segment(json.loads(unb64u(h)) | {'alg': 'nOnE'})}.{p}."),
    )
    bad(
        "alg-missing",
        base,
        "no alg",
        "alg.forbidden",
        edit_both(
            lambda h, p, s: by_hand(segment({k: v for k, v in json.loads(unb64u(h)).items() if k != "alg"}), p, "acme")
        ),
    )
    bad(
        "alg-rs512",
        "jwk-rs256",
        "an algorithm that is not in the list",
        "alg.forbidden",
        headers(alg="RS512"),
        draft=borea,
    )
    bad(
        "alg-of-other-key",
        base,
        "RS256 in the header, an EC certificate",
        "alg.mismatch",
        edit_both(lambda h, p, s: by_hand(segment(json.loads(unb64u(h)) | {"alg": "RS256"}), p, "acme")),
    )
    bad(
        "typ-missing",
        base,
        "no typ",
        "typ.wrong",
        edit_both(
            lambda h, p, s: by_hand(segment({k: v for k, v in json.loads(unb64u(h)).items() if k != "typ"}), p, "acme")
        ),
    )
    bad("typ-lower-case", base, "typ jwt", "typ.wrong", headers(typ="jwt"))
    bad("typ-at-jwt", base, "an access token's typ", "typ.wrong", headers(typ="at+jwt"))
    bad("typ-assertion", base, "a citizen assertion's typ", "typ.wrong", headers(typ="citizen-assertion+jwt"))
    bad(
        "crit-unknown",
        base,
        "an unknown critical parameter",
        "crit.unsupported",
        edit_both(lambda h, p, s: by_hand(segment(json.loads(unb64u(h)) | {"crit": ["exp"], "exp": 1}), p, "acme")),
    )
    bad(
        "b64-false",
        base,
        "b64 (RFC 7797)",
        "crit.unsupported",
        edit_both(lambda h, p, s: by_hand(segment(json.loads(unb64u(h)) | {"b64": False}), p, "acme")),
    )


def _who() -> None:
    base = "x5c-es256"
    bad("aud-other-service", base, "aud of another e-service", "audience.mismatch", both(aud="https://other.example"))
    bad("aud-call-url", base, "aud is the URL of the call", "audience.mismatch", both(aud=PUBLISH + "/messages"))
    bad("aud-feed", base, "aud of the feed", "audience.mismatch", both(aud=FEED))
    bad("aud-slash", base, "aud with a final slash", "audience.mismatch", both(aud=PUBLISH + "/"))
    bad("aud-two-enti", base, "aud names two enti of the hub", "audience.mismatch", both(aud=[PUBLISH, OTHER_PUBLISH]))
    bad("aud-missing", base, "no aud", "audience.missing", both(aud=...))
    bad("aud-number", base, "aud is a number", "audience.missing", both(aud=1))
    bad("aud-other-ente", base, "an ente where the vendor is not registered", "issuer.unknown", both(aud=OTHER_PUBLISH))
    bad("aud-differs", base, "the tokens are for two enti", "audience.differs", claim(SIG, aud=OTHER_PUBLISH))
    bad("iss-missing", base, "no iss", "issuer.missing", both(iss=...))
    bad("iss-unknown", base, "iss registered with nobody", "issuer.unknown", both(iss="nobody"))
    bad("iss-number", base, "iss is a number", "claim.type", both(iss=7))
    bad("iss-differs", base, "id in one token, alias in the other", "issuer.differs", claim(SIG, iss="acme-legacy"))
    bad("iss-of-another", base, "acme's certificate, borea's iss", "key.reference_missing", both(iss="borea"))


def _keys() -> None:
    base, jwk = "x5c-es256", "jwk-es256"
    bad("kid-unknown", jwk, "a key that is not registered", "key.unknown", with_kid("borea-unknown"))
    bad("kid-of-another", jwk, "eolo's key and kid, borea's iss", "key.unknown", with_kid("eolo"))
    bad(
        "kid-missing",
        jwk,
        "no kid",
        "key.reference_missing",
        Draft("borea", "borea-es", {"typ": "JWT", "alg": "ES256"}),
    )
    bad("key-revoked", jwk, "revoked a minute ago", "key.unusable", with_kid("borea-revoked"))
    bad("key-not-yet-valid", jwk, "valid from a minute ahead", "key.unusable", with_kid("borea-next"))
    bad("key-past", jwk, "valid until a minute ago", "key.unusable", with_kid("borea-past"))
    bad(
        "jwk-in-header",
        jwk,
        "a key of its own in jwk, no kid",
        "key.reference_missing",
        Draft(
            "borea",
            "borea-unknown",
            {"typ": "JWT", "alg": "ES256", "jwk": json.loads(make.public_jwk("borea-unknown"))},
        ),
    )
    bad("anchor-revoked", base, "the vendor's anchor is revoked", "key.unusable", with_cert("gea", iss="gea"))
    bad(
        "x5c-missing",
        base,
        "x5u instead of x5c",
        "key.reference_missing",
        Draft("acme", "acme", {"typ": "JWT", "alg": "ES256", "x5u": "https://acme.example/cert.pem"}),
    )
    bad("x5c-not-list", base, "x5c is a string", "certificate.malformed", headers(x5c=x5c("acme")[0]))
    bad("x5c-pem", base, "x5c holds PEM", "certificate.malformed", headers(x5c=[make.CERTS["acme"]]))
    bad("x5c-not-der", base, "x5c holds no certificate", "certificate.malformed", headers(x5c=["AAAA"]))
    bad("x5c-other-ca", base, "a CA of the same name", "chain.invalid", with_cert("acme-other-ca"))
    bad(
        "x5c-own-root",
        base,
        "a CA of the same name, sent along",
        "chain.invalid",
        with_cert("acme-other-ca", "other-ca"),
    )
    bad("x5c-no-intermediate", base, "the intermediate is missing", "chain.invalid", headers(x5c=x5c("acme")))
    bad("x5c-self-signed", base, "self-signed, the right name", "chain.invalid", with_cert("acme-self"))
    bad("x5c-under-a-leaf", base, "issued by another vendor's leaf", "chain.invalid", with_cert("under-leaf", "zeta"))
    bad("x5c-other-subject", base, "another vendor under the same anchor", "certificate.subject", with_cert("zeta"))
    bad("x5c-expired", base, "expired a minute ago", "certificate.expired", with_cert("acme-expired"))
    bad("x5c-early", base, "valid from a minute ahead", "certificate.expired", with_cert("acme-early"))
    bad("x5c-ca-as-leaf", base, "a CA certificate as leaf", "certificate.usage", with_cert("acme-ca-leaf"))
    bad(
        "x5c-no-digital-signature",
        base,
        "KeyUsage without digitalSignature",
        "certificate.usage",
        with_cert("acme-no-sign"),
    )
    bad("x5c-server-auth", base, "EKU serverAuth alone", "certificate.usage", with_cert("acme-server"))
    bad("x5c-1024-bit", base, "an RSA key of 1024 bits", "certificate.weak", headers(x5c=x5c("acme-1024")))
    bad("x5c-p384", base, "P-384", "certificate.weak", headers(x5c=x5c("acme-p384")))
    bad("x5t-of-another", base, "x5t#S256 is not the leaf's", "certificate.malformed", headers(x5t_S256="A" * 43))
    bad(
        "thumbprint-other",
        "thumbprint",
        "same key, another certificate than the pinned one",
        "key.unknown",
        with_cert("cielo-renewed", iss="cielo"),
    )
    bad(
        "public-anchor-cn",
        "public-anchor",
        "the registered name as CN, another organizationIdentifier",
        "certificate.subject",
        with_cert("dorica-cn", iss="dorica"),
    )
    bad(
        "public-anchor-other-issuer",
        "public-anchor",
        "another CA under the pinned one",
        "chain.invalid",
        with_cert("dorica-below", "public-other-issuing", iss="dorica"),
    )
    two = with_kid("borea-es")
    two.keys[SIG], two.header[SIG] = "borea", {"typ": "JWT", "alg": "RS256", "kid": kid("borea")}
    bad("two-signers", jwk, "one vendor's two keys, one per token", "signer.differs", two)
    suspended = Draft("fumo", "fumo", {"typ": "JWT", "alg": "ES256", "kid": kid("fumo")})
    bad("vendor-suspended", jwk, "all holds, but the vendor is suspended", "vendor.suspended", suspended, status=403)


def _signature() -> None:
    base, bad_sig = "x5c-es256", "signature.invalid"
    bad(
        "other-private-key",
        base,
        "acme's certificate, another private key",
        bad_sig,
        edit_both(lambda h, p, s: by_hand(h, p, "zeta")),
    )
    bad(
        "kid-right-key-wrong",
        "jwk-es256",
        "borea's kid, another private key",
        bad_sig,
        Draft("borea", "borea-unknown", {"typ": "JWT", "alg": "ES256", "kid": kid("borea-es")}),
    )
    bad(
        "payload-changed",
        base,
        "a claim changed after signing",
        bad_sig,
        tokens(
            lambda t: t.update(
                {
                    AUTH: ".".join(
                        [
                            t[AUTH].split(".")[0],
                            segment({"iss": "acme", "aud": PUBLISH, "iat": T, "exp": T + 60, "jti": "x"}),
                            t[AUTH].split(".")[2],
                        ]
                    )
                }
            )
        ),
    )
    bad(
        "signature-changed",
        base,
        "Agid-JWT-Signature's signature of another token",
        bad_sig,
        tokens(lambda t: t.update({SIG: t[SIG].rsplit(".", 1)[0] + "." + t[AUTH].rsplit(".", 1)[1]})),
    )
    bad("signature-empty", base, "ES256 without a signature", bad_sig, edit_both(lambda h, p, s: f"{h}.{p}."))
    bad("signature-zero", base, "r = s = 0", bad_sig, edit_both(lambda h, p, s: f"{h}.{p}.{b64u(bytes(64))}"))
    bad("signature-der", base, "ECDSA in DER form", bad_sig, edit_both(lambda h, p, s: by_hand(h, p, "acme", der=True)))
    bad(
        "signature-short",
        "jwk-rs256",
        "an RSA signature of 255 bytes",
        bad_sig,
        edit_both(lambda h, p, s: f"{h}.{p}.{b64u(unb64u(s)[:-1])}"),
        draft=borea,
    )


def _claims() -> None:
    base = "x5c-es256"
    bad("iat-missing", base, "no iat", "claim.missing", both(iat=...))
    bad("exp-missing", base, "no exp", "claim.missing", both(exp=...))
    bad("jti-missing", base, "no jti", "claim.missing", both(jti=...))
    bad("jti-missing-signature", base, "no jti in Agid-JWT-Signature", "claim.missing", claim(SIG, jti=...))
    bad("jti-missing-read", "no-body", "no jti on a read", "claim.missing", claim(AUTH, jti=...), draft=get)
    bad("jti-number", base, "jti is a number", "claim.type", both(jti=1))
    bad("jti-empty", base, "jti is empty", "claim.type", both(jti=""))
    bad("jti-nul", base, "jti holds NUL", "claim.type", both(jti="a\u0000b"))
    bad("iat-text", base, "iat is text", "claim.type", both(iat=str(T)))
    bad("iat-boolean", base, "iat is true", "claim.type", both(iat=True))
    bad("exp-float", base, "exp is no whole number", "claim.type", both(exp=T + 60.5))
    bad("iat-milliseconds", base, "iat in milliseconds", "iat.future", both(iat=T * 1000, exp=T * 1000 + 60))
    bad("iat-future", base, "iat 6 s ahead", "iat.future", both(iat=T + 6))
    bad("iat-old", base, "iat 301 s old", "iat.old", both(iat=T - 301, nbf=T - 301, exp=T - 1 + 60))
    bad("nbf-future", base, "nbf 6 s ahead", "nbf.future", both(nbf=T + 6))
    bad("nbf-text", base, "nbf is text", "claim.type", both(nbf="now"))
    bad("expired", base, "exp is now: no tolerance", "token.expired", both(exp=T))
    bad("expired-signature", base, "Agid-JWT-Signature expired", "token.expired", claim(SIG, exp=T - 1))
    bad("exp-too-far", base, "exp - iat is 301 s", "lifetime.too_long", both(iat=T, nbf=T, exp=T + 301))


def _integrity() -> None:
    base = "x5c-es256"
    other = acme()
    other.body = BODY.replace(b'":', b'": ')
    bad("body-reserialised", base, "blanks were added to the JSON after hashing", "digest.mismatch", other)
    bad(
        "digest-of-other-body",
        base,
        "digest and signature of another body",
        "digest.mismatch",
        changed(acme(body=b"{}"), lambda d: setattr(d, "body", BODY)),
    )

    def whole_digest(value: str) -> Callable[[Draft], None]:
        return lambda d: (
            changed(
                d,
                set_header("digest", value),
                lambda e: e.sig.update(signed_headers=[{"digest": value}, {"content-type": "application/json"}]),
            )
            and None
        )

    bad("digest-hex", base, "hex instead of base64", "digest.malformed", whole_digest("SHA-256=" + HEX), status=400)
    bad(
        "digest-sha512",
        base,
        "another algorithm",
        "digest.malformed",
        whole_digest("SHA-512=" + b64encode(hashlib.sha512(BODY).digest()).decode()),
        status=400,
    )
    bad(
        "digest-unpadded",
        base,
        "base64 without padding",
        "digest.malformed",
        whole_digest(digest(BODY).rstrip("=")),
        status=400,
    )
    bad(
        "digest-list",
        base,
        "two digests in one header",
        "digest.malformed",
        whole_digest(digest(BODY) + "," + digest(b"")),
        status=400,
    )
    bad("digest-missing", base, "no Digest header", "digest.missing", drop_header("digest"), status=400)
    bad(
        "digest-false-on-read",
        "no-body",
        "a read with a false Digest",
        "digest.mismatch",
        lambda d: d.headers.append(("digest", digest(b"x"))),
        draft=get,
    )
    bad(
        "digest-unsigned",
        base,
        "digest is not in signed_headers",
        "header.unsigned",
        claim(SIG, signed_headers=[{"content-type": "application/json"}]),
    )
    bad("signed-headers-missing", base, "no signed_headers", "signed_headers.malformed", claim(SIG, signed_headers=...))
    bad(
        "signed-headers-object",
        base,
        "an object instead of an array",
        "signed_headers.malformed",
        claim(SIG, signed_headers={"digest": digest(BODY), "content-type": "application/json"}),
    )
    bad(
        "signed-headers-merged",
        base,
        "one object of two members",
        "signed_headers.malformed",
        claim(SIG, signed_headers=[{"digest": digest(BODY), "content-type": "application/json"}]),
    )
    bad(
        "signed-headers-upper-case",
        base,
        "Digest in upper case",
        "signed_headers.malformed",
        claim(SIG, signed_headers=[{"Digest": digest(BODY)}, {"Content-Type": "application/json"}]),
    )
    bad(
        "signed-headers-number",
        base,
        "a value is no text",
        "signed_headers.malformed",
        claim(SIG, signed_headers=[{"digest": 1}]),
    )
    bad(
        "content-type-unsigned",
        base,
        "content-type is not signed",
        "header.unsigned",
        claim(SIG, signed_headers=[{"digest": digest(BODY)}]),
    )
    bad(
        "content-type-changed",
        base,
        "another type than signed",
        "header.mismatch",
        set_header("content-type", "text/plain"),
    )
    bad(
        "content-type-appended",
        base,
        "a second Content-Type",
        "header.count",
        sent(lambda h, t: h.append(("content-type", "application/json"))),
    )
    bad(
        "content-type-removed", base, "Content-Type was signed and removed", "header.count", drop_header("content-type")
    )
    bad(
        "content-encoding-unsigned",
        base,
        "Content-Encoding is not signed",
        "header.unsigned",
        lambda d: d.headers.append(("content-encoding", "identity")),
    )
    gzip = acme()
    gzip.headers.append(("content-encoding", "gzip"))
    gzip.sig["signed_headers"].append({"content-encoding": "gzip"})
    bad(
        "content-encoding-gzip",
        base,
        "a content coding, signed: known sender, 415",
        "content.encoded",
        gzip,
        status=415,
    )
    bad(
        "digest-signed-other",
        base,
        "the signed digest is of another body than Digest",
        "header.mismatch",
        claim(SIG, signed_headers=[{"digest": digest(b"x")}, {"content-type": "application/json"}]),
    )
    appended = acme()
    appended.headers += [("x-request-id", "1"), ("x-request-id", "2")]
    appended.sig["signed_headers"].append({"x-request-id": "1"})
    bad(
        "extra-header-appended",
        "extra-signed-header",
        "a copy of a signed header was appended",
        "header.count",
        appended,
    )


def all_vectors() -> list[dict[str, Any]]:
    """Every vector, good ones first."""
    for part in (_good, _shape, _algorithm, _who, _keys, _signature, _claims, _integrity):
        part()
    names = [vector["name"] for vector in _VECTORS]
    assert len(names) == len(set(names)), "two vectors of one name"
    assert isinstance(make.NOW, datetime)
    return _VECTORS
