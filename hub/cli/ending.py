"""`ente end`, `vendor end`: a body that leaves the hub, a vendor that leaves a body. There is no way back."""

from collections.abc import Callable
from dataclasses import dataclass
from time import sleep
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from contracts.base import rfc3339
from contracts.faults import in_both
from contracts.rights_administration import Despite
from hub.admin.acting import Acted
from hub.admin.catalogue_names import vendor_named
from hub.admin.vendors import target_of
from hub.backup.erasures import BadJournal, Journal, check_journal
from hub.home import Home
from hub.registry import Vendor
from hub.store.database import Tx
from hub.store.ending import Ending, end_ente, end_vendor, look_at_ente, look_at_vendor, mark_ente, mark_vendor

from .console import Failed, confirm, say, told
from .ending_words import both, counted
from .options import HOME, AsJson, EnteCode, HomeFolder, checked, ente_of, opened
from .revealing import act
from .vendors import VendorId, vendor_of

EVERYWHERE_S = 3.0
"""By then every process refuses what a mark says: they look at it each second (`hub.store.snapshot`)."""
_SOURCE = "/settings/vendor_id"
"""Where the settings of a connector that reads a source name the vendor whose it is."""

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
DespiteOption = Annotated[
    str | None,
    typer.Option("--despite", metavar="REASON", help="Though something was accepted and not delivered; on record."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@dataclass(frozen=True, slots=True)
class _Leaving:
    """Who leaves, and how that is done."""

    ente_id: str
    vendor_id: str | None
    connector_ids: tuple[str, ...]
    target: str
    look: Callable[[Connection], Ending]
    mark: Callable[[Tx], None]
    end: Callable[[Tx], dict[str, int]]

    @property
    def name(self) -> str:
        return self.ente_id if self.vendor_id is None else f"vendor {self.vendor_id} of {self.ente_id}"

    @property
    def name_it(self) -> str:
        return self.ente_id if self.vendor_id is None else f"il fornitore {self.vendor_id} di {self.ente_id}"

    @property
    def operation(self) -> str:
        return "end_ente" if self.vendor_id is None else "end_vendor"


def ente_end(
    code: Annotated[str, typer.Argument(metavar="CODE", help="IPA code.")],
    dry_run: DryRun = False,
    despite: DespiteOption = None,
    yes: Yes = False,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """A body leaves: nothing more is taken, shown or sent for it. Its records stay for their time; no way back."""
    with opened(home) as one:
        with one.database.read() as connection:
            ente_id = ente_of(connection, code).ente_id
        leaving = _Leaving(
            ente_id,
            None,
            (),
            f"enti/{ente_id}",
            lambda connection: look_at_ente(connection, ente_id),
            lambda tx: mark_ente(tx, ente_id),
            lambda tx: end_ente(tx, one.vault, ente_id),
        )
        _end(one, leaving, dry_run=dry_run, despite=despite, yes=yes, as_json=as_json)


def vendor_end(
    vendor_id: VendorId,
    dry_run: DryRun = False,
    despite: DespiteOption = None,
    yes: Yes = False,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """A vendor leaves a body: its keys, callbacks and sources end. What it published stays; there is no way back."""
    with opened(home) as one:
        with one.database.read() as connection:
            vendor = vendor_of(connection, ente, vendor_id)
            sources = _sources_of(one, connection, vendor)
        ente_id, name = vendor.ente_id, vendor.vendor_id
        leaving = _Leaving(
            ente_id,
            name,
            sources,
            target_of(name),
            lambda connection: look_at_vendor(connection, ente_id, name, sources),
            lambda tx: mark_vendor(tx, ente_id, name),
            lambda tx: end_vendor(tx, one.vault, ente_id, name, sources),
        )
        _end(one, leaving, dry_run=dry_run, despite=despite, yes=yes, as_json=as_json)


ente = {"end": ente_end}
vendor = {"end": vendor_end}


def _sources_of(one: Home, connection: Connection, vendor: Vendor) -> tuple[str, ...]:
    """The connectors that read the vendor's sources. Raises Failed where others name it, which would break, or such as
    deliver as well: they do so for the whole body."""
    mine = {c.connector_id: c for (ente, _), c in one.configuration.load(connection).items() if ente == vendor.ente_id}
    named = {name: vendor_named(one.types, mine.values(), name) for name in (vendor.vendor_id, *vendor.aliases)}
    found = [each for several in named.values() for each in several]
    others = sorted(
        f"{connector_id} ({place})"
        for connector_id, place in set(found)
        if place != _SOURCE or one.types[mine[connector_id].type].manifest.channel != "none"
    )
    if others:
        listed = ", ".join(others)
        raise Failed(
            both(
                f"altri connettori nominano il fornitore {vendor.vendor_id}: {listed}; prima si cambiano o si tolgono",
                f"other connectors name vendor {vendor.vendor_id}: {listed}; change them first, or remove them",
            )
        )
    return tuple(sorted({connector_id for connector_id, _ in found}))


def _end(one: Home, leaving: _Leaving, *, dry_run: bool, despite: str | None, yes: bool, as_json: bool) -> None:
    reason = None if despite is None else checked(Despite, despite, name="--despite")
    seen = _look(one, leaving)
    facts: dict[str, Any] = {"ente_id": leaving.ente_id, "vendor_id": leaving.vendor_id}
    if leaving.vendor_id is not None:
        facts["sources"] = leaving.connector_ids
    if dry_run:
        text = both(f"{leaving.name_it}: non si è fatto nulla", f"{leaving.name}: nothing was done")
        told(facts | {"dry_run": True} | _counts(seen), as_json=as_json, text=text)
        if not as_json:
            _say(seen, leaving)
        return
    if seen.waits and reason is None:
        waits_it, waits = counted(seen.waits)
        raise Failed(
            both(
                f"{leaving.name_it}: rifiutato, perché qualcosa aspetta ({waits_it}); fermare chi pubblica (`vendor "
                "suspend`) e lasciare che si consegni, oppure dire --despite MOTIVO",
                f"{leaving.name}: refused, as there wait {waits}; stop who publishes (`vendor suspend`) and "
                "let it be delivered, or say --despite REASON",
            )
        )
    ends_it, ends = _ends(seen, leaving)
    question = both(
        f"chiudere {leaving.name_it}, con {ends_it}? non si torna indietro",
        f"end {leaving.name}, with {ends}? there is no way back",
    )
    confirm(question, yes=yes)
    try:
        check_journal(one)
        noted = Journal(one.erasures, one.key)
        noted.add_end(leaving.ente_id, leaving.vendor_id, leaving.connector_ids, one.clock.now(), despite=reason)
    except BadJournal as problem:
        raise Failed(in_both(str(problem), "Il registro delle cancellazioni non si può usare")) from None

    def mark(tx: Tx) -> Acted:
        leaving.mark(tx)
        return Acted(None, leaving.target, before=_counts(seen), after={"ended_at": rfc3339(tx.now), "despite": reason})

    act(one, leaving.operation, leaving.ente_id, mark)
    sleep(EVERYWHERE_S)
    late = _look(one, leaving).waits
    if late and reason is None:
        late_it, late_en = counted(late)
        raise Failed(
            both(
                f"{leaving.name_it}: da ora è rifiutato; ciò che è arrivato intanto è ancora in viaggio ({late_it}); "
                "ripetere il comando quando è consegnato",
                f"{leaving.name} is refused from now on; what came meanwhile is still under way: {late_en}; "
                "repeat the command once it is delivered",
            )
        )

    def end(tx: Tx) -> Acted:
        done = leaving.end(tx)
        return Acted(done, leaving.target, after=done)

    done = act(one, leaving.operation, leaving.ente_id, end)
    done_it, done_en = counted(done)
    text = both(
        f"{leaving.name_it} ha cessato ({done_it or 'nulla di suo aspettava'}); tenere una copia di {one.erasures} "
        "separata dai back-up",
        f"{leaving.name} has left: {done_en or 'nothing of it waited'}; keep a copy of {one.erasures} "
        "apart from the back-ups",
    )
    told(facts | {"dry_run": False, "ended": done}, as_json=as_json, text=text)


def _look(one: Home, leaving: _Leaving) -> Ending:
    with one.database.read() as connection:
        return leaving.look(connection)


def _counts(seen: Ending) -> dict[str, Any]:
    return {"waits": seen.waits, "ends": seen.ends, "stays": seen.stays}


def _say(seen: Ending, leaving: _Leaving) -> None:
    waits_it, waits = counted(seen.waits)
    say(
        both(
            f"aspetta, e senza --despite ci si rifiuta: {waits_it or 'nulla'}",
            f"waits, and is refused without --despite: {waits or 'nothing'}",
        )
    )
    ends_it, ends = _ends(seen, leaving)
    say(both(f"finirebbe: {ends_it}", f"would end: {ends}"))
    stays_it, stays = counted(seen.stays)
    say(both(f"resta per il suo tempo: {stays_it}", f"stays for its time: {stays}"))


def _ends(seen: Ending, leaving: _Leaving) -> tuple[str, str]:
    """Of the connectors whose secrets go, those that an administrator made are named."""
    italian, english = counted(seen.ends)
    named = ", ".join(leaving.connector_ids)
    return (
        (italian or "nulla") + (f" (lo leggono {named})" if named else ""),
        (english or "nothing") + (f" (it is read by {named})" if named else ""),
    )
