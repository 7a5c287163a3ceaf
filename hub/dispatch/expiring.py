"""What is kept no longer goes, a piece at each sweep (P5)."""

from datetime import timedelta
from typing import Final

from hub.clock import Clock
from hub.store.committer import Committer
from hub.store.files import Files
from hub.store.requests_of_rights import forget_texts
from hub.store.retention import Expire, expire_items

EVERY: Final = timedelta(hours=1)


class Expiring:
    """Remembers where it was; after all was looked at, an hour passes."""

    def __init__(self, committer: Committer, files: Files, clock: Clock) -> None:
        self._committer = committer
        self._files = files
        self._clock = clock
        self._after, self._from = "", clock.now()

    def __call__(self) -> None:
        now = self._clock.now()
        if now < self._from:
            return
        done = self._committer.write(expire_items, Expire(self._after))
        self._files.remove(done.files)
        self._after = done.after
        if not done.after:
            self._committer.write(forget_texts, None)
            self._from = now + EVERY
