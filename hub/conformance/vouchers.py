"""Cases of PDND vouchers and of keys that PDND keeps (modi 1.5, 2.3; RFC 9068)."""

from typing import Final

from hub.profile import Profile
from hub.security import jose
from hub.security.sign import SigningKey

from .case import ACCEPTED, REFUSED, Case, by_pdnd, vouched
from .changes import ABSENT, claim, jose_of, parts, times_of, tokens, unsecured, with_member, without
from .draft import AUTH, EVIDENCE, SIG, Draft, Tokens, by_hand
from .issuing import Simulated
from .several import Play, Stage, judged

_NOBODY: Final = "00000000-0000-4000-8000-000000000000"


def _own_token(draft: Draft) -> None:
    """What a vendor without PDND would send."""
    claims = {name: value for name, value in draft.claims[SIG].items() if name != "signed_headers"}

    def edit(found: Tokens) -> None:
        found[AUTH] = jose.sign(
            jose.segment(draft.jose[SIG]), claims | {"jti": "own"}, draft.keys[SIG].private, draft.keys[SIG].alg
        )

    tokens(edit)(draft)


def _listed(draft: Draft) -> None:
    claim(AUTH, aud=[draft.claims[AUTH]["aud"]])(draft)


def _stranger_signs(draft: Draft) -> None:
    """The true claims under the platform's kid, signed by somebody else."""

    def edit(head: str, payload: str, _signature: str) -> str:
        key = SigningKey(draft.party.stranger.private)
        return by_hand(with_member(head, alg=key.alg), payload, key)

    parts(edit, AUTH)(draft)


def _by_the_client(draft: Draft) -> None:
    """A key that PDND does publish, though not as its own."""
    draft.keys[AUTH] = draft.party.pdnd_key
    jose_of(AUTH, alg=draft.party.pdnd_key.alg, kid=draft.party.pdnd_header()["kid"])(draft)


def _changed(head: str, payload: str, signature: str) -> str:
    return f"{head}.{with_member(payload, jti='another')}.{signature}"


def _long(draft: Draft) -> None:
    times_of(AUTH, exp=draft.party.profile.reuse + 120)(draft)


def _other_scheme(draft: Draft) -> None:
    draft.scheme = "DPoP " if draft.scheme == "Bearer " else "Bearer "


def _bound(draft: Draft) -> None:
    claim(AUTH, cnf={"jkt": draft.party.proof_key.kid})(draft)


def _critical(draft: Draft) -> None:
    jose_of(AUTH, crit=["exp"], exp=draft.now + 60)(draft)


def _another_clients_key(draft: Draft) -> None:
    issuer = draft.party.issuer
    assert isinstance(issuer, Simulated)
    draft.keys[SIG] = issuer.other_key
    draft.jose[SIG] |= {"alg": issuer.other_key.alg, "kid": issuer.other_key.kid}


def _another_client(draft: Draft) -> None:
    """Key, voucher and iss agree; the client is nobody's vendor."""
    issuer = draft.party.issuer
    assert isinstance(issuer, Simulated)
    _another_clients_key(draft)
    claim(SIG, iss=issuer.other_client)(draft)
    claim(AUTH, client_id=issuer.other_client, sub=issuer.other_client)(draft)


def _vendors_name(draft: Draft) -> None:
    claim(SIG, iss=draft.party.iss)(draft)


def unbound(profile: Profile) -> bool:
    return vouched(profile) and profile.dpop == "never"


_ROWS: Final = (
    ("voucher-typ-jwt", "typ JWT invece di at+jwt", "typ JWT instead of at+jwt", jose_of(AUTH, typ="JWT")),
    ("voucher-crit", "crit nel voucher", "crit in the voucher", _critical),
    ("voucher-kid-missing", "il voucher non ha kid", "the voucher has no kid", jose_of(AUTH, kid=ABSENT)),
    ("voucher-kid-unknown", "kid che la PDND non ha", "a kid that PDND does not have", jose_of(AUTH, kid="nobody")),
    (
        "voucher-by-the-client",
        "voucher firmato dalla chiave del client",
        "the voucher is signed by the client's own key",
        _by_the_client,
    ),
    ("voucher-iss", "iss di un'altra PDND", "iss is another PDND", claim(AUTH, iss="pdnd.example.it")),
    ("voucher-iss-missing", "manca iss", "no iss", claim(AUTH, iss=ABSENT)),
    ("voucher-aud", "aud di un altro e-service", "aud of another e-service", claim(AUTH, aud="https://other.example")),
    ("voucher-aud-missing", "manca aud", "no aud", claim(AUTH, aud=ABSENT)),
    ("voucher-sub", "sub non è il client_id", "sub is not the client_id", claim(AUTH, sub=_NOBODY)),
    ("voucher-client-missing", "manca client_id", "no client_id", claim(AUTH, client_id=ABSENT)),
    ("voucher-iat-missing", "manca iat", "no iat", claim(AUTH, iat=ABSENT)),
    ("voucher-exp-missing", "manca exp", "no exp", claim(AUTH, exp=ABSENT)),
    (
        "voucher-nbf-missing",
        "manca nbf, che la PDND dà sempre",
        "no nbf, which PDND always gives",
        claim(AUTH, nbf=ABSENT),
    ),
    ("voucher-early", "nbf nel futuro", "nbf is in the future", times_of(AUTH, nbf=400)),
    ("voucher-expired", "voucher scaduto", "the voucher has expired", times_of(AUTH, iat=-900, nbf=-900, exp=-400)),
    ("voucher-long", "voucher che vale troppo a lungo", "a voucher that lives too long", _long),
    ("voucher-purpose", "finalità non concordata", "a purpose that is not agreed", claim(AUTH, purposeId=_NOBODY)),
    (
        "voucher-purpose-missing",
        "senza finalità: un voucher per l'API della PDND",
        "no purpose: a voucher for PDND's own API",
        claim(AUTH, purposeId=ABSENT),
    ),
    (
        "voucher-signed-headers",
        "signed_headers nel voucher",
        "signed_headers in the voucher",
        claim(AUTH, signed_headers=[]),
    ),
)

_IDS: Final = (
    ("voucher-producer", "producerId di un altro ente", "producerId of another ente", claim(AUTH, producerId=_NOBODY)),
    ("voucher-eservice", "eserviceId di un altro e-service", "eserviceId of another", claim(AUTH, eserviceId=_NOBODY)),
    (
        "voucher-descriptor",
        "descriptorId di altra versione",
        "descriptorId of another",
        claim(AUTH, descriptorId=_NOBODY),
    ),
)

_WITH_ANY: Final = (
    ("voucher-missing", "manca il voucher", "no voucher", without(AUTH)),
    (
        "voucher-changed",
        "voucher cambiato dopo la firma",
        "the voucher was changed after signing",
        parts(_changed, AUTH),
    ),
    ("voucher-forged", "voucher firmato da altri", "the voucher is signed by somebody else", _stranger_signs),
    ("voucher-alg-none", "voucher con alg none", "a voucher with alg none", unsecured(AUTH)),
    ("voucher-own-token", "un token proprio invece del voucher", "a token of its own instead of a voucher", _own_token),
    (
        "voucher-other-scheme",
        "schema che non è quello del voucher",
        "a scheme that is not the voucher's",
        _other_scheme,
    ),
)


def _used_again(on: Stage) -> tuple[str, str]:
    """A voucher is meant to be used until it expires; only Agid-JWT-Signature is new (modi 2.3)."""
    first, second = on.make(), on.make()
    first_built = first.build()
    shown = dict(first_built.headers)

    second.kept = {name: shown[name].rpartition(" ")[2] for name in shown.keys() & {AUTH, EVIDENCE}}
    return judged([on.send(first_built), on.send(second.build())], ACCEPTED, ACCEPTED)


CASES: Final = (
    Case(
        "voucher",
        "voucher-aud-array",
        "aud del voucher è un array",
        "aud of the voucher is an array",
        _listed,
        ACCEPTED,
        "authorization",
        when=vouched,
    ),
    *(Case("voucher", *row, REFUSED, "authorization", when=vouched) for row in _ROWS),
    *(Case("voucher", *row, REFUSED, "ids", when=vouched) for row in _IDS),
    *(Case("voucher", *row, when=vouched) for row in _WITH_ANY),
    Case(
        "voucher",
        "voucher-bound-as-bearer",
        "voucher legato a una chiave, usato come Bearer",
        "a voucher bound to a key, sent as Bearer",
        _bound,
        REFUSED,
        "authorization",
        when=unbound,
    ),
    Case(
        "voucher",
        "key-of-another-client",
        "firma con la chiave di un altro client",
        "signed with another client's key",
        _another_clients_key,
        REFUSED,
        "other-client",
        when=by_pdnd,
    ),
    Case(
        "voucher",
        "client-of-nobody",
        "client che non è di alcun fornitore",
        "a client that is no vendor's",
        _another_client,
        REFUSED,
        "other-client",
        when=by_pdnd,
    ),
    Case(
        "voucher",
        "iss-is-the-vendor",
        "iss è il fornitore, non il client",
        "iss is the vendor, not the client",
        _vendors_name,
        when=by_pdnd,
    ),
)

PLAYS: Final = (
    Play(
        "voucher-again",
        "lo stesso voucher, usato due volte",
        "one voucher, used twice",
        "2xx, 2xx",
        _used_again,
        "voucher",
        when=vouched,
    ),
)
