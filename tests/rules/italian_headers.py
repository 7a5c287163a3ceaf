"""The rules of profile `full` on headers, rate limits and caching, each under its official name."""

import re
from collections.abc import Iterator

from .checking import check
from .reading import Json, headers, parameters, responses

_TRIPLE = {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}
_TRAIN = re.compile(r"^[A-Z][A-Za-z0-9]*(-[A-Z][A-Za-z0-9]*)*$")
_NO_X = re.compile(r"^([^x]|.[^-])|RateLimit-|Correlation-ID|ReplyTo", re.IGNORECASE)
_FORBIDDEN = {"accept", "content-type", "authorization"}
_DIRECTIVES = re.compile("max-age|private|no-store|no-cache|no-transform")


@check("no-forbidden-headers", "error")
def forbidden_headers(document: Json) -> Iterator[str]:
    for place, parameter in parameters(document):
        if parameter["in"] == "header" and parameter["name"].lower() in _FORBIDDEN:
            yield f"{place} {parameter['name']}"
    for place, _, response in responses(document):
        yield from (f"{place} {name}" for name in headers(document, response) if name.lower() in _FORBIDDEN)


@check("no-x-headers-request", "warn")
def x_headers_request(document: Json) -> Iterator[str]:
    for place, parameter in parameters(document):
        if parameter["in"] == "header" and not _NO_X.search(parameter["name"]):
            yield f"{place} {parameter['name']}"


@check("no-x-headers-response", "warn")
def x_headers_response(document: Json) -> Iterator[str]:
    for place, _, response in responses(document):
        yield from (f"{place} {name}" for name in headers(document, response) if not _NO_X.search(name))


@check("request-headers-train-case", "hint")
def request_headers_case(document: Json) -> Iterator[str]:
    for place, parameter in parameters(document):
        if parameter["in"] == "header" and not _TRAIN.match(parameter["name"]):
            yield f"{place} {parameter['name']}"


@check("response-headers-train-case", "hint")
def response_headers_case(document: Json) -> Iterator[str]:
    for place, _, response in responses(document):
        yield from (f"{place} {name}" for name in headers(document, response) if not _TRAIN.match(name))


def _without_triple(document: Json, statuses: str) -> Iterator[str]:
    for place, status, response in responses(document):
        if re.fullmatch(statuses, status) and not headers(document, response).keys() >= _TRIPLE:
            yield place


@check("missing-ratelimit", "warn")
def ratelimit(document: Json) -> Iterator[str]:
    yield from _without_triple(document, r"2..|4(?!29)..")


@check("ratelimit-429-completeness", "error")
def ratelimit_429(document: Json) -> Iterator[str]:
    yield from _without_triple(document, "429")


@check("ratelimit-elsewhere", "warn", "house")
def ratelimit_elsewhere(document: Json) -> Iterator[str]:
    """RAC_ROBUSTEZZA_001 says every response: redirections, server errors and `default` too."""
    yield from _without_triple(document, r"3..|5..|default")


def _without_retry_after(document: Json, wanted: str) -> Iterator[str]:
    for place, status, response in responses(document):
        if status == wanted and "Retry-After" not in headers(document, response):
            yield place


@check("ratelimit-429-presence", "warn")
def retry_after_429(document: Json) -> Iterator[str]:
    yield from _without_retry_after(document, "429")


@check("missing-retry-after", "warn")
def retry_after_503(document: Json) -> Iterator[str]:
    yield from _without_retry_after(document, "503")


@check("cache-control-parameter-undocumented", "warn")
def cache_parameter(document: Json) -> Iterator[str]:
    for place, parameter in parameters(document):
        if parameter["name"].lower() == "cache-control" and not _DIRECTIVES.search(parameter.get("description", "")):
            yield place


@check("cache-responses-undocumented", "info")
def cache_described(document: Json) -> Iterator[str]:
    for place, _, response in responses(document):
        for name, header in headers(document, response).items():
            if name in ("Cache-Control", "Expires") and not _DIRECTIVES.search(header.get("description", "")):
                yield place


@check("cache-responses-indeterminate-behavior", "info")
def cache_one(document: Json) -> Iterator[str]:
    for place, status, response in responses(document):
        if status[0] == "2" and len({"Cache-Control", "Expires"} & headers(document, response).keys()) != 1:
            yield place
