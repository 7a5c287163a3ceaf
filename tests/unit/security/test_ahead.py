"""Requests verified together: two threads check their signatures, and each hears of its own alone."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from hub.errors import RequestRefused
from hub.ingest.pipeline import Inbound, Pipeline
from hub.registry import Registry
from hub.security import ahead, jose
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


def pipeline(registry: Registry) -> Pipeline:
    unused: Any = None
    return Pipeline(clock=_Clock(), registry=lambda: registry, route=unused, keyed_hash=unused, rules=unused)


def inbound(request: SignedRequest, name: str = "r") -> Inbound:
    return Inbound(request, name, "publish_message", True)


def signed(world: World, number: int = 8, *, vendor: str = "borea", **key: Any) -> list[SignedRequest]:
    signer = world.signing_key(vendor, **key)
    return [world.signed(signer, vendor, b'{"n": %d}' % n) for n in range(number)]


def forged(request: SignedRequest, other: SignedRequest, header: str) -> SignedRequest:
    """With the signature of other words."""
    lines = dict(request.headers)
    lines[header] = lines[header].rpartition(".")[0] + "." + dict(other.headers)[header].rpartition(".")[2]
    return replace(request, headers=tuple(lines.items()))


def told(results: list[Verified | Exception]) -> list[str]:
    """Of each who sent it, or why it was refused."""
    return [
        one.vendor.vendor_id if isinstance(one, Verified) else getattr(one, "cause", "").partition(":")[0]
        for one in results
    ]


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Which threads check a signature, after `before` was called with the token."""
    verify = jose.verify

    def watch(before: Callable[[jose.Token], None] = lambda _: None) -> list[str]:
        threads: list[str] = []

        def seen(token: jose.Token, key: jose.VerifyingKey) -> None:
            threads.append(threading.current_thread().name)
            before(token)
            verify(token, key)

        monkeypatch.setattr(jose, "verify", seen)
        return threads

    return watch


@pytest.mark.parametrize("header", ["authorization", SIGNATURE])
@pytest.mark.parametrize("place", [0, 3, 7])
def test_a_forged_one_is_refused_and_its_neighbours_are_not(world: World, header: str, place: int) -> None:
    requests = signed(world)
    requests[place] = forged(requests[place], requests[place - 1], header)
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
    both = threading.Barrier(2, timeout=10)
    met: set[str] = set()

    def meet(_: jose.Token) -> None:
        name = threading.current_thread().name
        if name not in met:
            met.add(name)
            both.wait()  # each begins only when the other is there

    threads = watched(meet)
    assert told(pipeline(world.registry).verify([*map(inbound, signed(world))])) == ["borea"] * 8
    assert set(threads) == {"MainThread", "signatures"}


def test_a_thread_that_does_not_come_back_holds_nobody_up(world: World, watched: Callable[..., list[str]]) -> None:
    begun, end = threading.Event(), threading.Event()

    def hang(_: jose.Token) -> None:
        if threading.current_thread().name == "signatures":
            begun.set()
            end.wait(30)
        else:
            begun.wait(10)

    watched(hang)
    try:
        assert told(pipeline(world.registry).verify([*map(inbound, signed(world))])) == ["borea"] * 8
        assert begun.is_set()
        assert not end.is_set()
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

    watched(panic)
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
    threads = watched()
    if alone == "RSA":
        key = world.signing_key("borea-rsa", "rs256")
        requests = [world.signed(key, "borea") for _ in range(8)]
    else:
        requests = signed(world, 1 if alone == "one request" else 8)
    assert told(pipeline(world.registry).verify([*map(inbound, requests)])) == ["borea"] * len(requests)
    assert threads == ["MainThread"] * 2 * len(requests)


def test_a_new_certificate_is_validated_once_for_all_who_come_with_it(
    world: World, watched: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from hub.security import chains

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
    both = threading.Barrier(2, timeout=10)
    met: set[str] = set()

    def meet(_: jose.Token) -> None:
        name = threading.current_thread().name
        if name not in met:
            met.add(name)
            both.wait()

    threads = watched(meet)
    assert told(line.verify([*map(inbound, requests[:8])])) == ["acme"] * 8
    assert set(threads) == {"MainThread", "signatures"}
    assert len(validated) == 1
