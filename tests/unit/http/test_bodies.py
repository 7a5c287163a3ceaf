"""A body is read whole, whatever the pieces it comes in, and no further than it may be."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request

from hub.errors import BodyTooLarge, BodyTooSlow
from hub.http import exchange
from hub.http.exchange import read_body


def piece(body: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def asked(messages: Iterator[dict[str, Any]], headers: list[tuple[bytes, bytes]] | None = None) -> Request:
    """A request of which those messages come, and then none."""

    async def receive() -> dict[str, Any]:
        for message in messages:
            return message
        await asyncio.Event().wait()
        raise AssertionError("it waits for ever")

    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers or []}, receive)


@pytest.mark.parametrize("pieces", [[b""], [b"ab"], [b"a", b"b"], [b"", b"a", b"b", b""]])
def test_the_pieces_of_a_body_are_read_to_the_last(pieces):
    last = len(pieces) - 1
    request = asked(piece(each, more=number < last) for number, each in enumerate(pieces))
    assert asyncio.run(read_body(request, 2)) == b"".join(pieces)


def test_what_was_not_announced_is_refused_where_it_grows_too_large():
    taken = []
    messages = (taken.append(number) or piece(b"abc", more=True) for number in range(10))
    with pytest.raises(BodyTooLarge):
        asyncio.run(read_body(asked(messages), 5))
    assert taken == [0, 1]


def test_what_is_announced_too_large_is_not_read():
    messages = iter([piece(b"abc", more=False)])
    with pytest.raises(BodyTooLarge):
        asyncio.run(read_body(asked(messages, [(b"content-length", b"3")]), 2))
    assert next(messages)


def test_who_goes_away_in_the_middle_sent_no_body():
    messages = iter([piece(b"a", more=True), {"type": "http.disconnect"}])
    with pytest.raises(ClientDisconnect):
        asyncio.run(read_body(asked(messages), 5))


def test_a_body_that_does_not_end_is_too_slow(monkeypatch):
    monkeypatch.setattr(exchange, "BODY_DEADLINE_S", 0.01)
    with pytest.raises(BodyTooSlow):
        asyncio.run(read_body(asked(iter([piece(b"a", more=True)])), 5))
