"""Who reads the feed: the portal by its own token, the citizen by the portal's assertion; both signed, never swapped.

spec/citizen-identity section 4, option b. `Authorization` is ID_AUTH_REST_01 for reads and _02 for changes;
`Citizen-Assertion` has its own `typ`. The order: shape, typ and algorithm, portal and keys, signatures, claims of both,
then actor, assurance and scope, which are answered exactly (403) because the portal is known by then.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Final

from contracts.identifiers import check_organization_tax_code, check_tax_code, holds_tax_code
from contracts.party import SubjectKind
from hub.profile import TimeRules
from hub.reading_errors import ActorMismatch, AssuranceTooLow, ScopeMissing
from hub.registry import Ente, Portal, Registry

from . import claims, digest, jose
from .causes import Refusal
from .claims import UsedToken
from .headers import SignedRequest, bearer
from .jwks import registered_key
from .left import EnteEnded

ASSERTION: Final = "citizen-assertion"
ASSERTION_TYPE: Final = "citizen-assertion+jwt"
TYP: Final = "JWT"

TOKEN_TIMES: Final = TimeRules(max_age=300, future=5, grace=0, lifetime=300)
ASSERTION_TIMES: Final = TimeRules(max_age=360, future=60, grace=60, lifetime=300)
"""At most 5 minutes of life, 60 s of skew either way (citizen-identity 4)."""
MAX_LOGIN_AGE_S: Final = 12 * 3600
MIN_LEVEL: Final = 2

# The federation of SPID and CIE writes both in one form (spid-cie-oidc-docs); an URI of CIE's own is unconfirmed.
ACR_LEVELS: Final[Mapping[str, int]] = {f"https://www.spid.gov.it/SpidL{level}": level for level in (1, 2, 3)}
_COUNTRY_PREFIX: Final = "TINIT-"


@dataclass(frozen=True, slots=True)
class Reader:
    """One citizen, or one organisation, before the hub for the life of an assertion."""

    ente: Ente
    portal: Portal
    subject_kind: SubjectKind
    tax_code: str = field(repr=False)
    pseudonym: str
    level: int
    acr: str
    scopes: frozenset[str]
    used: tuple[UsedToken, ...]
    """What a change must consume; empty for reads, which have no replay store."""
    expires_at: datetime
    """When the first of the two tokens would be refused; a stream closes then."""
    on_behalf_of: str | None = field(default=None, repr=False)
    """The tax code of the person whose feed is asked for, where it is not the reader's own: honoured only while a
    delegation holds, which the caller looks up (`settled` 6)."""


def verify_reader(request: SignedRequest, *, scope: str, change: bool, registry: Registry, now: datetime) -> Reader:
    """The reader of a feed request that needs `scope`. With `change`, both tokens' jti are for the caller to consume.

    Raises:
        RequestRefused, RequestMalformed: 401 and 400, one body for all; the code is in `cause`.
        EnteEnded, ActorMismatch, AssuranceTooLow, ScopeMissing: 403, after both signatures and the times hold.
    """
    try:
        return _reader(request, scope, change=change, registry=registry, now=now)
    except Refusal as refusal:
        raise refusal.error() from None


def _reader(request: SignedRequest, scope: str, *, change: bool, registry: Registry, now: datetime) -> Reader:
    token, assertion = _tokens(request)
    ente, portal = _portal(token, registry)
    jose.verify(token, registered_key(token.header, portal.keys, "jwk", now))
    jose.verify(assertion, registered_key(assertion.header, portal.keys, "assertion_jwk", now))
    _claims(token, TOKEN_TIMES, ente, portal, now)
    _claims(assertion, ASSERTION_TIMES, ente, portal, now)
    _login(assertion.claims, now)
    _bound(assertion.claims, token)
    if change:
        claims.text(token.claims, "jti")
    _body(request)
    kind, tax_code, pseudonym = _subject(assertion.claims)
    principal = _principal(assertion.claims, kind)
    used = _used(token, assertion) if change else ()
    if ente.ended_at is not None:
        raise EnteEnded(cause=f"ente.ended: {ente.ente_id} has left")
    if not portal.active:
        raise Refusal("portal.suspended")
    _actor(assertion.claims, portal)
    acr, level = _assurance(assertion.claims)
    scopes = portal.scopes & _scopes(token.claims) & _scopes(assertion.claims)
    if scope not in scopes:
        raise ScopeMissing(cause="scope.missing: not registered, or not in both tokens")
    return Reader(
        ente=ente,
        portal=portal,
        subject_kind=kind,
        tax_code=tax_code,
        pseudonym=pseudonym,
        level=level,
        acr=acr,
        scopes=scopes,
        used=used,
        on_behalf_of=principal,
        expires_at=min(
            claims.accepted_until(token.claims, TOKEN_TIMES),
            claims.accepted_until(assertion.claims, ASSERTION_TIMES),
        ),
    )


def _tokens(request: SignedRequest) -> tuple[jose.Token, jose.Token]:
    authorization, compact = request.only("authorization"), request.only(ASSERTION)
    if authorization is None or compact is None:
        raise Refusal("token.missing", "Authorization" if authorization is None else "Citizen-Assertion")
    token, assertion = jose.parse(bearer(authorization)), jose.parse(compact)
    _header(token, TYP)
    _header(assertion, ASSERTION_TYPE)
    return token, assertion


def _header(token: jose.Token, typ: str) -> None:
    if token.header.get("typ") != typ:
        raise Refusal("typ.wrong", f"typ must be {typ}")
    alg = token.header.get("alg")
    if not isinstance(alg, str) or alg not in jose.ALGORITHMS:
        raise Refusal("alg.forbidden")
    if "crit" in token.header or "b64" in token.header:
        raise Refusal("crit.unsupported")


def _portal(token: jose.Token, registry: Registry) -> tuple[Ente, Portal]:
    ente = registry.ente_of_audience(claims.audiences(token.claims), api="feed")
    if ente is None:
        raise Refusal("audience.mismatch", "Authorization")
    issuer = claims.text(token.claims, "iss", missing="issuer.missing")
    portal = registry.portals.get((ente.ente_id, issuer))
    if portal is None:
        raise Refusal("issuer.unknown")
    return ente, portal


def _claims(token: jose.Token, rules: TimeRules, ente: Ente, portal: Portal, now: datetime) -> None:
    found, instant = token.claims, now.timestamp()
    if ente.feed_audience not in claims.audiences(found):
        raise Refusal("audience.differs")
    if claims.text(found, "iss", missing="issuer.missing") != portal.portal_id:
        raise Refusal("issuer.differs")
    claims.iat_not_future(found, instant, rules)
    claims.iat_fresh(found, instant, rules)
    claims.nbf_reached(found, instant, rules)
    claims.not_expired(found, instant, rules)
    claims.lifetime_bounded(found, rules)


def _login(found: claims.Claims, now: datetime) -> None:
    login, instant = claims.seconds(found, "auth_time"), now.timestamp()
    if login > instant + ASSERTION_TIMES.future:
        raise Refusal("auth_time.future")
    if login < instant - MAX_LOGIN_AGE_S:
        raise Refusal("auth_time.old", f"more than {MAX_LOGIN_AGE_S // 3600} h")


def _bound(found: claims.Claims, token: jose.Token) -> None:
    claims.text(found, "jti")
    if "cnf" in found:
        raise Refusal("binding.unsupported")
    if "ath" in found:
        own = jose.base64url(sha256(token.compact.encode("ascii")).digest())
        if not compare_digest(claims.text(found, "ath").encode("utf-8"), own.encode("ascii")):
            raise Refusal("ath.mismatch")


def _body(request: SignedRequest) -> None:
    # The feed profile asks for no integrity token; a Digest that is sent must still be true.
    value = request.only("digest")
    if value is not None:
        digest.check(value, request)


def _subject(found: claims.Claims) -> tuple[SubjectKind, str, str]:
    pseudonym = claims.text(found, "sub")
    if holds_tax_code(pseudonym):  # it goes into the access log in clear
        raise Refusal("subject.personal", "sub holds a tax code")
    person = _normal(found.get("fiscal_number"), "fiscal_number.invalid", length=16)
    try:
        check_tax_code(person)
    except ValueError:
        raise Refusal("fiscal_number.invalid") from None
    if "organization_fiscal_number" not in found:
        return "person", person, pseudonym
    organization = _normal(found["organization_fiscal_number"], "organization.invalid", length=11)
    try:
        check_organization_tax_code(organization)
    except ValueError:
        raise Refusal("organization.invalid") from None
    return "organization", organization, pseudonym


def _principal(found: claims.Claims, kind: SubjectKind) -> str | None:
    """For whom a person acts. An organisation is read with its own claim, and gives no delegation here."""
    if "on_behalf_of" not in found:
        return None
    principal = _normal(found["on_behalf_of"], "delegation.unsupported", length=16)
    try:
        check_tax_code(principal)
    except ValueError:
        raise Refusal("delegation.unsupported") from None
    if kind != "person":
        raise Refusal("delegation.unsupported")
    return principal


def _normal(value: object, code: str, *, length: int) -> str:
    """One form for the key of a feed: upper case, `TINIT-` taken off exactly once (citizen-identity 2)."""
    if not isinstance(value, str):
        raise Refusal(code)
    normal = value.upper().removeprefix(_COUNTRY_PREFIX)
    # The checks of the numbers forgive blanks, line ends and a country code; a key has one spelling.
    if len(normal) != length or not normal.isascii() or not normal.isalnum():
        raise Refusal(code)
    return normal


def _actor(found: claims.Claims, portal: Portal) -> None:
    """`client_id`, or `act.sub` (RFC 8693 4.1): at least one, and each that is there is the portal."""
    actors: list[Any] = [found[name] for name in ("client_id",) if name in found]
    if "act" in found:
        act = found["act"]
        actors.append(act.get("sub") if isinstance(act, dict) else None)
    if not actors or any(actor != portal.portal_id for actor in actors):
        raise ActorMismatch(cause="actor.mismatch: act or client_id is missing or not the portal")


def _assurance(found: claims.Claims) -> tuple[str, int]:
    acr = found.get("acr")
    level = ACR_LEVELS.get(acr, 0) if isinstance(acr, str) else 0
    if not isinstance(acr, str) or level < MIN_LEVEL:
        raise AssuranceTooLow(cause=f"assurance.too_low: level {level or 'missing or unknown'}")
    return acr, level


def _scopes(found: claims.Claims) -> frozenset[str]:
    value = found.get("scope", "")
    if not isinstance(value, str):
        raise Refusal("claim.type", "scope is not a string")
    return frozenset(value.split())


def _used(token: jose.Token, assertion: jose.Token) -> tuple[UsedToken, ...]:
    return (
        claims.used_token("authorization", token.claims, TOKEN_TIMES),
        claims.used_token(ASSERTION, assertion.claims, ASSERTION_TIMES),
    )
