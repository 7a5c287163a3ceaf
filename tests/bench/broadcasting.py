"""A broadcast to many subscribers (S41): how fast it is written, what it weighs, who waits for it meanwhile.

On its way its worker is killed, then it is stopped and gone on with; in the end everybody has exactly one message. Its
pace is left out: the clock leaps as far as a broadcast may catch up at once.
"""

import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
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
from hub.admin.errors import BroadcastElsewhere
from hub.bootstrap import Hub
from hub.cli.revealing import actor_of, perform
from hub.cli.serving import spare_collections
from hub.home import Home
from hub.ingest.broadcasting import count_audience
from hub.ingest.canonical import canonical_json
from hub.settings import Settings
from hub.store.broadcasts import show_broadcast
from hub.store.citizens import key_place
from hub.store.readers import Access, record_access
from hub.store.rows import payload_place
from hub.store.tables import citizens, item_identities, item_versions, items

from ..harness import ENTE, make_home, make_item
from .corpus import tax_codes
from .filling import Made, fill
from .findings import Line
from .servers import own_mb

CODE = "nido-2026"
_SPAWN = get_context("spawn")
_LEAP = timedelta(seconds=30)


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
    stopping_ms: float


class _Leaping:
    """The time, and so many days and leaps."""

    def __init__(self, days: int = 0) -> None:
        self._ahead = timedelta(days=days)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def leap(self) -> None:
        self._ahead += _LEAP


def measured(folder: Path, url: str | None, *, subscribers: int) -> Sent:
    """One broadcast to so many. Ends the program where somebody has no message, or two."""
    (folder / "box").mkdir(parents=True)
    own: dict[str, Any] = {} if url is None else {"database_url": url}
    home = make_home(folder / "home", connectors={"mail": ("loopback", {"folder": str(folder / "box")})}, **own)
    _fill(home, subscribers)
    content = Broadcast(
        code=CODE, it=BroadcastText(title="Chiusura di {service}", body="Per **{title}**: chiuso."), per_second=200
    )
    started = time.perf_counter()
    persons = count_audience(home.database, home.vault, ENTE, content, datetime.now(UTC))
    counting_s = time.perf_counter() - started
    desk = BroadcastDesk(home.database, home.vault)
    broadcast_id = perform(home, desk.start(actor_of(ENTE), content, persons))["broadcast_id"]
    one = _Followed(home, broadcast_id, subscribers)
    one.work(until=subscribers // 3, then=one.kill)
    stopping: list[float] = []

    def stop() -> None:
        began = time.perf_counter()
        try:
            perform(home, desk.stop(actor_of(ENTE), broadcast_id))
        except BroadcastElsewhere:
            sys.exit(f"bench: {subscribers} subscribers are too few: it was done before it was stopped")
        stopping.append((time.perf_counter() - began) * 1000)

    one.work(until=subscribers * 2 // 3, then=stop)
    perform(home, desk.resume(actor_of(ENTE), broadcast_id))
    one.work()
    one.check()
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
        Line("  to stop it", sent.stopping_ms, "ms"),
        Line("  to count whom it reaches", sent.counting_s, "s"),
    ]


class _Followed:
    """A broadcast whose workers are processes of their own, and what they told."""

    def __init__(self, home: Home, broadcast_id: str, subscribers: int) -> None:
        self._home, self._id, self._subscribers = home, broadcast_id, subscribers
        self._days = count(1)
        self._process: Any = None
        self.told: list[dict[str, Any]] = []
        self.looks: list[float] = []
        self._next = self._step = subscribers // 10
        self._pause_s = min(0.5, subscribers / 60_000)  # a look counts all deliveries

    def work(self, *, until: int | None = None, then: Callable[[], None] | None = None) -> None:
        """A worker goes on with it until it is done, or `then` after so many messages."""
        ours, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_work, args=(theirs, self._home.settings, next(self._days)))
        self._process.start()
        theirs.close()
        done = False
        while self._process.is_alive() and not ours.poll(self._pause_s):
            written = self._look()
            if written >= self._next:
                print(f"bench: {written:,} messages of the broadcast written", file=sys.stderr)
                self._next = written + self._step
            if then is not None and until is not None and not done and written >= until:
                then()
                done = True
        if ours.poll():
            with suppress(EOFError):  # of one that was killed
                self.told.append(ours.recv())
        self._process.join()

    def kill(self) -> None:
        self._process.kill()

    def check(self) -> None:
        """Everybody has one message, and only one."""
        subscribers = self._subscribers
        source = select(func.count(), func.count(item_identities.c.citizen_id.distinct())).where(
            item_identities.c.source == f"broadcast.{self._id}"
        )
        with self._home.database.read() as connection:
            row = show_broadcast(connection, self._id)
            messages, persons = connection.execute(source).one()
        found = (row["state"], row["written"], row["expected"], messages, persons)
        if found != ("done", subscribers, subscribers, subscribers, subscribers):
            sys.exit(f"bench: the broadcast to {subscribers} ended as {found}")

    def _look(self) -> int:
        started = time.perf_counter()
        with self._home.database.read() as connection:
            written: int = show_broadcast(connection, self._id)["written"]
        self.looks.append(time.perf_counter() - started)
        return written


def _work(pipe: Connection, settings: Settings, days: int) -> None:
    """Go on with all broadcasts, while something else is written."""
    clock = _Leaping(days)
    home = Home(settings, clock)
    hub = Hub(home)
    spare_collections()
    hub.committer.start()
    waits: list[float] = []
    over = threading.Event()
    beside = threading.Thread(target=_write_beside, args=(hub, waits, over))
    beside.start()
    started, early_mb, before = time.perf_counter(), 0.0, _written(hub)
    while hub.broadcasts.go_on():
        early_mb = early_mb or own_mb()
        clock.leap()
    told = {
        "seconds": time.perf_counter() - started,
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
    while not over.wait(0.01):
        started = time.perf_counter()
        hub.committer.write(record_access, access)
        waits.append(time.perf_counter() - started)


def _written(hub: Hub) -> int:
    with hub.database.read() as connection:
        messages = select(func.count()).where(item_identities.c.collection == "messages")
        return int(connection.execute(messages).scalar_one())


def _fill(home: Home, subscribers: int) -> None:
    """Each is a person with one subscription."""
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
