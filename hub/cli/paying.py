"""`payment cart` and `payment notice`: where a citizen pays, and the notice on paper (of many: `.printing`)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, TypeVar

import orjson
import typer
from sqlalchemy import Connection

from contracts.base import HttpsUrl
from contracts.connector import Connector
from contracts.failures import Failure
from contracts.party import EmailAddress
from contracts.paying import MOST_IN_A_CART, Debtor, Returns
from hub.admin.acting import may_begin
from hub.dispatch.carts import Carts
from hub.dispatch.creditors import acting_for
from hub.dispatch.owing import Kept, Owed, Owing
from hub.dispatch.pool import ConnectorPool
from hub.errors import HubError
from hub.home import Home
from hub.ingest.canonical import canonical_json
from hub.store.citizens import Citizens
from hub.store.committer import Committer
from hub.store.directory import load_registry
from hub.store.opening import opened as opened_item
from hub.store.snapshot import Snapshot
from hub.store.vendor_reading import item_by_id

from .connector_settings import failed
from .console import Failed, WrongUsage, told
from .new_files import new_file
from .options import HOME, AsJson, HomeFolder, checked, opened
from .revealing import access, committing, record_together

T = TypeVar("T")
Items = Annotated[
    list[str],
    typer.Argument(metavar="ITEM_ID...", help=f"Payments, up to {MOST_IN_A_CART}; an instalment is ITEM_ID:N."),
]


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
    item_id: Annotated[str, typer.Argument(metavar="ITEM_ID", help="A payment, or an instalment as ITEM_ID:N.")],
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
        with new_file(out) as file, acting(one, owed, lambda connector: connector.printed) as printed:
            with committing(one) as committer:
                log_owed(committer, "print_notice", [owed])
            content = printed(owed.notice, debtor, owed.payment.tax_code)
            file.write(content)
    told({"file": str(out), "bytes": len(content)}, as_json=as_json, text=f"wrote {out}, {len(content)} bytes")


def made(home: Home, owed: Sequence[Owed], returns: Returns, email: str | None) -> str:
    """The address of a cart, as the feed makes it too. Raises Failed for what cannot be in one, or is refused."""
    with _pool(home) as pool, committing(home) as committer:
        carts = Carts(pool, committer, _owing(home))
        try:
            with home.database.read() as connection:
                for ente_id in {one.payment.ente_id for one in owed}:
                    may_begin(connection, ente_id)
            planned = carts.plan(owed, returns, email)
            carts.begin(planned)
            log_owed(committer, "make_cart", owed)
            return carts.make(planned)
        except HubError as refusal:
            named = [(owed[int(each.pointer.rpartition("/")[2])].payment, each) for each in refusal.faults]
            why = [f"{payment.item_id}: {each.detail}" for payment, each in named]
            said = refusal.cause or refusal.detail
            if "Retry-After" in refusal.headers:
                said += f", try again in {refusal.headers['Retry-After']} seconds"
            raise Failed("; ".join([f"{refusal.code}: {said}", *why])) from None


def log_owed(committer: Committer, operation: str, owed: Iterable[Owed]) -> None:
    """Record durably, in one commit, whose payments an operator deals with."""
    each_once = dict.fromkeys((one.payment.ente_id, one.payment.citizen_id, one.payment.item_id) for one in owed)
    made = [access(operation, ente_id=ente, citizen_id=citizen, item_id=item) for ente, citizen, item in each_once]
    record_together(committer, made)


def owed_by(home: Home, names: Iterable[str]) -> list[Owed]:
    """What is owed of payments, or of instalments (`ITEM_ID:N`). Raises Failed for what cannot be paid now."""
    with home.database.read() as connection:
        owing = _owing(home)
        return [_owed(home, connection, owing, name) for name in names]


def _owing(home: Home) -> Owing:
    with home.database.read() as connection:
        registry = load_registry(connection)
    return Owing(home.vault, lambda: registry)


def _owed(home: Home, connection: Connection, owing: Owing, name: str) -> Owed:
    item_id, _, part = name.partition(":")
    found = item_by_id(connection, item_id)
    if found is None or found["collection"] != "payments":
        raise Failed(f"{item_id}: no payment has that id")
    ente_id = found["ente_id"]
    try:
        tax_code, citizen = Citizens(home.vault).tax_code(connection, ente_id, found["citizen_id"])
    except LookupError:
        raise Failed(f"{item_id}: its citizen was erased") from None
    row, item = opened_item(connection, home.vault, citizen, item_id)
    its = row["vendor_id"], row["state"], row["lifecycle"], row["expires_at"]
    content = orjson.loads(canonical_json(item))
    kept = Kept(ente_id, citizen.citizen_id, item_id, *its, content, row["notice_key"], row["cost_cents"], tax_code)
    ((*owed,),) = owing.of(lambda: connection, [kept], home.clock.now())
    wanted = next((each for each in owed if str(each.part or "") == part), None)
    if wanted is None:
        raise Failed(f"{name}: it has no notice that can be paid now")
    return wanted


@contextmanager
def acting(home: Home, owed: Owed, can: Callable[[Connector], T | None]) -> Iterator[T]:
    """What the connector of the creditor can do, until the block ends. Raises Failed where there is none that can, and
    for its failures."""
    with _pool(home) as pool:
        found = acting_for(pool, owed, can)
        its = None if found is None else can(found.connector)
        if found is None or its is None:
            raise Failed(f"{owed.payment.item_id}: no pagoPA connector in force is for its creditor")
        try:
            yield its
        except Failure as failure:
            raise failed(found.connector_id, failure) from None


@contextmanager
def _pool(home: Home) -> Iterator[ConnectorPool]:
    with closing(ConnectorPool(home.types, Snapshot(home.database, "connectors", home.configuration.load))) as pool:
        yield pool


commands: dict[str, Callable[..., None]] = {"cart": cart, "notice": notice}
