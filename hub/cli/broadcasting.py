"""`broadcast`: write to all subscribers of a subscription service (S41). The hub does it; this says so, and looks."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from pydantic import ValidationError

from contracts.base import Code
from contracts.broadcasts import Broadcast
from contracts.faults import sentence_of
from hub.admin.acting import Actor, Order
from hub.admin.broadcasts import BroadcastDesk
from hub.home import Home
from hub.store.broadcasts import broadcast_outcomes, count_deliveries, list_broadcasts, standing_broadcast
from hub.store.directory import NotThere

from .console import Failed, WrongUsage, confirm, emit, record, say, shown, table, told
from .options import HOME, AsJson, EnteCode, HomeFolder, checked, ente_id_of, ente_of, opened, read_text
from .revealing import actor_of, log_access, perform

group = typer.Typer(name="broadcast", help="Write to all subscribers of a subscription service.")

ServiceCode = Annotated[str, typer.Argument(metavar="CODE", help="Of the subscription service.")]
BroadcastId = Annotated[str, typer.Argument(metavar="ID", help="Of the broadcast.")]
Title = Annotated[str, typer.Option("--title", help="In Italian. {service} and {title} are filled in.")]
Body = Annotated[Path, typer.Option("--body", help="Markdown in Italian; - for standard input.")]
TitleEn = Annotated[str | None, typer.Option("--title-en", help="For those whose subscription is in English.")]
BodyEn = Annotated[Path | None, typer.Option("--body-en", help="Markdown in English.")]
Waitlisted = Annotated[bool, typer.Option("--waitlisted", help="Also to those who wait for a place.")]
Pace = Annotated[int, typer.Option("--per-second", help="Messages a second, at most.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Deliveries = Annotated[bool, typer.Option("--deliveries", help="Count its deliveries by channel, state and reason.")]
Recipients = Annotated[bool, typer.Option("--recipients", help="What became of each message, without names.")]


@group.command("preview")
def preview(
    code: ServiceCode,
    title: Title,
    body: Body,
    title_en: TitleEn = None,
    body_en: BodyEn = None,
    waitlisted: Waitlisted = False,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """How many persons it would reach, and what they would read. Nothing is written to anybody."""
    content = _content(code, title, body, title_en, body_en, waitlisted=waitlisted)
    with opened(home) as one:
        ente_id = ente_id_of(one, ente)
        found = _desk(one).preview(ente_id, content)
        log_access(one, "preview_broadcast", ente_id=ente_id)
    samples = {language: found[language] for language in ("it", "en") if found[language] is not None}
    persons = found["persons"]
    if as_json:
        emit({"ente_id": ente_id, "code": code, "persons": persons, "sample": samples})
        return
    say(f"it would reach {persons} {'person' if persons == 1 else 'persons'}")
    for sample_of in samples.values():
        say(f"\n{sample_of['title']}\n\n{sample_of['body']}")


@group.command("start")
def start(
    code: ServiceCode,
    title: Title,
    body: Body,
    title_en: TitleEn = None,
    body_en: BodyEn = None,
    waitlisted: Waitlisted = False,
    per_second: Pace = 50,
    yes: Yes = False,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Write to them: the hub, or a worker, does so at that pace from now on, and goes on by itself after a crash."""
    content = _content(code, title, body, title_en, body_en, waitlisted=waitlisted, per_second=per_second)
    with opened(home) as one:
        ente_id, desk = ente_id_of(one, ente), _desk(one)
        persons = desk.count(ente_id, content)
        if not persons:
            raise Failed(f"nobody is subscribed to {code!r} in {ente_id}: there is nobody to write to")
        confirm(f"write to {persons} persons?", yes=yes)
        broadcast_id = perform(one, desk.begin(actor_of(ente_id), content, persons))["broadcast_id"]
    text = f"broadcast {broadcast_id} to {persons} persons begins; `raccordo broadcast show {broadcast_id}` follows it"
    told({"ente_id": ente_id, "broadcast_id": broadcast_id, "expected": persons}, as_json=as_json, text=text)


@group.command("list")
def list_(ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """The broadcasts and how far they are, the newest first."""
    with opened(home) as one, one.database.read() as connection:
        rows = list_broadcasts(connection, ente_of(connection, ente).ente_id if ente else None)
    table(rows, as_json=as_json, empty="there is no broadcast")


@group.command("show")
def show(
    broadcast_id: BroadcastId,
    deliveries: Deliveries = False,
    recipients: Recipients = False,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """How far it is; with --deliveries or --recipients, what became of its messages. With --recipients --json: a line
    for each delivery."""
    with opened(home) as one:
        row = _standing(one, broadcast_id)
        if not recipients:
            counts = []
            if deliveries:
                with one.database.read() as connection:
                    counts = count_deliveries(connection, row["ente_id"], broadcast_id)
            if as_json:
                record(row | ({"deliveries": counts} if deliveries else {}), as_json=True)
                return
            record(row, as_json=False)
            if deliveries:
                say()
                table(counts, as_json=False, empty="no delivery yet")
            return
        log_access(one, "show_broadcast_recipients", ente_id=row["ente_id"])
        with one.database.read() as connection:
            for outcome in broadcast_outcomes(connection, row["ente_id"], broadcast_id):
                if as_json:
                    emit(outcome, one_line=True)
                else:
                    say("  ".join(shown(value) for value in outcome.values()))


@group.command("stop")
def stop(broadcast_id: BroadcastId, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """Write to nobody more. What is written already stays."""
    _turned(home, broadcast_id, BroadcastDesk.stop, "is stopped", as_json=as_json)


@group.command("resume")
def resume(broadcast_id: BroadcastId, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """Go on with one that was stopped, where it was stopped."""
    _turned(home, broadcast_id, BroadcastDesk.resume, "goes on", as_json=as_json)


def _turned(
    folder: Path, broadcast_id: str, turn: Callable[[BroadcastDesk, Actor, str], Order], done: str, *, as_json: bool
) -> None:
    with opened(folder) as one:
        ente_id = _standing(one, broadcast_id)["ente_id"]
        perform(one, turn(_desk(one), actor_of(ente_id), broadcast_id))
        row = _standing(one, broadcast_id)
    told(row, as_json=as_json, text=f"broadcast {broadcast_id} {done}: {row['written']} of {row['expected']} written")


def _desk(home: Home) -> BroadcastDesk:
    return BroadcastDesk(home.database, home.vault)


def _standing(home: Home, broadcast_id: str) -> dict[str, Any]:
    try:
        with home.database.read() as connection:
            return standing_broadcast(connection, broadcast_id)
    except NotThere:
        raise Failed(f"there is no broadcast {broadcast_id!r}") from None


def _content(code: str, title: str, body: Path, title_en: str | None, body_en: Path | None, **how: Any) -> Broadcast:
    """Raises WrongUsage."""
    checked(Code, code, name="the service's code")
    if (title_en is None) != (body_en is None):
        raise WrongUsage("--title-en and --body-en: give both or neither")
    given: dict[str, Any] = {"code": code, "it": {"title": title, "body": read_text(body, name="--body")}} | how
    if body_en is not None:
        given["en"] = {"title": title_en, "body": read_text(body_en, name="--body-en")}
    try:
        return Broadcast.model_validate_json(orjson.dumps(given))
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = [str(part) for part in first["loc"]]
        option = f"--{where[-1].replace('_', '-')}{'-en' if where[0] == 'en' else ''}"
        raise WrongUsage(f"{option}: {sentence_of(first)}") from None
