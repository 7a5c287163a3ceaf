"""Broadcasts at work (S41), and openings (S10): whoever sweeps goes on with those that run, some messages at a time.

A portion is read outside the commit that writes it, so that nobody waits for the reading; the commit checks that it is
still the next one. A process that dies leaves the cursor where the last commit put it.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from contracts.broadcasts import Broadcast, Opening
from contracts.items import Message, Subscription
from hub.errors import StoreUnavailable
from hub.registry import Registry
from hub.store.broadcasts import (
    Begun,
    Broadcasts,
    Portion,
    Running,
    begin,
    has_begun,
    message_identity,
    opening_id,
    running_broadcasts,
)
from hub.store.committer import Committer
from hub.store.database import Database, Tx
from hub.store.drafts import Draft
from hub.store.faults import IN_TROUBLE
from hub.store.ports import Vault
from hub.store.rows import ItemKey
from hub.store.subscribers import START, Found, Place, subscriptions_page

from .following import Route, own_message, route_of
from .likeness import shown_like
from .notices import cut, plain
from .openings import CONCERNED, concerned, enrolled, opening_message, openings
from .rules import Rules
from .subscribers import ENROLLED, WAITING, Subscriber, subscribed, subscriber

log = logging.getLogger(__name__)

PORTION = 200
"""Messages in a commit: a few tenths of a second, beside which what vendors publish goes on."""
_READ = 25
"""Pages of subscriptions to other services that are read for one portion."""
_BURST = timedelta(seconds=30)
"""How much of its pace a broadcast may catch up on at once: the time between two sweeps, not that of a night."""


def audience(content: Broadcast | Opening) -> tuple[str, ...]:
    """The states of those it is for."""
    if isinstance(content, Opening):
        return CONCERNED
    return ENROLLED + WAITING if content.waitlisted else ENROLLED


@dataclass(frozen=True, slots=True)
class Addressees:
    """Who of a page of subscriptions is to be written to."""

    content: Broadcast | Opening
    now: datetime
    there: Mapping[str, Collection[str]]
    """Of an opening: who need not enrol, by citizen."""

    def of(self, found: Found) -> Subscriber | None:
        """The subscription, if its holder is to be written to."""
        if isinstance(self.content, Opening):
            return concerned(found, self.content, self.now, self.there[found.key[1]])
        return subscriber(found, self.content.code, self.now)

    def reach(self, found: Found) -> bool:
        """Whether there is one. Of a broadcast the whole content is not read for it."""
        if isinstance(self.content, Opening):
            return self.of(found) is not None
        return subscribed(found, self.content.code, self.now)


def audience_page(
    database: Database, vault: Vault, ente_id: str, content: Broadcast | Opening, now: datetime, after: Place
) -> tuple[list[Found], Addressees, Place | None]:
    """The next subscriptions, who of them is to be written to, and where to go on, None at the end."""
    with database.read() as connection:
        page, more = subscriptions_page(connection, vault, ente_id, audience(content), after)
        there = enrolled(connection, vault, ente_id, content, page) if isinstance(content, Opening) and page else {}
    return page, Addressees(content, now, there), more


def count_audience(database: Database, vault: Vault, ente_id: str, content: Broadcast | Opening, now: datetime) -> int:
    """How many persons it reaches: each counts once, however many subscriptions it holds."""
    count, last = 0, ""
    after: Place | None = START
    while after is not None:
        page, addressees, after = audience_page(database, vault, ente_id, content, now, after)
        for found in page:
            if found.key[1] != last and addressees.reach(found):
                count, last = count + 1, found.key[1]
    return count


def rendered(content: Broadcast, facts: Mapping[str, str], language: str) -> tuple[str, str]:
    """Title and body as they are written in that language; the facts are plain text."""
    text = content.en if language == "en" and content.en is not None else content.it
    plainly = {name: plain(value) for name, value in facts.items()}
    return cut(text.filled("title", dict(facts))), text.filled("body", plainly)


def message_of(content: Broadcast, item: Subscription, service: str, now: datetime) -> Message:
    """The message to the holder of a subscription. What is known of its sensitivity holds for the message too."""
    language = "en" if content.en is not None and item.language[:2] == "en" else "it"
    title, body = rendered(content, {"title": item.title, "service": service}, language)
    return Message(
        external_id="broadcast",
        version=1,
        source="hub",
        **shown_like(item),
        title=title,
        occurred_at=now.replace(microsecond=0),
        language=language,
        kind="broadcast",
        body_markdown=body,
        notify=item.notify.wordless(),
    )


def allowance(paced_at: datetime, now: datetime, per_second: int) -> int:
    """How many messages its pace allows now, if the next was allowed from `paced_at` on."""
    waited = min(max(now - paced_at, timedelta()), _BURST)
    return int(waited.total_seconds() * per_second)


@dataclass(frozen=True, slots=True)
class BroadcastRunner:
    """Goes on with broadcasts."""

    database: Database
    committer: Committer
    vault: Vault
    broadcasts: Broadcasts
    route: Route
    registry: Callable[[], Registry]
    rules: Callable[[str], Rules]

    def go_on(self) -> int:
        """Begin with the openings that are news, and write what the pace of each that runs allows; gives how many
        portions were written."""
        with self.database.read() as connection:
            now = self.database.now(connection)
            news = [each for each in openings(self.registry(), now) if not has_begun(connection, each)]
        for each in news:
            if self.rules(each.ente_id).on_window() is not None:
                _apart(partial(self.begin, each, now), each.broadcast_id)
        with self.database.read() as connection:
            running = running_broadcasts(connection, self.vault)
        return sum(_apart(partial(self._one, broadcast), broadcast.broadcast_id) for broadcast in running)

    def begin(self, begun: Begun, now: datetime) -> None:
        """It goes on by itself from now on, unless another process has begun it."""
        expected = count_audience(self.database, self.vault, begun.ente_id, begun.content, now)

        def write(tx: Tx, wishes: Sequence[Begun]) -> list[None]:
            for wish in wishes:
                begin(tx, self.vault, wish, expected)
            return [None] * len(wishes)

        self.committer.write(write, begun)

    def _one(self, broadcast: Running) -> int:
        with self.database.read() as connection:
            now = self.database.now(connection)
        allowed, done = allowance(broadcast.paced_at, now, broadcast.content.per_second), 0
        while allowed > 0:
            portion = self.portion(broadcast, min(allowed, PORTION), now)
            taken = timedelta(seconds=len(portion.messages) / broadcast.content.per_second)
            portion = replace(portion, paced_at=max(broadcast.paced_at, now - _BURST) + taken)
            if not self.committer.write(self.broadcasts.write, portion):
                break  # another process has it, it was stopped, or the one before is to be read again
            done += 1
            if portion.last:
                break
            allowed -= len(portion.messages) or PORTION
            broadcast = replace(broadcast, after=portion.after, paced_at=portion.paced_at)
        return done

    def portion(self, broadcast: Running, most: int, now: datetime) -> Portion:
        """The next messages, `most` at most; few or none where others' subscriptions lie between."""
        messages: list[tuple[Draft, ItemKey, int]] = []
        persons: set[str] = set()
        failed, after = 0, broadcast.after
        for _ in range(_READ):
            page, addressees, more = audience_page(
                self.database, self.vault, broadcast.ente_id, broadcast.content, now, after
            )
            for found in page:
                if len(messages) == most:
                    return Portion(broadcast, messages, failed, after, broadcast.paced_at, last=False)
                after = found.place
                if found.key[1] in persons or found.received_at > broadcast.created_at:
                    continue  # who came later was not among those who were counted
                try:
                    draft = self._draft(broadcast, found, addressees)
                except Exception:
                    # One who cannot be written to must not keep all others from their message.
                    log.exception("broadcast.failed broadcast=%s item=%s", broadcast.broadcast_id, found.key[2])
                    failed += 1
                    continue
                if draft is not None:
                    persons.add(found.key[1])
                    messages.append((draft, found.key, found.version))
            if more is None:
                return Portion(broadcast, messages, failed, after, broadcast.paced_at, last=True)
            after = more
        return Portion(broadcast, messages, failed, after, broadcast.paced_at, last=False)

    def _draft(self, broadcast: Running, found: Found, addressees: Addressees) -> Draft | None:
        one = addressees.of(found)
        if one is None:
            return None
        ente_id, citizen_id, _ = found.key
        message = self._message(broadcast, one.content, addressees.now)
        if message is None:
            return None
        draft = own_message(message, one.content, ente_id, route=route_of(self.route, ente_id, found.vendor_id))
        return replace(draft, identity=message_identity(ente_id, broadcast.broadcast_id, citizen_id))

    def _message(self, broadcast: Running, item: Subscription, now: datetime) -> Message | None:
        """None where an opening is no news any more: its rule was switched off, its window closed or was moved."""
        registry, ente_id, content = self.registry(), broadcast.ente_id, broadcast.content
        service = registry.subscription_services.get((ente_id, content.code))
        if isinstance(content, Broadcast):
            return message_of(content, item, content.code if service is None else service.name, now)
        rule = self.rules(ente_id).on_window()
        if rule is None or service is None or service.service_id is None or service.enrol_window is None:
            return None
        opens_at, closes_at = service.enrol_window.opens_at, service.enrol_window.closes_at
        if not now < closes_at or opening_id(ente_id, content.code, opens_at) != broadcast.broadcast_id:
            return None
        content = content.model_copy(update={"closes_at": closes_at})
        return opening_message(item, rule, content, service, registry.card(ente_id, service.service_id), now)


def _apart(do: Callable[[], int | None], broadcast_id: str) -> int:
    """Of one broadcast; where it fails, the others and what is due besides go on, and it is tried again. Raises what
    a store that is away does."""
    try:
        return do() or 0
    except (StoreUnavailable, *IN_TROUBLE):
        raise
    except Exception:
        log.exception("broadcast.put_off broadcast=%s", broadcast_id)
        return 0
