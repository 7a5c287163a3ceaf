"""`conformance`: tries a hub as a vendor would, or a vendor's client as a hub would; Italian first."""

from pathlib import Path
from typing import Annotated, Final, cast

import httpx
import orjson
import typer

from contracts.base import HttpsUrl
from contracts.identifiers import TaxCode
from hub.conformance.client import chosen as scenarios
from hub.conformance.draft import Party
from hub.conformance.report import Report, Result
from hub.conformance.several import PARALLEL
from hub.conformance.vendor import FIRST, Kit, Trial
from hub.conformance.vendor import chosen as cases
from hub.security.causes import Refusal
from hub.security.keys import KeyType, new_key
from hub.security.sign import SigningKey

from .console import Failed, WrongUsage, say, table
from .listening import try_client
from .options import checked, read_bytes

NOBODY: Final = "XXXXXX00A01X000P"
"""A tax code with the right form and check character; no place has its code, so nobody has it."""

_MARKS: Final = {"passed": "ok", "failed": "NO", "skipped": "-"}


def conformance(
    target: Annotated[str | None, typer.Option("--target", metavar="URL", help="The hub's base URL.")] = None,
    key: Annotated[
        Path | None, typer.Option("--key", exists=True, dir_okay=False, help="The vendor's private key, PEM or JWK.")
    ] = None,
    iss: Annotated[str | None, typer.Option("--iss", help="The vendor's id.")] = None,
    cert: Annotated[
        Path | None, typer.Option("--cert", exists=True, dir_okay=False, help="Certificates, leaf first (x509).")
    ] = None,
    alg: Annotated[str | None, typer.Option("--alg", help="By default what the key suggests.")] = None,
    aud: Annotated[
        str | None, typer.Option("--aud", help="The audience that the ente published; by default URL/publish/v1.")
    ] = None,
    tax_code: Annotated[
        str, typer.Option("--tax-code", help="Of the test citizen to whom one silent message is published.")
    ] = NOBODY,
    only: Annotated[str, typer.Option("--only", metavar="PATTERN", help="Such as 'alg-*' or 'integrity/*'.")] = "*",
    path: Annotated[str, typer.Option("--path", help="Where to POST.")] = "/publish/v1/messages",
    body: Annotated[
        Path | None, typer.Option("--body", metavar="FILE", help="JSON to publish instead, to another API.")
    ] = None,
    receipts: Annotated[
        bool, typer.Option("--receipts/--no-receipts", help="Whether answers must be signed receipts.")
    ] = True,
    listen: Annotated[
        int | None, typer.Option("--listen", metavar="PORT", min=1, max=65535, help="Be a hub, for a vendor's client.")
    ] = None,
    jwks: Annotated[
        Path | None, typer.Option("--jwks", exists=True, dir_okay=False, help="With --listen: the vendor's keys.")
    ] = None,
    anchor: Annotated[
        Path | None, typer.Option("--anchor", exists=True, dir_okay=False, help="With --listen: the vendor's CA.")
    ] = None,
    command: Annotated[
        str | None, typer.Option("--run", metavar="COMMAND", help="The client, run once a scenario; {url} is the hub.")
    ] = None,
    within_s: Annotated[float, typer.Option("--within", min=1, help="Seconds that each run of it may take.")] = 60,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the report as JSON.")] = None,
    junit: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write it as JUnit XML.")] = None,
) -> None:
    """Try a hub with a vendor's requests (--target), or a vendor's client with a hub's answers (--listen)."""
    if (target is None) is (listen is None) or iss is None:
        raise WrongUsage("--target or --listen is needed, and --iss")
    known = scenarios(only) if listen is not None else cases(only) or only == FIRST.name
    if not known:
        raise WrongUsage(f"--only: nothing is called {only}")
    if listen is not None:
        report = try_client(
            listen, iss=iss, aud=aud, jwks=jwks, anchor=anchor, command=command, only=only, within_s=within_s
        )
        finish(report, json_file, junit)
        return
    if target is None or key is None:
        raise WrongUsage("--key is needed with --target")
    base = checked(HttpsUrl, target, name="--target").rstrip("/")
    trial = Trial(
        target=base,
        party=_party(iss, aud or f"{base}/publish/v1", key, cert, alg),
        tax_code=checked(TaxCode, tax_code, name="--tax-code"),
        only=only,
        path=path,
        body=read_bytes(body, name="--body") if body is not None else None,
        receipts=receipts,
    )
    limits = httpx.Limits(max_connections=PARALLEL)
    with httpx.Client(timeout=30, follow_redirects=False, limits=limits) as client:
        report = Kit(trial, client).run()
    finish(report, json_file, junit)


def _party(iss: str, aud: str, key: Path, cert: Path | None, alg: str | None) -> Party:
    try:
        own = SigningKey.load(key, cert, alg)
    except (ValueError, TypeError, Refusal) as error:
        reason = error.note if isinstance(error, Refusal) else str(error)
        raise WrongUsage(f"--key: {key} cannot be used: {reason}") from None
    kind = cast(KeyType, own.alg.lower())
    return Party(iss, aud, own, SigningKey(new_key(kind), chosen=own.alg))


def finish(report: Report, json_file: Path | None, junit: Path | None) -> None:
    """Tell and write it. Raises Failed where a case failed."""
    _tell(report)
    if json_file is not None:
        _write(json_file, orjson.dumps(report.as_json(), option=orjson.OPT_INDENT_2) + b"\n", name="--json")
    if junit is not None:
        _write(junit, report.as_junit(), name="--junit")
    if not report.holds:
        raise Failed(f"{report.count('failed')} of {len(report.results)} cases failed")


def _tell(report: Report) -> None:
    say(report.tried)
    table([_row(one) for one in report.results], as_json=False, empty="")
    for one in report.results:
        if one.outcome == "failed":
            say(f"NO  {one.group}/{one.name}: {one.detail}")
    say(
        "{passed} superati, {failed} falliti, {skipped} non provati / passed, failed, not tried".format(**report.counts)
    )
    for name, value in report.facts.items():
        say(f"{name}: {value}")


def _row(one: Result) -> dict[str, str]:
    return {
        "": _MARKS[one.outcome],
        "caso / case": f"{one.group}/{one.name}",
        "cosa si prova / what is tried": f"{one.it} / {one.en}",
        "atteso / expected": one.expected,
        "risposta / answer": one.answered,
    }


def _write(path: Path, content: bytes, *, name: str) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise WrongUsage(f"{name}: cannot write {path}: {error.strerror}") from None
