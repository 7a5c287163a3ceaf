"""The settings of the App IO connector.

A key belongs to one service at IO. Where an ente has several, each service of its catalogue may have its own; whatever
has none goes out by the connector's.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, TypeAdapter, model_validator

from connectors.base.keys import Key
from contracts.base import Code, Form, HttpsUrl, Markdown, Model, Title
from contracts.callbacks import Hosts
from contracts.faults import pointer_of
from contracts.identifiers import OrganizationTaxCode
from contracts.naming import Named
from contracts.tls import TlsSettings


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error:
        raise ValueError("Non è un'espressione regolare / is no regular expression") from None
    return text


Ulid = Annotated[str, StringConstraints(pattern=r"^[0-9A-HJKMNP-TV-Z]{26}$")]
Reader = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{16}$")]
"""Somebody's tax code, or the made-up one of a test user."""
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")]


class Lollipop(Form):
    """Come verificare che sia il telefono del cittadino a chiedere, senza fidarsi di IO (LolliPoP). / How to check that
    the citizen's own phone asks, without trusting IO."""

    assertion_url: HttpsUrl = "https://api.io.pagopa.it/lollipop/api/v1"
    """L'indirizzo delle asserzioni presso IO. / The address of the assertions at IO."""
    assertion_key: Key
    """La chiave di una sottoscrizione che può leggere le asserzioni (gruppo ApiLollipopAssertionRead), da IO. / The key
    of a subscription that may read assertions (group ApiLollipopAssertionRead), from IO."""
    idp_keys_url: HttpsUrl = "https://api.is.eng.pagopa.it/idp-keys"
    """L'indirizzo dei metadati dei gestori di identità secondo il momento d'uso: `{url}/spid` e `{url}/cie`. / The
    identity providers' metadata by the time of their use: `{url}/spid` and `{url}/cie`."""
    original_url: Annotated[str, AfterValidator(_pattern), Field(json_schema_extra={"format": "regex"})] = (
        r"https://api-app\.io\.pagopa\.it/(?:[A-Za-z0-9-]+/)*third-party-messages/[A-Za-z0-9_-]+"
        r"(?:/precondition|/attachments/[^?#\s]+)?"
    )
    """Espressione regolare di ciò che l'app può aver chiamato presso IO, per intero: il prefisso è cambiato nel tempo.
    / A regular expression of what the app may have called at IO, as a whole: its prefix has changed over time."""
    disabled_for: tuple[Reader, ...] = ()
    """Gli stessi di `disable_lollipop_for` presso IO: utenti di prova, creduti senza firma. / The same as
    `disable_lollipop_for` at IO: test users, whose calls are believed without a signature."""
    longest_session_days: Annotated[int, Field(ge=1, le=365)] = 30
    """Quanti giorni può avere un'asserzione; da concordare con IO, le cui sessioni durano anche un anno. / How many
    days old an assertion may be; agree it with IO, whose sessions may last a year."""


class Precondition(Form):
    """Ciò che l'app mostra prima di aprire un messaggio. / What the app shows before it opens a message."""

    when: Literal["ALWAYS", "ONCE"]
    """Se a ogni apertura (`ALWAYS`) o solo alla prima (`ONCE`). / At each opening (`ALWAYS`) or the first (`ONCE`)."""
    title: Title
    """Il titolo che il cittadino legge. / The title that the citizen reads."""
    markdown: Markdown
    """Il testo, in Markdown. / The text, in Markdown."""


class RemoteContent(Form):
    """Il testo intero e i file restano qui, e l'app li prende (`third_party_data`). / The whole text and the files stay
    here, and the app fetches them."""

    configuration_id: Ulid
    """L'identificativo dato da IO a `raccordo connector run ID create-remote-content`. / What IO answered to `raccordo
    connector run ID create-remote-content`."""
    header: HeaderName = "X-Raccordo-Key"
    """L'intestazione con cui IO si prova qui, come registrata presso IO (`details_authentication`). / The header by
    which IO proves itself here, as registered there (`details_authentication`)."""
    key: Key
    """Il valore di quell'intestazione, uguale a quello registrato presso IO. / That header's value, the same as is
    registered at IO."""
    lollipop: Lollipop | None = None
    """La verifica LolliPoP; assente solo dove `is_lollipop_enabled` è false presso IO: allora dice chi chiede la sola
    chiave. / The check of LolliPoP; absent only where `is_lollipop_enabled` is false at IO: then the key alone says who
    asks."""
    precondition: Precondition | None = None
    """Ciò che l'app mostra prima di aprire il messaggio; assente: nulla. / What the app shows before it opens the
    message; absent: nothing."""


class Service(Form):
    """Ciò che si sa di un servizio presso IO. / What is known of a service at IO."""

    api_key: Key
    """La chiave primaria o secondaria del servizio, dal back office di IO. / The primary or secondary key of the
    service, from the IO back office."""
    organization_tax_code: OrganizationTaxCode | None = None
    """L'ente a cui il servizio appartiene presso IO. Un pagamento di un altro creditore è annunciato senza i dati per
    pagarlo, perché IO chiederebbe di pagare l'ente del servizio. Assente: ogni creditore è questo. / The organisation
    that the service belongs to at IO. A payment whose creditor is another one is announced without payment data,
    because IO would ask to pay the service's own organisation. Absent: every creditor is this one."""
    advanced: bool = False
    """Se il servizio può mandare messaggi ADVANCED: allora IO dice se sono stati letti e pagati, salvo che il cittadino
    lo vieti. A un servizio senza il permesso IO risponde 403. / Whether the service may send ADVANCED messages: then IO
    says whether they were read and paid, unless the citizen forbids it. Without the permission IO answers 403."""
    remote_content: RemoteContent | None = None
    """Contenuti remoti; vuole `advanced` e un permesso di IO. / Remote content; needs `advanced`, and a permission of
    its own at IO."""

    @model_validator(mode="after")
    def _advanced_first(self) -> "Service":
        if self.remote_content is not None and not self.advanced:
            raise ValueError("remote_content: vuole advanced / needs advanced")
        return self


_SERVICES: TypeAdapter[dict[str, Service]] = TypeAdapter(dict[Code, Service])


def _json(value: Any) -> str | None:
    """Settings as a file has them, or as they are stored; None for what is a model already."""
    if isinstance(value, str):
        return value
    plain = isinstance(value, dict) and not any(isinstance(each, Model) for each in value.values())
    return json.dumps(value) if plain else None


def _services(value: Any) -> Any:
    text = _json(value)
    return value if text is None else _SERVICES.validate_json(text)


def _remote(value: Any) -> Any:
    text = _json(value)
    return value if text is None else RemoteContent.model_validate_json(text)


# They hold secrets: `--set` refuses them, `--secret-file` hands them over as text.
_FROM_A_FILE: dict[str, Any] = {"writeOnly": True}


class Settings(Service, TlsSettings):
    """How to reach IO, and how long to ask what became of a message. What it has of a Service is what holds for the
    services of the catalogue that have no settings of their own."""

    base_url: HttpsUrl = "https://api.io.pagopa.it/api/v1"
    """L'indirizzo delle API di IO. / The address of IO's API."""
    private_hosts: Hosts = ()
    """Gli host di `base_url` e di LolliPoP che sono proxy vostri a indirizzi privati. / Hosts of `base_url` and of
    LolliPoP's addresses, where they are proxies of your own at private addresses."""
    remote_content: Annotated[RemoteContent | None, BeforeValidator(_remote), Field(json_schema_extra=_FROM_A_FILE)] = (
        None
    )
    """Contenuti remoti; vuole `advanced` e un permesso di IO. / Remote content; needs `advanced`, and a permission of
    its own at IO."""
    services: Annotated[Mapping[str, Service], BeforeValidator(_services), Field(json_schema_extra=_FROM_A_FILE)] = (
        Field(default_factory=dict)
    )
    """Per codice del servizio nel catalogo: ciò che vale per i suoi messaggi al posto delle impostazioni di tutti. / By
    the code of the service in the catalogue: what holds for its messages in the place of everybody's settings."""
    manage_key: Key | None = None
    """La chiave `manage` del back office di IO, per servizi, loro chiavi e contenuti remoti. / The `manage` key of the
    IO back office, for services, their keys and remote content."""
    time_to_live: Annotated[int, Field(ge=3600, le=604_800)] = 3600
    """Secondi per cui IO prova a raggiungere i dispositivi del cittadino. / Seconds for which IO tries to reach the
    citizen's devices."""
    status_checks: Annotated[int, Field(ge=0, le=100)] = 8
    """Quante volte si chiede l'esito prima che la consegna conti come fatta, a stato ignoto. / How often to ask for the
    outcome before the delivery counts as done with its status unknown."""
    status_delay_s: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """Secondi prima della prima di queste domande; ogni altra attende il triplo, al più un'ora. / Seconds before the
    first of these questions; each further one waits three times as long, at most an hour."""
    subscriptions_feed: bool = False
    """Se IO ha autorizzato l'ente a leggere in blocco chi i suoi servizi non raggiungono: chi l'ha detto entro ieri è
    saltato senza chiedere. Lo fa per enti centrali, caso per caso. / Whether IO has authorised the ente to read whom
    its services do not reach, in bulk: those who said so by yesterday are skipped without a question. It does so for
    central bodies, case by case."""
    follow_up_days: Annotated[int, Field(ge=0, le=60)] = 30
    """Per quanti giorni si chiede se un messaggio ADVANCED è stato letto o pagato; 0: mai. / For how many days to ask
    whether an ADVANCED message was read or paid; 0: never."""
    follow_up_delay_s: Annotated[float, Field(gt=0, le=86_400)] = 3600.0
    """Secondi prima della prima di queste domande; ogni altra attende il triplo, al più una settimana. / Seconds before
    the first of these questions; each further one waits three times as long, at most a week."""

    def named(self) -> Iterator[Named]:
        """contracts.naming.Naming."""
        yield from (Named("service", one, pointer_of(("services", one))) for one in self.services)
