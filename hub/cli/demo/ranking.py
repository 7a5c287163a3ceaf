"""The ranked list of the family's story: the other families, what `raccordo ranked-list` does, who finds himself."""

from datetime import datetime, timedelta
from typing import Any

from rich.console import Console

from contracts.base import ROME
from hub.admin.ranked_lists import RankedListDesk
from hub.cli.revealing import actor_of, perform

from .cast import ENTE, NURSERY, Citizen, item
from .findings import Finding
from .stage import Stage, StageError

ENROLMENT = "Nido 2026/27"
SCORE, OWN_PLACE = 78, 2
"""Of the family, and where that puts it."""
_OTHERS = (
    (Citizen("Maria Galli", "GLLMRA87D52H501J", "maria.galli@example.it"), 91),
    (Citizen("Paolo Conti", "CNTPLA85R20H501C", "paolo.conti@example.it"), 64),
    (Citizen("Giulia Rossi", "RSSGLI90E61F205L", "giulia.rossi@example.it"), 64),
    (Citizen("Luca Marino", "MRNLCU82S05H501B", "luca.marino@example.it"), 40),
    (Citizen("Sara Barbieri", "BRBSRA91B48L219W", "sara.barbieri@example.it"), 12),
)


def waiting(score: int) -> dict[str, Any]:
    """What an enrolment that waits for a place says."""
    return {"state": "waitlisted", "attributes": [{"code": "punteggio", "number": score}]}


def publish(stage: Stage, valid_from: str) -> str:
    """The other families enrol, without a word to them; then the list is frozen and published, as
    `raccordo ranked-list` does; gives its id."""
    for citizen, score in _OTHERS:
        own = {"subscription_service": NURSERY, "valid_from": valid_from, "notify": {"channels": []}}
        name = f"ISCR-NIDO-{citizen.tax_code[6:8]}{score}"
        enrolment = item(citizen, name, title=ENROLMENT, service_id="nido", **own, **waiting(score))
        answer = stage.publish(stage.cast.anagrafe, "subscriptions", enrolment)
        if answer.status_code != 201:
            raise StageError(f"POST subscriptions: {answer.status_code} {answer.text}")
    desk, actor = RankedListDesk(stage.home.database, stage.home.vault), actor_of(ENTE)
    list_id: str = perform(stage.home, desk.draft(actor, NURSERY, "Graduatoria nido 2026/27"))["list_id"]
    perform(stage.home, desk.publish(actor, list_id, datetime.now(ROME).date() + timedelta(days=15)))
    return list_id


def read(stage: Stage, list_id: str) -> dict[str, Any]:
    """The list as anybody reads it, without any credential."""
    found: dict[str, Any] = stage.client.get(f"/public/v1/ranked-lists/{list_id}").raise_for_status().json()
    return found


def own_place(stage: Stage, mother: Citizen, list_id: str) -> dict[str, Any]:
    """What the family alone is told of the list, with its enrolment."""
    (enrolment,) = [one for one in stage.read(mother, "/subscriptions")["items"] if one["title"] == ENROLMENT]
    whole = stage.read(mother, f"/items/{enrolment['item_id']}")
    (place,) = [each for each in whole["ranked_lists"] if each["list_id"] == list_id]
    found: dict[str, Any] = place
    return found


def show(console: Console, found: dict[str, Any], mine: dict[str, Any]) -> None:
    """The list with the mark that the family sees, and nobody else."""
    console.print(f"  graduatoria del / list of {found['frozen_at'][:10]}, fino al / until {found['until'][:10]}")
    for entry in found["entries"]:
        own = entry["pseudonym"] == mine["pseudonym"]
        mark = "  [bold green]← la famiglia / the family[/]" if own else ""
        tied = " *" if entry["tied"] else ""
        console.print(f"     [dim]{entry['position']}{tied}  {entry['pseudonym']}  {entry['values']}[/]{mark}")


def inspect(stage: Stage, mother: Citizen, list_id: str, before: dict[str, Any]) -> list[Finding]:
    """What holds of the list, also once the family has its place and its enrolment is another."""
    mine, after = own_place(stage, mother, list_id), read(stage, list_id)
    page = stage.client.get(f"/public/v1/ranked-lists/{list_id}", headers={"Accept": "text/html"}).text
    known = [each for citizen in (mother, *(one for one, _ in _OTHERS)) for each in (citizen.tax_code, citizen.name)]
    own = {one["position"] for one in after["entries"] if one["pseudonym"] == mine["pseudonym"]}
    return [
        Finding("list: six entries, by score", [91, SCORE, 64, 64, 40, 12], [_score(one) for one in after["entries"]]),
        Finding("list: the family finds itself", (OWN_PLACE, {OWN_PLACE}), (mine["position"], own)),
        Finding("list: it names nobody", [], [each for each in known if each in page + str(after)]),
        Finding(
            "list: as it was frozen, dated", (before, True), (after, bool(after["published_at"] and after["until"]))
        ),
    ]


def _score(entry: dict[str, Any]) -> int:
    score: int = entry["values"]["punteggio"]
    return score
