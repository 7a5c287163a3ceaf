"""Why a signed request is or is not accepted: the checks of the hub itself, over the registry of a home, one by one."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from contracts.items import COLLECTIONS
from contracts.publishing import Withdrawal
from hub.errors import Fault, HubError
from hub.home import Home
from hub.http.operations import PUBLISH, Operation
from hub.http.resolving import ROUNDS
from hub.ingest.canonical import parse, read_as
from hub.ingest.pipeline import Inbound, Pipeline
from hub.ingest.rules import RulesInForce
from hub.registry import Registry
from hub.security.chains import ChainCache
from hub.security.channel import trusted_proxy
from hub.security.material import Shelf, Wanted
from hub.security.modi import Outcome, SignedRequest, Step, Verified, explain, verify
from hub.store.directory import load_registry
from hub.store.replay import used_before

from .console import WrongUsage

BASE = "/publish/v1"

Fetch = Callable[[Wanted], None]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Every step, and where the body breaks its contract."""

    steps: tuple[Step, ...]
    faults: tuple[Fault, ...]

    @property
    def accepted(self) -> bool:
        return all(step.outcome == "ok" for step in self.steps)


@dataclass(frozen=True, slots=True)
class _At:
    moment: datetime

    def now(self) -> datetime:
        return self.moment


def operation_of(method: str, path: str) -> Operation:
    """The operation that a method and path (or a whole URL) call."""
    _, found, below = path.partition("?")[0].partition(BASE)
    if not found:
        raise WrongUsage(f"--path: it has no {BASE} in it; only requests of vendors are explained")
    matching = [
        each for each in PUBLISH if not each.public and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", each.path), below)
    ]
    if not matching:
        raise WrongUsage(f"--path: the publish API has no {BASE}{below}")
    for operation in matching:
        if operation.method == method:
            return operation
    raise WrongUsage(f"--method: {BASE}{below} takes {', '.join(each.method for each in matching)}, not {method}")


def explanation(
    home: Home, request: SignedRequest, operation: Operation, at: datetime, *, shelf: Shelf, fetch: Fetch | None = None
) -> Explanation:
    """The checks of the signatures, then, as far as they hold, those of the token's use and of the body.

    `fetch` puts on the shelf what a check wants; without it the explanation says what the hub would have fetched.
    """
    with home.database.read() as connection:
        registry = load_registry(connection)
        told: dict[str, Any] = {
            "signed_body": operation.signed_body,
            "registry": registry,
            "now": at,
            "shelf": shelf,
            "proxy": trusted_proxy(home.settings),
        }
        if fetch is not None:
            _gather(request, told, fetch)
        steps = explain(request, **told, chains=ChainCache())
        if any(step.name == "check_signatures" and step.outcome != "ok" for step in steps):
            return Explanation((*steps, _body_step("skipped")), ())
        if any(step.outcome != "ok" for step in steps):
            error = _parsed(operation, request.body)
        else:
            verified = verify(request, **told, chains=ChainCache())
            steps.append(_unused(connection, verified))
            error = _judged(home, registry, request, operation, verified, at)
    if error is None:
        return Explanation((*steps, _body_step("ok")), ())
    return Explanation((*steps, _body_step("failed", error)), error.faults)


def _gather(request: SignedRequest, told: dict[str, Any], fetch: Fetch) -> None:
    """What the checks want, fetched as a hub that runs would."""
    for _ in range(ROUNDS):
        try:
            verify(request, **told, chains=ChainCache())
        except Wanted as wanted:
            fetch(wanted)
        except HubError:
            return
        else:
            return


def _unused(connection: Connection, verified: Verified) -> Step:
    """Whether a token was consumed already: by this very request, or by one with the same jti."""
    seen = used_before(connection, verified.ente.ente_id, verified.signer, verified.used)
    name, text_it, text_en = "unused", "jti non è mai stato usato", "jti was not used before"
    if not seen:
        return Step(name, text_it, text_en, "ok")
    return Step(
        name,
        text_it,
        text_en,
        "failed",
        code="token.replayed",
        detail=f"used already in {', '.join(seen)}; the hub has seen this request",
        advice="Make both tokens anew for each call.",
        advice_it="Generate i token di nuovo a ogni chiamata.",
    )


def _judged(
    home: Home, registry: Registry, request: SignedRequest, operation: Operation, verified: Verified, at: datetime
) -> HubError | None:
    """What the intake line itself says of the verified request."""
    pipeline = Pipeline(
        clock=_At(at),
        registry=lambda: registry,
        route=lambda *_: (),
        keyed_hash=home.vault.keyed_hash,
        rules=RulesInForce(lambda: registry),
    )
    inbound = Inbound(request, "verify", operation.operation_id, operation.signed_body)
    collection = operation.path.strip("/")
    if collection in COLLECTIONS:
        return pipeline.publication(inbound, verified, collection).refusal
    if operation.path.endswith("/withdrawals"):
        return pipeline.withdrawal(inbound, verified, "verify").refusal
    return None


def _parsed(operation: Operation, body: bytes) -> HubError | None:
    collection = operation.path.strip("/")
    try:
        if collection in COLLECTIONS:
            parse(collection, body)
        elif operation.path.endswith("/withdrawals"):
            read_as(Withdrawal, body)
    except HubError as error:
        return error
    return None


def _body_step(outcome: Outcome, error: HubError | None = None) -> Step:
    return Step(
        "body",
        "Il corpo rispetta il contratto e i permessi",
        "The body keeps the contract and the permissions",
        outcome,
        code=error.code if error else "",
        detail=error.detail if error else "",
    )
