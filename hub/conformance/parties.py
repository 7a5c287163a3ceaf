"""Cases of who speaks, with which key, to whom, and when (modi 5.4, 5.8, 5.11; RFC 7518 3.4)."""

from base64 import b64encode
from datetime import UTC, datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

from hub.security import jose
from hub.security.keys import new_authority, new_leaf

from .case import Case, unique
from .changes import ABSENT, both, by_a_stranger, claim, header, parts, times, tokens, with_member
from .draft import AUTH, SIG, Draft, Tokens, unb64u


def _second_stranger(draft: Draft) -> None:
    draft.keys[SIG] = draft.party.stranger


def _unknown(draft: Draft) -> None:
    by_a_stranger(draft)
    draft.jose |= {name: draft.party.stranger.header() for name in draft.own}


def _own_authority(draft: Draft) -> None:
    """A certificate of the same name under a CA that nobody registered."""
    now, key = datetime.fromtimestamp(draft.now, UTC), draft.party.key
    authority = new_authority("Conformance CA", now=now)
    leaf = new_leaf(authority, draft.party.iss, key.private.public_key(), now=now)
    chain = [b64encode(one.public_bytes(Encoding.DER)).decode() for one in (leaf, authority.certificate)]
    header(x5c=chain)(draft)


def _other_leaf(draft: Draft) -> None:
    """The chain of a stranger's key, the signature of the vendor's."""
    now = datetime.fromtimestamp(draft.now, UTC)
    leaf = new_leaf(
        new_authority("Conformance CA", now=now), draft.party.iss, draft.party.stranger.private.public_key(), now=now
    )
    header(x5c=[b64encode(leaf.public_bytes(Encoding.DER)).decode(), *draft.party.key.x5c[1:]])(draft)


def _der(head: str, payload: str, signature: str) -> str:
    raw = unb64u(signature)
    r, s = (int.from_bytes(half) for half in (raw[: len(raw) // 2], raw[len(raw) // 2 :]))
    return f"{head}.{payload}.{jose.base64url(encode_dss_signature(r, s))}"


def _zero(head: str, payload: str, signature: str) -> str:
    return f"{head}.{payload}.{jose.base64url(bytes(len(unb64u(signature))))}"


def _cut(head: str, payload: str, signature: str) -> str:
    return f"{head}.{payload}.{jose.base64url(unb64u(signature)[:-1])}"


def _longer(head: str, payload: str, signature: str) -> str:
    return f"{head}.{payload}.{jose.base64url(unb64u(signature) + bytes(1))}"


def _changed(found: Tokens) -> None:
    head, payload, signature = found[AUTH].split(".")
    found[AUTH] = f"{head}.{with_member(payload, jti='another')}.{signature}"


def _of_another(found: Tokens) -> None:
    found[SIG] = found[SIG].rpartition(".")[0] + "." + found[AUTH].rpartition(".")[2]


def _call_url(draft: Draft) -> None:
    both(aud=f"{draft.party.aud}/messages")(draft)


def _slash(draft: Draft) -> None:
    both(aud=draft.party.aud + "/")(draft)


def _behind(draft: Draft) -> None:
    """By 5 minutes, or by as much as is too much for this vendor's profile."""
    late = draft.party.profile.max_age + 5
    times(iat=-late, nbf=-late, exp=draft.lifetime_s - late)(draft)


def _ahead(draft: Draft) -> None:
    early = max(300, draft.party.profile.future + 60)
    times(iat=early, nbf=early, exp=early + draft.lifetime_s)(draft)


def _expired(draft: Draft) -> None:
    grace = draft.party.profile.grace
    times(iat=-grace - 180, nbf=-grace - 180, exp=-grace - 60)(draft)


def _issued_later(draft: Draft) -> None:
    later = draft.party.profile.future + 55
    times(iat=later, exp=later + draft.lifetime_s)(draft)


def _begins_later(draft: Draft) -> None:
    times(nbf=draft.party.profile.future + 55)(draft)


def _milliseconds(draft: Draft) -> None:
    both(iat=draft.now * 1000, nbf=draft.now * 1000, exp=draft.now * 1000 + 60_000)(draft)


def _text(draft: Draft) -> None:
    both(iat=str(draft.now))(draft)


_KEY: Final = (
    ("other-key", "chiave nominata, un'altra firma", "the key is named, another one signs", by_a_stranger),
    ("key-unknown", "chiave mai registrata", "a key that nobody registered", _unknown),
    ("two-signers", "i due token di due chiavi", "the tokens are signed by two keys", _second_stranger),
    ("payload-changed", "claim cambiato dopo la firma", "a claim changed after signing", tokens(_changed)),
    ("signature-of-other-token", "firma di un altro token", "the signature of another token", tokens(_of_another)),
    ("signature-empty", "firma vuota", "an empty signature", parts(lambda h, p, s: f"{h}.{p}.")),
    ("signature-zero", "firma di zeri", "a signature of zeros", parts(_zero)),
    ("signature-short", "firma troncata di un byte", "a signature cut by a byte", parts(_cut)),
    ("signature-long", "firma con un byte in più", "a signature with a byte more", parts(_longer)),
)

_PARTIES: Final = (
    ("aud-other-service", "aud di un altro servizio", "aud of another service", both(aud="https://other.example.it")),
    ("aud-call-url", "aud è l'URL chiamato", "aud is the URL of the call", _call_url),
    ("aud-slash", "aud con una barra finale", "aud with a final slash", _slash),
    ("aud-missing", "manca aud", "no aud", both(aud=ABSENT)),
    ("aud-number", "aud è un numero", "aud is a number", both(aud=1)),
    ("aud-empty-array", "aud è un array vuoto", "aud is an empty array", both(aud=[])),
    ("aud-differs", "aud diverso nei due token", "the tokens have two aud", claim(SIG, aud="https://other.example.it")),
    ("iss-missing", "manca iss", "no iss", both(iss=ABSENT)),
    ("iss-unknown", "iss sconosciuto", "iss is registered with nobody", both(iss="conformance-nobody")),
    ("iss-number", "iss è un numero", "iss is a number", both(iss=7)),
    ("iss-differs", "iss diverso nei due token", "the tokens have two iss", claim(SIG, iss="conformance-nobody")),
)

_TIME: Final = (
    ("iat-missing", "manca iat", "no iat", both(iat=ABSENT)),
    ("exp-missing", "manca exp", "no exp", both(exp=ABSENT)),
    ("expired", "scaduto da un minuto", "expired a minute ago", _expired),
    ("clock-5-minutes-behind", "orologio indietro di 5 minuti", "clock 5 minutes behind", _behind),
    ("clock-5-minutes-ahead", "orologio avanti di 5 minuti", "clock 5 minutes ahead", _ahead),
    ("iat-future", "iat nel futuro", "iat is in the future", _issued_later),
    ("nbf-future", "nbf nel futuro", "nbf is in the future", _begins_later),
    ("too-long", "valido per un giorno", "valid for a day", times(exp=86_400)),
    ("iat-text", "iat è un testo", "iat is text", _text),
    ("iat-milliseconds", "iat in millisecondi", "iat in milliseconds", _milliseconds),
    ("exp-huge", "exp enorme", "exp is huge", both(exp=10**30)),
    ("jti-number", "jti è un numero", "jti is a number", both(jti=1)),
    ("jti-empty", "jti vuoto", "jti is empty", both(jti="")),
)

CASES: Final = (
    *(Case("key", *row) for row in _KEY),
    Case(
        "key",
        "kid-unknown",
        "kid sconosciuto",
        "a kid that is registered with nobody",
        header(kid="nobody"),
        needs="kid",
    ),
    Case("key", "kid-missing", "nessuna chiave indicata", "no key is named", header(kid=ABSENT), needs="kid"),
    Case("key", "chain-wrong", "catena di un'altra CA", "a chain of another CA", _own_authority, needs="certificate"),
    Case(
        "key",
        "leaf-of-another-key",
        "certificato di un'altra chiave",
        "the certificate of another key",
        _other_leaf,
        needs="certificate",
    ),
    Case("key", "x5c-garbage", "x5c illeggibile", "x5c cannot be read", header(x5c=["AAAA"]), needs="certificate"),
    Case(
        "key", "x5c-missing", "nessun certificato", "no certificate is named", header(x5c=ABSENT), needs="certificate"
    ),
    Case("key", "signature-der", "firma ECDSA in DER", "an ECDSA signature in DER form", parts(_der), needs="elliptic"),
    *(Case("parties", *row) for row in _PARTIES),
    *(Case("time", *row) for row in _TIME),
    Case(
        "time",
        "jti-missing",
        "manca jti",
        "no jti",
        both(jti=ABSENT),
        when=lambda profile: profile.jti == "required",
    ),
    Case(
        "time",
        "jti-missing-on-read",
        "manca jti in lettura",
        "no jti on a read",
        both(jti=ABSENT),
        reads=True,
        when=unique,
    ),
)
