"""The settings of a creditor's station at pagoPA, and of the reporting flows that are pulled."""

from datetime import date
from ipaddress import ip_network
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from connectors.base.keys import Key
from connectors.base.mapping.written import written
from contracts.base import Code, HttpsUrl, Sha256Hex
from contracts.callbacks import Hosts
from contracts.following import Listed
from contracts.identifiers import FirstNumber, Iban, OrganizationTaxCode, SegregationCode
from contracts.inbound import SourceSettings
from contracts.positions import Numbering
from contracts.tls import TlsSettings

from .spontaneous import Filed, SpontaneousService


def _network(value: str) -> str:
    ip_network(value)
    return value


Networks = Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], Listed, Field(max_length=50)]
Fingerprints = Annotated[tuple[Sha256Hex, ...], Listed, Field(max_length=10)]
PrivateHosts = Annotated[Hosts, Listed]
Name = Annotated[str, Field(min_length=1, max_length=140, pattern=r"^[^\x00-\x1f\x7f]+$")]
Identifier = Annotated[str, Field(min_length=1, max_length=35, pattern=r"^[\x21-\x7e]+$")]
Services = Annotated[tuple[SpontaneousService, ...], Field(max_length=100)]
Taxonomy = Annotated[str, Field(min_length=1, max_length=140, pattern=r"^[\x21-\x7e]+$")]


class _Written(BaseModel):
    """A value of several parts, which may also be written as one text with colons between them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _of_text(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        parts = value.split(":")
        if len(parts) != len(cls.model_fields):
            raise ValueError(f"is written {':'.join(cls.model_fields)}")
        return dict(zip(cls.model_fields, parts, strict=True))

    def __str__(self) -> str:
        return ":".join(str(getattr(self, name)) for name in type(self).model_fields)


class Beneficiary(_Written):
    """Another body that has a share in some payments of the creditor's: `80015010723:IT60X...:9/0101101IM/`."""

    tax_code: OrganizationTaxCode
    iban: Iban
    taxonomy: Taxonomy


class ServiceTaxonomy(_Written):
    """The code of a service: `tari:9/0101101IM/`."""

    service_id: Code
    taxonomy: Taxonomy


class Settings(SourceSettings, TlsSettings):
    """Who we are at pagoPA, whom we believe to be pagoPA, and where the flows are.

    pagoPA's calls are believed where each of `caller_certificates`, `caller_networks` and `caller_key` that is given
    holds; with none of them there is no connector.
    """

    creditor_tax_code: Annotated[OrganizationTaxCode, Field(description="idPA: the tax code of the ente")]
    broker_tax_code: Annotated[Identifier, Field(description="idBrokerPA: the ente itself, or its intermediary")]
    station_id: Annotated[Identifier, Field(description="idStation, as it was registered")]
    company_name: Annotated[Name, Field(description="The ente's name, as payers read it")]
    office_name: Annotated[Name | None, Field(description="The office, where payers should read one")] = None
    iban: Annotated[Iban, Field(description="The account that is credited, known to pagoPA")]
    taxonomy: Annotated[Taxonomy, Field(description="The code of the taxonomy where the service has none of its own")]
    taxonomies: Annotated[
        tuple[ServiceTaxonomy, ...],
        Listed,
        Field(max_length=500, description="Such codes by service: tari:9/0101101IM/,..."),
    ] = ()
    beneficiaries: Annotated[
        tuple[Beneficiary, ...],
        Listed,
        Field(max_length=50, description="Others with a share in payments: TAXCODE:IBAN:TAXONOMY,..."),
    ] = ()
    source: Annotated[Code, Field(description="The source that receipts are filed under")] = "pagopa"
    service_id: Annotated[Code | None, Field(description="The service that receipts belong to")] = None

    spontaneous: Annotated[
        Services,
        written(Services),
        Field(description="Services of pagoPA's catalogue of which payments may be demanded: a list in JSON"),
    ] = ()
    segregation_code: Annotated[
        SegregationCode | None,
        Field(description="spontaneous: that of this station, under which the hub alone gives numbers"),
    ] = None
    first_number: Annotated[FirstNumber, Field(description="spontaneous: the first that the hub may give")] = 1

    caller_certificates: Annotated[
        Fingerprints, Field(description="SHA-256 in hex of the client certificates of pagoPA, handed over by the proxy")
    ] = ()
    caller_networks: Annotated[Networks, Field(description="Addresses or networks that pagoPA calls from")] = ()
    caller_key: Annotated[
        Key | None, Field(description="What pagoPA sends in the header Ocp-Apim-Subscription-Key")
    ] = None

    fdr_base_url: Annotated[HttpsUrl | None, Field(description="Where flows are pulled; without it none are")] = None
    fdr_key: Annotated[Key | None, Field(description="The subscription key of the reporting API")] = None
    fdr_since: Annotated[date | None, Field(description="The day from which flows are pulled the first time")] = None
    private_hosts: Annotated[
        PrivateHosts, Field(description="Hosts that may be at a private address, as a gateway of one's own")
    ] = ()
    fdr_page: Annotated[int, Field(ge=1, le=1000, description="Payments, or flows, asked for at once")] = 500

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.caller_certificates and not self.caller_networks and self.caller_key is None:
            raise ValueError("caller_certificates, caller_networks or caller_key: pagoPA must be told from others")
        if self.fdr_base_url is not None and (self.fdr_key is None or self.fdr_since is None):
            raise ValueError("fdr_base_url needs fdr_key and fdr_since")
        codes = [self.creditor_tax_code, *(one.tax_code for one in self.beneficiaries)]
        if len(codes) != len(set(codes)):
            raise ValueError("beneficiaries: each body once, and the ente itself not among them")
        ids = [one.id_servizio for one in self.spontaneous]
        if len(ids) != len(set(ids)):
            raise ValueError("spontaneous: each id_servizio once")
        if self.spontaneous and self.segregation_code is None:
            raise ValueError("segregation_code: needed with spontaneous")
        return self

    def filed(self, service: SpontaneousService) -> Filed:
        """Where payments of one of `spontaneous` are filed."""
        assert self.segregation_code is not None
        numbering = Numbering(self.creditor_tax_code, self.segregation_code, self.first_number, self.company_name)
        return Filed(
            service.vendor_id or self.vendor_id,
            service.source or self.source,
            service.service_id or self.service_id,
            numbering,
        )
