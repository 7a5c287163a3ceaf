"""Files of an application, which become documents, without any I/O: which there are, what is said of each, and whether
the bytes are what its name says. OpenCity tells neither size, nor digest, nor type (spec/opencity.md, 5.2)."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from contracts.base import rfc3339
from contracts.faults import bilingual
from contracts.inbound import Found

from . import mapping
from .config import FileKind, Settings
from .fields import Fault, code, identifier, is_identifier, moment, moment_or_none, string
from .text import line

MOST_FILES = 200
"""Of one application; those beyond are not read."""

_DOC = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
# What OpenCity takes as attachments (spec/opencity.md, 7), and how such files begin; () where they do so in no one way.
TYPES: Mapping[str, tuple[str, tuple[bytes, ...]]] = {
    "pdf": ("application/pdf", (b"%PDF-",)),
    "doc": ("application/msword", (b"\xd0\xcf\x11\xe0",)),
    "docx": (_DOC, (b"PK\x03\x04",)),
    "odt": ("application/vnd.oasis.opendocument.text", (b"PK\x03\x04",)),
    "zip": ("application/zip", (b"PK\x03\x04", b"PK\x05\x06")),
    "png": ("image/png", (b"\x89PNG\r\n\x1a\n",)),
    "jpg": ("image/jpeg", (b"\xff\xd8\xff",)),
    "jpeg": ("image/jpeg", (b"\xff\xd8\xff",)),
    "gif": ("image/gif", (b"GIF8",)),
    # CMS as DER, PEM or bare base64 of DER.
    "p7m": ("application/pkcs7-mime", (b"0", b"-----BEGIN", b"MI")),
    "p7c": ("application/pkcs7-mime", (b"0", b"-----BEGIN", b"MI")),
    "txt": ("text/plain", ()),
}
_MARKUP = (b"<!doctype", b"<html", b"<?xml")
_TITLES: Mapping[str, tuple[str, str]] = {
    "attachments": ("application-attachment", "Allegato della pratica"),
    "compiled_modules": ("application-form", "Modulo inviato"),
    "outcome": ("application-outcome", "Esito della pratica"),
    "integrations": ("application-integration", "Integrazione della pratica"),
    "messages": ("message-attachment", "Allegato di un messaggio"),
}
"""Type of the document, and its title where the file says none."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of an application, as the application lists it, or the message that it is attached to."""

    kind: FileKind
    record: Mapping[str, Any]
    message: Mapping[str, Any] = field(default_factory=dict)
    """Of its message what is needed; empty for a file of the application itself."""

    @property
    def name(self) -> str:
        return identifier(self.record, "id")

    def path_in(self, application: str) -> str:
        """Where its bytes are."""
        its = f"/messages/{identifier(self.message, 'id')}" if self.kind == "messages" else ""
        return f"/applications/{application}{its}/attachments/{self.name}"


def files_of(record: Mapping[str, Any], settings: Settings) -> tuple[File, ...]:
    """The files that the citizen may see now, each once, by name: what was decided and is still to be protocolled is
    not among them, nor is a request for integration that was not made yet."""
    try:
        its = mapping.standing(record)
    except Fault:
        return ()
    found: dict[str, File] = {}
    for kind in settings.files:
        if kind in ("messages", "archive"):
            continue  # which the application does not list
        if (kind == "outcome" and its.outcome is None) or (kind == "integrations" and record.get("status") == "4100"):
            continue
        for one in _listed(record, kind):
            if isinstance(one, Mapping) and is_identifier(one.get("id")):
                found.setdefault(str(one["id"]), File(kind, one))
    return tuple(found[name] for name in sorted(found)[:MOST_FILES])


def enclosed_in(messages: Iterable[Any]) -> tuple[File, ...]:
    """The files attached to messages of one application, each once, by name; not those of the office's own notes."""
    found: dict[str, File] = {}
    for one in messages:
        if (
            not isinstance(one, Mapping)
            or one.get("visibility") != mapping.APPLICANT
            or not is_identifier(one.get("id"))
        ):
            continue
        its = {name: one.get(name) for name in ("id", "sent_at", "created_at")}
        for each in _list(one, "attachments"):
            if isinstance(each, Mapping) and is_identifier(each.get("id")):
                found.setdefault(str(each["id"]), File("messages", each, its))
    return tuple(found[name] for name in sorted(found)[:MOST_FILES])


def _listed(record: Mapping[str, Any], kind: FileKind) -> Iterator[Any]:
    if kind == "outcome":
        yield record.get("outcome_file")
        yield from _list(record, "outcome_attachments")
    elif kind == "integrations":
        for each in _list(record, "integrations"):
            for side in ("outbound", "inbound"):
                one = each.get(side) if isinstance(each, Mapping) else None
                if isinstance(one, Mapping):
                    yield one
                    yield from _list(one, "attachments")
    else:
        yield from _list(record, kind)


def _list(record: Mapping[str, Any], name: str) -> list[Any]:
    value = record.get(name)
    return value if isinstance(value, list) else []


def document(file: File, about: Mapping[str, Any], settings: Settings, fetch: Callable[[str], bytes]) -> Found:
    """The file as a document of the application `about`, with its content. `fetch` gives the bytes of a file of that
    extension, or raises Fault; it is not called where they could not be used."""
    told = {**mapping.about_of(about), **{name: about.get(name) for name in ("created_at", "creation_time")}}
    fetched: list[bytes] = []

    def make() -> tuple[str, dict[str, Any]]:
        item, extension = _announced(file, about, settings)
        fetched.append(fetch(extension))
        size, sha256 = len(fetched[0]), hashlib.sha256(fetched[0]).hexdigest()
        return "documents", mapping.given(item | {"size": size, "sha256": sha256})

    its = {"message": file.message} if file.message else {}
    found = mapping.found_of("file", file.record, {"application": told, "file_kind": file.kind, **its}, make)
    assert found is not None
    return replace(found, content=fetched[0]) if found.item is not None else found


def _announced(file: File, about: Mapping[str, Any], settings: Settings) -> tuple[dict[str, Any], str]:
    extension, filename = filename_of(file.record, ("originalName", "name"))
    doc_type, title = _TITLES[file.kind]
    title = string(file.record, "description") or string(file.record, "originalName") or title
    item = mapping.envelope(file.record, settings, title, mapping.applicant(about, settings))
    said = moment_or_none(file.record, "created_at") or moment_or_none(file.message, "sent_at", "created_at")
    at = said or moment(about, "created_at", "creation_time")
    media_type = TYPES[extension][0]
    item |= {
        "occurred_at": rfc3339(at),
        "service_id": settings.service_of(code(about, "service"), code(about, "service_id")),
        "doc_type": doc_type,
        "form": "pdf" if extension == "pdf" else "other",
        "filename": filename,
        "media_type": media_type,
        "links": [{"rel": "application", "external_id": identifier(about, "id")}],
    }
    return item, extension


def filename_of(record: Mapping[str, Any], members: tuple[str, ...]) -> tuple[str, str]:
    """The extension, and a name that ends in it, of the first of the members that has one. Raises Fault where OpenCity
    itself would not have taken it."""
    for member in members:
        name = line((string(record, member) or "").replace("\\", "/").rpartition("/")[2], 255)
        stem, _, extension = name.rpartition(".")
        if stem and extension.lower() in TYPES:
            return extension.lower(), f"{stem[: 119 - len(extension)]}.{extension}"
    raise Fault(
        f"/{members[0]}",
        "opencity.file_type",
        bilingual("un nome senza un'estensione di documenti", "a name with none of the extensions of documents"),
    )


def is_of(extension: str, content: bytes) -> bool:
    """Whether the bytes begin as files of that extension do: a page that says why there is no file is none."""
    beginnings = TYPES[extension][1]
    if beginnings:
        # Something may stand before the header of a PDF (ISO 32000-1, annex H.3.4.1).
        return content.startswith(beginnings) or (extension == "pdf" and b"%PDF-" in content[:1024])
    return bool(content) and b"\0" not in content and not content.lstrip()[:20].lower().startswith(_MARKUP)
