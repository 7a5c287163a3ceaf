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

    organization_tax_code: OrganizationTaxCode
    """Il codice fiscale dell'ente creditore; i pagamenti di altri creditori sono rifiutati. / The tax code of the
    creditor institution; payments of other creditors are refused."""
    company_name: Annotated[str, StringConstraints(min_length=1, max_length=140), LINE] | None = None
    """Il nome del creditore sugli avvisi; se manca, quello dell'ente. / The creditor's name on notices; by default the
    ente's."""
    office_name: Annotated[str, StringConstraints(min_length=1, max_length=140), LINE] | None = None
    """L'ufficio, dove chi paga deve leggerlo. / The office, where payers should read one."""
    segregation_code: SegregationCode
    """Il codice di segregazione dei numeri di avviso che l'hub assegna (aux digit 3), dato da pagoPA con la stazione. /
    The segregation code of the notice numbers that the hub gives (aux digit 3), from pagoPA with the station."""
    first_number: FirstNumber = 1
    """Il numero da cui l'hub comincia: sopra tutti quelli già usati lì. / The number that the hub begins with: above
    all that were used there before it."""
    api: Literal["v1", "v3"] = "v1"
    """La versione di GPD. `v1`: al più un piano di rate; `v3`: più piani, e mostra il debitore, che è confrontato. /
    GPD's version. `v1`: one plan of instalments at most; `v3`: several, and it shows the debtor, who is compared."""
    bulk: Annotated[int, Field(ge=1, le=100)] = 1
    """Quante posizioni al più in una richiesta (GPD v2), fra le consegne in corso insieme; 1: ciascuna da sé. / Most
    positions in one request (GPD v2), of deliveries under way at once; 1: each by itself."""
    pay_stand_in: bool = True
    """Se si può pagare mentre la piattaforma supplisce (stand-in). / Whether it may be paid while the platform stands
    in."""
    private_hosts: PrivateHosts = ()
    """Gli host che possono stare a un indirizzo privato. / Hosts that may be at a private address."""
    gpd_url: HttpsUrl = f"{PLATFORM}/gpd/debt-positions-service"
    """L'indirizzo di GPD (posizioni debitorie). / The address of GPD (debt positions)."""
    api_key: Key
    """La chiave di GPD (Ocp-Apim-Subscription-Key), dal back office di pagoPA. / The key of GPD
    (Ocp-Apim-Subscription-Key), from pagoPA's back office."""
    receipts: Literal["none", "gpd", "bizevents"] = "none"
    """Da quale servizio si prendono le ricevute; `bizevents` le legge una per una dall'elenco di GPD. / Which service
    receipts are fetched from; `bizevents` reads them one by one from GPD's list."""
    receipts_url: HttpsUrl = f"{PLATFORM}/gpd/payments-receipts-service/v1"
    """L'indirizzo delle ricevute di GPD. / The address of GPD's receipts."""
    receipts_key: Key | None = None
    """La sua chiave; se manca, `api_key`. / Its key; by default `api_key`."""
    receipts_since_days: Annotated[int, Field(ge=1, le=365)] = 7
    """Di quanti giorni torna indietro il primo giro. / How many days back the first round looks."""
    receipts_overlap_days: Annotated[int, Field(ge=1, le=29)] = 3
    """Di quanti giorni tornano indietro i giri seguenti, per ciò che la piattaforma ha avuto tardi. / How many days
    back later rounds look, for what the platform had late."""
    bizevents_url: HttpsUrl = f"{PLATFORM}/bizevents/service/v1"
    """L'indirizzo di Biz Events. / The address of Biz Events."""
    bizevents_key: Key | None = None
    """La sua chiave; se manca, `api_key`. / Its key; by default `api_key`."""
    checkout_url: HttpsUrl = f"{PLATFORM}/checkout/ec/v1"
    """L'indirizzo di Checkout, per i carrelli. / The address of Checkout, for carts."""
    checkout_key: Key | None = None
    """La sua chiave; se manca, `api_key`. / Its key; by default `api_key`."""
    notices_url: HttpsUrl = f"{PLATFORM}/print-payment-notice-service/external/v1"
    """L'indirizzo del servizio di stampa degli avvisi. / The address of the service that prints notices."""
    notices_key: Key | None = None
    """La sua chiave; se manca, `api_key`. / Its key; by default `api_key`."""
    keep_notices: bool = False
    """Se si stampa l'avviso di ogni pagamento registrato che ha `debtor_address`, come documento accanto a esso; vuole
    `notice_template`. / Whether the notice of each registered payment that has `debtor_address` is printed, as a
    document beside it; needs `notice_template`."""
    notice_template: Annotated[str, StringConstraints(min_length=1, max_length=100), LINE] | None = None
    """Il modello dell'avviso, con il nome che gli dà il servizio di stampa. / The template of the notice, by the name
    that the printing service gives it."""

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if self.keep_notices and self.notice_template is None:
            raise ValueError("notice_template: serve con keep_notices / needed with keep_notices")
        if self.bulk > 1 and self.api != "v1":
            raise ValueError("bulk: vuole api v1 / needs api v1, as GPD v2 takes positions in the form of v1")
        return self
