"""App IO: a message, with payment data where there is a pagoPA notice, to a citizen who uses the app."""

from pathlib import Path

from connectors.base import http
from connectors.base.manifest import read_manifest
from contracts.connector import Connector, Limits

from . import config
from .client import AppIo, Services
from .config import Settings
from .follow_up import Following
from .mapping import Remote, Service


def connect(settings: Settings, limits: Limits) -> Connector:
    """The connector of an ente's services at IO.

    Raises:
        Misconfigured: an address or a key cannot be used.
    """
    client = http.client(settings.base_url, {}, limits)
    io = AppIo(
        http=client,
        services=Services(
            _service(settings, settings.time_to_live),
            {code: _service(own, settings.time_to_live) for code, own in settings.services.items()},
        ),
        timeout_s=limits.timeout_s,
        status_checks=settings.status_checks,
        status_delay_s=settings.status_delay_s,
        following=Following(settings.follow_up_days, settings.follow_up_delay_s),
    )
    manifest = read_manifest(Path(__file__).parent)
    return Connector(manifest, io.advance, io.check, client.close, preview=io.preview, follow_up=io.follow_up)


def _service(settings: config.Service, time_to_live: int) -> Service:
    remote, key = settings.remote_content, settings.api_key.get_secret_value()
    told = None
    if remote is not None:
        told = Remote(remote.configuration_id, remote.precondition.when if remote.precondition else "NEVER")
    return Service(time_to_live, settings.organization_tax_code, settings.advanced, told, key)
