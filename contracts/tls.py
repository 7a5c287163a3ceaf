"""What a client shows of itself in TLS, and whom it believes: ID_AUTH_CHANNEL_01 and _02 towards others (modi 1.1).

Connectors and the hub's own calls read it here alike. A certificate is looked at when it is configured, so that what
can be known to be wrong is told to a person, and not by a server at night.
"""

import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from secrets import token_urlsafe
from tempfile import NamedTemporaryFile
from typing import Annotated, Final, Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from .base import rfc3339

PEM: Final = Field(json_schema_extra={"contentMediaType": "application/x-pem-file"})
"""What a form shows as a text of several lines."""
Pem = Annotated[str, StringConstraints(min_length=1, max_length=200_000)]
_USES: Final = frozenset({ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE})


class BadCertificate(ValueError):
    """A client certificate that no server would take; the text is for the administrator and tells nothing of a key."""


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate with the chain to be shown after it, and its private key."""

    chain: tuple[x509.Certificate, ...]
    _pem: bytes = field(repr=False)
    _password: str = field(repr=False)

    @classmethod
    def of(cls, chain: Sequence[x509.Certificate], key: PrivateKeyTypes) -> Self:
        """Nothing is looked at: whether it can be used `client_certificate` says."""
        password = token_urlsafe()
        sealed = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password.encode()))
        return cls(tuple(chain), sealed + b"".join(one.public_bytes(Encoding.PEM) for one in chain), password)

    @property
    def ends(self) -> datetime:
        """When the first certificate of the chain ends."""
        return min(one.not_valid_after_utc for one in self.chain)

    def check_dates(self, now: datetime) -> None:
        """Raises BadCertificate where it has ended or has not begun at `now`."""
        if self.ends <= now:
            raise BadCertificate(f"it ended on {rfc3339(self.ends)}")
        begins = max(one.not_valid_before_utc for one in self.chain)
        if now < begins:
            raise BadCertificate(f"it begins on {rfc3339(begins)} only")

    def show_in(self, context: ssl.SSLContext) -> None:
        """Let connections of this context show it to servers that ask."""
        # OpenSSL takes keys from files alone: this one is of no use to whoever finds it.
        with NamedTemporaryFile() as file:
            file.write(self._pem)
            file.flush()
            context.load_cert_chain(file.name, password=self._password)


@lru_cache(maxsize=256)
def client_certificate(pem: str, key_pem: str = "") -> ClientCertificate:
    """The certificate in PEM, its chain after it, and its private key there or apart; the same for the same text.

    Raises:
        BadCertificate: one of them is missing or unreadable, the key is another's, or it is not for clients or TLS.
    """
    try:
        chain = x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        raise BadCertificate("no certificate in PEM") from None
    try:
        key = load_pem_private_key((key_pem or pem).encode(), password=None)
    except TypeError:
        raise BadCertificate("the private key is encrypted; give it without a password") from None
    except (ValueError, UnsupportedAlgorithm):
        raise BadCertificate("no private key in PEM goes with it") from None
    public = key.public_key()
    try:
        theirs = [one.public_key() for one in chain]
    except (ValueError, UnsupportedAlgorithm):
        raise BadCertificate("a certificate's key is of no known kind") from None
    if theirs[0] != public:
        if public in theirs:
            raise BadCertificate("the certificate of the key must come first, those above it after it")
        raise BadCertificate("the private key is not that of the certificate")
    if not _for_clients(chain[0]):
        raise BadCertificate("its extended key usage does not allow TLS clients (clientAuth)")
    made = ClientCertificate.of(chain, key)
    try:
        made.show_in(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    except ssl.SSLError as error:  # a key too short for TLS, or of a kind that is not for signatures
        raise BadCertificate(f"TLS cannot use it: {(error.reason or 'refused').replace('_', ' ').lower()}") from None
    return made


def _for_clients(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    except ValueError:
        raise BadCertificate("its extensions cannot be read") from None
    return bool(_USES & set(usage))


_REFUSALS: Final = re.compile(
    "ALERT_((?:BAD|NO|UNSUPPORTED)_CERTIFICATE|CERTIFICATE_(?:REQUIRED|EXPIRED|REVOKED|UNKNOWN)|UNKNOWN_CA|ACCESS_DENIED)"
)


def refuses_us(error: ssl.SSLError) -> str:
    """The alert by which a server says that it does not take our certificate, or wants one (RFC 8446 6.2); else "".

    Under TLS 1.3 it may come after a request was written, which the server then has not read.
    """
    found = _REFUSALS.search(error.reason or "")
    return found[1].lower() if found else ""


class TlsSettings(BaseModel):
    """How a connector stands for itself in TLS. Without any of it: no certificate, and the public authorities."""

    # Not strict: it is the last of several bases, and what is read beside it may be written as text.
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    client_certificate: Annotated[SecretStr | None, PEM] = None
    """Il certificato client in PEM, seguito da quelli che gli stanno sopra, per i server che lo chiedono
    (ID_AUTH_CHANNEL_02); lo rilascia l'autorità che il fornitore indica. La chiave può stare nello stesso testo. / The
    client certificate in PEM, those above it after it, for servers that ask for one; it is issued by the authority that
    the provider names. Its key may stand in the same text."""
    client_key: Annotated[SecretStr | None, PEM] = None
    """La chiave privata del certificato client in PEM, senza password, se sta a parte. / The private key of the client
    certificate in PEM, without a password, where it stands apart."""
    server_authorities: Annotated[Pem | None, PEM] = None
    """I certificati in PEM delle autorità da cui vengono quelli dei server, al posto delle autorità pubbliche: per un
    server con un certificato privato. / Certificates in PEM of the authorities that the servers' certificates come
    from, in the place of the public ones: for a server with a private certificate."""

    def shown(self) -> ClientCertificate | None:
        """What is shown. Raises BadCertificate."""
        if self.client_certificate is None:
            if self.client_key is not None:
                raise BadCertificate("client_key goes with a client_certificate")
            return None
        key = self.client_key.get_secret_value() if self.client_key is not None else ""
        return client_certificate(self.client_certificate.get_secret_value(), key)

    def authorities(self) -> Sequence[x509.Certificate]:
        """Whom it believes instead of the public authorities; empty: those. Raises BadCertificate."""
        if self.server_authorities is None:
            return ()
        try:
            return x509.load_pem_x509_certificates(self.server_authorities.encode())
        except ValueError:
            raise BadCertificate("server_authorities: no certificates in PEM") from None
