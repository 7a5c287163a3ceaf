"""The file of a document: uploaded with its signature, and read in ranges (BULK_RESOURCE_REST, modi 3)."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_bytes, token_hex
from typing import Any, Final

import httpx

from hub.security.digest import digest_header
from hub.security.sign import SigningKey, sign_portal_request

from .case import ACCEPTED, REFUSED, UNSUPPORTED, Expected
from .changes import without
from .draft import SIG
from .several import Play, Stage, judged
from .wire import Answer

MEDIA_TYPE: Final = "application/pdf"
_FILE: Final = b"%PDF-1.7\n" + b"conformance " * 200 + b"\n%%EOF\n"
_OTHER: Final = Expected("400/409/422", frozenset({400, 409, 422}))
_OTHER_TYPE: Final = Expected("400/415/422", UNSUPPORTED.statuses - {401} | {422})
_LONG: Final = Expected("400/413/422", frozenset({400, 413, 422}))
_UNKNOWN: Final = Expected("404", frozenset({404}))
_WHOLE: Final = Expected("200", frozenset({200}))
_PART: Final = Expected("206", frozenset({206}))
_UNSATISFIABLE: Final = Expected("416", frozenset({416}))
_IGNORED: Final = Expected("200/400/416", frozenset({200, 400, 416}))


def _file() -> bytes:
    return _FILE + token_bytes(16).hex().encode()


def _announced(on: Stage, content: bytes) -> tuple[Answer, str]:
    """A document whose file is still to come, and its place."""
    item = json.loads(on.publishes())
    for name in ("kind", "body_markdown"):
        item.pop(name, None)
    item |= {
        "doc_type": "certificato",
        "filename": "conformance.pdf",
        "media_type": MEDIA_TYPE,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    answer = on.send(on.ask("POST", "/documents", json.dumps(item).encode()).build())
    told = answer.json()
    item_id = told.get("item_id", "") if isinstance(told, dict) else ""
    if item_id:
        on.published(item_id)
    return answer, item_id


def _place(item_id: str) -> str:
    return f"/documents/{item_id or '00000000-0000-7000-8000-000000000000'}/content"


def _put(on: Stage, item_id: str, content: bytes, media_type: str = MEDIA_TYPE) -> Answer:
    return on.send(on.ask("PUT", _place(item_id), content, media_type).build())


def _uploaded(on: Stage) -> tuple[str, str]:
    content = _file()
    first, item_id = _announced(on, content)
    built = on.ask("PUT", _place(item_id), content, MEDIA_TYPE).build()
    answer = on.send(built)
    told, faults = judged([first, answer], ACCEPTED, ACCEPTED)
    return told, faults or on.receipt_faults(answer, built)


def _again(on: Stage) -> tuple[str, str]:
    content = _file()
    first, item_id = _announced(on, content)
    return judged([first, _put(on, item_id, content), _put(on, item_id, content)], ACCEPTED, ACCEPTED, ACCEPTED)


def _changed_on_the_way(on: Stage) -> tuple[str, str]:
    content = _file()
    first, item_id = _announced(on, content)
    draft = on.ask("PUT", _place(item_id), content, MEDIA_TYPE)
    draft.body = content[:-1] + b"!"
    return judged([first, on.send(draft.build())], ACCEPTED, REFUSED)


def _unsigned(on: Stage) -> tuple[str, str]:
    content = _file()
    first, item_id = _announced(on, content)
    draft = on.ask("PUT", _place(item_id), content, MEDIA_TYPE)
    without(SIG)(draft)
    return judged([first, on.send(draft.build())], ACCEPTED, REFUSED)


def _other_file(on: Stage) -> tuple[str, str]:
    """Signed, but not the file whose hash was announced."""
    content = _file()
    first, item_id = _announced(on, content)
    return judged([first, _put(on, item_id, content[:-1] + b"!")], ACCEPTED, _OTHER)


def _longer(on: Stage) -> tuple[str, str]:
    content = _file()
    first, item_id = _announced(on, content)
    return judged([first, _put(on, item_id, content + b"!")], ACCEPTED, _LONG)


def _other_type(on: Stage) -> tuple[str, str]:
    content = _file()
    first, item_id = _announced(on, content)
    return judged([first, _put(on, item_id, content, "image/png")], ACCEPTED, _OTHER_TYPE)


def _of_nothing(on: Stage) -> tuple[str, str]:
    return judged([_put(on, "", _file())], _UNKNOWN)


def _play(name: str, it: str, en: str, expected: str, act: Any) -> Play:
    return Play(name, it, en, expected, act, "bulk", own_api=True)


PLAYS: Final = (
    _play("file-uploaded", "file caricato e firmato", "a file is uploaded, signed", "2xx", _uploaded),
    _play("file-again", "lo stesso file due volte", "the same file twice", "2xx", _again),
    _play(
        "file-changed",
        "file cambiato dopo la firma",
        "the file was changed after signing",
        REFUSED.name,
        _changed_on_the_way,
    ),
    _play("file-unsigned", "file senza firma", "a file without signature", REFUSED.name, _unsigned),
    _play(
        "file-other", "un file diverso da quello annunciato", "another file than announced", _OTHER.name, _other_file
    ),
    _play("file-longer", "un file più lungo dell'annunciato", "a longer file than announced", _LONG.name, _longer),
    _play(
        "file-other-type",
        "un tipo diverso dall'annunciato",
        "another type than announced",
        _OTHER_TYPE.name,
        _other_type,
    ),
    _play("file-of-nothing", "file di nessun documento", "a file of no document", "404", _of_nothing),
)


@dataclass(frozen=True, slots=True)
class Portal:
    """Who reads the citizen's documents: the portal's key and names (`raccordo portal add`)."""

    iss: str
    aud: str
    key: SigningKey
    tax_code: str


def range_plays(portal: Portal, http: httpx.Client, base: str) -> tuple[Play, ...]:
    """The file read back as the municipality's portal reads it; a range is outside INTEGRITY_REST, and unsigned."""

    def read(item_id: str, headers: Mapping[str, str] = {}, *, method: str = "GET", signed: bool = True) -> Answer:
        sent = {**headers, "accept-encoding": "identity"}
        if signed:
            sent |= sign_portal_request(
                portal.key,
                iss=portal.iss,
                aud=portal.aud,
                sub=f"conformance-{token_hex(4)}",
                fiscal_number=f"TINIT-{portal.tax_code}",
                now=datetime.now(UTC),
            )
        return Answer(http.request(method, f"{base}/feed/v1{_place(item_id)}", headers=sent), 0.0)

    def uploaded(on: Stage) -> tuple[bytes, str]:
        content = _file()
        _, item_id = _announced(on, content)
        _put(on, item_id, content)
        return content, item_id

    def ranged(header: str, start: int | None, end: int | None) -> Any:
        def act(on: Stage) -> tuple[str, str]:
            content, item_id = uploaded(on)
            answer = read(item_id, {"Range": header})
            told, faults = judged([answer], _PART)
            first, last, _ = slice(start, end).indices(len(content))
            wanted = f"bytes {first}-{last - 1}/{len(content)}"
            if faults:
                return told, faults
            if answer.response.headers.get("content-range") != wanted:
                return told, f"Content-Range is not {wanted}"
            return told, "" if answer.response.content == content[first:last] else "other bytes than those asked for"

        return act

    def whole(on: Stage) -> tuple[str, str]:
        content, item_id = uploaded(on)
        head, answer = read(item_id, method="HEAD"), read(item_id)
        told, faults = judged([head, answer], _WHOLE, _WHOLE)
        digest = digest_header(content)
        if faults:
            return told, faults
        if head.response.headers.get("accept-ranges") != "bytes":
            return told, "HEAD does not say Accept-Ranges: bytes"
        if head.response.headers.get("content-length") != str(len(content)):
            return told, "HEAD does not say how long the file is"
        if answer.response.headers.get("digest", digest) != digest:
            return told, "Digest is not that of the file"
        return told, "" if answer.response.content == content else "other bytes than those uploaded"

    def expected(headers: Mapping[str, str], wanted: Expected, *, signed: bool = True) -> Any:
        def act(on: Stage) -> tuple[str, str]:
            content, item_id = uploaded(on)
            answer = read(item_id, headers, signed=signed)
            told, faults = judged([answer], wanted)
            if (
                not faults
                and answer.status == 416
                and answer.response.headers.get("content-range") != f"bytes */{len(content)}"
            ):
                return told, "416 does not say how long the file is"
            if not faults and answer.status == 200 and answer.response.content != content:
                return told, "other bytes than those uploaded"
            return told, faults

        return act

    return (
        _play("range-whole", "HEAD, poi il file intero", "HEAD, then the whole file", "200, 200", whole),
        _play("range-first", "i primi 10 byte", "the first 10 bytes", "206", ranged("bytes=0-9", 0, 10)),
        _play(
            "range-rest", "dal byte 100 alla fine", "from byte 100 to the end", "206", ranged("bytes=100-", 100, None)
        ),
        _play("range-last", "gli ultimi 5 byte", "the last 5 bytes", "206", ranged("bytes=-5", -5, None)),
        _play(
            "range-beyond",
            "oltre la fine",
            "beyond the end",
            "416",
            expected({"Range": "bytes=99999999-"}, _UNSATISFIABLE),
        ),
        _play(
            "range-malformed",
            "Range malformato",
            "a malformed range",
            _IGNORED.name,
            expected({"Range": "bytes=9-1"}, _IGNORED),
        ),
        _play(
            "range-unit",
            "unità sconosciuta: tutto il file",
            "an unknown unit: the whole file",
            "200",
            expected({"Range": "lines=0-1"}, _WHOLE),
        ),
        _play(
            "range-if-range",
            "If-Range di un altro file: tutto il file",
            "If-Range of another file: the whole file",
            "200",
            expected({"Range": "bytes=0-9", "If-Range": '"another"'}, _WHOLE),
        ),
        _play(
            "range-unsigned",
            "lettura senza token",
            "a read without tokens",
            REFUSED.name,
            expected({"Range": "bytes=0-9"}, REFUSED, signed=False),
        ),
    )
