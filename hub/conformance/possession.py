"""Cases of DPoP proofs: the sender holds the key that its voucher is bound to (RFC 9449 4.3, modi 2.4)."""

from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from hub.profile import Profile
from hub.security import jose
from hub.security.keys import new_key
from hub.security.sign import SigningKey

from .case import ACCEPTED, CONFLICT, Case
from .changes import ABSENT, again, claim, jose_of, times_of, tokens, unsecured, without
from .draft import AUTH, PROOF, Draft, Tokens
from .several import PARALLEL, Play, Stage, judged, raced


def bound(profile: Profile) -> bool:
    return profile.dpop != "never"


def _required(profile: Profile) -> bool:
    return profile.dpop == "required"


def _optional(profile: Profile) -> bool:
    return profile.dpop == "allowed"


def _bearer(draft: Draft) -> None:
    """Whoever stole the voucher has no proof."""
    draft.scheme = "Bearer "
    without(PROOF)(draft)


def _plain(draft: Draft) -> None:
    """A voucher that is bound to no key."""
    draft.claims.get(AUTH, {}).pop("cnf", None)
    draft.bound = False
    _bearer(draft)


def _unbound(draft: Draft) -> None:
    draft.claims.get(AUTH, {}).pop("cnf", None)
    draft.bound = False


def _other_key(draft: Draft) -> None:
    """A thief's own key, in a proof that is good in itself."""
    own = SigningKey(new_key("es256"))
    draft.keys[PROOF] = own
    jose_of(PROOF, jwk={name: value for name, value in own.public_jwk().items() if name not in ("kid", "use")})(draft)


def _forged(draft: Draft) -> None:
    draft.keys[PROOF] = SigningKey(new_key("es256"))


def _private(draft: Draft) -> None:
    private = draft.keys[PROOF].private
    assert isinstance(private, EllipticCurvePrivateKey)
    secret = private.private_numbers().private_value.to_bytes(32)
    jose_of(PROOF, jwk=draft.jose[PROOF]["jwk"] | {"d": jose.base64url(secret)})(draft)


def _other_place(draft: Draft) -> None:
    claim(PROOF, htu=draft.called_url + "/other")(draft)


def _other_host(draft: Draft) -> None:
    claim(PROOF, htu="https://other.example.it" + draft.path)(draft)


def _with_query(draft: Draft) -> None:
    claim(PROOF, htu=draft.called_url + "?query=1")(draft)


def _old(draft: Draft) -> None:
    times_of(PROOF, iat=-draft.party.profile.proof_age - 60)(draft)


def _future(draft: Draft) -> None:
    times_of(PROOF, iat=draft.party.profile.future + 55)(draft)


def _critical(draft: Draft) -> None:
    jose_of(PROOF, crit=["exp"], exp=draft.now + 60)(draft)


def _voucher_as_proof(found: Tokens) -> None:
    found[PROOF] = found[AUTH]


_ROWS: Final = (
    ("proof-missing", "manca la prova DPoP", "no DPoP proof", without(PROOF)),
    ("proof-twice", "due intestazioni DPoP", "two DPoP headers", again(PROOF)),
    (
        "proof-is-the-voucher",
        "il voucher al posto della prova",
        "the voucher instead of a proof",
        tokens(_voucher_as_proof),
    ),
    ("stolen-bearer", "voucher legato, inviato come Bearer", "the bound voucher is sent as Bearer", _bearer),
    ("proof-typ", "typ JWT", "typ JWT", jose_of(PROOF, typ="JWT")),
    ("proof-alg-none", "prova con alg none", "a proof with alg none", unsecured(PROOF)),
    ("proof-crit", "crit nella prova", "crit in the proof", _critical),
    ("proof-jwk-missing", "la prova non porta la chiave", "the proof carries no key", jose_of(PROOF, jwk=ABSENT)),
    ("proof-jwk-private", "jwk contiene la chiave privata", "jwk holds the private key", _private),
    ("proof-jwk-symmetric", "jwk simmetrica", "a symmetric jwk", jose_of(PROOF, jwk={"kty": "oct", "k": "AAAA"})),
    ("proof-other-key", "prova di un'altra chiave", "a proof of another key", _other_key),
    ("proof-forged", "chiave giusta, firma di altri", "the right key, somebody else's signature", _forged),
    ("proof-htm", "htm di un altro metodo", "htm of another method", claim(PROOF, htm="GET")),
    ("proof-htm-lower-case", "htm in minuscolo", "htm in lower case", claim(PROOF, htm="post")),
    ("proof-htm-missing", "manca htm", "no htm", claim(PROOF, htm=ABSENT)),
    ("proof-htu-path", "htu di un altro percorso", "htu of another path", _other_place),
    ("proof-htu-host", "htu di un altro host", "htu of another host", _other_host),
    ("proof-htu-missing", "manca htu", "no htu", claim(PROOF, htu=ABSENT)),
    ("proof-old", "prova di un'altra volta", "a proof of some time ago", _old),
    ("proof-future", "prova dal futuro", "a proof from the future", _future),
    ("proof-iat-missing", "la prova non ha iat", "the proof has no iat", claim(PROOF, iat=ABSENT)),
    ("proof-ath", "ath di un altro voucher", "ath of another voucher", claim(PROOF, ath=jose.base64url(bytes(32)))),
    ("proof-ath-missing", "la prova non ha ath", "the proof has no ath", claim(PROOF, ath=ABSENT)),
    ("proof-jti-missing", "la prova non ha jti", "the proof has no jti", claim(PROOF, jti=ABSENT)),
)

CASES: Final = (
    Case("dpop", "proof-htu-query", "htu con una query", "htu with a query", _with_query, ACCEPTED, when=bound),
    Case(
        "dpop",
        "bearer-allowed",
        "voucher semplice, ammesso",
        "a plain voucher, allowed",
        _plain,
        ACCEPTED,
        when=_optional,
    ),
    *(Case("dpop", *row, when=bound) for row in _ROWS),
    Case(
        "dpop", "bearer-plain", "voucher non legato, come Bearer", "a voucher that is not bound", _plain, when=_required
    ),
    Case(
        "dpop",
        "voucher-unbound",
        "voucher non legato, con una prova",
        "a voucher that is not bound, with a proof",
        _unbound,
        when=bound,
    ),
    Case(
        "dpop",
        "proof-on-read",
        "prova di un'altra lettura",
        "htm of a POST on a read",
        claim(PROOF, htm="POST"),
        reads=True,
        when=bound,
    ),
)


def _proof_again(on: Stage) -> tuple[str, str]:
    """Voucher and proof overheard; the body's signature is new."""
    first, second = on.make(), on.make()
    built = first.build()
    shown = dict(built.headers)
    second.kept = {
        name: shown[name].rpartition(" ")[2] for name in shown.keys() - {"agid-jwt-signature"} & set(second.sent)
    }
    return judged([on.send(built), on.send(second.build())], ACCEPTED, CONFLICT)


def _read_twice(on: Stage) -> tuple[str, str]:
    built = on.ask("GET", "/items").build()
    return judged([on.send(built), on.send(built)], ACCEPTED, CONFLICT)


def _proof_many_times(on: Stage) -> tuple[str, str]:
    return raced(on, on.ask("GET", "/items").build())


PLAYS: Final = (
    Play(
        "proof-again",
        "una prova usata due volte",
        "one proof, used twice",
        "2xx, then 409",
        _proof_again,
        "dpop",
        when=bound,
    ),
    Play(
        "proof-again-on-read",
        "la stessa lettura con la stessa prova",
        "the same read with the same proof",
        "2xx, then 409",
        _read_twice,
        "dpop",
        when=bound,
        own_api=True,
    ),
    Play(
        "proof-parallel",
        f"{PARALLEL} usi insieme di una prova: uno solo vale",
        f"{PARALLEL} uses of one proof at once: one counts",
        "one 2xx, the rest 409",
        _proof_many_times,
        "dpop",
        when=bound,
        own_api=True,
    ),
)
