"""`conformance`: tries a hub as a vendor would, or a vendor's client as a hub would; Italian first."""

from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final

import httpx
import orjson
import typer

from contracts.base import HttpsUrl, rfc3339
from contracts.callbacks import CallbackUrl
from contracts.identifiers import TaxCode
from hub.conformance.bulk import Portal
from hub.conformance.callbacks import CallReceiver
from hub.conformance.client import serving
from hub.conformance.report import Report, Result
from hub.conformance.several import PARALLEL
from hub.conformance.vendor import FIRST, Kit, Trial, chosen
from hub.security.channel import Form

from .agreed import TRUSTS, AtPdnd, door, issuing, key_of, party_of, profile_of
from .certifying import Certifying
from .console import Failed, WrongUsage, say, table
from .listening import Listening, try_client
from .options import checked, read_bytes

NOBODY: Final = "XXXXXX00A01X000P"
"""A tax code with the right form and check character; no place has its code, so nobody has it."""

PATIENCE_S: Final = 45.0
"""A hub that could not reach the simulated PDND before looks for it again only after a while."""

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
    trust: Annotated[
        str | None, typer.Option("--trust", help="x509, jwk or pdnd, as at `vendor add`; default: by --cert, --anchor.")
    ] = None,
    profile: Annotated[
        list[str] | None,
        typer.Option("--profile", metavar="NAME=VALUE", help="A setting as of `vendor set`; repeatable."),
    ] = None,
    public_url: Annotated[
        str | None, typer.Option("--public-url", help="The hub's URL as DPoP proofs name it; default: --target.")
    ] = None,
    receipt_iss: Annotated[
        str | None, typer.Option("--receipt-iss", help="`iss` of signed answers; default: URL/publish/v1, or --aud.")
    ] = None,
    pdnd_listen: Annotated[
        int | None,
        typer.Option(
            "--pdnd-listen", metavar="PORT", min=1, max=65535, help="Simulate PDND there: vouchers of all sorts."
        ),
    ] = None,
    pdnd_reader: Annotated[
        list[str] | None,
        typer.Option(
            "--pdnd-reader", metavar="ID=FILE", help="The hub's client of kind api there, and its public key."
        ),
    ] = None,
    token_url: Annotated[str | None, typer.Option("--token-url", help="PDND's, to ask for true vouchers.")] = None,
    pdnd_audience: Annotated[str | None, typer.Option("--pdnd-audience", help="`aud` of client assertions.")] = None,
    kid: Annotated[str | None, typer.Option("--kid", help="Of the client's key at PDND.")] = None,
    pdnd_key: Annotated[
        Path | None,
        typer.Option(
            "--pdnd-key", exists=True, dir_okay=False, help="The client's key at PDND, where it is not --key."
        ),
    ] = None,
    pdnd_jwks: Annotated[
        Path | None,
        typer.Option("--pdnd-jwks", exists=True, dir_okay=False, help="With --listen: the client's keys at PDND."),
    ] = None,
    batch: Annotated[bool, typer.Option("--batch", help="With --listen: the client publishes batches.")] = False,
    eservice_id: Annotated[str | None, typer.Option("--eservice-id", help="As at `ente pdnd`.")] = None,
    producer_id: Annotated[str | None, typer.Option("--producer-id")] = None,
    descriptor_id: Annotated[str | None, typer.Option("--descriptor-id")] = None,
    callback_listen: Annotated[
        int | None,
        typer.Option("--callback-listen", metavar="PORT", min=1, max=65535, help="Wait there for the hub's calls."),
    ] = None,
    callback_url: Annotated[
        str | None, typer.Option("--callback-url", help="How the hub calls that; with --listen: the vendor's address.")
    ] = None,
    callback_within_s: Annotated[float, typer.Option("--callback-within", min=1, help="Seconds to wait.")] = 120,
    portal_key: Annotated[
        Path | None, typer.Option("--portal-key", exists=True, dir_okay=False, help="To read files in ranges.")
    ] = None,
    portal_iss: Annotated[str | None, typer.Option("--portal-iss", help="The portal's id.")] = None,
    feed_aud: Annotated[str | None, typer.Option("--feed-aud", help="Default: URL/feed/v1.")] = None,
    authority: Annotated[
        Path | None,
        typer.Option("--authority", exists=True, file_okay=False, help="The vendor's test CA, of `keys new --ca`."),
    ] = None,
    status_listen: Annotated[
        int | None,
        typer.Option("--status-listen", metavar="PORT", min=1, max=65535, help="Serve its CRL, OCSP and x5u there."),
    ] = None,
    status_url: Annotated[str | None, typer.Option("--status-url", help="How the hub reaches that.")] = None,
    client_cert: Annotated[
        Path | None, typer.Option("--client-cert", exists=True, dir_okay=False, help="Of the connection, leaf first.")
    ] = None,
    client_key: Annotated[
        Path | None, typer.Option("--client-key", exists=True, dir_okay=False, help="Its private key, in PEM.")
    ] = None,
    client_cert_header: Annotated[
        str, typer.Option("--client-cert-header", help="Hand it over in this header, in the place of the TLS proxy.")
    ] = "",
    client_cert_form: Annotated[Form, typer.Option("--client-cert-form", help="Of that header.")] = "rfc9440",
    channel_anchor: Annotated[
        Path | None,
        typer.Option("--channel-anchor", exists=True, dir_okay=False, help="With --listen: the CA of its connection."),
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the report as JSON.")] = None,
    junit: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write it as JUnit XML.")] = None,
) -> None:
    """Try a hub with a vendor's requests (--target), or a vendor's client with a hub's answers (--listen)."""
    if (target is None) is (listen is None) or iss is None:
        raise WrongUsage("--target or --listen is needed, and --iss")
    if trust not in (None, *TRUSTS):
        raise WrongUsage(f"--trust: one of {', '.join(TRUSTS)}")
    ids = {"eserviceId": eservice_id, "producerId": producer_id, "descriptorId": descriptor_id}
    pdnd = AtPdnd(
        pdnd_listen,
        tuple(pdnd_reader or ()),
        checked(HttpsUrl, token_url, name="--token-url") if token_url else "",
        pdnd_audience or "",
        kid or "",
        pdnd_key,
        tuple((name, value) for name, value in ids.items() if value),
    )
    certifying = Certifying(
        authority, status_listen, status_url, client_cert, client_key, client_cert_header, client_cert_form
    )
    if listen is not None:
        report = try_client(
            Listening(
                port=listen,
                iss=iss,
                aud=aud,
                jwks=jwks,
                anchor=anchor,
                command=command,
                only=only,
                within_s=within_s,
                trust=trust,
                profile=profile,
                batch=batch,
                pdnd_port=pdnd_listen,
                pdnd_jwks=pdnd_jwks,
                callback_url=checked(CallbackUrl, callback_url, name="--callback-url") if callback_url else "",
                channel_anchor=channel_anchor,
                proxy=certifying.proxy,
            )
        )
        finish(report, json_file, junit)
        return
    if target is None or key is None:
        raise WrongUsage("--key is needed with --target")
    if (callback_listen is None) is not (callback_url is None):
        raise WrongUsage("--callback-listen and --callback-url go together: where to listen, and how the hub calls it")
    if (portal_key is None) is not (portal_iss is None):
        raise WrongUsage("--portal-key and --portal-iss go together")
    base = checked(HttpsUrl, target, name="--target").rstrip("/")
    own = key_of(key, cert, alg)
    agreed = profile_of(trust or ("x509" if cert is not None or authority is not None else "jwk"), profile)
    audience, public = aud or f"{base}/publish/v1", (public_url or base).rstrip("/")
    citizen = checked(TaxCode, tax_code, name="--tax-code")
    limits = httpx.Limits(max_connections=PARALLEL)
    with ExitStack() as stack:
        client = stack.enter_context(httpx.Client(timeout=30, follow_redirects=False, limits=limits))
        called = None
        if callback_listen is not None and callback_url is not None:
            address = checked(CallbackUrl, callback_url, name="--callback-url")
            called = CallReceiver(address, callback_within_s)
            stack.enter_context(serving(called, door(callback_listen, name="--callback-listen")))
        office = stack.enter_context(certifying.office(agreed, iss))
        own = certifying.own(own, agreed, office)
        channel = certifying.channel(agreed, office, iss)
        if channel is not None:
            stack.callback(channel.close)
        issuer = stack.enter_context(issuing(agreed, pdnd, key=own, aud=audience, http=client))
        trial = Trial(
            target=base,
            party=replace(
                party_of(iss=iss, aud=audience, key=own, profile=agreed, pdnd=pdnd, issuer=issuer, base_url=public),
                office=office,
                channel=channel,
            ),
            tax_code=citizen,
            only=only,
            path=path,
            body=read_bytes(body, name="--body") if body is not None else None,
            receipts=receipts,
            receipt_iss=receipt_iss or (f"{public}/publish/v1" if issuer is not None else audience),
            patience_s=PATIENCE_S if pdnd_listen is not None else 0,
            called=called,
            portal=_portal(portal_iss, portal_key, feed_aud or f"{public}/feed/v1", citizen),
        )
        kit = Kit(trial, client)
        if not chosen(only, kit.everything()) and only != FIRST.name:
            raise WrongUsage(f"--only: nothing is called {only}")
        report = kit.run()
    finish(report, json_file, junit)


def _portal(iss: str | None, key: Path | None, aud: str, tax_code: str) -> Portal | None:
    return (
        None if iss is None or key is None else Portal(iss, aud, key_of(key, None, None, name="--portal-key"), tax_code)
    )


def finish(report: Report, json_file: Path | None, junit: Path | None) -> None:
    """Tell and write it. Raises Failed where a case failed."""
    made = {"at": rfc3339(datetime.now(UTC)), "kit": f"raccordo {version('raccordo')}"}
    report = replace(report, facts=made | report.facts)
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
    if report.untested:
        say("Non provato, e perché / not tested, and why:")
    for each in report.untested:
        say(f"  {each.what}: {each.why}")


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
