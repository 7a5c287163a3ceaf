"""What the database itself remembers of each delivery: triggers that the tests add, and nobody of the hub knows."""

from sqlalchemy import Engine

MARKED = "SELECT DISTINCT delivery_id FROM fault_history WHERE marked = 1"
CHANGES = "SELECT delivery_id, was, became FROM fault_history WHERE was <> became ORDER BY number"
INBOUND = "SELECT body_sha256 FROM evidence WHERE verdict = 'accepted' AND code = 'item.created'"
DOUBTFUL = ("lost", "late", "unconfirmed", None)
"""Outcomes of attempts whose end at the provider nobody knows for sure."""

_COLUMNS = "delivery_id VARCHAR(36), was VARCHAR(12), became VARCHAR(12), marked INTEGER"
_WORTH_NOTING = "OLD.state <> NEW.state OR (OLD.about_to_send_at IS NULL AND NEW.about_to_send_at IS NOT NULL)"
_NOTE = """INSERT INTO fault_history (delivery_id, was, became, marked) VALUES (NEW.delivery_id, OLD.state, NEW.state,
           CASE WHEN NEW.about_to_send_at IS NULL THEN 0 ELSE 1 END)"""
_SQLITE = (
    f"CREATE TABLE fault_history (number INTEGER PRIMARY KEY AUTOINCREMENT, {_COLUMNS})",
    f"CREATE TRIGGER fault_note AFTER UPDATE ON deliveries WHEN {_WORTH_NOTING} BEGIN {_NOTE}; END",
)
_POSTGRESQL = (
    f"CREATE TABLE fault_history (number BIGSERIAL PRIMARY KEY, {_COLUMNS})",
    f"CREATE FUNCTION fault_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {_NOTE}; RETURN NULL; END $$",
    f"CREATE TRIGGER fault_note AFTER UPDATE ON deliveries FOR EACH ROW WHEN ({_WORTH_NOTING}) "
    "EXECUTE FUNCTION fault_note()",
)


def install(engine: Engine) -> None:
    """From now on every change of state and every mark is noted, in the transaction that makes it."""
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        for statement in _SQLITE if engine.dialect.name == "sqlite" else _POSTGRESQL:
            connection.exec_driver_sql(statement)
