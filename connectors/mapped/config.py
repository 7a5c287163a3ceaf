"""The settings: a mapping, and where its records come from.

`rest`: asked for, page by page. `webhook`: the source calls. `file`: an administrator uploads; whatever the source is,
files can be uploaded as well, as they are read by the same mapping.
"""

from collections.abc import Iterator
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
from contracts.naming import Named
from contracts.proving import ProofSettings
from contracts.tls import TlsSettings

from .document import MappingDocument

Parameter = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[A-Za-z0-9_.\[\]-]+$")]
HeaderName = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[A-Za-z0-9-]+$")]
PrivateHosts = Annotated[Hosts, Listed]


def _sendable(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value() or not all(" " <= each <= "~" for each in secret.get_secret_value()):
        raise ValueError("Solo ASCII stampabile / printable ASCII")
    return secret


Secret = Annotated[SecretStr, AfterValidator(_sendable)]


class Settings(PatientSettings, ProofSettings, TlsSettings):
    """A mapping and its source. What belongs to another source is refused rather than ignored."""

    model_config = ConfigDict(hide_input_in_errors=True)

    mapping: Annotated[MappingDocument, written(MappingDocument)]
    """Le regole che fanno dei record della fonte elementi dell'hub: un documento, anche come testo in JSON
    (`docs/mappings.md`). / The rules that make the source's records items of the hub: a document, also as a text in
    JSON (`docs/mappings.md`)."""
    origin: Literal["rest", "webhook", "file"] = "file"
    """Da dove vengono i record: chiesti pagina per pagina (`rest`), mandati dalla fonte (`webhook`), caricati da un
    amministratore (`file`). / Where records come from: asked for page by page (`rest`), sent by the source (`webhook`),
    uploaded by an administrator (`file`)."""

    url: CallbackUrl | None = None
    """Con `rest`: l'indirizzo https della fonte, con ciò che si chiede sempre dopo il `?`. / With `rest`: the source's
    https address, with what it is always asked for behind `?`."""
    private_hosts: PrivateHosts = ()
    """Gli host che possono stare a un indirizzo privato. / Hosts that may be at a private address."""
    auth: Literal["none", "header", "basic", "oauth"] = "none"
    """Come la fonte ci riconosce, oltre a `proof`, che va con ciascuno. / How the source knows us, beside `proof`,
    which goes with any."""
    auth_header: HeaderName = "Authorization"
    """Con `header`: il nome dell'intestazione; `secret` ne è il valore. / With `header`: its name; `secret` is its
    value."""
    auth_user: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    """Con `basic`: l'utente; con `oauth`: l'id del client. / With `basic`: the user; with `oauth`: the client's id."""
    secret: Secret | None = None
    """Con `header`: il valore; con `basic`: la password; con `oauth`: il segreto del client. Li dà chi gestisce la
    fonte. / With `header`: its value; with `basic`: the password; with `oauth`: the client's secret. Whoever runs the
    source gives them."""
    token_url: CallbackUrl | None = None
    """Con `oauth`: dove si chiede un token (client credentials). / With `oauth`: where a token is asked for (client
    credentials)."""
    token_scope: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = None
    """Con `oauth`: lo `scope` che si chiede, se la fonte lo vuole. / With `oauth`: the `scope` that is asked for, where
    the source wants one."""

    paging: Literal["none", "page", "offset", "cursor", "link"] = "none"
    """Come si passa alla pagina seguente: per numero, per posizione, per cursore, per link. / How the next page is
    reached: by number, by offset, by cursor, by link."""
    page_parameter: Parameter | None = None
    """Con `page`, `offset`, `cursor`: il nome del parametro. / With `page`, `offset`, `cursor`: the parameter's
    name."""
    first_page: Annotated[int, Field(ge=0, le=1)] = 1
    """Con `page`: il numero della prima pagina, 0 o 1. / With `page`: the number of the first page, 0 or 1."""
    size_parameter: Parameter | None = None
    """Il nome del parametro per quanti record si vogliono a pagina, se la fonte ne ha uno. / The name of the parameter
    for how many records a page is to have, where the source has one."""
    size: Annotated[int, Field(ge=1, le=1000)] = 100
    """Quanti record per pagina. / Records of a page."""
    next: ExpressionText | None = None
    """Con `cursor`, `link`: dove nella risposta sta il seguente (JMESPath); se manca, l'intestazione Link, rel=next. /
    With `cursor`, `link`: where in the answer the next one is (JMESPath); by default the header Link, rel=next."""
    since_parameter: Parameter | None = None
    """Il nome del parametro per chiedere solo ciò che è cambiato da un certo momento; vuole `changed_at`. / The name of
    the parameter that asks only for what changed since a moment; needs `changed_at`."""
    since_form: Literal["utc", "offset", "date", "unix"] = "utc"
    """Come si scrive quel momento: in UTC, con la differenza dall'UTC, come giorno, in secondi dal 1970. / How that
    moment is written: in UTC, with its offset, as a day, in seconds since 1970."""
    changed_at: ExpressionText | None = None
    """Dove in un record sta quando è cambiato (JMESPath): un istante. / Where in a record it stands when it changed
    (JMESPath): an instant."""
    since_overlap_s: Annotated[int, Field(ge=1, le=604_800)] = 300
    """Secondi che si chiedono di nuovo: se orologi e scritture non vanno al passo nulla si perde, e ciò che è uguale
    non si tiene. Almeno il secondo dell'ultimo cambiamento. / Seconds that are asked for again: where clocks and
    commits are out of step nothing is lost, and what is the same is not kept. At least the second of the last change: a
    source that counts in seconds may have had more in it later."""

    record_url: CallbackUrl | None = None
    """Con `lists_all`: l'indirizzo di un record senza il suo id, che va in fondo. / With `lists_all`: the address of
    one record but for its id, which comes at the end."""
    whole_every_s: Annotated[int, Field(ge=60, le=2_592_000)] = 86_400
    """Con `lists_all` e `since_parameter`: secondi tra due giri che chiedono tutto. / With `lists_all` and
    `since_parameter`: seconds between two rounds that ask for all."""

    webhook_keys: Secret | None = None
    """Con `webhook`: chiavi `whsec_` o `whpk_` di Standard Webhooks, separate da spazi, date da chi gestisce la fonte.
    / With `webhook`: `whsec_` or `whpk_` of Standard Webhooks, blanks between, from whoever runs the source."""
    webhook_header: HeaderName | None = None
    """Con `webhook`: un'intestazione che contiene `webhook_secret`. / With `webhook`: a header that holds
    `webhook_secret`."""
    webhook_secret: Secret | None = None
    """Il valore di quell'intestazione, almeno 16 caratteri, uguale a quello messo nella fonte. / That header's value,
    at least 16 characters, the same as is set at the source."""

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

    def named(self) -> Iterator[Named]:
        """contracts.naming.Naming."""
        yield from super().named()
        for n, one in enumerate(self.mapping.items):
            yield from one.named(f"/mapping/items/{n}")

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if (self.origin == "rest") is not (self.url is not None):
            raise ValueError("url: serve con origin=rest, e solo lì / needed with origin=rest, and only there")
        for name, url in (("url", self.url), ("token_url", self.token_url)):
            if (
                url is not None
                and place_of(url)[0] == "http"
                and not may_be_plain(place_of(url)[1], self.private_hosts)
            ):
                raise ValueError(
                    f"{name}: http solo in locale e se elencato in private_hosts / "
                    "plain http is for loopback alone, and listed in private_hosts"
                )
        if (self.auth == "none") is not (self.secret is None):
            raise ValueError(
                "secret: serve dove auth non è none, e solo lì / needed where auth is not none, and only there"
            )
        if (self.auth in ("basic", "oauth")) is not (self.auth_user is not None):
            raise ValueError(
                "auth_user: serve con auth=basic e oauth, e solo lì / "
                "needed with auth=basic and auth=oauth, and only there"
            )
        if (self.auth == "oauth") is not (self.token_url is not None):
            raise ValueError("token_url: serve con auth=oauth, e solo lì / needed with auth=oauth, and only there")
        if self.auth != "none" and self.origin != "rest":
            raise ValueError("auth: va con origin=rest / goes with origin=rest")
        if self.proof == "pdnd" and self.auth != "none" and self.auth_header.lower() == "authorization":
            raise ValueError("auth: in Authorization c'è già il voucher / the voucher of PDND stands in Authorization")
        self._paging_is_whole()
        self._lists_all()
        self._calls_are_proved()
        return self

    def _paging_is_whole(self) -> None:
        if (self.paging in ("page", "offset", "cursor")) is not (self.page_parameter is not None):
            raise ValueError(
                "page_parameter: serve con paging=page, offset e cursor / "
                "needed with paging=page, offset and cursor, and only there"
            )
        if self.paging == "cursor" and self.next is None:
            raise ValueError("next: serve con paging=cursor / needed with paging=cursor")
        if self.next is not None and self.paging not in ("cursor", "link"):
            raise ValueError("next: va con paging=cursor e link / goes with paging=cursor and link")
        if self.paging != "none" and self.next is not None and self.mapping.reads.format != "json":
            raise ValueError(
                "next: si cerca solo nel JSON / is looked for in JSON; with other formats a link comes in a header"
            )
        if (self.since_parameter is None) is not (self.changed_at is None):
            raise ValueError("changed_at: va insieme a since_parameter / it and since_parameter go together")

    def _lists_all(self) -> None:
        if self.mapping.lists_all is not None and self.origin == "webhook":
            raise ValueError(
                "mapping/lists_all: va con origin=rest e file / "
                "goes with origin=rest and file: a call is never all there is"
            )
        if self.record_url is not None:
            if self.url is None or self.mapping.lists_all is None:
                raise ValueError(
                    "record_url: va con origin=rest e lists_all / goes with origin=rest and a mapping with lists_all"
                )
            if place_of(self.record_url) != place_of(self.url):
                raise ValueError(
                    "record_url: allo stesso host di url / at the host of url, as the credentials go there"
                )
            if self.mapping.reads.format != "json":
                raise ValueError("record_url: un record si legge come JSON / one record is read as JSON")
        elif self.mapping.lists_all is not None and self.mapping.lists_all.record_id is not None:
            raise ValueError("mapping/lists_all/record_id: va con record_url / goes with record_url")

    def _calls_are_proved(self) -> None:
        if (self.webhook_header is None) is not (self.webhook_secret is None):
            raise ValueError("webhook_secret: va insieme a webhook_header / it and webhook_header go together")
        proved = self.webhook_keys is not None or self.webhook_secret is not None
        if proved is not (self.origin == "webhook"):
            raise ValueError("webhook_keys or webhook_secret: needed with origin=webhook, and only there")
        if self.webhook_secret is not None and len(self.webhook_secret.get_secret_value()) < 16:
            raise ValueError("webhook_secret: almeno 16 caratteri / at least 16 characters")
