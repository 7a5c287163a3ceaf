"""Keys that would verify and prove nothing, or whose verification takes too long. Integers in, a Refusal out."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import gcd, prod
from typing import Final

from .causes import Refusal

MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 8192
"""A verification at this size costs 0.3 ms, ten times one of 2048 bits."""
MIN_EXPONENT: Final = 65537
MAX_EXPONENT_BITS: Final = 64
"""An exponent as long as a modulus of 2048 bits costs 2.6 ms a verification. OpenSSL refuses them on larger ones."""

_SMALL_PRIMES: Final = tuple(p for p in range(3, 752, 2) if all(p % q for q in range(3, int(p**0.5) + 1, 2)))
_SMALL_FACTORS: Final = prod(_SMALL_PRIMES)
# CVE-2017-15361 (ROCA): primes of some smart cards were powers of 65537 modulo many small primes, and so is their
# product. A sound modulus has that shape by chance once in 2^27 times at most.
_ROCA_PRIMES: Final = _SMALL_PRIMES[:38]


@lru_cache(maxsize=4096)
def check_rsa(n: int, e: int) -> None:
    """Size, exponent and the partial validation of a modulus (NIST SP 800-89 5.3.3).

    Raises:
        Refusal: `key.weak`.
    """
    if not MIN_RSA_BITS <= n.bit_length() <= MAX_RSA_BITS:
        raise Refusal("key.weak", f"RSA of {n.bit_length()} bits; allowed are {MIN_RSA_BITS} to {MAX_RSA_BITS}")
    if e < MIN_EXPONENT or not e % 2 or e.bit_length() > MAX_EXPONENT_BITS:
        raise Refusal("key.weak", f"the RSA exponent is even, below {MIN_EXPONENT} or above {MAX_EXPONENT_BITS} bits")
    if not n % 2 or gcd(n, _SMALL_FACTORS) != 1:
        raise Refusal("key.weak", "the RSA modulus has a small factor")
    if all(n % p in powers for p, powers in _roca_residues().items()):
        raise Refusal("key.weak", "the RSA modulus was made by a faulty smart card (CVE-2017-15361)")


@lru_cache(maxsize=1)
def _roca_residues() -> Mapping[int, frozenset[int]]:
    return {p: frozenset(pow(65537, k, p) for k in range(p)) for p in _ROCA_PRIMES}


@dataclass(frozen=True, slots=True)
class _Edwards:
    """a·x² + y² = 1 + d·x²·y² modulo p (RFC 8032 5.1, 5.2)."""

    p: int
    a: int
    d: int


_P25519: Final = 2**255 - 19
_P448: Final = 2**448 - 2**224 - 1
_CURVES: Final[Mapping[str, _Edwards]] = {
    "Ed25519": _Edwards(_P25519, -1, -121665 * pow(121666, -1, _P25519) % _P25519),
    "Ed448": _Edwards(_P448, 1, -39081),
}


@lru_cache(maxsize=4096)
def check_edwards(encoded: bytes, name: str) -> None:
    """A point in its one encoding, on the curve, and of more than small order.

    OpenSSL takes any bytes. Under a key of small order everybody can sign: with the neutral element, s = 0 and R equal
    to it verify for every message.

    Raises:
        Refusal: `key.weak`, `key.invalid`.
    """
    curve = _CURVES[name]
    p, a, d = curve.p, curve.a, curve.d
    sign_bit = 8 * len(encoded) - 1
    number = int.from_bytes(encoded, "little")
    y = number & ((1 << sign_bit) - 1)
    if y >= p:
        raise Refusal("key.invalid", f"the {name} point is not in its one encoding")
    # Order 1, 2 and 4 are y = 1, -1 and 0. The order 8 of Ed25519: the double has y = 0, so x² = -y², and the curve
    # then says d·y⁴ + 2·y² = 1. (Ed448 has no such points: its cofactor is 4.)
    if y in (0, 1, p - 1) or (name == "Ed25519" and (d * y**4 + 2 * y * y - 1) % p == 0):
        raise Refusal("key.weak", f"the {name} point is of small order: anybody can sign under it")
    x_squared = (1 - y * y) * pow(a - d * y * y, -1, p) % p
    if pow(x_squared, (p - 1) // 2, p) != 1:  # Euler; x = 0 is of small order
        raise Refusal("key.invalid", f"the {name} point is not on the curve")
