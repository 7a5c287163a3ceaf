"""The ASGI application: the tables of operations become routes, each with its handler.

Starlette's router alone: an application object around it adds layers to each request that nothing here needs, and they
cost a quarter of the event loop's time under load (DECISIONS 16).
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, Router
from starlette.types import Receive, Scope, Send

from contracts.faults import bilingual
from hub.admin.broadcasts import BroadcastDesk
from hub.admin.connectors import Connectors
from hub.admin.deliveries import Deliveries
from hub.admin.erasures import ErasureDesk
from hub.admin.ranked_lists import RankedListDesk
from hub.admin.reach import Reach
from hub.admin.rights import RightsDesk
from hub.admin.services import Services
from hub.admin.signing_in import SignIn
from hub.admin.vendors import Vendors
from hub.bootstrap import Hub
from hub.errors import MethodNotAllowed, PathUnknown, StoreUnavailable
from hub.feed.export import Exports
from hub.home import Home
from hub.http import callbacks, documentation
from hub.http.admin import AdminApi
from hub.http.admin_access import AdminAccess
from hub.http.admin_connectors import ConnectorsApi
from hub.http.admin_exports import ExportsApi
from hub.http.admin_outreach import OutreachApi
from hub.http.admin_rights import RightsApi
from hub.http.admin_simulations import SimulationsApi
from hub.http.admin_sources import SourcesApi
from hub.http.admin_statistics import StatisticsApi
from hub.http.admin_vendors import VendorsApi
from hub.http.admin_work import WorkApi
from hub.http.cards import CardsApi
from hub.http.contacts import ContactsApi
from hub.http.exchange import Endpoint, Exchange, Handler, endpoint, json_response
from hub.http.feed import FeedApi
from hub.http.feed_changes import Desks
from hub.http.limits import Limiter
from hub.http.operations import ADMIN, CALLBACKS, FEED, PUBLISH
from hub.http.public import PublicApi
from hub.http.publish import PublishApi
from hub.http.ranked_lists import RankedListApi
from hub.http.turns import Room, Slots, Turns
from hub.ingest.letters import confirmation_letter
from hub.settings import Settings
from hub.store.attributes import AttributeKeeper
from hub.store.files import Files
from hub.store.filing_rights import RightsFiler

_FILES_AT_ONCE = 2
"""Of sources, uploaded: each is in memory whole."""

_EXPORTS_AT_ONCE = 4
"""Of citizens and administrators together: each takes a thread and a connection to the database, again and again."""
_CARTS_AT_ONCE = 8
"""Each takes a thread for as long as pagoPA takes to answer."""


class Application(Router):
    """The hub's routes, and the hub that works while they are served."""

    def __init__(self, hub: Hub) -> None:
        @asynccontextmanager
        async def lifespan(_app: object) -> AsyncIterator[None]:
            with hub.running():
                yield

        limiter = Limiter(
            calls_per_minute=hub.settings.calls_per_minute, refusals_per_minute=hub.settings.refusals_per_minute
        )
        super().__init__(
            routes=[*_api_routes(hub, limiter), *documentation.routes(lambda request: _public_url(hub, request))],
            redirect_slashes=False,
            default=_Resource({}, limiter),
            lifespan=lifespan,
        )
        self.hub = hub
        self._fixed = {
            route.path: route.handle for route in self.routes if isinstance(route, Route) and "{" not in route.path
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Most requests name a path without parameters: looked up, not tried against each pattern in turn.
        handle = self._fixed.get(scope["path"]) if scope["type"] == "http" else None
        await (handle or super().__call__)(scope, receive, send)


def create_app(home: Home | None = None) -> Application:
    """The application over a home (by default that of the environment). Raises HomeError."""
    return Application(Hub(home or Home(Settings())))


class _Resource:
    """One path with its methods; what it does not offer is refused in the same form as everything else."""

    def __init__(self, handlers: dict[str, Endpoint], limiter: Limiter) -> None:
        self._handlers = handlers
        if "GET" in handlers:
            handlers.setdefault("HEAD", handlers["GET"])
        self._refuse = endpoint(self._refused, "unknown", limiter)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        respond = self._handlers.get(scope["method"], self._refuse)
        response = await respond(Request(scope, receive, send))
        await response(scope, receive, send)

    async def _refused(self, _exchange: Exchange) -> Response:
        if not self._handlers:
            raise PathUnknown
        raise MethodNotAllowed(headers={"Allow": ", ".join(sorted(self._handlers))})


def _api_routes(hub: Hub, limiter: Limiter) -> list[BaseRoute]:
    publish = PublishApi(
        pipeline=hub.pipeline,
        uploads=hub.uploads,
        batches=hub.batches,
        batch_view=hub.batch_view,
        reply_to=hub.callbacks.reply_to,
        events_view=hub.events_view,
        batch_accepted=hub.batch_runner.ring,
        vendor_view=hub.vendor_view,
        committer=hub.committer,
        intake=hub.intake,
        limiter=limiter,
        signing_key=hub.signing_key,
        body_limit=hub.settings.body_limit,
        batch_limit=hub.settings.batch_limit,
        content_limit=hub.settings.content_limit,
        accepted=hub.ring,
        resolver=hub.resolver,
    )
    exports = Slots(_room(hub, _EXPORTS_AT_ONCE))
    feed = FeedApi(
        feed=hub.feed,
        committer=hub.committer,
        registry=hub.registry,
        clock=hub.clock,
        limiter=limiter,
        desks=Desks(
            hub.wishes,
            hub.requesting,
            hub.contacts,
            partial(confirmation_letter, hub.clock, hub.route),
            hub.clock.now,
            hub.ring,
            hub.carts,
            Slots(
                _room(hub, _CARTS_AT_ONCE),
                bilingual("Troppi carrelli insieme", "too many carts at once"),
                retry_after_s=5,
            ),
            RightsFiler(hub.citizens, hub.home.vault),
        ),
        streams=hub.streams,
        exports=exports,
    )

    def name_of(ente_id: str) -> str:
        return hub.registry().ente(ente_id).name

    public = PublicApi(hub.links, hub.actions, hub.committer, hub.published_keys, name_of)
    contacts = ContactsApi(hub.confirm_links, hub.contacts, hub.database, hub.committer, limiter, name_of)
    ranked_lists = RankedListApi(hub.database, hub.registry)
    status = _status(hub)
    handlers: list[tuple[str, str, str, Handler]] = [
        ("/.well-known/jwks.json", "GET", "show_hub_keys", public.keys),
        ("/public/v1/actions/{token}", "GET", "follow_action_link", public.follow),
        ("/public/v1/unsubscribes/{token}", "GET", "ask_unsubscribe", public.ask),
        ("/public/v1/unsubscribes/{token}", "POST", "unsubscribe", public.unsubscribe),
        ("/public/v1/contacts/{token}", "GET", "ask_contact", contacts.ask),
        ("/public/v1/contacts/{token}", "POST", "confirm_contact", contacts.confirm),
        ("/public/v1/cards/{token}", "GET", "check_card", CardsApi(hub.cards, hub.committer, limiter).check),
        ("/public/v1/ranked-lists/{list_id}", "GET", "show_ranked_list", ranked_lists.show),
    ]
    for operations, api in ((PUBLISH, publish), (FEED, feed), (ADMIN, _admin(hub, limiter, exports, name_of))):
        for one in operations:
            handler = status if one.path == "/status" else api.handler(one)
            handlers.append((f"/{one.api}/v1{one.path}", one.method, one.operation_id, handler))
    answer = callbacks.CallbacksApi(
        hub.inbound.answering, hub.registry, limiter, hub.settings.body_limit, hub.proxy, hub.clock.now
    ).answer
    handlers += [(f"/{one.api}/v1{one.path}", one.method, one.operation_id, status) for one in CALLBACKS]
    handlers += [(callbacks.PATH, method, "answer_provider", answer) for method in callbacks.METHODS]
    by_path: dict[str, dict[str, Endpoint]] = {}
    for path, method, name, handler in handlers:
        by_path.setdefault(path, {})[method] = endpoint(handler, name, limiter)
    return [Route(path, _Resource(methods, limiter)) for path, methods in by_path.items()]


def _admin(hub: Hub, limiter: Limiter, slots: Slots, name_of: Callable[[str], str]) -> AdminApi:
    access = AdminAccess(
        sign_in=SignIn(
            hub.database,
            hub.committer,
            hub.home.vault,
            hub.settings.internal_host_names,
            hub.settings.factor_roles,
        ),
        database=hub.database,
        committer=hub.committer,
        vault=hub.home.vault,
        limiter=limiter,
        body_limit=hub.settings.body_limit,
    )
    reach = Reach(hub.settings.internal_host_names, hub.settings.trial_folder, trial=lambda: bool(hub.simulated))
    connectors = ConnectorsApi(access, Connectors(hub.home.types, hub.home.configuration, hub.home.vault, reach))
    deliveries = Deliveries(hub.home.types, hub.home.configuration, hub.requests, hub.ring)
    simulations = SimulationsApi(access, lambda: hub.simulated)
    attributes = AttributeKeeper(hub.citizens, hub.home.vault)
    rights = RightsDesk(hub.database, hub.citizens, hub.home.vault, hub.route)
    exports = Exports(hub.database, hub.home.vault, hub.citizens, Files(hub.home.folder / "files", hub.home.vault))
    parts = (
        connectors,
        VendorsApi(access, Vendors(), Services(hub.home.types, hub.home.configuration)),
        WorkApi(access, deliveries, connectors.connectors),
        StatisticsApi(access),
        SourcesApi(access, hub.sources, attributes, hub.settings.content_limit, Turns(_room(hub, _FILES_AT_ONCE))),
        OutreachApi(access, BroadcastDesk(hub.database, hub.home.vault), RankedListDesk(hub.database, hub.home.vault)),
        RightsApi(access, rights, ErasureDesk(hub.citizens, hub.home.vault), hub.ring),
        ExportsApi(access, rights, exports, slots),
        simulations,
    )
    return AdminApi(access, tuple(part.handler for part in parts), name_of)


def _room(hub: Hub, at_once: int) -> Room:
    return Room(at_once, lambda: len(hub.registry().enti))


def _status(hub: Hub) -> Handler:
    async def status(_exchange: Exchange) -> Response:
        if not await run_in_threadpool(hub.observed.ready):
            raise StoreUnavailable  # which check does not hold is for the operator: `hub.exporter` tells
        content = {
            "type": "about:blank",
            "title": "In servizio / Up",
            "status": 200,
            "detail": "Il servizio risponde / the service is up",
        }
        response = json_response(content)
        response.headers["Content-Type"] = "application/problem+json"
        return response

    return status


def _public_url(hub: Hub, request: Request) -> str:
    """The base of the ente whose address was called; of the first one elsewhere (behind a proxy that renames)."""
    enti = hub.registry().enti
    asked = str(request.base_url).rstrip("/")
    called = [ente for ente in enti if ente.public_url == asked] or list(enti[:1])
    return called[0].public_url if called else asked
