"""The ASGI application: the tables of operations become routes, each with its handler."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.bootstrap import Home, Hub
from hub.errors import HubError, MethodNotAllowed, PathUnknown, StoreUnavailable
from hub.http import documentation
from hub.http.exchange import Exchange, Handler, endpoint, json_response
from hub.http.feed import FeedApi
from hub.http.limits import Limiter
from hub.http.operations import FEED, PUBLISH, Operation
from hub.http.public import PublicApi
from hub.http.publish import PublishApi
from hub.settings import Settings


def create_app(home: Home | None = None) -> FastAPI:
    """The application over a home (by default that of the environment). Raises HomeError."""
    hub = Hub(home or Home(Settings()))
    limiter = Limiter(
        calls_per_minute=hub.settings.calls_per_minute, refusals_per_minute=hub.settings.refusals_per_minute
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        with hub.running():
            yield

    app = FastAPI(
        title="Raccordo", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False, lifespan=lifespan
    )
    app.state.hub = hub
    publish = PublishApi(
        pipeline=hub.pipeline,
        uploads=hub.uploads,
        vendor_view=hub.vendor_view,
        committer=hub.committer,
        intake=hub.intake,
        limiter=limiter,
        key=hub.key,
        body_limit=hub.settings.body_limit,
        content_limit=hub.settings.content_limit,
        accepted=hub.dispatcher.ring,
    )
    feed = FeedApi(
        feed=hub.feed,
        committer=hub.committer,
        registry=hub.registry,
        clock=hub.clock,
        limiter=limiter,
    )
    status = _status(hub)
    for operation in PUBLISH:
        _mount(app, operation, status if operation.public else publish.handler(operation), limiter)
    for operation in FEED:
        _mount(app, operation, status if operation.public else feed.handler(operation), limiter)
    public = PublicApi(hub.links, hub.committer, hub.key)
    for path, method, handler, name in (
        ("/.well-known/jwks.json", "GET", public.keys, "show_hub_keys"),
        ("/public/v1/unsubscribes/{token}", "GET", public.ask, "ask_unsubscribe"),
        ("/public/v1/unsubscribes/{token}", "POST", public.unsubscribe, "unsubscribe"),
    ):
        app.router.routes.append(Route(path, endpoint(handler, name, limiter), methods=[method]))
    app.router.routes.extend(documentation.routes(lambda request: _public_url(hub, request)))
    _errors(app, limiter)
    return app


def _mount(app: FastAPI, operation: Operation, handler: Handler, limiter: Limiter) -> None:
    path = f"/{operation.api}/v1{operation.path}"
    route = Route(path, endpoint(handler, operation.operation_id, limiter), methods=[operation.method])
    app.router.routes.append(route)


def _status(hub: Hub) -> Handler:
    async def status(_exchange: Exchange) -> Response:
        try:
            await run_in_threadpool(hub.registry.poll)
        except Exception:  # noqa: BLE001 - whatever keeps the database from answering, the answer is 503
            raise StoreUnavailable from None
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


def _errors(app: FastAPI, limiter: Limiter) -> None:
    """What the router itself refuses has the same form as everything else."""

    def answer(error: Callable[[], HubError]) -> Callable[[Request, Exception], object]:
        async def refuse(_exchange: Exchange) -> Response:
            raise error()

        run = endpoint(refuse, "unknown", limiter)

        async def respond(request: Request, exc: Exception) -> Response:
            response = await run(request)
            allow = getattr(exc, "headers", None) or {}
            response.headers.update(allow)
            return response

        return respond

    app.add_exception_handler(404, answer(PathUnknown))  # type: ignore[arg-type]  # Starlette's own handler type is wider
    app.add_exception_handler(405, answer(MethodNotAllowed))  # type: ignore[arg-type]  # as above


def _public_url(hub: Hub, request: Request) -> str:
    """The base of the ente whose address was called; of the first one elsewhere (behind a proxy that renames)."""
    enti = hub.registry().enti
    asked = str(request.base_url).rstrip("/")
    called = [ente for ente in enti if ente.public_url == asked] or list(enti[:1])
    return called[0].public_url if called else asked
