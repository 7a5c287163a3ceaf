"""One sweep of the outbox, as the embedded dispatcher and the worker's sweeper make it at intervals."""

import logging
from dataclasses import asdict

from hub.store.committer import Committer
from hub.store.sweeping import Sweep, Swept, sweep

log = logging.getLogger(__name__)


def swept_once(committer: Committer, resending: frozenset[tuple[str, str]], *, everyone: bool = False) -> bool:
    """Sweep, and log what was found; whether anything was."""
    swept = committer.write(sweep, Sweep(resending, everyone))
    if swept != Swept():
        log.info("sweep.done %s", " ".join(f"{name}={count}" for name, count in asdict(swept).items()))
    return swept != Swept()
