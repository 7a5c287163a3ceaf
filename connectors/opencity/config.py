"""The settings of a tenant of OpenCity Italia. What its API does is known in part only (`spec/opencity.md`): whatever
could not be confirmed for today's versions is a setting here, and `check` tries what can be tried without writing."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)

from contracts.base import Code
from contracts.callbacks import CallbackUrl, Hosts, may_be_plain, place_of
from contracts.faults import pointer_of
from contracts.following import Listed
from contracts.identifiers import OrganizationTaxCode
from contracts.inbound import PatientSettings
from contracts.items import Channel
from contracts.naming import Named
from contracts.tls import TlsSettings

Collection = Literal["applications", "messages", "payments", "subscriptions", "documents"]
FileKind = Literal["attachments", "compiled_modules", "outcome", "integrations", "messages", "archive"]
DottedPath = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$")
]
HeaderName = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[A-Za-z0-9-]+$")]
Paths = Annotated[tuple[DottedPath, ...], Field(min_length=1, max_length=20), Listed]


def _pairs(value: object) -> object:
    """A mapping as text, `a=b,c=d`, as a command line gives it."""
    if not isinstance(value, str):
        return value
    parts = (part.partition("=") for part in value.split(",") if part.strip())
    return {name.strip(): meant.strip() for name, _, meant in parts}


def _place_for_id(template: str) -> str:
    if template.count("{id}") != 1:
        raise ValueError("Deve contenere {id} una volta / must hold {id} once")
    if place_of(template.replace("{id}", "id"))[0] != "https":
        raise ValueError("Deve essere https: ci vanno i cittadini / must be https: citizens are sent there")
    return template


class Settings(PatientSettings, TlsSettings):
    """One tenant: how to reach it, what is read, how it is understood."""

    model_config = ConfigDict(hide_input_in_errors=True)

    base_url: CallbackUrl
    """La base intera delle API, come `https://servizi.comune.example.it/lang/api`: le sue parti cambiano da
    un'installazione all'altra. / The whole base of the API, as `https://servizi.comune.example.it/lang/api`: its parts
    differ from one installation to the other."""
    username: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    """Un operatore fatto per l'hub nel back office di OpenCity, abilitato ai servizi da leggere. / An operator made for
    the hub in OpenCity's back office, with the services enabled that are to be read."""
    password: SecretStr
    """La password dell'operatore. / The operator's password."""
    private_hosts: Annotated[Hosts, Listed] = ()
    """Gli host che possono stare a un indirizzo privato; http in chiaro solo per quelli di questa macchina. / Hosts
    that may be at a private address; plain http is for those of them on loopback alone."""

    source: Code = "opencity"
    """La `source` degli elementi. / The `source` of the items."""
    collections: Annotated[tuple[Collection, ...], Field(min_length=1), Listed] = (
        "applications",
        "messages",
        "payments",
    )
    """Che cosa si legge. `subscriptions` vuole il back office corrispondente: senza, OpenCity risponde 403. `documents`
    sono i file delle pratiche: una chiamata per ciascuno, così la prima lettura è lunga. / What is read.
    `subscriptions` needs the tenant's back office for them: without it OpenCity answers 403. `documents` are the files
    of applications: one call for each, so that the first reading takes its time."""
    files: Annotated[tuple[FileKind, ...], Field(min_length=1, max_length=6), Listed] = (
        "attachments",
        "compiled_modules",
        "outcome",
        "integrations",
    )
    """Quali file di una pratica diventano documenti: gli allegati, il modulo inviato, l'esito, le integrazioni;
    `messages`: gli allegati ai messaggi che il cittadino può vedere; `archive`: i documenti nelle cartelle dei
    cittadini, di nessuna pratica (la loro forma oggi non è confermata). / Which files of an application become
    documents: what was sent with it, the form as it was sent, the outcome, what was asked for and answered afterwards;
    `messages`: what is attached to the messages that the citizen may see; `archive`: the documents in citizens'
    folders, which belong to no application (their form in today's versions is not confirmed)."""
    largest_file: Annotated[int, Field(ge=1024, le=26_214_400)] = 10_485_760
    """Byte. Un file più grande va in quarantena e non è letto fino in fondo; vale anche il limite dell'hub. / Bytes. A
    larger file goes to the quarantine and is not read to its end; the hub's own limit holds as well."""
    services: Annotated[tuple[Code, ...], Field(max_length=200), Listed] = ()
    """Slug o id in OpenCity dei servizi di cui si leggono le pratiche; nessuno: tutti quelli che l'operatore vede. /
    Slugs or ids at OpenCity of the services whose applications are read; none: all that the operator sees."""
    service_ids: Annotated[Mapping[str, Code], BeforeValidator(_pairs)] = {}
    """Da slug o id di un servizio in OpenCity al servizio del catalogo dell'ente, anche come testo: `a=b,c=d`; senza
    una voce è lo slug. Ciò che è di un servizio ignoto all'hub va in quarantena. / From slug or id of a service at
    OpenCity to the service of the ente's catalogue, also as one text: `a=b,c=d`; without an entry it is the slug. What
    is of a service that the hub does not know goes to the quarantine."""
    tax_code_paths: Paths = ("applicant.fiscal_code.fiscal_code",)
    """Dove i moduli (versione 2 di `data`) hanno il codice fiscale del richiedente: conta il primo che c'è. Ogni modulo
    può averne un altro. / Where the forms (version 2 of `data`) have the applicant's tax code: the first that is there
    counts. Each form of the municipality may have another."""
    email_paths: Paths = ("applicant.email_address",)
    """Dove i moduli hanno l'indirizzo e-mail del richiedente. / Where the forms have the applicant's e-mail address."""
    owner_paths: Paths = ("codice_fiscale", "tax_code")
    """Dove la scheda di un utente ha il suo codice fiscale, per i documenti dell'archivio: le versioni 1 e 2
    differiscono. / Where a user's record has his tax code, for the documents of the archive: versions 1 and 2
    differ."""
    creditor_tax_code: OrganizationTaxCode | None = None
    """A chi vanno i pagamenti che non nominano un beneficiario: gli eventi della versione 1 non ne hanno. / To whom
    payments go that name no receiver: events of version 1 have none."""
    application_url: Annotated[str, AfterValidator(_place_for_id)] | None = None
    """La pagina di una pratica per il cittadino, con `{id}` al posto del suo id. Non confermata per ogni installazione:
    senza non ci sono link, e le bozze, che ne vogliono uno, sono omesse. / The page of an application for its citizen,
    with `{id}` in the place of its id. Not confirmed for every installation: without it there are no links, and drafts,
    which need one, are left out."""
    tell: Annotated[tuple[Channel, ...], Field(max_length=4), Listed] = ()
    """I canali con cui l'hub avvisa il cittadino di ciò che trova. OpenCity manda e-mail, e messaggi a IO se il
    servizio ce l'ha, da sé: dunque nessuno, salvo che lì sia spento. / Channels by which the hub tells the citizen of
    what it finds. OpenCity writes e-mails, and to IO where the service has it, by itself: so none, unless that is
    switched off there."""

    page_size: Annotated[int, Field(ge=1, le=100)] = 50
    """Quante voci per pagina; più di 100 sono rifiutate lì. / Entries of a page; more than 100 are refused there."""
    changes: Literal["updated_at", "walk"] = "updated_at"
    """Come si trovano i cambiamenti fra due letture intere: con il filtro `updatedAt[after]`, che certe versioni
    costruiscono male, o scorrendo ogni volta tutte le pagine (`walk`). La prova dice se il filtro funziona. / How
    changes are found between two sweeps: by the filter `updatedAt[after]`, which some versions build wrongly, or by
    walking all pages each time. The check says whether the filter works."""
    overlap_s: Annotated[int, Field(ge=1, le=86_400)] = 300
    """Di quanti secondi ogni giro torna indietro rispetto all'inizio del precedente. / How many seconds each round goes
    back behind the beginning of the one before."""
    sweep_every_s: Annotated[int, Field(ge=600, le=2_592_000)] = 86_400
    """Secondi tra due letture di tutto: i webhook cadono dopo alcuni tentativi, e un messaggio non cambia la pratica. /
    Seconds between two readings of all there is: webhooks are dropped after some tries, and a message changes no
    application."""

    webhook_header: HeaderName = "X-Hub-Key"
    """L'intestazione che il webhook di OpenCity è configurato a mandare: è tutto ciò che lo prova. / The header that
    the tenant's webhook is configured to send, which is all that proves it."""
    webhook_secret: SecretStr | None = None
    """Il suo valore intero, almeno 16 caratteri, uguale a quello messo in OpenCity; senza, nessun webhook è accettato.
    / Its whole value, at least 16 characters, the same as is set at OpenCity; without one no webhook is taken."""
    reference: Literal["visible", "comment"] = "visible"
    """Come un messaggio scritto dall'hub porta il nome della sua consegna, per ritrovarlo: come ultima riga, o come
    commento HTML, che non è confermato resti. / How a message that the hub writes bears the name of its delivery, by
    which it is found again: as a last line, or as an HTML comment, of which it is not confirmed that it is kept."""
    settle_s: Annotated[int, Field(ge=0, le=3600)] = 60
    """Per quanti secondi dopo un esito ignoto un messaggio che non c'è può ancora comparire. / For how many seconds
    after an unknown outcome a message that is not there may still appear."""

    @field_validator("password", "webhook_secret")
    @classmethod
    def _sendable(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None and not given.get_secret_value().isprintable():
            raise ValueError("Deve essere stampabile / must be printable")
        return given

    @field_validator("webhook_secret")
    @classmethod
    def _not_guessed(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None and (len(given.get_secret_value()) < 16 or not given.get_secret_value().isascii()):
            raise ValueError("Almeno 16 caratteri ASCII: è la sola prova di chi chiama / at least 16 ASCII characters")
        return given

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        scheme, host, _ = place_of(self.base_url)
        if scheme == "http" and not may_be_plain(host, self.private_hosts):
            raise ValueError(
                "base_url: http solo in locale e se elencato in private_hosts / "
                "plain http is for loopback alone, and listed in private_hosts"
            )
        if self.base_url.endswith("/") or "?" in self.base_url:
            raise ValueError(
                "base_url: senza barra finale e senza query / without a slash at its end and without a query"
            )
        return self

    def named(self) -> Iterator[Named]:
        """contracts.naming.Naming."""
        yield from super().named()
        for there, here in self.service_ids.items():
            yield Named("service", here, pointer_of(("service_ids", there)))

    def service_of(self, slug: str | None, service_id: str | None) -> str | None:
        """The hub's name of a service there; None for one that none can be made of."""
        for name in (slug, service_id):
            if name is not None and name in self.service_ids:
                return self.service_ids[name]
        return slug or service_id

    @property
    def encloses(self) -> bool:
        """Whether what is attached to messages is read."""
        return "documents" in self.collections and "messages" in self.files

    @property
    def reads_applications(self) -> bool:
        """All but subscriptions is found by way of them."""
        return bool(set(self.collections) - {"subscriptions"})

    @property
    def reads_archive(self) -> bool:
        return "documents" in self.collections and "archive" in self.files

    def reads(self, slug: str | None, service_id: str | None) -> bool:
        return not self.services or slug in self.services or service_id in self.services
