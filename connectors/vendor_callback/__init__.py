"""Tells a vendor, at its own address, what became of a batch or of an item (NONBLOCK_PUSH_REST)."""

from collections.abc import Callable
from pathlib import Path

import httpx

from connectors.base.http import chosen_client
from connectors.base.manifest import read_manifest
from contracts.connector import Connector, Limits
from contracts.failures import Misconfigured

from .client import Caller
from .config import Settings

Sign = Callable[[str, str], httpx.Auth]
"""(issuer, audience) -> what signs a request."""


def connect(settings: Settings, limits: Limits, sign: Sign | None = None) -> Connector:
    """The connector of one vendor. Nothing is ever sent unsigned.

    Raises:
        Misconfigured: there is nothing to sign with.
    """
    if sign is None:
        raise Misconfigured("callback.unsigned", "the hub gave no signer")
    http = chosen_client(limits, settings.private_hosts, settings)
    caller = Caller(http, settings, sign, limits.timeout_s)
    manifest = read_manifest(Path(__file__).parent)
    return Connector(manifest, caller.advance, caller.check, http.close, preview=caller.preview)
