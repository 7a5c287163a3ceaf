"""The settings: a mapping, and where its records come from.

`rest`: asked for, page by page. `webhook`: the source calls. `file`: an administrator uploads; whatever the source is,
files can be uploaded as well, as they are read by the same mapping.
"""

from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)

from connectors.base.mapping.expressions import ExpressionText
from connectors.base.mapping.written import written
from connectors.base.webhook_verifying import VerifyingKey, read_keys
from contracts.callbacks import CallbackUrl, Hosts, may_be_plain, place_of
from contracts.following import Listed
from contracts.inbound import PatientSettings
from contracts.proving import ProofSettings
from contracts.tls import TlsSettings

from .document import MappingDocument

Parameter = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[A-Za-z0-9_.\[\]-]+$")]
HeaderName = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[A-Za-z0-9-]+$")]
PrivateHosts = Annotated[Hosts, Listed]


def _sendable(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value() or not all(" " <= each <= "~" for each in secret.get_secret_value()):
        raise ValueError("printable ASCII")
    return secret


Secret = Annotated[SecretStr, AfterValidator(_sendable)]


class Settings(PatientSettings, ProofSettings, TlsSettings):
    """A mapping and its source. What belongs to another source is refused rather than ignored."""

    model_config = ConfigDict(hide_input_in_errors=True)

    mapping: Annotated[MappingDocument, written(MappingDocument)]
    origin: Literal["rest", "webhook", "file"] = "file"

    url: CallbackUrl | None = Field(None, description="rest: an https address, with what it always asks for behind ?")
    private_hosts: PrivateHosts = Field((), description="Hosts that may be at a private address")
    auth: Literal["none", "header", "basic", "oauth"] = "none"
    """Beside `proof`, which goes with any."""
    auth_header: HeaderName = Field("Authorization", description="header: its name; `secret` is its value")
    auth_user: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = Field(
        None, description="basic: the user; oauth: the client's id"
    )
    secret: Secret | None = Field(
        None, description="header: its value; basic: the password; oauth: the client's secret"
    )
    token_url: CallbackUrl | None = Field(None, description="oauth: where a token is asked for (client credentials)")
    token_scope: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = None

    paging: Literal["none", "page", "offset", "cursor", "link"] = "none"
    page_parameter: Parameter | None = Field(None, description="page, offset, cursor: the parameter's name")
    first_page: Annotated[int, Field(ge=0, le=1)] = 1
    size_parameter: Parameter | None = None
    size: Annotated[int, Field(ge=1, le=1000)] = 100
    next: ExpressionText | None = Field(
        None, description="cursor, link: where in the answer the next one is; by default the header Link, rel=next"
    )
    since_parameter: Parameter | None = Field(None, description="Only what changed since: the parameter's name")
    since_form: Literal["utc", "offset", "date", "unix"] = "utc"
    changed_at: ExpressionText | None = Field(
        None, description="Where in a record it stands when it changed: an instant"
    )
    since_overlap_s: Annotated[int, Field(ge=1, le=604_800)] = 300
    """Asked for again: where clocks and commits are out of step nothing is lost, and what is the same is not kept. At
    least the second of the last change: a source that counts in seconds may have had more in it later."""

    record_url: CallbackUrl | None = Field(
        None, description="With lists_all: the address of one record but for its id, which comes at the end"
    )
    whole_every_s: Annotated[int, Field(ge=60, le=2_592_000)] = Field(
        86_400, description="With lists_all and since_parameter: seconds between two rounds that ask for all"
    )

    webhook_keys: Secret | None = Field(
        None, description="webhook: whsec_ or whpk_ of Standard Webhooks, blanks between"
    )
    webhook_header: HeaderName | None = Field(None, description="webhook: a header that holds webhook_secret")
    webhook_secret: Secret | None = None

    @field_validator("webhook_keys")
    @classmethod
    def _readable(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None:
            read_keys(given.get_secret_value())
        return given

    @cached_property
    def keys(self) -> tuple[VerifyingKey, ...]:
        """Those of Standard Webhooks."""
        return read_keys(self.webhook_keys.get_secret_value()) if self.webhook_keys is not None else ()

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if (self.origin == "rest") is not (self.url is not None):
            raise ValueError("url: needed with origin=rest, and only there")
        for name, url in (("url", self.url), ("token_url", self.token_url)):
            if (
                url is not None
                and place_of(url)[0] == "http"
                and not may_be_plain(place_of(url)[1], self.private_hosts)
            ):
                raise ValueError(f"{name}: plain http is for loopback alone, and listed in private_hosts")
        if (self.auth == "none") is not (self.secret is None):
            raise ValueError("secret: needed where auth is not none, and only there")
        if (self.auth in ("basic", "oauth")) is not (self.auth_user is not None):
            raise ValueError("auth_user: needed with auth=basic and auth=oauth, and only there")
        if (self.auth == "oauth") is not (self.token_url is not None):
            raise ValueError("token_url: needed with auth=oauth, and only there")
        if self.auth != "none" and self.origin != "rest":
            raise ValueError("auth: goes with origin=rest")
        if self.proof == "pdnd" and self.auth != "none" and self.auth_header.lower() == "authorization":
            raise ValueError("auth: the voucher of PDND stands in Authorization")
        self._paging_is_whole()
        self._lists_all()
        self._calls_are_proved()
        return self

    def _paging_is_whole(self) -> None:
        if (self.paging in ("page", "offset", "cursor")) is not (self.page_parameter is not None):
            raise ValueError("page_parameter: needed with paging=page, offset and cursor, and only there")
        if self.paging == "cursor" and self.next is None:
            raise ValueError("next: needed with paging=cursor")
        if self.next is not None and self.paging not in ("cursor", "link"):
            raise ValueError("next: goes with paging=cursor and link")
        if self.paging != "none" and self.next is not None and self.mapping.reads.format != "json":
            raise ValueError("next: is looked for in JSON; with other formats a link comes in a header")
        if (self.since_parameter is None) is not (self.changed_at is None):
            raise ValueError("since_parameter and changed_at go together")

    def _lists_all(self) -> None:
        if self.mapping.lists_all is not None and self.origin == "webhook":
            raise ValueError("mapping/lists_all: goes with origin=rest and file: a call is never all there is")
        if self.record_url is not None:
            if self.url is None or self.mapping.lists_all is None:
                raise ValueError("record_url: goes with origin=rest and a mapping with lists_all")
            if place_of(self.record_url) != place_of(self.url):
                raise ValueError("record_url: at the host of url, as the credentials go there")
            if self.mapping.reads.format != "json":
                raise ValueError("record_url: one record is read as JSON")
        elif self.mapping.lists_all is not None and self.mapping.lists_all.record_id is not None:
            raise ValueError("mapping/lists_all/record_id: goes with record_url")

    def _calls_are_proved(self) -> None:
        if (self.webhook_header is None) is not (self.webhook_secret is None):
            raise ValueError("webhook_header and webhook_secret go together")
        proved = self.webhook_keys is not None or self.webhook_secret is not None
        if proved is not (self.origin == "webhook"):
            raise ValueError("webhook_keys or webhook_secret: needed with origin=webhook, and only there")
        if self.webhook_secret is not None and len(self.webhook_secret.get_secret_value()) < 16:
            raise ValueError("webhook_secret: at least 16 characters")
