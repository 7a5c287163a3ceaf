"""An item's own facts, as the words of a notice name them, in Italian and English."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from contracts.items import Application, CitizenItem, Subscription

ROME = ZoneInfo("Europe/Rome")

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
    },
    "en": {
        "protocol": "Registered under number {number}/{year}.",
        "protocol_of": "Registered under number {number}/{year} on {day}.",
        "number": "Application number {number}.",
        "taken_charge": "Taken in charge on {day}.",
        "answer_by": "The answer comes by {day}.",
        "respond_by": "It can be answered until {day}.",
    },
}


def day(moment: date | datetime, language: str) -> str:
    """The day in words, in Italy's time: `16 dicembre 2026`, `16 December 2026`."""
    local = moment.astimezone(ROME).date() if isinstance(moment, datetime) else moment
    return f"{local.day} {_MONTHS[language][local.month - 1]} {local.year}"


def facts(item: CitizenItem, state: str, due: date | datetime | None, language: str) -> Mapping[str, str]:
    """What the wording of a rule may name: every name is there, and reads as nothing where the item lacks the fact."""
    say = _SENTENCES[language]
    found = dict.fromkeys(("reason", "outcome", "taken_charge", "protocol", "answer_by", "respond_by"), "")
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
        found["reason"] = item.reason or ""
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


def filled(text: str, facts: Mapping[str, str], plain: Callable[[str], str] = str) -> str:
    """The wording with the facts in it; paragraphs that stay empty are left out."""
    whole = text.format_map({name: plain(value) for name, value in facts.items()})
    return "\n\n".join(part.strip() for part in whole.split("\n\n") if part.strip())
