"""What stands before the APIs of a shared hub."""

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx


class Balancer(httpx.BaseTransport):
    """Each request goes to the next API; where none can be reached, its error is the vendor's."""

    def __init__(self, addresses: list[str]) -> None:
        self._all = [httpx.URL(each) for each in addresses]
        self._turns = itertools.cycle(range(len(addresses)))
        self._resting: str | None = None
        self._inner = httpx.HTTPTransport(limits=httpx.Limits(max_connections=100))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        first = next(self._turns)
        # From there on in order: asking for the next turn might give the same one, as others take turns too.
        order = [each for each in self._all[first:] + self._all[:first] if str(each) != self._resting]
        for there in order:
            request.url = request.url.copy_with(host=there.host, port=there.port)
            try:
                return self._inner.handle_request(request)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if there is order[-1]:
                    raise
        raise AssertionError

    @contextmanager
    def resting(self, address: str) -> Iterator[None]:
        """Give that API no new requests; those that it has been given it has by now. A server that stops cannot answer
        what is still on its way to a connection that it closes."""
        self._resting = address
        try:
            time.sleep(0.1)
            yield
        finally:
            self._resting = None

    def close(self) -> None:
        self._inner.close()
