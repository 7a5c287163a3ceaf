"""Bad ones in their shape or algorithm."""

import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import Iterator

from make_changes import (
    AUTH,
    SIG,
    Vector,
    bad,
    both,
    changed,
    drop_header,
    edit_both,
    get,
    headers,
    sent,
    tokens,
    unb64u,
)
from make_drafts import BODY, KEYS, acme, b64u, borea, by_hand, digest, segment


def _shape() -> Iterator[Vector]:
    base = "x5c-es256"
    yield bad(
        "authorization-twice",
        base,
        "two Authorization headers",
        "header.repeated",
        sent(lambda h, t: h.append((AUTH, "Bearer " + t[AUTH]))),
        status=400,
    )
    yield bad(
        "signature-twice",
        base,
        "two Agid-JWT-Signature headers",
        "header.repeated",
        sent(lambda h, t: h.append((SIG, t[SIG]))),
        status=400,
    )
    yield bad(
        "digest-twice",
        base,
        "an appended Digest",
        "header.repeated",
        sent(lambda h, t: h.append(("digest", digest(BODY)))),
        status=400,
    )
    no_bearer = acme()
    no_bearer.bearer = ""
    yield bad("no-bearer", base, "Bearer is missing", "authorization.scheme", no_bearer, status=400)
    nothing = acme()
    nothing.tokens = []
    yield bad("no-token", base, "neither token", "token.missing", nothing, status=400)
    one = acme()
    one.tokens = [AUTH]
    yield bad("no-signature", base, "a body with Authorization alone", "token.missing", one, status=400)
    other = acme()
    other.tokens = [SIG]
    yield bad("no-authorization", base, "Agid-JWT-Signature alone", "token.missing", other, status=400)
    stripped = changed(acme(body=b""), drop_header("digest"), drop_header("content-type"))
    stripped.tokens = [AUTH]
    yield bad(
        "body-stripped", base, "body and its signature stripped from a POST", "token.missing", stripped, status=400
    )
    added = get()
    added.body = BODY
    yield bad("body-added", "no-body", "an unsigned body on a read", "token.missing", added, status=400)
    yield bad(
        "same-token-twice",
        base,
        "one token in both headers",
        "token.duplicated",
        tokens(lambda t: t.update({AUTH: t[SIG]})),
        status=400,
    )
    yield bad(
        "two-parts",
        base,
        "the signature part is missing",
        "token.malformed",
        edit_both(lambda h, p, s: f"{h}.{p}"),
        status=400,
    )
    yield bad(
        "four-parts",
        base,
        "a part too many",
        "token.malformed",
        edit_both(lambda h, p, s: f"{h}.{p}.{s}.{s}"),
        status=400,
    )
    yield bad(
        "padded", base, "base64 padding", "token.malformed", edit_both(lambda h, p, s: f"{h}.{p}.{s}=="), status=400
    )
    yield bad(
        "standard-base64",
        base,
        "the alphabet of plain base64",
        "token.malformed",
        edit_both(lambda h, p, s: f"{h}.{p}.{b64encode(unb64u(s)[:60] + b'~~~>>>???').decode()}"),
        status=400,
    )
    yield bad(
        "trailing-bits",
        base,
        "another spelling of the same signature",
        "token.malformed",
        edit_both(lambda h, p, s: f"{h}.{p}.{s[:-1]}{chr(ord(s[-1]) + 1)}"),
        status=400,
    )
    yield bad(
        "blank-inside",
        base,
        "a blank inside the signature",
        "token.malformed",
        tokens(lambda t: t.update({SIG: t[SIG][:-5] + " " + t[SIG][-5:]})),
        status=400,
    )
    yield bad("detached", base, "empty payload", "token.detached", edit_both(lambda h, p, s: f"{h}..{s}"), status=400)
    yield bad("oversized", base, "more than 16 KiB", "token.too_large", both(pad="x" * 17000), status=400)
    yield bad(
        "payload-array",
        base,
        "claims are no object",
        "token.malformed",
        edit_both(lambda h, p, s: by_hand(h, segment(["iss"]), "acme")),
        status=400,
    )
    yield bad(
        "payload-not-json",
        base,
        "claims are no JSON",
        "token.malformed",
        edit_both(lambda h, p, s: by_hand(h, b64u(b"{'iss':1}"), "acme")),
        status=400,
    )
    yield bad("nested", base, "nested deeper than 8", "token.malformed", both(deep=[[[[[[[[[1]]]]]]]]]), status=400)
    yield bad(
        "duplicate-claim",
        base,
        "iss occurs twice",
        "token.duplicate_member",
        edit_both(lambda h, p, s: by_hand(h, b64u(b'{"iss":"zeta",' + unb64u(p).lstrip()[1:]), "acme")),
        status=400,
    )
    yield bad(
        "duplicate-header-member",
        base,
        "alg occurs twice",
        "token.duplicate_member",
        edit_both(lambda h, p, s: by_hand(b64u(b'{"alg":"none",' + unb64u(h)[1:]), p, "acme")),
        status=400,
    )


def _algorithm() -> Iterator[Vector]:
    base = "x5c-es256"

    def public_hmac(found: dict[str, str]) -> None:
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

        key = load_pem_private_key(KEYS["borea"].encode(), None).public_key()
        secret = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        for name, compact in found.items():
            header = json.loads(unb64u(compact.split(".")[0])) | {"alg": "HS256"}
            text = f"{segment(header)}.{compact.split('.')[1]}"
            found[name] = f"{text}.{b64u(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"

    yield bad(
        "hs256-public-key",
        "jwk-rs256",
        "HMAC with the public key as secret",
        "alg.forbidden",
        tokens(public_hmac),
        draft=borea,
    )

    def none(header: str, payload: str, signature: str) -> str:
        return f"{segment(json.loads(unb64u(header)) | {'alg': 'none'})}.{payload}."

    yield bad("alg-none", base, "alg none, no signature", "alg.forbidden", edit_both(none))
    yield bad(
        "alg-none-mixed-case",
        base,
        "alg nOnE",
        "alg.forbidden",
        edit_both(lambda h, p, s: f"{segment(json.loads(unb64u(h)) | {'alg': 'nOnE'})}.{p}."),
    )
    yield bad(
        "alg-missing",
        base,
        "no alg",
        "alg.forbidden",
        edit_both(
            lambda h, p, s: by_hand(segment({k: v for k, v in json.loads(unb64u(h)).items() if k != "alg"}), p, "acme")
        ),
    )
    yield bad(
        "alg-es256k",
        base,
        "an algorithm that is not in the list",
        "alg.forbidden",
        edit_both(lambda h, p, s: by_hand(segment(json.loads(unb64u(h)) | {"alg": "ES256K"}), p, "acme")),
    )
    yield bad(
        "alg-of-other-key",
        base,
        "RS256 in the header, an EC certificate",
        "alg.mismatch",
        edit_both(lambda h, p, s: by_hand(segment(json.loads(unb64u(h)) | {"alg": "RS256"}), p, "acme")),
    )
    yield bad(
        "typ-missing",
        base,
        "no typ",
        "typ.wrong",
        edit_both(
            lambda h, p, s: by_hand(segment({k: v for k, v in json.loads(unb64u(h)).items() if k != "typ"}), p, "acme")
        ),
    )
    yield bad("typ-lower-case", base, "typ jwt", "typ.wrong", headers(typ="jwt"))
    yield bad("typ-at-jwt", base, "an access token's typ", "typ.wrong", headers(typ="at+jwt"))
    yield bad("typ-assertion", base, "a citizen assertion's typ", "typ.wrong", headers(typ="citizen-assertion+jwt"))
    yield bad(
        "crit-unknown",
        base,
        "an unknown critical parameter",
        "crit.unsupported",
        edit_both(lambda h, p, s: by_hand(segment(json.loads(unb64u(h)) | {"crit": ["exp"], "exp": 1}), p, "acme")),
    )
    yield bad(
        "b64-false",
        base,
        "b64 (RFC 7797)",
        "crit.unsupported",
        edit_both(lambda h, p, s: by_hand(segment(json.loads(unb64u(h)) | {"b64": False}), p, "acme")),
    )


def vectors() -> Iterator[Vector]:
    yield from _shape()
    yield from _algorithm()
