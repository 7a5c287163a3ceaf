"""Cases of certificates under the vendor's CA: seals, paths, `x5u`, CRL and OCSP (modi 5.11).

Where revocation data cannot be had or believed, `fail-open` lets the request pass and `fail-closed` refuses it: either
is a choice, and a hub that does the other than was agreed is found out.
"""

from base64 import b64encode
from datetime import timedelta
from typing import Any, Final, cast

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import DNSName
from cryptography.x509.oid import ExtendedKeyUsageOID

from hub.profile import Profile
from hub.security.algorithms import ALGORITHMS
from hub.security.jose import base64url
from hub.security.keys import KeyType
from hub.security.sign import SigningKey

from .case import ACCEPTED, Case, Change
from .changes import header, parts
from .draft import Draft
from .office import Office, Status, Wanted

_DAY: Final = timedelta(days=1)


def with_leaf(wanted: Wanted) -> Change:
    """Another certificate of the vendor's, with a key of its own, for all that its certificate signs."""
    return lambda draft: shown(draft, issued(draft, wanted))


def issued(draft: Draft, wanted: Wanted) -> SigningKey:
    return _office(draft).issue(cast(KeyType, draft.party.key.alg.lower()), wanted)


def _office(draft: Draft) -> Office:
    """There is one wherever a case needs it (`Case.lacking`)."""
    office = draft.party.office
    assert office is not None
    return office


def _good(**how: Any) -> Change:
    """Another certificate whose revocation is asked for as that of good requests is."""
    return lambda draft: shown(draft, issued(draft, Wanted(ocsp=_office(draft).status, **how)))


def shown(draft: Draft, key: SigningKey, **members: object) -> None:
    """Signed with that key, named by its chain or by `members` instead."""
    for name in [name for name, one in draft.keys.items() if one is draft.party.key]:
        draft.keys[name] = key
        named = key.header() if not members else {"alg": key.alg, "typ": "JWT", **members}
        draft.jose[name] = named


def _weak(draft: Draft) -> None:
    key, leaf = _office(draft).weak()
    header(alg="RS256", x5c=[b64encode(leaf.public_bytes(Encoding.DER)).decode("ascii")])(draft)

    def signed(head: str, payload: str, _: str) -> str:
        signature = ALGORITHMS["RS256"].sign(key, f"{head}.{payload}".encode("ascii"))
        return f"{head}.{payload}.{base64url(signature)}"

    parts(signed)(draft)


def _behind(how: str) -> Change:
    """The chain behind `x5u`, not in the token."""

    def change(draft: Draft) -> None:
        office = _office(draft)
        key = issued(draft, Wanted(ocsp=office.status))
        shown(draft, key, x5u=office.x5u(key, how))

    return change


def _by_another_name(draft: Draft) -> None:
    office = _office(draft)
    key = issued(draft, Wanted(ocsp=office.status))
    shown(draft, key, x5u=office.x5u_by_another_name(key))


def _elsewhere(url: str) -> Change:
    """An address of a host that was not agreed on: nobody may even ask there."""
    return lambda draft: shown(draft, issued(draft, Wanted()), x5u=url)


def _asked(profile: Profile) -> bool:
    return profile.revocation != "off"


def _open(profile: Profile) -> bool:
    return profile.revocation == "fail-open"


def _closed(profile: Profile) -> bool:
    return profile.revocation == "fail-closed"


def _by_address(profile: Profile) -> bool:
    return bool(profile.x5u_hosts)


_PATHS: Final = (
    ("leaf-expired", "certificato scaduto", "an expired certificate", Wanted(begins=-2 * _DAY, ends=-_DAY)),
    (
        "leaf-early",
        "certificato non ancora valido",
        "a certificate that begins tomorrow",
        Wanted(begins=_DAY, ends=2 * _DAY),
    ),
    (
        "leaf-other-subject",
        "certificato di un altro fornitore",
        "another vendor's certificate",
        Wanted("conformance-nobody"),
    ),
    ("leaf-usage", "certificato che non può firmare", "a certificate that may not sign", Wanted(signs=False)),
    (
        "leaf-of-a-server",
        "certificato di un server",
        "a server's certificate",
        Wanted(use=ExtendedKeyUsageOID.SERVER_AUTH),
    ),
    ("leaf-is-a-ca", "certificato di una CA", "a CA's certificate", Wanted(ca=True)),
    ("leaf-of-another-ca", "CA con lo stesso nome", "another CA of the same name", Wanted(by_another=True)),
    ("intermediate-missing", "manca la CA intermedia", "the intermediate is left out", Wanted(below="left out")),
    ("intermediate-no-ca", "l'intermedia non è una CA", "the intermediate is no CA", Wanted(below="no CA")),
)

_UNUSABLE: Final[tuple[tuple[Status, str, str], ...]] = (
    ("unreachable", "non raggiungibile", "cannot be reached"),
    ("stale", "scaduta", "is over"),
    ("forged", "firmata da un'altra CA", "is signed by another CA"),
    ("garbage", "illeggibile", "cannot be read"),
)

_ADDRESSES: Final = (
    ("x5u-missing", "x5u: non c'è nulla", "x5u: nothing there", _behind("unreachable")),
    ("x5u-garbage", "x5u: non sono certificati", "x5u: no certificates", _behind("garbage")),
    ("x5u-redirect", "x5u rinvia altrove", "x5u sends elsewhere", _behind("redirect")),
    ("x5u-huge", "x5u: 3 MiB", "x5u: 3 MiB", _behind("huge")),
    ("x5u-other-certificate", "x5u: certificato di un'altra chiave", "x5u: of another key", _behind("other")),
    (
        "x5u-other-host",
        "x5u su un host non concordato",
        "x5u on a host not agreed on",
        _by_another_name,
    ),
    (
        "x5u-inside",
        "x5u verso la rete interna",
        "x5u into the internal network",
        _elsewhere("http://169.254.169.254/c.pem"),
    ),
    ("x5u-file", "x5u è un file", "x5u is a file", _elsewhere("file:///etc/ssl/c.pem")),
)


def _wanted(source: str, status: Status) -> Wanted:
    return Wanted(crl=status) if source == "crl" else Wanted(ocsp=status)


def _of_source(source: str) -> tuple[Case, ...]:
    name = source.upper()
    sure = (
        Case(
            "revocation",
            f"{source}-good",
            f"{name}: non revocato",
            f"{name}: not revoked",
            with_leaf(_wanted(source, "good")),
            ACCEPTED,
            "status",
            when=_asked,
        ),
        Case(
            "revocation",
            f"{source}-revoked",
            f"{name}: revocato",
            f"{name}: revoked",
            with_leaf(_wanted(source, "revoked")),
            needs="status",
            when=_asked,
        ),
    )
    unsure = (
        case
        for status, it, en in _UNUSABLE
        for case in (
            Case(
                "revocation",
                f"{source}-{status}-open",
                f"{name} {it}: si passa (fail-open)",
                f"{name} {en}: it passes (fail-open)",
                with_leaf(_wanted(source, status)),
                ACCEPTED,
                "status",
                when=_open,
            ),
            Case(
                "revocation",
                f"{source}-{status}-closed",
                f"{name} {it}: si rifiuta (fail-closed)",
                f"{name} {en}: it is refused (fail-closed)",
                with_leaf(_wanted(source, status)),
                needs="status",
                when=_closed,
            ),
        )
    )
    return (*sure, *unsure)


CASES: Final = (
    Case(
        "certificates",
        "seal-without-san",
        "sigillo senza SAN",
        "a seal without a SAN",
        _good(use=ExtendedKeyUsageOID.EMAIL_PROTECTION),
        ACCEPTED,
        "authority",
    ),
    Case(
        "certificates",
        "leaf-with-san",
        "certificato con SAN",
        "a certificate with a SAN",
        _good(named=DNSName("seal.example")),
        ACCEPTED,
        "authority",
    ),
    Case(
        "certificates",
        "intermediate",
        "sotto una CA intermedia",
        "under an intermediate",
        with_leaf(Wanted(below="sent")),
        ACCEPTED,
        "authority",
        when=lambda profile: not _closed(profile),
    ),
    *(Case("certificates", name, it, en, with_leaf(wanted), needs="authority") for name, it, en, wanted in _PATHS),
    Case("certificates", "leaf-weak", "RSA di 1024 bit", "RSA of 1024 bits", _weak, needs="authority"),
    *_of_source("crl"),
    *_of_source("ocsp"),
    Case(
        "revocation",
        "ocsp-unreachable-crl-revoked",
        "OCSP non raggiungibile, revocato per la CRL",
        "OCSP cannot be reached, revoked by the CRL",
        with_leaf(Wanted(ocsp="unreachable", crl="revoked")),
        needs="status",
        when=_asked,
    ),
    Case(
        "revocation",
        "nowhere-to-ask-open",
        "nessun indirizzo: si passa (fail-open)",
        "no address to ask: it passes (fail-open)",
        with_leaf(Wanted()),
        ACCEPTED,
        "status",
        when=_open,
    ),
    Case(
        "revocation",
        "nowhere-to-ask-closed",
        "nessun indirizzo: si rifiuta (fail-closed)",
        "no address to ask: it is refused (fail-closed)",
        with_leaf(Wanted()),
        needs="status",
        when=_closed,
    ),
    Case(
        "x5u",
        "x5u-good",
        "catena dietro x5u",
        "the chain behind x5u",
        _behind("good"),
        ACCEPTED,
        "status",
        when=_by_address,
    ),
    *(Case("x5u", *row, needs="status", when=_by_address) for row in _ADDRESSES),
)
