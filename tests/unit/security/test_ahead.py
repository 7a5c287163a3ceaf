"""Requests verified together: two threads check their signatures, and each hears of its own alone."""

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from hub.errors import RequestRefused
from hub.ingest.pipeline import Inbound, Pipeline
from hub.registry import Registry
from hub.security import ahead, chains, jose
from hub.security.headers import SignedRequest
from hub.security.modi import Verified

from .conftest import NOW, World

SIGNATURE = "agid-jwt-signature"


class _Clock:
    def now(self) -> Any:
        return NOW


@pytest.fixture(autouse=True)
def two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "_processors", lambda: 2)


def pipeline(registry: Registry, known: Callable[[], Registry] | None = None) -> Pipeline:
    unused: Any = None
    return Pipeline(clock=_Clock(), registry=known or (lambda: registry), route=unused, keyed_hash=unused, rules=unused)


def inbound(request: SignedRequest, name: str = "r") -> Inbound:
    return Inbound(request, name, "publish_message", True)


def signed(world: World, number: int = 8, *, vendor: str = "borea", **key: Any) -> list[SignedRequest]:
    signer = world.signing_key(vendor, **key)
    return [world.signed(signer, vendor, b'{"n": %d}' % n) for n in range(number)]


def told(results: list[Verified | Exception]) -> list[str]:
    """Of each who sent it, or why it was refused."""
    return [
        one.vendor.vendor_id if isinstance(one, Verified) else getattr(one, "cause", "").partition(":")[0]
        for one in results
    ]


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Which threads check a signature of those `requests`, after `before` was called with the token. Another test's
    thread may still be at work."""
    verify = jose.verify

    def watch(requests: list[SignedRequest], before: Callable[[jose.Token], None] = lambda _: None) -> list[str]:
        threads: list[str] = []
        ours = {value.removeprefix("Bearer ") for request in requests for _, value in request.headers}

        def seen(token: jose.Token, key: jose.VerifyingKey) -> None:
            if token.compact in ours:
                threads.append(threading.current_thread().name)
                before(token)
            verify(token, key)

        monkeypatch.setattr(jose, "verify", seen)
        return threads

    return watch


def meeting() -> Callable[[jose.Token], None]:
    """Each of two threads goes on only when the other is there."""
    both, met = threading.Barrier(2, timeout=10), set[str]()

    def meet(_: jose.Token) -> None:
        if (name := threading.current_thread().name) not in met:
            met.add(name)
            both.wait()

    return meet


@pytest.mark.parametrize("header", ["authorization", SIGNATURE])
@pytest.mark.parametrize("place", [0, 3, 7])
def test_a_forged_one_is_refused_and_its_neighbours_are_not(world: World, header: str, place: int) -> None:
    requests = signed(world)
    requests[place] = world.forged(requests[place], requests[place - 1], header)
    found = pipeline(world.registry).verify([*map(inbound, requests)])
    expected = ["borea"] * 8
    expected[place] = "signature.invalid"
    assert told(found) == expected
    assert isinstance(found[place], RequestRefused)


def test_what_is_wrong_before_and_after_the_signatures_is_told_of_its_own(world: World) -> None:
    requests = signed(world)
    requests[1] = world.request({}, b"{}")
    requests[5] = replace(requests[5], body=b'{"n": 6}')
    found = told(pipeline(world.registry).verify([*map(inbound, requests)]))
    assert found == ["borea", "token.missing", "borea", "borea", "borea", "digest.mismatch", "borea", "borea"]


def test_two_threads_check_at_once(world: World, watched: Callable[..., list[str]]) -> None:
    requests = signed(world)
    threads = watched(requests, meeting())
    assert told(pipeline(world.registry).verify([*map(inbound, requests)])) == ["borea"] * 8
    assert set(threads) == {"MainThread", "signatures"}


def test_a_process_that_was_forked_has_two_threads_again(world: World, watched: Callable[..., list[str]]) -> None:
    line, requests = pipeline(world.registry), signed(world)

    def both_check() -> bool:
        threads = watched(requests, meeting())
        return told(line.verify([*map(inbound, requests)])) == ["borea"] * 8 and len({*threads}) == 2

    assert both_check()
    if (child := os.fork()) == 0:
        alike = False
        try:
            alike = both_check()
        finally:
            os._exit(not alike)
    assert os.waitpid(child, 0)[1] == 0


def test_where_no_thread_is_to_be_had_one_checks_all(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    line, requests = pipeline(world.registry), signed(world)
    requests[3] = world.forged(requests[3], requests[2], SIGNATURE)
    expected = ["borea"] * 3 + ["signature.invalid"] + ["borea"] * 4
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", none_left)
        assert told(line.verify([*map(inbound, requests)])) == expected
    assert told(line.verify([*map(inbound, requests)])) == expected


def test_of_a_forged_request_no_more_is_checked_than_the_first_signature(
    world: World, watched: Callable[..., list[str]]
) -> None:
    requests = signed(world)
    requests[3] = world.forged(requests[3], requests[2], "authorization")
    threads = watched([requests[3]])
    assert told(pipeline(world.registry).verify([*map(inbound, requests)]))[3] == "signature.invalid"
    assert len(threads) == 2  # ahead, and in its turn


def test_trust_that_is_taken_back_in_their_midst_is_taken_back_for_those_who_follow(world: World) -> None:
    requests = signed(world, vendor="acme", certified=True)
    seen: list[Registry] = []

    def known() -> Registry:
        seen.append(world.registry if len(seen) < 4 else world.with_vendor(keys=()))
        return seen[-1]

    line = pipeline(world.registry, known)
    assert told(line.verify([*map(inbound, requests)])) == ["acme"] * 4 + ["key.unknown"] * 4
    assert told(line.verify([*map(inbound, requests)])) == ["key.unknown"] * 8


def test_a_thread_that_does_not_come_back_holds_nobody_up(world: World, watched: Callable[..., list[str]]) -> None:
    begun, end = threading.Event(), threading.Event()

    def hang(_: jose.Token) -> None:
        if threading.current_thread().name == "signatures":
            begun.set()
            end.wait(30)
        else:
            begun.wait(10)

    line, requests = pipeline(world.registry), signed(world)
    watched(requests, hang)
    try:
        for _ in range(5):
            assert told(line.verify([*map(inbound, requests)])) == ["borea"] * 8
        assert begun.is_set()
        assert not end.is_set()
        assert line._second_thread._batches.qsize() == 1, "what it does not come for piles up"
    finally:
        end.set()


class Panic(BaseException):
    """As a Rust library panics: it is no Exception."""


def test_a_panic_in_either_thread_is_the_end_of_nobody_else(world: World, watched: Callable[..., list[str]]) -> None:
    requests = signed(world)
    bad = dict(requests[2].headers)[SIGNATURE]

    def panic(token: jose.Token) -> None:
        if token.compact == bad:
            raise Panic

    watched(requests, panic)
    line = pipeline(world.registry)
    for _ in range(2):  # the thread is there the second time as well
        found = line.verify([*map(inbound, requests)])
        assert [type(one).__name__ for one in found] == ["Verified"] * 2 + ["RuntimeError"] + ["Verified"] * 5


@pytest.mark.parametrize("alone", ["one request", "RSA", "one processor"])
def test_where_sharing_costs_more_than_it_gains_one_thread_checks(
    world: World, watched: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch, alone: str
) -> None:
    if alone == "one processor":
        monkeypatch.setattr(ahead, "_processors", lambda: 1)
    if alone == "RSA":
        key = world.signing_key("borea-rsa", "rs256")
        requests = [world.signed(key, "borea") for _ in range(8)]
    else:
        requests = signed(world, 1 if alone == "one request" else 8)
    threads = watched(requests)
    assert told(pipeline(world.registry).verify([*map(inbound, requests)])) == ["borea"] * len(requests)
    assert threads == ["MainThread"] * 2 * len(requests)


def test_a_new_certificate_is_validated_once_for_all_who_come_with_it(
    world: World, watched: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    validated: list[str] = []
    validate = chains.validate

    def counted(*arguments: Any) -> Any:
        validated.append("")
        return validate(*arguments)

    monkeypatch.setattr(chains, "validate", counted)
    line = pipeline(world.registry)
    requests = signed(world, 150, vendor="acme", certified=True)
    assert told(line.verify([*map(inbound, requests)])) == ["acme"] * 150  # more than there is a ration for
    assert len(validated) == 1
