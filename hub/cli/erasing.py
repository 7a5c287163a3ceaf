"""`erase`: destroying a citizen's key, and with it what was sealed under it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import typer

from contracts.rights_administration import Despite
from hub.backup.erasures import BadJournal, Journal, check_journal
from hub.backup.restoring import remove_files
from hub.evidence.sealing import seal_old_tokens
from hub.home import Home, sole
from hub.store.erasing import duties_to_keep, erase_citizen, others_at_work
from hub.store.requests_of_rights import ordered_erasures

from .citizens import citizen_of, subject_on_input
from .console import Failed, WrongUsage, complain, told
from .options import HOME, AsJson, EnteCode, HomeFolder, checked, ente_of, opened
from .revealing import log_access


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Whose erasure is to be made, and why in spite of a duty to keep."""

    citizen_id: str
    despite: str | None
    request_id: str | None = None
    ordered_at: datetime | None = None
    """The reason is of the duties that stood against it then, and of no later one."""


def erase(
    despite: Annotated[
        str | None,
        typer.Option("--despite", metavar="REASON", help="Erase in spite of a duty to keep; kept in the journal."),
    ] = None,
    ordered: Annotated[
        bool, typer.Option("--ordered", help="No tax code: all those that were ordered over HTTP.")
    ] = False,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Erase the citizen whose tax code comes on standard input; there is no way back. The hub must not be serving."""
    if ordered and despite is not None:
        raise WrongUsage("--despite: with --ordered the reasons are those of the orders")
    reason = None if despite is None else checked(Despite, despite, name="--despite")
    subject = None if ordered else subject_on_input()
    with opened(home) as one, sole(one.folder / "serve.lock"):
        with one.database.read() as connection:
            if others_at_work(connection):
                raise Failed("other processes of the hub are at work on this database: stop them first")
            ente_id = ente_of(connection, ente).ente_id
        note = f"keep a copy of {one.erasures} apart from the back-ups, a restore needs it"
        if subject is not None:
            wanted = _Wanted(citizen_of(one, ente_id, subject).citizen_id, reason)
            told(_erase(one, ente_id, wanted), as_json=as_json, text=f"erased; {note}")
        else:
            _carry_out(one, ente_id, note, as_json=as_json)


def _carry_out(home: Home, ente_id: str, note: str, *, as_json: bool) -> None:
    """What was ordered. A duty that came since then keeps one of them, and no other, from being done."""
    with home.database.read() as connection:
        orders = [
            _Wanted(row["citizen_id"], row["erasure_despite"], row["request_id"], row["erasure_ordered_at"])
            for row in ordered_erasures(connection, ente_id)
        ]
    done, refused = [], []
    for order in orders:
        try:
            done.append(_erase(home, ente_id, order) | {"request_id": order.request_id})
        except Failed as failure:
            complain(f"request {order.request_id}: {failure.format_message()}")
            refused.append(order.request_id)
    text = f"{len(done)} of {len(orders)} erased; {note}" if orders else "no erasure is ordered"
    told({"erased": done, "refused": refused}, as_json=as_json, text=text)
    if refused:
        raise Failed(f"{len(refused)} erasures that were ordered are not made")


def _erase(home: Home, ente_id: str, wanted: _Wanted) -> dict[str, Any]:
    """Raises Failed, and nobody is erased."""
    citizen_id = wanted.citizen_id
    since = None if wanted.despite is None else wanted.ordered_at
    with home.database.read() as connection:
        duties = duties_to_keep(connection, home.database.now(connection), ente_id, citizen_id, since=since)
    if duties and (wanted.despite is None or since is not None):
        why = ", ".join(f"{count} {what}" for what, count in duties.items())
        how = "--despite REASON erases" if wanted.request_id is None else "order it anew, with the reason"
        raise Failed(f"refused, as there is a duty to keep (GDPR art. 17(3)(b)): {why}; {how}")
    try:
        check_journal(home)
        Journal(home.erasures, home.key).add(ente_id, citizen_id, home.clock.now(), despite=wanted.despite)
    except BadJournal as problem:
        raise Failed(str(problem)) from None
    with home.database.write() as tx:
        files = erase_citizen(tx, ente_id, citizen_id)
    seal_old_tokens(home, (ente_id, citizen_id))  # what is not sealed the destroyed key does not reach
    log_access(home, "erase_citizen", ente_id=ente_id, citizen_id=citizen_id)
    remove_files(home, files)
    return {"ente_id": ente_id, "citizen_id": citizen_id, "files": len(files)}
