"""The bodies shown in the description of the feed API."""

from . import examples
from .json_schema import Json
from .parts import EXAMPLE_ITEM_ID

USER_STATE: Json = {"read": True, "archived": False, "starred": False, "confirmed": False}
USER_STATE_PATCH: Json = {"read": True}
USER_STATE_WISHES: Json = {"items": [{"item_id": EXAMPLE_ITEM_ID, "patch": {"archived": True}}]}
USER_STATE_OUTCOMES: Json = {
    "items": [
        {
            "item_id": EXAMPLE_ITEM_ID,
            "outcome": "changed",
            "code": None,
            "user_state": {**USER_STATE, "archived": True},
        }
    ]
}
CATALOGUE_PAGE: Json = {
    "items": [
        {
            "service_id": "nido",
            "name": "Iscrizione al nido d'infanzia",
            "state": "published",
            "card_url": "https://www.comune.example.it/servizi/nido",
            "start_url": "https://servizi.comune.example.it/nido",
            "category": "Educazione e formazione",
            "life_events": ["Avere un figlio"],
            "owner_office": "Ufficio scuola",
            "max_response_days": 30,
            "min_loa": 2,
        }
    ],
    "next_cursor": None,
}
PROFILE: Json = {
    "contacts": [
        {
            "kind": "email",
            "value": "ada@example.org",
            "state": "verified",
            "verified_at": "2026-11-20T09:00:00Z",
            "confirm_until": None,
            "source": "citizen",
        }
    ],
    "attributes": [
        {"code": "birth_place", "value": "Roma", "source": "anpr", "as_of": "2026-11-01T00:00:00Z"},
    ],
}
PROFILE_PATCH: Json = {"email": "ada@example.org"}
PREFERENCES: Json = {
    "language": "it",
    "quiet_hours": {"start": "22:00", "end": "07:30"},
    "digest": "off",
    "channels": {"io": True, "email": True},
    "without_service": {"io": True, "email": True},
    "services": [{"service_id": "tari", "io": True, "email": False}],
    "unsubscribed": [{"service_id": "mensa"}],
    "always_sent": ["alert", "integration_request", "outcome"],
}
PREFERENCES_PATCH: Json = {
    "quiet_hours": {"start": "22:00", "end": "07:30"},
    "services": [{"service_id": "tari", "io": True, "email": False}],
}
FEED_ITEM: Json = {
    "item_id": EXAMPLE_ITEM_ID,
    "collection": "payments",
    "state": "due",
    "lifecycle": "active",
    "version": 1,
    "title": examples.PAYMENT["title"],
    "summary": examples.PAYMENT["summary"],
    "service_id": "tari",
    "service_name": "TARI",
    "category": "Tributi, finanze e contravvenzioni",
    "number": examples.NOTICE,
    "protocol": None,
    "amount_cents": 12050,
    "notification_cost": None,
    "cart": {
        "group": "production",
        "notices": [
            {
                "installment": None,
                "plan": None,
                "creditor_tax_code": examples.PAYMENT["creditor_tax_code"],
                "notice_number": examples.NOTICE,
                "amount_cents": 12050,
                "due_date": "2026-12-16",
            }
        ],
    },
    "source": "tributi",
    "vendor_id": "tributi-srl",
    "turn": "citizen",
    "occurred_at": "2026-11-23T09:00:00Z",
    "received_at": examples.RECEIVED,
    "updated_at": examples.RECEIVED,
    "as_of": examples.RECEIVED,
    "due_at": "2026-12-16T22:59:59Z",
    "sensitivity": "normal",
    "user_state": {**USER_STATE, "read": False},
    "published_by": [{"vendor_id": "tributi-srl", "source": "tributi", "state": "due"}],
}
FEED_PAGE: Json = {"items": [FEED_ITEM], "next_cursor": "eyJzIjo0Mn0", "truncated": False}
FEED_ITEM_DETAIL: Json = {
    **FEED_ITEM,
    "content": {"collection": "payments", **examples.PAYMENT},
    "content_available": False,
    "installments": [],
    "verify_url": None,
    "linked": [],
    "actions": [
        {
            "kind": "pay",
            "label": "Paga ora",
            "url": "https://pagamenti.comune.example.it/301000000000000012",
            "valid_from": None,
            "valid_to": None,
            "primary": True,
            "state": "open",
        }
    ],
    "history": [],
    "timeline": examples.PUBLISHED_ITEM["timeline"],
    "deliveries": [
        {
            "channel": "io",
            "state": "delivered",
            "reason": None,
            "updated_at": "2026-11-23T09:00:05Z",
            "effective_at": None,
        }
    ],
    "requests": [],
    "offered_requests": [],
    "ranked_lists": [],
}
SUBSCRIPTION_REQUEST: Json = {"kind": "renew"}
SUBSCRIPTION_REQUEST_VIEW: Json = {
    "request_id": "0199d1a2-7b3c-7d4e-8f50-000000000009",
    "kind": "renew",
    "asked_by": "citizen",
    "state": "pending",
    "asked_at": "2027-06-20T09:00:00Z",
    "answer_by": "2027-07-20T09:00:00Z",
    "answered_at": None,
}
CART_WISH: Json = {
    "payments": [
        {"item_id": EXAMPLE_ITEM_ID, "installment": None},
        {"item_id": "0199d1a2-7b3c-7d4e-8f50-00000000ca27", "installment": 2},
    ],
    "return_urls": {
        "ok": "https://servizi.comune.example.it/pagamenti/fatto",
        "cancel": "https://servizi.comune.example.it/pagamenti",
        "error": "https://servizi.comune.example.it/pagamenti/errore",
    },
    "email": "maria.rossi@example.org",
}
CART_VIEW: Json = {"url": "https://checkout.pagopa.it/c/0199d1a2-7b3c-7d4e-8f50-00000000ca28"}
FEED_SUMMARY: Json = {
    "sections": [{"collection": "payments", "state": "due", "count": 1, "unread": 1}],
    "unread": 1,
    "waiting_for_citizen": 1,
    "waiting_for_body": 0,
    "view": "desk",
    "view_sections": [
        {
            "code": "activities",
            "title": "Attività",
            "collections": ["applications", "payments"],
            "notices": None,
            "count": 1,
            "unread": 1,
            "waiting_for_citizen": 1,
            "states": [{"collection": "payments", "state": "due", "count": 1, "unread": 1}],
            "latest": [FEED_ITEM],
        }
    ],
    "next_deadlines": [
        {
            "item_id": EXAMPLE_ITEM_ID,
            "collection": "payments",
            "title": examples.PAYMENT["title"],
            "due_at": "2026-12-16T22:59:59Z",
        }
    ],
    "sources": [
        {
            "vendor_id": "tributi-srl",
            "source": "tributi",
            "as_of": examples.RECEIVED,
            "stale": False,
            "silent_since": None,
        }
    ],
}
CHANGES_PAGE: Json = {
    "items": [
        {"item_id": EXAMPLE_ITEM_ID, "collection": "payments", "lifecycle": "active", "item": FEED_ITEM},
        {
            "item_id": "0199d1a2-7b3c-7d4e-8f50-000000000002",
            "collection": "messages",
            "lifecycle": "withdrawn",
            "item": None,
        },
    ],
    "next_cursor": "eyJzIjo0M30",
    "more": False,
}
