"""The bytes of an application's files, asked for with the operator's token, one call each.

The address is made of the ids of the application, the message and the file: what a record gives as `url` is not called,
nor is where an answer redirects to, so that the token goes to the tenant alone. A file that cannot be had goes to the
quarantine (`passing.py` says when), and is asked for again from there.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.base.http import Answer
from contracts.failures import Deferred, Failure
from contracts.faults import bilingual
from contracts.inbound import Found

from . import mapping
from .config import Settings
from .documents import File, document, is_of
from .fields import IN_VAIN, Fault, identifier
from .session import GONE, READ, Session, failure_of

_WAITED_FOR = (408, 429, 502, 503, 504)


@dataclass(slots=True)
class Files:
    """Fetches files, over a session."""

    session: Session
    settings: Settings

    def found(self, file: File, about: Mapping[str, Any]) -> Found:
        """The file as a document, or why it is none.

        Raises:
            Deferred: it is to be asked for again: OpenCity is away, or what came may be a gateway's passing page.
            Misconfigured: the login is refused.
        """
        application = identifier(about, "id")
        return document(file, about, self.settings, lambda extension: self._of(application, file, extension))

    def lost(self, file: File, about: Mapping[str, Any], failure: Failure) -> Found:
        """The file where it could not be had."""

        def asked(_extension: str) -> bytes:
            raise Fault("", failure.reason, IN_VAIN)

        return document(file, about, self.settings, asked)

    def read(self, data: bytes) -> Iterable[Found]:
        """What stands in the quarantine, again: a file is asked for anew."""
        kept = _kept(data)
        if kept is None:
            yield from mapping.read(data, self.settings)
            return
        file, about = kept

        def asked(extension: str) -> bytes:
            try:
                return self._of(identifier(about, "id"), file, extension)
            except Failure as failure:
                raise Fault(
                    "", failure.reason, bilingual("chiesto di nuovo invano", "asked for again in vain")
                ) from None

        yield document(file, about, self.settings, asked)

    def _of(self, application: str, file: File, extension: str) -> bytes:
        # Messages are known in version 1.
        version = "1" if file.kind == "messages" else "2"
        return self.fetch(file.path_in(application), version, extension)

    def fetch(self, path: str, version: str, extension: str) -> bytes:
        """The bytes at a path of the API, of a file of that kind.

        Raises:
            Fault: it cannot be had, or is none.
            Deferred, Misconfigured: as `found`.
        """
        most = self.settings.largest_file
        answer = self.session.get(path, {"version": version}, most_bytes=most, accept="*/*")
        if answer.status in GONE:
            raise Fault(
                "", "opencity.file_gone", bilingual(f"status {answer.status}: non c'è più", f"status {answer.status}")
            )
        if answer.status in _WAITED_FOR:
            raise failure_of(READ, answer)
        if answer.status == 200 and _announced_size(answer) > most:
            raise Fault(
                "",
                "opencity.file_too_large",
                bilingual(f"più di {most} byte (largest_file)", f"more than {most} bytes (largest_file)"),
            )
        if reason := _fault(answer, extension):
            # It may be a gateway's passing page.
            raise Deferred(reason, f"status {answer.status}")
        return answer.body


def _fault(answer: Answer, extension: str) -> str:
    """What is wrong with an answer that was hoped to be a file; empty where nothing is."""
    if 300 <= answer.status < 400:
        return "opencity.file_redirected"
    if answer.status >= 500:
        return "opencity.file_breaks"
    if answer.status != 200:
        return "opencity.file_refused"
    if not answer.complete:
        # Cut, too slow, or too large without saying so.
        return "opencity.file_incomplete"
    return "" if is_of(extension, answer.body) else "opencity.file_not_its_type"


def _announced_size(answer: Answer) -> int:
    value = answer.headers.get("content-length", "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else 0


def _kept(data: bytes) -> tuple[File, Mapping[str, Any]] | None:
    """A file of the quarantine and its application; None for what is another thing."""
    try:
        told = json.loads(data)
        if told["kind"] != "file":
            return None
        file = File(told["file_kind"], told["record"], told.get("message", {}))
        file.path_in(identifier(told["application"], "id"))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, Fault):
        return None
    return file, told["application"]
