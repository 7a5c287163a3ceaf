"""What a reader may ask of a list, and what it is in SQL. Whose items they are is not for a filter to say."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, or_

from .tables import items, user_states

# What the hub makes of another item is no news of its own.
UNREAD = and_(
    items.c.collection != "deadlines",
    or_(user_states.c.read_at.is_(None), user_states.c.seen_version < items.c.version),
)
ARCHIVED = user_states.c.archived_at.is_not(None)
STARRED = user_states.c.starred_at.is_not(None)
NOTICE = items.c.about_item_id.is_not(None)


SHOWN = or_(items.c.folded_into.is_(None), items.c.folded_into == items.c.item_id)
"""Of the payments of one pagoPA notice, the one that stands for all (`settled` 14)."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What the reader asked for; None means any."""

    collections: tuple[str, ...] = ()
    """Any of these; without any, all."""
    states: tuple[str, ...] = ()
    services: tuple[str, ...] | None = None
    """Those of a category, which may have none."""
    service_id: str | None = None
    source: str | None = None
    unread: bool | None = None
    archived: bool | None = None
    starred: bool | None = None
    notices: bool | None = None
    """Only what the hub made of another item, or only what a source published itself."""
    turn: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    due_since: datetime | None = None
    due_until: datetime | None = None

    def conditions(self, now: ColumnElement[datetime]) -> list[ColumnElement[bool]]:
        """The same in SQL, over items joined with the citizen's own marks."""
        wanted: list[ColumnElement[bool]] = []
        for name in ("service_id", "source", "turn"):
            value = getattr(self, name)
            if value is not None:
                wanted.append(items.c[name] == value)
        if self.collections:
            wanted.append(items.c.collection.in_(self.collections))
        if self.states:
            wanted.append(shown_state(now).in_(self.states))
        if self.services is not None:
            wanted.append(items.c.service_id.in_(self.services))
        if self.unread is not None:
            wanted.append(UNREAD if self.unread else ~UNREAD)
        if self.archived is not None:
            wanted.append(ARCHIVED if self.archived else ~ARCHIVED)
        if self.starred is not None:
            wanted.append(STARRED if self.starred else ~STARRED)
        if self.notices is not None:
            wanted.append(NOTICE if self.notices else ~NOTICE)
        if self.since is not None:
            wanted.append(items.c.occurred_at >= self.since)
        if self.until is not None:
            wanted.append(items.c.occurred_at < self.until)
        if self.due_since is not None:
            wanted.append(items.c.due_at >= self.due_since)
        if self.due_until is not None:
            wanted.append(items.c.due_at < self.due_until)
        return wanted


def shown_state(now: ColumnElement[datetime]) -> ColumnElement[str]:
    """The state as shown: what has passed its `expires_at` reads as expired."""
    over = and_(items.c.expires_at.is_not(None), items.c.expires_at <= now)
    return case((over, "expired"), else_=items.c.state)
