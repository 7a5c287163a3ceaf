"""`ente pdnd-client check`: what PDND says of a client today, and what an administrator is to do about it."""

import asyncio
import re
from typing import Any, Final

from hub.store.pdnd_clients import PdndClients, PdndCredentials
from hub.trust.checking import Checked
from hub.trust.checking import check as ask
from hub.trust.environment import environment_of

from .console import Failed, emit, say
from .options import HOME, AsJson, EnteCode, HomeFolder, ente_of, opened
from .revealing import on_record

SKEW_S: Final = 5.0
"""Of what a clock may be off before it is worth a word; the date of an answer has whole seconds."""

_NOT_ACTIVE: Final = "activate it in PDND's back office, or ask the provider (erogatore) to approve it"
_COMPARE: Final = "compare with the back office, and `add` the client again under its name"
_ASSOCIATE: Final = "associate the client with the purpose in PDND's back office, or give the id of the one it has"
CODES: Final = {
    "015-0002": "the signature does not verify: --key is not the private key of the public one uploaded as {kid}; "
    + _COMPARE,
    "015-0007": f"--audience {{audience}} is not the one of this environment; {_COMPARE}",
    "015-0008": "PDND cannot use the assertion: most often --kid or the key is of another client or environment; "
    + _COMPARE,
    "015-0015": f"--client-id {{client_id}} is not what PDND expects; {_COMPARE}",
    "015-0016": f"--purpose-id {{purpose_id}} is not one of PDND; {_COMPARE}",
    "015-0019": "PDND takes the assertion for expired: the clock of this machine is behind",
    "015-0021": "PDND takes the assertion for one of the future: the clock of this machine is ahead",
    "015-0022": f"the purpose (finalità) {{purpose_id}} is not active; {_NOT_ACTIVE}",
    "015-0023": f"the agreement (richiesta di fruizione) behind the purpose is not active; {_NOT_ACTIVE}",
    "015-0024": "the version of the e-service is not active: ask its provider (erogatore)",
    "015-0033": "--purpose-id {purpose_id} is not a purpose of this client: " + _ASSOCIATE,
    "015-0035": "the client is one of kind api interop and names no purpose: `add` it again with --kind api",
    "015-0036": f"PDND does not know the key --kid {{kid}} of --client-id {{client_id}}, or it was deleted; {_COMPARE}",
    "015-0038": "PDND refuses the DPoP proof: the clock of this machine is ahead, or --token-url is not letter by "
    "letter the address that PDND knows",
}
"""By PDND's code: what it is about. Those above 0035 are given by the simulated PDND alone."""

WORDS: Final = {
    "invalid_client": f"PDND does not accept client id, kid, key or audience; {_COMPARE}",
    "invalid_request": "PDND does not understand the request: is --token-url its token endpoint?",
    "timeout": "{token_url} does not answer in time: is PDND at work, and may this machine reach it?",
    "throttled": "PDND asks for fewer requests: try again in a minute",
    "server_error": "PDND is not well: try again later",
    "redirected": "--token-url {token_url} is not PDND's token endpoint: it answers with another address",
    "malformed": "--token-url {token_url} is not PDND's token endpoint, or a proxy answers in its place",
    "token_type": "PDND gave a voucher of another kind: with --dpop where it gives none, or without where it must",
    "other_key": "PDND bound the voucher to another key",
    "other_digest": "PDND gave a voucher for other tracking evidence",
}
_UNREACHABLE: Final = {
    "no_such_host": "there is no host of that name, or the name server does not answer",
    "nobody_listens": "the connection is refused: another port, or a firewall",
    "certificate": "its TLS certificate cannot be trusted: a proxy that opens connections, or another server",
    "client_certificate": "the server does not take the client certificate, or demands one: --certificate",
    None: "the connection does not come about or breaks: proxy, firewall, routes, or --certificate is missing",
}


def check(name: str, ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """Really ask PDND for a voucher, and say in words what is wrong. Nothing is kept; the hub need not run."""
    with opened(home) as one:
        with one.database.read() as connection:
            body = ente_of(connection, ente)
            its = PdndClients(one.vault).load(connection).get((body.ente_id, name))
        if its is None:
            raise Failed(f"there is no PDND client {name!r} in {body.ente_id}")
        environment = environment_of(body.pdnd) if body.pdnd is not None else None
        with on_record(one, "check_pdnd_client", body.ente_id, f"pdnd-clients/{name}"):
            found = asyncio.run(ask(its, environment, one.clock))
    problem = explained(found, its)
    if as_json:
        emit(_shown(found, its, problem))
    else:
        for line in () if found.claims is None else _voucher_lines(found, its):
            say(line)
    if problem:
        raise Failed(f"{name}: {problem}")


def explained(found: Checked, its: PdndCredentials) -> str:
    """What is wrong and what helps; empty where the client works."""
    if found.problem:
        where = "the voucher is fine, but PDND's API of keys refuses it: " if found.at_api else ""
        return f"{where}{_words(found, its)} [{found.problem}]{_clock(found)}"
    if found.read_key is False:
        return f"the voucher is fine, but PDND's API of keys has no key {its.kid}: is --keys-url of this environment?"
    return ""


def _words(found: Checked, its: PdndCredentials) -> str:
    told = found.problem
    if told == "key_unusable":
        return f"{its.key_reference or 'the key'}: {found.why}"
    if told == "certificate_unusable":
        return f"{its.certificate_reference or 'the client certificate'}: {found.why}"
    if told == "unreachable":
        address = "--keys-url or --jwks-url of `ente pdnd`" if found.at_api else its.token_url
        return f"{address} cannot be reached: {_UNREACHABLE[found.detail]}"
    if told.startswith("status_") and found.at_api:
        return "--keys-url and --api-version of `ente pdnd` must be those of this environment; v3 needs --dpop"
    if told.startswith("status_"):
        return f"--token-url {its.token_url} is not PDND's token endpoint, or a proxy answers in its place"
    text = WORDS.get(told) or CODES.get(told)
    if told == "015-0033" and its.purpose_id is None:
        text = "--purpose-id is missing, as the client is no api interop: `add` it again with --kind consumer"
    if text is None and re.fullmatch("[0-9]{3}-[0-9]{4}", told):
        text = f"PDND refuses; its documentation says what the code means. Otherwise {_COMPARE}"
    if text is None or found.at_api:
        return "its answer cannot be used"
    return text.format(
        kid=its.kid,
        client_id=its.client_id,
        audience=its.audience,
        purpose_id=its.purpose_id,
        token_url=its.token_url,
    )


def _clock(found: Checked) -> str:
    if found.ahead_s is None or abs(found.ahead_s) < SKEW_S:
        return ""
    way = "ahead of" if found.ahead_s > 0 else "behind"
    return f"; the clock of this machine is {abs(found.ahead_s):.0f} s {way} PDND's: set it (NTP)"


def _voucher_lines(found: Checked, its: PdndCredentials) -> list[str]:
    assert found.claims is not None
    audience = found.claims.get("aud")
    lines = [
        f"PDND gave a voucher for {audience if isinstance(audience, str) else ', '.join(map(str, audience or ()))}"
    ]
    lines.append(f"it is valid for {found.lifetime_s} s, {'bound to a key (DPoP)' if its.bound else 'a bearer'}")
    if found.read_key:
        lines.append("PDND's API of keys took it and gave the client's own key")
    elif its.kind == "api" and found.read_key is None and not found.problem:
        lines.append("the API of keys was not tried: `raccordo ente pdnd --keys-url` says where it is")
    if told := _clock(found):
        lines.append(told.removeprefix("; "))
    return lines


def _shown(found: Checked, its: PdndCredentials, problem: str) -> dict[str, Any]:
    return {
        "name": its.name,
        "works": not problem,
        "problem": found.problem or None,
        "text": problem or None,
        "lifetime_s": found.lifetime_s or None,
        "audience": found.claims.get("aud") if found.claims else None,
        "read_key": found.read_key,
        "clock_ahead_s": found.ahead_s if found.ahead_s is None else round(found.ahead_s),
    }
