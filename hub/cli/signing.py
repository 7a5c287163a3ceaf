"""`sign`: the headers of a vendor's signed request, printed or sent."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import httpx
import typer

from contracts.base import HttpsUrl
from hub.conformance.receipts import receipt_of
from hub.security.digest import digest_header
from hub.security.sign import sign_request

from .agreed import key_of
from .console import Failed, WrongUsage, emit, say
from .options import AsJson, checked, read_bytes
from .pdnd_signing import read_member, read_user, sign_as_member

METHODS = ("GET", "POST", "PUT")


def sign(
    key: Annotated[Path, typer.Option("--key", exists=True, dir_okay=False, help="Private key, PEM or JWK.")],
    iss: Annotated[str, typer.Option("--iss", help="The vendor's id.")],
    aud: Annotated[
        str | None, typer.Option("--aud", help="The audience that the ente published; of receipts, with --pdnd.")
    ] = None,
    cert: Annotated[
        Path | None, typer.Option("--cert", exists=True, dir_okay=False, help="Certificates, leaf first (x509).")
    ] = None,
    alg: Annotated[
        str | None,
        typer.Option("--alg", help="PS256, RS512, ...; by default what the JWK names, or RS256, ES256, EdDSA."),
    ] = None,
    method: Annotated[str, typer.Option("--method")] = "POST",
    url: Annotated[str | None, typer.Option("--url", help="Where it goes; needed for --send.")] = None,
    body: Annotated[Path | None, typer.Option("--body", metavar="FILE", help="- for standard input.")] = None,
    content_type: Annotated[str, typer.Option("--content-type")] = "application/json",
    signature_only: Annotated[
        bool, typer.Option("--signature-only", help="Agid-JWT-Signature alone, for a vendor that may.")
    ] = False,
    pdnd: Annotated[
        Path | None,
        typer.Option("--pdnd", metavar="FILE", help="Ask PDND for a voucher; its JSON: docs/pdnd.md."),
    ] = None,
    user: Annotated[
        list[str] | None,
        typer.Option("--user", metavar="NAME=VALUE", help="With --pdnd: tracked under AUDIT_REST_02; repeatable."),
    ] = None,
    dpop: Annotated[bool, typer.Option("--dpop", help="With --pdnd: a voucher bound to a key.")] = False,
    send: Annotated[
        bool, typer.Option("--send", help="Send it, print the answer and check the hub's receipt.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Sign a request: Authorization, Digest and Agid-JWT-Signature, one header a line."""
    verb = method.upper()
    if verb not in METHODS:
        raise WrongUsage(f"--method: one of {', '.join(METHODS)}")
    content = read_bytes(body, name="--body") if body is not None else b""
    media_type = content_type if content or verb != "GET" else None
    if pdnd is not None:
        member = read_member(pdnd)
        if cert is not None or signature_only or (dpop and url is None):
            raise WrongUsage("--pdnd goes with neither --cert nor --signature-only, and --dpop needs --url")
        headers = sign_as_member(
            member,
            key_of(key, None, alg),
            method=verb,
            url=url,
            body=content,
            content_type=media_type,
            user=read_user(user or ()),
            dpop=dpop,
        )
        aud = aud or member.eservice_audience
    elif aud is None or user or dpop:
        raise WrongUsage("--aud is needed" if aud is None else "--user and --dpop go with --pdnd alone")
    else:
        headers = sign_request(
            key_of(key, cert, alg),
            iss=iss,
            aud=aud,
            method=verb,
            url=url or "",
            body=content,
            content_type=media_type,
            now=datetime.now(UTC),
            authorization=not signature_only,
        )
    if send:
        if url is None:
            raise WrongUsage("--url is needed to --send")
        _send(verb, checked(HttpsUrl, url, name="--url"), headers, content, iss=iss, aud=aud, as_json=as_json)
    elif as_json:
        emit({"headers": headers})
    else:
        for name, value in headers.items():
            say(f"{name}: {value}")


def _send(method: str, url: str, headers: dict[str, str], body: bytes, *, iss: str, aud: str, as_json: bool) -> None:
    with httpx.Client(timeout=30, follow_redirects=False) as client:
        try:
            answer = client.request(method, url, content=body, headers=headers)
        except httpx.HTTPError as error:
            raise Failed(f"--url: no answer from {url}: {type(error).__name__}") from None
        receipt = receipt_of(answer, client, vendor_id=iss, audience=aud, request_digest=digest_header(body))
    if as_json:
        emit(
            {
                "status": answer.status_code,
                "headers": dict(answer.headers),
                "body": answer.json() if _is_json(answer) else answer.text,
                "receipt": {"verified": receipt.verified, "detail": receipt.detail},
            }
        )
    else:
        say(f"HTTP {answer.status_code} {answer.reason_phrase}")
        say(answer.text)
        say(f"receipt: {receipt.detail}")
    if receipt.verified is False:
        raise Failed("the hub's receipt does not hold; keep the answer and ask the municipality")
    if not answer.is_success:
        raise Failed(f"the hub answered {answer.status_code}")


def _is_json(answer: httpx.Response) -> bool:
    return "json" in answer.headers.get("content-type", "")
