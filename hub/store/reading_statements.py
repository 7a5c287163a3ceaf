"""The statements of the citizen's reads, made once: nothing of their reader is in them."""

from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Integer,
    Select,
    and_,
    bindparam,
    case,
    func,
    null,
    select,
    tuple_,
    union_all,
)

from .filters import ARCHIVED, NOTICE, SHOWN, UNREAD, Filters, shown_state
from .tables import Instant, item_versions, items, sources, user_states

JOIN_STATE = (
    (user_states.c.ente_id == items.c.ente_id)
    & (user_states.c.citizen_id == items.c.citizen_id)
    & (user_states.c.item_id == items.c.item_id)
)
_JOIN_VERSION = (
    (item_versions.c.ente_id == items.c.ente_id)
    & (item_versions.c.citizen_id == items.c.citizen_id)
    & (item_versions.c.item_id == items.c.item_id)
    & (item_versions.c.version == items.c.version)
)
# Made once: to build such statements costs more than to run them. `Reading._run` says for whom.
MINE = and_(
    items.c.ente_id == bindparam("me_ente"),
    items.c.citizen_id == bindparam("me_citizen"),
    items.c.min_loa <= bindparam("me_level"),
    items.c.hidden.is_(False),
)
MARKS = ("read_at", "seen_version", "archived_at", "starred_at", "confirmed_at")
"""What the citizen did with an item."""
SELECT_FOLDED = (
    select(items, item_versions.c.payload_sealed, *(user_states.c[name] for name in MARKS))
    .join(item_versions, _JOIN_VERSION)
    .outerjoin(user_states, JOIN_STATE)
    .where(MINE)
)
"""Those too that are shown as part of another one."""
SELECT = SELECT_FOLDED.where(SHOWN)
LISTED = (
    *("item_id", "collection", "state", "lifecycle", "version", "service_id", "source", "vendor_id", "turn"),
    *("sensitivity", "folded_into", "own_state", "sequence"),
    *("occurred_at", "received_at", "updated_at", "as_of", "due_at", "expires_at"),
    *("notice_key", "cost_cents", "cost_at"),
)
"""What a list shows of an item itself; after it come the citizen's marks, and its content."""
_LISTED = (
    *(items.c[name] for name in LISTED),
    *(user_states.c[name] for name in MARKS),
    item_versions.c.payload_sealed,
)
_LIST = SELECT.with_only_columns(*_LISTED, maintain_column_froms=True)
_NOW = bindparam("now", type_=Instant())
_MOST = bindparam("most", type_=Integer())
_ACTIVE = and_(SHOWN, items.c.lifecycle == "active")
_WAITS = items.c.turn == "citizen"
_IS_DUE = (_ACTIVE, _WAITS, items.c.due_at >= _NOW)


def _how_many(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((and_(*conditions), 1), else_=0))


_GROUP = (
    items.c.collection,
    shown_state(_NOW).label("state"),
    NOTICE.label("notice"),
    items.c.vendor_id,
    items.c.source,
)
_FOUND = (
    _how_many(_ACTIVE, ~ARCHIVED).label("count"),
    _how_many(_ACTIVE, ~ARCHIVED, UNREAD).label("unread"),
    _how_many(_ACTIVE, ~ARCHIVED, _WAITS).label("waiting"),
    _how_many(_ACTIVE, ~ARCHIVED, items.c.turn == "body").label("with_body"),
    _how_many(*_IS_DUE).label("due"),
    func.max(func.coalesce(items.c.as_of, items.c.updated_at)).label("as_of"),
)
_GROUPS = select(*_GROUP, *_FOUND).outerjoin(user_states, JOIN_STATE).where(MINE).group_by(*_GROUP).cte("own_groups")
_NEXT = (
    select(items.c.item_id, items.c.version, items.c.collection, items.c.due_at, item_versions.c.payload_sealed)
    .join(item_versions, _JOIN_VERSION)
    # Said first, and only once: of most citizens nothing is due, and their items are not looked through again.
    .where(select(func.sum(_GROUPS.c.due)).scalar_subquery() > 0, MINE, *_IS_DUE)
    .order_by(items.c.due_at, items.c.item_id)
    .limit(_MOST)
    .subquery()
)
_NEXT_NAMES = tuple(_NEXT.c.keys())
OVERVIEW: CompoundSelect[Any] = union_all(
    select(_GROUPS, sources.c.every_s, sources.c.heard_at, *(null().label(name) for name in _NEXT_NAMES)).outerjoin(
        sources,
        (sources.c.vendor_id == _GROUPS.c.vendor_id)
        & (sources.c.source == _GROUPS.c.source)
        & (sources.c.ente_id == bindparam("me_ente")),
    ),
    select(*(null() for _ in (*_GROUPS.c, sources.c.every_s, sources.c.heard_at)), _NEXT),
)
"""All that a citizen has, by what it is, how it stands and whose it is; and after it what has to be done next, at most
`most`, of which `OVERVIEW_NEXT` are filled and nothing else. One statement for the whole summary."""
OVERVIEW_NEXT = len(_NEXT_NAMES)
OVERVIEW_NAMES = (*_GROUPS.c.keys(), "every_s", "heard_at")
OVERVIEW_ORDER = len(_GROUP)
"""The first columns of a group tell it from all others."""
CHANGES = (
    SELECT_FOLDED.with_only_columns(*_LISTED, maintain_column_froms=True)
    .where(items.c.sequence > bindparam("after", type_=items.c.sequence.type))
    .order_by(items.c.sequence)
    .limit(_MOST)
)
"""Those too that were withdrawn, or that are shown as part of another."""


@lru_cache(maxsize=128)
def page_statement(filters: Filters, sort: str, goes_on: bool) -> Select[Any]:
    """A page of a list: nothing of its reader is in it, so that the lists that everybody asks for are made once."""
    column = items.c[sort.removeprefix("-")]
    newest_first = sort.startswith("-")
    query = _LIST.where(items.c.lifecycle == "active", *filters.conditions(_NOW))
    if column is items.c.due_at:
        query = query.where(column.is_not(None))
    if goes_on:
        position = tuple_(column, items.c.item_id)
        mark = tuple_(bindparam("after_at", type_=column.type), bindparam("after_id", type_=items.c.item_id.type))
        query = query.where(position < mark if newest_first else position > mark)
    order = (column.desc(), items.c.item_id.desc()) if newest_first else (column, items.c.item_id)
    return query.order_by(*order).limit(_MOST)
