"""What IO asks for when a citizen opens a message whose text or files stay here (io-remote-content-server.yaml):

    GET messages/{id}                    text and files
    GET messages/{id}/precondition       what is shown before
    GET messages/{id}/{attachment_url}   a file

`id` is the delivery's, which the message bore as `third_party_data.id`. Who asks is proved by the registered key and,
where the configuration at IO has it, by LolliPoP; that the message is his is the hub's own knowledge. Whatever does not
hold is refused, with one body for all causes.
"""

import hmac
import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import unquote

from contracts.answering import AttachedFile, Call, Reading, Reply, SentMessage
from contracts.connector import Notice
from contracts.identifiers import TAX_CODE_FORM

from .lollipop import NotProved, Possession, Unreachable, verify
from .text import markdown, subject

log = logging.getLogger(__name__)

RETRY_S: Final = 120
_FILES: Final = "files/"
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Possessing:
    """How a configuration with LolliPoP is checked. `owner` raises NotProved or Unreachable. Two are equal where what
    is proved by one would have been by the other."""

    original_url: re.Pattern[str]
    disabled_for: frozenset[str]
    owner: Callable[[Possession, Call], str] = field(compare=False)


@dataclass(frozen=True, slots=True)
class Serving:
    """One registered configuration of remote content."""

    header: str
    key: str = field(repr=False)
    lollipop: Possessing | None
    precondition: tuple[str, str] | None
    """Title and Markdown."""

    def answers_for(self, other: "Serving") -> bool:
        """Whether who was let in by this one may have what belongs to the other: the same key, and no less proved."""
        return (self.header, self.key) == (other.header, other.key) and other.lollipop in (None, self.lollipop)


@dataclass(frozen=True, slots=True)
class RemoteContentServer:
    """Answers IO's calls; see `contracts.answering.Answer`."""

    others: Serving | None
    """Of the services that have none of their own."""
    own: Mapping[str, Serving | None] = field(default_factory=dict)
    """By the code of the service; None where its content does not stay here."""

    @property
    def served(self) -> list[Serving]:
        """Those with LolliPoP last: of several with one key they say who reads."""
        found = [each for each in (self.others, *self.own.values()) if each is not None]
        return sorted(found, key=lambda each: each.lollipop is not None)

    def answer(self, call: Call, reading: Reading) -> Reply:
        try:
            serving = self._caller(call)
            reader = _reader(call, serving.lollipop)
        except NotProved as cause:
            log.warning("io.remote_content.refused cause=%s", cause.code)
            return problem(cause.status)
        except Unreachable as cause:
            log.warning("io.remote_content.unproved cause=%s", cause)
            return problem(503)
        return self._found(call.path, serving, reader, reading)

    def _caller(self, call: Call) -> Serving:
        """The configuration whose key the call bears; each is compared, so that time tells nothing."""
        if call.method != "GET" or call.body or call.query:
            raise NotProved("form.request", 400)
        found = None
        for serving in self.served:
            given = call.header(serving.header) or ""
            if hmac.compare_digest(given.encode(), serving.key.encode()):
                found = serving
        if found is None:
            raise NotProved("key", 401)
        return found

    def _found(self, path: str, caller: Serving, reader: str, reading: Reading) -> Reply:
        start, _, rest = path.partition("/")
        name, slash, wanted = rest.partition("/")
        if start != "messages" or _ID.fullmatch(name) is None or (slash and not wanted):
            return problem(404)
        message = reading.message(name, reader)
        if message is None or message.withdrawn or message.sensitive:
            return problem(404)
        serving = self.own.get(message.service_id or "", self.others)
        if serving is None or not caller.answers_for(serving):
            # The key of one service opens no message of another, which may ask for more proof.
            log.warning("io.remote_content.refused cause=other_service")
            return problem(404)
        if not wanted:
            return _json(200, details(message))
        if wanted == "precondition":
            if serving.precondition is None:
                return problem(404)
            title, text = serving.precondition
            return _json(200, {"title": title, "markdown": text})
        return _file(unquote(wanted), message, reader, reading)


def _reader(call: Call, lollipop: Possessing | None) -> str:
    """The tax code of who reads."""
    reader = call.header("fiscal_code")
    if reader is None or re.fullmatch(TAX_CODE_FORM, reader) is None:
        raise NotProved("form.fiscal_code", 400)
    if lollipop is None or reader in lollipop.disabled_for:
        return reader
    if lollipop.owner(verify(call, lollipop.original_url), call) != reader:
        raise NotProved("reader")
    return reader


def details(message: SentMessage) -> dict[str, Any]:
    """IO's RemoteContentDetailsResponse: the text as the message would have borne it, and the files."""
    notice = Notice(
        delivery_id=message.delivery_id,
        ente_name=message.ente_name,
        kind="info",
        language=message.language,
        created_at=message.created_at,
        deep_link=message.deep_link,
        tax_code="",
        email=None,
        title=message.title,
        body_markdown=message.body_markdown,
    )
    return {
        "details": {"subject": subject(notice), "markdown": markdown(notice)},
        "attachments": [
            {
                "id": each.file_id,
                "url": f"{_FILES}{each.file_id}",
                "name": each.filename,
                "content_type": each.media_type,
                "category": "DOCUMENT",
            }
            for each in message.files
        ],
    }


def _file(wanted: str, message: SentMessage, reader: str, reading: Reading) -> Reply:
    """A file by one of the names that the details gave out, and no other: nothing is looked for by a path."""
    named: Mapping[str, AttachedFile] = {f"{_FILES}{each.file_id}": each for each in message.files}
    if wanted not in named:
        return problem(404)
    content = reading.file(message.delivery_id, reader, named[wanted].file_id)
    # It was announced and is about to come: the app asks again.
    return problem(503) if content is None else Reply(200, content, "application/octet-stream")


def problem(status: int) -> Reply:
    """The same body for every cause of a status; the cause is in the log alone."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    headers = {"Retry-After": str(RETRY_S)} if status == 503 else {}
    return Reply(status, json.dumps(body).encode(), "application/problem+json", headers)


def _json(status: int, body: Mapping[str, Any]) -> Reply:
    return Reply(status, json.dumps(body, ensure_ascii=False).encode())
