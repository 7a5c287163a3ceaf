"""The promises of whatever brings items in, beside those of `conformance` for what is delivered: what holds of all that
is found, and `CallbackConformance` for a connector that its provider calls. `pull_conformance` has the suite for one
that asks its provider. A connector's test subclasses one or both:

    class TestCallbacks(CallbackConformance):
        secrets, personal = (SECRET,), ("RSSMRA80A01H501U", "Rossi")
        credentials = ("authorization",)
        def connect(self): ...              # anew, as a restarted process would
        def body(self): ...                 # what the provider calls with
        def authentic(self, body): ...      # its call, proved as it proves it

Rules: `contracts/inbound.py`, `contracts/failures.py`, settled points 16, 30 and 33.
"""

import hashlib
import json
import re
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any, ClassVar

from contracts.answering import Call, OwedPayment, Reading, Reply, SentMessage
from contracts.connector import Connector
from contracts.failures import Deferred, Failure
from contracts.identifiers import holds_tax_code
from contracts.inbound import Found, Memo, Pulled, Report, Stuck
from contracts.items import COLLECTIONS

from .discretion import Discretion

# Instead of what was promised, under the status that promises it.
GARBAGE: tuple[bytes, ...] = (
    b"",
    b"{",
    b"\xff\xfe",
    b'"text"',
    b"7",
    b"<html>Servizio non disponibile</html>",
    b"[" * 100_000,
)
# As their bodies are for XML: entities that grow, and one that reads a file.
_XML_BOMBS: tuple[bytes, ...] = (
    b'<!DOCTYPE a [<!ENTITY b "xxxxxxxxxx"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><a>&c;&c;&c;</a>',
    b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    b"<a>" * 50_000,
)
OVERSIZED = 33_554_432
"""Bytes of a body that no callback takes."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A step with all that it found."""

    memo: Memo
    found: tuple[Found, ...]
    reports: tuple[Report, ...]
    more: bool
    all_names: Mapping[str, Container[str]]
    there: Container[str] | None


def take(connector: Connector, memo: Memo) -> Taken | Failure:
    """One step of pulling, the memo through JSON as the hub's database does it, the failure as a value."""
    pull = connector.pull
    assert pull is not None
    given = json.loads(json.dumps(memo))
    try:
        return _taken(lambda: pull(given))
    finally:
        assert given == json.loads(json.dumps(memo)), (
            "a memo that was given is not changed: the same may be given again"
        )


def patiently(connector: Connector, memo: Memo, *, tries: int = 8) -> tuple[Taken | Failure, list[Failure]]:
    """A step as the hub takes it in the end: again after each Deferred, and past what is in its way after so many. With
    the failures on the way to it."""
    failures: list[Failure] = []
    while isinstance(step := take(connector, memo), Deferred) and len(failures) < 2 * tries:
        failures.append(step)
        if isinstance(step, Stuck) and len(failures) >= (step.tries or tries):
            step = _taken(step.past)
            break
    return step, failures


def _taken(step: Callable[[], Pulled]) -> Taken | Failure:
    try:
        pulled = step()
        found = tuple(pulled.found)
    except Failure as failure:
        return failure
    return Taken(
        json.loads(json.dumps(pulled.memo)), found, pulled.reports, pulled.more, pulled.all_names, pulled.there
    )


def embellished(value: Any) -> Any:
    """JSON with a member more in each of its objects."""
    if isinstance(value, Mapping):
        return {name: embellished(each) for name, each in value.items()} | {"x_new": {"deep": [1, None]}}
    return [embellished(each) for each in value] if isinstance(value, list) else value


class Inbound(Discretion):
    """What holds of all that comes in."""

    personal: ClassVar[tuple[str, ...]] = ()
    """What the samples hold of citizens. Stands in items and in `raw` alone."""

    def hidden(self) -> Iterable[str]:
        return (*self.secrets, *self.personal)

    def is_well_found(self, found: Found) -> None:
        """Assert what holds of each: a name that is no person's, an item that a vendor might publish, or why not."""
        assert len(found.name) <= 200
        assert found.name or found.wrong, "only what cannot be read has no name"
        assert not holds_tax_code(found.name)
        self.shows_nothing(repr(found))
        for wrong in found.wrong:
            assert wrong.code
            assert wrong.pointer == "" or wrong.pointer.startswith("/")
            self.shows_nothing(f"{wrong.pointer} {wrong.code} {wrong.detail}")
        said = [found.item is not None, bool(found.wrong), found.withdrawn is not None, found.missing]
        assert sum(said) <= 1, "an item, a fault, a withdrawal or that it is missing: one of them"
        if found.wrong:
            assert found.raw, "what goes to the quarantine is kept there as it came"
        if found.item is not None:
            whole = {"version": 1} | dict(found.item)
            COLLECTIONS[found.collection].model_validate_json(json.dumps(whole))
        if found.content is not None:
            assert found.collection == "documents"
            assert found.item is not None
            announced = (found.item["size"], found.item["sha256"], found.item.get("content_url"))
            assert announced == (len(found.content), hashlib.sha256(found.content).hexdigest(), None)

    def is_well_reported(self, report: Report) -> None:
        """Assert that the report names one delivery, an instant, and nobody."""
        assert report.at.tzinfo is not None
        assert (report.delivery_id is None) != (report.provider_id is None)
        self.shows_nothing(f"{report.reason} {report.provider_id}")

    def agrees(self, got: Sequence[Found], expected: Sequence[Mapping[str, Any]]) -> None:
        """Assert that these were found: each as the sample has it, members of items that it leaves out left alone."""
        by_name = {found.name: found for found in got}
        wanted = sorted(each["name"] for each in expected)
        assert sorted(by_name) == wanted, f"found {sorted(by_name)}, and not {wanted}"
        for each in expected:
            found = by_name[each["name"]]
            shown: dict[str, Any] = {"name": found.name, "collection": found.collection, "withdrawn": found.withdrawn}
            shown["wrong"] = [f"{wrong.code} {wrong.pointer}".strip() for wrong in found.wrong]
            plain = json.loads(json.dumps(found.item))
            shown["item"] = plain and {name: plain.get(name) for name in each.get("item") or {}}
            told = {name: shown[name] for name in each}
            assert told == dict(each), f"found {told}, and not {dict(each)}"
            assert (plain is not None) == ("item" in each), f"{found.name}: an item or none"


def contents(found: Sequence[Found]) -> list[str]:
    """What they say, in an order that does not depend on when: what is told twice must be the same twice."""
    plain = (
        [
            each.name,
            each.collection,
            each.item,
            each.withdrawn,
            [w.code for w in each.wrong],
            each.flow and astuple(each.flow),
        ]
        for each in found
    )
    return sorted({json.dumps(each, sort_keys=True, default=str) for each in plain})


class NothingKnown:
    """A read port over an empty hub."""

    def message(self, delivery_id: str, tax_code: str) -> SentMessage | None:
        return None

    def file(self, delivery_id: str, tax_code: str, file_id: str) -> bytes | None:
        return None

    def payment(self, creditor_tax_code: str, notice_number: str) -> OwedPayment | None:
        return None


class CallbackConformance(Inbound):
    """Give `connect`, `body`, `authentic`, and `credentials` or `forged`."""

    credentials: ClassVar[tuple[str, ...]] = ()
    """The headers that prove who calls: without one of them, with two, or with another value a call is refused."""
    garbage: ClassVar[tuple[bytes, ...]] = (*GARBAGE, *_XML_BOMBS)

    def connect(self) -> Connector:
        """The connector, made anew."""
        raise NotImplementedError

    def body(self) -> bytes:
        """What the provider calls with when all is well."""
        raise NotImplementedError

    def authentic(self, body: bytes) -> Call:
        """The provider's call with this body, proved as the provider proves it."""
        raise NotImplementedError

    def forged(self) -> Mapping[str, Call]:
        """Further calls that are to be refused: signed long ago, by another key, over another body."""
        return {}

    def reading(self) -> Reading:
        return NothingKnown()

    def accepts(self, reply: Reply) -> None:
        """Assert that the reply is that to a call that is taken."""
        assert 200 <= reply.status < 300
        assert reply.found or reply.reports

    def refuses(self, reply: Reply) -> None:
        """Assert that the reply is a refusal in the provider's words. Nothing is found: that is looked at elsewhere."""
        assert 400 <= reply.status < 500

    def answer(self, call: Call) -> Reply:
        """The reply of a connector made for this one call."""
        self.shows_nothing(repr(call))
        connector = self.connect()
        try:
            assert connector.answer is not None
            reply = connector.answer(call, self.reading())
            assert isinstance(reply, Reply), "a call that demands a payment finds nothing, and is no sample"
        finally:
            connector.close()
        self.shows_nothing(repr(reply))
        for each in (reply, reply.otherwise):
            if each is not None:
                assert 200 <= each.status < 600
                assert all(value.isprintable() and value.isascii() for value in each.headers.values())
        for found in reply.found:
            self.is_well_found(found)
        for report in reply.reports:
            self.is_well_reported(report)
        return reply

    def is_refused(self, call: Call, what: str) -> None:
        reply = self.answer(call)
        assert (reply.found, reply.reports) == ((), ()), f"{what}: something was found"
        self.refuses(reply)
        self.shows_nothing(f"{reply.body!r} {dict(reply.headers)}")

    def test_an_authentic_call_is_taken(self) -> None:
        reply = self.answer(self.authentic(self.body()))
        self.accepts(reply)
        text = self.body().decode(errors="replace")
        assert self.personal, "name what the samples hold of citizens"
        assert any(value in text or value in repr([each.item for each in reply.found]) for value in self.personal)

    def test_the_same_call_again_finds_the_same(self) -> None:
        first, second = (self.answer(self.authentic(self.body())) for _ in range(2))
        assert contents(first.found) == contents(second.found)
        assert (first.status, first.reports) == (second.status, second.reports)

    def test_who_does_not_prove_himself_is_refused(self) -> None:
        call = self.authentic(self.body())
        assert self.credentials or self.forged(), "name what proves the caller"
        for name in self.credentials:
            value = call.header(name)
            assert value is not None, f"the authentic call has one {name}"
            for what, values in _forgeries(value).items():
                others = tuple(each for each in call.headers if each[0].lower() != name.lower())
                headers = others + tuple((name, each) for each in values)
                self.is_refused(replace(call, headers=headers), f"{name} {what}")
        for what, forged in self.forged().items():
            self.is_refused(forged, what)

    def test_garbage_is_refused(self) -> None:
        for body in self.garbage:
            self.is_refused(self.authentic(body), f"{body[:20]!r}")

    def test_what_is_too_large_is_refused(self) -> None:
        body = self.body()
        for padded in (body + b" " * OVERSIZED, b"x" * OVERSIZED, b"[" * OVERSIZED):
            self.is_refused(self.authentic(padded), "oversized")

    def test_another_method_or_path_is_refused(self) -> None:
        call = self.authentic(self.body())
        for method in ("GET", "PUT", "DELETE", "HEAD", "PATCH"):
            if method != call.method:
                self.is_refused(replace(call, method=method), method)
        self.is_refused(replace(call, path="no/such/place"), "another path")

    def test_the_manifest_declares_the_call_and_its_answers(self) -> None:
        """`openapi/callbacks.yaml` is made of that: path, method, media type, statuses, what proves the caller."""
        connector, call = self.connect(), self.authentic(self.body())
        connector.close()
        [told] = [one for one in connector.manifest.calls if one.method == call.method and _is_at(one.path, call.path)]
        media_type = (call.header("content-type") or "").partition(";")[0]
        assert not media_type or media_type in told.media_types
        unproved = replace(
            call, headers=tuple(each for each in call.headers if each[0].lower() not in self.credentials)
        )
        tried = [call, *self.forged().values(), *(self.authentic(body) for body in self.garbage)]
        tried += [unproved] if self.credentials else []
        statuses = {self.answer(each).status for each in tried}
        assert statuses <= {answer.status for answer in told.answers}

    def test_unknown_fields_do_no_harm(self) -> None:
        try:
            body = json.loads(self.body())
        except ValueError:
            return  # not of JSON
        expected = self.answer(self.authentic(self.body()))
        got = self.answer(self.authentic(json.dumps(embellished(body)).encode()))
        assert got.status == expected.status
        assert contents(got.found) == contents(expected.found)
        assert got.reports == expected.reports


def _is_at(declared: str, path: str) -> bool:
    """Whether a path is that of a declared call, in which `{name}` is one segment."""
    return re.fullmatch(re.sub(r"\\\{[a-z_]+\\\}", "[^/]+", re.escape(declared)), path) is not None


def _forgeries(value: str) -> dict[str, tuple[str, ...]]:
    at = len(value) * 2 // 3
    other = value[:at] + ("A" if value[at] != "A" else "B") + value[at + 1 :]
    forged: dict[str, tuple[str, ...]] = {"missing": (), "empty": ("",), "altered": (other,), "cut": (value[:-1],)}
    return forged | {"longer": (value + "x",), "twice": (value, other), "not ASCII": (f"{value}\xe8",)}
