"""`worker` and `sweep`: processes that deliver and do not serve."""

from typing import Annotated

import typer

from hub.home import Home
from hub.telemetry import configure

from .options import HOME, HomeFolder, home_at


def worker(
    burst: Annotated[bool, typer.Option("--burst", help="End when nothing rings any more.")] = False,
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, max=64, help="Deliveries under way at once.")
    ] = None,
    no_redis: Annotated[bool, typer.Option("--no-redis", help="Look into the outbox instead of listening.")] = False,
    home: HomeFolder = HOME,
) -> None:
    """Deliver: called by Redis where RACCORDO_REDIS_URL names one, else by looking. SIGTERM ends it in good order."""
    from hub.worker import process

    changed = ({} if threads is None else {"delivery_threads": threads}) | ({"redis_url": ""} if no_redis else {})
    one = home_at(home)
    one = Home(one.settings.model_copy(update=changed))
    configure()
    if one.settings.redis_url:
        process.work(one, burst=burst)
    else:
        process.look(one, burst=burst)


def sweep(home: HomeFolder = HOME) -> None:
    """Sweep at intervals and ring for what is due, beside workers or without them. Several may run."""
    from hub.worker import process

    one = home_at(home)
    configure()
    process.begin(one, "sweep")
    process.sweep(one)
