"""What a client of PDND signs to get vouchers and to use them: client assertion, DPoP proof (modi 2.1, 2.4).

Values in, tokens out. Times lie a little in the past, as PDND allows no clock ahead of its own (modi 2.4, 5.8).
"""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, Protocol
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from . import jose
from .sign import SigningKey

BACKDATED_S: Final = 2
ASSERTION_LIFETIME_S: Final = 60


@dataclass(frozen=True, slots=True)
class Voucher:
    """A voucher as it is held. Times are epoch seconds of this machine."""

    token: str = field(repr=False)
    renew_at: float
    """From then on another one is asked for, while this one is still used."""
    expires_at: float
    proof_key: SigningKey | None = field(default=None, repr=False)
    """The key that it is bound to (`cnf.jkt`); none for a bearer."""

    def headers(self, *, method: str, url: str, now: float) -> dict[str, str]:
        """What authorises one request: with a proof of its own where the voucher is bound. `url` has no query."""
        if self.proof_key is None:
            return {"Authorization": f"Bearer {self.token}"}
        shown = dpop_proof(self.proof_key, method=method, url=url, now=now, voucher=self.token)
        return {"Authorization": f"DPoP {self.token}", "DPoP": shown}


class VoucherUnavailable(Exception):
    """No voucher could be had. `problem` is a stable word for the log, never PDND's own text."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


class VoucherHolder(Protocol):
    """Has the vouchers of one client for one purpose; used from any thread, and may wait for PDND."""

    def voucher(self, digest: str | None = None) -> Voucher:
        """One that is good for now. `digest`: hex SHA-256 of the tracking evidence that it must carry (modi 1.7).

        Raises:
            VoucherUnavailable
        """
        ...

    def refused(self, voucher: Voucher, digest: str | None = None) -> bool:
        """Whoever it was shown to answered 401. Says whether another one may be asked for."""
        ...


def client_assertion(
    key: RSAPrivateKey,
    *,
    kid: str,
    client_id: str,
    audience: str,
    now: float,
    purpose_id: str | None = None,
    digest: str | None = None,
) -> str:
    """RS256 and no claim that PDND does not foresee: its strict mode refuses them (modi 2.1)."""
    issued = int(now) - BACKDATED_S
    claims: dict[str, Any] = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "jti": str(uuid4()),
        "iat": issued,
        "exp": issued + ASSERTION_LIFETIME_S,
    }
    if purpose_id is not None:
        claims["purposeId"] = purpose_id
    if digest is not None:
        claims["digest"] = {"alg": "SHA256", "value": digest}
    return jose.sign(jose.segment({"alg": "RS256", "typ": "JWT", "kid": kid}), claims, key, "RS256")


def dpop_proof(key: SigningKey, *, method: str, url: str, now: float, voucher: str | None = None) -> str:
    """The proof for one request (RFC 9449 4.2); `url` without query and fragment, exactly as it is called."""
    # PDND wants `alg` in the JWK, which RFC 9449 does not ask for; `use` and `kid` say nothing here.
    jwk = {name: value for name, value in key.public_jwk().items() if name not in ("kid", "use")}
    claims = {"htm": method, "htu": url, "iat": int(now) - BACKDATED_S, "jti": str(uuid4())}
    if voucher is not None:
        claims["ath"] = jose.base64url(sha256(voucher.encode("ascii")).digest())
    return jose.sign(jose.segment({"typ": "dpop+jwt", "alg": key.alg, "jwk": jwk}), claims, key.private, key.alg)
