"""The settings of a creditor's station at pagoPA, and of the reporting flows that are pulled."""

from collections.abc import Iterator
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
from contracts.naming import Named
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

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

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
    """Un altro ente con una quota di certi pagamenti. / Another body that has a share in some payments of the
    creditor's: `80015010723:IT60X...:9/0101101IM/`."""

    tax_code: OrganizationTaxCode
    """Il suo codice fiscale. / Its tax code."""
    iban: Iban
    """Il suo conto, noto a pagoPA. / Its account, known to pagoPA."""
    taxonomy: Taxonomy
    """Il codice della tassonomia pagoPA per la sua quota. / The code of pagoPA's taxonomy for its share."""


class ServiceTaxonomy(_Written):
    """Il codice della tassonomia di un servizio. / The code of a service: `tari:9/0101101IM/`."""

    service_id: Code
    """Il servizio del catalogo dell'ente. / The service of the ente's catalogue."""
    taxonomy: Taxonomy
    """Il suo codice nella tassonomia pagoPA. / Its code in pagoPA's taxonomy."""


class Settings(SourceSettings, TlsSettings):
    """Who we are at pagoPA, whom we believe to be pagoPA, and where the flows are.

    pagoPA's calls are believed where each of `caller_certificates`, `caller_networks` and `caller_key` that is given
    holds; with none of them there is no connector.
    """

    creditor_tax_code: OrganizationTaxCode
    """`idPA`: il codice fiscale dell'ente. / `idPA`: the tax code of the ente."""
    broker_tax_code: Identifier
    """`idBrokerPA`: l'ente stesso, o il suo intermediario. / `idBrokerPA`: the ente itself, or its intermediary."""
    station_id: Identifier
    """`idStation`, come è registrata nel back office di pagoPA. / `idStation`, as it was registered in pagoPA's back
    office."""
    company_name: Name
    """Il nome dell'ente, come lo legge chi paga. / The ente's name, as payers read it."""
    office_name: Name | None = None
    """L'ufficio, dove chi paga deve leggerlo. / The office, where payers should read one."""
    iban: Iban
    """Il conto accreditato, noto a pagoPA. / The account that is credited, known to pagoPA."""
    taxonomy: Taxonomy
    """Il codice della tassonomia pagoPA dove il servizio non ne ha uno suo. / The code of pagoPA's taxonomy where the
    service has none of its own."""
    taxonomies: Annotated[tuple[ServiceTaxonomy, ...], Listed, Field(max_length=500)] = ()
    """Tali codici per servizio, anche come testo: `tari:9/0101101IM/,...`. / Such codes by service, also as one text:
    `tari:9/0101101IM/,...`."""
    beneficiaries: Annotated[tuple[Beneficiary, ...], Listed, Field(max_length=50)] = ()
    """Altri enti con una quota dei pagamenti, anche come testo: `CODICEFISCALE:IBAN:TASSONOMIA,...`. / Others with a
    share in payments, also as one text: `TAXCODE:IBAN:TAXONOMY,...`."""
    source: Code = "pagopa"
    """La `source` sotto cui stanno le ricevute. / The `source` that receipts are filed under."""
    service_id: Code | None = None
    """Il servizio del catalogo a cui appartengono le ricevute. / The service of the catalogue that receipts belong
    to."""

    spontaneous: Annotated[Services, written(Services)] = ()
    """I servizi del catalogo pagoPA di cui si possono chiedere pagamenti: un elenco, anche come testo in JSON. / The
    services of pagoPA's catalogue of which payments may be demanded: a list, also as a text in JSON."""
    segregation_code: SegregationCode | None = None
    """Con `spontaneous`: il codice di segregazione di questa stazione, sotto cui solo l'hub assegna numeri. / With
    `spontaneous`: that of this station, under which the hub alone gives numbers."""
    first_number: FirstNumber = 1
    """Con `spontaneous`: il primo numero che l'hub può assegnare. / With `spontaneous`: the first number that the hub
    may give."""

    caller_certificates: Fingerprints = ()
    """SHA-256 in esadecimale dei certificati client di pagoPA, che il proxy passa. / SHA-256 in hex of the client
    certificates of pagoPA, handed over by the proxy."""
    caller_networks: Networks = ()
    """Indirizzi o reti da cui pagoPA chiama. / Addresses or networks that pagoPA calls from."""
    caller_key: Key | None = None
    """Ciò che pagoPA manda nell'intestazione Ocp-Apim-Subscription-Key. / What pagoPA sends in the header
    Ocp-Apim-Subscription-Key."""

    fdr_base_url: HttpsUrl | None = None
    """L'indirizzo da cui si prendono i flussi di rendicontazione; assente: nessuno. / Where reporting flows are pulled
    from; absent: none are."""
    fdr_key: Key | None = None
    """La chiave delle API di rendicontazione, dal back office di pagoPA. / The subscription key of the reporting API,
    from pagoPA's back office."""
    fdr_since: date | None = None
    """Il giorno da cui si prendono i flussi la prima volta. / The day from which flows are pulled the first time."""
    private_hosts: PrivateHosts = ()
    """Gli host che possono stare a un indirizzo privato, come un gateway vostro. / Hosts that may be at a private
    address, as a gateway of one's own."""
    fdr_page: Annotated[int, Field(ge=1, le=1000)] = 500
    """Quanti pagamenti, o flussi, si chiedono alla volta. / Payments, or flows, asked for at once."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.caller_certificates and not self.caller_networks and self.caller_key is None:
            raise ValueError(
                "caller_key: needed, or caller_certificates or caller_networks: pagoPA must be told from others"
            )
        if self.fdr_base_url is not None and (self.fdr_key is None or self.fdr_since is None):
            raise ValueError("fdr_base_url: vuole fdr_key e fdr_since / needs fdr_key and fdr_since")
        codes = [self.creditor_tax_code, *(one.tax_code for one in self.beneficiaries)]
        if len(codes) != len(set(codes)):
            raise ValueError(
                "beneficiaries: ogni ente una volta, e non l'ente stesso / "
                "each body once, and the ente itself not among them"
            )
        ids = [one.id_servizio for one in self.spontaneous]
        if len(ids) != len(set(ids)):
            raise ValueError("spontaneous: ogni id_servizio una volta / each id_servizio once")
        if self.spontaneous and self.segregation_code is None:
            raise ValueError("segregation_code: serve con spontaneous / needed with spontaneous")
        return self

    def named(self) -> Iterator[Named]:
        """contracts.naming.Naming."""
        yield from super().named()
        for n, one in enumerate(self.taxonomies):
            yield Named("service", one.service_id, f"/taxonomies/{n}/service_id")
        if self.service_id is not None:
            yield Named("service", self.service_id, "/service_id")
        for n, each in enumerate(self.spontaneous):
            if each.service_id is not None:
                yield Named("service", each.service_id, f"/spontaneous/{n}/service_id")
            if each.vendor_id is not None:
                yield Named("vendor", each.vendor_id, f"/spontaneous/{n}/vendor_id")

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
