"""`conformance --listen`: a hub that tries a vendor's client."""

import shlex
import socket
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from hub.conformance.client import by_hand, by_running, serving
from hub.conformance.listener import ENTE, Listener
from hub.conformance.report import Report
from hub.conformance.scenarios import Scenario
from hub.profile import DEFAULT_PROFILE
from hub.registry import Key, KeyKind, TrustKind, Vendor
from hub.security.algorithms import ALGORITHMS

from .console import Failed, WrongUsage, say
from .trust_material import read_material


def try_client(
    port: int,
    *,
    iss: str,
    aud: str | None,
    jwks: Path | None,
    anchor: Path | None,
    command: str | None,
    only: str,
    within_s: float,
    trust: str | None = None,
    profile: list[str] | None = None,
    pdnd_listen: int | None = None,
    callback_url: str = "",
) -> Report:
    """Serve until every scenario was seen. `{url}` in the command is where."""
    listener = Listener(vendor=_vendor(iss, jwks, anchor), audience=aud or f"http://127.0.0.1:{port}/publish/v1")
    try:
        door = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise Failed(f"--listen {port}: {error.strerror or error}") from None
    try:
        with serving(listener, door) as url:
            if command is None:
                say(f"in ascolto su / listening on {url}")
                return by_hand(listener, only, _ask)
            return by_running(listener, _split(command, url), only, within_s=within_s)
    except FileNotFoundError as error:
        raise WrongUsage(f"--run: there is no {error.filename}") from None
    except PermissionError as error:
        raise WrongUsage(f"--run: {error.filename} may not be run") from None


def _split(command: str, url: str) -> list[str]:
    try:
        parts = shlex.split(command)
    except ValueError as error:
        raise WrongUsage(f"--run: {error}") from None
    if not parts:
        raise WrongUsage("--run: no command")
    return [part.replace("{url}", url) for part in parts]


def _vendor(iss: str, jwks: Path | None, anchor: Path | None) -> Vendor:
    if (jwks is None) is (anchor is None):
        raise WrongUsage("--listen needs --jwks or --anchor: what the municipality would register")
    trust: TrustKind = "jwk" if jwks is not None else "x509"
    found = read_material(
        trust,
        anchor=anchor,
        public_anchor=None,
        thumbprints=None,
        certificates=None,
        jwks=jwks,
        channel_anchor=None,
        channel_thumbprints=None,
        now=datetime.now(UTC),
    )
    keys = tuple(Key(str(n), cast(KeyKind, one.kind), one.material, one.kid) for n, one in enumerate(found))
    profile = replace(DEFAULT_PROFILE, algorithms=frozenset(ALGORITHMS))
    return Vendor(ENTE, iss, iss, trust, True, keys, iss, profile=profile)


def _ask(scenario: Scenario) -> None:
    say(f"{scenario.group}/{scenario.name}: inviate un messaggio / send a message ({scenario.it} / {scenario.en})")
