"""Verifies mutated requests and holds each verdict against what must be true of every request."""

import json
import time
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from hub.errors import HubError
from hub.registry import Ente, Key, Registry, Vendor
from hub.security import jose, jwk, modi
from hub.security.algorithms import Algorithm, algorithms_of
from hub.security.causes import code_of
from hub.security.chains import ChainCache
from hub.security.headers import SignedRequest
from hub.security.material import Wanted
from hub.store.profiles import pdnd_of, profile_of

from .mutations import TOKENS, mutated

HERE = Path(__file__).parent
CORPUS = HERE / "corpus.json"
VECTORS = HERE.parent / "vectors"
MAX_CHECKS = 4
"""Signatures checked for one request: two tokens, each at most once to prove a new certificate and once as the rule."""


@dataclass
class World:
    """The vectors' registry, clock and good requests, and the keys with which the vendors sign."""

    registry: Registry
    now: datetime
    good: list[SignedRequest]
    signed: frozenset[str]
    """Signing inputs of the good requests: what the vendors did sign."""
    keys: dict[str, Any]


@dataclass
class Findings:
    """What a run met: verdicts by cause, and the first request of each."""

    seen: Counter[str] = field(default_factory=Counter)
    first: dict[str, SignedRequest] = field(default_factory=dict)


class Broken(AssertionError):
    """A request for which something did not hold; it is in `request`."""

    def __init__(self, what: str, request: SignedRequest) -> None:
        super().__init__(f"{what}\n{json.dumps(as_json(request))}")
        self.request = request


def as_json(request: SignedRequest) -> dict[str, Any]:
    return {
        "method": request.method,
        "target": request.target,
        "headers": [list(pair) for pair in request.headers],
        "body_base64": b64encode(request.body).decode(),
    }


def from_json(raw: dict[str, Any]) -> SignedRequest:
    headers = tuple((name, value) for name, value in raw["headers"])
    return SignedRequest(raw["method"], raw["target"], headers, b64decode(raw["body_base64"]))


def world() -> World:
    published = json.loads((VECTORS / "publish.json").read_text())
    raw = json.loads((VECTORS / "registry.json").read_text())
    good = [from_json(one["request"]) for one in published["vectors"] if "status" not in one["expect"]]
    signed = {value.rpartition(".")[0].removeprefix("Bearer ") for one in good for _, value in one.headers}
    keys = {}
    for pem in json.loads((VECTORS / "keys.json").read_text())["keys"].values():
        private: Any = load_pem_private_key(pem.encode(), None)
        if private.key_size in (256, 2048):  # others are in certificates alone, and signed anew are only JWK requests
            keys[jwk.thumbprint(private.public_key())] = private
    return World(_registry(raw), datetime.fromisoformat(published["now"]), good, frozenset(signed), keys)


def _registry(raw: dict[str, Any]) -> Registry:
    def key(one: dict[str, Any]) -> Key:
        times = {t: datetime.fromisoformat(one[t]) for t in ("valid_from", "valid_to", "revoked_at") if t in one}
        return Key(one["key_id"], one["kind"], one["material"], one.get("kid"), **times)

    absent = {"name": "", "public_url": "", "portal_url": ""}
    enti = tuple(Ente(**{**absent, **ente, "pdnd": pdnd_of(ente.get("pdnd"))}) for ente in raw["enti"])
    vendors = {}
    for one in raw["vendors"]:
        own = {**one, "name": "", "profile": profile_of(one.get("profile"))}
        fields = {**own, "keys": tuple(map(key, one["keys"])), "aliases": frozenset(one["aliases"])}
        for name in (one["vendor_id"], *one["aliases"]):
            vendors[one["ente_id"], name] = Vendor(**fields)
    return Registry(version=1, enti=enti, vendors=vendors)


def run(seed: int, enough: Callable[[int, float], bool]) -> Findings:
    """Mutates and verifies until `enough(count, seconds)`. The same seed makes the same requests in the same order.

    Raises:
        Broken
    """
    here, findings, random, started = world(), Findings(), Random(seed), time.monotonic()
    jwk_signed = [one for one in here.good if b"x5c" not in _protected(one)]
    kept = [from_json(one["request"]) for one in json.loads(CORPUS.read_text())] if CORPUS.exists() else []
    ours: set[str] = set()

    def sign(kid: str, signing_input: str) -> str:
        key = here.keys.get(kid)
        if key is None:
            return ""
        ours.add(signing_input)
        alg = algorithms_of(key)[0]
        return jose.base64url(jose.ALGORITHMS[alg].sign(key, signing_input.encode("utf-8", "replace")))

    with counted() as checks:
        for count, request in enumerate(_requests(here, kept, jwk_signed, sign, random)):
            if enough(count, time.monotonic() - started):
                return findings
            checks.clear()
            verdict = judge(request, here, here.signed | ours)
            if checks.total() > 2 * MAX_CHECKS:  # verified by `verify` and by `explain`
                raise Broken(f"{checks.total()} signatures were checked", request)
            findings.seen[verdict] += 1
            findings.first.setdefault(verdict, request)
    raise AssertionError("requests ended")


def _protected(request: SignedRequest) -> bytes:
    token = next(value for name, value in request.headers if name in TOKENS)
    return jose.unbase64url(token.rpartition(" ")[2].partition(".")[0].encode())


def _requests(
    here: World, kept: list[SignedRequest], jwk_signed: list[SignedRequest], sign: Any, random: Random
) -> Iterator[SignedRequest]:
    yield from here.good
    yield from kept
    while True:
        # Mostly requests that the mutation can sign anew: what they change gets past the signature.
        bases = random.choices((jwk_signed, here.good, kept or here.good), (5, 2, 3))[0]
        yield mutated(random.choice(bases), here.good, sign, random)


def judge(request: SignedRequest, here: World, signed: set[str] | frozenset[str]) -> str:
    """The cause of the refusal, "" where accepted.

    Raises:
        Broken: anything but a HubError came out, `explain` says otherwise, or what was accepted no vendor signed.
    """
    signed_body = request.method in ("POST", "PUT") or bool(request.body)
    arguments: dict[str, Any] = {
        "signed_body": signed_body,
        "registry": here.registry,
        "now": here.now,
        "chains": ChainCache(),
    }
    cause = ""
    try:
        verified = modi.verify(request, **arguments)
        if verified.refusal is not None:
            raise verified.refusal
    except Wanted as wanted:
        return f"wanted.{wanted.source}"
    except HubError as refusal:
        cause = code_of(refusal)
    except Exception as bug:
        raise Broken(f"{type(bug).__name__}: {bug}", request) from bug
    told = [step.code for step in modi.explain(request, **arguments | {"chains": ChainCache()}) if step.code]
    if told[:1] != ([cause] if cause else []):
        raise Broken(f"verify says {cause!r}, explain {told}", request)
    if not cause:
        _really(request, here, signed, signed_body=signed_body)
    return cause


def _really(request: SignedRequest, here: World, signed: set[str] | frozenset[str], *, signed_body: bool) -> None:
    """What was accepted, looked at in another way: who signed it, and whether it is this body and this moment."""
    found = {name: value.strip(" ").rpartition(" ")[2] for name, value in request.headers if name in TOKENS}
    for compact in found.values():
        if compact.rpartition(".")[0] not in signed:
            raise Broken("accepted, and nobody signed it", request)
        claims = jose.parse(compact).claims
        now = here.now.timestamp()
        if not now - 301 < claims["iat"] < now + 6 or not now < claims["exp"] <= claims["iat"] + 300:
            raise Broken("accepted out of its time", request)
        if not claims["jti"] or not claims["iss"]:
            raise Broken("accepted without a name", request)
    if not found:
        raise Broken("accepted without a token", request)
    if signed_body:
        digest = "SHA-256=" + b64encode(sha256(request.body).digest()).decode()
        entries = jose.parse(found["agid-jwt-signature"]).claims["signed_headers"]
        if {"digest": digest} not in [{k: v.replace("sha-256", "SHA-256") for k, v in one.items()} for one in entries]:
            raise Broken("accepted with a body that was not signed", request)


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Counts the checks of signatures, by algorithm: the measure of what a request costs."""
    checks: Counter[str] = Counter()
    real = dict(jose.ALGORITHMS)

    def counting(name: str, one: Algorithm) -> Algorithm:
        def verify(key: Any, signature: bytes, signed: bytes) -> None:
            checks[name] += 1
            one.verify(key, signature, signed)

        return replace(one, verify=verify)

    table: Any = jose.ALGORITHMS
    for name, one in real.items():
        table[name] = counting(name, one)
    try:
        yield checks
    finally:
        table.update(real)


def keep(findings: Findings) -> int:
    """Adds to the corpus the first request of each cause that it does not hold; how many those are."""
    corpus = json.loads(CORPUS.read_text()) if CORPUS.exists() else []
    held = {one["cause"] for one in corpus}
    fresh = [
        {"cause": cause, "request": as_json(request)}
        for cause, request in sorted(findings.first.items())
        if cause and cause not in held and len(json.dumps(as_json(request))) < 8_000
    ]
    CORPUS.write_text(json.dumps(corpus + fresh, indent=1) + "\n")
    return len(fresh)
