"""`payment cart` and `payment notice`: where a citizen pays, and the notice on paper (of many: `.printing`)."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection

from contracts.connector import Connector
from contracts.items import Payment
from contracts.paying import MOST_IN_A_CART, Cart, Debtor, PayableNotice, Returns
from hub.dispatch.enclosures import payment_of
from hub.dispatch.pool import in_turn
from hub.dispatch.positions import debtor_of
from hub.home import Home
from hub.registry import Registry
from hub.security.vault import Vault
from hub.store.citizens import Citizens
from hub.store.directory import load_registry
from hub.store.opening import opened as opened_item
from hub.store.readers import record_access
from hub.store.vendor_reading import item_by_id

from .connector_settings import connected
from .console import Failed, WrongUsage, told
from .new_files import new_file
from .options import HOME, AsJson, HomeFolder, opened
from .revealing import access, committing

Items = Annotated[list[str], typer.Argument(metavar="ITEM_ID...", help=f"Payments, up to {MOST_IN_A_CART}.")]


@dataclass(frozen=True, slots=True)
class Owed:
    """A payment that can be made now, and who owes it."""

    ente_id: str
    citizen_id: str
    item_id: str
    tax_code: str
    notice: PayableNotice
    debtor: Debtor | None
    """As the payment says, where it does."""


def cart(
    item_ids: Items,
    ok: Annotated[str, typer.Option("--ok", metavar="URL", help="Where the browser goes after a payment.")],
    cancel: Annotated[str, typer.Option("--cancel", metavar="URL")],
    error: Annotated[str, typer.Option("--error", metavar="URL")],
    email: Annotated[str | None, typer.Option("--email", help="Where Checkout writes to.")] = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Make a Checkout cart and say where a browser is to be sent. That it comes back proves nothing: receipts do."""
    if len(item_ids) > MOST_IN_A_CART:
        raise WrongUsage(f"a cart holds {MOST_IN_A_CART} notices at most")
    returns = Returns(ok=ok, cancel=cancel, error=error)
    with opened(home) as one:
        owed = owed_by(one, item_ids)
        wanted = Cart(notices=tuple(each.notice for each in owed), returns=returns, email=email)
        log_owed(one, "make_cart", owed)
        with of_creditor(one, owed[0]) as connector:
            assert connector.cart is not None
            url = connector.cart(wanted)
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
        with new_file(out) as file:
            log_owed(one, "print_notice", [owed])
            with of_creditor(one, owed) as connector:
                assert connector.printed is not None
                content = connector.printed(owed.notice, debtor, owed.tax_code)
            file.write(content)
    told({"file": str(out), "bytes": len(content)}, as_json=as_json, text=f"wrote {out}, {len(content)} bytes")


def log_owed(home: Home, operation: str, owed: Iterable[Owed]) -> None:
    """Record durably, in one commit, whose payments an operator deals with."""
    made = [access(operation, ente_id=one.ente_id, citizen_id=one.citizen_id, item_id=one.item_id) for one in owed]
    with committing(home) as committer:
        committer.write(lambda tx, several: [record_access(tx, some) for some in several], made)


def owed_by(home: Home, item_ids: Iterable[str]) -> list[Owed]:
    """Raises Failed for what is no payment that can be made now."""
    with home.database.read() as connection:
        registry = load_registry(connection)
        return [_owed(connection, home.vault, registry, item_id) for item_id in item_ids]


def _owed(connection: Connection, vault: Vault, registry: Registry, item_id: str) -> Owed:
    found = item_by_id(connection, item_id)
    if found is None or found["collection"] != "payments":
        raise Failed(f"{item_id}: no payment has that id")
    try:
        tax_code, citizen = Citizens(vault).tax_code(connection, found["ente_id"], found["citizen_id"])
    except LookupError:
        raise Failed(f"{item_id}: its citizen was erased") from None
    row, item = opened_item(connection, vault, citizen, item_id)
    ente = registry.ente(row["ente_id"])
    data = payment_of(item, row["state"])
    if data is None or row["lifecycle"] != "active" or not isinstance(item, Payment):
        raise Failed(f"{item_id}: it has no notice that can be paid now")
    due_on = None if item.due_date is None else item.due_date.isoformat()
    payable = PayableNotice(
        data.notice_number, data.creditor_tax_code, data.amount_cents, ente.name, item.reason, due_on
    )
    return Owed(row["ente_id"], row["citizen_id"], item_id, tax_code, payable, debtor_of(item))


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
