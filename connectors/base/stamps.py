"""Digital revenue stamps (marca da bollo digitale) in a receipt of pagoPA (`MBDAttachment`), for an item of `receipts`.

What proves that the duty was paid is the file, XML that its seller signed (schema `MarcaDaBollo`, Agenzia delle
Entrate): it is kept as it came. Beside it stands what it says of itself, as far as that can be read. Its signature is
not checked here: the Agenzia has a program of its own for that, which wants the file and the stamped document.
"""

import binascii
from base64 import b64decode
from datetime import datetime
from typing import Any, Final
from xml.etree.ElementTree import Element

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring
from pydantic import TypeAdapter, ValidationError

from connectors.base.lines import one_line
from contracts.base import ROME, rfc3339
from contracts.items.receipt import PaidStamp

_STAMP: TypeAdapter[PaidStamp] = TypeAdapter(PaidStamp)
_NAMED: Final = {"number": "IUBD", "sold_at": "OraAcquisto", "document_sha256": "DigestValue"}


def stamp_of(attachment: str, amount_cents: int) -> dict[str, Any]:
    """The stamp of one transfer, as `contracts.items.receipt.PaidStamp` has it.

    Raises ValueError for what is no file of a stamp: not Base64, empty, or too large. One that cannot be read otherwise
    is kept, and says nothing of itself.
    """
    file = "".join(attachment.split())
    try:
        content = b64decode(file, validate=True)
    except binascii.Error:
        raise ValueError("not Base64") from None
    bare: dict[str, Any] = {"amount_cents": amount_cents, "file": file}
    _checked(bare)
    for name, value in _said(content).items():
        try:
            _checked(bare | {name: value})
        except ValueError:
            continue
        bare[name] = value
    return bare


def _checked(stamp: dict[str, Any]) -> None:
    try:
        _STAMP.validate_python(stamp, strict=False)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise ValueError(f"{first['loc'][0]}: {first['type']}") from None


def _said(content: bytes) -> dict[str, str]:
    """What the file says of itself; nothing where it is not as the schema has it."""
    try:
        root = fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        return {}
    # The signature has digests of its own: the document's is the one in ImprontaDocumento.
    own = [each for each in root if _name(each) in _NAMED.values()]
    own += [each for of in root if _name(of) == "ImprontaDocumento" for each in of]
    texts = {_name(each): one_line(each.text or "") for each in own}
    found = {name: texts[element] for name, element in _NAMED.items() if texts.get(element)}
    if "sold_at" in found:
        found["sold_at"] = _instant(found["sold_at"])
    return {name: text for name, text in found.items() if text}


def _instant(text: str) -> str:
    """In UTC; without a zone it is Rome's clock. Empty for what is none."""
    try:
        moment = datetime.fromisoformat(text)
        return rfc3339(moment if moment.tzinfo else moment.replace(tzinfo=ROME))
    except (ValueError, OverflowError):
        return ""


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]
