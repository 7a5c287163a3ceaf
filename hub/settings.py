"""What the process is told by its environment. Everything an administrator changes lives in the database instead."""

import ipaddress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

MiB = 1024 * 1024
_DATABASES = {
    "postgresql+psycopg": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "sqlite": "sqlite",
}
"""How an address begins, and how the driver's does."""


def internal_address(listen: str) -> tuple[str, int] | None:
    """Host and port; None for "". Raises ValueError where the address is not one of loopback or an internal network."""
    if not listen:
        return None
    host, _, port = listen.rpartition(":")
    number = ipaddress.ip_address(host.strip("[]"))
    if number.is_global or number.is_unspecified or number.is_multicast:
        raise ValueError("a loopback or internal address, such as 127.0.0.1:9464")
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError("a port from 0 to 65535, such as 127.0.0.1:9464")
    return str(number), int(port)


def _checked(listen: str) -> str:
    internal_address(listen)
    return listen


def _database(url: str, info: ValidationInfo) -> str:
    if not url:
        return f"sqlite:///{info.data.get('home', Path()) / 'raccordo.db'}"
    kind, found, rest = url.partition("://")
    if kind not in _DATABASES or not found:
        raise ValueError("an address such as postgresql+psycopg://user:password@host/name")
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
    metrics_listen: Annotated[
        str,
        AfterValidator(_checked),
        Field(description="`127.0.0.1:9464`: serve metrics, liveness and readiness there; empty: not at all"),
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

    @property
    def metrics_address(self) -> tuple[str, int] | None:
        return internal_address(self.metrics_listen)
