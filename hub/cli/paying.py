"""`payment cart` and `payment notice`: where a citizen pays, and the notice on paper (of many: `.printing`)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection

from contracts.base import HttpsUrl
from contracts.connector import Connector
from contracts.party import EmailAddress
from contracts.paying import MOST_IN_A_CART, Debtor, Returns
from hub.dispatch.carts import Carts, Owed, owed_of
from hub.dispatch.pool import ConnectorPool, in_turn
from hub.errors import HubError
from hub.home import Home
from hub.registry import Registry
from hub.store.citizens import Citizens
from hub.store.directory import load_registry
from hub.store.opening import opened as opened_item
from hub.store.readers import record_access
from hub.store.snapshot import Snapshot
from hub.store.vendor_reading import item_by_id
from hub.store.vendor_records import is_on_trial

from .connector_settings import connected
from .console import Failed, WrongUsage, told
from .new_files import new_file
from .options import HOME, AsJson, HomeFolder, checked, opened
from .revealing import access, committing

Items = Annotated[list[str], typer.Argument(metavar="ITEM_ID...", help=f"Payments, up to {MOST_IN_A_CART}.")]


def cart(
    item_ids: Items,
    ok: Annotated[str, typer.Option("--ok", metavar="URL", help="Where the browser goes after a payment.")],
    cancel: Annotated[str, typer.Option("--cancel", metavar="URL")],
    error: Annotated[str, typer.Option("--error", metavar="URL")],
    email: Annotated[str | None, typer.Option("--email", help="Where Checkout writes to.")] = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Make a Checkout cart of one citizen's payments, and say where a browser is to be sent. That it comes back proves
    nothing: receipts do."""
    if len(item_ids) > MOST_IN_A_CART:
        raise WrongUsage(f"a cart holds {MOST_IN_A_CART} notices at most")
    urls = {"ok": ok, "cancel": cancel, "error": error}
    returns = Returns(**{name: checked(HttpsUrl, url, name=f"--{name}") for name, url in urls.items()})
    if email is not None:
        checked(EmailAddress, email, name="--email")
    with opened(home) as one:
        url = made(one, owed_by(one, item_ids), returns, email)
    told({"url": url}, as_json=as_json, text=url)


def notice(
    item_id: Annotated[str, typer.Argument(metavar="ITEM_ID")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The PDF; a file that is there is not replaced.")],
    full_name: Annotated[str, typer.Option("--name", help="To whom: full name.")],
    address: Annotated[str, typer.Option("--address", help="Street, without its number.")],
    number: Annotated[str, typer.Option("--number", help="Of the building.")],
    city: Annotated[str, typer.Option("--city")],
    postal_code: Annotated[str, typer.Option("--postal-code")],
    province: Annotated[str, typer.Option("--province", help="Two letters.")],
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Have pagoPA print a payment's notice."""
    debtor = Debtor(
        full_name=full_name,
        address=address,
        building_number=number,
        city=city,
        postal_code=postal_code,
        province=province,
    )
    with opened(home) as one:
        (owed,) = owed_by(one, [item_id])
        with new_file(out) as file, of_creditor(one, owed) as connector:
            assert connector.printed is not None
            log_owed(one, "print_notice", [owed])
            content = connector.printed(owed.notice, debtor, owed.tax_code)
            file.write(content)
    told({"file": str(out), "bytes": len(content)}, as_json=as_json, text=f"wrote {out}, {len(content)} bytes")


def made(home: Home, owed: Sequence[Owed], returns: Returns, email: str | None) -> str:
    """The address of a cart, as the feed makes it too. Raises Failed for what cannot be in one, or is refused."""
    pool = ConnectorPool(home.types, Snapshot(home.database, "connectors", home.configuration.load))
    carts = Carts(pool)
    try:
        planned = carts.plan(owed, returns, email)
        log_owed(home, "make_cart", owed)
        return carts.make(planned)
    except HubError as refusal:
        why = [f"{owed[int(each.pointer.rpartition('/')[2])].item_id}: {each.detail}" for each in refusal.faults]
        raise Failed("; ".join([f"{refusal.code}: {refusal.cause or refusal.detail}", *why])) from None
    finally:
        pool.close()


def log_owed(home: Home, operation: str, owed: Iterable[Owed]) -> None:
    """Record durably, in one commit, whose payments an operator deals with."""
    made = [access(operation, ente_id=one.ente_id, citizen_id=one.citizen_id, item_id=one.item_id) for one in owed]
    with committing(home) as committer:
        committer.write(lambda tx, several: [record_access(tx, some) for some in several], made)


def owed_by(home: Home, item_ids: Iterable[str]) -> list[Owed]:
    """Raises Failed for what is no payment that can be made now."""
    with home.database.read() as connection:
        registry = load_registry(connection)
        return [_owed(home, connection, registry, item_id) for item_id in item_ids]


def _owed(home: Home, connection: Connection, registry: Registry, item_id: str) -> Owed:
    found = item_by_id(connection, item_id)
    if found is None or found["collection"] != "payments":
        raise Failed(f"{item_id}: no payment has that id")
    ente_id = found["ente_id"]
    try:
        tax_code, citizen = Citizens(home.vault).tax_code(connection, ente_id, found["citizen_id"])
    except LookupError:
        raise Failed(f"{item_id}: its citizen was erased") from None
    row, item = opened_item(connection, home.vault, citizen, item_id)
    owed = owed_of(
        row,
        item,
        tax_code=tax_code,
        ente_name=registry.ente(ente_id).name,
        on_trial=is_on_trial(connection, ente_id, item_id),
        now=home.clock.now(),
    )
    if owed is None:
        raise Failed(f"{item_id}: it has no notice that can be paid now")
    return owed


@contextmanager
def of_creditor(home: Home, owed: Owed) -> Iterator[Connector]:
    """The connector of the creditor, until the block ends. Raises Failed where there is none, and for its failures."""
    with home.database.read() as connection:
        configs = home.configuration.load(connection)
    for config in in_turn(configs):
        kind = home.types.get(config.type)
        if config.ente_id != owed.ente_id or kind is None or kind.manifest.channel != "pagopa":
            continue
        with connected(home.types, config) as connector:
            numbering = connector.numbering
            if numbering is None or numbering.creditor_tax_code != owed.notice.creditor_tax_code:
                continue
            yield connector
        return
    raise Failed(f"{owed.item_id}: no pagoPA connector of the ente is for its creditor")


commands: dict[str, Callable[..., None]] = {"cart": cart, "notice": notice}
