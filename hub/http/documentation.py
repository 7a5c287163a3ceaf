"""Serves the descriptions: as JSON for programs, as pages for people. Everything the pages load comes from this hub."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import get_args

import orjson
import swagger_ui_bundle
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from .description import describe
from .operations import Api

PublicUrl = Callable[[Request], str] | str

_PAGES = Path(__file__).parent / "description" / "pages"
_SWAGGER = Path(swagger_ui_bundle.swagger_ui_path)
# The package's folder also holds a page that loads a description from elsewhere: only these are served.
_ASSETS: dict[str, tuple[Path, str]] = {
    "swagger-ui.css": (_SWAGGER, "text/css"),
    "swagger-ui-bundle.js": (_SWAGGER, "text/javascript"),
    "favicon-32x32.png": (_SWAGGER, "image/png"),
    "page.css": (_PAGES, "text/css"),
    "start.js": (_PAGES, "text/javascript"),
}
_PROTECTION = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_TEMPLATES = Environment(loader=FileSystemLoader(_PAGES), autoescape=True, undefined=StrictUndefined)


@dataclass(frozen=True, slots=True)
class _Card:
    """What the pages show of an API around its description."""

    name: Api
    title: str
    italian: str
    english: str
    version: str
    server: str


def routes(public_url: PublicUrl) -> list[BaseRoute]:
    """`/<api>/v1/openapi.json`, `/docs`, `/docs/<api>` and what they load. `public_url` is this hub's base address."""

    def base(request: Request) -> str:
        return public_url if isinstance(public_url, str) else public_url(request)

    def document(api: Api) -> Route:
        async def answer(request: Request) -> Response:
            return Response(_json(api, base(request)), media_type="application/json", headers=_PROTECTION)

        return Route(f"/{api}/v1/openapi.json", answer, methods=["GET"])

    def page(api: Api) -> Route:
        async def answer(request: Request) -> Response:
            cards = _cards(base(request))
            (card,) = (each for each in cards if each.name == api)
            return _page("api.html", api=card, apis=cards)

        return Route(f"/docs/{api}", answer, methods=["GET"])

    def asset(name: str) -> Route:
        folder, media_type = _ASSETS[name]

        async def answer(_: Request) -> Response:
            return FileResponse(folder / name, media_type=media_type, headers=_PROTECTION)

        return Route(f"/docs/assets/{name}", answer, methods=["GET"])

    async def index(request: Request) -> Response:
        return _page("index.html", apis=_cards(base(request)))

    apis: tuple[Api, ...] = get_args(Api)
    return [
        *(document(api) for api in apis),
        Route("/docs", index, methods=["GET"]),
        *(page(api) for api in apis),
        *(asset(name) for name in _ASSETS),
    ]


def _page(template: str, **shown: object) -> Response:
    return HTMLResponse(_TEMPLATES.get_template(template).render(shown), headers=_PROTECTION)


def _cards(base: str) -> tuple[_Card, ...]:
    return tuple(_card(api, base) for api in get_args(Api))


# A hub has one base address for each ente; the cache is bounded because `Host` may be anything.
@lru_cache(maxsize=32)
def _json(api: Api, base: str) -> bytes:
    return orjson.dumps(describe(api, base))


@lru_cache(maxsize=32)
def _card(api: Api, base: str) -> _Card:
    described = describe(api, base)
    italian, english = described["info"]["x-summary"].split(" / ")
    return _Card(
        name=api,
        title=described["info"]["title"],
        italian=italian,
        english=english,
        version=described["info"]["version"],
        server=described["servers"][0]["url"],
    )
