"""The one job of RQ, as a work-horse runs it. It wires its own hub after the fork: no connection outlives one."""

import logging
import re
import signal
import threading
from typing import Any

from hub.bootstrap import Hub
from hub.dispatch.doorbell import Doorbell, Unheard
from hub.dispatch.draining import Drain
from hub.home import Home
from hub.settings import Settings
from hub.stopping import Stopping
from hub.store.faults import error_name
from hub.store.standing import Lane

log = logging.getLogger(__name__)

STOPPING = Stopping()
"""Set in a work-horse that is to end."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_homes: list[Home] = []


def preload(home: Home) -> None:
    """Read, before the fork, what all work-horses need of the home: its keys and its connector types."""
    _ = home.vault, home.key, dict(home.types)
    _homes[:] = [home]


def preloaded() -> Home:
    """The home of this process's worker; that of the environment, where plain `rq worker` runs the job."""
    return _homes[0] if _homes else Home(Settings())


def stop_politely(*_: Any) -> None:
    """A signal handler: take nothing more, finish or hand back what is in flight."""
    STOPPING.set()


def drain(ente_id: str, connector_id: str) -> None:
    """Deliver what is due in a lane. Raises nothing: RQ would keep the text of an exception in Redis."""
    signal.signal(signal.SIGTERM, stop_politely)
    lane = lane_of(ente_id, connector_id)
    if lane is None:
        log.warning("drain.refused")
        return
    try:
        hub = Hub(preloaded())
        with hub.working():
            done = drain_of(hub, STOPPING)(lane)
        if not done:
            _ring_again(hub.settings.redis_url, lane)
    except Exception as error:  # noqa: BLE001 - the rows stand as they are; the sweeper finds what is due
        log.warning("drain.failed ente_id=%s connector=%s error=%s", *lane, error_name(error))


def lane_of(ente_id: object, connector_id: object) -> Lane | None:
    """The lane that a job names; None where that is no name, for it comes from Redis."""
    if not all(isinstance(name, str) and _NAME.fullmatch(name) for name in (ente_id, connector_id)):
        return None
    return Lane(str(ente_id), str(connector_id))


def drain_of(hub: Hub, stopping: threading.Event) -> Drain:
    """A hub that is `working()`, as one who drains."""
    return Drain(
        committer=hub.committer,
        database=hub.database,
        run=hub.runner.run,
        limits=hub.connectors.limits,
        lease=hub.runner.lease,
        threads=hub.settings.delivery_threads,
        grace_s=hub.settings.stop_grace_s,
        stopping=stopping,
    )


def _ring_again(url: str, lane: Lane) -> None:
    """The rest takes its turn behind the other lanes."""
    bell = Doorbell(url)
    try:
        bell.ring([lane])
    except Unheard:
        log.info("drain.unrung ente_id=%s connector=%s", *lane)
    finally:
        bell.close()
