"""Who calls the feed, about whom and under which delegation, and the access record that says so."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from hub.clock import Clock
from hub.errors import HubError, RequestRefused
from hub.feed.query import Feed
from hub.reading_errors import DelegationInactive
from hub.registry import Registry
from hub.security.left import EnteEnded
from hub.security.portal import Reader, verify_reader
from hub.store.citizens import Subject
from hub.store.committer import Committer
from hub.store.readers import Access, record_access
from hub.store.reading import Reading

from .exchange import Exchange
from .limits import Limiter
from .operations import Operation

_ITEM_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

BODY_LIMIT = 16 * 1024
"""A user state is small; nothing larger is read from whom is not known yet."""

Read = Callable[[Reading, Exchange], Response]


class FeedAccess:
    """The reader of a call, whom it is about, and the one reading in which it is answered."""

    def __init__(
        self,
        *,
        feed: Feed,
        committer: Committer,
        registry: Callable[[], Registry],
        clock: Clock,
        limiter: Limiter,
    ) -> None:
        self._feed = feed
        self._committer = committer
        self._registry = registry
        self._clock = clock
        self._limiter = limiter

    async def delegation(self, reader: Reader, exchange: Exchange, operation: Operation) -> str | None:
        """Under which delegation the reader acts for another; None for who acts for himself. A refusal is in the access
        log of whom it was about. Raises DelegationInactive."""
        if reader.on_behalf_of is None:
            return None
        try:
            return await run_in_threadpool(self.delegation_id, reader)
        except DelegationInactive as refusal:
            citizen_id = await run_in_threadpool(self.citizen_id, reader)
            refused = access_of(exchange, operation, reader, citizen_id, refusal.code)
            await self._committer.submit(record_access, refused)
            raise

    def delegation_id(self, reader: Reader) -> str:
        """The delegation as it stands now. Raises DelegationInactive."""
        delegate = Subject(reader.ente.ente_id, reader.subject_kind, reader.tax_code)
        with self._feed.open() as look:
            return self._feed.delegation(look, subject_of(reader), delegate)

    def citizen_id(self, reader: Reader) -> str | None:
        """Of whom the call is about; None when nothing was ever published for that code."""
        with self._feed.open() as look:
            citizen = self._feed.citizen(look, subject_of(reader))
        return citizen.citizen_id if citizen else None

    async def reader(self, exchange: Exchange, *, scope: str, change: bool, limit: int = BODY_LIMIT) -> Reader:
        """Who calls, verified and counted. Raises RequestRefused."""
        request = await exchange.signed_request(limit)
        exchange.body = request.body
        now = self._clock.now()
        try:
            reader = verify_reader(request, scope=scope, change=change, registry=self._registry(), now=now)
        except RequestRefused:
            exchange.allowance = self._limiter.count_refusal(exchange.address)
            raise
        exchange.allowance = self._limiter.count_call(f"{reader.ente.ente_id}/portal/{reader.portal.portal_id}")
        return reader

    def must_be_served(self, reader: Reader) -> None:
        """For who goes on reading: the body may have left meanwhile. Raises EnteEnded."""
        if self._registry().ente(reader.ente.ente_id).ended_at is not None:
            raise EnteEnded

    def count_act(self, access: Access) -> None:
        """One more act of a citizen's that another system is called for. Raises QuotaExceeded."""
        self._limiter.count_act(f"{access.ente_id}/{access.citizen_id or access.pseudonym}")

    @contextmanager
    def reading(self, reader: Reader) -> Iterator[Reading]:
        """What the reader sees of whom the call is about, in one consistent picture."""
        subject = subject_of(reader)
        with self._feed.open() as look:
            yield self._feed.reading(look, subject, self._feed.citizen(look, subject), reader.level)

    def answer(
        self, reader: Reader, exchange: Exchange, read: Read
    ) -> tuple[Response | None, str | None, HubError | None]:
        """(the answer, whom it is about, the refusal): a refusal is handed back, for it is recorded too."""
        with self.reading(reader) as reading:
            citizen_id = reading.citizen.citizen_id or None
            try:
                return read(reading, exchange), citizen_id, None
            except HubError as refusal:
                return None, citizen_id, refusal


def subject_of(reader: Reader) -> Subject:
    """Whom the call is about: the reader, or the one the reader acts for."""
    return Subject(reader.ente.ente_id, reader.subject_kind, reader.on_behalf_of or reader.tax_code)


def access_of(
    exchange: Exchange,
    operation: Operation,
    reader: Reader,
    citizen_id: str | None,
    outcome: str,
    delegation_id: str | None = None,
) -> Access:
    """The record of one call."""
    # What stands in the path is the sender's own text, and may be a tax code: only a real id is written down.
    item_id = exchange.request.path_params.get("item_id", "")
    return Access(
        request_id=exchange.request_id,
        ente_id=reader.ente.ente_id,
        portal_id=reader.portal.portal_id,
        pseudonym=reader.pseudonym,
        acr=reader.acr,
        operation=operation.operation_id,
        outcome=outcome,
        citizen_id=citizen_id,
        item_id=item_id if _ITEM_ID.fullmatch(item_id) else None,
        delegation_id=delegation_id,
    )
