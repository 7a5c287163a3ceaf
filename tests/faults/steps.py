"""Where the hub can be made to die, from the first byte read to the sweep. Product code has no hooks for it.

Each step wraps one function of the hub, in the process that is to die, before the hub is wired.
"""

import functools
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import hub.dispatch.dispatcher as dispatcher
import hub.dispatch.runner as runner
from connectors.app_io.client import AppIo
from connectors.email.client import Mailer
from connectors.email.wire import Session
from hub.dispatch.notices import Notices
from hub.http.publish import PublishApi
from hub.ingest.pipeline import Pipeline
from hub.store.chain import ChainWriter
from hub.store.committer import Committer
from hub.store.intake import Intake
from hub.store.outbox import Settlement
from hub.store.sweeping import Swept

Death = Callable[[], None]


def countdown(times: int) -> Death:
    """Kills this process, without any goodbye, at its call number `times`."""
    left = [times]
    lock = threading.Lock()

    def die() -> None:
        with lock:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return die


def before(owner: Any, name: str, *, when: Callable[..., bool] = lambda *_: True) -> Callable[[Death], None]:
    """Dies as `owner.name` is called, with arguments for which `when` holds."""

    def install(die: Death) -> None:
        original = getattr(owner, name)

        @functools.wraps(original)
        def dying(*args: Any, **kwargs: Any) -> Any:
            if when(*args):
                die()
            return original(*args, **kwargs)

        setattr(owner, name, dying)

    return install


def after(owner: Any, name: str, *, when: Callable[..., bool] = lambda *_: True) -> Callable[[Death], None]:
    """Dies once `owner.name` has done its work and nobody knows yet; `when` sees the result, then the arguments."""

    def install(die: Death) -> None:
        original = getattr(owner, name)

        @functools.wraps(original)
        def dying(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            if when(result, *args):
                die()
            return result

        setattr(owner, name, dying)

    return install


STEPS: dict[str, Callable[[Death], None]] = {
    # the left half: a request
    "before_verify": before(Pipeline, "verify"),
    "before_insert": before(Intake, "record"),
    "before_commit": after(ChainWriter, "extend", when=lambda _, self, tx: bool(tx.evidence_rows)),
    "after_commit": before(ChainWriter, "committed", when=lambda self: self._pending is not None),
    "before_answer": before(PublishApi, "_signed"),
    # the right half: a delivery
    "claimed": before(dispatcher.Dispatcher, "_one"),
    "notice_made": after(Notices, "of"),
    "profile_asked": after(AppIo, "_ask_profile"),
    "within_mark": after(runner, "progress", when=lambda _, tx, steps: any(step.unsafe for step in steps)),
    "marked": after(runner.Runner, "_mark"),
    "mail_half_sent": after(
        Session, "send", when=lambda _, self, data: isinstance(data, bytes) and data.endswith(b"\r\n.\r\n")
    ),
    "mail_sent": after(Mailer, "send"),
    "message_sent": after(AppIo, "_send_message"),
    "before_settle": after(runner.Runner, "_end"),
    "within_settle": after(runner, "settle"),
    "settled": after(Committer, "write", when=lambda _, self, handler, value: isinstance(value, Settlement)),
    # upkeep
    "within_sweep": after(dispatcher, "sweep", when=lambda found, *_: found != [Swept()]),
}
