"""Private keys that stay in a token (HSM, smart card, SoftHSM): named by a `pkcs11:` URI (RFC 7512), used by PKCS#11.

Which maker's library is loaded and where the PIN is, the process's environment says (`RACCORDO_PKCS11_MODULE`,
`RACCORDO_PKCS11_PIN`): a URI names a key and nothing else, so that it may stand in a log. The keys are those of
`cryptography`'s interface, so that whatever signs knows nothing of tokens.
"""

import os
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, NoReturn, TypeVar
from urllib.parse import unquote_to_bytes

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PSS, AsymmetricPadding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import Hash, HashAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_public_key

from hub.settings import Settings

from .algorithms import ALGORITHMS, algorithms_of
from .causes import Refusal
from .references import Unresolved, content_of

SCHEME: Final = "pkcs11:"
_URI: Final = re.compile(r"pkcs11:([A-Za-z0-9._~:\[\]@!$'()*+,=&%;-]*)")
_OF_TOKEN: Final = ("token", "serial", "manufacturer", "model")
_OF_KEY: Final = ("object", "id")

Result = TypeVar("Result")


class TokenProblem(ValueError):
    """A key in a token cannot be used; the text is for the operator, and tells nothing of PIN and key."""


@dataclass(frozen=True, slots=True)
class KeyUri:
    """Which key of which token (RFC 7512 2.3)."""

    text: str
    token: tuple[tuple[str, bytes], ...]
    """What must hold of the token, as its library tells it."""
    key: tuple[tuple[str, bytes], ...]
    """What must hold of the key: its label (`object`) and its `id`."""

    def __str__(self) -> str:
        return self.text

    @classmethod
    def parse(cls, text: str) -> "KeyUri":
        """Raises TokenProblem, which shows nothing of what it refuses."""
        if (match := _URI.fullmatch(text)) is None:
            # A query is where RFC 7512 lets the PIN and the library stand; both are the environment's affair.
            _refuse("a key is named like pkcs11:token=NAME;object=LABEL, without a query: no PIN, no library")
        found: dict[str, bytes] = {}
        for part in match[1].split(";"):
            name, _, value = part.partition("=")
            if part == "type=private":
                continue
            if name not in (*_OF_TOKEN, *_OF_KEY) or not value or name in found:
                _refuse(f"a pkcs11: URI has each of {', '.join((*_OF_TOKEN, *_OF_KEY))} once at most, and no other")
            found[name] = unquote_to_bytes(value)
        token, key = (tuple((each, found[each]) for each in names if each in found) for names in (_OF_TOKEN, _OF_KEY))
        if not token or not key:
            _refuse("a pkcs11: URI names a token (by token or serial) and its key (by object or id)")
        return cls(text, token, key)


def _refuse(why: str) -> NoReturn:
    raise TokenProblem(why)


@dataclass(slots=True)
class _Tokens:
    """The library, with one session for each token. Calls come one by one: python-pkcs11 initialises it without locks
    of its own."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    sessions: dict[int, Any] = field(default_factory=dict)
    """By slot: whoever logs in twice is refused."""
    keys: dict[KeyUri, tuple[Any, Any]] = field(default_factory=dict)
    """Those used before, with their sessions."""
    stale: bool = False
    """What the library knows is of another time: before a fork, or before the token was taken out."""
    refused_pin: bytes = b""
    """Digest of the PIN that a token refused: after a few more it would lock itself."""

    def use(self, uri: KeyUri, act: Callable[[Any, Any], Result]) -> Result:
        """What `act` makes of the session and the private key. Raises TokenProblem."""
        pkcs11 = _package()
        with self.lock:
            try:
                try:
                    return act(*self._found(pkcs11, uri))
                except (pkcs11.PinIncorrect, pkcs11.PinLocked, pkcs11.MechanismInvalid):
                    raise
                except pkcs11.PKCS11Error:
                    # The token was put in again, the network to it broke: a signature can be asked for once more.
                    self._forget()
                    return act(*self._found(pkcs11, uri))
            except pkcs11.PKCS11Error as error:
                self._forget()
                raise TokenProblem(f"{uri}: the token says {type(error).__name__}") from None
            except TokenProblem:
                self._forget()  # what is missing may be there when the library looks again
                raise

    def _forget(self) -> None:
        self.sessions, self.keys, self.stale = {}, {}, True

    def _found(self, pkcs11: Any, uri: KeyUri) -> tuple[Any, Any]:
        if uri not in self.keys:
            self.keys[uri] = self._looked_for(pkcs11, uri)
        return self.keys[uri]

    def _looked_for(self, pkcs11: Any, uri: KeyUri) -> tuple[Any, Any]:
        module = Settings().pkcs11_module
        if not module:
            _refuse("RACCORDO_PKCS11_MODULE names no library, such as /usr/lib/softhsm/libsofthsm2.so")
        try:
            library = pkcs11.lib(module)
        except (RuntimeError, OSError):
            raise TokenProblem(f"RACCORDO_PKCS11_MODULE: {module} cannot be loaded") from None
        if self.stale:
            library.reinitialize()
            self.stale = False
        token = self._token(pkcs11, library, uri)
        slot = token.slot.slot_id
        if slot not in self.sessions:
            self.sessions[slot] = self._open(pkcs11, token, uri)
        session = self.sessions[slot]
        wanted = {"object": pkcs11.Attribute.LABEL, "id": pkcs11.Attribute.ID}
        told = {wanted[name]: value.decode() if name == "object" else value for name, value in uri.key}
        found = list(session.get_objects({pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY, **told}))
        if len(found) != 1:
            _refuse(f"{uri}: {'several private keys are' if found else 'no private key is'} called so in the token")
        return session, found[0]

    def _token(self, pkcs11: Any, library: Any, uri: KeyUri) -> Any:
        found = []
        for slot in library.get_slots(token_present=True):
            try:
                token = slot.get_token()
            except (pkcs11.TokenNotPresent, pkcs11.TokenNotRecognised):
                continue
            has = {
                "token": token.label.encode(),
                "serial": token.serial.strip(),
                "manufacturer": token.manufacturer_id.encode(),
                "model": token.model.encode(),
            }
            if all(has[name] == value for name, value in uri.token):
                found.append(token)
        if len(found) != 1:
            _refuse(f"{uri}: {'several tokens are' if found else 'no token is'} called so")
        return found[0]

    def _open(self, pkcs11: Any, token: Any, uri: KeyUri) -> Any:
        try:
            pin = content_of(Settings().pkcs11_pin).decode().rstrip("\r\n")
        except (Unresolved, UnicodeDecodeError) as fault:
            raise TokenProblem(f"RACCORDO_PKCS11_PIN: {fault}") from None
        digest = sha256(pin.encode()).digest()
        if digest == self.refused_pin:
            _refuse(f"{uri}: the token refused the PIN that RACCORDO_PKCS11_PIN names; it is not tried again")
        try:
            return token.open(user_pin=pin)
        except (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange):
            self.refused_pin = digest
            raise


_tokens = _Tokens()


def _after_fork() -> None:
    """A lock may have been held by a thread that is not here, and sessions are those of the parent."""
    global _tokens
    _tokens = _Tokens(stale=_tokens.stale or bool(_tokens.sessions), refused_pin=_tokens.refused_pin)


os.register_at_fork(after_in_child=_after_fork)


def _package() -> Any:
    try:
        import pkcs11  # an optional extra
    except ImportError:
        raise TokenProblem("keys in tokens need the extra `raccordo[pkcs11]` (python-pkcs11)") from None
    return pkcs11


class _InToken:
    """What both kinds have: where they are, and that nothing of them comes out."""

    def __init__(self, uri: KeyUri, public: Any) -> None:
        self.uri = uri
        self._public = public

    def public_key(self) -> Any:
        return self._public

    @property
    def key_size(self) -> int:
        return int(self._public.key_size)

    def private_numbers(self) -> NoReturn:
        raise TokenProblem(f"{self.uri}: the key does not leave its token")

    def private_bytes(self, *_: Any, **__: Any) -> NoReturn:
        self.private_numbers()

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, _memo: Any) -> Any:
        return self

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.uri})"


class RsaInToken(_InToken, rsa.RSAPrivateKey):
    """An RSA key that signs by PKCS #1 v1.5 and PSS."""

    def sign(self, data: Any, padding: AsymmetricPadding, algorithm: Any) -> bytes:
        pkcs11 = _package()
        name = algorithm.name.upper()
        if isinstance(padding, PSS):
            hash_, mask = getattr(pkcs11.Mechanism, name), getattr(pkcs11.MGF, name)
            mechanism = getattr(pkcs11.Mechanism, f"{name}_RSA_PKCS_PSS")
            how = {"mechanism": mechanism, "mechanism_param": (hash_, mask, algorithm.digest_size)}
        else:
            how = {"mechanism": getattr(pkcs11.Mechanism, f"{name}_RSA_PKCS")}
        return _tokens.use(self.uri, lambda _, key: bytes(key.sign(bytes(data), **how)))

    def decrypt(self, ciphertext: Any, padding: AsymmetricPadding) -> NoReturn:
        self.private_numbers()


class EcInToken(_InToken, ec.EllipticCurvePrivateKey):
    """A key on a NIST curve that signs by ECDSA."""

    _public: ec.EllipticCurvePublicKey

    @property
    def curve(self) -> ec.EllipticCurve:
        return self._public.curve

    def sign(self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        assert isinstance(signature_algorithm.algorithm, HashAlgorithm)
        hashing = Hash(signature_algorithm.algorithm)
        hashing.update(data)
        digest, mechanism = hashing.finalize(), _package().Mechanism.ECDSA
        raw = _tokens.use(self.uri, lambda _, key: bytes(key.sign(digest, mechanism=mechanism)))
        half = len(raw) // 2
        return encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))

    def exchange(self, algorithm: ec.ECDH, peer_public_key: ec.EllipticCurvePublicKey) -> NoReturn:
        self.private_numbers()


@lru_cache(maxsize=64)
def key_in_token(text: str) -> RsaInToken | EcInToken:
    """The key of that URI, once it has signed something that its public half verifies.

    Raises:
        TokenProblem: there is no such token or key, the PIN is refused, the library is missing, or the key cannot sign.
    """
    uri = KeyUri.parse(text)
    public = _tokens.use(uri, _public)
    key = RsaInToken(uri, public) if isinstance(public, rsa.RSAPublicKey) else EcInToken(uri, public)
    try:
        alg = ALGORITHMS[algorithms_of(key)[0]]
        alg.verify(public, alg.sign(key, b"raccordo"), b"raccordo")
    except Refusal as refusal:
        raise TokenProblem(f"{uri}: {refusal.note or 'the key is too weak'}") from None
    except InvalidSignature:
        raise TokenProblem(f"{uri}: what the key signs its public half does not verify") from None
    return key


def _public(session: Any, key: Any) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey:
    pkcs11 = _package()
    attribute = pkcs11.Attribute
    if key.key_type == pkcs11.KeyType.RSA:
        e, n = (int.from_bytes(key[each], "big") for each in (attribute.PUBLIC_EXPONENT, attribute.MODULUS))
        return rsa.RSAPublicNumbers(e, n).public_key()
    if key.key_type != pkcs11.KeyType.EC:
        _refuse("the key in the token is neither RSA nor on a NIST curve")
    same = {attribute.ID: key.id} if key.id else {attribute.LABEL: key.label}
    found = list(session.get_objects({attribute.CLASS: pkcs11.ObjectClass.PUBLIC_KEY, **same}))
    if len(found) != 1:
        _refuse("the public half of the key must be in the token too, under the same id")
    public = load_der_public_key(pkcs11.util.ec.encode_ec_public_key(found[0]))
    assert isinstance(public, ec.EllipticCurvePublicKey)
    return public
