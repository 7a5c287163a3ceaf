"""What an administrator does: one change and one line of the access log, in one commit, whatever becomes of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Connection

from contracts.connector import Operation
from contracts.faults import bilingual
from hub.errors import HubError
from hub.security.left import EnteEnded
from hub.store.database import Tx
from hub.store.directory import has_left
from hub.store.handling import ADMIN_API
from hub.store.readers import Access, access_row
from hub.store.tables import clipped

Matches = Callable[[Mapping[str, Any]], None]
"""Held against a view before it is changed; raises PreconditionFailed where the caller saw something else."""

BEGINS = frozenset(
    {
        "accepted_proposal",
        "add_administrator",
        "add_connector",
        "add_delegation",
        "add_document_type",
        "add_pdnd_client",
        "add_portal",
        "add_service",
        "add_subscription_service",
        "add_vendor",
        "add_vendor_keys",
        "change_pdnd_registration",
        "draft_ranked_list",
        "enable_administrator",
        "import_attributes",
        "publish_ranked_list",
        "resume_broadcast",
        "rotate_vendor_keys",
        "set_identity_provider",
        "set_vendor_callbacks",
        "start_broadcast",
        "upload_source_file",
    }
)
"""What is not done any more for a body that leaves: it would register, publish or begin something, which nobody would
end. What brings to an end what is there, and what concerns the records that stay, is done for it as for any other."""

LONGEST_TARGET = 300
"""contracts.administration.Target."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, for which ente, and over what."""

    ente_id: str
    name: str
    """The account's name, or that of the system's user at the command line."""
    roles: frozenset[str] = frozenset()
    over: str = ADMIN_API
    request_id: str = "-"


@dataclass(frozen=True, slots=True)
class Acted:
    """What came of it. `before` and `after` hold neither secrets nor personal data."""

    answer: Any
    target: str
    """What was acted on, such as `connectors/io`."""
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    citizen_id: str | None = None
    item_id: str | None = None
    outcome: str = "ok"
    """`failed` where what was asked for was tried, and did not succeed."""


@dataclass(frozen=True, slots=True)
class Order:
    """Something to be done. `do` raises a HubError for what cannot be done; nothing of it is then written."""

    operation: str
    actor: Actor
    do: Callable[[Tx], Acted] = field(repr=False)
    target: str = "-"
    """For the record of an order that was refused."""


def may_be_done(connection: Connection, operation: str, ente_id: str) -> None:
    """Raises EnteEnded for what begins something, of a body that has left or begins to."""
    if operation in BEGINS:
        may_begin(connection, ente_id)


def may_be_run(connection: Connection, operation: Operation, ente_id: str) -> None:
    """The same of what an administrator does at a provider: an operation of a connector says of itself whether it
    begins something."""
    if operation.begins:
        may_begin(connection, ente_id)


def may_begin(connection: Connection, ente_id: str) -> None:
    """Raises EnteEnded for a body that has left or begins to."""
    if has_left(connection, ente_id):
        raise EnteEnded(
            bilingual(
                f"{ente_id} ha lasciato questo hub: per esso non si avvia né si registra più nulla",
                f"{ente_id} has left: nothing is begun or registered for it any more",
            )
        )


def carry_out(tx: Tx, orders: Sequence[Order]) -> list[Any]:
    """A Committer handler: for each order its answer, or the HubError that refused it, EnteEnded too. Both are in the
    access log."""
    answers: list[Any] = []
    for order in orders:
        try:
            with tx.connection.begin_nested():
                may_be_done(tx.connection, order.operation, order.actor.ente_id)
                acted = order.do(tx)
        except HubError as refusal:
            answers.append(refusal)
            tx.access_rows.append(_row(tx, order, Acted(None, order.target), refusal.code))
        else:
            answers.append(acted.answer)
            tx.access_rows.append(_row(tx, order, acted, acted.outcome))
    return answers


def record(actor: Actor, operation: str, outcome: str, target: str = "-") -> Access:
    """The line of something that changed nothing, such as a refusal before it was tried."""
    return Access(
        request_id=actor.request_id,
        ente_id=actor.ente_id,
        portal_id=actor.over,
        pseudonym=actor.name,
        acr="-",
        operation=operation,
        outcome=outcome,
        act={"target": target},
    )


def _row(tx: Tx, order: Order, acted: Acted, outcome: str) -> dict[str, Any]:
    # A name that is none may be as long as an address can be, and stands here although it was refused.
    told = {"target": clipped(acted.target, LONGEST_TARGET), "before": acted.before, "after": acted.after}
    # As it will be read again: its hash is over what the database gives back.
    act = orjson.loads(orjson.dumps({name: value for name, value in told.items() if value is not None}))
    line = record(order.actor, order.operation, outcome)
    return access_row(tx, line) | {"act": act, "citizen_id": acted.citizen_id, "item_id": acted.item_id}
