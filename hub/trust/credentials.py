"""The private key of a client at PDND: RSA, as client assertions are RS256 alone (modi 2.1)."""

from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from contracts.tls import BadCertificate, ClientCertificate, client_certificate
from hub.security.algorithms import algorithms_of
from hub.security.causes import CAUSES, Refusal
from hub.security.references import Unresolved, content_of
from hub.security.token_keys import SCHEME, TokenProblem, key_in_token

ALGORITHM: Final = "RS256"
_RSA_ALONE: Final = "PDND takes RSA keys alone, as client assertions are RS256"


class UnusableKey(ValueError):
    """Why no assertion can be signed with it; the text is for the administrator and tells nothing of the key."""

    problem = "key_unusable"
    """The stable word for it."""


class UnusableCertificate(UnusableKey):
    """The same of the client certificate that the client's connections show."""

    problem = "certificate_unusable"


def read_key(pem: bytes) -> RSAPrivateKey:
    """A private RSA key in PEM, without a password. Raises UnusableKey."""
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        raise UnusableKey("it is encrypted; PDND clients need a key without a password") from None
    except (ValueError, UnsupportedAlgorithm):
        raise UnusableKey("no private key in PEM") from None
    if not isinstance(key, RSAPrivateKey):
        raise UnusableKey(_RSA_ALONE)
    try:
        algorithms_of(key)
    except Refusal as refusal:
        raise UnusableKey(refusal.note or CAUSES[refusal.code].text) from None
    return key


def read_certificate(pem: str, reference: str = "") -> ClientCertificate:
    """The client certificate in PEM with its chain and its key, here or where the reference leads. Raises
    UnusableCertificate."""
    try:
        return client_certificate(content_of(reference).decode() if reference else pem)
    except UnicodeDecodeError:
        raise UnusableCertificate("it is not text in PEM") from None
    except (BadCertificate, Unresolved) as fault:
        raise UnusableCertificate(str(fault)) from None


def key_of(reference: str) -> RSAPrivateKey:
    """The private key that a reference names; behind `pkcs11:` it stays in its token. Raises UnusableKey."""
    try:
        if not reference.startswith(SCHEME):
            return read_key(content_of(reference))
        key = key_in_token(reference)
    except (Unresolved, TokenProblem) as problem:
        raise UnusableKey(str(problem)) from None
    if not isinstance(key, RSAPrivateKey):
        raise UnusableKey(_RSA_ALONE)
    return key
