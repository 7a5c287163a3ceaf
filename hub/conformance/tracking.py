"""Cases of tracking evidence: AUDIT_REST_01, and AUDIT_REST_02 that a voucher is tied to (modi 1.6, 1.7, 5.5, 5.6)."""

from base64 import b64encode
from hashlib import sha256
from typing import Final

from hub.profile import Profile
from hub.security.sign import SigningKey

from .case import ACCEPTED, REFUSED, Case, Change, direct, vouched
from .changes import ABSENT, again, claim, jose_of, parts, signed_by, times_of, tokens, unsecured, without
from .draft import AUTH, EVIDENCE, LEAST_NONCE, Draft, Tokens, sha256_hex, signed

_NOBODY: Final = "00000000-0000-4000-8000-000000000000"


def audited(profile: Profile) -> bool:
    return profile.audit != "none"


def _by_itself(profile: Profile) -> bool:
    return audited(profile) and direct(profile)


def _by_pdnd(profile: Profile) -> bool:
    return audited(profile) and vouched(profile)


def _correlated(profile: Profile) -> bool:
    return profile.audit == "AUDIT_REST_02"


def _no_user(draft: Draft) -> None:
    claim(EVIDENCE, **{draft.party.profile.audit_claims[0]: ABSENT})(draft)


def _other_letters(draft: Draft) -> None:
    name = draft.party.profile.audit_claims[0]
    claim(EVIDENCE, **{name: ABSENT, name.swapcase(): "conformance"})(draft)


def _number(draft: Draft) -> None:
    claim(EVIDENCE, **{draft.party.profile.audit_claims[0]: 1})(draft)


def _long(draft: Draft) -> None:
    times_of(EVIDENCE, exp=draft.party.profile.reuse + 120)(draft)


def _expired(draft: Draft) -> None:
    grace = draft.party.profile.grace
    times_of(EVIDENCE, iat=-grace - 600, nbf=-grace - 600, exp=-grace - 60)(draft)


def _stranger(draft: Draft) -> SigningKey:
    return draft.party.stranger


def _as_authorization(draft: Draft) -> None:
    """Evidence that is as short-lived as a token of Authorization, and never used: a fresh one, as it were."""
    times_of(EVIDENCE, exp=draft.lifetime_s)(draft)

    def edit(found: Tokens) -> None:
        found[AUTH] = found[EVIDENCE]

    tokens(edit)(draft)


def _signed_again(draft: Draft) -> None:
    """Another evidence of the same user than the one that was hashed (modi 5.5)."""
    another = draft.claims[EVIDENCE] | {"jti": "another", "dnonce": draft.claims[EVIDENCE]["dnonce"] ^ 1}

    def edit(found: Tokens) -> None:
        found[EVIDENCE] = signed(draft.jose[EVIDENCE], another, draft.keys[EVIDENCE])

    tokens(edit)(draft)


def _digest(draft: Draft, form: str) -> None:
    """The digest in another form than 64 lower-case hexadecimal digits: made of the evidence that is then sent."""
    compact = signed(draft.jose[EVIDENCE], draft.claims[EVIDENCE], draft.keys[EVIDENCE])
    draft.kept[EVIDENCE] = compact
    value = sha256_hex(compact)
    raw = sha256(compact.encode("ascii")).digest()
    draft.claims[AUTH]["digest"] = {
        "base64": {"alg": "SHA256", "value": b64encode(raw).decode()},
        "text": value,
        "alg": {"alg": "SHA512", "value": value},
        "cut": {"alg": "SHA256", "value": value[:32]},
    }[form]


_ROWS: Final = (
    ("evidence-missing", "manca il tracciamento", "no tracking evidence", without(EVIDENCE)),
    ("evidence-twice", "due tracciamenti", "two evidences", again(EVIDENCE)),
    (
        "evidence-cut",
        "tracciamento senza firma",
        "the evidence has no signature",
        parts(lambda h, p, s: f"{h}.{p}", EVIDENCE),
    ),
    ("evidence-alg-none", "tracciamento con alg none", "an evidence with alg none", unsecured(EVIDENCE)),
    ("evidence-typ", "typ di un voucher", "the typ of a voucher", jose_of(EVIDENCE, typ="at+jwt")),
    (
        "evidence-forged",
        "tracciamento firmato da altri",
        "the evidence is signed by somebody else",
        signed_by(EVIDENCE, _stranger),
    ),
    (
        "evidence-aud",
        "aud di un altro servizio",
        "aud of another service",
        claim(EVIDENCE, aud="https://other.example.it"),
    ),
    ("evidence-iss", "iss di un altro", "iss is another", claim(EVIDENCE, iss="conformance-nobody")),
    ("evidence-iat-missing", "manca iat", "no iat", claim(EVIDENCE, iat=ABSENT)),
    ("evidence-exp-missing", "manca exp", "no exp", claim(EVIDENCE, exp=ABSENT)),
    ("evidence-jti-missing", "manca jti", "no jti", claim(EVIDENCE, jti=ABSENT)),
    ("evidence-expired", "tracciamento scaduto", "the evidence has expired", _expired),
    ("evidence-long", "tracciamento che vale troppo a lungo", "an evidence that lives too long", _long),
    ("evidence-user-missing", "manca un claim concordato", "a claim that was agreed is missing", _no_user),
    ("evidence-user-other-letters", "il claim con altre maiuscole", "the claim in other letters", _other_letters),
    ("evidence-user-number", "il claim è un numero", "the claim is a number", _number),
)

_PURPOSE: Final = (
    (
        "evidence-purpose",
        "finalità diversa dal voucher",
        "another purpose than the voucher's",
        claim(EVIDENCE, purposeId=_NOBODY),
    ),
    ("evidence-purpose-missing", "manca purposeId", "no purposeId", claim(EVIDENCE, purposeId=ABSENT)),
)

_NONCE: Final = (
    ("dnonce-missing", "manca dnonce", "no dnonce", claim(EVIDENCE, dnonce=ABSENT)),
    ("dnonce-text", "dnonce è un testo", "dnonce is text", claim(EVIDENCE, dnonce=str(LEAST_NONCE))),
    ("dnonce-12-digits", "dnonce di 12 cifre", "dnonce has 12 digits", claim(EVIDENCE, dnonce=LEAST_NONCE - 1)),
    ("dnonce-14-digits", "dnonce di 14 cifre", "dnonce has 14 digits", claim(EVIDENCE, dnonce=LEAST_NONCE * 10)),
    (
        "evidence-signed-again",
        "tracciamento rifirmato dopo il digest",
        "the evidence was signed again after hashing",
        _signed_again,
    ),
)

_DIGEST: Final[tuple[tuple[str, str, str, Change], ...]] = (
    ("voucher-digest-missing", "voucher senza digest", "the voucher has no digest", claim(AUTH, digest=ABSENT)),
    ("voucher-digest-base64", "digest in base64", "the digest in base64", lambda d: _digest(d, "base64")),
    ("voucher-digest-text", "digest è un testo", "the digest is text", lambda d: _digest(d, "text")),
    ("voucher-digest-alg", "algoritmo diverso da SHA256", "another algorithm than SHA256", lambda d: _digest(d, "alg")),
    ("voucher-digest-cut", "digest troncato", "the digest is cut", lambda d: _digest(d, "cut")),
)

CASES: Final = (
    Case(
        "audit",
        "evidence-more",
        "un claim in più (LoA)",
        "a claim more (LoA)",
        claim(EVIDENCE, LoA="LOA3"),
        ACCEPTED,
        when=audited,
    ),
    *(Case("audit", *row, when=audited) for row in _ROWS),
    *(Case("audit", *row, when=_by_pdnd) for row in _PURPOSE),
    *(Case("audit", *row, when=_correlated) for row in _NONCE),
    *(Case("audit", *row, REFUSED, "authorization", when=_correlated) for row in _DIGEST),
    Case(
        "audit",
        "evidence-as-authorization",
        "il tracciamento al posto di Authorization",
        "the evidence in the place of Authorization",
        _as_authorization,
        when=_by_itself,
    ),
    Case(
        "audit",
        "evidence-missing-on-read",
        "lettura senza tracciamento",
        "a read without evidence",
        without(EVIDENCE),
        reads=True,
        when=audited,
    ),
)
