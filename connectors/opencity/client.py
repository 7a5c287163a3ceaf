"""A message to an application, in three calls: is it this citizen's, write, and where no answer came, is it there.

The memos: {}, then {"step": "send", "at"} (announced as unsafe). OpenCity honours no key, and answers 500 to messages
that it stored and could not tell anybody of: the name of the delivery stands in the message, and is looked for.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from connectors.base.previewing import fields_of
from contracts.connector import Continue, Done, Memo, Notice, Preview
from contracts.failures import Deferred, Misconfigured, Rejected, Skipped, Unconfirmed

from . import mapping
from .fields import Fault, is_identifier
from .lists import rows
from .session import Row, Session, content_of, failure_of
from .text import line, reference, words_of, written

# Of the application that the message is for: what is wrong with that one concerns no other message.
ASK: Mapping[int, Row] = {
    400: (Rejected, "opencity.no_application"),
    401: (Misconfigured, "opencity.not_authorised"),
    403: (Rejected, "opencity.not_allowed"),
    404: (Rejected, "opencity.no_application"),
    405: (Misconfigured, "opencity.not_the_api"),
    406: (Misconfigured, "opencity.not_the_api"),
    408: (Deferred, "opencity.busy"),
    429: (Deferred, "opencity.busy"),
}
# Of the message. What it did not clearly refuse may be stored.
SEND: Mapping[int, Row] = {
    400: (Rejected, "opencity.bad_request"),
    401: (Misconfigured, "opencity.not_authorised"),
    403: (Rejected, "opencity.not_allowed"),
    404: (Rejected, "opencity.no_application"),
    405: (Misconfigured, "opencity.not_the_api"),
    408: (Deferred, "opencity.busy"),
    413: (Rejected, "opencity.bad_request"),
    415: (Misconfigured, "opencity.not_the_api"),
    422: (Rejected, "opencity.bad_request"),
    429: (Deferred, "opencity.busy"),
}


@dataclass(frozen=True, slots=True)
class Messages:
    """The steps of a delivery."""

    session: Session
    now: Callable[[], float] = time.time

    def advance(self, notice: Notice, memo: Memo) -> Done | Continue:
        """One step; see `contracts.connector.Advance`."""
        application = _application(notice)
        match memo.get("step"):
            case None:
                self._is_the_citizens(application, notice)
                return Continue({"step": "send", "at": int(self.now())}, unsafe=True)
            case "send":
                return self._write(application, notice)
            case _:
                # Written by another version: whether the message has left cannot be told.
                raise Unconfirmed("opencity.memo_unknown")

    def lookup(self, notice: Notice, memo: Memo) -> Done | None:
        """Whether the message is there. Where it is not, and may still come, Deferred."""
        application = _application(notice)
        answer = self.session.get(f"/applications/{application}/messages", {"version": "1"})
        if answer.status not in (200, 404):
            raise failure_of(ASK, answer)
        messages = rows(content_of(answer)) if answer.status == 200 else []
        for each in messages:
            if isinstance(each, Mapping) and reference(notice) in str(each.get("message")):
                return Done(str(each["id"]) if is_identifier(each.get("id")) else None)
        waited = self.now() - memo.get("at", 0)
        if waited < self.session.settings.settle_s:
            left = timedelta(seconds=self.session.settings.settle_s - max(0, waited))
            raise Deferred("opencity.may_still_come", after=left, about="message")
        return None

    def preview(self, notice: Notice) -> tuple[Preview, ...]:
        """The message. The operator's token goes in a header, and is not shown."""
        url = f"{self.session.settings.base_url}/applications/{_application(notice)}/messages"
        return (Preview(f"POST {url}", fields_of(self._body(notice))),)

    def _is_the_citizens(self, application: str, notice: Notice) -> None:
        """Raises Rejected where the application is another's: its applicant would read the message."""
        answer = self.session.get(f"/applications/{application}", {"version": "2"})
        if answer.status != 200:
            raise failure_of(ASK, answer)
        record = content_of(answer)
        if not isinstance(record, Mapping) or record.get("id") != application:
            raise Deferred("opencity.unreadable", "not the application")
        try:
            applicant = mapping.applicant(record, self.session.settings)
        except Fault as fault:
            raise Rejected(fault.code, "the application does not say whose it is") from None
        if applicant["tax_code"] != notice.tax_code:
            raise Rejected("opencity.another_applicant")

    def _write(self, application: str, notice: Notice) -> Done:
        answer = self.session.post(f"/applications/{application}/messages", self._body(notice))
        if answer.status == 201:
            name = answer.object().get("id")
            if not is_identifier(name):
                raise Unconfirmed("opencity.unreadable", "status 201 without an id")
            return Done(name)
        if answer.status in SEND or 300 <= answer.status < 400:
            raise failure_of(SEND, answer)
        if 400 <= answer.status < 500:
            raise Rejected("opencity.bad_request", f"status {answer.status}")
        raise Unconfirmed("opencity.no_clear_answer", f"status {answer.status}")

    def _body(self, notice: Notice) -> dict[str, Any]:
        hidden = self.session.settings.reference == "comment"
        subject = words_of(notice)[0] if notice.sensitive else notice.title
        # Without `visibility` the answer is 500; version 2.13 passes over `subject`.
        return {
            "subject": line(subject, 200),
            "message": written(notice, hidden_reference=hidden),
            "visibility": mapping.APPLICANT,
        }


def _application(notice: Notice) -> str:
    """Raises Skipped where the notice is about no application of OpenCity."""
    if notice.application is None or not is_identifier(notice.application):
        raise Skipped("opencity.no_application")
    return notice.application
