"""A provider that is played, and a connector that pulls from it: what the suites of both kinds of pulling stand on."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from contracts.connector import Connector, Limits

from .inbound_conformance import Inbound
from .scripted import Received, ScriptedServer

PATIENT_S = 10.0
MOST_STEPS = 200
"""Of a round: one that takes more does not end."""


class Pulling(Inbound):
    """Give `connect_to`, `secrets` and `personal`."""

    server: ScriptedServer
    elsewhere: ScriptedServer

    def connect_to(self, url: str, limits: Limits) -> Connector:
        """The connector anew, as a restarted process would make it, with settings that lead to `url`. Those that call
        `http://127.0.0.1` list it where private addresses are refused."""
        raise NotImplementedError

    def is_login(self, request: Received) -> bool:
        """Whether the request only asks for a token; it is answered as ever, whatever fault is played."""
        return False

    @contextmanager
    def playing(self) -> Iterator[None]:
        with ScriptedServer() as self.server, ScriptedServer() as self.elsewhere:
            self._made: list[Connector] = []
            yield
            for connector in self._made:
                connector.close()

    @pytest.fixture(autouse=True)
    def _provider(self) -> Iterator[None]:
        with self.playing():
            yield

    def fresh(self, timeout_s: float = PATIENT_S) -> Connector:
        connector = self.connect_to(self.server.url, Limits(timeout_s=timeout_s))
        self._made.append(connector)
        return connector
