"""`attribute`: what registers say of citizens, for forms to be filled in once (S40)."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from contracts.base import Code
from contracts.faults import sentence_of
from contracts.source_administration import RegisterExtract, RegisterPerson
from hub.admin.acting import carry_out
from hub.admin.registers import import_extract
from hub.errors import StoreUnavailable
from hub.store.attributes import AttributeKeeper
from hub.store.citizens import Citizens

from .console import Failed, WrongUsage, told
from .json_files import must_be_once
from .options import HOME, AsJson, EnteCode, HomeFolder, checked, ente_id_of, opened
from .revealing import actor_of, committing

group = typer.Typer(name="attribute", help="What registers say of citizens: shown to them, proposed to forms.")
_PIECE = 200


@group.command("import")
def import_(
    source: Annotated[str, typer.Option("--source", metavar="CODE", help="The register, such as anpr.")],
    file: Annotated[
        Path, typer.Option("--file", metavar="FILE", help="JSON lines {tax_code, as_of, attributes}; - for stdin.")
    ],
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Take in an extract of a register. Nothing of it is taken where a line is wrong; what is older than what is known
    changes nothing, so that the same extract can be taken in again."""
    checked(Code, source, name="--source")
    lines = list(_lines(file))
    people = changed = 0
    with opened(home) as one:
        code = ente_id_of(one, ente)
        keeper, actor = AttributeKeeper(Citizens(one.vault), one.vault), actor_of(code)
        with committing(one) as committer:
            for start in range(0, len(lines), _PIECE):
                extract = RegisterExtract(register_id=source, people=tuple(lines[start : start + _PIECE]))
                try:
                    answer = committer.write(carry_out, import_extract(keeper, actor, extract))
                except StoreUnavailable as fault:
                    raise Failed(f"after {people} people: {fault.code}: {fault.cause}; take it in again") from None
                people, changed = people + answer["people"], changed + answer["changed"]
    value = {"source": source, "people": people, "changed": changed}
    told(value, as_json=as_json, text=f"{people} people, {changed} values changed")


def _lines(file: Path) -> Iterator[RegisterPerson]:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUsage(f"--file: {error}") from None
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            person = RegisterPerson.model_validate_json(line)
        except ValidationError as error:
            # Never the input: it is about a person.
            faults: list[Any] = error.errors(include_input=False, include_url=False)
            where = ".".join(str(part) for part in faults[0]["loc"] if not _is_personal(part))
            raise WrongUsage(f"--file: line {number}: {where or 'the whole'}: {sentence_of(faults[0])}") from None
        must_be_once(line, name=f"--file: line {number}")
        yield person


def _is_personal(part: object) -> bool:
    return not isinstance(part, str) or part not in {"tax_code", "as_of", "attributes"}
