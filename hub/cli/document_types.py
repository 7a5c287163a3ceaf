"""`document-type`: the vocabulary of documents, which is the administrator's (S54)."""

from dataclasses import asdict, replace
from typing import Annotated, Any

import typer

from contracts.base import Code, Label
from hub.admin.acting import Acted
from hub.registry import OTHERS, DocumentType
from hub.store.database import Tx
from hub.store.directory import AlreadyThere, NotThere, load_registry
from hub.store.document_types import add_type, change_type, remove_type, set_others

from .console import Failed, WrongUsage, table, told
from .options import HOME, AsJson, EnteCode, HomeFolder, checked, ente_id_of, opened
from .revealing import act

group = typer.Typer(name="document-type", help="The types of documents.")

TypeId = Annotated[str, typer.Argument(metavar="TYPE", help="As vendors write it in doc_type.")]
LabelIt = Annotated[str | None, typer.Option("--label-it", help="The name that citizens read in Italian.")]
LabelEn = Annotated[str | None, typer.Option("--label-en", help="The same in English.")]
Months = Annotated[
    int | None, typer.Option("--retention-months", min=1, max=1200, help="How long such documents are kept: a hint.")
]
Copy = Annotated[
    bool | None,
    typer.Option("--keep-copy/--no-copy", help="Of files by reference, keep a copy under the citizen's key."),
]


@group.command("add")
def add(
    doc_type: TypeId,
    label_it: LabelIt = None,
    label_en: LabelEn = None,
    retention_months: Months = None,
    keep_copy: Copy = None,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """List a type of document."""
    if label_it is None or label_en is None:
        raise WrongUsage("--label-it and --label-en are needed: citizens read one of them")
    record = _with(DocumentType(), label_it, label_en, retention_months, keep_copy)
    _write("add", doc_type, ente, home, as_json, lambda tx, code: add_type(tx, code, doc_type, record), "is listed")


@group.command("change")
def change(
    doc_type: TypeId,
    label_it: LabelIt = None,
    label_en: LabelEn = None,
    retention_months: Months = None,
    keep_copy: Copy = None,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Change what is given, and nothing else."""

    def put(tx: Tx, ente_id: str) -> None:
        before = load_registry(tx.connection).document_type(ente_id, doc_type)
        if before is None:
            raise NotThere(doc_type)
        change_type(tx, ente_id, doc_type, _with(before, label_it, label_en, retention_months, keep_copy))

    _write("change", doc_type, ente, home, as_json, put, "is changed")


@group.command("remove")
def remove(doc_type: TypeId, ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """Take a type off the list. Documents of it stay as they are."""
    _write("remove", doc_type, ente, home, as_json, lambda tx, code: remove_type(tx, code, doc_type), "is off the list")


@group.command("others")
def others(
    refuse: Annotated[bool, typer.Option("--refuse/--accept", help="Whether vendors may use types not listed.")],
    keep_copy: Copy = None,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Decide about documents of types that are not listed: accepted, and the types noted in the list; or refused."""
    word = "refused" if refuse else "accepted, and noted in the list"
    with opened(home) as one:
        ente_id = ente_id_of(one, ente)

        def put(tx: Tx) -> Acted:
            before = _kept(tx, ente_id, OTHERS)
            set_others(tx, ente_id, refused=refuse, keep_copy=bool(keep_copy))
            return Acted(None, _target(OTHERS), before, _kept(tx, ente_id, OTHERS))

        act(one, "change_document_type", ente_id, put)
    told(
        {"ente_id": ente_id, "refused": refuse, "keep_copy": bool(keep_copy)},
        as_json=as_json,
        text=f"documents of types that {ente_id} does not list are {word}",
    )


@group.command("list")
def list_(home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """The types; those that vendors used although they are not listed; and what becomes of others (`*`)."""
    with opened(home) as one, one.database.read() as connection:
        found = load_registry(connection).document_types
    rows: list[dict[str, Any]] = [
        {
            "ente_id": ente_id,
            "doc_type": doc_type,
            "label_it": kept.label_it,
            "label_en": kept.label_en,
            "retention_months": kept.retention_months,
            "keep_copy": kept.keep_copy,
            "status": "refused"
            if kept.refused
            else "accepted"
            if doc_type == OTHERS
            else f"not listed, used by {kept.seen}"
            if kept.seen
            else "listed",
        }
        for (ente_id, doc_type), kept in sorted(found.items())
    ]
    table(rows, as_json=as_json, empty="no type is listed: documents of every type are accepted")


def _with(
    before: DocumentType, label_it: str | None, label_en: str | None, months: int | None, keep_copy: bool | None
) -> DocumentType:
    given: dict[str, Any] = {
        "label_it": checked(Label, label_it, name="--label-it") if label_it is not None else None,
        "label_en": checked(Label, label_en, name="--label-en") if label_en is not None else None,
        "retention_months": months,
        "keep_copy": keep_copy,
    }
    return replace(before, **{name: value for name, value in given.items() if value is not None})


def _write(what: str, doc_type: str, ente: str | None, home: Any, as_json: bool, do: Any, done: str) -> None:
    checked(Code, doc_type, name="the type")
    with opened(home) as one:
        ente_id = ente_id_of(one, ente)

        def put(tx: Tx) -> Acted | Failed:
            before = _kept(tx, ente_id, doc_type)
            try:
                do(tx, ente_id)
            except AlreadyThere:
                return Failed(f"{ente_id} lists a document type {doc_type!r} already")
            except NotThere:
                return Failed(f"{ente_id} lists no document type {doc_type!r}")
            return Acted(None, _target(doc_type), before, _kept(tx, ente_id, doc_type))

        act(one, f"{what}_document_type", ente_id, put)
    told({"ente_id": ente_id, "doc_type": doc_type}, as_json=as_json, text=f"document type {doc_type} {done}")


def _kept(tx: Tx, ente_id: str, doc_type: str) -> dict[str, Any] | None:
    found = load_registry(tx.connection).document_types.get((ente_id, doc_type))
    return None if found is None else asdict(found)


def _target(doc_type: str) -> str:
    return f"document-types/{doc_type}"
