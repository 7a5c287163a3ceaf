"""Signing in through an OpenID provider: authorization code with PKCE (RFC 7636), `state`, `nonce`, and the ID token.

OpenID Connect Core 1.0, 3.1; RFC 9700 (OAuth 2.0 security). The provider is called with the hub's own guarded
connections: public addresses, or hosts that an operator listed, and on loopback only where its issuer is there too.
"""

import hashlib
import hmac
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from contracts.addresses import LOOPBACK
from hub.security.causes import Refusal
from hub.security.jose import Token, VerifyingKey, base64url, parse, verify
from hub.security.jwk import verifying_key
from hub.security.strict_json import json_object
from hub.store.administrators import IdentityProvider, ProviderLogin
from hub.trust.outside import Outside, Unreachable

from .errors import IdentityProviderUnreachable, LoginRefused
from .roles import ROLES

LOGIN_LASTS = timedelta(minutes=10)
LEEWAY = timedelta(seconds=60)
MOST_KEYS = 50


@dataclass(frozen=True, slots=True)
class Person:
    """For whom the provider vouches."""

    subject: str = field(repr=False)
    display_name: str = field(repr=False)
    roles: frozenset[str]


@dataclass(frozen=True, slots=True)
class Discovered:
    """What the provider publishes about itself (OpenID Connect Discovery 1.0)."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    names_itself: bool
    """Its callbacks say whose they are (RFC 9207): one that does not is not its own."""


@asynccontextmanager
async def connections(provider: IdentityProvider, internal_hosts: frozenset[str]) -> AsyncIterator[Outside]:
    """Connections to the provider until the block ends."""
    here = urlsplit(provider.issuer).hostname in LOOPBACK
    outside = Outside(internal_hosts=internal_hosts, loopback=here)
    try:
        yield outside
    finally:
        await outside.aclose()


async def begin(provider: IdentityProvider, outside: Outside, now: datetime) -> tuple[ProviderLogin, str]:
    """A login that begins, and the provider's address to which the browser goes. Raises IdentityProviderUnreachable."""
    found = await discover(provider, outside)
    login = ProviderLogin(
        provider.ente_id,
        provider.provider_id,
        state=f"{provider.provider_id}.{secrets.token_urlsafe(32)}",
        browser=secrets.token_urlsafe(32),
        nonce=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(48),
        expires_at=now + LOGIN_LASTS,
    )
    query = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": provider.redirect_uri,
        "scope": provider.scope,
        "state": login.state,
        "nonce": login.nonce,
        "code_challenge": base64url(hashlib.sha256(login.verifier.encode()).digest()),
        "code_challenge_method": "S256",
    }
    joined = "&" if urlsplit(found.authorization_endpoint).query else "?"
    return login, f"{found.authorization_endpoint}{joined}{urlencode(query)}"


async def finish(
    provider: IdentityProvider, login: ProviderLogin, code: str, issuer: str | None, outside: Outside, now: datetime
) -> Person:
    """Change the code for an ID token, and read who signed in; `issuer` is whose the callback says that it is. Raises
    IdentityProviderUnreachable, LoginRefused."""
    if issuer not in (None, provider.issuer):
        raise LoginRefused(cause="the callback is another issuer's")
    found = await discover(provider, outside)
    if issuer is None and found.names_itself:
        raise LoginRefused(cause="the callback does not say whose it is (RFC 9207 2.4)")
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": provider.redirect_uri,
        "client_id": provider.client_id,
        "code_verifier": login.verifier,
    }
    if provider.client_secret is not None:
        form["client_secret"] = provider.client_secret
    try:
        answer = await outside.post(found.token_endpoint, urlencode(form).encode(), "application/x-www-form-urlencoded")
    except Unreachable as problem:
        if problem.problem in ("status 400", "status 401"):
            raise LoginRefused(cause=f"token endpoint: {problem.problem}") from None
        raise _unreachable("token endpoint", problem) from None
    id_token = _object(answer, "token endpoint").get("id_token")
    if not isinstance(id_token, str):
        raise LoginRefused(cause="the token endpoint gave no id_token")
    jwks = _object(await _fetched(outside, found.jwks_uri, "jwks"), "jwks")
    claims = verified(id_token, jwks, provider, nonce=login.nonce, now=now)
    return person_of(claims, provider)


def begun_at(state: str) -> str:
    """The id of the provider at which a login of this state was begun, so that it can be begun again; "" for none. The
    state comes from outside: there need be no such provider."""
    return state.rpartition(".")[0]


async def discover(provider: IdentityProvider, outside: Outside) -> Discovered:
    """What the provider publishes now. Raises IdentityProviderUnreachable."""
    url = f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration"
    told = _object(await _fetched(outside, url, "discovery"), "discovery")
    # Discovery 4.3: another issuer's description would send our codes to whom it names.
    if told.get("issuer") != provider.issuer:
        raise IdentityProviderUnreachable(cause="discovery: the issuer is another one")
    methods = told.get("code_challenge_methods_supported", ["S256"])
    if not isinstance(methods, list) or "S256" not in methods:
        raise IdentityProviderUnreachable(cause="discovery: no PKCE with S256")
    found = [told.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
    for address in found:
        here = isinstance(address, str) and urlsplit(address).hostname in LOOPBACK
        local = here and urlsplit(provider.issuer).hostname in LOOPBACK
        if not isinstance(address, str) or not (address.startswith("https://") or local):
            raise IdentityProviderUnreachable(cause="discovery: an address is missing or not https")
    names_itself = told.get("authorization_response_iss_parameter_supported") is True
    authorization, token, keys = (str(address) for address in found)
    return Discovered(authorization, token, keys, names_itself)


def verified(
    id_token: str, jwks: Mapping[str, Any], provider: IdentityProvider, *, nonce: str, now: datetime
) -> Mapping[str, Any]:
    """The claims of an ID token that holds (OpenID Connect Core 3.1.3.7). Raises LoginRefused."""
    try:
        token = parse(id_token)
        verify(token, _key(token, jwks))
    except Refusal as refusal:
        raise LoginRefused(cause=f"id_token: {refusal.code}") from None
    if "crit" in token.header:
        raise LoginRefused(cause="id_token: crit")
    claims = token.claims
    audience = claims.get("aud")
    listed = audience if isinstance(audience, list) else [audience]
    given = claims.get("nonce")
    faults = {
        "iss": claims.get("iss") != provider.issuer,
        "aud": provider.client_id not in listed,
        # Core 3.1.3.7, 4 and 5: with several audiences the token says for which of them it was made.
        "azp": claims.get("azp", None if len(listed) > 1 else provider.client_id) != provider.client_id,
        "nonce": not isinstance(given, str) or not hmac.compare_digest(given.encode(), nonce.encode()),
        "exp": (end := _instant(claims.get("exp"))) is None or end + LEEWAY <= now,
        "iat": (made := _instant(claims.get("iat"))) is None or not now - LOGIN_LASTS - LEEWAY < made <= now + LEEWAY,
        "sub": not isinstance(claims.get("sub"), str) or not 0 < len(claims["sub"]) <= 255,
    }
    wrong = [name for name, is_wrong in faults.items() if is_wrong]
    if wrong:
        raise LoginRefused(cause=f"id_token: {', '.join(wrong)}")
    return claims


def person_of(claims: Mapping[str, Any], provider: IdentityProvider) -> Person:
    """Who the claims are about, and the roles that the ente gives for what they say."""
    values = _at(claims, provider.role_claim)
    given = [values] if isinstance(values, str) else values if isinstance(values, list) else []
    roles = {provider.role_map[value] for value in given if isinstance(value, str) and value in provider.role_map}
    names = (claims.get(name) for name in ("name", "preferred_username", "email"))
    name = next((each for each in names if isinstance(each, str) and each.strip() and each.isprintable()), "-")
    return Person(claims["sub"], name[:120], frozenset(roles) & frozenset(ROLES))


def _key(token: Token, jwks: Mapping[str, Any]) -> VerifyingKey:
    """The published key that the token names; the only one where it names none. Raises Refusal."""
    keys = jwks.get("keys")
    published = [key for key in keys[:MOST_KEYS] if isinstance(key, dict)] if isinstance(keys, list) else []
    signing = [key for key in published if key.get("use", "sig") == "sig" and key.get("kty") != "oct"]
    kid = token.header.get("kid")
    found = [key for key in signing if key.get("kid") == kid] if kid is not None else signing
    if len(found) != 1:
        raise Refusal("key.unknown")
    return verifying_key(found[0])


def _at(claims: Mapping[str, Any], path: str) -> Any:
    """A claim by its name, which may hold points itself, else by the path that they make."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for step in path.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _instant(value: Any) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 2**33:
        return None
    return datetime.fromtimestamp(value, UTC)


async def _fetched(outside: Outside, url: str, what: str) -> bytes:
    try:
        return await outside.get(url)
    except Unreachable as problem:
        raise _unreachable(what, problem) from None


def _object(body: bytes, what: str) -> Mapping[str, Any]:
    try:
        return json_object(body)
    except Refusal:
        raise IdentityProviderUnreachable(cause=f"{what}: not a JSON object") from None


def _unreachable(what: str, problem: Unreachable) -> IdentityProviderUnreachable:
    return IdentityProviderUnreachable(cause=f"{what}: {problem.problem}")
