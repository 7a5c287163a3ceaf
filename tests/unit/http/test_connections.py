"""What a connection may cost: strangers who say nothing, or never end, are let go."""

import asyncio
from contextlib import asynccontextmanager

import pytest
import uvicorn
from uvicorn.server import ServerState

from hub.http import connections
from hub.http.connections import MOST_UNREAD, Connection

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n"
BODY = bytes(3 * MOST_UNREAD)


async def app(scope, receive, send):
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    text = b"%d" % size
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(text))]})
    await send({"type": "http.response.body", "body": text})


@asynccontextmanager
async def connected():
    config = uvicorn.Config(app, log_config=None)
    config.load()
    state = ServerState()
    made = lambda: Connection(config=config, server_state=state, app_state={})  # noqa: E731
    async with await asyncio.get_running_loop().create_server(made, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        yield reader, writer
        writer.close()


def answers(*pieces, ends=True):
    """All that is answered to these pieces, one after the other, until the server closes, or nothing more is said."""

    async def talk():
        async with connected() as (reader, writer):
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(0.01)
            async with asyncio.timeout(5):
                return await (reader.read() if ends else reader.readuntil(b"\r\n\r\n"))

    return asyncio.run(talk())


@pytest.mark.parametrize("header", [b"x-%d: " + b"a" * 1000 + b"\r\n", b"a"], ids=["many", "one without end"])
def test_headers_without_end_are_refused(header):
    many = [header % n if b"%d" in header else header * 1000 for n in range(MOST_UNREAD // 1000 + 2)]
    assert answers(HEAD, *([] if b"%d" in header else [b"x: "]), *many).startswith(b"HTTP/1.1 431 ")


def test_trailers_without_end_are_let_go():
    chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"
    assert answers(chunked, *[b"x: " + b"a" * 10_000 + b"\r\n"] * 8) == b""


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHo"])
def test_a_head_that_does_not_come_is_not_waited_for(monkeypatch, said):
    """A thousand silent connections kept everybody else out."""
    monkeypatch.setattr(connections, "HEAD_S", 0.1)
    assert answers(said) == b""


def test_the_second_head_of_a_connection_has_its_time_too(monkeypatch):
    monkeypatch.setattr(connections, "HEAD_S", 0.1)
    whole = HEAD + b"Content-Length: 0\r\n\r\n"
    assert answers(whole, b"GET / HTTP/1.1\r\nHo").count(b"HTTP/1.1 200") == 1


@pytest.mark.parametrize(
    "request_", [b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY, b"Transfer-Encoding: chunked\r\n\r\n"]
)
def test_a_body_is_not_counted(monkeypatch, request_):
    monkeypatch.setattr(connections, "HEAD_S", 0.1)
    chunks = [b"1\r\na\r\n" * 1000] * 20 + [b"0\r\n\r\n"] if b"chunked" in request_ else []
    assert answers(HEAD + request_, *chunks, ends=False).startswith(b"HTTP/1.1 200")
