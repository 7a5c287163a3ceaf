"""pagoPA over REST: debt positions at GPD as deliveries, receipts by pull, Checkout carts, notices on paper.

Facts and limits: `spec/pagopa.md`. SOAP and reporting flows are another connector's.
"""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx
from pydantic import SecretStr

from connectors.base.http import chosen_client
from connectors.base.manifest import read_manifest
from contracts.connector import Connector, Limits
from contracts.positions import Numbering
from contracts.tls import TlsSettings

from .client import Gpd
from .config import Settings
from .folders import Folders
from .paying import Checkout, Printer
from .positions import Creditor
from .receipts import Receipts

KEY = "Ocp-Apim-Subscription-Key"


def connect(
    settings: Settings,
    limits: Limits,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Connector:
    """The connector of one creditor institution. `now` is for tests."""
    creditor = Creditor(
        settings.organization_tax_code,
        settings.segregation_code,
        settings.company_name,
        settings.office_name,
        settings.pay_stand_in,
    )
    with ExitStack() as made:
        reach = partial(_client, settings, limits, made)
        http = reach(settings.gpd_url, settings.api_key)
        gpd = Gpd(http, creditor, settings.api, limits.timeout_s, settings.bulk, settings.keep_notices)
        checkout = Checkout(reach(settings.checkout_url, settings.checkout_key), limits.timeout_s)
        paper = reach(settings.notices_url, settings.notices_key)
        printer = Printer(paper, settings.notice_template, limits.timeout_s)
        storage = made.enter_context(chosen_client(limits, settings.private_hosts, TlsSettings()))
        receipts = _receipts(settings, limits, now, http, reach)
        close = made.pop_all().close
    return Connector(
        read_manifest(Path(__file__).parent),
        gpd.advance,
        gpd.check,
        close,
        lookup=gpd.lookup,
        preview=gpd.preview,
        pull=None if receipts is None else receipts.pull,
        read=None if receipts is None else receipts.read,
        cart=checkout.cart,
        printed=printer.printed,
        printing=Folders(printer, storage).printing(),
        follow_up=printer.follow_up if settings.keep_notices else None,
        numbering=Numbering(
            settings.organization_tax_code,
            settings.segregation_code,
            settings.first_number,
            settings.company_name or "",
            several_plans=settings.api == "v3",
        ),
    )


def _client(settings: Settings, limits: Limits, made: ExitStack, url: str, key: SecretStr | None) -> httpx.Client:
    """A client of one of the platform's services; public addresses alone, and hosts that the settings list."""
    http = chosen_client(limits, settings.private_hosts, settings)
    made.callback(http.close)
    http.base_url = httpx.URL(url)
    http.headers[KEY] = (key or settings.api_key).get_secret_value()
    return http


def _receipts(
    settings: Settings,
    limits: Limits,
    now: Callable[[], datetime],
    gpd: httpx.Client,
    reach: Callable[[str, SecretStr | None], httpx.Client],
) -> Receipts | None:
    if settings.receipts == "none":
        return None
    service = {
        "gpd": (settings.receipts_url, settings.receipts_key),
        "bizevents": (settings.bizevents_url, settings.bizevents_key),
    }[settings.receipts]
    return Receipts(
        source=settings.receipts,
        gpd=gpd,
        receipts=reach(*service),
        organization=settings.organization_tax_code,
        segregation_code=settings.segregation_code,
        version=settings.api,
        since_days=settings.receipts_since_days,
        overlap_days=settings.receipts_overlap_days,
        timeout_s=limits.timeout_s,
        now=now,
    )
