"""Tracking evidence to send: AUDIT_REST_01 and _02 (modi 1.6, 1.7). One JWS for one user, kept and sent again as it is.

An ES256 signature is random: signed again it is another token with another digest (modi 5.5). So it is signed and
hashed once, and that very string is sent.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from secrets import randbelow
from typing import Any, Final, Protocol

import orjson

LIFETIME_S: Final = 600
RENEW_AT: Final = 0.8
_MOST_USERS: Final = 1000
_LEAST_NONCE: Final = 10**12


class Signs(Protocol):
    """The signer of outbound requests."""

    @property
    def clock(self) -> Callable[[], float]: ...

    def token(self, claims: Mapping[str, Any], *, lifetime_s: int = 0, once: bool = True) -> str: ...


@dataclass(frozen=True, slots=True)
class Tracked:
    """The compact JWS to be sent, and the hex SHA-256 of its ASCII bytes."""

    compact: str = field(repr=False)
    digest: str | None
    """None under AUDIT_REST_01: no voucher is tied to it."""
    renew_at: float


class Evidence:
    """Evidence by user. Used from any thread.

    Args:
        purpose_id: of the vouchers it goes with; None under direct trust (modi 1.6).
        correlated: AUDIT_REST_02: with a `dnonce`, and a voucher of its own for each evidence.
    """

    def __init__(
        self,
        signer: Signs,
        *,
        purpose_id: str | None = None,
        correlated: bool = False,
        lifetime_s: int = LIFETIME_S,
    ) -> None:
        if correlated and purpose_id is None:
            raise ValueError("AUDIT_REST_02 needs a purpose at PDND")
        self._signer = signer
        self._purpose_id = purpose_id
        self._correlated = correlated
        self._lifetime_s = lifetime_s
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, Tracked] = OrderedDict()

    def of(self, user: Mapping[str, Any] | None) -> Tracked:
        """What is said of that user (`userID`, `userLocation`, `LoA`, as agreed), signed once as long as it is valid.

        Raises:
            ValueError: nobody is named.
        """
        if not user:
            raise ValueError("tracking evidence needs a user: for_user(...)")
        name = orjson.dumps(dict(user), option=orjson.OPT_SORT_KEYS)
        with self._lock:
            known = self._known.get(name)
            if known is None or self._signer.clock() >= known.renew_at:
                known = self._known[name] = self._signed(user)
            self._known.move_to_end(name)
            if len(self._known) > _MOST_USERS:
                self._known.popitem(last=False)
            return known

    def _signed(self, user: Mapping[str, Any]) -> Tracked:
        claims = dict(user)
        if self._purpose_id is not None:
            claims["purposeId"] = self._purpose_id
        if self._correlated:
            # A JSON number of 13 digits: a leading zero would be lost.
            claims["dnonce"] = _LEAST_NONCE + randbelow(9 * _LEAST_NONCE)
        compact = self._signer.token(claims, lifetime_s=self._lifetime_s)
        digest = sha256(compact.encode("ascii")).hexdigest() if self._correlated else None
        return Tracked(compact, digest, self._signer.clock() + RENEW_AT * self._lifetime_s)
