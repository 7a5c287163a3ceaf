"""Where the hub can be made to die, from the first byte read to the sweep. Product code has no hooks for it.

Each step wraps one function of the hub, in the process that is to die, before the hub is wired.
"""

import functools
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, event

import connectors.base.deadline as wire
import hub.admin.rights as rights
import hub.dispatch.runner as runner
import hub.dispatch.upkeep as upkeep
import hub.store.lanes as lanes
import hub.worker.jobs as jobs
import hub.worker.process as process
from connectors.app_io.client import AppIo
from connectors.base.mail.client import Mailer
from connectors.base.mail.wire import Session
from hub.dispatch.carts import Carts
from hub.dispatch.doorbell import Doorbell
from hub.dispatch.hands import Hands
from hub.dispatch.notices import Notices
from hub.http.admin_rights import RightsApi
from hub.http.publish import PublishApi
from hub.inbound.demanding import Demands
from hub.inbound.reporting import Reporter
from hub.inbound.taking import Taker
from hub.ingest.broadcasting import BroadcastRunner
from hub.ingest.pipeline import Pipeline
from hub.store.broadcasts import Broadcasts, Portion
from hub.store.chain import ChainWriter
from hub.store.committer import Committer
from hub.store.filing_rights import RightsFiler
from hub.store.intake import Intake
from hub.store.missing import Seen, Settled
from hub.store.outbox import Settlement
from hub.store.plans import Plans
from hub.store.positions import Positions
from hub.store.sweeping import Swept

POISON = "Avviso numero 3"
Death = Callable[[], None]


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


def _is_about(kind: type) -> Callable[..., bool]:
    """Whether the committer is given such a value."""
    return lambda _self, _handler, value: isinstance(value, kind)


def _is_of_a_round(_self: object, _handler: object, value: object) -> bool:
    """Whether the committer is given what a whole round said."""
    return isinstance(value, Seen) and value.listed_from is not None


STEPS: dict[str, Callable[[Death], None]] = {
    # the left half: a request
    "before_verify": before(Pipeline, "verify"),
    "before_insert": before(Intake, "record"),
    "before_commit": after(ChainWriter, "extend", when=lambda _, self, tx: bool(tx.evidence_rows)),
    "after_commit": before(ChainWriter, "committed", when=lambda self: self._pending is not None),
    "before_answer": before(PublishApi, "_signed"),
    # the right half: a delivery
    "claimed": before(Hands, "_one"),
    "notice_made": after(Notices, "of"),
    "profile_asked": after(AppIo, "_ask_profile"),
    "within_mark": after(runner, "progress", when=lambda _, tx, steps: any(step.unsafe for step in steps)),
    "marked": after(runner.Runner, "_mark"),
    "mail_half_sent": after(
        Session, "send", when=lambda _, self, data: isinstance(data, bytes) and data.endswith(b"\r\n.\r\n")
    ),
    "mail_sent": after(Mailer, "send"),
    "message_sent": after(AppIo, "_send_message"),
    "connected": after(wire._Backend, "connect_tcp"),
    "half_written": after(wire._Stream, "write"),
    "before_reply": before(wire._Stream, "read"),
    "half_read": after(wire._Stream, "read"),
    "before_settle": after(runner.Runner, "_end"),
    "within_settle": after(runner, "settle"),
    "settled": after(Committer, "write", when=lambda _, self, handler, value: isinstance(value, Settlement)),
    "breaker_written": after(lanes, "judge", when=lambda _, tx, verdicts, *__: bool(verdicts)),
    # upkeep
    "within_sweep": after(upkeep, "sweep", when=lambda found, *_: found != [Swept()]),
    # what comes in unsigned
    "before_taking": before(Taker, "_write", when=lambda _self, _source, _vendor, takes, _counts: bool(takes)),
    "taken": after(Taker, "_write", when=lambda _, _self, _source, _vendor, takes, _counts: bool(takes)),
    "before_reporting": before(Reporter, "report", when=lambda self, ente, connector, reports: bool(reports)),
    "reported": after(Reporter, "report", when=lambda known, *_: known > 0),
    "before_moving": before(Positions, "move"),
    # what the parties want of it
    "before_demanded": before(Demands, "_publish"),
    "demanded": after(Demands, "_publish"),
    "cart_begun": after(Carts, "begin"),
    "before_cart": before(Carts, "make"),
    "cart_made": after(Carts, "make"),
    "filed": after(RightsFiler, "file"),
    "within_closing": after(rights, "close_request"),
    "closed": before(RightsApi, "_closed"),
    "within_parts_paid": after(Plans, "paid", when=lambda found, *_: bool(found)),
    "missing_noted": after(
        Committer, "write", when=lambda _, *given: _is_of_a_round(*given) and bool(given[2].missing)
    ),
    "before_taken_back": before(Taker, "_withdrawal"),
    "parts_noted": after(
        Committer, "write", when=lambda _, *given: _is_about(Seen)(*given) and not _is_of_a_round(*given)
    ),
    "taken_back": before(Committer, "write", when=_is_about(Settled)),
    "portion_read": after(BroadcastRunner, "portion"),
    "within_portion": after(Broadcasts, "_write"),
    "portion_written": after(Committer, "write", when=lambda _, *given: _is_about(Portion)(*given)),
    # an operator's command
    "statement": lambda die: event.listen(Engine, "after_cursor_execute", lambda *_: die()),
    # a message that kills whoever works on it
    "poisoned": after(Notices, "of", when=lambda notice, *_: notice.title == POISON),
    # the bell and who hears it
    "before_ring": before(Doorbell, "ring"),
    "rung": after(Doorbell, "ring"),
    "popped": after(process.Listener.queue_class, "dequeue_any", when=lambda found, *_: found is not None),
    "drain_begun": before(jobs, "drain"),
}

REQUEST = ("before_verify", "before_insert", "before_commit", "after_commit", "before_answer")
DELIVERY = (
    *(
        "claimed",
        "notice_made",
        "profile_asked",
        "within_mark",
        "marked",
        "mail_half_sent",
        "mail_sent",
        "message_sent",
    ),
    *("connected", "half_written", "before_reply", "half_read"),
    *("before_settle", "within_settle", "settled", "breaker_written"),
)
INBOUND = ("before_taking", "taken", "before_reporting", "reported", "before_moving")
OF_PARTIES = {
    "station": ("before_demanded", "demanded"),
    "carts": ("cart_begun", "before_cart", "cart_made"),
    "rights": ("filed", "within_closing", "closed"),
    "instalments": ("within_parts_paid",),
    "source": ("missing_noted", "before_taken_back", "taken_back"),
    "tenant": ("parts_noted",),
    "broadcasts": ("portion_read", "within_portion", "portion_written"),
}
UPKEEP = ("within_sweep", "poisoned", "statement")
BELL = ("before_ring", "rung", "popped", "drain_begun")
