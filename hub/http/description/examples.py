"""The bodies shown in the descriptions. No one real: RSSMRA80A01H501U is everybody's example, 12345670587 nobody's."""

from .json_schema import Json
from .parts import EXAMPLE_BATCH_ID, EXAMPLE_DIGEST, EXAMPLE_ITEM_ID

RECEIVED = "2026-11-23T09:00:01Z"
NOTICE = "001000000000012370"
_ENVELOPE: Json = {
    "external_id": "TARI-2026-000123",
    "version": 1,
    "source": "tributi",
    "recipient": {"tax_code": "RSSMRA80A01H501U"},
    "service_id": "tari",
    "occurred_at": "2026-11-23T09:00:00Z",
    "language": "it",
}

MESSAGE: Json = {
    **_ENVELOPE,
    "external_id": "AVVISO-2026-000045",
    "title": "Variazione del calendario di raccolta",
    "summary": "Da gennaio la carta si raccoglie il giovedì",
    "kind": "info",
    "body_markdown": "Gentile cittadino,\n\nda **gennaio** la carta si raccoglie il giovedì.",
    "actions": [
        {
            "kind": "inform",
            "label": "Vedi il calendario",
            "url": "https://servizi.comune.example.it/rifiuti/calendario",
            "primary": True,
        }
    ],
    "notify": {"channels": ["io", "email"]},
}
DOCUMENT: Json = {
    **_ENVELOPE,
    "external_id": "CERT-2026-000777",
    "source": "anagrafe",
    "service_id": "certificati",
    "title": "Certificato di residenza",
    "doc_type": "certificate",
    "form": "pdf",
    "filename": "certificato-residenza.pdf",
    "media_type": "application/pdf",
    "size": 48213,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "protocol": {"number": "2026/0012345", "year": 2026, "registered_on": "2026-11-23"},
}
PAYMENT: Json = {
    **_ENVELOPE,
    "title": "TARI 2026, prima rata",
    "summary": "Importo da pagare entro il 16 dicembre",
    "notice_number": NOTICE,
    "creditor_tax_code": "12345670587",
    "amount_cents": 12050,
    "currency": "EUR",
    "reason": "TARI 2026 rata 1 di 3",
    "due_date": "2026-12-16",
    "installment": {"n": 1, "of": 3},
    "pay_url": "https://servizi.comune.example.it/pagamenti/123",
    "state": "due",
}
RECEIPT: Json = {
    **_ENVELOPE,
    "external_id": "RT-2026-000123",
    "title": "Ricevuta TARI 2026, prima rata",
    "payment": {"notice_number": NOTICE, "creditor_tax_code": "12345670587"},
    "receipt_number": "RT20261201000123",
    "paid_at": "2026-12-01T10:15:00Z",
    "amount_cents": 12050,
    "psp": "Banca di esempio",
}
APPLICATION: Json = {
    **_ENVELOPE,
    "external_id": "NIDO-2026-000321",
    "source": "sportello",
    "service_id": "nido",
    "title": "Iscrizione al nido d'infanzia",
    "state": "in_progress",
    "source_status": {"code": "4000", "label": "In lavorazione"},
    "reference_number": "NIDO-2026-000321",
    "protocol": {"number": "2026/0012399", "year": 2026, "registered_on": "2026-11-23"},
    "submitted_at": "2026-11-22T18:30:00Z",
    "taken_charge_at": "2026-11-23T09:00:00Z",
    "due_date": "2026-12-23",
    "procedure_steps": [
        {"order": 1, "title": "Presa in carico", "state": "done", "done_at": "2026-11-23T09:00:00Z"},
        {"order": 2, "title": "Graduatoria", "state": "current", "planned_on": "2026-12-15"},
    ],
    "office": {"name": "Ufficio scuola", "email": "scuola@comune.example.it"},
    "beneficiaries": [{"tax_code": "RSSLCU24L15H501R", "role": "child"}],
}
SUBSCRIPTION: Json = {
    **_ENVELOPE,
    "external_id": "ISCR-NIDO-2026-000321",
    "source": "sportello",
    "service_id": "nido",
    "title": "Nido d'infanzia, anno 2026/2027",
    "subscription_service": "nido-2026-2027",
    "state": "active",
    "valid_from": "2026-12-01",
    "valid_to": "2027-07-31",
    "renewal": "manual",
    "cancellation": "manual",
    "payment_plan": [
        {"n": 1, "amount_cents": 30000, "due_date": "2026-12-15", "reason": "Retta nido, rata 1 di 2"},
        {"n": 2, "amount_cents": 30000, "due_date": "2027-03-15", "reason": "Retta nido, rata 2 di 2"},
    ],
    "plan_total_cents": 60000,
    "attributes": [{"code": "score", "number": 42}, {"code": "area", "text": "Centro"}],
    "beneficiaries": [{"tax_code": "RSSLCU24L15H501R", "role": "child"}],
}
DEADLINE: Json = {
    **_ENVELOPE,
    "external_id": "SCAD-2026-000011",
    "title": "Scelta del medico per la visita scolastica",
    "due_at": "2026-12-20T22:59:59Z",
    "kind": "citizen_duty",
    "state": "open",
    "reminder_offsets": [7, 1],
}
SERVICE: Json = {
    "external_id": "SERVIZIO-TARI",
    "version": 1,
    "source": "tributi",
    "occurred_at": "2026-11-23T09:00:00Z",
    "service_id": "tari",
    "title": "Tassa sui rifiuti",
    "name": "TARI",
    "card_url": "https://comune.example.it/servizi/tari",
    "category": "Tributi, finanze e contravvenzioni",
    "owner_office": "Ufficio tributi",
}


SERVICE_STATUS: Json = {
    "type": "about:blank",
    "title": "In servizio / Up",
    "status": 200,
    "detail": "Il servizio risponde / the service is up",
}


def publication(outcome: str, external_id: str = "TARI-2026-000123") -> Json:
    """A signed receipt with one of the four outcomes."""
    return {
        "item_id": EXAMPLE_ITEM_ID,
        "external_id": external_id,
        "version": 1,
        "lifecycle": "active",
        "outcome": outcome,
        "received_at": RECEIVED,
        "request_digest": EXAMPLE_DIGEST,
        "notification": "pending" if outcome == "created" else "sent",
    }


def content_receipt(outcome: str) -> Json:
    return {
        "item_id": EXAMPLE_ITEM_ID,
        "state": "available",
        "outcome": outcome,
        "received_at": RECEIVED,
        "request_digest": EXAMPLE_DIGEST,
        "notification": "pending",
    }


WITHDRAWAL: Json = {"reason": "Importo errato"}
WITHDRAWAL_RECEIPT: Json = {
    "item_id": EXAMPLE_ITEM_ID,
    "lifecycle": "withdrawn",
    "received_at": RECEIVED,
    "request_digest": EXAMPLE_DIGEST,
}
PUBLISHED_ITEM: Json = {
    "item_id": EXAMPLE_ITEM_ID,
    "collection": "payments",
    "source": "tributi",
    "external_id": "TARI-2026-000123",
    "version": 1,
    "lifecycle": "active",
    "state": "due",
    "received_at": RECEIVED,
    "updated_at": RECEIVED,
    "notification": "sent",
    "timeline": [{"at": RECEIVED, "event": "accepted", "data": {"version": 1}}],
}
PUBLISHED_ITEMS: Json = {"items": [PUBLISHED_ITEM], "next_cursor": None}

VENDOR_EVENTS: Json = {
    "items": [
        {
            "event_id": "0199d1a2-7b3c-7d4e-8f50-0000000e7e47",
            "at": RECEIVED,
            "item_id": EXAMPLE_ITEM_ID,
            "collection": "payments",
            "source": "tributi",
            "external_id": "TARI-2026-000123",
            "event": "paid",
            "data": {},
        }
    ],
    "next_cursor": "42",
    "more": False,
}
BATCH: Json = {"items": [{"collection": "messages", "item": MESSAGE}, {"collection": "payments", "item": PAYMENT}]}
BATCH_RECEIPT: Json = {
    "batch_id": EXAMPLE_BATCH_ID,
    "state": "running",
    "size": 2,
    "received_at": RECEIVED,
    "request_digest": EXAMPLE_DIGEST,
}
BATCH_STATUS: Json = {
    "batch_id": EXAMPLE_BATCH_ID,
    "state": "running",
    "size": 2,
    "decided": 1,
    "received_at": RECEIVED,
}
BATCH_RESULT: Json = {
    "batch_id": EXAMPLE_BATCH_ID,
    "size": 2,
    "received_at": RECEIVED,
    "finished_at": RECEIVED,
    "request_digest": EXAMPLE_DIGEST,
    "items": [
        {
            "position": 0,
            "collection": "messages",
            "external_id": MESSAGE["external_id"],
            "outcome": "created",
            "item_id": EXAMPLE_ITEM_ID,
            "version": 1,
            "code": None,
            "errors": [],
        },
        {
            "position": 1,
            "collection": "payments",
            "external_id": PAYMENT["external_id"],
            "outcome": "refused",
            "item_id": None,
            "version": None,
            "code": "contract.violation",
            "errors": [
                {
                    "pointer": "/items/1/item/recipient/tax_code",
                    "code": "field.invalid",
                    "detail": "Non è un codice fiscale di 11 cifre / not an 11-digit tax code of an organisation",
                }
            ],
        },
    ],
}
