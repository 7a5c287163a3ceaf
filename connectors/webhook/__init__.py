"""Tells a system of the municipality what happens to items, so that it can follow the personal area (webhook).

The body is `contracts.following.ItemEvent` (`event.schema.json`), the signatures are those of Standard Webhooks, or the
ModI and PDND patterns, as the settings say.
"""

from functools import partial
from pathlib import Path

from connectors.base.deadline import DeadlineTransport
from connectors.base.http import quiet_client
from connectors.base.manifest import read_manifest
from contracts.addresses import is_public
from contracts.connector import Connector, Limits
from contracts.failures import Misconfigured
from contracts.proving import Proof

from .client import Webhook
from .config import Settings


def connect(settings: Settings, limits: Limits, proof: Proof | None = None) -> Connector:
    """The connector of one receiver. Nothing is ever sent unproved.

    Raises:
        Misconfigured: the settings want a proof, and the hub gave none.
    """
    if settings.proof != "none" and proof is None:
        raise Misconfigured("webhook.unproved", "the hub gave no proof")
    http = quiet_client(limits, DeadlineTransport(allowed=partial(_allowed, settings)))
    webhook = Webhook(http, settings, proof, limits.timeout_s)
    manifest = read_manifest(Path(__file__).parent)
    return Connector(manifest, webhook.advance, webhook.check, http.close, preview=webhook.preview)


def _allowed(settings: Settings, host: str, address: str) -> bool:
    return is_public(address) or settings.may_be_private(host)
