"""What an administrator does at IO with the `manage` key: services and their keys, configurations of remote content.

Each operation is one call. What IO cannot take twice without harm, a new service, is not repeated after an unknown
outcome: the administrator looks at the list first.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import httpx
from pydantic import Field, StringConstraints

from connectors.base.http import Answer, send
from contracts.base import Form, HttpsUrl, Label, Markdown
from contracts.connector import Operation
from contracts.failures import Deferred, Failure, Misconfigured, Rejected, Unconfirmed
from contracts.identifiers import OrganizationTaxCode

from .config import RemoteContent, Settings, Ulid
from .mapping import KEY_HEADER

_SERVICES = "/manage/services"
_REMOTE = "/messages-sending/remote-contents/configurations"
_AUTHENTICATION = "API-KEY"

Cidr = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F.:]{3,39}(/[0-9]{1,3})?$")]
Name = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_-]{1,64}$")]
"""A service's id at IO; it goes into a path."""


class Nothing(Form):
    """No argument."""


class Page(Form):
    limit: Annotated[int, Field(ge=1, le=100)] = 100
    """Quanti servizi elencare. / How many services to list."""
    offset: Annotated[int, Field(ge=0)] = 0
    """Quanti saltarne prima. / How many to pass over first."""


class ServiceName(Form):
    service_id: Name
    """L'identificativo del servizio presso IO, da `list-services`. / The service's id at IO, from `list-services`."""


class Organization(Form):
    """Chi eroga il servizio. / Who gives the service."""

    name: Label
    """Il nome dell'ente, come l'app lo mostra. / The organisation's name, as the app shows it."""
    fiscal_code: OrganizationTaxCode
    """Il codice fiscale dell'ente, 11 cifre. / The organisation's tax code, 11 digits."""
    department_name: Label | None = None
    """L'ufficio che eroga il servizio. / The department that gives the service."""


class Metadata(Form):
    """Ciò che l'app mostra del servizio. / What the app shows of the service."""

    scope: Literal["LOCAL", "NATIONAL"] = "LOCAL"
    """Se è del territorio (`LOCAL`) o di tutta Italia (`NATIONAL`). / Whether it is the area's or all of Italy's."""
    topic_id: Annotated[int, Field(ge=0)]
    """L'argomento, col numero che ha in `list-topics`. / The topic, by its number in `list-topics`."""
    web_url: HttpsUrl | None = None
    """L'indirizzo del servizio sul web. / The service's address on the web."""
    app_ios: HttpsUrl | None = None
    """L'indirizzo dell'app del servizio nell'App Store. / Where the service's app is in the App Store."""
    app_android: HttpsUrl | None = None
    """L'indirizzo dell'app del servizio in Google Play. / Where the service's app is in Google Play."""
    tos_url: HttpsUrl | None = None
    """L'indirizzo dei termini d'uso. / Where the terms of use are."""
    privacy_url: HttpsUrl | None = None
    """L'indirizzo dell'informativa sul trattamento dei dati. / Where the privacy notice is."""
    support_url: HttpsUrl | None = None
    """L'indirizzo dell'assistenza. / Where help is to be found."""
    address: Label | None = None
    """L'indirizzo dell'ufficio. / The office's address."""
    phone: Label | None = None
    """Il telefono dell'ufficio. / The office's telephone."""
    email: Label | None = None
    """L'e-mail dell'ufficio. / The office's e-mail address."""
    pec: Label | None = None
    """La PEC dell'ufficio. / The office's certified e-mail address."""
    cta: Label | None = None
    """Il pulsante nella scheda del servizio, nella forma chiesta da IO. / The button on the service's page, in the form
    that IO asks for."""
    token_name: Label | None = None
    """Il nome del parametro con cui l'app passa il gettone della sessione. / The name of the parameter in which the app
    hands over the session's token."""


class NewService(Form):
    """Un servizio come IO lo vuole descritto. / A service as IO wants it described."""

    name: Label
    """Il nome che il cittadino legge. / The name that the citizen reads."""
    description: Markdown
    """A che cosa serve, in Markdown. / What it is for, in Markdown."""
    organization: Organization
    """L'ente a cui il servizio appartiene. / The organisation that the service belongs to."""
    metadata: Metadata
    """I dati della scheda del servizio. / The data of the service's page."""
    require_secure_channel: bool = False
    """Se IO non deve ripetere il testo in un'e-mail sua. / Whether IO is not to repeat the text in an e-mail of its
    own."""
    authorized_cidrs: tuple[Cidr, ...] = ()
    """Le reti da cui l'hub chiama, come `203.0.113.0/28`; nessuna: da ovunque. / The networks that the hub calls from;
    none: anywhere."""
    max_allowed_payment_amount: Annotated[int, Field(ge=0, le=9_999_999_999)] = 0
    """Il pagamento più alto, in centesimi di euro; con 0 ogni messaggio con un pagamento è rifiutato. / The highest
    payment, in euro cents; with 0 every message with a payment is refused."""


class ChangedService(NewService):
    service_id: Name
    """L'identificativo del servizio presso IO, da `list-services`. / The service's id at IO, from `list-services`."""


class Review(ServiceName):
    auto_publish: bool = False
    """Se IO lo pubblica appena approvato, senza `release-service`. / Whether IO publishes it once it is approved,
    without `release-service`."""


class Rotation(ServiceName):
    key: Literal["primary", "secondary"]
    """La chiave da rifare: prima quella che il connettore non usa, poi, cambiata l'impostazione, l'altra. / The key to
    make anew: first the one that the connector does not use, then, once the setting is changed, the other."""


class NewRemoteContent(Form):
    """Where the app finds what messages leave here. The key, LolliPoP and precondition are those of the settings."""

    name: Label
    """Il nome della configurazione. / The configuration's name."""
    description: Label
    """A che cosa serve. / What it is for."""
    base_url: HttpsUrl
    """`https://<host dell'ente>/callbacks/v1/<ente_id>/<connector_id>`: dove l'app chiede i contenuti. / Where the app
    asks for content: the same with the host of the ente."""
    service: Name | None = None
    """Il servizio del catalogo di cui valgono le impostazioni; assente: quelle del connettore. / The service of the
    catalogue whose settings are meant; absent: those of the connector."""


class ChangedRemoteContent(NewRemoteContent):
    configuration_id: Ulid
    """L'identificativo della configurazione, da `list-remote-content`. / The configuration's id, from
    `list-remote-content`."""


@dataclass(frozen=True, slots=True)
class Managing:
    """The operations, over the connector's client."""

    http: httpx.Client
    settings: Settings
    timeout_s: float

    def operations(self) -> dict[str, Operation]:
        """By the name that an administrator types."""
        return {
            "list-services": Operation(
                "I servizi dell'ente presso IO / The services of the organisation at IO",
                Page,
                self._list,
                begins=False,
            ),
            "list-topics": Operation(
                "Gli argomenti che un servizio può avere / The topics that a service may have",
                Nothing,
                self._get(f"{_SERVICES}/topics"),
                begins=False,
            ),
            "show-service": Operation("Un servizio / One service", ServiceName, self._of("GET", ""), begins=False),
            "create-service": Operation(
                "Crea un servizio, in bozza / Make a service, as a draft", NewService, self._create, begins=True
            ),
            "update-service": Operation(
                "Descrive di nuovo un servizio / Describe a service anew", ChangedService, self._update, begins=False
            ),
            "review-service": Operation(
                "Manda una bozza in approvazione / Send a draft to be approved", Review, self._review, begins=True
            ),
            "release-service": Operation(
                "Pubblica un servizio approvato / Publish an approved service",
                ServiceName,
                self._of("POST", "/release"),
                begins=True,
            ),
            "show-keys": Operation(
                "Le due chiavi di un servizio / The two keys of a service",
                ServiceName,
                self._of("GET", "/keys"),
                begins=False,
            ),
            "rotate-key": Operation(
                "Rifà una chiave di un servizio; la vecchia cessa subito / Make a key anew; the old one ends at once",
                Rotation,
                self._rotate,
                begins=False,
            ),
            "list-remote-content": Operation(
                "Le configurazioni dei contenuti remoti / The configurations of remote content",
                Nothing,
                self._get(_REMOTE),
                begins=False,
            ),
            "create-remote-content": Operation(
                "Registra dove stanno i contenuti / Register where content is",
                NewRemoteContent,
                self._register,
                begins=True,
            ),
            "update-remote-content": Operation(
                "Lo registra di nuovo / Register it anew", ChangedRemoteContent, self._register_anew, begins=False
            ),
        }

    def _get(self, path: str) -> Callable[[Nothing], Mapping[str, Any]]:
        return lambda _: self._call("GET", path)

    def _of(self, method: str, rest: str) -> Callable[[ServiceName], Mapping[str, Any]]:
        return lambda asked: self._call(method, f"{_SERVICES}/{asked.service_id}{rest}")

    def _list(self, page: Page) -> Mapping[str, Any]:
        return self._call("GET", f"{_SERVICES}?limit={page.limit}&offset={page.offset}")

    def _create(self, wanted: NewService) -> Mapping[str, Any]:
        return self._call("POST", _SERVICES, wanted.model_dump(mode="json", exclude_none=True), unsafe=True)

    def _update(self, wanted: ChangedService) -> Mapping[str, Any]:
        body = wanted.model_dump(mode="json", exclude_none=True, exclude={"service_id"})
        return self._call("PUT", f"{_SERVICES}/{wanted.service_id}", body)

    def _review(self, wanted: Review) -> Mapping[str, Any]:
        body = {"auto_publish": wanted.auto_publish}
        return self._call("PUT", f"{_SERVICES}/{wanted.service_id}/review", body)

    def _rotate(self, wanted: Rotation) -> Mapping[str, Any]:
        # Not repeated: a second renewal would end the key that the first one gave to nobody.
        return self._call("PUT", f"{_SERVICES}/{wanted.service_id}/keys/{wanted.key}", unsafe=True)

    def _register(self, wanted: NewRemoteContent) -> Mapping[str, Any]:
        return self._call("POST", _REMOTE, self._configuration(wanted), unsafe=True)

    def _register_anew(self, wanted: ChangedRemoteContent) -> Mapping[str, Any]:
        return self._call("PUT", f"{_REMOTE}/{wanted.configuration_id}", self._configuration(wanted))

    def _configuration(self, wanted: NewRemoteContent) -> dict[str, Any]:
        """What IO has to know is what is checked here: neither can be set without the other."""
        remote = self._remote(wanted.service)
        lollipop = remote.lollipop
        return {
            "name": wanted.name,
            "description": wanted.description,
            "has_precondition": remote.precondition.when if remote.precondition else "NEVER",
            "is_lollipop_enabled": lollipop is not None,
            "disable_lollipop_for": list(lollipop.disabled_for) if lollipop is not None else [],
            "prod_environment": {
                "base_url": wanted.base_url,
                "details_authentication": {
                    "header_key_name": remote.header,
                    "key": remote.key.get_secret_value(),
                    "type": _AUTHENTICATION,
                },
            },
        }

    def _remote(self, service: str | None) -> RemoteContent:
        found = self.settings if service is None else self.settings.services.get(service)
        remote = None if found is None else found.remote_content
        if remote is None:
            raise Rejected("manage.no_remote_content", "set remote_content first, with any configuration_id")
        return remote

    def _call(self, method: str, path: str, body: object = None, *, unsafe: bool = False) -> Mapping[str, Any]:
        key = self.settings.manage_key
        headers = {KEY_HEADER: key.get_secret_value() if key is not None else ""}
        request = self.http.build_request(method, path, json=body, headers=headers)
        answer = send(self.http, request, unsafe=unsafe, deadline_s=self.timeout_s)
        if answer.status in (200, 201):
            found = answer.object()
            if not found:
                raise Unconfirmed("io.unreadable", f"status {answer.status} without an object")
            return found
        if answer.status == 204:
            return {}
        raise _failure(answer, unsafe=unsafe)


def _failure(answer: Answer, *, unsafe: bool) -> Failure:
    detail = f"status {answer.status}"
    match answer.status:
        case 401 | 403:
            return Misconfigured("manage.key_refused", detail)
        case 408 | 429:
            return Deferred("io.busy", detail)
        case status if 300 <= status < 400:
            return Misconfigured("io.not_the_api", detail)
        case 404:
            return Rejected("manage.not_there", detail)
        case 409:
            return Rejected("manage.wrong_state", f"{detail}: the service's status does not allow it")
        case status if 400 <= status < 500:
            # IO's own words: they are about what the administrator wrote, and about nobody.
            told = answer.object().get("detail")
            return Rejected("manage.bad_request", f"{detail}: {told}"[:500] if isinstance(told, str) else detail)
        case _:
            return Unconfirmed("io.no_clear_answer", detail) if unsafe else Deferred("io.unavailable", detail)
