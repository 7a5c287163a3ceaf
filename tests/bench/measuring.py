"""`python -m tests.bench [--quick] [--items N] [--feed] [--broadcast N] [--json FILE] [--profile FOLDER]`: all in turn,
in one run."""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from hub.home import Home
from hub.settings import Settings

from ..harness import PUBLISH_AUDIENCE
from . import broadcasting, crowd, dispatching, feeding, queueing, raw, shared_store, store, taking
from .corpus import Vendors, feed_requests, publish_requests, tax_codes
from .findings import Findings, Line, latency, on_each_kind
from .load import CONNECTIONS
from .reading import pages
from .servers import Generator, running, serve_hub, serve_limit, serve_same
from .verifying import verifiers

SETTINGS = {"calls_per_minute": 10_000_000}
VENDORS = {"es": "ES256, jwk", "rs": "RS256, x5c"}


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    rounds: int
    messages: int
    warm_up: int
    citizens: int
    seconds: float
    commits: int
    items: int
    """Of the store whose feed is read; a hundred for each citizen."""
    records: int
    """Of the source that is read by a mapping."""
    subscribers: int
    """To whom one broadcast is written."""
    connections: int = CONNECTIONS
    """On which requests come at once."""


FULL = Size(
    rounds=5,
    messages=2000,
    warm_up=400,
    citizens=100,
    seconds=0.4,
    commits=40,
    items=100_000,
    records=100_000,
    subscribers=20_000,
)
QUICK = Size(
    rounds=3,
    messages=600,
    warm_up=150,
    citizens=30,
    seconds=0.15,
    commits=12,
    items=2_000,
    records=2_000,
    subscribers=3_000,
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="about a minute, for a first look")
    parser.add_argument("--items", type=int, help="items in the store whose feed is read; 1000000 for a region's")
    parser.add_argument("--feed", action="store_true", help="that store's feed alone")
    parser.add_argument("--broadcast", type=int, help="a broadcast to so many subscribers alone")
    parser.add_argument("--connections", type=int, default=CONNECTIONS, help="on which requests come at once")
    parser.add_argument("--json", type=Path, help="write the lines there too")
    parser.add_argument("--profile", type=Path, help="run the hub under cProfile and write its profiles to this folder")
    given = parser.parse_args()
    size = replace(QUICK if given.quick else FULL, connections=given.connections)
    if given.items:
        size = replace(size, items=given.items)
    if given.broadcast is not None:
        if given.broadcast < broadcasting.FEWEST:
            parser.error(f"--broadcast: at least {broadcasting.FEWEST}")
        size = replace(size, subscribers=given.broadcast)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="raccordo-bench-") as folder:
        if given.broadcast:
            lines = _broadcasting(Path(folder), size.subscribers)
        else:
            lines = _feeding(Path(folder), size) if given.feed else measure(Path(folder), size, given.profile)
    show(lines, size, time.perf_counter() - started)
    if given.json:
        about = {
            "commit": _commit(),
            "python": platform.python_version(),
            "cores": os.cpu_count(),
            "size": asdict(size),
        }
        given.json.write_text(json.dumps(about | {"lines": [asdict(line) for line in lines]}, indent=2) + "\n")


def measure(folder: Path, size: Size, profile: Path | None) -> list[Line]:
    """Every measurement, its rounds interleaved."""
    vendors, codes = Vendors.make(), tax_codes(size.citizens)
    vendors.home(folder / "hub")
    signed = {
        vendor: publish_requests(vendors, vendor, codes, size.warm_up + size.rounds * size.messages)
        for vendor in VENDORS
    }
    jwks = {vendors.es.kid: vendors.es.public_jwk()}
    options: dict[str, Any] = {}
    if profile is not None:
        profile.mkdir(parents=True, exist_ok=True)
        options["profile"] = profile
    with (
        closing(Generator(size.connections)) as generator,
        running(serve_limit, folder / "limit.db", PUBLISH_AUDIENCE, jwks) as limit,
        running(serve_same, folder / "same.db", {"home": folder / "hub"}) as same,
        running(serve_hub, folder / "hub", SETTINGS, **options) as hub,
    ):
        found, latencies = _publishing(
            folder, size, vendors, signed, generator, {"limit": limit, "same": same, "hub": hub}
        )
        rss = hub.rss_mb()
        for _ in range(size.rounds):
            found.add("feed/http", generator.drive(hub, feed_requests(vendors, codes, size.messages // 4)).rate)
        _store_and_reading(folder, size, vendors, codes, found)
    with closing(Generator(size.connections)) as generator:
        shared_store.publish(folder, vendors, SETTINGS, signed["rs"], generator, size.rounds, found)
    return [
        *_publishing_lines(found, latencies, rss),
        *_other_lines(found),
        *_feeding(folder, size),
        *_dispatching(folder, size),
        *_queueing(folder, size),
        *taking.lines(folder, size.records),
        *_broadcasting(folder, size.subscribers),
    ]


def _publishing(
    folder: Path, size: Size, vendors: Vendors, signed: dict[str, list[bytes]], generator: Generator, servers: Any
) -> tuple[Findings, dict[str, list[float]]]:
    found, latencies = Findings(), {}
    for vendor, requests in signed.items():
        for server in servers.values():
            generator.drive(server, requests[: size.warm_up])
        for n in range(size.rounds):
            start = size.warm_up + n * size.messages
            part = requests[start : start + size.messages]
            # Whoever goes first meets a machine in another mood: they take turns.
            for name in sorted(servers, reverse=bool(n % 2)):
                run = generator.drive(servers[name], part)
                found.add(f"{name}/{vendor}", run.rate)
                found.add(f"cpu/{name}/{vendor}", run.cpu_us)
                latencies.setdefault(f"{name}/{vendor}", []).extend(run.latencies)
            checks = raw.signature_checks(vendors, vendor, seconds=size.seconds)
            commits = raw.group_commits(folder, part, commits=size.commits)
            found.add(f"checks/{vendor}", checks)
            found.add(f"commits/{vendor}", commits)
            found.add(f"floor/{vendor}", 1 / (2 / checks + 1 / commits))
    return found, latencies


def _store_and_reading(folder: Path, size: Size, vendors: Vendors, codes: list[str], found: Findings) -> None:
    home = Home(Settings(home=folder / "hub"))
    by_hub, bare, items = pages(home, codes)
    if items < 50:
        sys.exit(f"bench: only {items} items on a page")
    for _ in range(size.rounds):
        found.add("feed/hub", raw.per_second(by_hub, seconds=size.seconds))
        found.add("feed/bare", raw.per_second(bare, seconds=size.seconds))
        for vendor in VENDORS:
            ours, plain = verifiers(home, vendors, vendor, codes[0])
            found.add(f"verify/hub/{vendor}", raw.per_second(ours, seconds=size.seconds))
            found.add(f"verify/plain/{vendor}", raw.per_second(plain, seconds=size.seconds))
        for batch in (1, 16, 64):
            for way, rate in store.rates(
                folder, batch=batch, commits=max(4, size.commits // (1 + batch // 16))
            ).items():
                found.add(f"store/{batch}/{way}", rate)
    home.database.close()


def _feeding(folder: Path, size: Size) -> list[Line]:
    """The feed of a full store."""
    return on_each_kind(folder, "crowd", partial(full_store, size))


def full_store(size: Size, folder: Path, url: str | None, store_name: str) -> list[Line]:
    """Of one store. The heap's peak is that of one citizen with a tenth of all items."""
    found = Findings()
    citizens = max(2, size.items // 100)
    with crowd.crowd(folder, url, items=size.items, citizens=citizens) as full, feeding.ways(full) as ways:
        for name, rate in feeding.measured(ways, rounds=size.rounds, seconds=size.seconds):
            found.add(name, rate)
        short, long = feeding.changes_kb(full, size.items // 100), feeding.changes_kb(full, size.items // 10)
    lines = []
    for together, goal in ((raw.BATCH, "0.71"), (1, "")):
        for what, text in (("page", "first page of 50"), ("summary", "summary")):
            bare, hub = f"{what}/{together}/bare", f"{what}/{together}/hub"
            title = f"{store_name}, {size.items:,} items, {text}, {together} a commit of the log: bare"
            ratio, spread = found.ratio(hub, bare), found.spread(hub)
            lines += [
                Line(title, found.of(bare), "/s"),
                Line("  the hub's", found.of(hub), "/s", "bare", ratio, goal, spread),
            ]
    return [
        *lines,
        Line(f"changes, a gap of {size.items // 100:,}: most memory", short, "KB"),
        Line(f"  a gap of {size.items // 10:,}", long, "KB", "the shorter", long / short, "at most 1.50"),
    ]


def _dispatching(folder: Path, size: Size) -> list[Line]:
    found = Findings()
    for _ in range(size.rounds):
        alone, beside = dispatching.rates(folder, messages=size.messages // 4)
        found.add("alone", alone)
        found.add("beside", beside)
    ratio, spread = found.ratio("beside", "alone"), found.spread("beside")
    return [
        Line("embedded dispatcher, a folder alone", found.of("alone"), "deliveries/s", note=found.spread("alone")),
        Line("  beside a dead and a slow provider", found.of("beside"), "deliveries/s", "alone", ratio, "0.90", spread),
    ]


def _publishing_lines(found: Findings, latencies: dict[str, list[float]], rss: float) -> list[Line]:
    lines = []
    for vendor, name in VENDORS.items():
        lines += [
            Line(f"{name}: bare signature checks", found.of(f"checks/{vendor}"), "/s"),
            Line("  raw driver, group commits of 16", found.of(f"commits/{vendor}"), "msg/s"),
            Line("  two checks and a share of a commit", found.of(f"floor/{vendor}"), "msg/s"),
        ]
        for server, against, title, goal in (
            ("limit", "floor", "limit server, by hand", ""),
            ("same", "floor", "limit server, the hub's verification", ""),
            ("hub", "same", "hub, publish", "0.50"),
            ("hub", "limit", "  against the one by hand", "then 0.60"),
        ):
            key = f"{server}/{vendor}"
            lines.append(
                Line(
                    f"  {title}",
                    found.of(key),
                    "msg/s",
                    f"{against}",
                    found.ratio(key, f"{against}/{vendor}"),
                    goal,
                    f"{found.spread(key)}; {latency(latencies[key])}; {_cpu(found, server, against, vendor)}",
                )
            )
    lines.append(Line("RS256, PostgreSQL, 2 processes: limit server, by hand", found.of("shared/limit"), "msg/s"))
    for server, against, title, goal in (
        ("same", "limit", "limit server, the hub's verification", ""),
        ("hub", "same", "hub, publish", "0.50"),
        ("hub", "limit", "  against the one by hand", ""),
    ):
        ratio = found.ratio(f"shared/{server}", f"shared/{against}")
        rate, spread = found.of(f"shared/{server}"), found.spread(f"shared/{server}")
        note = f"{spread}; {_cpu(found, server, against, 'shared')}"
        lines.append(Line(f"  {title}", rate, "msg/s", against, ratio, goal, note))
    return [*lines, Line("hub, resident memory", rss, "MB", goal="at most 150")]


def _cpu(found: Findings, server: str, against: str, where: str) -> str:
    """The processor's time of a message, and how much of it the other one needs: what no idle moment is part of."""
    key, other = f"cpu/{server}/{where}", f"cpu/{against}/{where}"
    needed = f", {found.ratio(other, key):.2f} by it" if other in found.rounds else ""
    return f"{found.of(key):.0f} us of the processor{needed}"


def _other_lines(found: Findings) -> list[Line]:
    lines = []
    for batch in (1, 16, 64):
        driver = f"store/{batch}/driver"
        lines.append(Line(f"store, {batch} a commit: raw driver", found.of(driver), "msg/s"))
        for way, text in (("core", "SQLAlchemy Core"), ("hub", "the hub's own (store/bulk)")):
            key = f"store/{batch}/{way}"
            lines.append(Line(f"  {text}", found.of(key), "msg/s", "driver", found.ratio(key, driver), "0.60"))
    lines += [
        Line("feed, first page of 50: bare", found.of("feed/bare"), "pages/s"),
        Line("  the hub's", found.of("feed/hub"), "pages/s", "bare", found.ratio("feed/hub", "feed/bare"), "0.70"),
        Line("  the same over HTTP, two tokens, access log", found.of("feed/http"), "pages/s"),
    ]
    for vendor, name in VENDORS.items():
        ours, plain = f"verify/hub/{vendor}", f"verify/plain/{vendor}"
        lines += [
            Line(f"verify {name}: two joserfc decodes", found.of(plain), "/s"),
            Line("  the hub's verification", found.of(ours), "/s", "joserfc", found.ratio(ours, plain), "0.77"),
        ]
    return lines


def _queueing(folder: Path, size: Size) -> list[Line]:
    """The same deliveries, called in three ways."""
    found = Findings()
    for ways in queueing.rates(folder / "queue", messages=300, rounds=min(size.rounds, 3)):
        for way, rate in ways.items():
            found.add(way, rate)
    lines = [Line("deliveries, PostgreSQL: a job of RQ for each", found.of("one"), "/s")]
    for way, text, against, goal in (
        ("embedded", "the embedded dispatcher", "one", "10.0"),
        ("rq", "a worker called by Redis", "embedded", "0.70"),
    ):
        lines.append(
            Line(f"  {text}", found.of(way), "/s", against, found.ratio(way, against), goal, found.spread(way))
        )
    return lines


def _broadcasting(folder: Path, subscribers: int) -> list[Line]:
    """One to so many."""
    return on_each_kind(folder, "broadcast", partial(broadcasting.lines, subscribers))


def show(lines: list[Line], size: Size, seconds: float) -> None:
    table = Table(title=f"Raccordo, {size.connections} connections, medians of {size.rounds}, {seconds:.0f} s")
    for name in ("what", "rate", "", "against", "ratio", "goal", "spread and latency"):
        table.add_column(name, justify="right" if name in ("rate", "ratio") else "left")
    for line in lines:
        ratio = "" if line.ratio is None else f"{line.ratio:.2f}"
        table.add_row(line.what, f"{line.value:,.0f}", line.unit, line.against, ratio, line.goal, line.note)
    Console(width=None if sys.stdout.isatty() else 140).print(table)


def _commit() -> str:
    found = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return found.stdout.strip()
