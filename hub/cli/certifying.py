"""`conformance`: the vendor's CA of a test set-up, the place where it publishes, and the client certificate."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import cast

from contracts.callbacks import CallbackUrl
from hub.conformance.case import channelled
from hub.conformance.client import serving
from hub.conformance.connection import Channel
from hub.conformance.office import Office, Status, Wanted
from hub.profile import Profile
from hub.security.channel import Form, TrustedProxy
from hub.security.keys import KeyType
from hub.security.sign import SigningKey

from .agreed import HOST, door, key_of
from .console import WrongUsage
from .keys import read_authority
from .options import checked


@dataclass(frozen=True, slots=True)
class Certifying:
    """What the options say of certificates."""

    authority: Path | None = None
    """A folder of `keys new --ca`."""
    port: int | None = None
    url: str | None = None
    """How whoever is tried reaches that port."""
    certificate: Path | None = None
    key: Path | None = None
    header: str = ""
    form: Form = "rfc9440"

    @contextmanager
    def office(self, profile: Profile, subject: str) -> Iterator[Office | None]:
        """Until the block ends; None where there is no CA. Raises WrongUsage, Failed."""
        if (self.port is None) is not (self.url is None):
            raise WrongUsage(
                "--status-listen and --status-url go together: where to listen, and how the hub asks there"
            )
        if self.authority is None:
            if self.port is not None:
                raise WrongUsage("--status-listen goes with --authority, whose CRL and OCSP answers it serves")
            yield None
            return
        url = checked(CallbackUrl, self.url, name="--status-url").rstrip("/") if self.url else ""
        if profile.revocation != "off" and not url:
            raise WrongUsage("revocation: --status-listen and --status-url are needed, where the hub asks")
        status: Status = "good" if profile.revocation != "off" else ""
        made = Office(read_authority(self.authority, name="--authority"), subject, url=url, status=status)
        if self.port is None:
            yield made
            return
        with serving(made, door(self.port, name="--status-listen")):
            yield made

    def own(self, key: SigningKey, profile: Profile, office: Office | None) -> SigningKey:
        """The vendor's key with a certificate of its CA, where it is one of a test set-up."""
        if office is None or profile.integrity == "INTEGRITY_REST_02":
            return key
        return office.issue(cast(KeyType, key.alg.lower()), key=key.private)

    def channel(self, profile: Profile, office: Office | None, subject: str) -> Channel | None:
        """None where the profile has none. Raises WrongUsage."""
        if not channelled(profile):
            if self.header or self.certificate:
                raise WrongUsage("--client-cert goes with --profile channel=ID_AUTH_CHANNEL_02")
            return None
        if self.certificate is not None and self.key is not None:
            own = key_of(self.key, self.certificate, None, name="--client-key")
        elif office is not None:
            own = office.issue("es256", Wanted(profile.channel_subject or subject, ocsp=office.status))
        else:
            raise WrongUsage("ID_AUTH_CHANNEL_02 needs --client-cert and --client-key, or --authority")
        return Channel(own, self.header, self.form)

    @property
    def proxy(self) -> TrustedProxy | None:
        """Of a listener: whoever is on this machine is the proxy before it."""
        return TrustedProxy((ip_network(HOST),), self.header.lower(), self.form) if self.header else None
