"""`verify`: says to a vendor, step by step, why a signed request is or is not accepted. Italian first."""

from pathlib import Path
from typing import Annotated, Final

import typer

from hub.security.material import Shelf
from hub.security.modi import SignedRequest, Step

from .console import emit, one_line, say
from .explaining import BASE, Explanation, explanation, operation_of
from .header_files import read_headers
from .options import HOME, AsJson, HomeFolder, instant, opened, read_bytes

_MARKS: Final = {"ok": "ok  ", "failed": "NO  ", "skipped": "-   "}


def verify(
    headers: Annotated[
        Path, typer.Option("--headers", exists=True, dir_okay=False, help="`Name: value` lines, or JSON.")
    ],
    path: Annotated[str, typer.Option("--path", help="Path or URL called, such as /publish/v1/messages.")],
    body: Annotated[Path | None, typer.Option("--body", metavar="FILE", help="The bytes sent; - for stdin.")] = None,
    method: Annotated[str, typer.Option("--method")] = "POST",
    at: Annotated[str | None, typer.Option("--at", metavar="TIME", help="RFC 3339; by default now.")] = None,
    peer: Annotated[
        str,
        typer.Option("--peer", metavar="ADDRESS", help="Where the connection came from; a TLS proxy's."),
    ] = "",
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Explain why a vendor's signed request is or is not accepted; nothing is consumed or stored."""
    verb = method.upper()
    operation = operation_of(verb, path)
    content = read_bytes(body, name="--body") if body else b""
    # A DPoP proof names what was called below the ente's public URL.
    target = BASE + path.partition("?")[0].partition(BASE)[2]
    request = SignedRequest(verb, target, read_headers(headers), content, peer)
    with opened(home) as one:
        moment = instant(at, name="--at") if at else one.clock.now()
        found = explanation(one, request, operation, moment, shelf=Shelf())
    if as_json:
        _emit(found)
    else:
        _tell(found)
    if not found.accepted:
        raise typer.Exit(1)


def _emit(found: Explanation) -> None:
    emit(
        {
            "accepted": found.accepted,
            "steps": [
                {
                    "name": step.name,
                    "outcome": step.outcome,
                    "text_it": step.text_it,
                    "text_en": step.text_en,
                    "code": step.code,
                    "detail": step.detail,
                    "advice_it": step.advice_it,
                    "advice": step.advice,
                }
                for step in found.steps
            ],
            "faults": [
                {"pointer": fault.pointer, "code": fault.code, "detail": fault.detail} for fault in found.faults
            ],
        }
    )


def _tell(found: Explanation) -> None:
    for step in found.steps:
        _tell_step(step)
    for fault in found.faults:
        say(f"      {one_line(fault.pointer) or '/'}  {fault.code}: {fault.detail}")
    if found.accepted:
        say("La richiesta sarebbe accettata. / The request would be accepted.")
    else:
        say("La richiesta sarebbe rifiutata. / The request would be refused.")


def _tell_step(step: Step) -> None:
    say(f"{_MARKS[step.outcome]}{step.text_it} / {step.text_en}")
    if step.outcome != "failed":
        return
    say(f"      {step.code}: {step.detail}")
    for line in (step.advice_it, step.advice):
        if line:
            say(f"      -> {line}")
