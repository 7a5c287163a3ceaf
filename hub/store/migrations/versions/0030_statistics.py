"""statistics for SQLite's planner

No table changes. Every upgrade of a file ends with them (`hub.store.migrating`), and this one is there for the homes
that would have none to make.
"""

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    pass
