"""How a citizen wishes to be told: what the portal reads and changes on the citizen's behalf (S62)."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from .base import Code, Model
from .items import MessageKind

Hour = Annotated[str, StringConstraints(min_length=5, max_length=5, pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
NoticeLanguage = Literal["it", "en"]


class QuietHours(Model):
    """Hours of Italy's day in which nothing is sent but alerts; they may go over midnight."""

    start: Hour
    end: Hour

    @model_validator(mode="after")
    def _some_hours(self) -> Self:
        if self.start == self.end:
            raise ValueError("start ed end sono uguali / start and end are the same: leave quiet_hours out for none")
        return self


class Channels(Model):
    """On which channels notices come."""

    io: bool
    email: bool


class ServiceChannels(Channels):
    """On which channels the notices of one service come."""

    service_id: Code


class Unsubscribed(Model):
    """A service (none: what belongs to no service) whose e-mails were switched off by the link in one of them."""

    service_id: Code | None


class Preferences(Model):
    """A channel that is off as a whole is off for every service. What `always_sent` names comes whatever is off."""

    language: NoticeLanguage | None
    quiet_hours: QuietHours | None
    digest: Literal["off"]
    channels: Channels
    without_service: Channels
    services: Annotated[tuple[ServiceChannels, ...], Field(max_length=200, fail_fast=True)]
    unsubscribed: Annotated[tuple[Unsubscribed, ...], Field(max_length=200, fail_fast=True)]
    always_sent: Annotated[tuple[MessageKind, ...], Field(max_length=10, fail_fast=True)]


class ChannelsPatch(Model):
    io: bool | None = None
    email: bool | None = None


class PreferencesPatch(Model):
    """A merge patch (RFC 7396): lists are given whole. `unsubscribed` can only lose members: they are told again."""

    language: NoticeLanguage | None = None
    quiet_hours: QuietHours | None = None
    digest: Literal["off"] | None = None
    channels: ChannelsPatch | None = None
    without_service: ChannelsPatch | None = None
    services: Annotated[tuple[ServiceChannels, ...], Field(max_length=200, fail_fast=True)] | None = None
    unsubscribed: Annotated[tuple[Unsubscribed, ...], Field(max_length=200, fail_fast=True)] | None = None

    @model_validator(mode="after")
    def _each_service_once(self) -> Self:
        names = [each.service_id for each in self.services or ()]
        if len(set(names)) != len(names):
            raise ValueError("Un servizio è ripetuto / a service occurs twice in services")
        return self
