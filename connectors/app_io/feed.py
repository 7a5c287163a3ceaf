"""IO's feed of subscriptions: who has switched a service off or on again, a day at a time (spec/app-io.md, "Preferences
in bulk"). IO makes it for bodies that write to so many that they are not to ask for each profile.

The memo: for each service, by its code in the catalogue, the next day to be read.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import httpx

from connectors.base.http import send
from contracts.connector import Memo
from contracts.failures import Deferred
from contracts.inbound import Pulled, Reach

from .mapping import KEY_HEADER, wish

FIRST_DAY: Final = date(2020, 3, 24)
"""Before it there was no feed (IO's technical guide, "Get Subscriptions Feed")."""

_READY_WITHIN = timedelta(days=2)
"""A day may be late by so much; one that is not there after that will never be."""
_LOOK_AGAIN = timedelta(hours=1)
_PACE = timedelta(seconds=1)
_UNAUTHORISED = timedelta(days=1)
_MOST_BYTES = 64 * 1_048_576
_HASH = re.compile(r"[0-9a-f]{64}")


def _today() -> date:
    return datetime.now(UTC).date()


@dataclass(frozen=True, slots=True)
class SubscriptionsFeed:
    """Reads day after day, each service with its key."""

    http: httpx.Client
    keys: Mapping[str, str] = field(repr=False)
    timeout_s: float
    today: Callable[[], date] = _today

    def pull(self, memo: Memo) -> Pulled:
        """One day of one service, the one that is furthest behind; see `contracts.inbound.Pull`.

        Raises:
            Deferred: IO does not answer, or not with a feed. Never Misconfigured: messages go on without it.
        """
        days = {scope: _day(memo.get(scope)) for scope in self.keys}
        scope = min(days, key=lambda each: (days[each], each))
        day, today = days[scope], self.today()
        if day >= today:
            return Pulled(memo, after=_LOOK_AGAIN)
        headers = {KEY_HEADER: self.keys[scope]}
        request = self.http.build_request("GET", f"/subscriptions-feed/{day}", headers=headers)
        answer = send(self.http, request, unsafe=False, deadline_s=self.timeout_s, most_bytes=_MOST_BYTES)
        until = datetime.combine(day + timedelta(days=1), time(), UTC)
        read = {each: str(days[each]) for each in days} | {scope: str(day + timedelta(days=1))}
        if answer.status == 404:
            if today - day <= _READY_WITHIN:
                return Pulled(memo, after=_LOOK_AGAIN)
            return Pulled(read, reach=(Reach(scope, until, reached=None),), after=_PACE)
        if answer.status in (401, 403):
            raise Deferred("feed.not_authorised", f"status {answer.status}", after=_UNAUTHORISED)
        if answer.status != 200:
            raise Deferred("io.busy", f"status {answer.status}", after=wish(answer))
        body = answer.object()
        on, off = (_hashes(body.get(name)) for name in ("subscriptions", "unsubscriptions"))
        if body.get("dateUTC") != str(day) or on is None or off is None:
            raise Deferred("io.unreadable", "not the feed of that day")
        # Who is in both has done both, and nobody knows in which order: he is asked for.
        return Pulled(read, reach=(Reach(scope, until, unreached=off - on, reached=on),), after=_PACE)


def _day(kept: object) -> date:
    try:
        return date.fromisoformat(str(kept))
    except ValueError:
        return FIRST_DAY


def _hashes(value: object) -> frozenset[str] | None:
    if not isinstance(value, list) or not all(isinstance(each, str) and _HASH.fullmatch(each) for each in value):
        return None
    return frozenset(value)
