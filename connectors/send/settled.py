"""SEND is told that a notice of a notification was paid, once: it then sends no letter any more (`PAYMENT` in its
timeline, of which it hears from the sender alone).

The memos: {} -> its timeline is looked at -> {"step": "tell", "since"} (announced as unsafe) -> done. Nothing says
whether what is told twice counts twice: after an unknown outcome the timeline is given time to show it first.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from connectors.base.previewing import fields_of
from contracts.connector import Continue, Done, Memo, Notice, Preview
from contracts.failures import Deferred, Skipped
from contracts.settling import SettledPayment

from .config import Settings
from .payments import EVENTS, asked_of, event_of, pagopa_notice_of, payment_failure
from .wire import Wire, objects

SHOWN_WITHIN_S = 900.0
"""After which a payment that SEND was told of stands in the timeline."""
_AT_ONCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Settled:
    """`now` is in seconds of the epoch; it only measures how long ago SEND may have been told."""

    wire: Wire
    settings: Settings
    now: Callable[[], float] = time.time

    def advance(self, notice: Notice, memo: Memo) -> Done | Continue:
        """One step; see `contracts.connector.Advance`."""
        paid = _paid(notice)
        if not self.settings.tell_payments:
            raise Skipped("send.payments_not_told")
        if memo.get("step") != "tell":
            return self._looked(paid) or self._announced()
        if self.now() - _since(memo) > _AT_ONCE_S:
            return self._announced()
        answer = self.wire.call("POST", EVENTS, self._body(paid), unsafe=True)
        if answer.status != 204:
            raise payment_failure(answer, unsafe=True)
        return Done(paid.notification, "told")

    def lookup(self, notice: Notice, memo: Memo) -> Done | None:
        """Look into the timeline whether SEND was told; see `contracts.connector.Lookup`."""
        if memo.get("step") != "tell":
            return None
        found = self._looked(_paid(notice))
        if found is None and self.now() - _since(memo) < SHOWN_WITHIN_S:
            raise Deferred("send.payment_unseen", about="message", after=timedelta(seconds=SHOWN_WITHIN_S / 3))
        return found

    def preview(self, notice: Notice) -> tuple[Preview, ...]:
        """The call that tells it."""
        url = self.wire.http.build_request("POST", EVENTS).url
        return (Preview(f"POST {url}", fields_of(self._body(_paid(notice)))),)

    def _looked(self, paid: SettledPayment) -> Done | None:
        """Done where SEND knows. Raises Skipped where the notification does not have this notice: it was paid before,
        and left out."""
        answer = self.wire.sent(paid.notification)
        if answer.status != 200:
            raise Deferred("send.unavailable", f"status {answer.status}", about="message")
        body, notice = answer.object(), (paid.creditor_tax_code, paid.notice_number)
        if notice not in map(pagopa_notice_of, asked_of(body)):
            raise Skipped("send.notice_unknown", "the notification does not ask for it")
        told = [each.get("details") for each in objects(body.get("timeline")) if each.get("category") == "PAYMENT"]
        return Done(paid.notification, "known already") if notice in map(pagopa_notice_of, objects(told)) else None

    def _announced(self) -> Continue:
        return Continue({"step": "tell", "since": int(self.now())}, unsafe=True)

    def _body(self, paid: SettledPayment) -> dict[str, Any]:
        event = event_of(paid.notice_number, paid.creditor_tax_code, paid.paid_at, paid.amount_cents)
        return {"events": [event]}


def _paid(notice: Notice) -> SettledPayment:
    assert notice.settled is not None
    return notice.settled


def _since(memo: Memo) -> float:
    found = memo.get("since")
    return float(found) if isinstance(found, int) else 0.0
