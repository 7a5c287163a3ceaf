"""The left half of the line: a vendor's request, verified, understood, and handed to the store.

Each step is a value for the next:

    verified   = verify(request)              who, by which key; nothing is believed before
    submission = judge(verified, request)     the act asked for, or the exact refusal
    answer     = await committer.submit(...)  durable, or nothing
"""

import hashlib
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from contracts.items import Application, Document, Item, Payment, Subscription
from contracts.publishing import Withdrawal
from hub.clock import Clock
from hub.errors import (
    CollectionForbidden,
    DocumentTypeUnknown,
    HubError,
    ItemUnknown,
    MediaUnsupported,
    ServiceForbidden,
    ServiceUnknown,
    StoreUnavailable,
    SubscriptionServiceUnknown,
)
from hub.outcomes import outcome
from hub.registry import Registry, Vendor
from hub.security.ahead import SecondThread
from hub.security.chains import ChainCache
from hub.security.channel import TrustedProxy
from hub.security.checks import State
from hub.security.material import Shelf
from hub.security.modi import SignedRequest, Verified, authenticate, begin, finish
from hub.store.amendments import Withdraw
from hub.store.connector_versions import Environment
from hub.store.drafts import Draft, Registration
from hub.store.faults import IN_TROUBLE, error_name
from hub.store.intake import Read, Signed, Submission
from hub.store.receiving import Message
from hub.tracing import span

from . import practices, subscriptions
from .canonical import AS_JSON, parse, read_as
from .drafting import KeyedHash, draft_of
from .following import Route, route_of
from .positions import asking
from .rules import Rules

log = logging.getLogger(__name__)
_ITEM_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Inbound:
    """A request with what the HTTP layer knows of it."""

    request: SignedRequest
    request_id: str
    operation: str
    signed_body: bool


class Pipeline:
    """Verifies and judges; holds no state but the caches of verification."""

    def __init__(
        self,
        *,
        clock: Clock,
        registry: Callable[[], Registry],
        route: Route,
        keyed_hash: KeyedHash,
        rules: Callable[[str], Rules],
        shelf: Shelf | None = None,
        proxy: TrustedProxy | None = None,
        registration: Callable[[str, str], Mapping[Environment, Registration]] | None = None,
    ) -> None:
        """`registration` says who registers a creditor's positions: (ente_id, creditor); without it nobody is asked."""
        self._registration = registration
        self.rules = rules
        self._shelf = Shelf() if shelf is None else shelf
        self._proxy = proxy
        self._clock = clock
        self._registry = registry
        self._route = route
        self._keyed_hash = keyed_hash
        self._chains = ChainCache()
        self._second_thread = SecondThread()

    def verify(self, inbounds: Sequence[Inbound]) -> list[Verified | Exception]:
        """Who sent each; where it cannot be said RequestRefused or RequestMalformed, and Wanted where something is to
        be fetched first."""
        begun = [outcome(self._begin, inbound) for inbound in inbounds]
        self._second_thread.check_ahead(one for one in begun if isinstance(one, State))
        return [
            outcome(partial(self._finish, inbound), one) if isinstance(one, State) else one
            for inbound, one in zip(inbounds, begun, strict=True)
        ]

    def authenticate(self, inbound: Inbound) -> Vendor:
        """Who it is, as far as the headers alone can tell, before a large body is read. Raises what `verify` gives."""
        return authenticate(self._begin(inbound))

    def _begin(self, inbound: Inbound) -> State:
        with span("identify", apart=True, request_id=inbound.request_id):
            return begin(
                inbound.request,
                signed_body=inbound.signed_body,
                registry=self._registry(),
                now=self._clock.now(),
                chains=self._chains,
                shelf=self._shelf,
                proxy=self._proxy,
            )

    def _finish(self, inbound: Inbound, begun: State) -> Verified:
        with span("verify", apart=True, request_id=inbound.request_id):
            return finish(begun)

    def publication(self, inbound: Inbound, verified: Verified, collection: str) -> Submission[Any]:
        """A publication, or the exact reason why not."""

        def act(_signed: Signed) -> Any:
            json_body(inbound.request)
            return self.draft(verified.vendor, collection, inbound.request.body)

        return self.submission(inbound, verified, act, collection=collection)

    def draft(self, vendor: Vendor, collection: str, body: bytes, item: Item | None = None) -> Draft:
        """The draft of an item that a vendor sent; `item` is what is in the body, where that was read already. Raises
        HubError with the exact reason why it has none."""
        if collection not in vendor.collections:
            raise CollectionForbidden
        item = parse(collection, body) if item is None else item
        self._permit(vendor, item)
        rules, terms = self.rules(vendor.ente_id), self._terms_of(vendor, item)
        route = route_of(self._route, vendor.ente_id, vendor.vendor_id)
        draft = draft_of(item, vendor, route=route, keyed_hash=self._keyed_hash, rules=rules, terms=terms)
        if isinstance(item, Document) and not self._lists(vendor.ente_id, item.doc_type):
            draft = replace(draft, unlisted_type=item.doc_type)
        if isinstance(item, Payment) and item.position is not None and self._registration is not None:
            by = self._registration(vendor.ente_id, item.creditor_tax_code)
            draft = asking(draft, item, item.position, by, self._keyed_hash)
        return self._at_its_level(draft)

    def withdrawal(self, inbound: Inbound, verified: Verified, item_id: str) -> Submission[Any]:
        """A withdrawal, or the exact reason why not."""

        def act(_signed: Signed) -> Any:
            json_body(inbound.request)
            wish = read_as(Withdrawal, inbound.request.body)
            return Withdraw(item_id_of(item_id), wish.reason, by_citizen=wish.requested_by == "citizen")

        return self.submission(inbound, verified, act)

    def read_submission(self, inbound: Inbound, verified: Verified, refusal: HubError | None) -> Submission[Any]:
        """A vendor's read, or why not."""
        return Submission(signed_of(inbound, verified), act=Read(), refusal=refusal)

    def now(self) -> datetime:
        """The instant of a signature made here."""
        return self._clock.now()

    def submission(
        self, inbound: Inbound, verified: Verified, act: Callable[[Signed], Any], *, collection: str | None = None
    ) -> Submission[Any]:
        """What `act` makes of the request; a refusal of it is kept, for the token is consumed all the same."""
        signed = signed_of(inbound, verified)
        try:
            _admit(verified, collection)
            return Submission(signed, act=act(signed))
        except HubError as refusal:
            return Submission(signed, refusal=refusal)
        except IN_TROUBLE as fault:
            return Submission(signed, refusal=StoreUnavailable(cause=error_name(fault)))
        except Exception:
            # A bug of ours: the token is used up and the evidence kept all the same.
            log.exception("intake.failed request_id=%s", inbound.request_id)
            return Submission(signed, refusal=HubError())

    def _lists(self, ente_id: str, doc_type: str) -> bool:
        """Whether the administrator knows the type. Raises DocumentTypeUnknown where others are refused."""
        registry = self._registry()
        listed = registry.document_type(ente_id, doc_type) is not None
        if not listed and registry.other_types(ente_id).refused:
            raise DocumentTypeUnknown
        return listed

    def _permit(self, vendor: Vendor, item: Item) -> None:
        service_id = item.service_id
        if service_id is None:
            return
        if vendor.services and service_id not in vendor.services:
            raise ServiceForbidden
        known = (vendor.ente_id, service_id) in self._registry().services
        if not known and item.collection != "services":
            raise ServiceUnknown

    def _terms_of(self, vendor: Vendor, item: Item) -> practices.Terms | subscriptions.Terms | None:
        registry = self._registry()
        match item:
            case Subscription():
                service = registry.subscription_services.get((vendor.ente_id, item.subscription_service))
                if service is None:
                    raise SubscriptionServiceUnknown
                return subscriptions.Terms(service, self._clock.now())
            case Application():
                return practices.Terms(
                    now=self._clock.now(),
                    card=registry.card(vendor.ente_id, item.service_id) if item.service_id else None,
                    draft_days=registry.days_of_drafts(vendor.ente_id, vendor.vendor_id, item.source),
                )
            case _:
                return None

    def _at_its_level(self, draft: Draft) -> Draft:
        """An item is shown at the level of its service, or at its own where that is higher (S2)."""
        if draft.service_id is None or draft.identity.collection == "services":
            return draft
        record = self._registry().services.get((draft.identity.ente_id, draft.service_id), {})
        floor: int = record.get("min_loa", 0)
        return replace(draft, min_loa=floor) if floor > draft.min_loa else draft


def _admit(verified: Verified, collection: str | None) -> None:
    if verified.refusal is not None:
        raise verified.refusal
    if collection is not None and collection not in verified.vendor.collections:
        raise CollectionForbidden


def signed_of(inbound: Inbound, verified: Verified) -> Signed:
    """The verified request as the store keeps it."""
    return Signed(
        request_id=inbound.request_id,
        operation=inbound.operation,
        ente_id=verified.ente.ente_id,
        vendor_id=verified.vendor.vendor_id,
        signer=verified.signer,
        used=verified.used,
        tokens=verified.tokens,
        private=verified.private,
        verified_by=verified.verified_by,
        body=inbound.request.body,
        body_sha256=inbound.request.body_digest.hex(),
        daily_quota=verified.vendor.daily_quota,
        message=_message(inbound, verified) if verified.message_id else None,
    )


def item_id_of(text: str) -> str:
    """An item_id that stands in a path. Raises ItemUnknown for what can be none: a NUL would break a whole batch."""
    if not _ITEM_ID.fullmatch(text):
        raise ItemUnknown
    return text


def _message(inbound: Inbound, verified: Verified) -> Message:
    request = inbound.request
    what = b"\0".join((inbound.operation.encode(), request.target.encode("utf-8"), request.body))
    return Message(verified.message_id, verified.max_receipts, sha256_hex(what))


def sha256_hex(content: bytes) -> str:
    """Hex SHA-256."""
    return hashlib.sha256(content).hexdigest()


def media_type(request: SignedRequest) -> str:
    """What the body is said to be, without parameters."""
    return "".join(request.values("content-type")).partition(";")[0].strip().lower()


def json_body(request: SignedRequest) -> None:
    """Raises MediaUnsupported where the body is not said to be JSON."""
    if media_type(request) != "application/json":
        raise MediaUnsupported(AS_JSON, headers={"Accept": "application/json"})
