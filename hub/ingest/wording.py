"""An item's own facts, as the words of a notice name them, in Italian and English."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
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
        "answer_by": "La risposta arriva entro il {day}.",
        "respond_by": "Si può rispondere fino al {day}.",
        "position": "Posto in lista d'attesa: {place}.",
    },
    "en": {
        "protocol": "Registered under number {number}/{year}.",
        "answer_by": "The answer comes by {day}.",
        "respond_by": "It can be answered until {day}.",
        "position": "Place on the waiting list: {place}.",
    },
}


_REQUESTS = {
    "it": {"renew": "rinnovo", "cancel": "annullamento"},
    "en": {"renew": "renewal", "cancel": "cancellation"},
}


def day(moment: date | datetime, language: str) -> str:
    """The day in words, in Italy's time: `16 dicembre 2026`, `16 December 2026`."""
    local = moment.astimezone(ROME).date() if isinstance(moment, datetime) else moment
    return f"{local.day} {_MONTHS[language][local.month - 1]} {local.year}"


def end_of(day: date) -> datetime:
    """A day ends at midnight in Italy."""
    return (datetime.combine(day, time(), ROME) + timedelta(days=1)).astimezone(UTC)


def facts(item: CitizenItem, state: str, due: date | datetime | None, language: str) -> Mapping[str, str]:
    """What the wording of a rule may name: every name is there, and reads as nothing where the item lacks the fact."""
    say = _SENTENCES[language]
    found = dict.fromkeys(("reason", "outcome", "protocol", "answer_by", "respond_by", "request", "position"), "")
    found |= {"title": item.title, "summary": item.summary or "", "due": day(due, language) if due else ""}
    found["state"] = _STATES[language].get(state, state)
    if isinstance(item, Application):
        found["outcome"] = _OUTCOMES[language].get(item.outcome or "", "")
        found["reason"] = item.outcome_reason or ""
        if item.protocol is not None:
            found["protocol"] = say["protocol"].format(number=item.protocol.number, year=item.protocol.year)
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
    return found


def filled(text: str, facts: Mapping[str, str], plain: Callable[[str], str] = str) -> str:
    """The wording with the facts in it; paragraphs that stay empty are left out."""
    whole = text.format_map({name: plain(value) for name, value in facts.items()})
    return "\n\n".join(part.strip() for part in whole.split("\n\n") if part.strip())
