"""A TLS proxy in front of a hub: asks for a client certificate, and hands over what it was shown (RFC 9440)."""

import asyncio
import ssl
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

HEADER = b"client-cert"


@contextmanager
def proxied(target: str, context: ssl.SSLContext, *, strips: bool = True) -> Iterator[str]:
    """Its URL, until the block ends. `strips`: what a client sends in the header itself goes no further."""
    up, ends = threading.Event(), asyncio.Event()
    found: list[tuple[asyncio.AbstractEventLoop, int]] = []

    async def serve() -> None:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await _pass_on(reader, writer, target, strips=strips)

        server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
        found.append((asyncio.get_running_loop(), server.sockets[0].getsockname()[1]))
        up.set()
        await ends.wait()
        server.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="tls-proxy", daemon=True)
    thread.start()
    assert up.wait(10)
    loop, port = found[0]
    try:
        yield f"https://127.0.0.1:{port}"
    finally:
        loop.call_soon_threadsafe(ends.set)
        thread.join(10)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: str, *, strips: bool) -> None:
    """One request of a connection, and its answer."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).removesuffix(b"\r\n\r\n").split(b"\r\n")
        names = {line.partition(b":")[0].lower(): line.partition(b":")[2].strip() for line in head[1:]}
        body = await reader.readexactly(int(names.get(b"content-length", b"0")))
        dropped = (b"connection", HEADER, HEADER + b"-chain") if strips else (b"connection",)
        kept = [line for line in head if line.partition(b":")[0].lower() not in dropped]
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        if shown or strips:
            kept.append(HEADER + b": " + (b":" + b64encode(shown) + b":" if shown else b""))
        place = urlsplit(target)
        answers, asks = await asyncio.open_connection(place.hostname, place.port)
        asks.write(b"\r\n".join([*kept, b"connection: close", b"", b""]) + body)
        writer.write(await answers.read())
        await writer.drain()
        asks.close()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()
