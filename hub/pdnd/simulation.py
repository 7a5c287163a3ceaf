"""The simulated PDND at work on a loopback port, as the simulated providers of connectors are."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from starlette.types import ASGIApp

from .simulator import Pdnd


class Server(Protocol):
    """Serves an application on loopback."""

    url: str

    def start(self) -> None: ...

    def stop(self) -> None: ...


class PdndSimulation:
    """`start()` gives the settings that point a hub at it. What it knows lives as long as this object.

    `serve` makes the server; the options are those of `Pdnd`. The ledger is `pdnd.jsonl` in `folder`.
    """

    def __init__(self, folder: Path, serve: Callable[[ASGIApp], Server], **options: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.pdnd = Pdnd(folder / "pdnd.jsonl", **options)
        self._server = serve(self.pdnd)

    def start(self) -> Mapping[str, Any]:
        self._server.start()
        url = self.pdnd.base_url = self._server.url
        return {
            "issuer": self.pdnd.issuer,
            "audience": self.pdnd.audience,
            "token_url": f"{url}/token.oauth2",
            "jwks_url": f"{url}/.well-known/jwks.json",
            "keys_url": f"{url}/v3",
            "api_version": "v3",
        }

    def stop(self) -> None:
        self._server.stop()
