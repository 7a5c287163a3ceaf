"""`service proposals`, `accept`, `refuse`: the cards that vendors propose (`settled` 15)."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any

import typer

from contracts.identifiers import holds_tax_code
from hub.home import Home
from hub.store.catalogue import AlreadyDecided, Decision, Proposal, Proposals
from hub.store.citizens import Citizens
from hub.store.database import Tx
from hub.store.directory import NotThere

from .console import Failed, WrongUsage, table, told
from .options import HOME, AsJson, EnteCode, HomeFolder, ente_of, opened
from .revealing import administer, operator

_REASON_LENGTH = 200
ItemId = Annotated[str, typer.Argument(metavar="ITEM_ID", help="As `service proposals` shows it.")]


def proposals(
    every: Annotated[bool, typer.Option("--all", help="Those too that were accepted or refused.")] = False,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """The cards that vendors propose and that nobody has decided about."""
    with opened(home) as one, one.database.read() as connection:
        ente_id = ente_of(connection, ente).ente_id
        found = _of(one).find(connection, ente_id)
    rows = [_shown(each) for each in found if every or each.decision is None]
    table(rows, as_json=as_json, empty="no proposal waits")


def accept(item_id: ItemId, ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """Take a proposed card into the catalogue; term, level and keys stay the administrator's."""
    with opened(home) as one:
        done = _decide(one, ente, item_id, "accepted", None)
    told(done, as_json=as_json, text=f"the card of {done['service_id']} is as {done['vendor_id']} proposed it")


def refuse(
    item_id: ItemId,
    reason: Annotated[str, typer.Option("--reason", help="Its vendor reads it. No personal data.")],
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Leave the catalogue as it is, and tell the vendor why."""
    text = reason.strip()
    if not 0 < len(text) <= _REASON_LENGTH or not text.isprintable() or holds_tax_code(text):
        raise WrongUsage(f"--reason: a line of 1 to {_REASON_LENGTH} characters, without a tax code")
    with opened(home) as one:
        done = _decide(one, ente, item_id, "refused", text)
    told(done, as_json=as_json, text=f"the proposal for {done['service_id']} is refused")


commands: Mapping[str, Callable[..., None]] = {"proposals": proposals, "accept": accept, "refuse": refuse}


def _of(one: Home) -> Proposals:
    return Proposals(Citizens(one.vault), one.vault)


def _decide(one: Home, ente: str | None, item_id: str, decision: Decision, reason: str | None) -> dict[str, Any]:
    with one.database.read() as connection:
        ente_id = ente_of(connection, ente).ente_id
    act = partial(_one, of=_of(one), ente_id=ente_id, item_id=item_id, decision=decision, reason=reason)
    done: dict[str, Any] = administer(one, f"{decision}_proposal", ente_id, act, item_id=item_id)
    return done


def _one(
    tx: Tx, *, of: Proposals, ente_id: str, item_id: str, decision: Decision, reason: str | None
) -> dict[str, Any] | Failed:
    try:
        return _shown(of.decide(tx, ente_id, item_id, decision, who=operator(), reason=reason))
    except NotThere:
        return Failed(f"there is no proposal {item_id!r} in {ente_id}")
    except AlreadyDecided as before:
        return Failed(f"this version of the proposal is {before} already")


def _shown(proposal: Proposal) -> dict[str, Any]:
    return {
        "item_id": proposal.item_id,
        "vendor_id": proposal.vendor_id,
        "service_id": proposal.service_id,
        "version": proposal.version,
        "decision": proposal.decision,
        "received_at": proposal.received_at,
        "card": dict(proposal.card),
    }
