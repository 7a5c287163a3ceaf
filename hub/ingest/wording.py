"""An item's own facts, as the words of a notice name them, in Italian and English."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from contracts.base import ROME
from contracts.items import Application, CitizenItem, Document, Subscription
from contracts.items.document import Handover

_MOMENT = timedelta(microseconds=1)

_MONTHS = {
    "it": [
        "gennaio",
        "febbraio",
        "marzo",
        "aprile",
        "maggio",
        "giugno",
        "luglio",
        "agosto",
        "settembre",
        "ottobre",
        "novembre",
        "dicembre",
    ],
    "en": [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
}
_STATES = {
    "it": {
        "waitlisted": "in lista d'attesa",
        "active": "attiva",
        "renewed": "rinnovata",
        "suspended": "sospesa",
        "cancelled": "annullata",
        "ended": "terminata",
        "withdrawn": "ritirata",
        "revoked": "revocata",
    },
    "en": {"waitlisted": "on the waiting list"},
}
_OUTCOMES = {
    "it": {"accepted": "Esito: accolta.", "rejected": "Esito: non accolta."},
    "en": {"accepted": "Outcome: accepted.", "rejected": "Outcome: rejected."},
}
_SENTENCES = {
    "it": {
        "protocol": "Protocollo {number}/{year}.",
        "protocol_of": "Protocollo {number}/{year} del {day}.",
        "number": "Pratica numero {number}.",
        "taken_charge": "Presa in carico il {day}.",
        "answer_by": "La risposta arriva entro il {day}.",
        "respond_by": "Si può rispondere fino al {day}.",
        "position": "Posto in lista d'attesa: {place}.",
        "place": "Si ritira presso: {place}.",
        "hours": "Orari: {hours}.",
        "collect_by": "Si può ritirare fino al {day}.",
        "tracking": "Codice della spedizione: {tracking}.",
    },
    "en": {
        "protocol": "Registered under number {number}/{year}.",
        "protocol_of": "Registered under number {number}/{year} on {day}.",
        "number": "Application number {number}.",
        "taken_charge": "Taken in charge on {day}.",
        "answer_by": "The answer comes by {day}.",
        "respond_by": "It can be answered until {day}.",
        "position": "Place on the waiting list: {place}.",
        "place": "It can be collected at: {place}.",
        "hours": "Opening hours: {hours}.",
        "collect_by": "It can be collected until {day}.",
        "tracking": "Tracking code: {tracking}.",
    },
}


_REQUESTS = {
    "it": {"renew": "rinnovo", "cancel": "annullamento"},
    "en": {"renew": "renewal", "cancel": "cancellation"},
}


def day(moment: date | datetime, language: str) -> str:
    """The last day of a term in words, in Italy's time: `16 dicembre 2026`, `16 December 2026`.

    A term that ends at midnight ends with the day before: to name the next one would make somebody late.
    """
    local = (moment - _MOMENT).astimezone(ROME).date() if isinstance(moment, datetime) else moment
    return f"{local.day} {_MONTHS[language][local.month - 1]} {local.year}"


def end_of(day: date) -> datetime:
    """A day ends at midnight in Italy."""
    return (datetime.combine(day, time(), ROME) + timedelta(days=1)).astimezone(UTC)


def facts(item: CitizenItem, state: str, due: date | datetime | None, language: str) -> Mapping[str, str]:
    """What the wording of a rule may name: every name is there, and reads as nothing where the item lacks the fact."""
    say = _SENTENCES[language]
    names = (
        "reason",
        "outcome",
        "taken_charge",
        "protocol",
        "answer_by",
        "respond_by",
        "request",
        "position",
        "handover",
    )
    found = dict.fromkeys(names, "")
    found |= {"title": item.title, "summary": item.summary or "", "due": day(due, language) if due else ""}
    found["state"] = _STATES[language].get(state, state)
    if isinstance(item, Application):
        found["outcome"] = _OUTCOMES[language].get(item.outcome or "", "")
        found["reason"] = item.outcome_reason or ""
        found["protocol"] = _protocol(item, language)
        if item.taken_charge_at is not None:
            found["taken_charge"] = say["taken_charge"].format(day=day(item.taken_charge_at, language))
        if item.due_date is not None:
            found["answer_by"] = say["answer_by"].format(day=day(item.due_date, language))
        if item.integration is not None and state == "integration_requested":
            found["reason"] = item.integration.reason
            if item.integration.due_at is not None:
                found["respond_by"] = say["respond_by"].format(day=day(item.integration.due_at, language))
    if isinstance(item, Subscription):
        found["request"] = _REQUESTS[language].get(state, "")
        found["reason"] = item.reason or ""
        if found["request"] and item.answers_request is not None:
            found["reason"] = item.answers_request.reason or ""
        if item.waiting_position is not None:
            found["position"] = say["position"].format(place=item.waiting_position)
    if isinstance(item, Document) and item.delivery is not None:
        found["handover"] = _handover(item.delivery, language)
    return found


def _protocol(item: Application, language: str) -> str:
    """Under which number, and since when, the body keeps it (S22)."""
    say, protocol = _SENTENCES[language], item.protocol
    if protocol is None:
        return say["number"].format(number=item.reference_number) if item.reference_number else ""
    names = {"number": protocol.number, "year": protocol.year}
    if protocol.registered_on is None:
        return say["protocol"].format(**names)
    return say["protocol_of"].format(**names, day=day(protocol.registered_on, language))


def _handover(delivery: Handover, language: str) -> str:
    """Where the thing is to be had, until when, and how to follow it; never the address it goes to."""
    say = _SENTENCES[language]
    if delivery.mode == "ship":
        return say["tracking"].format(tracking=delivery.tracking) if delivery.tracking else ""
    told = [say["place"].format(place=delivery.place)]
    if delivery.hours:
        told.append(say["hours"].format(hours=delivery.hours))
    if delivery.collect_by is not None:
        told.append(say["collect_by"].format(day=day(delivery.collect_by, language)))
    return " ".join(told)


OPTIONAL = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)
"""A part that is left out where a fact in it is missing: `si può rinnovare[[ fino al {due}]].`"""

NAMED = re.compile(r"\{(\w+)\}", re.ASCII)


@lru_cache(maxsize=512)  # of each rule its title and body, in two languages; administrators change few of them
def _parts(text: str) -> tuple[tuple[bool, tuple[str, ...]], ...]:
    """The parts of a wording in order, and whether each is optional: its words, and at every second place the name of a
    fact."""
    return tuple((n % 2 == 1, tuple(NAMED.split(part))) for n, part in enumerate(OPTIONAL.split(text)))


def filled(text: str, facts: Mapping[str, str], plain: Callable[[str], str] = str) -> str:
    """The wording with the facts in it; optional parts, and paragraphs that stay empty, are left out."""
    told: list[str] = []
    for optional, words in _parts(text):
        named = [facts[name] for name in words[1::2]]
        if not optional or all(named):
            part = [*words]
            part[1::2] = map(plain, named)
            told += part
    return "\n\n".join([kept for each in "".join(told).split("\n\n") if (kept := each.strip())])
