"""The conformance suite for a connector over HTTP, played from the scenarios in its folder `samples/`.

A scenario is a JSON file: a notice (what differs from the common one), the exchanges in order, and the result:

    {"notice": {}, "exchanges": [{"request": {"method", "path", "body"}, "answer": {"status", "headers", "body"}}],
     "result": {"type": "Done", "provider_id": "..."}}

`delivered.json` is the scenario in which all goes well; the network's faults are played at each of its exchanges.
`statuses.json` is the table of the provider's answers: at which exchange, what is answered, what comes of it.
`lookup.json`, for a connector that can ask: what is answered to its question, `missing` and `found`.
"""

import json
import socket
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from contracts.connector import Connector, Continue, Done, Limits, Notice
from contracts.failures import Deferred, Failure, Unconfirmed

from .conformance import Conformance, Result, Walk, advance, make_notice
from .inbound_conformance import embellished
from .scripted import Fault, Received, Reply, ScriptedServer

_MAIN = "delivered.json"
_TABLE = "statuses.json"
_LOOKUP = "lookup.json"
NOT_PUBLIC = ("10.0.0.7", "127.0.0.1", "169.254.169.254", "192.168.1.1", "::1", "::ffff:10.0.0.7", "fd00:ec2::254")
"""Addresses to which no name of a provider may lead: private ones, this machine, where clouds keep their metadata."""

# What a provider's answer may hold instead of what was promised.
_ODD_BODIES: tuple[bytes, ...] = (
    b"",
    b"null",
    b"[]",
    b"{",
    b"{}",
    b"\xff\xfe",
    b"<html>Service unavailable</html>",
    b'{"id": 7, "status": [], "sender_allowed": "yes"}',
    b"[" * 100_000,
)


def leading_to(found: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Every name leads to these addresses, and nobody is there. Those that were tried, as they are."""
    tried: set[str] = set()

    def attempt(address: tuple[str, int], *_: Any, **__: Any) -> None:
        tried.add(address[0])
        raise OSError

    there = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 443)) for each in found]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: there)
    monkeypatch.setattr(socket, "create_connection", attempt)
    return tried


class HttpConformance(Conformance):
    """Give `samples`, `sending` and `connect_to`; the rest comes from the scenarios."""

    samples: ClassVar[Path]
    sending: ClassVar[int]
    """The number of the exchange of `delivered.json` in which the message leaves, from 0."""

    server: ScriptedServer
    elsewhere: ScriptedServer

    def connect_to(self, url: str, limits: Limits) -> Connector:
        """The connector, with settings that lead to `url`."""
        raise NotImplementedError

    def connect_unlisted(self, limits: Limits) -> Connector:
        """The same, with settings that lead to a name of the Internet, and list it as in our network nowhere."""
        return self.connect_to("https://provider.example", limits)

    def check_request(self, request: Received) -> None:
        """What else must hold of every request: credentials, headers."""

    def identifier(self, request: Received) -> str:
        """What names the message in the request that sends it."""
        return request.body.decode()

    @pytest.fixture(autouse=True)
    def _provider(self) -> Iterator[None]:
        with ScriptedServer() as self.server, ScriptedServer() as self.elsewhere:
            self._rest: tuple[Reply | Fault, ...] = self.happy()
            yield

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        names = metafunc.fixturenames
        if "scenario" in names:
            found = sorted(path.name for path in self.samples.glob("*.json") if path.name not in (_TABLE, _LOOKUP))
            metafunc.parametrize("scenario", found)
        if "row" in names:
            rows = json.loads((self.samples / _TABLE).read_text(encoding="utf-8"))
            metafunc.parametrize("row", rows, ids=[f"{row['exchange']}-{row['status']}-{row['type']}" for row in rows])
        if "exchange" in names:
            metafunc.parametrize("exchange", range(len(self.happy())))
        if "fault" in names:
            metafunc.parametrize("fault", self.faults)

    def load(self, name: str) -> dict[str, Any]:
        sample: dict[str, Any] = json.loads((self.samples / name).read_text(encoding="utf-8"))
        return sample

    def happy(self) -> tuple[Reply, ...]:
        return tuple(Reply(**exchange["answer"]) for exchange in self.load(_MAIN)["exchanges"])

    def notice(self) -> Notice:
        return self.notice_of(self.load(_MAIN))

    def notice_of(self, sample: dict[str, Any]) -> Notice:
        """The notice of a scenario."""
        return make_notice(**sample.get("notice", {}))

    def connect(self, limits: Limits) -> Connector:
        return self.connect_to(self.server.url, limits)

    def behave(self, fault: Fault | None) -> None:
        if fault is None:
            self.server.play(*self._rest)
            self._rest = self.happy()
        else:
            self._rest = self.server.left or self._rest
            self.server.play(*[fault] * 5)

    def asked(self, *, found: bool) -> None:
        if (self.samples / _LOOKUP).exists():
            self.server.play(Reply(**self.load(_LOOKUP)["found" if found else "missing"]), *self.server.left)

    def taken(self) -> list[str]:
        request = self.load(_MAIN)["exchanges"][self.sending]["request"]
        here = (request["method"], request["path"])
        return [self.identifier(got) for got in self.server.received if (got.method, got.path) == here]

    def before(self, exchange: int) -> Walk:
        """A delivery with all exchanges before this one behind it, and its announcement where there has to be one."""
        self.server.play(*self.happy()[:exchange])
        walk = self.walk()
        while self.server.left:
            assert isinstance(walk.step(), Continue)
        idempotency = walk.connector.manifest.idempotency
        may_be_repeated = idempotency.honours_key or idempotency.resend_unconfirmed
        if exchange == self.sending and not may_be_repeated and not walk.unsafe:
            assert isinstance(walk.step(), Continue), "without an idempotency key the step has to be announced"
        return walk

    def test_scenario(self, scenario: str) -> None:
        sample = self.load(scenario)
        exchanges, expected = sample["exchanges"], sample["result"]
        self.server.play(*(Reply(**exchange["answer"]) for exchange in exchanges))
        walk = Walk(self.fresh(), self.notice_of(sample))
        result = walk.finish()
        self.is_proper(result)
        assert [self._plain(got) for got in self.server.received] == [exchange["request"] for exchange in exchanges]
        assert {"type": type(result).__name__} | {
            name: getattr(result, name) for name in expected if name != "type"
        } == expected

    def _plain(self, got: Received) -> dict[str, Any]:
        self.check_request(got)
        plain: dict[str, Any] = {"method": got.method, "path": got.path}
        return plain | ({"body": json.loads(got.body)} if got.body else {})

    def test_status(self, row: dict[str, Any]) -> None:
        walk = self.before(row["exchange"])
        answer = Reply(row["status"], row.get("body", b""), row.get("headers", {}))
        self.server.play(*[answer] * 5)
        result = walk.step()
        self.is_proper(result)
        assert type(result).__name__ == row["type"]
        if "reason" in row:
            assert isinstance(result, Failure)
            assert result.reason == row["reason"]
        if "after_s" in row:
            assert isinstance(result, Deferred | Continue)
            assert result.after is not None
            assert result.after.total_seconds() == row["after_s"]

    def test_fault(self, exchange: int, fault: Fault) -> None:
        walk = self.before(exchange)
        self.meets(walk, fault)

    def test_odd_bodies_are_no_crash(self, exchange: int) -> None:
        answer = self.happy()[exchange]
        self._are_no_word(exchange, ([Reply(answer.status, body)] for body in _ODD_BODIES))

    def test_an_answer_that_is_cut_or_packed_is_no_word(self, exchange: int) -> None:
        answer = self.happy()[exchange]
        spoilt = ({"Content-Length": "9999999"}, {"Content-Encoding": "gzip"})
        self._are_no_word(exchange, ([replace(answer, headers={**answer.headers, **each})] * 5 for each in spoilt))

    def _are_no_word(self, exchange: int, scripts: Iterable[Sequence[Reply]]) -> None:
        walk = self.before(exchange)
        unsafe, memo = walk.unsafe, walk.memo
        for script in scripts:
            self.server.play(*script)
            result = advance(walk.connector, walk.notice, memo)
            self.is_proper(result)
            if unsafe:
                assert type(result) in (Unconfirmed, Continue, Done), "the provider may have accepted"

    def test_a_name_that_leads_inside_is_refused(self) -> None:
        for address in NOT_PUBLIC:
            with pytest.MonkeyPatch.context() as monkeypatch:
                tried = leading_to([address], monkeypatch)
                connector = self.connect_unlisted(Limits(timeout_s=10))
                self._made.append(connector)
                result = Walk(connector, self.notice()).finish()
                assert isinstance(result, Failure), address
                self.is_proper(result)
                assert tried == set(), address

    def test_unknown_fields_do_no_harm(self) -> None:
        self.server.play(*(self._embellished(reply) for reply in self.happy()))
        self.ends_well(self.walk())

    def _embellished(self, reply: Reply) -> Reply:
        return Reply(reply.status, embellished(reply.body), {**reply.headers, "X-New": "1"})

    def test_a_redirect_is_not_followed(self, exchange: int) -> None:
        for status in (301, 302, 303, 307, 308):
            walk = self.before(exchange)
            self.server.play(*[Reply(status, headers={"Location": self.elsewhere.url + "/"})] * 5)
            result: Result = walk.step()
            self.is_proper(result)
            assert not isinstance(result, Done)
        assert self.elsewhere.received == []
