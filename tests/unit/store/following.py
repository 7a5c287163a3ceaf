"""A reader of `changes`, while others write."""

import threading
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import select

from hub.store.tables import items


def seen_while(store, *writers):
    """The sequence numbers as somebody sees them who asks, all the time, for what came after the last one."""
    done = threading.Event()

    def follow():
        seen, last = [], 0
        while True:
            finished = done.is_set()
            with store.database.read() as connection:
                query = select(items.c.sequence).where(items.c.sequence > last).order_by(items.c.sequence)
                fresh = connection.execute(query).scalars().all()
            seen += fresh
            last = fresh[-1] if fresh else last
            if finished:
                return seen

    with ThreadPoolExecutor(1 + len(writers)) as pool:
        reading = pool.submit(follow)
        try:
            for writing in [pool.submit(writer) for writer in writers]:
                writing.result()
        finally:
            done.set()
        return reading.result()
