"""Where a vendor is told things at an address of its own, and what it is told (NONBLOCK_PUSH_REST).

Addresses are those of hosts that the municipality registered for the vendor, in a form that every parser reads alike:
no credentials, no literal of version 6, no capital letters in the host, no fragment.
"""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints

from .addresses import LOOPBACK
from .base import Code, Model, UtcDatetime
from .identifiers import ExternalId, Uuid7
from .publishing import Collection, Cursor
from .tls import TlsSettings

_URL = re.compile(
    r"(https?)://([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)(?::([1-9][0-9]{0,4}))?"
    r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?"
)
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[1-9][0-9]{0,4})?")
_DEFAULT_PORTS = {"https": 443, "http": 80}


def place_of(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of a callback's address. Raises ValueError where it is not in the form of one."""
    match = _URL.fullmatch(url)
    if match is None or len(url) > 2000:
        raise ValueError("Deve essere https, con host minuscolo / must be an https address, host in lower case")
    scheme, host, port = match.groups()
    return scheme, host, int(port) if port else _DEFAULT_PORTS[scheme]


def _an_address(url: str) -> str:
    place_of(url)
    return url


def _a_host(name: str) -> str:
    if _HOST.fullmatch(name) is None:
        raise ValueError("Deve essere un host minuscolo, o host:porta / a host in lower case, or host:port, no more")
    return name


def is_listed(host: str, private_hosts: tuple[str, ...]) -> bool:
    """Whether the host was listed as one in our own network, at whatever port."""
    return host in {name.partition(":")[0] for name in private_hosts}


def may_be_plain(host: str, private_hosts: tuple[str, ...]) -> bool:
    """Whether plain http may lead there: to listed loopback hosts alone."""
    return host in LOOPBACK and is_listed(host, private_hosts)


CallbackUrl = Annotated[
    str,
    StringConstraints(min_length=10, max_length=2000),
    AfterValidator(_an_address),
    Field(json_schema_extra={"format": "uri"}),
]
HostName = Annotated[str, StringConstraints(min_length=1, max_length=253), AfterValidator(_a_host)]
"""`host`, for the port of https, or `host:port`."""

# Not strict: a list comes as one, from JSON.
Hosts = Annotated[tuple[HostName, ...], Field(max_length=20, fail_fast=True, strict=False)]
Audience = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class CallbackSettings(TlsSettings):
    """One vendor's address, or the hosts at which it may name one."""

    issuer: Audience
    """L'`iss` di ciò che l'hub manda: l'audience di pubblicazione dell'ente. / The `iss` of what the hub sends: the
    ente's publish audience."""
    audience: Audience | None = None
    """L'`aud` del fornitore, come lo comunica; se manca, l'indirizzo senza la query. / The vendor's own `aud`, as the
    vendor says; by default the address without its query."""
    url: CallbackUrl | None = None
    """L'indirizzo https a cui vanno gli eventi. / The https address that events go to."""
    hosts: Hosts = ()
    """Gli host a cui può portare un `X-ReplyTo`: `host`, o `host:porta`. / Hosts that an `X-ReplyTo` may lead to:
    `host`, or `host:port`."""
    private_hosts: Hosts = ()
    """Gli host che possono stare a un indirizzo privato; http in chiaro solo per quelli di questa macchina. / Hosts
    that may be at a private address; plain http is for those of them on loopback alone."""

    def admits(self, url: str) -> bool:
        """Whether the hub may send there: the address itself, or a registered host."""
        try:
            scheme, host, port = place_of(url)
        except ValueError:
            return False
        if scheme == "http" and not may_be_plain(host, self.private_hosts):
            return False
        names = {f"{host}:{port}"} | ({host} if port == _DEFAULT_PORTS[scheme] else set())
        return url == self.url or bool(names & set(self.hosts))


class VendorEvent(Model):
    """Something that happened to an item of the vendor. `event_id` is the same however often it is told."""

    event_id: Uuid7
    at: UtcDatetime
    item_id: Uuid7
    collection: Collection
    source: Code
    external_id: ExternalId
    event: Code
    data: Annotated[dict[str, Any], Field(default_factory=dict, max_length=20)]


class VendorEvents(Model):
    """A page of events in the order in which they were committed; `next_cursor` is always there, to be kept."""

    items: Annotated[tuple[VendorEvent, ...], Field(max_length=100, fail_fast=True)]
    next_cursor: Cursor
    more: bool
