"""Holds a live response against the description: what the hub answers is what it declares."""

import json
import re
from functools import lru_cache
from typing import Any

import httpx

from hub.http.description import describe
from hub.http.operations import Api

from .house import Faults, faults_in
from .reading import Json, followed, headers

_document = lru_cache(maxsize=3)(describe)


@lru_cache(maxsize=3)
def _faults(api: Api) -> Faults:
    """Every answer of the flows is held against it: the description is written out once."""
    return faults_in(_document(api))


def assert_as_described(api: Api, method: str, path_template: str, response: httpx.Response) -> None:
    """Asserts that the operation declares `response`: its status, required headers, media type, body and error code.

    `path_template` is the description's own path, such as `/items/{item_id}`. A status that is not declared by itself
    must fit `default`, which is for errors alone.
    """
    document = _document(api)
    operation = document["paths"][path_template][method.lower()]
    status = str(response.status_code)
    place = f"{api} {method.upper()} {path_template} {status}"
    assert status in operation["responses"] or response.status_code >= 400, f"{place}: not declared"
    declared = followed(document, operation["responses"].get(status, operation["responses"]["default"]))
    _assert_headers(api, declared, response, place)
    if method.upper() == "HEAD":
        assert not response.content, f"{place}: a body in answer to HEAD"
    else:
        _assert_body(api, declared, response, place)


def _assert_headers(api: Api, declared: Json, response: httpx.Response, place: str) -> None:
    for name, header in headers(_document(api), declared).items():
        if name not in response.headers:
            assert not header.get("required"), f"{place}: header {name} is missing"
            continue
        text = response.headers[name]
        value = int(text) if header["schema"]["type"] == "integer" and text.isdigit() else text
        faults = _faults(api)(header["schema"], value)
        assert not faults, f"{place}: header {name}: {faults}"


def _assert_body(api: Api, declared: Json, response: httpx.Response, place: str) -> None:
    if "content" not in declared:
        assert not response.content, f"{place}: a body where none is declared"
        return
    media = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    content = _content_for(declared["content"], media)
    assert content is not None, f"{place}: media type {media or 'missing'} is not declared"
    if content["schema"].get("format") == "binary":
        return
    body: Any = json.loads(response.content)
    faults = _faults(api)(content["schema"], body)
    assert not faults, f"{place}: {faults}"
    if response.status_code >= 400:
        assert body["code"] in content["examples"], f"{place}: code {body['code']} is not declared"
        assert body["status"] == response.status_code, f"{place}: the body says status {body['status']}"


def _content_for(contents: Json, media: str) -> Json | None:
    """The entry for `media`: itself first, then a range such as `image/*`."""
    for declared in (media, *(name for name in contents if "*" in name)):
        if declared in contents and re.fullmatch(re.escape(declared).replace(r"\*", ".+"), media):
            found: Json = contents[declared]
            return found
    return None
