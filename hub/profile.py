"""How a vendor proves who it is: the ModI and PDND patterns it uses, with their limits, as one plain value.

The defaults are what a vendor gets that nobody configured: ID_AUTH_REST_02 with INTEGRITY_REST_01, GovWay's tolerances
(modi 6). `faults` says which settings cannot go together; what it lets through, the checks can carry out.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from contracts.faults import Bilingual, bilingual

Channel = Literal["ID_AUTH_CHANNEL_01", "ID_AUTH_CHANNEL_02"]
Authentication = Literal["ID_AUTH_REST_01", "ID_AUTH_REST_02", "voucher"]
Integrity = Literal["INTEGRITY_REST_01", "INTEGRITY_REST_02"]
Audit = Literal["none", "AUDIT_REST_01", "AUDIT_REST_02"]
Dpop = Literal["never", "allowed", "required"]
Revocation = Literal["off", "fail-open", "fail-closed"]
Jti = Literal["required", "if-present"]

ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512"),
    *("PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512"),
    "EdDSA",
)
"""What a vendor may be allowed. Never `none`, never a MAC (modi 1.0)."""

MESSAGE_ID_HEADER: Final = "message-id"


class TimeRules(NamedTuple):
    """How much a token's times may differ from ours, in seconds."""

    max_age: int
    future: int
    grace: int
    lifetime: int


@dataclass(frozen=True, slots=True)
class Profile:
    """The patterns of one vendor. Its hash is kept, as checks are compiled once for each profile."""

    channel: Channel = "ID_AUTH_CHANNEL_01"
    channel_subject: str = ""
    """CN or organizationIdentifier of its client certificates under an anchor; empty: the vendor's subject."""
    authentication: Authentication = "ID_AUTH_REST_02"
    integrity: Integrity = "INTEGRITY_REST_01"
    jti: Jti = "required"
    """Whether `Agid-JWT-Signature` must carry one; one that is there is always used up (modi 1.4)."""
    audit: Audit = "none"
    audit_claims: tuple[str, ...] = ("userID", "userLocation")
    """What the vendor must say of its user, in the letters agreed (modi 1.6)."""
    dpop: Dpop = "never"
    algorithms: frozenset[str] = frozenset({"RS256", "ES256"})
    max_age: int = 300
    future: int = 5
    grace: int = 0
    lifetime: int = 300
    """Seconds, of tokens made for a request."""
    reuse: int = 3600
    """Seconds: longest life of what is meant to be sent again, vouchers and tracking evidence."""
    proof_age: int = 60
    """Seconds that a DPoP proof holds (modi 2.4)."""
    revocation: Revocation = "off"
    x5u_hosts: frozenset[str] = frozenset()
    """`host` or `host:port`, in lower case, from which certificates may be fetched."""
    clients: frozenset[str] = frozenset()
    """Its client ids at PDND."""
    purposes: frozenset[str] = frozenset()
    """The purposes at PDND under which it may publish."""
    max_receipts: int = 0
    """PROFILE_NON_REPUDIATION_01: how often one message may arrive; 0 where the profile is not agreed."""
    message_id: str = f"header:{MESSAGE_ID_HEADER}"
    """Where the message id travels, always signed: `header:<name>` or `claim:<name>`."""
    times: TimeRules = field(init=False, compare=False, repr=False)
    reused: TimeRules = field(init=False, compare=False, repr=False)
    proof: TimeRules = field(init=False, compare=False, repr=False)
    _hash: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        values = tuple(getattr(self, name) for name in _COMPARED)
        for name, value in {
            "times": TimeRules(self.max_age, self.future, self.grace, self.lifetime),
            "reused": TimeRules(self.reuse, self.future, self.grace, self.reuse),
            "proof": TimeRules(self.proof_age, self.future, 0, self.proof_age),
            "_hash": hash(values),
        }.items():
            object.__setattr__(self, name, value)

    def __hash__(self) -> int:
        return self._hash


_COMPARED: Final = tuple(name for name, one in Profile.__dataclass_fields__.items() if one.compare)
DEFAULT_PROFILE: Final = Profile()

LIMITS: Final = {
    "max_age": (1, 3600),
    "future": (0, 300),
    "grace": (0, 300),
    "lifetime": (1, 3600),
    "reuse": (60, 86_400),
    "proof_age": (1, 300),
    "max_receipts": (0, 100),
}
"""The most that may be configured: beyond it a tolerance is a hole, and the replay store grows without need."""


def defaults_of(trust: str) -> Profile:
    """What a vendor of that trust has unless told otherwise."""
    if trust == "pdnd":
        return Profile(authentication="voucher", integrity="INTEGRITY_REST_02")
    return DEFAULT_PROFILE


def faults(
    profile: Profile, *, trust: str, signature_only: bool, channel_keys: bool
) -> Iterator[tuple[str, Bilingual]]:
    """Every reason why the settings cannot go together, each after the setting it concerns. `channel_keys`: a
    certificate or anchor of the vendor's channel is registered."""
    vouchers = profile.authentication == "voucher"
    for name, (least, most) in LIMITS.items():
        if not least <= getattr(profile, name) <= most:
            yield name, bilingual(f"Da {least} a {most}", f"from {least} to {most}")
    for name, wrong, text in (
        ("algorithms", not profile.algorithms, bilingual("Almeno uno", "at least one")),
        ("algorithms", not profile.algorithms <= set(ALGORITHMS), _ONLY),
        (
            "trust",
            trust == "pdnd" and not vouchers,
            bilingual("pdnd richiede authentication=voucher", "pdnd needs authentication=voucher"),
        ),
        ("integrity", (profile.integrity == "INTEGRITY_REST_02") is not (trust == "pdnd"), _KEYS_OF_INTEGRITY),
        ("clients", vouchers and not profile.clients, _CLIENTS),
        ("purposes", vouchers and not profile.purposes, _PURPOSES),
        ("clients", bool(profile.clients) and not vouchers, _VOUCHERS),
        ("purposes", bool(profile.purposes) and not vouchers, _VOUCHERS),
        ("audit", profile.audit == "AUDIT_REST_02" and not vouchers, _AUDIT),
        (
            "audit_claims",
            profile.audit != "none" and not profile.audit_claims,
            bilingual("Almeno uno, o audit=none", "at least one, or audit=none"),
        ),
        ("dpop", profile.dpop != "never" and not vouchers, _PROOF),
        ("signature_only", signature_only and vouchers, _AUTHORIZATION),
        (
            "signature_only",
            signature_only and profile.jti == "if-present",
            bilingual("Richiede jti=required", "needs jti=required"),
        ),
        ("jti", profile.jti == "if-present" and profile.authentication == "ID_AUTH_REST_02", _JTI_ALWAYS),
        ("max_receipts", bool(profile.max_receipts) and profile.authentication != "ID_AUTH_REST_02", _NON_REPUDIATION),
        ("max_receipts", profile.max_receipts == 1, _ONE_RECEIPT),
        ("channel", profile.channel == "ID_AUTH_CHANNEL_02" and not channel_keys, _CHANNEL_KEYS),
        ("revocation", profile.revocation != "off" and trust != "x509" and not channel_keys, _CERTIFICATES),
        ("x5u_hosts", bool(profile.x5u_hosts) and trust != "x509", _CERTIFICATES),
        ("message_id", not _is_place(profile.message_id), _PLACE),
    ):
        if wrong:
            yield name, text


_ONLY: Final = bilingual(f"Solo {', '.join(ALGORITHMS)}", f"only {', '.join(ALGORITHMS)}")
_CLIENTS: Final = bilingual(
    "authentication=voucher richiede i client PDND del fornitore",
    "authentication=voucher needs the vendor's client ids at PDND",
)
_PURPOSES: Final = bilingual(
    "authentication=voucher richiede le finalità ammesse", "authentication=voucher needs the purposes allowed"
)
_VOUCHERS: Final = bilingual("Solo con authentication=voucher", "only with authentication=voucher")
_AUDIT: Final = bilingual("AUDIT_REST_02 richiede authentication=voucher", "AUDIT_REST_02 needs authentication=voucher")
_PROOF: Final = bilingual(
    "Una prova (DPoP) è legata a un voucher: authentication=voucher",
    "a proof is bound to a voucher: authentication=voucher",
)
_AUTHORIZATION: Final = bilingual("Un voucher viaggia in Authorization", "a voucher travels in Authorization")
_ONE_RECEIPT: Final = bilingual(
    "1 rifiuterebbe ogni ritrasmissione; 0 disattiva il profilo",
    "1 would refuse every retransmission; 0 switches the profile off",
)
_PLACE: Final = bilingual(
    "header:<nome in minuscolo> oppure claim:<nome>", "header:<name in lower case> or claim:<name>"
)
_KEYS_OF_INTEGRITY: Final = bilingual(
    "INTEGRITY_REST_02 va con --trust pdnd, INTEGRITY_REST_01 con x509 e jwk",
    "INTEGRITY_REST_02 goes with --trust pdnd, INTEGRITY_REST_01 with x509 and jwk",
)
_JTI_ALWAYS: Final = bilingual(
    "if-present va con ID_AUTH_REST_01 o con i voucher: ID_AUTH_REST_02 è l'unicità",
    "if-present goes with ID_AUTH_REST_01 or vouchers: ID_AUTH_REST_02 is uniqueness",
)
_NON_REPUDIATION: Final = bilingual(
    "PROFILE_NON_REPUDIATION_01 è ID_AUTH_REST_02 con INTEGRITY_REST_01 (modi 1.8)",
    "PROFILE_NON_REPUDIATION_01 is ID_AUTH_REST_02 with INTEGRITY_REST_01 (modi 1.8)",
)
_CHANNEL_KEYS: Final = bilingual(
    "ID_AUTH_CHANNEL_02 richiede --channel-anchor o --channel-thumbprint",
    "ID_AUTH_CHANNEL_02 needs --channel-anchor or --channel-thumbprint",
)
_CERTIFICATES: Final = bilingual("Solo per un fornitore con certificati", "only for a vendor with certificates")
_TAKEN: Final = frozenset({"authorization", "agid-jwt-signature", "agid-jwt-trackingevidence", "dpop", "digest"})


def _is_place(text: str) -> bool:
    kind, _, name = text.partition(":")
    plain = name.isascii() and name.replace("-", "").replace("_", "").isalnum() and len(name) <= 64
    if kind == "header":
        return plain and name == name.lower() and name not in _TAKEN
    return kind == "claim" and plain and name not in {"iss", "aud", "iat", "nbf", "exp", "jti", "signed_headers"}
