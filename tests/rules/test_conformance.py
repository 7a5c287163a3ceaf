"""Held against the description, a right response passes and each kind of wrong one is found."""

import json
from typing import Any

import httpx
import pytest

from hub.errors import ItemUnknown
from hub.http.description import describe, examples
from hub.http.description.failures import example_of

from .conformance import assert_as_described
from .reading import followed, headers

ITEM = ("publish", "GET", "/items/{item_id}")


def a_response(status: int = 200, body: Any = examples.PUBLISHED_ITEM, **changed: str | None) -> httpx.Response:
    """The example answer of `show_published_item`; a header given as None is left out, `_` stands for `-`."""
    document = describe("publish")
    declared = followed(document, document["paths"]["/items/{item_id}"]["get"]["responses"].get(str(status), {}))
    sent = {name.lower(): str(header["example"]) for name, header in headers(document, declared).items()}
    sent["content-type"] = "application/json" if status < 400 else "application/problem+json"
    sent |= {name.replace("_", "-"): value for name, value in changed.items() if value is not None}
    for name in (name.replace("_", "-") for name, value in changed.items() if value is None):
        del sent[name]
    content = b"" if body is None else json.dumps(body).encode()
    return httpx.Response(status, headers=sent, content=content)


@pytest.mark.parametrize(
    "response",
    [
        a_response(),
        a_response(content_type="application/json; charset=utf-8"),
        a_response(304, None),
        a_response(404, example_of(ItemUnknown)),
    ],
    ids=["success", "media type with a parameter", "not modified", "declared error"],
)
def test_response_as_declared_passes(response: httpx.Response) -> None:
    assert_as_described(*ITEM, response)


@pytest.mark.parametrize(
    ("response", "complaint"),
    [
        (a_response(202), "not declared"),
        (a_response(etag=None), "header ETag is missing"),
        (a_response(x_ratelimit_reset="soon"), "header X-RateLimit-Reset"),
        (a_response(content_type="text/html"), "media type text/html"),
        (a_response(body={**examples.PUBLISHED_ITEM, "more": 1}), "more"),
        (a_response(body={**examples.PUBLISHED_ITEM, "version": "1"}), "version"),
        (a_response(304, {}), "a body where none is declared"),
        (a_response(404, {**example_of(ItemUnknown), "code": "item.lost"}), "code item.lost"),
        (a_response(404, {**example_of(ItemUnknown), "status": 410}), "status 410"),
    ],
)
def test_response_not_as_declared_is_found(response: httpx.Response, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        assert_as_described(*ITEM, response)


def test_undeclared_error_must_fit_the_default() -> None:
    with pytest.raises(AssertionError, match=r"code item\.unknown is not declared"):
        assert_as_described(*ITEM, httpx.Response(418, **_bare_problem()))


def _bare_problem() -> dict[str, Any]:
    good = a_response(404, example_of(ItemUnknown))
    return {"headers": good.headers, "content": good.content}


def test_media_type_range_covers_its_members() -> None:
    document = describe("feed")
    declared = followed(document, document["paths"]["/documents/{item_id}/content"]["get"]["responses"]["206"])
    sent = {name: str(header["example"]) for name, header in headers(document, declared).items()}
    part = httpx.Response(206, headers={**sent, "Content-Type": "image/svg+xml"}, content=b"<svg/>")
    assert_as_described("feed", "GET", "/documents/{item_id}/content", part)
