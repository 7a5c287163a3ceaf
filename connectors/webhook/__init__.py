"""Tells a system of the municipality what happens to items, so that it can follow the personal area (webhook).

The body is `contracts.following.ItemEvent` (`event.schema.json`), the signatures are those of Standard Webhooks, or the
ModI and PDND patterns, as the settings say.
"""

from pathlib import Path

from connectors.base.http import chosen_client
from connectors.base.manifest import read_manifest
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
    http = chosen_client(limits, settings.private_hosts, settings)
    webhook = Webhook(http, settings, proof, limits.timeout_s)
    manifest = read_manifest(Path(__file__).parent)
    return Connector(manifest, webhook.advance, webhook.check, http.close, preview=webhook.preview)
