"""What a citizen does through the portal: user states, preferences, requests about a subscription, carts to pay in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from contracts.paying import CartWish
from contracts.preferences import PreferencesPatch
from hub.dispatch.carts import Carts, PlannedCart
from hub.errors import HubError
from hub.feed.answers import as_json
from hub.feed.preferences import patched, view_of
from hub.feed.profile import profile_view
from hub.feed.query import Feed
from hub.feed.rights import own_view
from hub.feed.views import request_view
from hub.security.portal import Reader
from hub.store.citizens import Subject
from hub.store.committer import Committer
from hub.store.drafts import Draft
from hub.store.filing_rights import Filed, RightsFiler, RightsFiling
from hub.store.preferences import WishesChange, WishesKeeper
from hub.store.profile_contacts import ContactChange, ContactKeeper
from hub.store.readers import (
    Access,
    Handing,
    UserStateChange,
    UserStateChanges,
    change_user_state,
    change_user_states,
    hand_over,
)
from hub.store.requesting import Asked, Requesting, Wish

from . import carts, user_states, wishes
from .exchange import Exchange, Handler, json_response
from .feed_access import BODY_LIMIT, FeedAccess, access_of, subject_of
from .operations import Operation
from .tags import if_match, tag_of
from .turns import Slots

_MANY_LIMIT = 32 * 1024
"""Of 100 user states."""
_TEXT_LIMIT = 64 * 1024
"""Of the longest text of a request about one's data, each character escaped as a pair of surrogates."""


T = TypeVar("T")
Letter = Callable[[Subject, str, str], Draft]
"""(who, the address, the language) -> the message that asks for a confirmation."""


@dataclass(frozen=True, slots=True)
class _Call(Generic[T]):
    """A change that is asked for: by whom, and what; or what refuses it already."""

    reader: Reader
    access: Access
    given: T | None
    refusal: HubError | None

    @property
    def signer(self) -> str:
        return f"portal:{self.reader.portal.portal_id}"


@dataclass(frozen=True, slots=True)
class Desks:
    """Where each kind of change is made."""

    wishes: WishesKeeper
    requesting: Requesting
    contacts: ContactKeeper
    letter: Letter
    now: Callable[[], datetime]
    accepted: Callable[[], None]
    """Deliveries may be due."""
    carts: Carts
    paying: Slots
    """Carts that are being made: each holds a thread for as long as pagoPA takes."""
    rights: RightsFiler


class FeedChanges:
    """Handlers of the operations by which a citizen changes something."""

    def __init__(
        self,
        *,
        feed: Feed,
        committer: Committer,
        desks: Desks,
        access: FeedAccess,
    ) -> None:
        self._feed = feed
        self._committer = committer
        self._desks = desks
        self._access = access

    def handler(self, operation: Operation) -> Handler | None:
        """The handler of an operation that changes something; None for any other."""
        makers = {
            "change_user_state": self._change,
            "change_user_states": self._change_many,
            "change_profile": self._change_profile,
            "change_preferences": self._change_preferences,
            "request_subscription_change": self._request,
            "make_cart": self._make_cart,
            "file_rights_request": self._file_rights_request,
        }
        make = makers.get(operation.operation_id)
        return None if make is None else make(operation)

    async def _call(
        self,
        exchange: Exchange,
        operation: Operation,
        read: Callable[[Exchange], T],
        *,
        limit: int = BODY_LIMIT,
    ) -> _Call[T]:
        """Who calls, and what `read` finds in the body. What it refuses is handed on, for the token is consumed and the
        access recorded all the same. Raises RequestRefused, DelegationInactive."""
        reader = await self._access.reader(exchange, scope="feed:write", change=True, limit=limit)
        delegation_id = await self._access.delegation(reader, exchange, operation)
        given, refusal = None, None
        try:
            given = read(exchange)
        except HubError as error:
            refusal = error
        citizen_id = await run_in_threadpool(self._access.citizen_id, reader)
        access = access_of(exchange, operation, reader, citizen_id, "ok", delegation_id)
        return _Call(reader, access, given, refusal)

    def _change(self, operation: Operation) -> Handler:
        async def handle(exchange: Exchange) -> Response:
            call = await self._call(exchange, operation, user_states.patch)
            change = UserStateChange(
                access=call.access,
                signer=call.signer,
                used=call.reader.used,
                level=call.reader.level,
                patch=call.given or {},
                if_match=if_match(exchange),
                refusal=call.refusal,
            )
            await self._committer.submit(change_user_state, change)
            return await run_in_threadpool(self._state_of, call.reader, exchange)

        return handle

    def _change_many(self, operation: Operation) -> Handler:
        async def handle(exchange: Exchange) -> Response:
            call = await self._call(exchange, operation, user_states.patches, limit=_MANY_LIMIT)
            patches = call.given or {}
            changes = UserStateChanges(
                access=call.access,
                signer=call.signer,
                used=call.reader.used,
                level=call.reader.level,
                patches=patches,
                refusal=call.refusal,
            )
            refused: list[HubError | None] = await self._committer.submit(change_user_states, changes)
            states = await run_in_threadpool(self._states_of, call.reader, list(patches))
            return json_response(user_states.outcomes(patches, refused, states))

        return handle

    def _states_of(self, reader: Reader, item_ids: Sequence[str]) -> dict[str, dict[str, bool]]:
        with self._access.reading(reader) as reading:
            return self._feed.user_states(reading, item_ids)

    def _change_preferences(self, operation: Operation) -> Handler:
        async def handle(exchange: Exchange) -> Response:
            call = await self._call(exchange, operation, wishes.preferences_patch)
            patch = call.given or PreferencesPatch()
            change = WishesChange(
                access=call.access,
                subject=subject_of(call.reader),
                signer=call.signer,
                used=call.reader.used,
                change=lambda held: patched(held, patch),
                if_match=if_match(exchange),
                refusal=call.refusal,
            )
            changed = await self._committer.submit(self._desks.wishes.change, change)
            exchange.headers["ETag"] = f'"{changed.tag}"'
            return json_response(view_of(changed))

        return handle

    def _change_profile(self, operation: Operation) -> Handler:
        async def handle(exchange: Exchange) -> Response:
            call = await self._call(exchange, operation, wishes.profile_patch)
            email = None if call.given is None else call.given.email
            subject = subject_of(call.reader)
            change = ContactChange(
                access=call.access,
                subject=subject,
                signer=call.signer,
                used=call.reader.used,
                email=email,
                letter=lambda language: self._desks.letter(subject, email or "", language),
                if_match=if_match(exchange),
                refusal=call.refusal,
            )
            held = await self._committer.submit(self._desks.contacts.change, change)
            exchange.headers["ETag"] = f'"{held.tag}"'
            self._desks.accepted()
            return json_response(profile_view(held, self._desks.now()))

        return handle

    def _request(self, operation: Operation) -> Handler:
        async def handle(exchange: Exchange) -> Response:
            call = await self._call(exchange, operation, wishes.request_kind)
            wish = Wish(
                access=call.access,
                signer=call.signer,
                used=call.reader.used,
                level=call.reader.level,
                kind=call.given,
                refusal=call.refusal,
            )
            asked: Asked = await self._committer.submit(self._desks.requesting.ask, wish)
            response = json_response(request_view(asked.row), status=201 if asked.new else 200)
            if asked.new:
                # Where it is followed: a request is no resource of its own.
                exchange.headers["Location"] = f"{call.reader.ente.public_url}/feed/v1/items/{asked.row['item_id']}"
            return response

        return handle

    def _make_cart(self, operation: Operation) -> Handler:
        async def handle(exchange: Exchange) -> Response:
            call = await self._call(exchange, operation, carts.wish)
            planned, slot, refusal = None, None, call.refusal
            try:
                try:
                    if call.given is not None:
                        self._access.count_act(call.access)
                        slot = self._desks.paying.take(call.access.ente_id)
                        planned = await run_in_threadpool(self._planned, call.reader, call.given)
                except HubError as error:
                    refusal = error
                # Durable before anything leaves: whoever is given the citizen's data stands in the sharing.
                wanted = () if call.given is None else call.given.payments
                item_ids = tuple(dict.fromkeys(each.item_id for each in wanted))
                handing = Handing(call.access, call.signer, call.reader.used, item_ids, refusal)
                await self._committer.submit(hand_over, handing)
                assert planned is not None
                url = await run_in_threadpool(self._desks.carts.make, planned)
            finally:
                if slot is not None:
                    slot.free()
            exchange.headers["Location"] = url
            return json_response({"url": url}, status=201)

        return handle

    def _planned(self, reader: Reader, wish: CartWish) -> PlannedCart:
        """A cart, of which the call is counted already. Raises ItemUnknown, PaymentNotPayable, ReturnUrlForbidden,
        CartNotOffered, ProviderUnavailable."""
        returns = carts.at_home(wish.return_urls, reader.ente.portal_url)
        with self._access.reading(reader) as reading:
            owed = self._desks.carts.chosen(reading, wish.payments)
        planned = self._desks.carts.plan(owed, returns, wish.email)
        self._desks.carts.begin(planned)
        return planned

    def _file_rights_request(self, operation: Operation) -> Handler:
        async def handle(exchange: Exchange) -> Response:
            call = await self._call(exchange, operation, wishes.rights_wish, limit=_TEXT_LIMIT)
            filing = RightsFiling(
                access=call.access,
                subject=subject_of(call.reader),
                signer=call.signer,
                used=call.reader.used,
                level=call.reader.level,
                wish=call.given,
                refusal=call.refusal,
            )
            filed: Filed = await self._committer.submit(self._desks.rights.file, filing)
            if filed.new:
                base = f"{call.reader.ente.public_url}/feed/v1/rights-requests"
                exchange.headers["Location"] = f"{base}/{filed.row['request_id']}"
            view = own_view(filed.row, filed.words, self._desks.now())
            return json_response(view, status=201 if filed.new else 200)

        return handle

    def _state_of(self, reader: Reader, exchange: Exchange) -> Response:
        with self._access.reading(reader) as reading:
            whole = self._feed.whole(reading, exchange.request.path_params["item_id"])
        exchange.headers["ETag"] = tag_of(whole, as_json(whole.view))
        return json_response(whole.view["user_state"])
