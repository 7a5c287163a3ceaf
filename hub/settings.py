"""What the process is told by its environment. Everything an administrator changes lives in the database instead."""

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

MiB = 1024 * 1024


class Settings(BaseSettings):
    """Environment variables `RACCORDO_*`."""

    model_config = SettingsConfigDict(env_prefix="RACCORDO_", frozen=True)

    home: Annotated[Path, Field(description="folder with database, keys and files")] = Path(".raccordo")
    public_url: Annotated[
        str | None, Field(description="base URL of the first ente, for `raccordo init`; `serve` reads the database")
    ] = None
    body_limit: Annotated[int, Field(ge=1024, description="largest JSON body, in bytes")] = MiB
    content_limit: Annotated[int, Field(ge=1024, description="largest file of a document, in bytes")] = 25 * MiB
    calls_per_minute: Annotated[
        int, Field(ge=1, description="calls a vendor or portal may make in a minute, on each process")
    ] = 60_000
    refusals_per_minute: Annotated[
        int, Field(ge=1, description="refused calls from one address in a minute before they are answered 429")
    ] = 300
    delivery_threads: Annotated[int, Field(ge=1, le=64, description="deliveries under way at once")] = 8

    @property
    def database_url(self) -> str:
        return f"sqlite:///{self.home / 'raccordo.db'}"
