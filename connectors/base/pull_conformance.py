"""The promises of a connector that pulls, played from scenarios. A connector's test subclasses `PullConformance`:

    class TestPull(PullConformance):
        samples = Path(__file__).parent / "samples" / "pulled"
        secrets, personal = (KEY,), ("RSSMRA80A01H501U", "Rossi")
        def connect_to(self, url, limits): ...
        def connect_unlisted(self, limits): ...

A scenario is a JSON file in `samples`: rounds of pulling, each with what the provider answers to which request, however
often and in whatever order it is made, and what is then found. `{url}` in an answer stands for the provider's address.

    {"rounds": [{"exchanges": [{"request": {"method", "path"}, "answer": {"status", "headers", "body"}}],
                 "found": [{"name", "collection", "item": {}}, {"name", "withdrawn"}, {"name", "wrong": ["code /at"]}],
                 "reports": [{"event", "provider_id"}]}]}

`pulled.json` is the one in which all goes well: restarts, faults and statuses are played at each of its steps, and its
last round is asked for over and over. Of an item the scenario says as much as it likes.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest

from contracts.connector import Connector, Limits
from contracts.failures import Deferred, Failure, Misconfigured
from contracts.inbound import Memo, Stuck

from .conformance import TIMEOUT_S
from .http_conformance import NOT_PUBLIC, leading_to
from .inbound_conformance import GARBAGE, Taken, contents, embellished, take
from .played_conformance import MOST_STEPS, PATIENT_S, Pulling
from .scripted import Fault, Received, Reply

_MAIN = "pulled.json"
_HUNG_S = 60.0
_LARGEST_MEMO = 65_536

_T = TypeVar("_T")


class PullConformance(Pulling):
    """Give `samples`, `secrets`, `personal` and `connect_to`; the rest comes from the scenarios."""

    samples: ClassVar[Path]
    garbage: ClassVar[tuple[bytes, ...]] = GARBAGE
    """Bodies that the provider never means: with one of them the memo stays."""
    statuses: ClassVar[Mapping[int, type[Failure]]] = {
        401: Misconfigured,
        403: Misconfigured,
        408: Deferred,
        429: Deferred,
        500: Deferred,
        502: Deferred,
        503: Deferred,
        504: Deferred,
    }
    """What comes of it that the provider answers so to everything but logins."""

    def connect_unlisted(self, limits: Limits) -> Connector:
        """The same, with settings that lead to `https://provider.example` and list no private host."""
        raise NotImplementedError

    def check_request(self, request: Received) -> None:
        """What else must hold of every request: credentials, headers."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        for name, values in self.parameters().items():
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, values)

    def parameters(self) -> dict[str, Sequence[Any]]:
        """What the tests are made of, one each."""
        scenarios = sorted(path.name for path in self.samples.glob("*.json"))
        return {"scenario": scenarios, "fault": tuple(Fault), "status": tuple(self.statuses)}

    def rounds(self, scenario: str = _MAIN) -> list[dict[str, Any]]:
        """A scenario's rounds, with the provider's address in its answers."""
        text = (self.samples / scenario).read_text(encoding="utf-8").replace("{url}", self.server.url)
        rounds: list[dict[str, Any]] = json.loads(text)["rounds"]
        return rounds

    def play(self, exchanges: Sequence[Mapping[str, Any]], change: Callable[[Reply], Reply] = lambda a: a) -> None:
        """From now on the provider answers so, after `change`; 599 where the scenario does not know the request."""
        answers = {_request(each["request"]): each["answer"] for each in exchanges}

        def answer(request: Received) -> Reply:
            found = answers.get((request.method, request.path))
            return Reply(599) if found is None else change(Reply(**found))

        self.server.answering = answer
        self.server.play()

    def step(self, connector: Connector, memo: Memo) -> Taken:
        """A step that has to go well."""
        result = take(connector, memo)
        assert isinstance(result, Taken), f"{result}, after {[each.path for each in self.server.received][-2:]}"
        for found in result.found:
            self.is_well_found(found)
        for report in result.reports:
            self.is_well_reported(report)
        self.shows_nothing(json.dumps(result.memo))
        assert len(json.dumps(result.memo)) <= _LARGEST_MEMO, "a memo is a place to go on from, not a store"
        return result

    def pull(self, memo: Memo, connector: Connector | None = None) -> list[tuple[Memo, Taken]]:
        """A round, each step with the memo before it; by one connector, or by one anew for each step."""
        steps: list[tuple[Memo, Taken]] = []
        while not steps or steps[-1][1].more:
            assert len(steps) < MOST_STEPS, "the round does not end"
            taken = self.step(connector or self.fresh(), memo)
            steps.append((memo, taken))
            memo = taken.memo
        return steps

    def each_step(self) -> Iterator[tuple[Memo, Taken]]:
        """The steps of the main scenario, while the provider answers as it does in their round."""
        memo: Memo = {}
        for one in self.rounds():
            self.play(one["exchanges"])
            steps = self.pull(memo, self.fresh())
            for before, taken in steps:
                yield before, taken
                self.play(one["exchanges"])
            memo = steps[-1][1].memo

    def meets(
        self, memo: Memo, faulty: Callable[[Received], Reply | Fault], timeout_s: float = PATIENT_S
    ) -> Failure | Taken:
        """What comes of a step while the provider does this to everything but logins."""
        healthy = self.server.answering
        self.server.answering = lambda request: healthy(request) if self.is_login(request) else faulty(request)
        connector = self.fresh(timeout_s)
        result = _ends(lambda: take(connector, memo))
        self.server.answering = healthy
        if isinstance(result, Failure):
            self.is_a_failure(result)
        return result

    def waits_out(self, stuck: Stuck, faulty: Callable[[Received], Reply | Fault]) -> None:
        """Assert that nothing is passed over while the provider does this to everything but logins."""
        healthy = self.server.answering
        self.server.answering = lambda request: healthy(request) if self.is_login(request) else faulty(request)
        try:
            assert tuple(stuck.past().found) == ()
        except Failure as failure:
            self.is_a_failure(failure)
        self.server.answering = healthy

    def goes_on(self, memo: Memo, expected: Taken) -> None:
        """Assert that from the memo before the trouble all is found that there is."""
        self.server.play()
        taken = self.step(self.fresh(), memo)
        assert contents(taken.found) == contents(expected.found)
        assert taken.memo == expected.memo

    def test_the_samples_hold_what_must_not_show(self) -> None:
        text = json.dumps(self.rounds(), ensure_ascii=False)
        assert self.personal, "name what the samples hold of citizens"
        for value in self.personal:
            assert value in text

    def test_scenario(self, scenario: str) -> None:
        memo: Memo = {}
        connector = self.fresh()
        for one in self.rounds(scenario):
            self.play(one["exchanges"])
            self.server.received.clear()
            steps = self.pull(memo, connector)
            memo = steps[-1][1].memo
            self.agrees([each for _, taken in steps for each in taken.found], one.get("found", []))
            reports = [report for _, taken in steps for report in taken.reports]
            expected = one.get("reports", [])
            assert [
                {name: getattr(got, name) for name in want} for got, want in zip(reports, expected, strict=True)
            ] == (expected)
            for request in self.server.received:
                self.check_request(request)
            asked = {(request.method, request.path) for request in self.server.received}
            wanted = {_request(each["request"]) for each in one["exchanges"] if not each.get("optional")}
            assert wanted <= asked, "the scenario has an exchange that is not made"

    def test_a_restart_between_any_two_steps_finds_the_same(self, scenario: str) -> None:
        kept: Memo = {}
        restarted: Memo = {}
        connector = self.fresh()
        for one in self.rounds(scenario):
            self.play(one["exchanges"])
            whole, pieces = self.pull(kept, connector), self.pull(restarted)
            kept, restarted = whole[-1][1].memo, pieces[-1][1].memo
            found = [[each for _, taken in steps for each in taken.found] for steps in (whole, pieces)]
            assert contents(found[0]) == contents(found[1])

    def test_a_step_whose_commit_was_lost_finds_the_same_again(self) -> None:
        for memo, taken in self.each_step():
            self.goes_on(memo, taken)

    def test_pulling_again_finds_nothing_new(self) -> None:
        memo: Memo = {}
        for one in self.rounds():
            self.play(one["exchanges"])
            memo = self.pull(memo, self.fresh())[-1][1].memo
        known = contents([found for _, taken in self.pull(memo) for found in taken.found])
        again = self.pull(memo)
        for _ in range(5):
            again = self.pull(again[-1][1].memo)
            assert set(contents([found for _, taken in again for found in taken.found])) <= set(known)
        assert len(json.dumps(again[-1][1].memo)) <= len(json.dumps(memo)) + 200, "the memo grows"

    def test_unknown_fields_do_no_harm(self, scenario: str) -> None:
        def more(answer: Reply) -> Reply:
            return Reply(answer.status, embellished(answer.body), {**answer.headers, "X-New": "1"})

        plain: Memo = {}
        rich: Memo = {}
        for one in self.rounds(scenario):
            self.play(one["exchanges"])
            expected = self.pull(plain)
            self.play(one["exchanges"], more)
            got = self.pull(rich)
            plain, rich = expected[-1][1].memo, got[-1][1].memo
            found = [[each for _, taken in steps for each in taken.found] for steps in (expected, got)]
            assert contents(found[0]) == contents(found[1])

    def test_status(self, status: int) -> None:
        for memo, taken in self.each_step():
            result = self.meets(memo, _always(Reply(status, {"detail": "no"}, {"Retry-After": "7"})))
            asked = [each.path for each in self.server.received][-2:]
            assert isinstance(result, self.statuses[status]), f"after {asked}"
            if status == 429:
                assert isinstance(result, Deferred)
                assert result.after == timedelta(seconds=7), "the provider's wish is kept"
            if status == 503 and isinstance(result, Stuck):
                self.waits_out(result, _always(Reply(status)))
            self.goes_on(memo, taken)

    def test_fault(self, fault: Fault) -> None:
        for memo, taken in self.each_step():
            if fault is Fault.REFUSED:
                self.server.play(Fault.REFUSED)
            result = self.meets(memo, _always(fault), TIMEOUT_S)
            assert isinstance(result, Deferred)
            self.goes_on(memo, taken)

    def test_garbage_is_not_nothing(self) -> None:
        for memo, taken in self.each_step():
            for body in self.garbage:
                result = self.meets(memo, _always(Reply(200, body)))
                assert isinstance(result, Deferred), f"{body[:20]!r} after {self.server.received[-1].path}"
            self.goes_on(memo, taken)

    def test_an_answer_that_is_cut_or_packed_is_not_nothing(self) -> None:
        for memo, taken in self.each_step():
            healthy = self.server.answering
            for headers in ({"Content-Length": "9999999"}, {"Content-Encoding": "gzip"}):
                assert isinstance(self.meets(memo, _with_headers(healthy, headers)), Deferred)
            self.goes_on(memo, taken)

    def test_a_redirect_is_not_followed(self) -> None:
        for memo, taken in self.each_step():
            for status in (301, 302, 303, 307, 308):
                away = Reply(status, headers={"Location": self.elsewhere.url + "/"})
                # A moved API is a matter of the settings, a passing login page is not: either word will do.
                assert isinstance(self.meets(memo, _always(away)), Deferred | Misconfigured)
            self.goes_on(memo, taken)
        assert self.elsewhere.received == []

    def test_a_name_that_leads_inside_is_refused(self) -> None:
        for address in NOT_PUBLIC:
            with pytest.MonkeyPatch.context() as monkeypatch:
                tried = leading_to([address], monkeypatch)
                connector = self.connect_unlisted(Limits(timeout_s=PATIENT_S))
                self._made.append(connector)
                result = take(connector, {})
                assert isinstance(result, Failure)
                self.is_a_failure(result)
                assert tried == set(), address


def _always(what: Reply | Fault) -> Callable[[Received], Reply | Fault]:
    return lambda _: what


def _with_headers(
    healthy: Callable[[Received], Reply | Fault], headers: Mapping[str, str]
) -> Callable[[Received], Reply | Fault]:
    def answer(request: Received) -> Reply | Fault:
        found = healthy(request)
        return replace(found, headers={**found.headers, **headers}) if isinstance(found, Reply) else found

    return answer


def _request(request: Mapping[str, Any]) -> tuple[str, str]:
    return request["method"], request["path"]


def _ends(call: Callable[[], _T]) -> _T:
    """What it returns; AssertionError where it hangs, as a call without a deadline does."""
    pool = ThreadPoolExecutor(1)
    try:
        return pool.submit(call).result(_HUNG_S)
    except TimeoutError:
        raise AssertionError("the deadline was not kept") from None
    finally:
        pool.shutdown(wait=False)
