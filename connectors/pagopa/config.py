"""The settings of the pagoPA connector. One connector is one creditor institution (its tax code) at pagoPA."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from connectors.base.keys import Key
from contracts.base import LINE, HttpsUrl
from contracts.callbacks import Hosts
from contracts.following import Listed
from contracts.identifiers import FirstNumber, OrganizationTaxCode, SegregationCode
from contracts.inbound import SourceSettings
from contracts.tls import TlsSettings

PLATFORM = "https://api.platform.pagopa.it"

PrivateHosts = Annotated[Hosts, Listed]


class Settings(SourceSettings, TlsSettings):
    """How to reach pagoPA's services, as whom, and which notice numbers are ours."""

    organization_tax_code: Annotated[
        OrganizationTaxCode, Field(description="The creditor institution; payments of other creditors are refused")
    ]
    company_name: Annotated[
        Annotated[str, StringConstraints(min_length=1, max_length=140), LINE] | None,
        Field(description="The creditor's name on notices; by default the ente's"),
    ] = None
    office_name: Annotated[str, StringConstraints(min_length=1, max_length=140), LINE] | None = None
    segregation_code: Annotated[
        SegregationCode, Field(description="Of the notice numbers that the hub gives (aux digit 3)")
    ]
    first_number: Annotated[
        FirstNumber, Field(description="Where the hub begins: above all numbers used there before it")
    ] = 1
    api: Annotated[
        Literal["v1", "v3"],
        Field(description="v1: one plan of instalments at most; v3: several, and it shows the debtor, who is compared"),
    ] = "v1"
    bulk: Annotated[
        int,
        Field(
            ge=1,
            le=100,
            description="Most positions in one request (GPD v2), of deliveries under way at once; 1: each by itself",
        ),
    ] = 1
    pay_stand_in: Annotated[bool, Field(description="Whether it may be paid while the platform stands in")] = True
    private_hosts: Annotated[PrivateHosts, Field(description="Hosts that may be at a private address")] = ()
    gpd_url: HttpsUrl = f"{PLATFORM}/gpd/debt-positions-service"
    api_key: Annotated[Key, Field(description="Ocp-Apim-Subscription-Key of the debt positions")]
    receipts: Annotated[
        Literal["none", "gpd", "bizevents"],
        Field(description="Which service receipts are fetched from; bizevents reads them one by one from GPD's list"),
    ] = "none"
    receipts_url: HttpsUrl = f"{PLATFORM}/gpd/payments-receipts-service/v1"
    receipts_key: Annotated[Key | None, Field(description="Its key; by default api_key")] = None
    receipts_since_days: Annotated[int, Field(ge=1, le=365, description="How far back the first round looks")] = 7
    receipts_overlap_days: Annotated[
        int, Field(ge=1, le=29, description="How far back later rounds look, for what the platform had late")
    ] = 3
    bizevents_url: HttpsUrl = f"{PLATFORM}/bizevents/service/v1"
    bizevents_key: Annotated[Key | None, Field(description="Its key; by default api_key")] = None
    checkout_url: HttpsUrl = f"{PLATFORM}/checkout/ec/v1"
    checkout_key: Annotated[Key | None, Field(description="Its key; by default api_key")] = None
    notices_url: HttpsUrl = f"{PLATFORM}/print-payment-notice-service/external/v1"
    notices_key: Annotated[Key | None, Field(description="Its key; by default api_key")] = None
    keep_notices: Annotated[
        bool,
        Field(
            description="Print the notice of each registered payment that has debtor_address, as a document beside it"
        ),
    ] = False
    notice_template: Annotated[str, StringConstraints(min_length=1, max_length=100), LINE] | None = None

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if self.keep_notices and self.notice_template is None:
            raise ValueError("keep_notices needs notice_template")
        if self.bulk > 1 and self.api != "v1":
            raise ValueError("bulk needs api v1: GPD v2 takes positions in the form of v1")
        return self
