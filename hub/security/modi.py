"""Who sent this request, by the ModI and PDND patterns of its vendor, and is it what they signed.

The rules are in `checks`. `verify` decides; `explain` says, check by check, the same to the one who asks for it at the
command line.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from hub.errors import HubError
from hub.profile import DEFAULT_PROFILE
from hub.registry import Ente, Registry, Vendor

from .causes import CAUSES, Refusal, code_of
from .chains import ChainCache
from .channel import TrustedProxy
from .checks import CHECKS, Check, State, check_signatures, checks_of, runs_of
from .checks.state import AUDIT, AUTHORIZATION, DPOP, SIGNATURE
from .claims import UsedToken, says_more, used_token
from .headers import SignedRequest, authorization
from .jose import parse
from .material import Shelf, Wanted

__all__ = [
    "CHECKS",
    "SignedRequest",
    "Step",
    "UsedToken",
    "Verified",
    "Wanted",
    "authenticate",
    "begin",
    "explain",
    "finish",
    "unsigned_tokens",
    "verify",
]

MAX_REFUSED_CHARS: Final = 8 * 1024
"""Of a refused token that is kept; each refusal of a stranger costs that much room at most."""
_EMPTY: Final = Shelf(capacity=0)

Outcome = Literal["ok", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Verified:
    """A request whose every check held."""

    ente: Ente
    vendor: Vendor
    signer: str
    """Stable name: `x5t#S256:<hex>` or `jwk:<RFC 7638 thumbprint>` of a key, `pdnd:<client_id>` of a PDND client."""
    used: tuple[UsedToken, ...]
    tokens: Mapping[str, str]
    """Header name -> compact JWS, for the evidence; without its signature where it would open the door again."""
    private: frozenset[str]
    """Those of `tokens` that speak of a person: they are kept sealed."""
    verified_by: Mapping[str, tuple[bytes, ...]]
    """Header name -> the certificates its token was verified with, in DER, leaf first up to the anchor; the public key
    where there is no certificate. `client-certificate` is that of the connection."""
    message_id: str = ""
    """PROFILE_NON_REPUDIATION_01: what names this message however often it is sent; empty where it is not agreed."""
    max_receipts: int = 0
    refusal: HubError | None = None
    """Why it is refused all the same (VendorSuspended, MediaUnsupported): the signatures hold, so its tokens are used
    up and the sender is told."""


@dataclass(frozen=True, slots=True)
class Step:
    """One check as told to a person."""

    name: str
    text_it: str
    text_en: str
    outcome: Outcome
    code: str = ""
    detail: str = ""
    advice: str = ""
    advice_it: str = ""


def verify(
    request: SignedRequest,
    *,
    signed_body: bool,
    registry: Registry,
    now: datetime,
    chains: ChainCache,
    shelf: Shelf = _EMPTY,
    proxy: TrustedProxy | None = None,
) -> Verified:
    """Runs every check in order. `signed_body` is the operation's (POST, PUT), never read from the message.

    The caller consumes `used` in its replay store before anything takes effect.

    Raises:
        RequestRefused: a check before the sender is known failed; 401. The code is in `cause` alone.
        RequestMalformed: the same where a header is missing, repeated or malformed; 400.
        Wanted: something published elsewhere is not at hand: to be fetched, and all of this run anew.
    """
    begun = begin(request, signed_body=signed_body, registry=registry, now=now, chains=chains, shelf=shelf, proxy=proxy)
    return finish(begun)


def begin(
    request: SignedRequest,
    *,
    signed_body: bool,
    registry: Registry,
    now: datetime,
    chains: ChainCache,
    shelf: Shelf = _EMPTY,
    proxy: TrustedProxy | None = None,
) -> State:
    """The checks before those of the signatures, which need no body. Raises as `verify`."""
    state = State(request, signed_body, registry, now, chains, shelf, proxy)
    try:
        for run in runs_of(None)[0]:  # the same for everybody
            run(state)
        for run in runs_of(state.profile)[0]:  # by the profile that they have found
            run(state)
    except Refusal as refusal:
        raise refusal.error() from None
    return state


def authenticate(begun: State) -> Vendor:
    """Whose it is, before a large body is read into memory: all of it is still to be verified with that. Raises as
    `verify`."""
    try:
        check_signatures(begun)
    except Refusal as refusal:
        raise refusal.error() from None
    return begun.vendor


def finish(begun: State) -> Verified:
    """The rest of the checks, from the signatures on. Raises as `verify`."""
    held: HubError | None = None
    try:
        try:
            for run in runs_of(begun.profile)[1]:
                run(begun)
        except HubError as refusal:
            held = refusal
        used = _used(begun)
    except Refusal as refusal:
        raise refusal.error() from None
    return Verified(
        ente=begun.ente,
        vendor=begun.vendor,
        signer=_signer(begun),
        used=used,
        tokens=_kept(begun),
        private=_private(begun),
        verified_by=_verified_by(begun),
        message_id=begun.message_id,
        max_receipts=begun.profile.max_receipts,
        refusal=held,
    )


def _used(state: State) -> tuple[UsedToken, ...]:
    used = [
        used_token(one.header, one.token.claims, one.times)
        for one in state.presented
        if one.use == "once" or (one.use == "if-jti" and "jti" in one.token.claims)
    ]
    if state.used_proof is not None:
        used.append(state.used_proof)
    return tuple(used)


def _signer(state: State) -> str:
    """Who signed for the body, where something is signed; else whom the voucher names."""
    if state.voucher is None:
        return state.presented[0].key.signer
    signature = state.of(SIGNATURE)
    return signature.key.signer if signature is not None else f"pdnd:{state.client_id}"


def _kept(state: State) -> dict[str, str]:
    """The tokens as evidence: whoever reads them must not be able to use those that may be used again (modi 5.20)."""
    kept = {one.header: one.compact for one in state.presented}
    first = state.presented[0]
    if first.use == "again" and first.header == AUTHORIZATION:
        kept[AUTHORIZATION] = first.compact.rpartition(".")[0] + "."
    if state.proof is not None:
        kept[state.proof.header] = state.proof.compact
    return kept


def _private(state: State) -> frozenset[str]:
    kind, _, name = state.profile.message_id.partition(":")
    agreed = frozenset({name}) if kind == "claim" else frozenset()
    found = (one.header for one in state.presented if says_more(one.token.claims, agreed))
    return frozenset({*found, AUDIT}) if state.of(AUDIT) is not None else frozenset(found)


def _verified_by(state: State) -> dict[str, tuple[bytes, ...]]:
    found = {one.header: one.trusted.ders if one.trusted is not None else (one.key.der,) for one in state.presented}
    if state.channel is not None:
        found["client-certificate"] = state.channel.ders
    return found


def unsigned_tokens(request: SignedRequest) -> tuple[dict[str, str], frozenset[str]]:
    """The tokens of a refused request as far as they can be read, without their signatures: nobody is believed here,
    so what is kept must not open any door. And which of them may speak of a person."""
    kept, private = {}, set()
    for header in (AUTHORIZATION, SIGNATURE, AUDIT, DPOP):
        values = request.values(header)
        if len(values) != 1 or len(values[0]) > MAX_REFUSED_CHARS:
            continue
        with suppress(Refusal):
            compact = authorization(values[0])[1] if header == AUTHORIZATION else values[0]
            token = parse(compact)
            kept[header] = token.compact.rpartition(".")[0] + "."
            if header == AUDIT or says_more(token.claims):
                private.add(header)
    return kept, frozenset(private)


def explain(
    request: SignedRequest,
    *,
    signed_body: bool,
    registry: Registry,
    now: datetime,
    chains: ChainCache,
    shelf: Shelf = _EMPTY,
    proxy: TrustedProxy | None = None,
) -> list[Step]:
    """The same checks one by one, going on after a failure as far as the rest can be said. Never raises a HubError.

    A detail may quote what was received (digest, audience, certificate name): it is for the sender's own eyes. What
    would have to be fetched is said, not fetched.
    """
    state = State(request, signed_body, registry, now, chains, shelf, proxy)
    steps: list[Step] = []
    stopped = False
    for check in _in_turn(state):
        step = _skipped(check) if stopped else _step(check, state)
        stopped = stopped or (step.outcome == "failed" and (check.finds or step.code == "material.wanted"))
        steps.append(step)
    return steps


def _in_turn(state: State) -> Iterator[Check]:
    """Those of everybody, then those of the vendor's profile, which the first have found by then."""
    yield from checks_of(None)
    yield from checks_of(state.profile if state.vendor is not None else DEFAULT_PROFILE)


def _skipped(check: Check) -> Step:
    return Step(check.name, check.text_it, check.text_en, "skipped")


def _step(check: Check, state: State) -> Step:
    try:
        check.run(state)
    except Refusal as refusal:
        return _failed(check, refusal.code, refusal.note, refusal.facts)
    except Wanted as wanted:
        return _failed(check, "material.wanted", f"{wanted.source} {wanted.name.splitlines()[0][:300]}", "")
    except HubError as error:
        return Step(check.name, check.text_it, check.text_en, "failed", code=code_of(error), detail=error.detail)
    return Step(check.name, check.text_it, check.text_en, "ok")


def _failed(check: Check, code: str, note: str, facts: str) -> Step:
    cause = CAUSES[code]
    return Step(
        check.name,
        check.text_it,
        check.text_en,
        "failed",
        code=code,
        detail="; ".join(part for part in (note or cause.text, facts) if part),
        advice=cause.advice,
        advice_it=cause.advice_it,
    )
