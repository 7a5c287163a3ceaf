"""ID_AUTH_REST_01, audit by direct trust, ID_AUTH_CHANNEL_02, PROFILE_NON_REPUDIATION_01, a vendor's own limits."""

from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from make_changes import AUTH, SIG, Vector, bad, both, changed, claim, drop_header, good, headers
from make_drafts import BODY, CERTS, OTHER_PUBLISH, PUBLISH, Draft, T, acme, kid, with_cert
from make_keys import der
from make_pdnd import AUDIT, header_of

PROXY = "10.0.0.1"


def by_jwk(vendor: str, **kw: Any) -> Draft:
    return Draft(vendor, "eolo", {"typ": "JWT", "alg": "ES256", "kid": kid("eolo")}, **kw)


def ibla(**kw: Any) -> Draft:
    """ID_AUTH_REST_01: no jti."""
    return changed(by_jwk("ibla", **kw), both(jti=...))


def onda() -> Draft:
    """AUDIT_REST_01 by direct trust: no purposeId."""
    draft = by_jwk("onda")
    draft.tokens = [AUDIT, *draft.tokens]
    draft.keys[AUDIT] = "eolo"
    draft.header[AUDIT] = dict(draft.header[AUTH])
    draft.claims[AUDIT] = {
        "iss": "onda",
        "aud": PUBLISH,
        "iat": T - 600,
        "exp": T + 600,
        "jti": "evidence-1",
        "user_id": "operator-7",
        "loa": "LOA3",
    }
    return draft


def handed_over(name: str, *chain: str) -> Callable[[Draft], None]:
    """What the TLS proxy says of the connection (RFC 9440)."""

    def change(draft: Draft) -> None:
        draft.peer = PROXY
        draft.headers.append(("client-cert", _item(name)))
        if chain:
            draft.headers.append(("client-cert-chain", ", ".join(map(_item, chain))))

    return change


def _item(name: str) -> str:
    return f":{b64encode(der(CERTS[name])).decode()}:"


def rupe() -> Draft:
    return changed(by_jwk("rupe"), handed_over("acme", "acme-issuing"))


def selva(number: str = "m-1") -> Draft:
    """A message named in a signed header."""
    draft = by_jwk("selva")
    draft.headers.append(("message-id", number))
    draft.sig["signed_headers"].append({"message-id": number})
    return draft


def tufo() -> Draft:
    """A message named in a claim."""
    return changed(by_jwk("tufo"), claim(SIG, mid="m-1"))


def vela() -> Draft:
    return by_jwk("vela")


def _good() -> Iterator[Vector]:
    yield good("auth-01", "ID_AUTH_REST_01: no jti, nothing is used up", ibla(), vendor="ibla", consumes=[])
    yield good("auth-01-read", "the same on a read", ibla(signed_body=False, body=b""), vendor="ibla", consumes=[])
    yield good(
        "auth-01-jti",
        "jti in Agid-JWT-Signature: there it is used up (modi 1.4)",
        changed(ibla(), both(jti="one")),
        vendor="ibla",
        consumes=[SIG],
    )
    yield good("audit-01-direct", "AUDIT_REST_01 by direct trust", onda(), vendor="onda", consumes=[AUTH, SIG])
    yield good("channel-02", "a client certificate from the proxy", rupe(), vendor="rupe", consumes=[AUTH, SIG])
    pinned = changed(by_jwk("rupe"), handed_over("cielo"))
    yield good("channel-02-thumbprint", "a pinned client certificate", pinned, vendor="rupe", consumes=[AUTH, SIG])
    mapped = changed(rupe(), lambda d: setattr(d, "peer", f"::ffff:{PROXY}"))
    yield good("channel-02-mapped", "the proxy's address as IPv6", mapped, vendor="rupe", consumes=[AUTH, SIG])
    unasked = changed(acme(), handed_over("zeta"))
    yield good("channel-01-cert", "the proxy hands over for everybody", unasked, vendor="acme", consumes=[AUTH, SIG])
    yield good("message-header", "a message id in a signed header", selva(), vendor="selva", message_id="m-1")
    yield good("message-claim", "a message id in a claim", tufo(), vendor="tufo", message_id="m-1")
    reading = by_jwk("selva", signed_body=False, body=b"")
    yield good("message-read", "a read is no message", reading, vendor="selva", message_id="")
    old = changed(vela(), both(iat=T - 60, nbf=T + 60, exp=T - 29))
    yield good("own-limits", "exp 29 s ago and nbf 60 s ahead, as agreed", old, vendor="vela", consumes=[AUTH, SIG])


def _bad() -> Iterator[Vector]:
    yield bad("auth-01-jti-number", "auth-01-jti", "jti is a number", "claim.type", claim(SIG, jti=1), draft=ibla)
    yield bad("auth-01-old", "auth-01", "iat 301 s old", "iat.old", both(iat=T - 301, nbf=T - 301), draft=ibla)
    yield bad(
        "auth-01-dpop", "auth-01", "scheme DPoP", "authorization.scheme", _scheme("DPoP "), draft=ibla, status=400
    )
    base = "audit-01-direct"
    yield bad("audit-01-missing", base, "no evidence", "token.missing", _without_evidence, draft=onda, status=400)
    yield bad("audit-01-claim", base, "an agreed claim is missing", "claim.missing", claim(AUDIT, loa=...), draft=onda)
    yield bad("audit-01-issuer", base, "another iss", "issuer.differs", claim(AUDIT, iss="eolo"), draft=onda)
    yield bad(
        "audit-01-ente", base, "for another ente", "audience.differs", claim(AUDIT, aud=OTHER_PUBLISH), draft=onda
    )
    yield bad("audit-01-long", base, "lives too long", "lifetime.too_long", claim(AUDIT, exp=T + 3001), draft=onda)
    yield bad("audit-01-typ", base, "another typ", "typ.wrong", header_of(AUDIT, typ="at+jwt"), draft=onda)
    yield bad("audit-01-kid", base, "a key of nobody", "key.unknown", header_of(AUDIT, kid="x"), draft=onda)

    yield bad(
        "audit-01-as-authorization",
        base,
        "the evidence in Authorization, where it counts as a fresh token",
        "token.misplaced",
        claim(AUTH, user_id="operator-7", loa="LOA3"),
        draft=onda,
        status=400,
    )

    base = "channel-02"
    yield bad(
        "channel-missing",
        base,
        "no client certificate",
        "channel.missing",
        lambda d: None,
        draft=lambda: by_jwk("rupe"),
    )
    yield bad(
        "channel-from-elsewhere",
        base,
        "the header from another address",
        "channel.untrusted",
        lambda d: setattr(d, "peer", "10.0.0.2"),
        draft=rupe,
        status=400,
    )
    yield bad(
        "channel-from-nowhere",
        base,
        "the header with no address known",
        "channel.untrusted",
        lambda d: setattr(d, "peer", ""),
        draft=rupe,
        status=400,
    )
    stranger = changed(acme(), handed_over("acme"), lambda d: setattr(d, "peer", "192.0.2.9"))
    yield bad(
        "channel-01-from-elsewhere", "x5c-es256", "refused for everybody", "channel.untrusted", stranger, status=400
    )
    yield bad("channel-twice", base, "two certificates", "header.repeated", handed_over("acme"), draft=rupe, status=400)

    def with_value(value: str) -> Draft:
        draft = by_jwk("rupe")
        draft.peer = PROXY
        draft.headers.append(("client-cert", value))
        return draft

    yield bad("channel-pem", base, "the other form", "channel.malformed", with_value(quote(CERTS["acme"])))
    yield bad("channel-not-base64", base, "no base64", "channel.malformed", with_value(":no certificate:"))
    yield bad("channel-not-der", base, "no certificate", "certificate.malformed", with_value(":AAAA:"))
    yield bad("channel-empty", base, "an empty header", "channel.missing", with_value(""))

    def over(name: str, *chain: str) -> Draft:
        return changed(by_jwk("rupe"), handed_over(name, *chain))

    yield bad("channel-other-subject", base, "a certificate of another vendor", "certificate.subject", over("zeta"))
    yield bad("channel-other-ca", base, "a CA of the same name", "chain.invalid", over("acme-other-ca"))
    yield bad("channel-no-intermediate", base, "no intermediate", "chain.invalid", over("acme"))
    yield bad("channel-expired", base, "expired", "certificate.expired", over("acme-expired"))
    yield bad("channel-too-many", base, "six certificates", "channel.malformed", over("acme", *["acme-issuing"] * 5))
    signing = with_cert("acme", "acme-issuing", iss="rupe")
    yield bad(
        "channel-cert-signs",
        base,
        "the channel's certificate signs",
        "key.reference_missing",
        changed(signing, handed_over("acme", "acme-issuing")),
    )

    base = "message-header"
    yield bad("message-none", base, "no message id", "message.missing", lambda d: None, draft=lambda: by_jwk("selva"))
    yield bad("message-removed", base, "the header was removed", "header.count", drop_header("message-id"), draft=selva)
    unsigned = by_jwk("selva")
    unsigned.headers.append(("message-id", "m-1"))
    yield bad("message-unsigned", base, "the header is not signed", "header.unsigned", unsigned)
    yield bad("message-empty", base, "an empty id", "message.missing", selva(""))
    yield bad("message-long", base, "too long", "message.missing", selva("x" * 257))
    yield bad("message-personal", base, "a tax code in the id", "message.personal", selva("m-RSSMRA80A01H501U-1"))
    yield bad("message-no-claim", "message-claim", "no claim", "message.missing", claim(SIG, mid=...), draft=tufo)
    yield bad("message-claim-number", "message-claim", "a number", "claim.type", claim(SIG, mid=1), draft=tufo)

    base = "own-limits"
    yield bad(
        "own-algorithm",
        base,
        "RS256 where ES256 alone is agreed",
        "alg.forbidden",
        headers(alg="RS256", kid=kid("borea")),
        draft=_vela_rsa,
    )
    yield bad("own-future", base, "61 s ahead", "iat.future", both(iat=T + 61, nbf=T, exp=T + 62), draft=vela)
    yield bad("own-grace", base, "expired 30 s ago", "token.expired", both(exp=T - 30), draft=vela)
    yield bad("own-age", base, "61 s old", "iat.old", both(iat=T - 61, nbf=T - 61, exp=T), draft=vela)
    yield bad("own-lifetime", base, "lives for 121 s", "lifetime.too_long", both(iat=T, nbf=T, exp=T + 121), draft=vela)


def _vela_rsa() -> Draft:
    return Draft("vela", "borea", {"typ": "JWT", "alg": "RS256", "kid": kid("borea")}, body=BODY)


def _scheme(text: str) -> Callable[[Draft], None]:
    return lambda draft: setattr(draft, "bearer", text)


def _without_evidence(draft: Draft) -> None:
    draft.tokens.remove(AUDIT)


def vectors() -> Iterator[Vector]:
    yield from _good()
    yield from _bad()
