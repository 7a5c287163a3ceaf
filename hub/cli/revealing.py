"""What an operator does and sees: never without a line in the access log; personal data only when asked for."""

import getpass
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from contracts.connector import CALLBACK
from contracts.failures import Failure
from contracts.identifiers import new_uuid7
from hub.admin.acting import Acted, Actor, Order, carry_out, may_be_done, record
from hub.dispatch.actions import ActionLinks
from hub.dispatch.enclosures import Enclosures
from hub.dispatch.notices import Notices
from hub.dispatch.requests import claim_of
from hub.errors import HubError
from hub.home import Home
from hub.security.left import EnteEnded
from hub.store.citizens import Citizens
from hub.store.committer import Committer
from hub.store.database import Tx
from hub.store.directory import load_registry
from hub.store.files import Files
from hub.store.handling import OPERATOR
from hub.store.readers import Access, record_access

from .console import Failed

Reveal = Annotated[
    bool, typer.Option("--reveal", help="Show personal data too; who did so is written to the access log.")
]


@contextmanager
def committing(home: Home) -> Iterator[Committer]:
    """A committer, which every entry of the access log goes through, until the block ends."""
    committer = Committer(home.database)
    committer.start()
    try:
        yield committer
    finally:
        committer.close()


def log_reveal(home: Home, row: Mapping[str, Any], operation: str) -> None:
    """Record durably that somebody looks, before anything is shown."""
    with committing(home) as committer:
        committer.write(record_access, access_of(row, operation))


def log_access(
    home: Home, operation: str, *, ente_id: str, citizen_id: str | None = None, item_id: str | None = None
) -> None:
    """Record durably that an operator looks, or what was done."""
    with committing(home) as committer:
        committer.write(record_access, access(operation, ente_id=ente_id, citizen_id=citizen_id, item_id=item_id))


def record_together(committer: Committer, accesses: Sequence[Access]) -> None:
    """Record durably, in one commit, all of these."""
    committer.write(lambda tx, several: [record_access(tx, some) for some in several], accesses)


def administer(
    home: Home,
    operation: str,
    ente_id: str,
    act: Callable[[Tx], Any],
    *,
    item_id: str | None = None,
    citizen_of: Callable[[Any], str | None] = lambda _: None,
) -> Any:
    """Do what an administrator asks for, and write into the access log who did it, in one commit. Raises the Failed
    that `act` returns, and EnteEnded, which is in the log as well; otherwise its answer may say which citizen it
    concerns."""

    def handle(tx: Tx, wishes: Sequence[None]) -> list[Any]:
        try:
            may_be_done(tx.connection, operation, ente_id)
        except EnteEnded as refusal:
            record_access(tx, [replace(access(operation, ente_id=ente_id), outcome=refusal.code)])
            return [refusal for _ in wishes]
        answers = [act(tx) for _ in wishes]
        done = [answer for answer in answers if not isinstance(answer, Failed)]
        concerned = [citizen_of(answer) for answer in done]
        record_access(tx, [access(operation, ente_id=ente_id, citizen_id=one, item_id=item_id) for one in concerned])
        return answers

    with committing(home) as committer:
        return committer.write(handle, None)


def act(home: Home, operation: str, ente_id: str, do: Callable[[Tx], Acted | Failed]) -> Any:
    """Do what an administrator asks for, as the API does: with what was and what is now in the access log. Raises the
    Failed that `do` returns, and HubError."""

    def handle(tx: Tx, orders: Sequence[None]) -> list[Any]:
        refused: list[Failed] = []

        def done(inner: Tx) -> Acted:
            answer = do(inner)
            if isinstance(answer, Failed):
                refused.append(answer)
                raise HubError
            return answer

        found = carry_out(tx, [Order(operation, actor_of(ente_id), done) for _ in orders])
        return [refused[0]] if refused else found

    with committing(home) as committer:
        return committer.write(handle, None)


@contextmanager
def on_record(
    home: Home,
    operation: str,
    ente_id: str | None,
    target: str,
    *,
    may: Callable[[Connection], None] = lambda _: None,
) -> Iterator[dict[str, Any]]:
    """Something that is not done in one commit, for an ente or (None) for all: that it begins is in the access log
    before it does, and afterwards what came of it, to which the block may add: neither secrets nor personal data.
    Where `may` raises EnteEnded it does not begin, which is in the log as well."""
    with home.database.read() as connection:
        enti = [one.ente_id for one in load_registry(connection).enti] if ente_id is None else [ente_id]
    actors = [actor_of(each) for each in enti]

    def log(outcome: str, **more: Any) -> None:
        act = {"target": target} | more
        with committing(home) as committer:
            record_together(committer, [replace(record(actor, operation, outcome), act=act) for actor in actors])

    try:
        with home.database.read() as connection:
            may(connection)
    except EnteEnded as refusal:
        log(refusal.code)
        raise
    log("begun")
    after: dict[str, Any] = {"outcome": "failed"}
    try:
        yield after
        after["outcome"] = "done"
    except Failure as failure:
        after["reason"] = failure.reason
        raise
    finally:
        log("ok" if after["outcome"] == "done" else "failed", after=after)


def actor_of(ente_id: str) -> Actor:
    """Who is at the terminal, for what the administration of both ways does."""
    return Actor(ente_id, operator(), over=OPERATOR, request_id=new_uuid7())


def perform(home: Home, order: Order) -> Any:
    """Carry out an order of the administration, as the API does. Raises the HubError that refuses it."""
    with committing(home) as committer:
        return committer.write(carry_out, order)


def access_of(row: Mapping[str, Any], operation: str) -> Access:
    """The record that an operator dealt with a delivery."""
    return access(operation, ente_id=row["ente_id"], citizen_id=row["citizen_id"], item_id=row["message_id"])


def access(operation: str, *, ente_id: str, citizen_id: str | None = None, item_id: str | None = None) -> Access:
    """The record that an operator dealt with what concerns a citizen."""
    return Access(
        request_id=new_uuid7(),
        ente_id=ente_id,
        portal_id=OPERATOR,
        pseudonym=operator(),
        acr="-",
        operation=operation,
        outcome="ok",
        citizen_id=citizen_id,
        item_id=item_id,
        act={},
    )


def revealed(notices: Notices, row: Mapping[str, Any]) -> dict[str, Any]:
    """Whom the delivery concerns and what it says; nothing where it would not leave now (skipped, restricted, too
    early, something that goes along is lost), or tells a vendor."""
    if row["channel"] == CALLBACK:
        return {}
    with suppress(Failure):
        notice = notices.of(claim_of(row))
        return {
            "tax_code": notice.tax_code,
            "email": notice.email,
            "title": notice.title,
            "body_markdown": notice.body_markdown,
        }
    return {}


def notices_of(home: Home) -> Notices:
    """Notices as the dispatcher makes them, but with empty unsubscribe links: they are shown, not sent."""
    with home.database.read() as connection:
        registry, configs = load_registry(connection), home.configuration.load(connection)
    links = ActionLinks(home.vault, lambda ente_id: registry.ente(ente_id).public_url)
    enclosures = Enclosures(home.vault, Files(home.folder / "files", home.vault).get)
    citizens, nothing = Citizens(home.vault), lambda *_: None
    return Notices(
        home.database,
        home.vault,
        citizens,
        lambda: registry,
        lambda *_: "",
        links.make,
        nothing,
        enclosures,
        lambda *key: configs[key].environment if key in configs else "production",
    )


def operator() -> str:
    """Who is at the terminal, as the system names them."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run as a number without a name
        return "unknown"
