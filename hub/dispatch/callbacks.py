"""What vendors and followers are told at their own addresses: which addresses they may name, what a delivery says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from pydantic import ValidationError

from contracts.callbacks import CallbackSettings
from contracts.connector import CALLBACK, Notice, Push
from contracts.failures import Skipped
from contracts.faults import bilingual, led
from contracts.identifiers import holds_tax_code
from hub.errors import Fault, ReplyToForbidden, RequestInvalid
from hub.registry import Registry
from hub.store.configuration import FOLLOWER
from hub.store.outbox import Claim
from hub.store.pushing import TYPE, connector_of, vendor_of

from .pool import Configs

Source = Callable[[str, str, str], Push]
"""(ente_id, vendor_id, what) -> what is told. Raises LookupError where there is nothing any more."""


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Callbacks of vendors, by lane (`replies`, `events`), and those of systems of the ente, who `follow` items."""

    configs: Callable[[], Configs]
    registry: Callable[[], Registry]
    sources: Mapping[str, Source]
    follow: Callable[[Claim, Mapping[str, Any]], Notice]
    """(claim, settings of the connector) -> what is told."""

    def reply_to(self, ente_id: str, vendor_id: str, given: list[str]) -> str | None:
        """The address of `X-ReplyTo`, None without one.

        Raises:
            RequestInvalid: given more than once, not in the form of an address, or with a tax code in it.
            ReplyToForbidden: its host is not registered for the vendor.
        """
        if not given:
            return None
        settings = self._settings(ente_id, vendor_id)
        try:
            (url,) = given
            CallbackSettings(issuer="-", url=url)
        except (ValueError, ValidationError):
            detail = bilingual(
                "Un solo indirizzo https, host in minuscolo, senza credenziali né frammento",
                "one https address, host in lower case, without credentials and fragment",
            )
            raise RequestInvalid(
                led("X-ReplyTo", detail), faults=(Fault("#header/X-ReplyTo", "header.invalid", detail),)
            ) from None
        if holds_tax_code(unquote(url)):  # it is kept in clear, and ends in the logs on its way (RAC_GEN_004)
            detail = bilingual(
                "Contiene un codice fiscale: un indirizzo non deve indicare nessuno",
                "it contains a tax code: an address names nobody",
            )
            raise RequestInvalid(
                led("X-ReplyTo", detail), faults=(Fault("#header/X-ReplyTo", "header.personal_data", detail),)
            )
        if settings is None or not settings.admits(url):
            raise ReplyToForbidden
        return url

    def notice(self, claim: Claim) -> Notice:
        """What a claimed delivery tells. Raises Skipped where there is nothing to tell any more."""
        config = self.configs().get((claim.ente_id, claim.connector_id))
        if config is not None and config.type == FOLLOWER:
            return self.follow(claim, config.settings)
        lane, vendor_id = vendor_of(claim.connector_id)
        try:
            push = self.sources[lane](claim.ente_id, vendor_id, claim.message_id)
        except LookupError:
            raise Skipped("callback.nothing_to_tell") from None
        return Notice(
            delivery_id=claim.delivery_id,
            ente_name=self.registry().ente(claim.ente_id).name,
            kind=CALLBACK,
            language="it",
            created_at=claim.created_at,
            deep_link="",
            tax_code="",
            email=None,
            title="",
            body_markdown="",
            push=push,
        )

    def _settings(self, ente_id: str, vendor_id: str) -> CallbackSettings | None:
        config = self.configs().get((ente_id, connector_of("replies", vendor_id)))
        if config is None or config.type != TYPE:
            return None
        try:
            return CallbackSettings.model_validate(dict(config.settings))
        except ValidationError:
            return None
