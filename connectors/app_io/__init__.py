"""App IO: a message, with payment data where there is a pagoPA notice, to a citizen who uses the app."""

from pathlib import Path

from connectors.base import http
from connectors.base.manifest import read_manifest
from contracts.connector import Connector, Limits

from .client import AppIo
from .config import Settings
from .mapping import Service


def connect(settings: Settings, limits: Limits) -> Connector:
    """The connector of one service at IO.

    Raises:
        Misconfigured: the base URL or the key cannot be used.
    """
    key = {"Ocp-Apim-Subscription-Key": settings.api_key.get_secret_value()}
    client = http.client(settings.base_url, key, limits)
    io = AppIo(
        http=client,
        service=Service(settings.time_to_live, settings.organization_tax_code),
        timeout_s=limits.timeout_s,
        status_checks=settings.status_checks,
        status_delay_s=settings.status_delay_s,
    )
    return Connector(read_manifest(Path(__file__).parent), io.advance, io.check, client.close, preview=io.preview)
