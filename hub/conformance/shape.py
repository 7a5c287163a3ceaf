"""Cases of the form of headers and tokens, and of the algorithm (modi 5.1, 5.7, 5.12, 5.14, 5.18)."""

import hashlib
import hmac
from base64 import b64encode
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hub.security import jose, jwk

from .case import TOO_LARGE, Case
from .changes import (
    ABSENT,
    again,
    both,
    by_a_stranger,
    claim,
    header,
    parts,
    resigned,
    tokens,
    unsecured,
    with_member,
    without,
)
from .draft import AUTH, SIG, Draft, Tokens, unb64u


def _no_scheme(draft: Draft) -> None:
    draft.scheme = ""


def _stripped(draft: Draft) -> None:
    draft.body, draft.headers = b"", []
    without(SIG)(draft)


def _body_on_read(draft: Draft) -> None:
    draft.body, draft.headers = b"{}", [("content-type", "application/json")]


def _one_for_both(found: Tokens) -> None:
    found[AUTH] = found[SIG]


def _swapped(found: Tokens) -> None:
    found[AUTH], found[SIG] = found[SIG], found[AUTH]


def _blank(found: Tokens) -> None:
    found[SIG] = found[SIG][:-5] + " " + found[SIG][-5:]


def _trailing_bits(head: str, payload: str, signature: str) -> str:
    """Another spelling of the same bytes: the bits of the last character that carry nothing are not zero."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    if len(signature) % 4 == 0:  # no such bits, but one character too many is as wrong
        return f"{head}.{payload}.{signature}A"
    return f"{head}.{payload}.{signature[:-1]}{alphabet[alphabet.index(signature[-1]) + 1]}"


def _doubled(segment: str, member: str) -> str:
    return jose.base64url(b"{" + member.encode() + b"," + unb64u(segment)[1:])


def _hmac(draft: Draft) -> None:
    secret = draft.keys[SIG].private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def forged(head: str, payload: str, signature: str) -> str:
        text = f"{with_member(head, alg='HS256')}.{payload}"
        return f"{text}.{jose.base64url(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"

    parts(forged)(draft)


def _other_alg(draft: Draft) -> None:
    header(alg="ES256" if draft.keys[SIG].alg[:2] in ("RS", "PS") else "RS256")(draft)


def _embedded(draft: Draft) -> None:
    """A key that the token itself brings (RFC 8725 3.10)."""
    stranger = draft.party.stranger
    own = {"alg": stranger.alg, "typ": "JWT", "jwk": jwk.public_jwk(stranger.private.public_key(), stranger.alg)}
    draft.jose |= {name: dict(own) for name in draft.own}
    by_a_stranger(draft)


def _pointed(draft: Draft) -> None:
    stranger = draft.party.stranger
    own = {**stranger.header(), "jku": "https://127.0.0.1:1/jwks.json"}
    draft.jose |= {name: dict(own) for name in draft.own}
    by_a_stranger(draft)


def _critical(draft: Draft) -> None:
    header(crit=["exp"], exp=draft.now + 60)(draft)


_FORM: Final = (
    ("authorization-twice", "Authorization ripetuta", "Authorization is sent twice", again(AUTH)),
    ("signature-twice", "Agid-JWT-Signature ripetuta", "Agid-JWT-Signature is sent twice", again(SIG)),
    ("digest-twice", "Digest ripetuto", "Digest is sent twice", again("digest")),
    ("repeated-in-upper-case", "ripetuta in maiuscolo", "sent again in upper case", again(SIG, upper=True)),
    ("no-bearer", "manca Bearer", "Bearer is missing", _no_scheme),
    ("no-token", "nessun token", "neither token is there", without(AUTH, SIG)),
    ("no-signature", "un corpo senza Agid-JWT-Signature", "a body with Authorization alone", without(SIG)),
    ("body-stripped", "corpo e firma tolti da un POST", "body and signature stripped from a POST", _stripped),
    ("same-token-twice", "lo stesso token nelle due intestazioni", "one token in both headers", tokens(_one_for_both)),
    ("tokens-swapped", "i due token scambiati", "the two tokens are swapped", tokens(_swapped)),
    ("two-parts", "manca la firma", "the signature part is missing", parts(lambda h, p, s: f"{h}.{p}")),
    ("four-parts", "una parte di troppo", "a part too many", parts(lambda h, p, s: f"{h}.{p}.{s}.{s}")),
    ("padded", "base64 con riempimento", "base64 with padding", parts(lambda h, p, s: f"{h}.{p}.{s}==")),
    (
        "standard-base64",
        "alfabeto base64 non url",
        "the alphabet of plain base64",
        parts(lambda h, p, s: f"{h}.{p}.{b64encode(unb64u(s)[:51] + b'~~~>>>???').decode()}"),
    ),
    ("trailing-bits", "bit di riempimento non nulli", "padding bits that are not zero", parts(_trailing_bits)),
    ("blank-inside", "uno spazio nella firma", "a blank inside the signature", tokens(_blank)),
    ("detached", "payload vuoto (staccato)", "the payload is detached", parts(lambda h, p, s: f"{h}..{s}")),
    (
        "payload-array",
        "i claim non sono un oggetto",
        "the claims are no object",
        resigned(lambda h, p: (h, jose.base64url(b'["iss"]'))),
    ),
    (
        "payload-not-json",
        "i claim non sono JSON",
        "the claims are no JSON",
        resigned(lambda h, p: (h, jose.base64url(b"{'iss':1}"))),
    ),
    ("nested", "annidamento profondo", "members nested too deep", both(deep=[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]])),
    (
        "nested-very-deep",
        "5000 livelli di annidamento",
        "5,000 levels of nesting",
        resigned(lambda h, p: (h, jose.base64url(b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}"))),
    ),
    (
        "duplicate-claim",
        "iss compare due volte",
        "iss occurs twice",
        resigned(lambda h, p: (h, _doubled(p, '"iss":"nobody"'))),
    ),
    (
        "duplicate-header-member",
        "alg compare due volte",
        "alg occurs twice",
        resigned(lambda h, p: (_doubled(h, '"alg":"none"'), p)),
    ),
)

_ALGORITHM: Final = (
    ("alg-none", "alg none", "alg none", unsecured()),
    ("alg-none-mixed-case", "alg nOnE", "alg nOnE", unsecured(alg="nOnE")),
    ("alg-none-signed", "alg none con firma", "alg none with a signature", header(alg="none")),
    ("hs256-public-key", "HMAC con la chiave pubblica", "HMAC with the public key as secret", _hmac),
    ("alg-missing", "manca alg", "no alg", header(alg=ABSENT)),
    ("alg-unknown", "algoritmo non ammesso", "an algorithm that is not in the list", header(alg="ES256K")),
    ("alg-of-other-key", "algoritmo di un'altra chiave", "an algorithm of another type of key", _other_alg),
    ("typ-missing", "manca typ", "no typ", header(typ=ABSENT)),
    ("typ-at-jwt", "typ di un access token", "the typ of an access token", header(typ="at+jwt")),
    ("typ-dpop", "typ di una prova DPoP", "the typ of a DPoP proof", header(typ="dpop+jwt")),
    ("crit-unknown", "crit sconosciuto", "an unknown critical parameter", _critical),
    ("b64-false", "b64 (RFC 7797)", "b64 (RFC 7797)", header(b64=False)),
    ("jwk-embedded", "la chiave è nel token (jwk)", "the token brings its own key (jwk)", _embedded),
    ("jku", "jku indica la chiave", "jku points to the key", _pointed),
)

CASES: Final = (
    *(Case("form", *row) for row in _FORM),
    Case(
        "form",
        "signature-token-as-authorization",
        "signed_headers nel token di Authorization",
        "the Authorization token carries signed_headers",
        claim(AUTH, signed_headers=[]),
        needs="authorization",
    ),
    Case("form", "body-added", "corpo non firmato in lettura", "an unsigned body on a read", _body_on_read, reads=True),
    Case("form", "oversized", "token di oltre 16 KiB", "a token of over 16 KiB", both(pad="x" * 20_000), TOO_LARGE),
    *(Case("algorithm", *row) for row in _ALGORITHM),
)
