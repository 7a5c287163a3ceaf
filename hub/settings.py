"""What the process is told by its environment. Everything an administrator changes lives in the database instead."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from contracts.administration import AdminRole

MiB = 1024 * 1024
_DATABASES = {
    "postgresql+psycopg": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "sqlite": "sqlite",
}
"""How an address begins, and how the driver's does."""
_ENCODED = "in user and password write @ as %40, : as %3A, / as %2F, # as %23, ? as %3F, % as %25"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def internal_address(listen: str, *, everywhere: bool = False) -> tuple[str, int] | None:
    """Host and port; None for "". Raises ValueError where the address is not one of loopback or an internal network,
    nor all of them (`0.0.0.0`) `everywhere`.
    """
    if not listen:
        return None
    host, _, port = listen.rpartition(":")
    number = ipaddress.ip_address(host.strip("[]"))
    if number.is_unspecified and not everywhere:
        raise ValueError(
            "a loopback or internal address, such as 127.0.0.1:9464; all of them only with "
            "RACCORDO_METRICS_EVERYWHERE=true, where no stranger reaches the port, as in a container"
        )
    if number.is_global or number.is_multicast:
        raise ValueError("Un indirizzo interno / a loopback or internal address, such as 127.0.0.1:9464")
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError("Una porta da 0 a 65535 / a port from 0 to 65535, such as 127.0.0.1:9464")
    return str(number), int(port)


def _checked(listen: str, info: ValidationInfo) -> str:
    internal_address(listen, everywhere=bool(info.data.get("metrics_everywhere")))
    return listen


def networks(listed: str) -> tuple[Network, ...]:
    """The networks of a list with commas. Raises ValueError."""
    return tuple(ipaddress.ip_network(each.strip()) for each in listed.split(",") if each.strip())


def _networks(listed: str) -> str:
    try:
        networks(listed)
    except ValueError:
        raise ValueError("addresses or networks with commas between them, such as 127.0.0.1,10.0.0.0/24") from None
    return listed


def _roles(listed: str) -> str:
    unknown = names(listed) - frozenset(get_args(AdminRole))
    if unknown:
        raise ValueError(f"roles with commas between them, of {', '.join(get_args(AdminRole))}")
    return listed


def names(listed: str) -> frozenset[str]:
    """What stands in a list with commas."""
    return frozenset(each.strip() for each in listed.split(",") if each.strip())


def _database(url: str, info: ValidationInfo) -> str:
    if not url:
        return f"sqlite:///{info.data.get('home', Path()) / 'raccordo.db'}"
    kind, found, rest = url.partition("://")
    if kind not in _DATABASES or not found:
        raise ValueError("an address such as postgresql+psycopg://user:password@host/name")
    try:
        host = make_url(f"{_DATABASES[kind]}://{rest}").host or ""
    except (ValueError, ArgumentError):
        raise ValueError(f"it cannot be read, perhaps at its port; {_ENCODED}") from None
    if _DATABASES[kind] != "sqlite" and re.search(r"[@/:#?\s]", host.strip("[]") if "[" in host else host):
        raise ValueError(f"its host cannot be read; {_ENCODED}")
    return f"{_DATABASES[kind]}://{rest}"


class Settings(BaseSettings):
    """Environment variables `RACCORDO_*`."""

    model_config = SettingsConfigDict(env_prefix="RACCORDO_", frozen=True)

    home: Annotated[Path, Field(description="folder with database, keys and files")] = Path(".raccordo")
    database_url: Annotated[
        str,
        AfterValidator(_database),
        Field(
            repr=False,
            validate_default=True,
            description="`postgresql+psycopg://user:password@host/name`; by default a SQLite file in the home",
        ),
    ] = ""
    public_url: Annotated[
        str | None, Field(description="base URL of the first ente, for `raccordo init`; `serve` reads the database")
    ] = None
    body_limit: Annotated[int, Field(ge=1024, description="largest JSON body, in bytes")] = MiB
    batch_limit: Annotated[int, Field(ge=1024, description="largest body of a batch of items, in bytes")] = 8 * MiB
    content_limit: Annotated[int, Field(ge=1024, description="largest file of a document, in bytes")] = 25 * MiB
    calls_per_minute: Annotated[
        int, Field(ge=1, description="calls a vendor or portal may make in a minute, on each process")
    ] = 60_000
    refusals_per_minute: Annotated[
        int, Field(ge=1, description="refused calls from one address in a minute before they are answered 429")
    ] = 300
    streams_per_portal: Annotated[
        int, Field(ge=1, le=900, description="event streams a portal may hold open at once, on each process")
    ] = 300
    trusted_proxies: Annotated[
        str,
        AfterValidator(_networks),
        Field(description="addresses or networks of the proxies in front, whose X-Forwarded-For is believed"),
    ] = "127.0.0.1,::1"
    metrics_everywhere: Annotated[
        bool, Field(description="let `RACCORDO_METRICS_LISTEN` be `0.0.0.0:9464`: only where no stranger reaches it")
    ] = False
    metrics_listen: Annotated[
        str,
        AfterValidator(_checked),
        Field(description="`127.0.0.1:9464`: serve metrics, liveness and readiness there; empty: not at all"),
    ] = ""
    internal_hosts: Annotated[
        str,
        Field(
            description="hosts that certificates (CRL, OCSP) and administrators' connectors may name though their "
            "addresses are private, by commas"
        ),
    ] = ""
    second_factor_roles: Annotated[
        str,
        AfterValidator(_roles),
        Field(description="roles of local administrators that need a second factor to sign in, by commas"),
    ] = ""
    crl_limit: Annotated[
        int, Field(ge=1024, le=256 * MiB, description="largest CRL of a certificate's issuer, in bytes")
    ] = 20 * MiB
    pdnd_events_s: Annotated[
        float,
        Field(ge=0.2, le=300, description="seconds between two looks at PDND's events of keys, in each process"),
    ] = 1.0
    client_cert_header: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9-]*$",
            description="header in which a TLS proxy hands over client certificates (ID_AUTH_CHANNEL_02), such as "
            "`Client-Cert`; empty: none is read",
        ),
    ] = ""
    client_cert_form: Annotated[
        Literal["rfc9440", "nginx"],
        Field(description="its form: RFC 9440, or nginx's `$ssl_client_escaped_cert`"),
    ] = "rfc9440"
    client_cert_proxies: Annotated[
        str,
        AfterValidator(_networks),
        Field(description="addresses or networks of that proxy, by commas; from elsewhere the header is refused"),
    ] = ""
    delivery_threads: Annotated[int, Field(ge=1, le=64, description="deliveries under way at once")] = 8
    dispatch: Annotated[
        Literal["embedded", "workers"],
        Field(description="who delivers: the process that serves, or `raccordo worker`s (with PostgreSQL)"),
    ] = "embedded"
    redis_url: Annotated[
        str,
        Field(
            repr=False,
            pattern=r"^(rediss?://|unix://|$)",
            description="the bell that calls workers; without it they look for themselves",
        ),
    ] = ""
    sweep_s: Annotated[float, Field(gt=0, le=300, description="seconds between two sweeps for what is due")] = 5.0
    stop_grace_s: Annotated[
        float, Field(ge=0, le=600, description="seconds that a stopping process gives to deliveries under way")
    ] = 20.0

    secrets_folder: Annotated[
        Path | None,
        Field(
            description="folder of the secrets that connectors name as `file:NAME`, each ente's in the subfolder of "
            "its code; by default `secrets` in the home"
        ),
    ] = None
    shared_secrets: Annotated[
        str,
        Field(description="secrets that every ente's connectors may name, by commas: `file:NAME`, `env:NAME`"),
    ] = ""
    trial_folder: Annotated[
        Path | None,
        Field(description="folder below which administrators may let connectors of type loopback write; empty: none"),
    ] = None

    hub_key: Annotated[
        SecretStr,
        Field(
            description="the hub's private key in PEM (line ends may be `\\n`) or its `pkcs11:` URI, in the place of "
            "`hub-key.pem`"
        ),
    ] = SecretStr("")
    pkcs11_module: Annotated[
        str, Field(description="the library (.so) of the token or HSM that keys named by `pkcs11:` URIs are in")
    ] = ""
    pkcs11_pin: Annotated[
        str,
        Field(
            pattern=r"^(file:/.+|env:.+|$)",
            description="where that token's PIN is: `file:/path` or `env:NAME`; never the PIN itself",
        ),
    ] = ""

    @model_validator(mode="after")
    def _proxy_is_known(self) -> Self:
        if self.client_cert_header and not self.client_cert_proxies:
            raise ValueError("RACCORDO_CLIENT_CERT_HEADER needs RACCORDO_CLIENT_CERT_PROXIES: who may send it")
        return self

    @property
    def metrics_address(self) -> tuple[str, int] | None:
        return internal_address(self.metrics_listen, everywhere=self.metrics_everywhere)

    @property
    def shared_secret_names(self) -> frozenset[str]:
        return names(self.shared_secrets)

    @property
    def factor_roles(self) -> frozenset[str]:
        return names(self.second_factor_roles)

    @property
    def internal_host_names(self) -> frozenset[str]:
        return names(self.internal_hosts.lower())
