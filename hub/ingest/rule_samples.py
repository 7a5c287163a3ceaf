"""Sample items for whoever writes the words of a rule: one with all that a notice may name, one with the least."""

from datetime import UTC, datetime
from typing import Any, get_args

import orjson

from contracts.items import COLLECTIONS, CitizenItem, Message, Service
from contracts.items.document import HandoverState
from contracts.items.subscription import RequestKind

from .notices import message_for
from .rules import Rule
from .subscriptions import RENEWING

DUE = datetime(2026, 12, 16, 23, tzinfo=UTC)

_ENVELOPE: dict[str, Any] = {
    "external_id": "esempio-1",
    "version": 1,
    "source": "esempio",
    "recipient": {"tax_code": "RSSMRA80A01H501U"},
    "title": "Asilo nido 2026/27",
    "occurred_at": "2026-11-23T09:00:00Z",
}
_FULL: dict[str, Any] = {"summary": "Asilo «Il girasole», via Roma 1.\nTel. 011 0000000."}
_LEAST: dict[str, dict[str, Any]] = {
    "payments": {"creditor_tax_code": "00488410010", "amount_cents": 12_500, "reason": "Retta di dicembre"},
    "receipts": {
        "payment": {"creditor_tax_code": "00488410010", "notice_number": "301000000000000012"},
        "receipt_number": "RT-1",
        "paid_at": "2026-11-24T10:00:00Z",
        "amount_cents": 12_500,
    },
    "documents": {"doc_type": "certificato", "form": "other"},
    "applications": {"resume_url": "https://servizi.comune.example.it/domande/1"},
    "subscriptions": {"subscription_service": "nido-2026", "valid_from": "2026-09-01"},
    "deadlines": {"due_at": "2026-12-16T23:00:00Z"},
}
_MORE: dict[str, dict[str, Any]] = {
    "payments": {"due_date": "2026-12-16"},
    "documents": {"valid_to": "2026-12-16T23:00:00Z"},
    "applications": {"protocol": {"number": "0012345", "year": 2026}, "due_date": "2026-12-31"},
    "subscriptions": {"valid_to": "2026-12-16", "reason": "Documentazione incompleta."},
}
_REMINDED = {
    "payments": "due",
    "documents": "available",
    "applications": "integration_requested",
    "subscriptions": "renewal_due",
    "deadlines": "open",
}
_AS_ITEM = {RENEWING: "renewal_due", "renew": "renewal_due", "cancel": "active"}
"""The state of an item of which a rule speaks by another name."""
_STATELESS = ("receipts", "documents")
_LEAST_HANDOVER: dict[str, dict[str, str]] = {
    "collect": {"mode": "collect", "place": "Anagrafe, via Roma 1"},
    "ship": {"mode": "ship", "address": "Via Roma 1, 10100 Torino"},
}
_MORE_HANDOVER: dict[str, dict[str, str]] = {
    "collect": {"hours": "lun-ven 9-13", "collect_by": "2026-12-16T23:00:00Z"},
    "ship": {"tracking": "RR123456785IT"},
}


def samples(rule: Rule, language: str, *, full: bool) -> list[Message]:
    """The messages that the rule gives, one a state that it tells of."""
    return [_message(rule, state, language, full=full) for state in states_of(rule)]


def states_of(rule: Rule) -> list[str]:
    """The states in which an item is told of; of what is asked of a subscription's source, the kinds of request."""
    if rule.on == "event":
        return [*get_args(RequestKind)]
    return sorted(rule.states) or [_REMINDED[rule.collection]]


def sample_item(rule: Rule, state: str, language: str, *, full: bool) -> CitizenItem:
    """An item of the rule's collection in that state."""
    collection = rule.collection
    fields = _ENVELOPE | {"language": language} | _LEAST[collection]
    if collection not in _STATELESS:
        fields["state"] = _AS_ITEM.get(state, state)
    if state == RENEWING:
        fields |= {"renewal": "auto"}
    if state == "integration_requested":
        fields["integration"] = {"requested_at": "2026-11-23T09:00:00Z", "reason": "Manca l'ISEE."}
    if collection == "documents":
        fields |= _as_document(rule, state, full=full)
    if full:
        fields |= _FULL | _MORE.get(collection, {})
        if "integration" in fields:
            fields["integration"] |= {"due_at": "2026-12-16T23:00:00Z"}
        if collection == "applications" and state in ("completed", "revoked"):
            fields |= {"outcome": "rejected", "outcome_reason": "Il reddito supera la soglia."}
    item = COLLECTIONS[collection].model_validate_json(orjson.dumps(fields))
    assert not isinstance(item, Service)
    return item


def _as_document(rule: Rule, state: str, *, full: bool) -> dict[str, Any]:
    """What puts a document into that state: its source's word, or its handover where it is on paper."""
    if state in get_args(HandoverState) or "pick_up" in rule.due:
        mode = "ship" if state == "shipped" else "collect"
        handover = _LEAST_HANDOVER[mode] | (_MORE_HANDOVER[mode] if full else {})
        handover["state"] = state if rule.on == "state" else "ready"
        if handover["state"] == "ready":
            handover["ready_at"] = "2026-11-23T09:00:00Z"
        return {"form": "physical", "delivery": handover}
    return {"state": state} if state in ("revoked", "expired") else {}


def due_of(rule: Rule, *, full: bool) -> datetime | None:
    """What a message may say of the day: a reminder and an opening always, others where the item has one."""
    return DUE if full or rule.on in ("remind", "window") else None


def _message(rule: Rule, state: str, language: str, *, full: bool) -> Message:
    item = sample_item(rule, state, language, full=full)
    return message_for(item, rule, state, due=due_of(rule, full=full))
