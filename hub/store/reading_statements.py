"""The statements of the citizen's reads, made once: nothing of their reader is in them."""

from functools import lru_cache
from typing import Any

from sqlalchemy import Integer, Select, and_, bindparam, case, func, select, tuple_

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
SELECT_FOLDED = (
    select(
        items,
        item_versions.c.payload_sealed,
        user_states.c.read_at,
        user_states.c.seen_version,
        user_states.c.archived_at,
        user_states.c.starred_at,
        user_states.c.confirmed_at,
    )
    .join(item_versions, _JOIN_VERSION)
    .outerjoin(user_states, JOIN_STATE)
    .where(MINE)
)
"""Those too that are shown as part of another one."""
SELECT = SELECT_FOLDED.where(SHOWN)
_NOW = bindparam("now", type_=Instant())
_MOST = bindparam("most", type_=Integer())
_STATE, _IS_NOTICE = shown_state(_NOW).label("state"), NOTICE.label("notice")
COUNTS = (
    select(
        items.c.collection,
        _STATE,
        _IS_NOTICE,
        func.count().label("count"),
        func.sum(case((UNREAD, 1), else_=0)).label("unread"),
        func.sum(case((items.c.turn == "citizen", 1), else_=0)).label("waiting"),
        func.sum(case((items.c.turn == "body", 1), else_=0)).label("with_body"),
    )
    .outerjoin(user_states, JOIN_STATE)
    .where(MINE, SHOWN, items.c.lifecycle == "active", ~ARCHIVED)
    .group_by(items.c.collection, _STATE, _IS_NOTICE)
    .order_by(items.c.collection, _STATE, _IS_NOTICE)
)
NEXT = (
    SELECT.where(items.c.lifecycle == "active", items.c.turn == "citizen", items.c.due_at >= _NOW)
    .order_by(items.c.due_at, items.c.item_id)
    .limit(_MOST)
)
_HEARD = (
    select(
        items.c.vendor_id,
        items.c.source,
        func.max(func.coalesce(items.c.as_of, items.c.updated_at)).label("as_of"),
    )
    .where(MINE)
    .group_by(items.c.vendor_id, items.c.source)
    .subquery()
)
FRESHNESS = (
    select(_HEARD, sources.c.every_s, sources.c.heard_at)
    .outerjoin(
        sources,
        (sources.c.vendor_id == _HEARD.c.vendor_id)
        & (sources.c.source == _HEARD.c.source)
        & (sources.c.ente_id == bindparam("me_ente")),
    )
    .order_by(_HEARD.c.vendor_id, _HEARD.c.source)
)


@lru_cache(maxsize=128)
def page_statement(filters: Filters, sort: str, goes_on: bool) -> Select[Any]:
    """A page of a list: nothing of its reader is in it, so that the lists that everybody asks for are made once."""
    column = items.c[sort.removeprefix("-")]
    newest_first = sort.startswith("-")
    query = SELECT.where(items.c.lifecycle == "active", *filters.conditions(_NOW))
    if column is items.c.due_at:
        query = query.where(column.is_not(None))
    if goes_on:
        position = tuple_(column, items.c.item_id)
        mark = tuple_(bindparam("after_at", type_=column.type), bindparam("after_id", type_=items.c.item_id.type))
        query = query.where(position < mark if newest_first else position > mark)
    order = (column.desc(), items.c.item_id.desc()) if newest_first else (column, items.c.item_id)
    return query.order_by(*order).limit(_MOST)
