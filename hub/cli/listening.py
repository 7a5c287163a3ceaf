"""`conformance --listen`: a hub that tries a vendor's client, and calls the vendor's address."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import httpx
import orjson

from contracts.addresses import LOOPBACK
from hub.clock import SystemClock
from hub.conformance import calling
from hub.conformance.beside import Issuing
from hub.conformance.client import by_hand, by_running, chosen, serving
from hub.conformance.listener import ENTE, Listener
from hub.conformance.report import Report, called
from hub.conformance.scenarios import Scenario, left_out, scenarios_of
from hub.profile import Profile
from hub.registry import Key, KeyKind, TrustKind, Vendor
from hub.security.algorithms import ALGORITHMS
from hub.security.channel import TrustedProxy
from hub.security.material import Held, Wanted
from hub.trust.certificates import CertificateFetchers
from hub.trust.outside import Outside

from .agreed import HOST, door, profile_of, simulated
from .console import WrongUsage, say
from .trust_material import read_jwks, read_material


@dataclass(frozen=True, slots=True)
class Listening:
    """What the options say of a vendor's client. `{url}` in the command is where the hub is."""

    port: int
    iss: str
    aud: str | None
    jwks: Path | None
    anchor: Path | None
    command: str | None
    only: str
    within_s: float
    trust: str | None
    profile: list[str] | None
    batch: bool
    pdnd_port: int | None
    pdnd_jwks: Path | None
    callback_url: str
    channel_anchor: Path | None = None
    proxy: TrustedProxy | None = None
    """Who hands over client certificates (ID_AUTH_CHANNEL_02)."""


def try_client(given: Listening) -> Report:
    """Serve until every scenario was seen."""
    trust = given.trust or ("jwk" if given.jwks is not None else "x509")
    profile = profile_of(trust, given.profile)
    vendor = _vendor(given, cast(TrustKind, trust), profile)
    scenarios = chosen(given.only, scenarios_of(profile, batch=given.batch))
    calls = given.callback_url and any(called("callbacks", one[0], given.only) for one in calling.CASES)
    if not scenarios and not calls:
        raise WrongUsage(f"--only: nothing is called {given.only}")
    audience = given.aud or f"http://{HOST}:{given.port}/publish/v1"
    try:
        with _vouchers(given, profile, audience) as (issuing, words):
            listener = Listener(
                vendor=vendor,
                audience=audience,
                base_url=f"http://{HOST}:{given.port}" if issuing is not None else "",
                pdnd=issuing,
                proxy=given.proxy,
                fetch=_fetch,
            )
            with serving(listener, door(given.port, name="--listen")) as url:
                report = _run(given, listener, scenarios, words | {"url": url})
                if calls:
                    report = _called(given, listener, report)
    except FileNotFoundError as error:
        raise WrongUsage(f"--run: there is no {error.filename}") from None
    except PermissionError as error:
        raise WrongUsage(f"--run: {error.filename} may not be run") from None
    left = left_out(profile, batch=given.batch, callbacks=bool(given.callback_url))
    return replace(report, untested=left)


def _run(given: Listening, listener: Listener, scenarios: list[Scenario], words: dict[str, str]) -> Report:
    if not scenarios:
        return Report(given.callback_url, [])
    if given.command is not None:
        return by_running(listener, _split(given.command, words), scenarios, within_s=given.within_s)
    for name, value in words.items():
        say(f"{name}: {value}")
    say(f"in ascolto su / listening on {words['url']}")
    return by_hand(listener, scenarios, _ask)


def _called(given: Listening, listener: Listener, report: Report) -> Report:
    """The calls after the scenarios: the vendor's server reads the keys that the listener goes on publishing."""
    with httpx.Client(timeout=given.within_s, follow_redirects=False, trust_env=False) as http:
        calls = calling.Calls(
            http, given.callback_url, listener.key, listener.publish_audience, given.callback_url.partition("?")[0]
        )
        return replace(report, results=[*report.results, *calling.results(calls, given.only)])


@contextmanager
def _vouchers(given: Listening, profile: Profile, audience: str) -> Iterator[tuple[Issuing | None, dict[str, str]]]:
    """A simulated PDND with the vendor's client, where it has vouchers; and the words of commands."""
    if profile.authentication != "voucher":
        yield None, {}
        return
    client_id, purpose_id = sorted(profile.clients)[0], sorted(profile.purposes)[0]
    keys = given.pdnd_jwks or given.jwks
    if keys is None:
        raise WrongUsage("vouchers: --pdnd-jwks is needed, the client's public keys as uploaded to PDND")
    with simulated(given.pdnd_port or given.port + 1, ()) as platform:
        platform.records.add_client(client_id=client_id)
        kids = []
        for key in read_jwks(keys, name="--pdnd-jwks"):
            try:
                kids.append(platform.records.add_key(client_id, orjson.loads(key.material)))
            except ValueError as error:
                raise WrongUsage(f"--pdnd-jwks: {keys}: {error}") from None
        platform.records.add_purpose(client_id, audience=audience, purpose_id=purpose_id)
        words = {
            "token_url": f"{platform.base_url}/token.oauth2",
            "assertion_aud": platform.audience,
            "client_id": client_id,
            "purpose_id": purpose_id,
            "kid": kids[0],
        }
        yield Issuing(platform), words


async def _fetch(wanted: Wanted) -> Held:
    """What certificates name: chains behind `x5u`, CRLs, OCSP answers; here on this machine too."""
    outside = Outside(internal_hosts=LOOPBACK, loopback=True)
    try:
        return await CertificateFetchers(outside, SystemClock()).by_source()[wanted.source](wanted.name)
    finally:
        await outside.aclose()


def _split(command: str, words: dict[str, str]) -> list[str]:
    try:
        parts = shlex.split(command)
    except ValueError as error:
        raise WrongUsage(f"--run: {error}") from None
    if not parts:
        raise WrongUsage("--run: no command")
    return [_filled(part, words) for part in parts]


def _filled(part: str, words: dict[str, str]) -> str:
    for name, value in words.items():
        part = part.replace(f"{{{name}}}", value)
    return part


def _vendor(given: Listening, trust: TrustKind, profile: Profile) -> Vendor:
    if trust != "pdnd" and (given.jwks is None) is (given.anchor is None):
        raise WrongUsage("--listen needs --jwks or --anchor: what the municipality would register")
    found = read_material(
        trust,
        anchor=given.anchor,
        public_anchor=None,
        thumbprints=None,
        certificates=None,
        jwks=given.jwks if trust == "jwk" else None,
        channel_anchor=given.channel_anchor,
        channel_thumbprints=None,
        now=datetime.now(UTC),
    )
    keys = tuple(Key(str(n), cast(KeyKind, one.kind), one.material, one.kid) for n, one in enumerate(found))
    if not any(pair.startswith("algorithms=") for pair in given.profile or ()):
        profile = replace(profile, algorithms=frozenset(ALGORITHMS))
    return Vendor(ENTE, given.iss, given.iss, trust, True, keys, given.iss, profile=profile)


def _ask(scenario: Scenario) -> None:
    say(f"{scenario.group}/{scenario.name}: inviate un messaggio / send a message ({scenario.it} / {scenario.en})")
