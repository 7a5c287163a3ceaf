"""What a delivery asks of its provider, for a person: kept when an attempt did not deliver, compared at a replay."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import orjson

from contracts.connector import CALLBACK, Connector, Preview
from contracts.failures import Failure
from hub.store.committer import Committer
from hub.store.outbox import Claim
from hub.store.requests import keep_requests, last_request, seal_request

from .notices import Notices


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that would go out otherwise than last time."""

    call: str
    field: str
    change: Literal["added", "removed", "changed"]
    before: str | None
    now: str | None


@dataclass(frozen=True, slots=True)
class Requests:
    """Previews of deliveries, and the last one of each that did not arrive."""

    notices: Notices
    connector: Callable[[str, str, int], Connector | None]

    def of(self, claim: Claim) -> tuple[Preview, ...] | None:
        """The calls that the delivery would make now; None where its connector cannot tell. Raises Failure."""
        connector = self.connector(claim.ente_id, claim.connector_id, claim.connector_version)
        if connector is None or connector.preview is None:
            return None
        notice = self.notices.of(claim)
        if notice.unsubscribe_url is not None:
            # The link works for whoever has it, and is another one each time.
            notice = replace(notice, unsubscribe_url="https://unsubscribe.invalid/")
        if notice.action is not None and notice.action.kind == "confirm":
            # Only who reads the mailbox may have it: with it an operator could verify an address in another's place.
            notice = replace(notice, action=notice.action.model_copy(update={"url": "https://confirm.invalid/"}))
        return connector.preview(notice)

    def last(self, claim: Claim) -> tuple[datetime, tuple[Preview, ...]] | None:
        """The calls of the last attempt that did not deliver, and when; None where none is on record."""
        notices = self.notices
        with notices.database.read() as connection:
            citizen = notices.citizens.by_id(connection, claim.ente_id, claim.citizen_id)
            found = last_request(connection, notices.vault, citizen, claim.delivery_id)
        if found is None:
            return None
        at, content = found
        return at, tuple(Preview(each["call"], each["fields"]) for each in orjson.loads(content))

    def keep(self, committer: Committer, claim: Claim) -> None:
        """Keep what the attempt asked, if it came as far as a call. Raises StoreUnavailable, or a connector's bug."""
        if claim.channel == CALLBACK:
            return  # a copy is sealed for a citizen, and what a vendor is told is about none
        try:
            asked = self.of(claim)
        except Failure:
            return
        if asked is None:
            return
        content = orjson.dumps([{"call": each.call, "fields": dict(each.fields)} for each in asked])
        notices = self.notices
        with notices.database.read() as connection:
            citizen = notices.citizens.by_id(connection, claim.ente_id, claim.citizen_id)
        committer.write(keep_requests, seal_request(notices.vault, citizen, claim.delivery_id, content))


def differences(before: Sequence[Preview], now: Sequence[Preview]) -> list[Difference]:
    """What changed from one to the other, call by call and field by field; a call is known by its place and target."""
    old, new = _fields(before), _fields(now)
    found = []
    for key in dict.fromkeys((*old, *new)):
        was, is_ = old.get(key), new.get(key)
        if was != is_:
            change: Literal["added", "removed", "changed"] = (
                "added" if was is None else "removed" if is_ is None else "changed"
            )
            found.append(Difference(*key, change, was, is_))
    return found


def _fields(calls: Sequence[Preview]) -> Mapping[tuple[str, str], str]:
    return {(each.call, name): value for each in calls for name, value in each.fields.items()}


def claim_of(row: Mapping[str, Any]) -> Claim:
    """The delivery as if it had just been claimed for its first step; nothing is written."""
    return Claim(
        ente_id=row["ente_id"],
        delivery_id=row["delivery_id"],
        claim_id="",
        citizen_id=row["citizen_id"],
        message_id=row["message_id"],
        connector_id=row["connector_id"],
        connector_version=0,
        maybe_sent=False,
        channel=row["channel"],
        attempts=row["attempts"],
        memo={},
        unsafe=False,
        accepted=False,
        created_at=row["created_at"],
        expires_at=row["expires_at"],
    )
