"""From OpenCity's records to canonical items, without any I/O.

Files are in `documents.py`.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from contracts.base import rfc3339
from contracts.faults import bilingual
from contracts.inbound import Found, Wrong

from .config import Settings
from .fields import (
    NONE,
    Fault,
    cents,
    code,
    day,
    deep,
    email,
    https,
    identifier,
    moment,
    moment_or_none,
    notice_number,
    object_at,
    organization,
    person,
    string,
)
from .statuses import APPLICATIONS, PAYMENTS, SUBSCRIPTIONS, Standing
from .text import ends_in_reference, line, markdown

Record = Mapping[str, Any]

# Kind and words of what the citizen can do on the application's page, by the canonical state while it is his turn.
ACTIONS: Mapping[str, tuple[str, str]] = {
    "draft": ("complete", "Completa la domanda"),
    "awaiting_payment": ("pay", "Vai al pagamento"),
    "integration_requested": ("integrate", "Invia le integrazioni"),
}
INTEGRATION = "Il Comune chiede di integrare la pratica: il messaggio della pratica dice che cosa manca."
_NO_STATUS = bilingual("uno stato che non è nella tabella", "a status that is not in the table")
APPLICANT = "applicant"
"""The visibility of messages that are for the citizen; all others are the office's own."""


def application(record: Record, settings: Settings) -> Found | None:
    """An application as an item; None where it is none of those to be read."""
    return found_of("application", record, {}, lambda: _application(record, settings))


def message(record: Record, about: Record, settings: Settings) -> Found | None:
    """A message of the application `about`; None for the office's own notes, what the citizen wrote himself, and what
    the hub wrote."""
    return found_of("message", record, {"application": about_of(about)}, lambda: _message(record, about, settings))


def payment(record: Record, about: Record, settings: Settings) -> Found | None:
    """A payment of the application `about`."""
    return found_of("payment", record, {"application": about_of(about)}, lambda: _payment(record, about, settings))


def subscription(record: Record, settings: Settings) -> Found | None:
    """A subscription to a course or service."""
    return found_of("subscription", record, {}, lambda: _subscription(record, settings))


def gone(name: str) -> Found:
    """What OpenCity has no more for certain."""
    return Found(name, b"{}", withdrawn="non più presente in OpenCity")


def missing(application: str) -> Found:
    """An application that OpenCity seems to have no more."""
    return Found(f"application/{application}", b"{}", missing=True)


def read(data: bytes, settings: Settings) -> Iterable[Found]:
    """What stands in the quarantine, again (see `found_of`), or an application as the API gives it."""
    try:
        told = json.loads(data)
        kept = told if "kind" in told else {"kind": "application", "record": told}
        kind, record, about = kept["kind"], kept["record"], kept.get("application", {})
        makers: dict[str, Callable[[], Found | None]] = {
            "application": lambda: application(record, settings),
            "message": lambda: message(record, about, settings),
            "payment": lambda: payment(record, about, settings),
            "subscription": lambda: subscription(record, settings),
        }
        found = makers[kind]()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        fault = Wrong(
            "",
            "opencity.unreadable",
            bilingual(
                "non l'ha messo in quarantena questo connettore", "nothing that this connector put into the quarantine"
            ),
        )
        yield Found("", data, wrong=(fault,))
        return
    if found is not None:
        yield found


def applicant(record: Record, settings: Settings) -> dict[str, str]:
    """The recipient of an application and of all that belongs to it.

    Raises:
        Fault: the form has no tax code where the settings look for one, or something else.
    """
    data = object_at(record, "data")
    for path in settings.tax_code_paths:
        value = deep(data, path)
        if isinstance(value, str) and value.strip():
            found = person(value, "/data/" + path.replace(".", "/"))
            break
    else:
        raise Fault("/data/" + settings.tax_code_paths[0].replace(".", "/"), "opencity.no_tax_code", NONE)
    address = next(filter(None, (email(deep(data, path)) for path in settings.email_paths)), None)
    return found | {"email": address} if address else found


def standing(record: Record) -> Standing:
    """Raises Fault for a status that is in no table."""
    status = record.get("status")
    # Digits in a string; in history and by some versions a number.
    found = APPLICATIONS.get(str(status)) if isinstance(status, str | int) else None
    if found is None:
        raise Fault("/status", "opencity.status_unknown", _NO_STATUS)
    return found


def found_of(
    kind: str, record: Record, with_it: Record, make: Callable[[], tuple[str, dict[str, Any]] | None]
) -> Found | None:
    """What `make` makes of a record, or why it makes nothing; None where it is not for us. With it stands, for the
    quarantine, what `read` needs to make it again."""
    kept = {"kind": kind, "record": _without_login(record), **with_it}
    # A text may hold half of an emoji, which is no UTF-8: it is written as JSON escapes it.
    raw = json.dumps(kept, ensure_ascii=False, default=str).encode(errors="backslashreplace")
    name = f"{kind}/nameless"
    try:
        name = f"{kind}/{identifier(record, 'id')}"
        made = make()
    except Fault as fault:
        return Found(name, raw, wrong=(Wrong(fault.pointer, fault.code, fault.detail),))
    return Found(name, raw, made[0], made[1]) if made is not None else None


def _without_login(record: Record) -> Record:
    """How the citizen logged in, certificate included, is nothing that the hub keeps."""
    return {name: value for name, value in record.items() if name != "authentication"}


def about_of(application: Record) -> Record:
    """What of an application its messages and payments need."""
    return {name: application.get(name) for name in ("id", "user", "service", "service_id", "service_name", "data")}


def _application(record: Record, settings: Settings) -> tuple[str, dict[str, Any]] | None:
    slug, service_id = code(record, "service"), code(record, "service_id")
    if not settings.reads(slug, service_id):
        return None
    its = standing(record)
    page = settings.application_url and settings.application_url.replace("{id}", identifier(record, "id"))
    if its.state == "draft" and page is None:
        return None
    changed = moment_or_none(record, "latest_status_change_at", "latest_status_change_time")
    submitted = moment_or_none(record, "submitted_at", "submission_time")
    created = moment(record, "created_at", "creation_time")
    title = string(record, "subject") or string(record, "service_name") or "Pratica"
    item = envelope(record, settings, title, applicant(record, settings))
    item |= {
        "occurred_at": rfc3339(changed or submitted or created),
        "service_id": settings.service_of(slug, service_id),
        "state": its.state,
        "turn": its.turn,
        "submitted_at": submitted and rfc3339(submitted),
        "protocol": _protocol(record),
    }
    if its.label is not None:
        item["source_status"] = {"code": str(record["status"]), "label": its.label}
    if its.outcome is not None:
        _agrees(record, its)
        reason = string(record, "outcome_motivation")
        item |= {"outcome": its.outcome, "outcome_reason": reason and line(reason, 1000)}
    if its.closed:
        item["closed_at"] = changed and rfc3339(changed)
    if its.state == "integration_requested":
        item["integration"] = {"requested_at": rfc3339(changed or created), "reason": INTEGRATION}
    if page is not None:
        item |= _ways(its, page)
    return "applications", given(item)


def _agrees(record: Record, its: Standing) -> None:
    """A citizen is told no outcome that the record itself doubts."""
    outcome = record.get("outcome")
    if isinstance(outcome, bool) and outcome is not (its.outcome == "accepted"):
        raise Fault(
            "/outcome",
            "opencity.outcome_contradicts",
            bilingual("status e outcome si contraddicono", "status and outcome do not agree"),
        )


def _ways(its: Standing, page: str) -> dict[str, Any]:
    found: dict[str, Any] = {"resume_url": page} if its.state == "draft" else {}
    if its.turn == "citizen" and its.state in ACTIONS:
        kind, label = ACTIONS[its.state]
        found["actions"] = [{"kind": kind, "label": label, "url": page, "primary": True}]
    return found


def _protocol(record: Record) -> dict[str, Any] | None:
    number = string(record, "protocol_number")
    at = moment_or_none(record, "protocolled_at", "protocol_time")
    # Without its year a number names nothing (DPR 445/2000, art. 53).
    if number is None or at is None:
        return None
    registered_on = day(at)
    return {"number": line(number, 120), "year": int(registered_on[:4]), "registered_on": registered_on}


def _message(record: Record, about: Record, settings: Settings) -> tuple[str, dict[str, Any]] | None:
    if record.get("visibility") != APPLICANT:
        return None
    author, user = record.get("author"), about.get("user")
    words = string(record, "message") or ""
    if (author is not None and author == user) or ends_in_reference(words):
        return None
    text = markdown(words)
    if not text:
        raise Fault("/message", "opencity.no_text", NONE)
    title = string(record, "subject") or f"Messaggio sulla pratica: {string(about, 'service_name') or 'pratica'}"
    item = envelope(record, settings, title, applicant(about, settings))
    at = moment_or_none(record, "sent_at") or moment(record, "created_at")
    item |= {
        "occurred_at": rfc3339(at),
        "service_id": settings.service_of(code(about, "service"), code(about, "service_id")),
        "kind": "info",
        "body_markdown": text,
        "links": [{"rel": "application", "external_id": identifier(about, "id")}],
    }
    return "messages", given(item)


def _payment(record: Record, about: Record, settings: Settings) -> tuple[str, dict[str, Any]] | None:
    its = object_at(record, "payment")
    state = PAYMENTS.get(str(record.get("status")))
    if state is None:
        raise Fault("/status", "opencity.status_unknown", _NO_STATUS)
    reason = line(string(record, "reason") or string(about, "service_name") or "Pagamento", 140)
    item = envelope(record, settings, reason, _debtor(record, about, settings))
    expires = moment_or_none(its, "expire_at", at="/payment")
    item |= {
        "occurred_at": rfc3339(moment(record, "updated_at", "created_at")),
        "service_id": settings.service_of(code(about, "service"), code(about, "service_id")),
        "notice_number": notice_number(its.get("notice_code"), "/payment/notice_code"),
        "creditor_tax_code": _creditor(its, settings),
        "amount_cents": cents(its.get("amount"), "/payment/amount"),
        "reason": reason,
        "due_date": expires and day(expires),
        "pay_url": https(object_at(object_at(record, "links"), "online_payment_begin").get("url")),
        "state": state,
        "links": [{"rel": "application", "external_id": identifier(about, "id")}],
    }
    if state not in ("due", "started"):
        item["pay_url"] = None
    return "payments", given(item)


def _subscription(record: Record, settings: Settings) -> tuple[str, dict[str, Any]] | None:
    state = SUBSCRIPTIONS.get(str(record.get("status")))
    if state is None:
        raise Fault("/status", "opencity.status_unknown", _NO_STATUS)
    service = code(record, "subscription_service_code")
    if service is None:
        raise Fault(
            "/subscription_service_code",
            "opencity.no_code",
            bilingual("non è un codice di servizio", "not a code of a service"),
        )
    created = moment(record, "created_at")
    title = string(record, "subscription_service_name") or "Iscrizione"
    holder = person(record.get("subscriber_fiscal_code"), "/subscriber_fiscal_code")
    item = envelope(record, settings, title, holder)
    related = record.get("related_cfs")
    listed = related if isinstance(related, list) else []
    holders = [person(each, f"/related_cfs/{n}")["tax_code"] for n, each in enumerate(listed) if each]
    item |= {
        "occurred_at": rfc3339(created),
        "subscription_service": service,
        "state": state,
        "valid_from": day(created),
        "beneficiaries": [{"tax_code": each, "role": "co_holder"} for each in dict.fromkeys(holders)] or None,
    }
    return "subscriptions", given(item)


def _debtor(record: Record, about: Record, settings: Settings) -> dict[str, str]:
    """Who owes it: not always the applicant, who may pay for a child. Version 1 knows the payer alone."""
    for name in ("debtor", "payer"):
        value = object_at(record, name).get("tax_identification_number")
        if value:
            return person(value, f"/{name}/tax_identification_number")
    return applicant(about, settings)


def _creditor(its: Record, settings: Settings) -> str:
    found = organization(object_at(its, "receiver").get("tax_identification_number")) or settings.creditor_tax_code
    if found is None:
        raise Fault(
            "/payment/receiver/tax_identification_number",
            "opencity.no_creditor",
            bilingual("né qui né nelle impostazioni", "none here, nor in the settings"),
        )
    return found


def envelope(record: Record, settings: Settings, title: str, recipient: Mapping[str, str]) -> dict[str, Any]:
    """What every item has, by the record's own id."""
    return {
        "external_id": identifier(record, "id"),
        "source": settings.source,
        "title": line(title, 200) or "Comunicazione",
        "recipient": dict(recipient),
        "notify": {"channels": list(settings.tell)},
    }


def given(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item's members that are there."""
    return {name: value for name, value in item.items() if value is not None}
