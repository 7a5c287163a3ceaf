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
from contracts.base import HttpsUrl, Label, Markdown, Model
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


class Nothing(Model):
    """No argument."""


class Page(Model):
    limit: Annotated[int, Field(ge=1, le=100)] = 100
    offset: Annotated[int, Field(ge=0)] = 0


class ServiceName(Model):
    service_id: Name


class Organization(Model):
    name: Label
    fiscal_code: OrganizationTaxCode
    department_name: Label | None = None


class Metadata(Model):
    """What the app shows of a service."""

    scope: Literal["LOCAL", "NATIONAL"] = "LOCAL"
    topic_id: Annotated[int, Field(ge=0)]
    """See `list-topics`."""
    web_url: HttpsUrl | None = None
    app_ios: HttpsUrl | None = None
    app_android: HttpsUrl | None = None
    tos_url: HttpsUrl | None = None
    privacy_url: HttpsUrl | None = None
    support_url: HttpsUrl | None = None
    address: Label | None = None
    phone: Label | None = None
    email: Label | None = None
    pec: Label | None = None
    cta: Label | None = None
    token_name: Label | None = None


class NewService(Model):
    """A service as IO wants it described."""

    name: Label
    description: Markdown
    organization: Organization
    metadata: Metadata
    require_secure_channel: bool = False
    """No e-mail of IO's own then repeats the text."""
    authorized_cidrs: tuple[Cidr, ...] = ()
    """Where the hub calls from; empty: any address."""
    max_allowed_payment_amount: Annotated[int, Field(ge=0, le=9_999_999_999)] = 0
    """Euro cents. With 0 every message with a payment is refused."""


class ChangedService(NewService):
    service_id: Name


class Review(ServiceName):
    auto_publish: bool = False


class Rotation(ServiceName):
    key: Literal["primary", "secondary"]
    """Renew the one that the connector does not use, change the setting, then renew the other."""


class NewRemoteContent(Model):
    """Where the app finds what messages leave here. The key, LolliPoP and precondition are those of the settings."""

    name: Label
    description: Label
    base_url: HttpsUrl
    """`https://<the ente's host>/callbacks/v1/<ente_id>/<connector_id>`."""
    service: Name | None = None
    """The service of the catalogue whose settings are meant; None: those of the connector."""


class ChangedRemoteContent(NewRemoteContent):
    configuration_id: Ulid


@dataclass(frozen=True, slots=True)
class Managing:
    """The operations, over the connector's client."""

    http: httpx.Client
    settings: Settings
    timeout_s: float

    def operations(self) -> dict[str, Operation]:
        """By the name that an administrator types."""
        return {
            "list-services": Operation("The services of the organisation at IO", Page, self._list),
            "list-topics": Operation("The topics that a service may have", Nothing, self._get(f"{_SERVICES}/topics")),
            "show-service": Operation("One service", ServiceName, self._of("GET", "")),
            "create-service": Operation("Make a service, as a draft", NewService, self._create),
            "update-service": Operation("Describe a service anew", ChangedService, self._update),
            "review-service": Operation("Send a draft to be approved", Review, self._review),
            "release-service": Operation("Publish an approved service", ServiceName, self._of("POST", "/release")),
            "show-keys": Operation("The two keys of a service", ServiceName, self._of("GET", "/keys")),
            "rotate-key": Operation("Make a key of a service anew; the old one ends at once", Rotation, self._rotate),
            "list-remote-content": Operation("The configurations of remote content", Nothing, self._get(_REMOTE)),
            "create-remote-content": Operation("Register where content is", NewRemoteContent, self._register),
            "update-remote-content": Operation("Register it anew", ChangedRemoteContent, self._register_anew),
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
