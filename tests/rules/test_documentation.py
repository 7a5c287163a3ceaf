"""The pages of the descriptions load nothing from outside, and say in which language they are."""

import asyncio
import re

import httpx
import pytest
from starlette.applications import Starlette

from hub.http.description import describe
from hub.http.documentation import routes

BASE = "https://hub.example.it"
APP = Starlette(routes=routes(BASE))
PAGES = ["/docs", "/docs/publish", "/docs/feed", "/docs/admin", "/docs/callbacks"]


def get(path: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(APP), base_url=BASE) as client:
            return await client.get(path)

    return asyncio.run(ask())


@pytest.mark.parametrize("path", PAGES)
def test_page_is_italian_titled_and_guarded(path: str) -> None:
    page = get(path)
    assert page.status_code == 200
    assert '<html lang="it">' in page.text
    assert re.search(r"<title>[^<]+</title>", page.text)
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", PAGES)
def test_everything_a_page_loads_is_served_here(path: str) -> None:
    page = get(path).text
    loaded = re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="([^"]+)"', page) + re.findall(
        r'data-url="([^"]+)"', page
    )
    assert loaded
    assert {url: get(url).status_code for url in loaded} == dict.fromkeys(loaded, 200)
    assert not re.search(r"<script>|<style|\sstyle=|\son\w+=", page), "inline code, which the policy forbids"


def test_the_bundle_s_own_page_is_not_served() -> None:
    assert get("/docs/assets/index.html").status_code == 404


def test_description_is_served_with_the_hub_s_own_server() -> None:
    assert get("/feed/v1/openapi.json").json() == describe("feed", BASE)
