"""`restrict`: hide an item from the feed and from its vendor without deleting it (GDPR art. 18), and undo it."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

import typer

from hub.store.database import Tx
from hub.store.directory import NotThere
from hub.store.readers import record_access
from hub.store.restricting import NotPossible, release
from hub.store.restricting import restrict as hide

from .console import Failed, told
from .options import HOME, AsJson, HomeFolder, opened
from .revealing import access, committing


def restrict(
    item_id: Annotated[str, typer.Argument(metavar="ITEM")],
    undo: Annotated[bool, typer.Option("--undo", help="Show it again.")] = False,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Hide an item: nobody reads it, nothing is sent about it. Who did so is in the access log."""
    with opened(home) as one, committing(one) as committer:
        result = committer.write(partial(_apply, undo=undo), item_id)
    told(result, as_json=as_json, text=f"item {item_id} is {result['lifecycle']}")


def _apply(tx: Tx, wishes: Sequence[str], *, undo: bool) -> list[dict[str, Any] | Failed]:
    """A Committer handler: the act, and the record of it, in one commit."""
    return [_one(tx, each, undo=undo) for each in wishes]


def _one(tx: Tx, item_id: str, *, undo: bool) -> dict[str, Any] | Failed:
    try:
        item = (release if undo else hide)(tx, item_id)
    except NotThere:
        return Failed(f"there is no item {item_id!r}")
    except NotPossible as problem:
        return Failed(str(problem))
    operation = "release_item" if undo else "restrict_item"
    where = {name: item[name] for name in ("ente_id", "citizen_id", "item_id")}
    record_access(tx, [access(operation, **where)])
    return {"item_id": item_id, "lifecycle": "active" if undo else "restricted"}
