"""The settings of the App IO connector.

A key belongs to one service at IO. Where an ente has several, each service of its catalogue may have its own; whatever
has none goes out by the connector's.
"""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, TypeAdapter, model_validator

from connectors.base.keys import Key
from contracts.base import Code, HttpsUrl, Markdown, Model, Title
from contracts.callbacks import Hosts
from contracts.identifiers import OrganizationTaxCode
from contracts.tls import TlsSettings


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error:
        raise ValueError("is no regular expression") from None
    return text


Ulid = Annotated[str, StringConstraints(pattern=r"^[0-9A-HJKMNP-TV-Z]{26}$")]
Reader = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{16}$")]
"""Somebody's tax code, or the made-up one of a test user."""
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")]


class Lollipop(Model):
    """How to check that the citizen's own phone asks, without trusting IO (LolliPoP)."""

    assertion_url: HttpsUrl = "https://api.io.pagopa.it/lollipop/api/v1"
    assertion_key: Key
    """Of a subscription that may read assertions (group ApiLollipopAssertionRead)."""
    idp_keys_url: HttpsUrl = "https://api.is.eng.pagopa.it/idp-keys"
    """The identity providers' metadata by the time of their use: `{url}/spid` and `{url}/cie`."""
    original_url: Annotated[str, AfterValidator(_pattern)] = (
        r"https://api-app\.io\.pagopa\.it/(?:[A-Za-z0-9-]+/)*third-party-messages/[A-Za-z0-9_-]+"
        r"(?:/precondition|/attachments/[^?#\s]+)?"
    )
    """What the app may have called at IO, as a whole. The prefix of its path has changed over time."""
    disabled_for: tuple[Reader, ...] = ()
    """The same as `disable_lollipop_for` at IO: test users, whose calls are believed without a signature."""
    longest_session_days: Annotated[int, Field(ge=1, le=365)] = 30
    """How old an assertion may be; agree it with IO, whose sessions may last a year."""


class Precondition(Model):
    """What the app shows before it opens a message."""

    when: Literal["ALWAYS", "ONCE"]
    title: Title
    markdown: Markdown


class RemoteContent(Model):
    """The whole text and the files stay here, and the app fetches them (`third_party_data`)."""

    configuration_id: Ulid
    """What IO answered to `raccordo connector run ID create-remote-content`."""
    header: HeaderName = "X-Raccordo-Key"
    key: Key
    """The header by which IO proves itself here, as registered there (`details_authentication`)."""
    lollipop: Lollipop | None = None
    """None only where `is_lollipop_enabled` is false at IO: then the key alone says who asks."""
    precondition: Precondition | None = None


class Service(Model):
    """What is known of a service at IO."""

    api_key: Key
    """The primary or secondary key of the service, from the IO back office."""
    organization_tax_code: OrganizationTaxCode | None = None
    """The organisation that the service belongs to at IO. A payment whose creditor is another one is announced without
    payment data, because IO would ask to pay the service's own organisation. None: every creditor is this one."""
    advanced: bool = False
    """The service may send ADVANCED messages: then IO says whether they were read and paid, unless the citizen forbids
    it. To a service without the permission IO answers 403."""
    remote_content: RemoteContent | None = None
    """Needs `advanced`, and a permission of its own."""

    @model_validator(mode="after")
    def _advanced_first(self) -> "Service":
        if self.remote_content is not None and not self.advanced:
            raise ValueError("remote_content needs advanced")
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
    private_hosts: Hosts = ()
    """Hosts of `base_url` and of LolliPoP's addresses, where they are proxies of your own at private addresses."""
    remote_content: Annotated[RemoteContent | None, BeforeValidator(_remote), Field(json_schema_extra=_FROM_A_FILE)] = (
        None
    )
    services: Annotated[Mapping[str, Service], BeforeValidator(_services), Field(json_schema_extra=_FROM_A_FILE)] = (
        Field(default_factory=dict)
    )
    """By the code of the service in the catalogue."""
    manage_key: Key | None = None
    """The `manage` key of the IO back office, for services, their keys and remote content."""
    time_to_live: Annotated[int, Field(ge=3600, le=604_800)] = 3600
    """Seconds for which IO tries to reach the citizen's devices."""
    status_checks: Annotated[int, Field(ge=0, le=100)] = 8
    """How often to ask for the outcome before the delivery counts as done with its status unknown."""
    status_delay_s: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """The wait before the first of these questions; each further one waits three times as long, at most an hour."""
    subscriptions_feed: bool = False
    """IO has authorised the ente to read whom its services do not reach, in bulk: those who said so by yesterday are
    skipped without a question. It does so for central bodies, case by case."""
    follow_up_days: Annotated[int, Field(ge=0, le=60)] = 30
    """For how long to ask whether an ADVANCED message was read or paid; 0: never."""
    follow_up_delay_s: Annotated[float, Field(gt=0, le=86_400)] = 3600.0
    """The wait before the first of these questions; each further one waits three times as long, at most a week."""
