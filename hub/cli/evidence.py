"""`evidence list|show|export`: what was accepted or refused, and why; whole, for whoever has to verify it again."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from sqlalchemy import Connection, RowMapping

from contracts.base import rfc3339
from hub.evidence.exporting import Export, target
from hub.evidence.record import body_of, read_record
from hub.evidence.sealing import seal_old_tokens
from hub.home import Home
from hub.security.vault import VaultError
from hub.store.citizens import Citizens
from hub.store.evidence_search import Wish, external_ids, find, places
from hub.store.readers import record_access
from hub.store.sealed_tokens import TokenSeals

from .console import Failed, WrongUsage, complain, record, table, told
from .options import HOME, AsJson, EnteCode, HomeFolder, ente_of, instant, opened
from .revealing import access, committing, on_record

group = typer.Typer(name="evidence", help="What vendors sent, with its proof.")

_AT_ONCE = 200
MOST = 10_000

VendorOption = Annotated[str | None, typer.Option("--vendor", metavar="ID")]
ItemOption = Annotated[str | None, typer.Option("--item", metavar="ITEM_ID")]
ExternalOption = Annotated[str | None, typer.Option("--external-id", help="The vendor's own name of the item.")]
MessageOption = Annotated[str | None, typer.Option("--message-id", help="As of PROFILE_NON_REPUDIATION_01.")]
RequestOption = Annotated[str | None, typer.Option("--request-id", help="Of the answer, as X-Correlation-ID or log.")]
VerdictOption = Annotated[Literal["accepted", "refused"] | None, typer.Option("--verdict")]
SinceOption = Annotated[str | None, typer.Option("--from", metavar="TIME", help="RFC 3339, included.")]
UntilOption = Annotated[str | None, typer.Option("--to-time", metavar="TIME", help="RFC 3339, not included.")]


@group.callback()
def _group() -> None:
    """What vendors sent, with its proof."""


@group.command("list")
def list_(
    vendor: VendorOption = None,
    item: ItemOption = None,
    external_id: ExternalOption = None,
    message_id: MessageOption = None,
    request_id: RequestOption = None,
    verdict: VerdictOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=MOST)] = 100,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Records, newest first."""
    with opened(home) as one, one.database.read() as connection:
        code = ente_of(connection, ente).ente_id if ente else None
        wish = _wish(code, (), vendor, item, external_id, message_id, request_id, verdict, since, until)
        rows = find(connection, wish, limit=limit + 1)
        named = external_ids(connection, rows)
    more, rows = len(rows) > limit, rows[:limit]
    table([_line(row, named) for row in rows], as_json=as_json, empty="there is no such record")
    if more:
        complain(f"note: there are more; the newest {limit} are shown (--limit)")


@group.command("show")
def show(
    evidence_id: Annotated[str, typer.Argument(metavar="EVIDENCE_ID")],
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """One record: verdict and reason, what verified its tokens, its place in the chain. Never the body."""
    with opened(home) as one, one.database.read() as connection:
        rows = _found(connection, Wish(evidence_ids=(evidence_id,)), 1)
        try:
            found = read_record(connection, rows[0], external_ids(connection, rows).get(_item_of(rows[0])))
        except LookupError as gone:
            raise Failed(f"{gone.args[0]}: run `raccordo audit verify`") from None
    place = {name: rows[0][name] for name in ("writer_id", "root_number", "row_hash")}
    record(found.facts() | place, as_json=as_json)


@group.command("export")
def export(
    evidence_ids: Annotated[list[str] | None, typer.Argument(metavar="[EVIDENCE_ID]...")] = None,
    to: Annotated[Path | None, typer.Option("--to", metavar="PATH", help="A new folder, or a new file .zip.")] = None,
    vendor: VendorOption = None,
    item: ItemOption = None,
    external_id: ExternalOption = None,
    message_id: MessageOption = None,
    request_id: RequestOption = None,
    verdict: VerdictOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Bodies and users too: personal data; the access log says who asked.")
    ] = False,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Records with all that verifies them again, without this hub: tokens, certificates, hashes, a signed manifest."""
    if to is None:
        raise WrongUsage("--to is needed: a new folder, or a new file whose name ends in .zip")
    with opened(home) as one:
        with one.database.read() as connection:
            code = ente_of(connection, ente).ente_id if ente else None
            wish = _wish(
                code, evidence_ids or (), vendor, item, external_id, message_id, request_id, verdict, since, until
            )
            if wish == Wish(ente_id=code):
                raise WrongUsage("say which records: their ids, or --vendor, --item, --from and the like")
            rows = _found(connection, wish, MOST)
        if reveal:
            _log_reveal(one, rows)
        count = _export(one, rows, to, reveal=reveal)
    told(
        {"path": str(to), "records": len(rows), "bodies": count},
        as_json=as_json,
        text=f"{to}: {len(rows)} records, {count} of them with their body",
    )


@group.command("seal")
def seal(home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """Seal what tokens of old records say of persons: once, when no process of a version before 0028 runs any more."""
    with opened(home) as one, on_record(one, "seal_evidence", None, "evidence") as after:
        count, changed = seal_old_tokens(one)
        after |= {"sealed": count, "changed": changed}
    told({"sealed": count, "changed": changed}, as_json=as_json, text=f"sealed: {count} records")
    if changed:
        raise Failed(f"{changed} records are not as they were written, and stay: run `raccordo audit verify`")


def _wish(
    ente_id: str | None,
    evidence_ids: Sequence[str],
    vendor: str | None,
    item: str | None,
    external_id: str | None,
    message_id: str | None,
    request_id: str | None,
    verdict: str | None,
    since: str | None,
    until: str | None,
) -> Wish:
    return Wish(
        ente_id=ente_id,
        evidence_ids=evidence_ids,
        vendor_id=vendor,
        item_id=item,
        external_id=external_id,
        message_id=message_id,
        request_id=request_id,
        verdict=verdict,
        since=instant(since, name="--from") if since else None,
        until=instant(until, name="--to-time") if until else None,
    )


def _found(connection: Connection, wish: Wish, most: int) -> Sequence[RowMapping]:
    """The records wished for. Raises Failed where one is not there, or they are too many."""
    rows = find(connection, wish, limit=most + 1)
    missing = sorted(set(wish.evidence_ids) - {row["evidence_id"] for row in rows})
    if missing or not rows:
        raise Failed(f"there is no record {missing[0]!r}" if missing else "there is no such record")
    if len(rows) > most:
        raise Failed(f"these are more than {most} records: narrow them down by --from and --to-time")
    return rows


def _line(row: RowMapping, named: dict[tuple[str, str], str]) -> dict[str, Any]:
    plain = ("evidence_id", "at", "vendor_id", "operation", "verdict", "code", "item_id", "version")
    found = {name: row[name] for name in plain}
    return found | {"external_id": named.get(_item_of(row)), "message_id": row["message_id"], "cause": row["cause"]}


def _item_of(row: RowMapping) -> tuple[str, str]:
    return row["ente_id"], row["item_id"] or ""


def _log_reveal(home: Home, rows: Sequence[RowMapping]) -> None:
    """Record durably that somebody looks, before anything is shown."""
    with committing(home) as committer:
        for row in rows:
            if row["body_sealed"] is not None or row["tokens_sealed"]:
                concerned = {name: row[name] for name in ("ente_id", "citizen_id", "item_id")}
                committer.write(record_access, access("evidence_export", **concerned))


def _export(home: Home, rows: Sequence[RowMapping], to: Path, *, reveal: bool) -> int:
    """How many bodies are in it."""
    citizens, bodies = Citizens(home.vault), 0
    seals = TokenSeals(home.vault, citizens) if reveal else None
    try:
        with target(to) as write:
            made = Export(write)
            for start in range(0, len(rows), _AT_ONCE):
                some = rows[start : start + _AT_ONCE]
                with home.database.read() as connection:
                    stand, named = places(connection, some), external_ids(connection, some)
                    for row in some:
                        one = read_record(connection, row, named.get(_item_of(row)), seals=seals)
                        body = body_of(connection, row, citizens, home.vault) if reveal else None
                        bodies += body is not None
                        place = stand[row["writer_id"], row["root_number"]]
                        made.add_record(row["evidence_id"], one.files(place, body).items())
            now = home.clock.now()
            with home.database.read() as connection:
                ring = home.load_keyring(connection)
            made.finish(ring.signing(now), ring.published(now), rfc3339(now))
    except LookupError as gone:
        raise Failed(f"{gone.args[0]}: run `raccordo audit verify`") from None
    except VaultError:
        raise Failed("a body or a token does not open: run `raccordo audit verify --bodies`") from None
    except OSError as exc:
        raise Failed(f"{exc.filename or to}: {exc.strerror}") from None
    return bodies
