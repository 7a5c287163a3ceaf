"""App IO: a message, with payment data where there is a pagoPA notice, to a citizen who uses the app."""

import re
from datetime import timedelta
from pathlib import Path

import httpx

from connectors.base import http
from connectors.base.manifest import read_manifest
from contracts.connector import Connector, Limits
from contracts.tls import TlsSettings

from . import config
from .client import AppIo, Services
from .config import Settings
from .feed import SubscriptionsFeed
from .follow_up import Following
from .managing import Managing
from .mapping import KEY_HEADER, Remote, Service
from .remote import Possessing, RemoteContentServer, Serving

_WHILE_A_CITIZEN_WAITS_S = 5.0
"""For each question that a proof needs."""


def connect(settings: Settings, limits: Limits) -> Connector:
    """The connector of an ente's services at IO.

    Raises:
        Misconfigured: an address or a key cannot be used.
    """
    client = http.client(settings.base_url, {}, limits, settings, private_hosts=settings.private_hosts)
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
        trusts_feed=settings.subscriptions_feed,
    )
    feed = SubscriptionsFeed(client, {name: each.key for name, each in io.services.all()}, limits.timeout_s)
    manifest = read_manifest(Path(__file__).parent)
    server, served_by = _remote_content(settings, limits)

    def close() -> None:
        for each in (client, *served_by):
            each.close()

    return Connector(
        manifest,
        io.advance,
        io.check,
        close,
        preview=io.preview,
        follow_up=io.follow_up,
        pull=feed.pull if settings.subscriptions_feed else None,
        answer=server.answer if server.served else None,
        operations=Managing(client, settings, limits.timeout_s).operations() if settings.manage_key else {},
    )


def _remote_content(settings: Settings, limits: Limits) -> tuple[RemoteContentServer, list[httpx.Client]]:
    """What serves the texts and files that stay here, and the clients that it asks with."""
    clients: list[httpx.Client] = []

    def serving(remote: config.RemoteContent | None) -> Serving | None:
        if remote is None:
            return None
        possessing = None if remote.lollipop is None else _possessing(remote.lollipop, settings, limits, clients)
        shown = remote.precondition
        told = None if shown is None else (shown.title, shown.markdown)
        return Serving(remote.header, remote.key.get_secret_value(), possessing, told)

    own = {code: serving(each.remote_content) for code, each in settings.services.items()}
    return RemoteContentServer(serving(settings.remote_content), own), clients


def _possessing(
    lollipop: config.Lollipop, settings: Settings, limits: Limits, clients: list[httpx.Client]
) -> Possessing:
    from .assertions import Assertions, Sources  # lxml and its company, where there is LolliPoP

    key = {KEY_HEADER: lollipop.assertion_key.get_secret_value()}
    nothing = TlsSettings()  # a certificate is for the one who delivers
    inside = settings.private_hosts
    io = http.client(lollipop.assertion_url, key, limits, nothing, private_hosts=inside)
    idp_keys = http.client(lollipop.idp_keys_url, {}, limits, nothing, private_hosts=inside)
    clients += io, idp_keys
    sources = Sources(io, idp_keys, min(limits.timeout_s, _WHILE_A_CITIZEN_WAITS_S))
    assertions = Assertions(sources, timedelta(days=lollipop.longest_session_days))
    return Possessing(
        re.compile(lollipop.original_url),
        frozenset(lollipop.disabled_for),
        lambda possession, call: assertions.check(possession, call.now),
    )


def _service(settings: config.Service, time_to_live: int) -> Service:
    remote, key = settings.remote_content, settings.api_key.get_secret_value()
    told = None
    if remote is not None:
        told = Remote(remote.configuration_id, remote.precondition.when if remote.precondition else "NEVER")
    return Service(time_to_live, settings.organization_tax_code, settings.advanced, told, key)
