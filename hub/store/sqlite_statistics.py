"""What SQLite's planner is told of the tables that grow.

Without a word it takes the first column of any index for a good choice, ten rows or so: but that is the ente, which may
be the only one, so that it read all the ente's deliveries to find those of one message. Words that are counted
(`ANALYZE`) would say the same of an empty home, and change plans on the way; these are set down once, with the schema,
as SQLite's documentation advises where plans are to be stable ("The Next-Generation Query Planner", section 6).
"""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, text

GROWING: Final = (
    "access_log",
    "agenda",
    "attempts",
    "citizens",
    "deliveries",
    "evidence",
    "item_copies",
    "item_identities",
    "item_links",
    "item_versions",
    "items",
    "replays",
    "source_records",
    "timeline",
    "user_states",
)
_ROWS: Final = 1_000_000
_IN_PART: Final = 10_000
"""Rows of an index over a part of the table: what is under way, what is still to come."""
_FEW: Final = frozenset({"channel", "collection", "connector_id", "priority", "source", "state", "vendor_id"})
"""Columns with few values."""
_OF_A_CITIZEN: Final = 100
_OF_A_NAME: Final = 3


def tell(connection: Connection) -> None:
    """Set down the statistics of every index of the tables that grow, in the place of those that were there."""
    connection.execute(text("ANALYZE sqlite_schema"))  # makes the table, where there is none
    connection.execute(text("DELETE FROM sqlite_stat1"))
    rows = [row for table in GROWING for row in _rows(connection, table)]
    connection.execute(text("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (:tbl, :idx, :stat)"), rows)


def _rows(connection: Connection, table: str) -> Iterator[dict[str, str]]:
    listed = connection.execute(text(f"PRAGMA index_list({table})")).all()
    for _, name, unique, origin, partial in listed:
        columns = [row[2] for row in connection.execute(text(f"PRAGMA index_info({name})"))]
        words = _words(columns, rows=_IN_PART if partial else _ROWS, unique=bool(unique))
        yield {"tbl": table, "idx": table if origin == "pk" else name, "stat": words}


def _words(columns: list[str], *, rows: int, unique: bool) -> str:
    """How many rows there are, and on average for each value of the first column, of the first two, ..."""
    said = [left := rows]
    for column in columns:
        if column in _FEW:
            left = max(1, left // 4)
        elif column == "citizen_id":
            left = min(left, _OF_A_CITIZEN)
        elif column.endswith("_id") and column != "ente_id":
            left = min(left, _OF_A_NAME)
        elif column != "ente_id":
            left = max(1, left // 1000)
        said.append(left)
    if unique:
        said[-1] = 1
    return " ".join(map(str, said))
