"""ID_AUTH_REST_02 with INTEGRITY_REST_01: who sent this request, and is it what they signed. The rules are in `checks`.

`verify` decides; `explain` says, check by check, the same to the one who asks for it at the command line.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from hub.errors import HubError
from hub.registry import Ente, Registry, Vendor

from .causes import CAUSES, Refusal, code_of
from .chains import ChainCache
from .checks import CHECKS, TIMES, State, check_signatures
from .claims import UsedToken, used_token
from .headers import SignedRequest

__all__ = ["CHECKS", "SignedRequest", "Step", "UsedToken", "Verified", "explain", "verify"]

Outcome = Literal["ok", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Verified:
    """A request whose every check held."""

    ente: Ente
    vendor: Vendor
    signer: str
    """Stable name of the key: `x5t#S256:<hex>` or `jwk:<RFC 7638 thumbprint>`."""
    used: tuple[UsedToken, ...]
    tokens: Mapping[str, str]
    """Header name -> compact JWS, for the evidence."""
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
    request: SignedRequest, *, signed_body: bool, registry: Registry, now: datetime, chains: ChainCache
) -> Verified:
    """Runs every check in order. `signed_body` is the operation's (POST, PUT), never read from the message.

    The caller consumes `used` in its replay store before anything takes effect.

    Raises:
        RequestRefused: a check before the sender is known failed; 401. The code is in `cause` alone.
        RequestMalformed: the same where a header is missing, repeated or malformed; 400.
    """
    state = State.start(request, signed_body=signed_body, registry=registry, now=now, chains=chains)
    held: HubError | None = None
    try:
        try:
            for check in CHECKS:
                check.run(state)
        except HubError as refusal:
            held = refusal
        used = tuple([used_token(one.header, one.token.claims, TIMES) for one in state.presented])
    except Refusal as refusal:
        raise refusal.error() from None
    return Verified(
        ente=state.ente,
        vendor=state.vendor,
        signer=state.presented[0].key.signer,
        used=used,
        tokens={one.header: one.compact for one in state.presented},
        refusal=held,
    )


def authenticate(
    request: SignedRequest, *, signed_body: bool, registry: Registry, now: datetime, chains: ChainCache
) -> Vendor:
    """The checks that need no body, through the signatures: whose it is, before a large one is read into memory.

    Raises:
        RequestRefused, RequestMalformed: as `verify`, which is still to be called with the body.
    """
    state = State.start(request, signed_body=signed_body, registry=registry, now=now, chains=chains)
    try:
        for check in CHECKS:
            check.run(state)
            if check.run is check_signatures:
                break
    except Refusal as refusal:
        raise refusal.error() from None
    return state.vendor


def explain(
    request: SignedRequest, *, signed_body: bool, registry: Registry, now: datetime, chains: ChainCache
) -> list[Step]:
    """The same checks one by one, going on after a failure as far as the rest can be said. Never raises a HubError.

    A detail may quote what was received (digest, audience, certificate name): it is for the sender's own eyes.
    """
    state = State.start(request, signed_body=signed_body, registry=registry, now=now, chains=chains)
    steps: list[Step] = []
    stopped = False
    for check in CHECKS:
        if stopped:
            steps.append(Step(check.name, check.text_it, check.text_en, "skipped"))
            continue
        try:
            check.run(state)
            steps.append(Step(check.name, check.text_it, check.text_en, "ok"))
        except Refusal as refusal:
            stopped = check.finds
            cause = CAUSES[refusal.code]
            detail = "; ".join(part for part in (refusal.note or cause.text, refusal.facts) if part)
            steps.append(
                Step(
                    check.name,
                    check.text_it,
                    check.text_en,
                    "failed",
                    code=refusal.code,
                    detail=detail,
                    advice=cause.advice,
                    advice_it=cause.advice_it,
                )
            )
        except HubError as error:
            steps.append(
                Step(check.name, check.text_it, check.text_en, "failed", code=code_of(error), detail=error.detail)
            )
    return steps
