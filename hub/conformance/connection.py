"""How the vendor's client certificate reaches whoever is tried (ID_AUTH_CHANNEL_02; modi 1.1).

With `header` the kit stands in the place of the TLS proxy, from an address that is trusted as such; without, it shows
its certificate in the handshake, and the proxy in front is tried with the hub.
"""

import ssl
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote

import httpx
from cryptography.hazmat.primitives.serialization import Encoding

from contracts.tls import ClientCertificate
from hub.security.channel import CHAIN, Form
from hub.security.sign import SigningKey

Lines = list[tuple[str, str]]


@dataclass(frozen=True)
class Channel:
    """`own` is the vendor's certificate of the connection."""

    own: SigningKey
    header: str = ""
    form: Form = "rfc9440"
    context: Callable[[], ssl.SSLContext] = httpx.create_ssl_context
    """Of connections without a header: what vouches for the server."""
    _clients: dict[str, httpx.Client] = field(default_factory=dict, repr=False)

    def lines(self, shown: SigningKey | None) -> Lines:
        """As the proxy hands it over: empty where there was no certificate, so that nobody's own is left."""
        if not self.header:
            return []
        if shown is None:
            return [(self.header, "")]
        leaf, *above = shown.certificates
        if self.form == "nginx":
            return [(self.header, quote(leaf.public_bytes(Encoding.PEM).decode("ascii")))]
        values = [f":{b64encode(one.public_bytes(Encoding.DER)).decode('ascii')}:" for one in (leaf, *above)]
        return [(self.header, values[0]), *([(CHAIN, ", ".join(values[1:]))] if above else [])]

    def client(self, shown: SigningKey | None, otherwise: httpx.Client) -> httpx.Client:
        """The connections that show this certificate."""
        if self.header:
            return otherwise
        name = (shown.certificate_thumbprint or "") if shown is not None else ""
        if name not in self._clients:
            context = self._with(shown)
            self._clients[name] = httpx.Client(timeout=otherwise.timeout, follow_redirects=False, verify=context)
        return self._clients[name]

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def _with(self, shown: SigningKey | None) -> ssl.SSLContext:
        context = self.context()
        if shown is not None:
            ClientCertificate.of(shown.certificates, shown.private).show_in(context)
        return context
