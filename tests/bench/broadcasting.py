"""A broadcast to many subscribers (S41): how fast it is written, what it weighs, who waits for it meanwhile.

On its way its worker is killed, then it is stopped and gone on with; in the end everybody has exactly one message, and
one delivery on each channel. Its pace is left out: the clock leaps as far as a broadcast may catch up at once.
"""

import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import quantiles
from typing import Any

import orjson
from sqlalchemy import func, select

from contracts.broadcasts import Broadcast, BroadcastText
from contracts.identifiers import new_uuid7
from contracts.items import Subscription
from hub.admin.broadcasts import BroadcastDesk
from hub.bootstrap import Hub
from hub.cli.revealing import actor_of, perform
from hub.cli.serving import spare_collections
from hub.home import Home
from hub.ingest.broadcasting import count_audience
from hub.ingest.canonical import canonical_json
from hub.settings import Settings
from hub.store.broadcasts import count_deliveries, message_identity, running_broadcasts, standing_broadcast
from hub.store.citizens import key_place
from hub.store.readers import Access, record_access
from hub.store.rows import payload_place
from hub.store.tables import citizens, deliveries, item_identities, item_versions, items

from ..harness import ENTE, make_home, make_item
from .corpus import tax_codes
from .filling import Made, fill
from .findings import Line
from .servers import own_mb

CODE = "nido-2026"
_SPAWN = get_context("spawn")
_PER_SECOND = 200
_LEAP = timedelta(seconds=30)
FEWEST = 10
"""Subscribers: a tenth of them are written at a leap, where they are few."""


@dataclass(frozen=True)
class Sent:
    """What was found. Waits are those of a line of the access log, which every reader waits for: p99, in ms."""

    counting_s: float
    """To count whom it reaches."""
    rate: float
    early_mb: float
    late_mb: float
    wait_ms: float
    showing_ms: float
    """The longest look at how far it is."""
    outcome_ms: float
    """To count its deliveries, at its end."""
    stopping_ms: float


class _Leaping:
    """A time that goes by leaps alone: each lets so many messages be written, however long they take."""

    def __init__(self) -> None:
        self._now = datetime.now(UTC)

    def now(self) -> datetime:
        return self._now

    def leap(self, wide: timedelta) -> None:
        self._now += wide


def measured(folder: Path, url: str | None, *, subscribers: int) -> Sent:
    """One broadcast to so many, FEWEST at least. Ends the program where somebody has no message, or two."""
    (folder / "box").mkdir(parents=True)
    own: dict[str, Any] = {} if url is None else {"database_url": url}
    home = make_home(folder / "home", connectors={"mail": ("loopback", {"folder": str(folder / "box")})}, **own)
    enrol(home, subscribers)
    content = Broadcast(
        code=CODE,
        it=BroadcastText(title="Chiusura di {service}", body="Per **{title}**: chiuso."),
        per_second=_PER_SECOND,
    )
    started = time.perf_counter()
    persons = count_audience(home.database, home.vault, ENTE, content, datetime.now(UTC))
    counting_s = time.perf_counter() - started
    desk = BroadcastDesk(home.database, home.vault)
    broadcast_id = perform(home, desk.begin(actor_of(ENTE), content, persons))["broadcast_id"]
    one = _Followed(home, broadcast_id, subscribers)
    one.work(until=subscribers // 3, then=one.kill)
    stopping: list[float] = []

    def stop() -> None:
        began = time.perf_counter()
        perform(home, desk.stop(actor_of(ENTE), broadcast_id))
        stopping.append((time.perf_counter() - began) * 1000)

    one.work(until=subscribers * 2 // 3, then=stop)
    perform(home, desk.resume(actor_of(ENTE), broadcast_id))
    one.work()
    outcome_ms = one.check()
    home.database.close()
    waits = [wait for told in one.told for wait in told["waits"]]
    last = one.told[-1]
    return Sent(
        counting_s,
        sum(told["written"] for told in one.told) / sum(told["seconds"] for told in one.told),
        last["early_mb"],
        last["late_mb"],
        quantiles(waits, n=100)[98] * 1000,
        max(one.looks) * 1000,
        outcome_ms,
        stopping[0],
    )


def lines(subscribers: int, folder: Path, url: str | None, store_name: str) -> list[Line]:
    """Of one store."""
    sent = measured(folder, url, subscribers=subscribers)
    grown = sent.late_mb / sent.early_mb
    return [
        Line(f"{store_name}, broadcast to {subscribers:,}, killed and stopped on its way", sent.rate, "messages/s"),
        Line("  memory at its end", sent.late_mb, "MB", "its first leap", grown, "at most 1.10"),
        Line("  what is written beside it waits, p99", sent.wait_ms, "ms"),
        Line("  how far it is, the longest look", sent.showing_ms, "ms"),
        Line("  its deliveries by outcome", sent.outcome_ms, "ms"),
        Line("  to stop it", sent.stopping_ms, "ms"),
        Line("  to count whom it reaches", sent.counting_s, "s"),
    ]


class _Followed:
    """A broadcast whose workers are processes of their own, and what they told."""

    def __init__(self, home: Home, broadcast_id: str, subscribers: int) -> None:
        self._home, self._id, self._subscribers = home, broadcast_id, subscribers
        self._process: Any = None
        self.told: list[dict[str, Any]] = []
        self.looks: list[float] = []
        self._next = self._step = subscribers // 10

    def work(self, *, until: int | None = None, then: Callable[[], None] | None = None) -> None:
        """A worker goes on with it until it is done, or, after so many messages, until `then`: it does not write the
        last ones before."""
        ours, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_work, args=(theirs, self._home.settings, self._subscribers))
        self._process.start()
        theirs.close()
        if then is not None and until is not None:
            while self._look() < until and self._process.is_alive():
                time.sleep(0.05)
            then()
        if self._process.exitcode != -signal.SIGKILL:
            try:
                ours.send("the last ones too")
                while not ours.poll(0.5):
                    self._look()
                self.told.append(ours.recv())
            except (BrokenPipeError, EOFError):
                sys.exit("bench: a worker of the broadcast failed")
        self._process.join()
        ours.close()

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def check(self) -> float:
        """Everybody has one message, and only one, with one delivery on each channel. How long it took to count the
        deliveries by their outcome, in ms."""
        subscribers = self._subscribers
        its, of = deliveries.c, item_identities.c
        ours = of.source == message_identity(ENTE, self._id, "").source
        of_messages = select(func.count(), func.count(of.citizen_id.distinct())).where(ours)
        of_each = select(its.channel, func.count(), func.count(its.message_id.distinct()))
        of_each = of_each.join(item_identities, (of.ente_id == its.ente_id) & (of.item_id == its.message_id))
        with self._home.database.read() as connection:
            row = standing_broadcast(connection, self._id)
            messages, persons = connection.execute(of_messages).one()
            channels = connection.execute(of_each.where(ours).group_by(its.channel)).all()
            started = time.perf_counter()
            counts = count_deliveries(connection, ENTE, self._id)
            outcome_ms = (time.perf_counter() - started) * 1000
        found = (row["state"], row["written"], row["expected"], messages, persons)
        if found != ("done", *(subscribers for _ in found[1:])):
            sys.exit(f"bench: the broadcast to {subscribers} ended as {found}")
        if not channels or any(each[1:] != (subscribers, subscribers) for each in channels):
            sys.exit(f"bench: deliveries of the broadcast to {subscribers}, by channel: {channels}")
        if sum(each["count"] for each in counts) != len(channels) * subscribers:
            sys.exit(f"bench: outcomes of the broadcast to {subscribers}: {counts}")
        return outcome_ms

    def _look(self) -> int:
        started = time.perf_counter()
        with self._home.database.read() as connection:
            written: int = standing_broadcast(connection, self._id)["written"]
        self.looks.append(time.perf_counter() - started)
        if written >= self._next:
            print(f"bench: {written:,} messages of the broadcast written", file=sys.stderr)
            self._next = written + self._step
        return written


def _work(pipe: Connection, settings: Settings, subscribers: int) -> None:
    """Go on with the broadcast, while something else is written. Its last messages wait until they are called for."""
    clock = _Leaping()
    home = Home(settings, clock)
    hub = Hub(home)
    spare_collections()
    hub.committer.start()
    with hub.database.read() as connection:
        (broadcast,) = running_broadcasts(connection, home.vault)
    clock.leap(broadcast.paced_at - clock.now())  # to where the one before came
    most = min(int(_LEAP.total_seconds()) * _PER_SECOND, subscribers // FEWEST)
    waits: list[float] = []
    over = threading.Event()
    beside = threading.Thread(target=_write_beside, args=(hub, waits, over), daemon=True)
    beside.start()
    seconds, early_mb, before, called = 0.0, 0.0, _written(hub), False
    while True:
        if not called and _written(hub) + most >= subscribers:
            pipe.recv()
            called = True
        clock.leap(timedelta(seconds=most / _PER_SECOND))
        started = time.perf_counter()
        if not hub.broadcasts.go_on():
            break
        seconds += time.perf_counter() - started
        early_mb = early_mb or own_mb()
    told = {
        "seconds": seconds,
        "written": _written(hub) - before,
        "early_mb": early_mb,
        "late_mb": own_mb(),
        "waits": waits,
    }
    over.set()
    beside.join()
    hub.committer.close()
    hub.database.close()
    pipe.send(told)


def _write_beside(hub: Hub, waits: list[float], over: threading.Event) -> None:
    access = Access("r", ENTE, "portale", "s", "a", "list_items", "ok")
    while not over.wait(0.01) or len(waits) < 2:
        started = time.perf_counter()
        hub.committer.write(record_access, access)
        waits.append(time.perf_counter() - started)


def _written(hub: Hub) -> int:
    with hub.database.read() as connection:
        messages = select(func.count()).where(item_identities.c.collection == "messages")
        return int(connection.execute(messages).scalar_one())


def enrol(home: Home, subscribers: int) -> None:
    """Each of so many is a person with one subscription."""
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(days=30)
    people = enumerate(tax_codes(subscribers))
    fill(home.database, (citizens, item_identities, item_versions, items), people, partial(_subscriber, home), at)


def _subscriber(home: Home, person: tuple[int, str]) -> Made:
    n, tax_code = person
    vault, key = home.vault, home.vault.new_data_key()
    citizen_id, item_id = new_uuid7(), new_uuid7()
    item = make_item(
        f"iscrizione-{n}",
        recipient={"tax_code": tax_code, "email": "genitore@example.org"},
        subscription_service=CODE,
        state="active",
        valid_from="2026-09-01",
        title="Nido di Ada",
    )
    content = canonical_json(Subscription.model_validate_json(orjson.dumps(item)))
    named = {"ente_id": ENTE, "citizen_id": citizen_id, "item_id": item_id, "vendor_id": "acme", "source": "tributi"}
    own = {"collection": "subscriptions", "state": "active", "lifecycle": "active", "version": 1, "min_loa": 1}
    return {
        citizens: {
            "ente_id": ENTE,
            "citizen_id": citizen_id,
            "subject_hash": vault.keyed_hash("subject", f"{ENTE}\0person\0{tax_code}"),
            "subject_kind": "person",
            "tax_code_sealed": vault.seal_with(key, tax_code.encode(), f"citizens|tax_code|{ENTE}|{citizen_id}"),
            "data_key_sealed": vault.seal(key, key_place(ENTE, citizen_id)),
        },
        item_identities: named | {"collection": "subscriptions", "external_id": f"iscrizione-{n}"},
        item_versions: {name: named[name] for name in ("ente_id", "citizen_id", "item_id")}
        | {"payload_sealed": vault.seal_with(key, content, payload_place(ENTE, item_id, 1))},
        items: named | own | {"sequence": n + 1, "turn": "none", "sensitivity": "normal"},
    }
