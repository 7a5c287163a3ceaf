"""`delivery close`: a person's decision that nothing more is to be done about deliveries that wait for one."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

import typer

from contracts.identifiers import holds_tax_code
from hub.store.database import Tx
from hub.store.directory import NotThere
from hub.store.operations import CLOSABLE, NotClosable, close_delivery, count_deliveries, list_deliveries
from hub.store.readers import record_access

from .console import Failed, WrongUsage, complain, confirm, table, told
from .deliveries import ConnectorOption, EnteOption, ReasonOption, SinceOption, StateOption, chosen
from .options import HOME, AsJson, HomeFolder, opened
from .revealing import access_of, committing, operator

_NOTE_LENGTH = 300


def close(
    note: Annotated[str, typer.Option("--note", help="Why; kept with the delivery. No personal data.")],
    delivery_id: Annotated[str | None, typer.Argument(metavar="[ID]")] = None,
    state: StateOption = None,
    connector: ConnectorOption = None,
    ente: EnteOption = None,
    reason: ReasonOption = None,
    since: SinceOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000)] = 100,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """End deliveries that wait for a person: nothing more is sent. Who decided is written to the access log."""
    several = (state, connector, ente, reason, since) != (None,) * 5
    if (delivery_id is not None) == several:
        raise WrongUsage("give the ID of a delivery, or --state, --connector and what else narrows them down")
    if state is not None and state not in CLOSABLE:
        raise WrongUsage(f"--state: one of {', '.join(sorted(CLOSABLE))}")
    if not 0 < len(note.strip()) <= _NOTE_LENGTH or holds_tax_code(note):
        raise WrongUsage(f"--note: 1 to {_NOTE_LENGTH} characters, without a tax code")
    with opened(home) as one:
        ids, more = [delivery_id or ""], 0
        if several:
            states = (state,) if state else tuple(sorted(CLOSABLE))
            wanted = chosen(states, connector, ente, reason, since)
            with one.database.read() as connection:
                ids = [str(row["delivery_id"]) for row in list_deliveries(connection, wanted, limit=limit)]
                more = count_deliveries(connection, wanted) - len(ids)
            confirm(f"close {len(ids)} deliveries, whose citizens may not have been told?", yes=yes or not ids)
        with committing(one) as committer:
            results = [committer.write(partial(_close, note=note.strip()), each) for each in ids]
    if not several:
        if isinstance(results[0], Failed):
            raise results[0]
        told(results[0], as_json=as_json, text=f"delivery {delivery_id} is closed (it was {results[0]['was']})")
        return
    table([each for each in results if not isinstance(each, Failed)], as_json=as_json, empty="no such delivery")
    if more:
        complain(f"note: {more} more remain; --limit takes them too")


def _close(tx: Tx, wishes: Sequence[str], *, note: str) -> list[dict[str, Any] | Failed]:
    """A Committer handler: the decision, and the record of it, in one commit."""
    return [_close_one(tx, each, note) for each in wishes]


def _close_one(tx: Tx, delivery_id: str, note: str) -> dict[str, Any] | Failed:
    try:
        row = close_delivery(tx, delivery_id, who=operator(), note=note)
    except NotThere:
        return Failed(f"there is no delivery {delivery_id!r}")
    except NotClosable as problem:
        return Failed(f"delivery {delivery_id} is {problem}: only {', '.join(sorted(CLOSABLE))} wait for a person")
    record_access(tx, [access_of(row, "close_delivery")])
    return {"delivery_id": delivery_id, "state": "closed", "was": row["state"], "connector_id": row["connector_id"]}
