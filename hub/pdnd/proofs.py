"""The DPoP proof as PDND checks it (RFC 9449, modi 2.4)."""

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry

from .assertions import Rejected, holds, read
from .records import Seen

WINDOW_S: Final = 60
_ALGORITHMS: Final = ("RS256", "ES256")
_HEADER: Final = frozenset({"typ", "alg", "jwk"})
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


def check_proof(
    proofs: Sequence[str], *, method: str, url: str, seen: Seen, now: float, voucher: str | None = None
) -> str:
    """The thumbprint of the key that signed the one proof. With `voucher` the proof must be bound to it (`ath`).

    Raises:
        Rejected: for the first thing that is wrong; the jti is used up last.
    """
    if len(proofs) != 1 or "," in proofs[0]:
        raise _rejected("not exactly one proof")
    proof = read(proofs[0])
    if proof is None or not proof.header.keys() <= _HEADER:
        raise _rejected("not a compact JWS with typ, alg and jwk")
    if proof.header.get("typ") != "dpop+jwt":
        raise _rejected("typ is not dpop+jwt")
    alg, jwk = proof.header.get("alg"), proof.header.get("jwk")
    if alg not in _ALGORITHMS:
        raise _rejected("alg is neither RS256 nor ES256")
    if not isinstance(jwk, dict) or _PRIVATE & jwk.keys():
        raise _rejected("jwk is missing or not public")
    if jwk.get("alg") != alg:
        raise _rejected("alg in jwk is not that of the header")
    claims = proof.claims
    if claims.get("htm") != method:
        raise _rejected(f"htm is not {method}")
    if claims.get("htu") != url:
        raise _rejected("htu is not exactly the address of the request")
    iat, jti = claims.get("iat"), claims.get("jti")
    # No tolerance for a clock ahead of the platform's.
    if type(iat) is not int or not iat <= now <= iat + WINDOW_S:
        raise _rejected("iat is not within the last 60 seconds")
    if not isinstance(jti, str) or not jti:
        raise _rejected("jti is missing")
    if voucher is not None and claims.get("ath") != _hash(voucher):
        raise _rejected("ath is not the hash of the voucher")
    if not holds(proof, jwk, (alg,)):
        raise _rejected("the signature does not verify")
    try:
        thumbprint: str = JWKRegistry.import_key(jwk).thumbprint()
    except JoseError:
        raise _rejected("jwk is no key") from None
    if not seen.first(f"dpop {jti}", until=iat + WINDOW_S + 1, now=now):
        raise _rejected("jti was used before")
    return thumbprint


def _hash(voucher: str) -> str:
    return urlsafe_b64encode(sha256(voucher.encode()).digest()).rstrip(b"=").decode()


def _rejected(detail: str) -> Rejected:
    return Rejected("0038", f"DPoP proof: {detail}", "invalid_dpop_proof")
