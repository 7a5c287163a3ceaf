"""The vectors, good and bad, all in one batch and in any order: each is told what it is told alone, to the letter."""

import random
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from hub.ingest.pipeline import Inbound, Pipeline
from hub.security import ahead
from hub.security.checks import State
from hub.security.modi import Verified

from .test_vectors import NOW, VECTORS, request_of, setting

ORDERS: dict[str, Callable[[list[str]], list[str]]] = {
    "as they stand": list,
    "the other way round": lambda names: names[::-1],
    **{f"shuffled {seed}": lambda names, seed=seed: random.Random(seed).sample(names, len(names)) for seed in range(3)},
}


class _Clock:
    def now(self) -> Any:
        return NOW


def pipeline() -> Pipeline:
    unused: Any = None
    known = setting()
    return Pipeline(
        clock=_Clock(),
        registry=lambda: known["registry"],
        route=unused,
        keyed_hash=unused,
        rules=unused,
        shelf=known["shelf"],
        proxy=known["proxy"],
    )


def inbound(name: str) -> Inbound:
    return Inbound(request_of(VECTORS[name]), name, "publish_message", VECTORS[name]["signed_body"])


def told(found: Verified | Exception) -> tuple[Any, ...]:
    """All that is known afterwards, as what can be compared."""
    if isinstance(found, Verified):
        return replace(found, refusal=None), found.refusal and told(found.refusal)
    return type(found), str(found), vars(found)


@pytest.fixture(scope="module")
def alone() -> dict[str, tuple[Any, ...]]:
    return {name: told(*pipeline().verify([inbound(name)])) for name in VECTORS}


@pytest.fixture
def together(monkeypatch: pytest.MonkeyPatch) -> Callable[[Pipeline, list[str]], list[Verified | Exception]]:
    """A batch in which neither thread goes on before the other has begun as well."""
    check, both = ahead.check_signatures, threading.Barrier(2, timeout=20)
    away: set[str] = set()

    def meet(begun: State) -> None:
        if (name := threading.current_thread().name) in away:
            both.wait()
            away.remove(name)
        check(begun)

    def run(line: Pipeline, names: list[str]) -> list[Verified | Exception]:
        away.update(("MainThread", "signatures"))
        found = line.verify([inbound(name) for name in names])
        assert not away
        return found

    monkeypatch.setattr(ahead, "_processors", lambda: 2)
    monkeypatch.setattr(ahead, "check_signatures", meet)
    return run


@pytest.mark.parametrize("order", ORDERS)
def test_all_at_once_each_is_told_what_it_is_told_alone(
    alone: dict[str, tuple[Any, ...]], together: Callable[..., list[Verified | Exception]], order: str
) -> None:
    line, names = pipeline(), ORDERS[order]([*VECTORS])
    for _ in range(2):  # without and with what is remembered of chains
        found = together(line, names)
        assert not [name for name, one in zip(names, found, strict=True) if told(one) != alone[name]]
