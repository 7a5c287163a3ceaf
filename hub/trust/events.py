"""PDND's feeds of key events: whatever happened to a key, it is forgotten here, in each process, within seconds."""

import asyncio
import json
import logging
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from .environment import KeyName
from .http import FetchFailed, Pause
from .keys import read_object
from .pdnd import PdndClient, PdndKeys
from .resolver import Resolver

log = logging.getLogger(__name__)

PAGE: Final = 100
_LOOK_S: Final = 0.5
_KEEP_EVERY_S: Final = 60.0
_EVENT_ID: Final = re.compile(r"[0-9A-Za-z-]{1,64}")


class Positions:
    """The last event seen of each feed, kept in a file so that a start need not read years of events again.

    Any older position serves: a process that starts has no keys that an event could be about.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept_at = float("-inf")
        self._last: dict[str, str] = {}
        with suppress(OSError, ValueError, AttributeError):
            kept = json.loads(path.read_bytes())
            self._last = {key: value for key, value in kept.items() if isinstance(value, str)}

    def get(self, feed: str) -> str | None:
        return self._last.get(feed)

    def set(self, feed: str, last: str | None) -> None:
        if self._last.get(feed) == last:
            return
        if last is None:
            del self._last[feed]
        else:
            self._last[feed] = last
        if time.monotonic() - self._kept_at > _KEEP_EVERY_S:
            self._kept_at = time.monotonic()
            with suppress(OSError):  # a disk that is full costs time at the next start, no more
                beside = self._path.with_suffix(".new")
                beside.write_text(json.dumps(self._last))
                beside.replace(self._path)


class KeyFeed:
    """One feed of one environment: that of consumers' keys, or of producers'; in v1 one feed is both."""

    def __init__(self, client: PdndClient, *, producer: bool, resolver: Resolver, positions: Positions) -> None:
        environment = client.environment
        self._client = client
        self._producer = producer
        self._resolver = resolver
        self._positions = positions
        self._v1 = environment.api_version == "v1"
        # Numbers of v1 mean nothing to v2: after a change of version the feed begins anew.
        self.name = f"{environment.issuer} {environment.api_version} {'producer' if producer else 'consumer'}"
        self._pause = Pause()  # its own: a feed that fails must not keep keys from being fetched
        self._read_at = float("-inf")

    @property
    def lag_s(self) -> float:
        """Seconds since the end of the feed was last seen; without end where it never was."""
        return time.monotonic() - self._read_at

    async def follow(self) -> None:
        """Read the feed until cancelled."""
        failing = False
        while True:
            try:
                more = await self.poll()
            except FetchFailed as failure:
                more = False
                if not failing:
                    log.warning("pdnd.events_failed feed=%s problem=%s", self.name, failure.problem)
                failing = True
            except Exception:
                # A feed that nobody reads leaves revoked keys alive: whatever it was, it is tried again.
                more, failing = False, True
                log.exception("pdnd.events_failed feed=%s", self.name)
            else:
                if failing:
                    log.info("pdnd.events_back feed=%s", self.name)
                failing = False
            if not more:
                await asyncio.sleep(self._client.environment.events_every_s)

    async def poll(self) -> bool:
        """Take one page; says whether there is more. Raises FetchFailed."""
        last = self._positions.get(self.name)
        params = {"limit": str(PAGE)} | ({"lastEventId": last or "0"} if self._v1 or last else {})
        answer = await self._client.ask(self._path, params, also=(400, 404) if last else (), pause=self._pause)
        if answer.status != 200:
            log.warning("pdnd.events_lost feed=%s", self.name)
            self._positions.set(self.name, None)
            self._resolver.drop_all("pdnd-key")
            return True
        events = list(self._read(read_object(answer.body)))
        for event_id, kid in events:
            if kid is None:
                log.warning("pdnd.event_unknown feed=%s event=%s", self.name, event_id)
                self._resolver.drop_all("pdnd-key")
            else:
                self._forget(kid)
        if events:
            self._positions.set(self.name, events[-1][0])
        more = len(events) == PAGE and events[-1][0] != last
        if not more:
            self._read_at = time.monotonic()
        return more

    @property
    def _path(self) -> str:
        if self._v1:
            return "/events/keys"
        return "/producerKeyEvents" if self._producer else "/keyEvents"

    def _read(self, content: dict[str, Any]) -> Iterator[tuple[str, str | None]]:
        """(event id, kid) of each event; None for one of another form, which may be about any key.

        Raises:
            FetchFailed: nothing of the page was taken.
        """
        events = content.get("events")
        if not isinstance(events, list) or len(events) > PAGE:
            raise FetchFailed("malformed")
        for event in events:
            if not isinstance(event, dict):
                raise FetchFailed("malformed")
            named = event.get("objectId") if self._v1 else event
            event_id = str(event.get("eventId" if self._v1 else "id"))
            kid = named.get("kid") if isinstance(named, dict) else None
            if not _EVENT_ID.fullmatch(event_id):
                raise FetchFailed("malformed")
            yield event_id, kid if isinstance(kid, str) else None

    def _forget(self, kid: str) -> None:
        """Also of a key that was added: it may stand on the shelf as one that does not exist."""
        for issuer in ("", self._client.environment.issuer):
            for producer in (False, True) if self._v1 else (self._producer,):
                self._resolver.drop("pdnd-key", str(KeyName(kid, issuer, producer)))


class KeyFeeds:
    """The feeds of all environments; begins and ends to follow them as the configuration changes."""

    def __init__(self, keys: PdndKeys, resolver: Resolver, positions: Positions) -> None:
        self._keys = keys
        self._resolver = resolver
        self._positions = positions
        self._following: dict[PdndClient, list[tuple[KeyFeed, asyncio.Task[None]]]] = {}

    def lags(self) -> dict[str, float]:
        """By issuer, the lag of the feed that is behind most, in seconds."""
        return {
            client.environment.issuer: max(feed.lag_s for feed, _ in feeds)
            for client, feeds in list(self._following.items())
        }

    async def follow(self) -> None:
        """Run until cancelled."""
        try:
            while True:
                self._reconcile()
                await asyncio.sleep(_LOOK_S)
        finally:
            for client in list(self._following):
                self._end(client)

    def _reconcile(self) -> None:
        wanted = {client for client in self._keys.clients().values() if client.access.has_api}
        for client in self._following.keys() - wanted:
            self._end(client)
            self._resolver.drop_all("pdnd-key")  # what nobody follows any more
        for client in wanted - self._following.keys():
            kinds = (False,) if client.environment.api_version == "v1" else (False, True)
            feeds = [
                KeyFeed(client, producer=producer, resolver=self._resolver, positions=self._positions)
                for producer in kinds
            ]
            self._following[client] = [(feed, asyncio.create_task(feed.follow())) for feed in feeds]

    def _end(self, client: PdndClient) -> None:
        for _, task in self._following.pop(client):
            task.cancel()
