"""`audit verify`: whether evidence and access log are as they were written."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection, Table, func, select, tuple_

from hub.backup.erasures import BadJournal, check_journal
from hub.evidence.record import body_of
from hub.home import Home
from hub.security.causes import Refusal
from hub.security.sign import SigningKey
from hub.security.signed_lines import open_line
from hub.security.vault import VaultError
from hub.store.chain import verify_chain
from hub.store.citizens import Citizens
from hub.store.jose_headers import verify_segments
from hub.store.key_material import verify_material
from hub.store.packing import keeps_body
from hub.store.sealed_tokens import TokenSeals, has_sealed
from hub.store.tables import access_log, chain_roots, citizens, evidence

from .console import Failed, complain, emit, say
from .options import HOME, AsJson, HomeFolder, opened

group = typer.Typer(name="audit", help="Evidence and access log.")

Tails = dict[str, tuple[int, str]]
MAX_TOLD = 50


@group.callback()
def _group() -> None:
    """Evidence and access log."""


@dataclass(frozen=True, slots=True)
class Anchors:
    """What stands in the anchors' file."""

    count: int
    roots: frozenset[tuple[str, int, str]]
    faults: tuple[str, ...]

    def last(self) -> Tails:
        """The farthest root of each writer."""
        return {writer: (number, root) for writer, number, root in sorted(self.roots)}


@group.command("verify")
def verify(
    bodies: Annotated[
        bool,
        typer.Option(
            "--bodies",
            help="Also open what is sealed, hold it against its hash, and miss what is gone.",
        ),
    ] = False,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Check the hash chain over every record, and the signed anchors outside the database."""
    with opened(home) as one:
        records, anchors, faults = examine(one)
        if bodies:
            faults += changed_bodies(one)
            faults += changed_tokens(one)
            faults += lost_keys(one)
    if as_json:
        emit({"ok": not faults, "records": records, "anchors": anchors, "faults": faults})
    else:
        for fault in faults[:MAX_TOLD]:
            say(fault)
        say(f"records: {records}, anchors: {anchors}, faults: {len(faults)}")
    if not anchors and records:
        complain("note: there is no anchor yet, so that a cut tail would not show; a hub writes one in five minutes")
    if faults:
        raise Failed(f"the records are not as they were written: {len(faults)} faults")


def examine(home: Home) -> tuple[int, int, list[str]]:
    """How many records and anchors there are, and every fault found."""
    # The anchors first: what is written meanwhile only makes the chain longer than they say.
    anchors = read_anchors(home.anchors, home.key)
    with home.database.read() as connection:
        records = _count(connection, evidence) + _count(connection, access_log)
        chain = verify_chain(connection, anchors.last(), home.vault)
        kept = (*verify_segments(connection), *verify_material(connection))
        faults = [*anchors.faults, *chain, *kept, *_rewritten(connection, anchors)]
    return records, anchors.count, faults


def changed_bodies(home: Home) -> Iterator[str]:
    """Every signed body that is not the one received, or is gone. Those of citizens who were erased open for nobody."""
    people = Citizens(home.vault)
    query = select(evidence).where(evidence.c.citizen_id.is_not(None)).execution_options(yield_per=500)
    with home.database.read() as connection, home.database.read() as other:
        for row in connection.execute(query).mappings():
            try:
                body = body_of(other, row, people, home.vault)
            except VaultError:
                yield f"evidence {row['evidence_id']}: the body does not open"
                continue
            if body is None:
                missing = row["body_sealed"] is None and keeps_body(row["code"])
                if missing and people.is_there(other, row["ente_id"], row["citizen_id"]):
                    yield f"evidence {row['evidence_id']}: the body was removed"
            elif sha256(body).hexdigest() != row["body_sha256"]:
                yield f"evidence {row['evidence_id']}: the body was changed"


def lost_keys(home: Home) -> Iterator[str]:
    """Whose key, and with it what records keep, is gone without an erasure that the signed journal tells of."""
    known = select(citizens.c.citizen_id).where(
        citizens.c.ente_id == evidence.c.ente_id, citizens.c.citizen_id == evidence.c.citizen_id
    )
    named = select(evidence.c.ente_id, evidence.c.citizen_id).where(evidence.c.citizen_id.is_not(None)).distinct()
    with home.database.read() as connection:
        for ente_id, citizen_id in connection.execute(named.where(~known.exists())):
            yield f"citizen {citizen_id} of {ente_id}: records name him, and his row was removed"
    try:
        check_journal(home)
    except BadJournal as fault:
        yield f"{fault}; if there is no other machine, somebody destroyed keys"


def changed_tokens(home: Home) -> Iterator[str]:
    """Every sealed token that is not the one received, or is gone; as for bodies, not those of who was erased."""
    seals = TokenSeals(home.vault, Citizens(home.vault))
    query = select(evidence).where(has_sealed()).execution_options(yield_per=500)
    with home.database.read() as connection, home.database.read() as other:
        for row in connection.execute(query).mappings():
            try:
                yield from seals.faults(other, row)
            except VaultError:
                yield f"evidence {row['evidence_id']}: the tokens do not open"


def _count(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def read_anchors(path: Path, key: SigningKey) -> Anchors:
    """The anchors, each with the hub's signature over it."""
    roots: set[tuple[str, int, str]] = set()
    faults = []
    lines = path.read_bytes().splitlines() if path.exists() else []
    for number, line in enumerate(lines, 1):
        try:
            found = _anchor(line, key)
        except (ValueError, KeyError, TypeError, AttributeError):
            faults.append(f"anchor {number}: cannot be read")
        except Refusal:
            faults.append(f"anchor {number}: the hub's signature does not hold")
        else:
            roots |= {(writer, int(at), str(root)) for writer, (at, root) in found.items()}
    return Anchors(len(lines), frozenset(roots), tuple(faults))


def _anchor(line: bytes, key: SigningKey) -> Tails:
    found: Tails = open_line(line, key)["tails"]
    return found


def _rewritten(connection: Connection, anchors: Anchors) -> Iterator[str]:
    """Earlier anchors whose root is another one now."""
    last = anchors.last()
    earlier = sorted(each for each in anchors.roots if last[each[0]] != each[1:])
    for start in range(0, len(earlier), 400):
        part = earlier[start : start + 400]
        where = tuple_(chain_roots.c.writer_id, chain_roots.c.root_number).in_([each[:2] for each in part])
        rows = connection.execute(
            select(chain_roots.c.writer_id, chain_roots.c.root_number, chain_roots.c.root).where(where)
        )
        present = {tuple(row) for row in rows}
        for writer, number, _ in (each for each in part if each not in present):
            yield f"writer {writer}: root {number} is not the one anchored"
