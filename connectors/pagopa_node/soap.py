"""SOAP 1.1 over HTTP: what an envelope holds, and how it is answered (W3C Note of 8 May 2000, chapters 4 to 6)."""

from typing import Final, Literal
from xml.etree.ElementTree import Element, SubElement, register_namespace

from contracts.answering import Call, Reply

from .xml import Node, Parts, Unreadable, fill, parse, write

ENVELOPE: Final = "http://schemas.xmlsoap.org/soap/envelope/"
PA: Final = "http://pagopa-api.pagopa.gov.it/pa/paForNode.xsd"
MEDIA_TYPE: Final = "text/xml; charset=utf-8"

_PREFIX: Final = "soapenv"
# For all that this process writes in these namespaces: `faultcode` holds a qualified name as its text.
register_namespace(_PREFIX, ENVELOPE)
register_namespace("paf", PA)

Code = Literal["VersionMismatch", "MustUnderstand", "Client", "Server"]


class SoapFault(Exception):
    """The call is no call of SOAP that we serve. `status` is that of HTTP: 500 for all that concerns the envelope."""

    def __init__(self, code: Code, text: str, status: int = 500) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.status = status


def read(call: Call, path: str) -> Node:
    """The one element in the envelope's body, of a call to `path`. Raises SoapFault."""
    if call.path != path:
        raise SoapFault("Client", "nothing is served here", 404)
    if call.method != "POST":
        raise SoapFault("Client", "only POST is served here", 405)
    media_type = (call.header("content-type") or "").partition(";")[0].strip().lower()
    if media_type not in ("text/xml", "application/xml"):
        raise SoapFault("Client", "the content type is not text/xml", 415)
    try:
        root = parse(call.body)
    except Unreadable as error:
        raise SoapFault("Client", f"the envelope cannot be read: {error}") from None
    return content_of(root)


def content_of(root: Node) -> Node:
    """The one element in the body of an envelope. Raises SoapFault."""
    if root.name != "Envelope":
        raise SoapFault("Client", "not an envelope of SOAP")
    if root.space != ENVELOPE:
        raise SoapFault("VersionMismatch", "not an envelope of SOAP 1.1")
    for header in (one for part in root.children if part.name == "Header" for one in part.children):
        if header.attributes.get(f"{{{ENVELOPE}}}mustUnderstand") in ("1", "true"):
            raise SoapFault("MustUnderstand", "a header that is to be understood is not")
    body = root.only("Body", ENVELOPE)
    if body is None or len(body.children) != 1:
        raise SoapFault("Client", "the envelope has not one body with one element")
    return body.children[0]


def action_of(call: Call) -> str:
    """The value of SOAPAction, which SOAP 1.1 puts in quotes. Raises SoapFault where there is none."""
    action = call.header("soapaction")
    if action is None:
        raise SoapFault("Client", "the header SOAPAction is missing")
    return action.strip().removeprefix('"').removesuffix('"')


def reply(response: str, parts: Parts) -> bytes:
    """An envelope with the element `response` of paForNode."""
    envelope = Element(f"{{{ENVELOPE}}}Envelope")
    fill(SubElement(SubElement(envelope, f"{{{ENVELOPE}}}Body"), f"{{{PA}}}{response}"), parts)
    return write(envelope)


def fault(error: SoapFault) -> Reply:
    """The answer to a call that is none."""
    envelope = Element(f"{{{ENVELOPE}}}Envelope")
    found = SubElement(SubElement(envelope, f"{{{ENVELOPE}}}Body"), f"{{{ENVELOPE}}}Fault")
    fill(found, [("faultcode", f"{_PREFIX}:{error.code}"), ("faultstring", error.text)])
    headers = {"Allow": "POST"} if error.status == 405 else {}
    return Reply(error.status, write(envelope), MEDIA_TYPE, headers)
