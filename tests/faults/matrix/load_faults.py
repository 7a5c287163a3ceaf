"""What vendors, messages and operators may do: repetitions, poison, one slow neighbour, a deploy under load."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ...harness import eventually
from ..evidence import Evidence
from ..lives import Life
from ..scenario import Scenario, nobody_was_put_off
from ..steps import POISON
from ..topology import LIMITS, Shared
from ..trades import make_numbered

T = TypeVar("T")
_PARALLEL = 40
_USES = 1000


def _identical(world: Shared) -> None:
    """The very same request at once: its tokens are good for one."""
    body = json.dumps(make_numbered("11111111-1111-4111-8111-111111111111", 900)).encode()
    headers = world.hub.signed(body)
    post = world.hub.client.post
    codes = _at_once(lambda _: post("/publish/v1/messages", content=body, headers=headers).status_code, _USES)
    assert Counter(codes) == {201: 1, 409: _USES - 1}, Counter(codes)
    world.generator.took(json.loads(body), 900)


def _repeated(world: Shared) -> None:
    """The same message at once, each time with tokens of its own: one item, and everybody hears of it."""
    item = make_numbered("22222222-2222-4222-8222-222222222222", 901)
    answers = _at_once(lambda _: world.hub.publish("messages", item))
    assert {answer.status_code for answer in answers} <= {200, 201}, [answer.status_code for answer in answers]
    assert len({answer.json()["item_id"] for answer in answers}) == 1
    world.generator.took(item, 901)


def _contradicted(world: Shared) -> None:
    """The same version with another text is refused, whoever comes first."""
    item = make_numbered("33333333-3333-4333-8333-333333333333", 902)
    assert world.hub.publish("messages", item).status_code == 201
    codes = _at_once(lambda n: world.hub.publish("messages", item | {"title": f"Altro {n}"}).status_code)
    assert set(codes) == {409}, codes
    world.generator.took(item, 902)


def _at_once(one: Callable[[int], T], times: int = _PARALLEL) -> list[T]:
    with ThreadPoolExecutor(24) as pool:
        return list(pool.map(one, range(times)))


def _poison(world: Shared) -> None:
    world.load(10)
    world.drain(within_s=80)


def _poison_alone_is_parked(world: Shared, seen: Evidence) -> Iterable[str]:
    number = int(POISON.rsplit(" ", 1)[1])
    poison = {line["name"] for line in seen.ledger if line["event"] == "sent" and line["number"] == number}
    for row in seen.deliveries:
        if (row["state"] == "parked") != (seen.names[row["delivery_id"]] in poison):
            yield f"{row['delivery_id']} stands as {row['state']}, {seen.names[row['delivery_id']] in poison}"


def _slow_neighbour(world: Shared) -> None:
    """App IO takes two seconds for each, with all the hands that it may have; e-mail goes out meanwhile."""
    world.io_faults(*[{"kind": "delay", "seconds": 1.8, "on": "profiles"}] * 60)
    world.load(30)
    left = "SELECT count(*) FILTER (WHERE channel = '{}') AS n FROM deliveries WHERE state = 'queued'"
    eventually(lambda: world.count(left.format("email")), lambda waiting: not waiting, within_s=40)
    assert world.count(left.format("io")), "App IO was not slow: nothing was shown"


def _rolling(world: Shared) -> None:
    """Each process is told to stop, and started again, under load."""
    with world.loading():
        for name in ("api-1", "worker-1", "api-2", "worker-2"):
            world.takes(5)
            world.deploy(name)


_TWICE = {"apis": 2, "workers": 2}
SCENARIOS = [
    Scenario("a thousand uses of one token at once", _identical, _TWICE, quick=True),
    Scenario("one message forty times at once", _repeated, _TWICE),
    Scenario("one version with forty other texts", _contradicted, _TWICE),
    Scenario(
        "a message that kills its workers",
        _poison,
        {"lease_s": 2.0},  # a good message whose lease runs out five times on a busy machine would be parked as well
        {"worker-1": Life("poisoned", 0)},
        drain_within_s=60,
        ends=frozenset({"parked"}),
        also=_poison_alone_is_parked,
    ),
    Scenario("a slow neighbour", _slow_neighbour, {"limits": LIMITS | {"concurrency": 3}}, drain_within_s=60),
    Scenario("a rolling restart", _rolling, _TWICE, also=nobody_was_put_off, quick=True),
]
