"""Signatures and keys as attackers write them: in the manner of Project Wycheproof, all made here."""

import hmac
import json
from base64 import urlsafe_b64decode
from functools import lru_cache
from hashlib import sha256
from math import prod
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jws as joserfc_jws
from joserfc.jwk import ECKey, OKPKey, RSAKey
from jwcrypto import jwk as other_jwk
from jwcrypto import jws as other_jws

from hub.security import algorithms, jose, jwk, keys, weak_keys
from hub.security.algorithms import ALGORITHMS, algorithms_of
from hub.security.causes import Refusal
from hub.security.jose import VerifyingKey, base64url, unbase64url

HASHES: dict[str, Any] = {"256": SHA256(), "384": SHA384(), "512": SHA512()}
P25519 = 2**255 - 19
ORDER_25519 = 2**252 + 27742317777372353535851937790883648493
ORDERS = {
    "ES256": (32, ec.SECP256R1().group_order),
    "ES384": (48, ec.SECP384R1().group_order),
    "ES512": (66, ec.SECP521R1().group_order),
}


@lru_cache
def rsa_key() -> Any:
    return keys.new_key("rs256")


@lru_cache
def private(alg: str) -> Any:
    return rsa_key() if alg[0] in "RP" else keys.new_key(alg.lower())  # type: ignore[arg-type]  # one of its literals


def verifying(alg: str, public: Any = None) -> VerifyingKey:
    return VerifyingKey(public or private(alg).public_key(), (alg,), "x")


def token(alg: str, **claims: Any) -> str:
    return jose.sign(jose.segment({"alg": alg, "typ": "JWT"}), {"iss": "a"} | claims, private(alg), alg)


def parts(compact: str) -> tuple[str, bytes]:
    """What was signed, and the signature."""
    signed, _, signature = compact.rpartition(".")
    return signed, unbase64url(signature.encode())


def cause(compact: str, key: VerifyingKey) -> str:
    try:
        jose.verify(jose.parse(compact), key)
    except Refusal as refusal:
        return refusal.code
    return ""


def resigned(alg: str, signature: bytes) -> str:
    """The verdict on a token whose signature was replaced."""
    signed, _ = parts(token(alg))
    return cause(f"{signed}.{base64url(signature)}" if signature else f"{signed}.", verifying(alg))


def refused(make: Any) -> str:
    try:
        make()
    except Refusal as refusal:
        return refusal.code
    return ""


# --- what other libraries make, and make of ours


@pytest.mark.filterwarnings("ignore:EdDSA")  # RFC 9864 has a new name for it, which ModI has not
@pytest.mark.parametrize("alg", ALGORITHMS)
def test_tokens_cross_between_three_libraries(alg: str) -> None:
    key = private(alg)
    pem = keys.private_pem(key)
    header, payload = {"alg": alg, "typ": "JWT"}, b'{"iss":"a"}'
    kind = RSAKey if alg[0] in "RP" else OKPKey if alg == "EdDSA" else ECKey
    named = kind.import_key(pem.decode())
    by_jwcrypto = other_jws.JWS(payload)
    by_jwcrypto.add_signature(other_jwk.JWK.from_pem(pem), None, json.dumps(header), None)
    for compact in (
        joserfc_jws.serialize_compact(header, payload, named, algorithms=[alg]),
        by_jwcrypto.serialize(compact=True),
        pyjwt.api_jws.encode(payload, key, algorithm=alg),
    ):
        assert cause(compact, verifying(alg)) == ""
    ours = token(alg)
    assert joserfc_jws.deserialize_compact(ours, named, algorithms=[alg]).payload == payload
    assert pyjwt.api_jws.decode(ours, key.public_key(), algorithms=[alg]) == payload
    theirs = other_jws.JWS()
    theirs.deserialize(ours, other_jwk.JWK.from_json(json.dumps(jwk.public_jwk(key.public_key(), alg))), alg=alg)
    assert theirs.is_valid


# --- the pin


@pytest.mark.parametrize("alg", [*ALGORITHMS, "none", "None", "HS256", "ES256K", "RS1", "", None, 5, [], ["ES256"], {}])
def test_a_key_verifies_under_no_algorithm_but_its_own(alg: Any) -> None:
    for own in ("RS256", "ES256", "EdDSA"):
        signed = f"{jose.segment({'alg': alg, 'typ': 'JWT'})}.{jose.segment({'iss': 'a'})}"
        forged = f"{signed}.{base64url(ALGORITHMS[own].sign(private(own), signed.encode()))}"
        assert cause(forged, verifying(own)) == ("" if alg == own else "alg.mismatch")


def test_the_public_key_is_no_secret_of_a_mac() -> None:
    pem = private("RS256").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = f"{jose.segment({'alg': 'HS256'})}.{jose.segment({'iss': 'a'})}"
    forged = f"{signed}.{base64url(hmac.digest(pem, signed.encode(), 'sha256'))}"
    assert cause(forged, VerifyingKey(private("RS256").public_key(), algorithms.RSA_ALGORITHMS, "x")) == "alg.mismatch"


def test_only_what_is_said_is_in_the_table() -> None:
    assert set(ALGORITHMS) == {f"{kind}{size}" for kind in ("RS", "PS", "ES") for size in HASHES} | {"EdDSA"}


# --- signatures


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_no_signature_and_signatures_of_nothing(alg: str) -> None:
    _, good = parts(token(alg))
    assert cause(token(alg), verifying(alg)) == ""
    for bad in (
        b"",
        b"\x00",
        b"\x00" * len(good),
        b"\xff" * len(good),
        good[:-1],
        good[1:],
        good + b"\x00",
        b"\x00" + good,
    ):
        assert resigned(alg, bad) == "signature.invalid"


@pytest.mark.parametrize("alg", ORDERS)
def test_ecdsa_numbers_out_of_range(alg: str) -> None:
    size, n = ORDERS[alg]
    signed, good = parts(token(alg))
    r, s = int.from_bytes(good[:size], "big"), int.from_bytes(good[size:], "big")
    wide = 1 << 8 * size
    for a, b in [
        (0, s),
        (r, 0),
        (0, 0),
        (n, s),
        (r, n),
        (n, n),
        (1, 1),
        (n - 1, n - 1),
        (r + n, s),
        (r, s + n),
        (s, r),
    ]:
        if a >= wide or b >= wide:
            continue
        forged = base64url(a.to_bytes(size, "big") + b.to_bytes(size, "big"))
        assert cause(f"{signed}.{forged}", verifying(alg)) == "signature.invalid", (a == r, b == s)


@pytest.mark.parametrize("alg", ORDERS)
def test_ecdsa_in_der_or_padded_or_cut(alg: str) -> None:
    size, _ = ORDERS[alg]
    signed, good = parts(token(alg))
    r, s = int.from_bytes(good[:size], "big"), int.from_bytes(good[size:], "big")
    for bad in (
        encode_dss_signature(r, s),
        b"\x00" + good[:size] + b"\x00" + good[size:],
        good[: size - 1] + good[size:],
        good[:size],
        good + good,
    ):
        assert cause(f"{signed}.{base64url(bad)}", verifying(alg)) == "signature.invalid"


@pytest.mark.parametrize("alg", ORDERS)
def test_ecdsa_with_the_other_s_verifies_as_the_standard_says(alg: str) -> None:
    """FIPS 186-5 and RFC 7518 know no low s; that a request counts once is its jti's business, not the signature's."""
    size, n = ORDERS[alg]
    signed, good = parts(token(alg))
    s = int.from_bytes(good[size:], "big")
    other = good[:size] + (n - s).to_bytes(size, "big")
    assert cause(f"{signed}.{base64url(other)}", verifying(alg)) == ""


def test_ecdsa_of_the_wrong_curve_or_hash() -> None:
    signed, _ = parts(token("ES256"))
    for curve in (ec.SECP256K1(), ec.BrainpoolP256R1()):
        r, s = decode_dss_signature(ec.generate_private_key(curve).sign(signed.encode(), ec.ECDSA(SHA256())))
        forged = base64url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
        assert cause(f"{signed}.{forged}", verifying("ES256")) == "signature.invalid"
    r, s = decode_dss_signature(private("ES256").sign(signed.encode(), ec.ECDSA(SHA384())))
    forged = base64url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    assert cause(f"{signed}.{forged}", verifying("ES256")) == "signature.invalid"


@pytest.mark.parametrize("alg", ["PS256", "PS384", "PS512"])
def test_pss_of_another_salt_hash_or_mask(alg: str) -> None:
    key, own = private(alg), HASHES[alg[2:]]
    signed, _ = parts(token(alg))
    other = SHA384() if alg != "PS384" else SHA256()
    paddings = [
        (PSS(MGF1(own), 0), own),
        (PSS(MGF1(own), own.digest_size - 1), own),
        (PSS(MGF1(own), own.digest_size + 1), own),
        (PSS(MGF1(own), PSS.MAX_LENGTH), own),
        (PSS(MGF1(other), own.digest_size), own),
        (PSS(MGF1(other), other.digest_size), other),
        (PKCS1v15(), own),
    ]
    for padding, hash_ in paddings:
        forged = base64url(key.sign(signed.encode(), padding, hash_))
        assert cause(f"{signed}.{forged}", verifying(alg)) == "signature.invalid"
    right = base64url(key.sign(signed.encode(), PSS(MGF1(own), own.digest_size), own))
    assert cause(f"{signed}.{right}", verifying(alg)) == ""


DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


def _pkcs1(told: bytes, size: int, *, kind: bytes = b"\x01", fill: bytes = b"\xff", short: int = 0) -> bytes:
    filling = fill * (size - len(told) - 3 - short)
    return b"\x00" + kind + filling + b"\x00" + told + b"\x00" * short


@pytest.mark.parametrize(
    "forge",
    [
        lambda digest, size: _pkcs1(digest, size),  # no DigestInfo
        lambda digest, size: _pkcs1(DIGEST_INFO.replace(b"\x05\x00", b"", 1) + digest, size),  # lengths that do not fit
        lambda digest, size: _pkcs1(
            bytes.fromhex("302f300b0609608648016503040201") + b"\x04\x20" + digest, size
        ),  # no NULL
        lambda digest, size: _pkcs1(DIGEST_INFO + digest, size, kind=b"\x02"),  # encryption
        lambda digest, size: _pkcs1(DIGEST_INFO + digest, size, fill=b"\xfe"),
        lambda digest, size: _pkcs1(DIGEST_INFO + digest, size, short=40),  # Bleichenbacher 2006: rubbish behind
        lambda digest, size: _pkcs1(DIGEST_INFO + digest, size, fill=b"\x00"),
        lambda digest, size: _pkcs1(DIGEST_INFO + bytes(32), size),
        lambda digest, size: bytes(size - 1) + b"\x01",
    ],
)
def test_rsa_paddings_that_are_nearly_right(forge: Any) -> None:
    signed, good = parts(token("RS256"))
    numbers = private("RS256").private_numbers()
    size = len(good)

    def sign(padded: bytes) -> str:
        number = pow(int.from_bytes(padded, "big"), numbers.d, numbers.public_numbers.n)
        return f"{signed}.{base64url(number.to_bytes(size, 'big'))}"

    digest = sha256(signed.encode()).digest()
    assert cause(sign(_pkcs1(DIGEST_INFO + digest, size)), verifying("RS256")) == ""
    assert cause(sign(forge(digest, size)), verifying("RS256")) == "signature.invalid"


def test_an_rsa_signature_has_one_spelling() -> None:
    """With the modulus added, or with a leading zero byte more or less, it is the same number."""
    for alg in ("RS256", "PS256"):
        signed, good = parts(token(alg))
        n = private(alg).public_key().public_numbers().n
        number = int.from_bytes(good, "big")
        for other in ((number + n), number):
            longer = other.to_bytes(len(good) + 1, "big")
            assert cause(f"{signed}.{base64url(longer)}", verifying(alg)) == "signature.invalid"
        if number + n < 1 << 8 * len(good):
            raised = (number + n).to_bytes(len(good), "big")
            assert cause(f"{signed}.{base64url(raised)}", verifying(alg)) == "signature.invalid"


def test_a_pss_signature_that_begins_with_zero_is_not_to_be_shortened() -> None:
    signed, key = "e30.e30", private("PS256")
    made = (ALGORITHMS["PS256"].sign(key, signed.encode()) for _ in range(10_000))
    good = next(one for one in made if one[0] == 0)  # about one in 256 is
    ALGORITHMS["PS256"].verify(key.public_key(), good, signed.encode())
    with pytest.raises(algorithms.InvalidSignature):
        ALGORITHMS["PS256"].verify(key.public_key(), good[1:], signed.encode())


def test_ed25519_has_one_signature() -> None:
    signed, good = parts(token("EdDSA"))
    s = int.from_bytes(good[32:], "little")
    for bad in (
        good[:32] + (s + ORDER_25519).to_bytes(32, "little"),  # RFC 8032 5.1.7: s below the order
        good[:32] + bytes(32),
        good[:31] + bytes([good[31] ^ 0x80]) + good[32:],
        bytes(32) + good[32:],
        b"\x01" + bytes(31) + good[32:],
        b"\xff" * 32 + good[32:],
    ):
        assert cause(f"{signed}.{base64url(bad)}", verifying("EdDSA")) == "signature.invalid"


def test_ed448_verifies_too() -> None:
    key = ed448.Ed448PrivateKey.generate()
    compact = jose.sign(jose.segment({"alg": "EdDSA"}), {"iss": "a"}, key, "EdDSA")
    pinned = jwk.jwk_key(json.dumps(jwk.public_jwk(key.public_key())))
    assert cause(compact, pinned) == ""
    signed, good = parts(compact)
    assert cause(f"{signed}.{base64url(good[:64])}", pinned) == "signature.invalid"
    assert cause(f"{signed}.{base64url(bytes(114))}", pinned) == "signature.invalid"


QUICK = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)


@pytest.mark.parametrize("alg", ["RS256", "PS384", "ES256", "ES512", "EdDSA"])
def test_any_flipped_bit_of_a_token_is_refused(alg: str) -> None:
    compact = token(alg, jti="1")

    @QUICK
    @given(at=st.integers(0, 8 * len(compact) - 1))
    def flip(at: int) -> None:
        raw = bytearray(compact.encode())
        raw[at // 8] ^= 1 << at % 8
        assert cause(raw.decode("latin-1"), verifying(alg)) != ""

    flip()


PARSE_REFUSALS = ("", "token.malformed", "token.detached", "token.too_large", "token.duplicate_member")


@QUICK
@given(text=st.text(max_size=400) | st.text('abcXYZ019-_.=+/{}"', max_size=60))
def test_parse_raises_nothing_but_a_refusal(text: str) -> None:
    for candidate in (
        text,
        f"{text}.{text}.{text}",
        f"e30.{text}.",
        f"{base64url(text.encode('utf-8', 'replace'))}.e30.",
    ):
        assert refused(lambda candidate=candidate: jose.parse(candidate)) in PARSE_REFUSALS


# --- keys


def numbers_jwk(n: int, e: int, **more: Any) -> str:
    def encoded(number: int) -> str:
        return base64url(number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big"))

    return json.dumps({"kty": "RSA", "n": encoded(n), "e": encoded(e)} | more)


@lru_cache
def modulus(bits: int = 2048) -> int:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits).public_key().public_numbers().n


_PRIMES = (3, *(p for p in range(5, 168, 2) if all(p % q for q in range(3, int(p**0.5) + 1, 2))))


def roca_modulus() -> int:
    primes = 2 * prod(_PRIMES)
    return pow(65537, 1234567, primes) + primes * ((1 << 2047) // primes + 12345)


def test_a_sound_rsa_key_passes() -> None:
    for bits in (2048, 3072):
        assert refused(lambda bits=bits: jwk.jwk_key(numbers_jwk(modulus(bits), 65537))) == ""
    assert refused(lambda: weak_keys.check_rsa(modulus(), (1 << 32) + 15)) == ""


@pytest.mark.parametrize("e", [0, 1, 2, 3, 17, 65535, 65536, 65538, (1 << 64) + 1, (1 << 2040) + 1])
def test_exponents(e: int) -> None:
    assert refused(lambda: jwk.jwk_key(numbers_jwk(modulus(), e))) in ("key.weak", "key.invalid")
    assert refused(lambda: weak_keys.check_rsa(modulus(), e)) == "key.weak"


@pytest.mark.parametrize(
    ("n", "why"),
    [
        (lambda: modulus(1024), "bits"),
        (lambda: modulus() >> 1 | 1, "bits"),
        (lambda: (1 << 8200) + 1, "bits"),
        (lambda: (1 << 16384) + 1, "bits"),
        (lambda: modulus() & ~1, "small factor"),
        (lambda: modulus() // 3 * 3 | 1 if modulus() // 3 * 3 % 2 else (modulus() // 3 + 1) * 3, "small factor"),
        (lambda: 1 << 2047, "small factor"),
        (roca_modulus, "2017-15361"),
    ],
)
def test_moduli(n: Any, why: str) -> None:
    with pytest.raises(Refusal) as caught:
        weak_keys.check_rsa(n(), 65537)
    assert caught.value.code == "key.weak"
    assert why in caught.value.note
    assert refused(lambda: jwk.jwk_key(numbers_jwk(n(), 65537))) in ("key.weak", "key.invalid")


def test_a_key_of_small_order_signs_everything_and_is_refused() -> None:
    """The neutral element: OpenSSL verifies R = it, s = 0, over any message."""
    neutral = b"\x01" + bytes(31)
    ed25519.Ed25519PublicKey.from_public_bytes(neutral).verify(neutral + bytes(32), b"anything")
    assert refused(lambda: weak_keys.check_edwards(neutral, "Ed25519")) == "key.weak"


def _order_8() -> int:
    """A y of a point of order 8: d·y⁴ + 2·y² = 1, so y² = (-1 ± sqrt(1 + d)) / d."""
    d = -121665 * pow(121666, -1, P25519) % P25519
    root_of_minus_1 = pow(2, (P25519 - 1) // 4, P25519)

    def roots(square: int) -> list[int]:
        candidate = pow(square, (P25519 + 3) // 8, P25519)
        return [r for r in (candidate, candidate * root_of_minus_1 % P25519) if r * r % P25519 == square % P25519]

    (root,) = roots((1 + d) % P25519)
    for sign in (1, -1):
        for y in roots((-1 + sign * root) * pow(d, -1, P25519) % P25519):
            return y
    raise AssertionError


@pytest.mark.parametrize(
    ("y", "wanted"),
    [
        (0, "key.weak"),
        (1, "key.weak"),
        (P25519 - 1, "key.weak"),
        (_order_8(), "key.weak"),
        (P25519 - _order_8(), "key.weak"),
        (P25519, "key.invalid"),  # zero again, in another spelling
        (P25519 + 1, "key.invalid"),
        (2**255 - 1, "key.invalid"),
        (2, "key.invalid"),  # not on the curve
    ],
)
@pytest.mark.parametrize("sign", [0, 1])
def test_points_of_ed25519(y: int, wanted: str, sign: int) -> None:
    encoded = (y | sign << 255).to_bytes(32, "little")
    assert refused(lambda: weak_keys.check_edwards(encoded, "Ed25519")) == wanted
    material = json.dumps({"kty": "OKP", "crv": "Ed25519", "x": base64url(encoded)})
    assert refused(lambda: jwk.jwk_key(material)) == wanted


@pytest.mark.parametrize(
    ("y", "wanted"), [(0, "key.weak"), (1, "key.weak"), (2**448 - 2**224 - 2, "key.weak"), (2**448 - 1, "key.invalid")]
)
def test_points_of_ed448(y: int, wanted: str) -> None:
    assert refused(lambda: weak_keys.check_edwards(y.to_bytes(57, "little"), "Ed448")) == wanted


def test_every_sound_edwards_key_passes() -> None:
    for _ in range(50):
        assert algorithms_of(ed25519.Ed25519PrivateKey.generate()) == ("EdDSA",)
        assert algorithms_of(ed448.Ed448PrivateKey.generate()) == ("EdDSA",)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ec.generate_private_key(ec.SECP224R1()),
        lambda: ec.generate_private_key(ec.SECP256K1()),
        lambda: ec.generate_private_key(ec.BrainpoolP256R1()),
        lambda: dsa.generate_private_key(key_size=2048),
        x25519.X25519PrivateKey.generate,
        lambda: b"secret",
        lambda: None,
    ],
)
def test_keys_of_other_kinds(make: Any) -> None:
    assert refused(lambda: algorithms_of(make())) == "key.invalid"


def _jwk(alg: str, /, **changes: Any) -> str:
    made: dict[str, Any] = jwk.public_jwk(private(alg).public_key(), alg) | changes
    return json.dumps({name: value for name, value in made.items() if value is not ...})


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_jwk_that_names_its_algorithm_verifies_that_one_alone(alg: str) -> None:
    assert jwk.jwk_key(_jwk(alg)).algs == (alg,)
    assert alg in jwk.jwk_key(_jwk(alg, alg=...)).algs
    for other in ("none", "HS256", "RSA-OAEP", "ES256K", 5, None, [alg]):
        assert refused(lambda other=other: jwk.jwk_key(_jwk(alg, alg=other))) == "key.invalid"


def test_an_rsa_key_that_says_es256_is_refused() -> None:
    """modi 5.22: a published example is just that."""
    assert refused(lambda: jwk.jwk_key(_jwk("RS256", alg="ES256"))) == "key.invalid"
    pinned = jwk.jwk_key(_jwk("PS256"))
    signed = f"{jose.segment({'alg': 'RS256'})}.{jose.segment({})}"
    forged = f"{signed}.{base64url(ALGORITHMS['RS256'].sign(private('PS256'), signed.encode()))}"
    assert cause(forged, pinned) == "alg.mismatch"


@pytest.mark.parametrize(
    "changes",
    [
        {"use": "enc"},
        {"use": 5},
        {"key_ops": ["encrypt"]},
        {"key_ops": "verify"},
        {"kty": "oct", "k": "AAAA"},
        {"kty": "OKP"},
        {"kty": None},
        {"kty": ["EC"]},
        {"crv": "P-384"},
        {"crv": "secp256k1"},
        {"crv": None},
        {"crv": ["P-256"]},
        {"x": ...},
        {"y": ...},
        {"x": 5},
        {"x": ""},
        {"x": "é"},
        {"x": "AAAA"},
        {"y": base64url(bytes(32))},
        {"x": base64url(b"\xff" * 32)},
        {"d": base64url(bytes(31) + b"\x01")},
    ],
)
def test_jwks_of_ec_that_are_none(changes: dict[str, Any]) -> None:
    assert refused(lambda: jwk.jwk_key(_jwk("ES256", **changes))) == "key.invalid"


def test_a_coordinate_has_its_full_size() -> None:
    x = json.loads(_jwk("ES256"))["x"]
    raw = urlsafe_b64decode(x + "=")
    assert refused(lambda: jwk.jwk_key(_jwk("ES256", x=base64url(b"\x00" + raw)))) == "key.invalid"
    assert refused(lambda: jwk.jwk_key(_jwk("ES256", x=x + "="))) == "key.invalid"


def test_the_name_of_a_key_does_not_depend_on_its_spelling() -> None:
    n = modulus()
    plain = jwk.jwk_key(numbers_jwk(n, 65537))
    padded = jwk.jwk_key(_with_leading_zero(n))
    assert plain.signer == padded.signer


def _with_leading_zero(n: int) -> str:
    """As some libraries write a modulus whose first bit is set (RFC 7518 6.3.1.1 asks not to)."""
    return json.dumps({"kty": "RSA", "n": base64url(n.to_bytes(257, "big")), "e": "AQAB"})


@QUICK
@given(
    st.dictionaries(
        st.sampled_from(["kty", "crv", "x", "y", "n", "e", "alg", "use", "key_ops", "d", "kid", "x5c"]),
        st.sampled_from(["RSA", "EC", "OKP", "P-256", "P-521", "Ed25519", "X25519", "AQAB", "", "sig", "verify"])
        | st.text("AZaz09-_=", max_size=90)
        | st.none()
        | st.integers()
        | st.lists(st.text(max_size=3), max_size=2),
    )
)
def test_any_jwk_is_a_key_or_a_refusal(members: dict[str, Any]) -> None:
    assert refused(lambda: jwk.jwk_key(json.dumps(members))) in ("", "key.invalid", "key.weak")


def test_the_costliest_key_that_passes_is_bounded() -> None:
    """Cost grows with bits of the modulus, squared, times bits of the exponent: both have a bound, so it has one."""
    assert weak_keys.MAX_RSA_BITS**2 * weak_keys.MAX_EXPONENT_BITS <= 1 << 32
