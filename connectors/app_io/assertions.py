"""LolliPoP, what the identity provider says: whose key it is (spec/lollipop.md, order of verification, 4 to 9).

At the citizen's login the provider signed an assertion that answers the request `sha256-<thumbprint of the key>`. It is
fetched of IO, its signature is checked with the certificates that the provider had then, and nothing is believed that
is not in the signed element.
"""

import base64
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, TypeVar

import httpx
from cryptography import x509
from lxml import etree
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from connectors.base.http import Answer, send
from contracts.failures import Failure

from .lollipop import NotProved, Possession, Unreachable

CIE_ISSUER: Final = "https://idserver.servizicie.interno.gov.it/idp/profile/SAML2/POST/SSO"
LATEST: Final = "latest"

_KEPT = timedelta(minutes=5)
"""A revoked key shows only when IO is asked (410): minutes, not days."""
_METADATA_KEPT = timedelta(hours=1)
_MOST_KEPT = 1000
_SKEW = timedelta(seconds=60)

_SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"
_SAMLP = "{urn:oasis:names:tc:SAML:2.0:protocol}"
_MD = "{urn:oasis:names:tc:SAML:2.0:metadata}"
_DS = "{http://www.w3.org/2000/09/xmldsig#}"
_TAX_CODE_PREFIX = "TINIT-"


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Login:
    """What a provider asserted of a login."""

    tax_code: str = field(repr=False)
    in_response_to: str
    not_before: datetime


@dataclass(frozen=True, slots=True)
class Sources:
    """Where assertions and the providers' keys are. The clients bear what they need but the citizen's token."""

    assertions: httpx.Client
    """Its base is that of IO's service, its header the subscription's key."""
    idp_keys: httpx.Client
    deadline_s: float

    def assertion(self, possession: Possession) -> bytes:
        """The SAML response in which the key's request was answered."""
        path = f"/assertions/{possession.assertion_ref}"
        headers = {"x-pagopa-lollipop-auth": f"Bearer {possession.auth_jwt}"}
        answer = self._asked(self.assertions, path, headers)
        if answer.status in (400, 403, 404, 410):
            raise NotProved(f"assertion_{answer.status}")
        response = answer.object().get("response_xml") if answer.status == 200 else None
        if not isinstance(response, str):
            # 401 too: our own subscription. The citizen can do nothing about it, and it is to be repaired.
            raise Unreachable(f"assertion_{answer.status}")
        return response.encode()

    def tags(self, kind: str) -> list[str]:
        """The times (seconds) for which the providers' keys are kept, and `latest`."""
        answer = self._asked(self.idp_keys, f"/{kind}", {})
        found = _json_list(answer)
        if found is None:
            raise Unreachable("idp_keys")
        return found

    def metadata(self, kind: str, tag: str) -> bytes:
        answer = self._asked(self.idp_keys, f"/{kind}/{tag}", {})
        if answer.status != 200 or not answer.complete:
            raise Unreachable("idp_keys")
        return answer.body

    def _asked(self, http: httpx.Client, path: str, headers: Mapping[str, str]) -> Answer:
        try:
            request = http.build_request("GET", path, headers=headers)
            return send(http, request, unsafe=False, deadline_s=self.deadline_s)
        except Failure as failure:
            raise Unreachable(failure.reason) from None


def _json_list(answer: Answer) -> list[str] | None:
    if answer.status != 200 or not answer.complete:
        return None
    try:
        value = httpx.Response(200, content=answer.body).json()
    except ValueError:
        return None
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else None


class _Kept(Generic[T]):
    """What was found out, for a while, and not too much of it. A failure is not kept."""

    def __init__(self, lifetime: timedelta) -> None:
        self._lifetime = lifetime
        self._found: dict[str, tuple[datetime, T]] = {}
        self._lock = threading.Lock()

    def get(self, name: str, now: datetime, find: Callable[[], T]) -> T:
        with self._lock:
            kept = self._found.get(name)
        if kept is not None and abs(now - kept[0]) < self._lifetime:
            return kept[1]
        value = find()
        with self._lock:
            if len(self._found) >= _MOST_KEPT:
                self._found.clear()
            self._found[name] = (now, value)
        return value


@dataclass(slots=True)
class Assertions:
    """Says who logged in with a key, and remembers it for minutes."""

    sources: Sources
    longest: timedelta
    """How old a login may be."""
    _logins: _Kept[Login] = field(default_factory=lambda: _Kept(_KEPT))
    _tags: _Kept[list[str]] = field(default_factory=lambda: _Kept(_METADATA_KEPT))
    _keys: _Kept[dict[str, list[x509.Certificate]]] = field(default_factory=lambda: _Kept(_METADATA_KEPT))

    def check(self, possession: Possession, now: datetime) -> str:
        """The tax code of whom the key belongs to, who is the one that IO names.

        Raises:
            NotProved: it is somebody else's, or nothing says so.
            Unreachable: it cannot be checked now.
        """
        login = self._logins.get(possession.assertion_ref, now, lambda: self._login(possession, now))
        if login.in_response_to != possession.assertion_ref:
            raise NotProved("in_response_to")
        if login.tax_code != possession.user_id:
            raise NotProved("user")
        if not -_SKEW <= now - login.not_before <= self.longest:
            raise NotProved("assertion_age")
        return login.tax_code

    def _login(self, possession: Possession, now: datetime) -> Login:
        root = parsed(self.sources.assertion(possession))
        claimed = _assertion_of(root)
        issuer, issued = _issuer(claimed), _instant(claimed.get("IssueInstant"))
        for certificate in self._certificates(issuer, issued, now):
            signed = _signed_by(root, certificate)
            # What was signed decides, and must say of itself what the certificate was chosen by.
            if signed is not None and (_issuer(signed), _instant(signed.get("IssueInstant"))) == (issuer, issued):
                return _login_of(signed)
        raise NotProved("assertion_signature")

    def _certificates(self, issuer: str, issued: datetime, now: datetime) -> Iterator[x509.Certificate]:
        """Those of the provider just before and just after the assertion was issued."""
        kind = "cie" if issuer == CIE_ISSUER else "spid"
        tags = self._tags.get(kind, now, lambda: self.sources.tags(kind))
        for tag in around(tags, issued):
            yield from self._keys_of(kind, tag, now).get(issuer, ())

    def _keys_of(self, kind: str, tag: str, now: datetime) -> dict[str, list[x509.Certificate]]:
        return self._keys.get(f"{kind}/{tag}", now, lambda: certificates_in(self.sources.metadata(kind, tag)))


def around(tags: list[str], issued: datetime) -> list[str]:
    """The two tags that a moment lies between; `latest` stands for what comes after all others."""
    times = sorted(int(tag) for tag in tags if re.fullmatch(r"[0-9]{1,12}", tag))
    before = [str(each) for each in times if each <= issued.timestamp()]
    after = [str(each) for each in times if each > issued.timestamp()]
    return [*before[-1:], *(after[:1] or [LATEST])]


def parsed(content: bytes) -> etree._Element:
    """XML without a DTD, entities or anything from elsewhere. Raises NotProved."""
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise NotProved("xml_dtd")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise NotProved("xml") from None
    if root.getroottree().docinfo.internalDTD is not None:  # in another encoding it may look otherwise
        raise NotProved("xml_dtd")
    return root


def certificates_in(metadata: bytes) -> dict[str, list[x509.Certificate]]:
    """The signing certificates of each identity provider in SAML metadata, by its entity id."""
    try:
        root = parsed(metadata)
    except NotProved:
        raise Unreachable("idp_keys") from None
    found: dict[str, list[x509.Certificate]] = {}
    for entity in root.iter(f"{_MD}EntityDescriptor"):
        for key in entity.iterfind(f"{_MD}IDPSSODescriptor/{_MD}KeyDescriptor"):
            if key.get("use") in (None, "signing"):
                texts = [each.text or "" for each in key.iter(f"{_DS}X509Certificate")]
                found.setdefault(entity.get("entityID", ""), []).extend(filter(None, map(_certificate, texts)))
    return found


def _certificate(text: str) -> x509.Certificate | None:
    try:
        return x509.load_der_x509_certificate(base64.b64decode(text))
    except (ValueError, x509.InvalidVersion):
        return None  # one provider's mistake is not the others'


def _assertion_of(root: etree._Element) -> etree._Element:
    """The only assertion there is: of two, one may be signed and the other read (signature wrapping)."""
    found = list(root.iter(f"{_SAML}Assertion"))
    if root.tag not in (f"{_SAMLP}Response", f"{_SAML}Assertion") or len(found) != 1:
        raise NotProved("assertions")
    if found[0] is not root and found[0].getparent() is not root:
        raise NotProved("assertions")
    return found[0]


def _signed_by(root: etree._Element, certificate: x509.Certificate) -> etree._Element | None:
    """The assertion as the certificate's key has signed it; None where it has not."""
    location = "./" if root.tag == f"{_SAML}Assertion" else f"./{_SAML}Assertion/"
    config = SignatureConfiguration(location=location)
    try:
        found: Any = XMLVerifier().verify(root, x509_cert=certificate, expect_config=config)
    except (SignXMLException, ValueError, etree.LxmlError, NotImplementedError):
        return None
    signed = found.signed_xml
    return signed if signed is not None and signed.tag == f"{_SAML}Assertion" else None


def _login_of(signed: etree._Element) -> Login:
    data = signed.find(f"{_SAML}Subject/{_SAML}SubjectConfirmation/{_SAML}SubjectConfirmationData")
    conditions = signed.find(f"{_SAML}Conditions")
    names = signed.iterfind(f"{_SAML}AttributeStatement/{_SAML}Attribute")
    codes = [each.findtext(f"{_SAML}AttributeValue") for each in names if each.get("Name") == "fiscalNumber"]
    if data is None or conditions is None or len(codes) != 1:
        raise NotProved("assertion_form")
    return Login(
        (codes[0] or "").strip().removeprefix(_TAX_CODE_PREFIX),
        data.get("InResponseTo", ""),
        _instant(conditions.get("NotBefore")),
    )


def _issuer(assertion: etree._Element) -> str:
    return (assertion.findtext(f"{_SAML}Issuer") or "").strip()


def _instant(text: str | None) -> datetime:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        raise NotProved("assertion_form") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
