"""Whether a certificate of a path was revoked: by OCSP (RFC 6960, RFC 5019), else by its CRL (RFC 5280 6.3).

Nothing is fetched here: what is missing is Wanted. The addresses come from certificates whose path to the vendor's
anchor holds already, never from what a stranger made up.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID

from . import crl, ocsp
from .causes import Refusal
from .material import Held, Shelf, Source, Wanted
from .statements import Unusable

Mode = Literal["off", "fail-open", "fail-closed"]
"""`fail-open`: where neither answer can be had the certificate passes; `fail-closed`: it is refused."""

MAX_ADDRESSES: Final = 2
"""Distribution points, and responders, that are tried for one certificate."""
MAX_URL_CHARS: Final = 1000
MAX_INSTANT: Final = 32503680000.0
"""The year 3000, for what is held for ever."""


@dataclass(frozen=True, slots=True)
class Consulted:
    """A piece of revocation data that a verdict rests on: as long as the shelf holds this very one, and no longer."""

    source: Source
    name: str
    held: Held

    def ends(self, now: datetime) -> datetime:
        """When it is over, in the time zone of `now`."""
        return datetime.fromtimestamp(min(self.held.usable_until, MAX_INSTANT), tz=now.tzinfo)


@dataclass(frozen=True, slots=True)
class Cleared:
    """No certificate of the path is revoked, by what was `consulted`, until it is over."""

    until: datetime
    consulted: tuple[Consulted, ...]


def check(chain: Sequence[x509.Certificate], *, mode: Mode, shelf: Shelf, now: datetime, until: datetime) -> Cleared:
    """Asks for each certificate of a validated path, leaf first, except the anchor, which the registry revokes.

    Raises:
        Wanted: an answer that is not at hand.
        Refusal: `certificate.revoked`; with `fail-closed`, `revocation.unknown`.
    """
    if mode == "off":
        return Cleared(until, ())
    consulted: list[Consulted] = []
    # A pinned leaf comes alone: whoever issued it is not known, so nothing can be believed about it.
    issuers: Sequence[x509.Certificate | None] = chain[1:] or (None,)
    pairs = list(zip(chain, issuers, strict=False))
    for certificate, issuer in pairs:
        ends = _clear(certificate, issuer, mode=mode, shelf=shelf, now=now, consulted=consulted)
        until = min(until, ends or until)
    # What was tried and could not be had counts too: it will be tried again when it is no longer held.
    return Cleared(min([until, *(one.ends(now) for one in consulted)]), tuple(consulted))


def still_holds(consulted: Sequence[Consulted], shelf: Shelf, now: datetime) -> bool:
    """Whether the shelf holds what a remembered verdict rests on; newer data may say `revoked`."""
    try:
        return all(shelf.get(one.source, one.name, now.timestamp()) is one.held for one in consulted)
    except Wanted:
        return False


def _clear(
    certificate: x509.Certificate,
    issuer: x509.Certificate | None,
    *,
    mode: Mode,
    shelf: Shelf,
    now: datetime,
    consulted: list[Consulted],
) -> datetime | None:
    """Until when an answer clears the certificate; None where `fail-open` lets it pass without one."""
    reasons = []
    if issuer is None:
        reasons.append("its issuer is not known")
    else:
        for source, name, url in _questions(certificate, issuer):
            held = shelf.get(source, name, now.timestamp())
            consulted.append(Consulted(source, name, held))
            try:
                return _answer(source, held, certificate, issuer, url, now)
            except Unusable as unusable:
                reasons.append(f"{source}: {unusable}")
    if mode == "fail-closed":
        raise Refusal("revocation.unknown", "; ".join(reasons)[:300] or "the certificate names no address to ask")
    return None


def _questions(certificate: x509.Certificate, issuer: x509.Certificate) -> Iterator[tuple[Source, str, str]]:
    """(source, name on the shelf, address) in the order in which they are asked."""
    extensions, asked = certificate.extensions, ocsp.question(certificate, issuer).hex()
    for url in _addresses(extensions, _responders):
        yield "ocsp", f"{url}\n{asked}", url
    # Who fetches a list is told whose it should be: a large one is hashed there, and not while requests wait.
    written = issuer.public_bytes(Encoding.DER).hex()
    for url in _addresses(extensions, _distribution_points):
        yield "crl", f"{url}\n{written}", url


def _addresses(
    extensions: x509.Extensions, names: Callable[[x509.Extensions], Iterator[x509.GeneralName]]
) -> list[str]:
    urls = [name.value for name in names(extensions) if isinstance(name, x509.UniformResourceIdentifier)]
    usable = (url for url in urls if url.startswith(("http://", "https://")) and len(url) <= MAX_URL_CHARS)
    return list(dict.fromkeys(usable))[:MAX_ADDRESSES]


def _responders(extensions: x509.Extensions) -> Iterator[x509.GeneralName]:
    for extension in extensions:
        if isinstance(extension.value, x509.AuthorityInformationAccess):
            for access in extension.value:
                if access.access_method == AuthorityInformationAccessOID.OCSP:
                    yield access.access_location


def _distribution_points(extensions: x509.Extensions) -> Iterator[x509.GeneralName]:
    for extension in extensions:
        if isinstance(extension.value, x509.CRLDistributionPoints):
            for point in extension.value:
                if point.crl_issuer is None and point.reasons is None:  # else indirect, or a part of it
                    yield from point.full_name or ()


def _answer(
    source: Source, held: Held, certificate: x509.Certificate, issuer: x509.Certificate, url: str, now: datetime
) -> datetime:
    if held.value is None:
        raise Unusable(held.problem or "it could not be had")
    if source == "crl":
        return crl.check(held.value, certificate=certificate, issuer=issuer, url=url, now=now)
    return ocsp.check(held.value, certificate=certificate, issuer=issuer, now=now)
