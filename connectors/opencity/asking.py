"""One record of a tenant, asked for by its own id: for webhooks, for the quarantine, and where one seems to be gone."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from connectors.base.http import Answer
from contracts.failures import Deferred, Failure
from contracts.faults import bilingual
from contracts.inbound import Found, Parts, Wrong

from . import mapping
from .config import Settings
from .fields import is_identifier
from .lists import MOST_BYTES, mapped, part, rows
from .passing import mended, passed_over
from .places import LISTS
from .session import GONE, Session, read

_ALL_OF: Mapping[str, str] = {"application": "/applications", "archive": "/documents"}
"""The kinds of records that can be asked for by name, and where they are listed."""
PARTS: Parts = {"application/": {"messages": "message/", "payments": "payment/", "documents": "file/"}}
"""What of an application can only be asked for below its own address."""
_NOT_OURS = (400, 403)
_QUESTIONS: Mapping[str, str] = {f"{kind}-of": kind for kind in ("message", "payment", "file")}
_IN_SWEEPS = Wrong(
    "",
    "opencity.read_in_sweeps",
    bilingual("un elenco: lo rilegge il prossimo giro", "a list: the next sweep reads it again"),
)


@dataclass(frozen=True, slots=True)
class Records:
    """Asks for them, over a session."""

    session: Session
    settings: Settings

    def application(self, name: str) -> Mapping[str, Any] | None:
        """An application as it is now; None where OpenCity has none by that name, or no more."""
        answer = self._one(f"/applications/{name}")
        return None if answer.status in GONE else _record(read(answer))

    def message(self, application: str, message: str) -> Mapping[str, Any] | None:
        """A message of an application; None as above."""
        answer = self.session.get(f"/applications/{application}/messages/{message}", {"version": "1"})
        return None if answer.status in GONE else _record(read(answer))

    def messages(self, application: str) -> list[Any]:
        """All of an application."""
        # Version 1: the list whose form is known. Version 2 has pages, and 404 for none.
        path = f"/applications/{application}/messages"
        answer = self.session.get(path, {"version": "1"}, most_bytes=MOST_BYTES)
        return [] if answer.status == 404 else rows(read(answer))

    def found_in(self, messages: list[Any], about: Mapping[str, Any]) -> Iterator[Found]:
        """What comes of the messages of an application."""
        its = messages if "messages" in self.settings.collections else []
        return mapped("message", its, partial(mapping.message, about=about, settings=self.settings))

    def payments(self, about: Mapping[str, Any]) -> Iterator[Found]:
        """What comes of the payments of an application."""
        query = {"version": "2", "remote_id": str(about["id"])}
        answer = self.session.get("/payments", query, most_bytes=MOST_BYTES)
        listed = [] if answer.status == 404 else rows(read(answer))
        # Without the filter, or where it is passed over, all of the body's payments come.
        its = [one for one in listed if not isinstance(one, Mapping) or one.get("remote_id") == about["id"]]
        return mapped("payment", its, partial(mapping.payment, about=about, settings=self.settings))

    def read(self, data: bytes) -> Iterator[Found] | None:
        """What was passed over and stands in the quarantine, again; None for what is another thing."""
        try:
            told = json.loads(data)
            kind, application = told["kind"], told.get("application", {}).get("id")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None
        if kind in LISTS:
            return iter((Found(kind, data, wrong=(_IN_SWEEPS,)),))
        if kind in _QUESTIONS and is_identifier(application):
            return self._again(_QUESTIONS[kind], application)
        return None

    def _again(self, kind: str, application: str) -> Iterator[Found]:
        lost = f"{kind}-of"
        try:
            about = self.application(application)
            found: Iterator[Found] = iter(())
            if about is not None and kind == "message":
                found = self.found_in(self.messages(application), about)
            elif about is not None and kind == "payment":
                found = self.payments(about)
        except Failure as failure:
            yield passed_over(lost, failure, application=application)
            return
        yield from found
        yield mended(lost, application)

    def look(self, name: str) -> Found | None:
        """See `contracts.inbound.Look`. A tenant that has broken may deny all that it has: what it lists has to be
        there by its name, before it is believed that something else is not."""
        kind, _, its_id = name.partition("/")
        if kind not in _ALL_OF or not is_identifier(its_id):
            # All lists of subscriptions were read, and there is nothing else to be asked (spec/opencity.md, 10).
            return mapping.gone(name) if kind == "subscription" else None
        answer = self._one(f"{_ALL_OF[kind]}/{its_id}")
        if answer.status in GONE:
            self._holds_what_it_lists(_ALL_OF[kind])
            return mapping.gone(name)
        if answer.status in _NOT_OURS:
            return None
        record = _record(read(answer))
        return mapping.application(record, self.settings) if kind == "application" else None

    def _one(self, path: str) -> Answer:
        return self.session.get(path, {"version": "2"}, most_bytes=MOST_BYTES)

    def _holds_what_it_lists(self, path: str) -> None:
        listed = rows(read(part(self.session, path, 0, 1)))
        names = (one["id"] for one in listed if isinstance(one, Mapping) and is_identifier(one.get("id")))
        name = next(names, None)
        if name is not None:
            answer = self._one(f"{path}/{name}")
            if answer.status not in GONE:
                read(answer)
                return
        raise Deferred("opencity.denies_all", "what it lists is not there by its own id, or it lists nothing")


def _record(content: Any) -> Mapping[str, Any]:
    if not isinstance(content, Mapping) or not is_identifier(content.get("id")):
        raise Deferred("opencity.unreadable", "not a record")
    return content
