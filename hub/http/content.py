"""The file of a document over HTTP (BULK_RESOURCE_REST): whole or one range, never chunked, streamed from the store.

What RFC 9110 leaves open is decided so: a range unit that is not known is ignored (it must be, 14.2), and so are
several ranges at once, which are answered by the whole file; a malformed or unsatisfiable range is 416 (15.5.17).
"""

import hashlib
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from email.utils import format_datetime
from typing import Literal
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from contracts.faults import bilingual
from hub.errors import NotAcceptable
from hub.feed.answers import File, Picture
from hub.reading_errors import RangeInvalid

from .accepting import SVG
from .exchange import Exchange
from .turns import Slot, SlottedResponse

_ONE = re.compile(r"^(\d{0,15})-(\d{0,15})$")


def file_response(exchange: Exchange, file: File) -> Response:
    """The answer to GET or HEAD. Raises RangeInvalid."""
    request = exchange.request
    size = file.stored.size
    tag = f'"{file.sha256[:32]}"'
    modified = format_datetime(file.updated_at, usegmt=True)
    exchange.headers |= {
        "ETag": tag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(_called(file), safe='')}",
        "Document-State": file.state,
        # Of the whole file, for a part as well (RFC 3230: the digest is that of the instance).
        "Digest": f"SHA-256={b64encode(bytes.fromhex(file.sha256)).decode()}",
        "Last-Modified": modified,
    }
    if _matches(request.headers.get("if-none-match"), tag):
        return Response(status_code=304)
    if request.method == "HEAD":
        # A range is defined for GET alone (RFC 9110, 14.2).
        return Response(headers={"Content-Length": str(size)}, media_type=file.media_type)
    wanted = request.headers.get("range")
    # Compared exactly: a tag that is weak, or another one, or another date asks for the whole.
    asked = wanted is not None and request.headers.get("if-range", tag) in (tag, modified)
    part = _range(wanted, size) if wanted is not None and asked else None
    if part is None:
        return _streamed(file, 0, size, 200)
    start, end = part
    exchange.headers["Content-Range"] = f"bytes {start}-{end}/{size}"
    return _streamed(file, start, end + 1, 206)


def picture_response(exchange: Exchange, card: Picture) -> Response:
    """A card as SVG: whole, as it is now. A range of a picture that changes with the day would be of no use."""
    exchange.headers |= {
        "Accept-Ranges": "none",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": "attachment; filename*=UTF-8''tessera.svg",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        "Digest": f"SHA-256={b64encode(hashlib.sha256(card.svg).digest()).decode()}",
        "Document-State": card.state,
        "Last-Modified": format_datetime(card.updated_at, usegmt=True),
        "Vary": "Accept",
    }
    if exchange.is_known(f'"{hashlib.sha256(card.svg).hexdigest()[:32]}"'):
        return Response(status_code=304)
    if exchange.request.method == "HEAD":
        return Response(headers={"Content-Length": str(len(card.svg))}, media_type=SVG)
    return Response(card.svg, media_type=SVG)


def _called(file: File) -> str:
    """The name under which it is saved: of what holds no more, one that says so wherever the file goes."""
    return file.filename if file.state == "available" else f"NON VALIDO - {file.filename}"


def export_response(exchange: Exchange, slot: Slot, export: Callable[[bool], Iterator[bytes]]) -> Response:
    """The answer to the wish for an export: JSON, or a ZIP where that is asked for. Raises NotAcceptable."""
    suffix = export_media(exchange)
    exchange.headers["Content-Disposition"] = f'attachment; filename="export.{suffix}"'
    response = SlottedResponse(export(suffix == "zip"), media_type=f"application/{suffix}")
    response.slot = slot
    return response


def export_media(exchange: Exchange) -> Literal["json", "zip"]:
    """In which form an export is wanted. Raises NotAcceptable."""
    wanted = [
        each.partition(";")[0].strip().lower() for each in exchange.request.headers.get("accept", "*/*").split(",")
    ]
    if "application/zip" in wanted:
        return "zip"
    if not {"*/*", "application/*", "application/json"}.intersection(wanted):
        raise NotAcceptable(
            bilingual(
                "Un'esportazione è application/json o application/zip",
                "an export is application/json or application/zip",
            )
        )
    return "json"


def _streamed(file: File, start: int, end: int, status: int) -> Response:
    # With its length said, the server sends the body as it is, without chunks.
    headers = {"Content-Length": str(end - start)}
    return StreamingResponse(file.stored.read(start, end), status, headers, media_type=file.media_type)


def _matches(header: str | None, tag: str) -> bool:
    given = [each.strip().removeprefix("W/") for each in (header or "").split(",")]
    return tag in given or given == ["*"]


def _range(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte; None where the header is to be ignored. Raises RangeInvalid."""
    unit, _, ranges = header.strip().partition("=")
    if unit.lower() != "bytes":
        return None
    several = [each.strip() for each in ranges.split(",")]
    if len(several) > 1 and all(_ONE.match(each) and each != "-" for each in several):
        return None
    match = _ONE.match(several[0]) if len(several) == 1 else None
    if match is not None and match.group(1):
        start, end = int(match.group(1)), min(int(match.group(2) or size - 1), size - 1)
        if start <= end:
            return start, end
    elif match is not None and match.group(2) and int(match.group(2)) > 0 and size > 0:
        return max(0, size - int(match.group(2))), size - 1
    raise RangeInvalid(headers={"Content-Range": f"bytes */{size}"})
