"""pagoPA over REST: debt positions at GPD as deliveries, receipts, Checkout carts and printed notices.

Facts and limits: `spec/pagopa.md`. SOAP and reporting flows are another connector's.
"""

from pathlib import Path

from connectors.base.http import client as http_client
from connectors.base.manifest import read_manifest
from contracts.connector import Connector, Limits
from contracts.positions import Numbering

from .client import Gpd
from .config import Settings
from .positions import Creditor

KEY = "Ocp-Apim-Subscription-Key"


def connect(settings: Settings, limits: Limits) -> Connector:
    """The connector of one creditor institution."""
    creditor = Creditor(
        settings.organization_tax_code,
        settings.segregation_code,
        settings.company_name,
        settings.office_name,
        settings.pay_stand_in,
    )
    http = http_client(settings.gpd_url, {KEY: settings.api_key.get_secret_value()}, limits)
    gpd = Gpd(http, creditor, settings.api, limits.timeout_s)
    return Connector(
        read_manifest(Path(__file__).parent),
        gpd.advance,
        gpd.check,
        http.close,
        lookup=gpd.lookup,
        preview=gpd.preview,
        numbering=Numbering(settings.organization_tax_code, settings.segregation_code, settings.first_number),
    )
