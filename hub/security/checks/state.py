"""A request on its way through the checks: what was presented, and what is known of it so far."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from hub.profile import DEFAULT_PROFILE, Profile, TimeRules
from hub.registry import Ente, Registry, Vendor

from .. import headers, jose
from ..certificates import Trusted
from ..chains import ChainCache
from ..channel import TrustedProxy
from ..claims import UsedToken
from ..headers import SignedRequest
from ..material import Shelf

AUTHORIZATION: Final = "authorization"
SIGNATURE: Final = "agid-jwt-signature"
AUDIT: Final = "agid-jwt-trackingevidence"
DPOP: Final = "dpop"

TYP: Final = "JWT"
VOUCHER_TYP: Final = "at+jwt"

Use = Literal["once", "if-jti", "named", "again"]
"""Of its jti: must be there and is used up; is used up where it is there; must be there; does not matter."""


@dataclass(slots=True)
class Presented:
    """One token of the request, and what is known of it so far."""

    header: str
    compact: str
    token: jose.Token = None  # type: ignore[assignment]  # set by read_tokens, the first check that needs it follows
    trusted: Trusted | None = None
    key: jose.VerifyingKey = None  # type: ignore[assignment]  # set by find_keys
    holds: bool = False
    """Its signature was checked, by that key, and holds."""
    owner: str | None = None
    """The client that PDND names for the key."""
    times: TimeRules = DEFAULT_PROFILE.times
    use: Use = "once"


@dataclass(slots=True)
class State:
    """A request on its way through the checks."""

    request: SignedRequest
    signed_body: bool
    registry: Registry
    now: datetime
    chains: ChainCache
    shelf: Shelf
    proxy: TrustedProxy | None
    instant: float = field(init=False)
    """`now` in epoch seconds."""
    presented: list[Presented] = field(default_factory=list)
    ente: Ente = None  # type: ignore[assignment]  # set by find_ente
    vendor: Vendor = None  # type: ignore[assignment]  # set by find_vendor
    profile: Profile = DEFAULT_PROFILE
    scheme: headers.Scheme = "bearer"
    voucher: Presented | None = None
    """The Authorization token, where it is a PDND voucher."""
    client_id: str = ""
    """The voucher's."""
    channel: Trusted | None = None
    """The client certificate of the connection (ID_AUTH_CHANNEL_02)."""
    proof: Presented | None = None
    """Of possession (DPoP)."""
    digest: str | None = None
    signed: dict[str, list[str]] = field(default_factory=dict)
    message_id: str = ""
    used_proof: UsedToken | None = None

    def __post_init__(self) -> None:
        self.instant = self.now.timestamp()

    @property
    def must_sign(self) -> bool:
        """By the operation, not by the message: a stripped body strips no obligation, an added body adds one."""
        return self.signed_body or bool(self.request.body)

    def of(self, header: str) -> Presented | None:
        for one in self.presented:
            if one.header == header:
                return one
        return None
