"""Whether somebody else is at work is known where several may be."""

from hub.store.database import Database
from hub.store.erasing import others_at_work


def seen(store) -> bool:
    # Each look in a transaction of its own: PostgreSQL shows one picture of its sessions all through one.
    with store.database.read() as connection:
        return others_at_work(connection)


def test_another_session_of_the_hub_is_seen(store):
    assert not seen(store)
    other = Database(store.database.engine.url.render_as_string(hide_password=False), store.clock)
    try:
        with other.read() as busy:
            busy.exec_driver_sql("SELECT 1")
            assert seen(store) is store.database.is_shared
    finally:
        other.close()
