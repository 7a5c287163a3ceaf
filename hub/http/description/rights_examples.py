"""Examples of how the citizen sees the handling of his data, and of what he asks about it."""

from .json_schema import Json
from .parts import EXAMPLE_ITEM_ID

_RECEIVED = "2026-11-23T09:00:01Z"
ACCESS_PAGE: Json = {
    "items": [
        {
            "entry_id": "0199d1a2-7b3c-7d4e-8f50-0000000acce5",
            "at": _RECEIVED,
            "actor": "vendor",
            "actor_id": "tributi-srl",
            "operation": "accepted",
            "outcome": "ok",
            "item_id": EXAMPLE_ITEM_ID,
            "collection": "payments",
            "delegation_id": None,
            "delegate_tax_code": None,
        }
    ],
    "next_cursor": None,
}
SHARING_PAGE: Json = {
    "items": [
        {
            "entry_id": "0199d1a2-7b3c-7d4e-8f50-0000000de117",
            "at": "2026-11-23T09:00:05Z",
            "recipient": "channel",
            "recipient_id": "app-io",
            "channel": "io",
            "what": "message",
            "state": "delivered",
            "item_id": EXAMPLE_ITEM_ID,
            "collection": "messages",
        }
    ],
    "next_cursor": None,
}
RIGHTS_WISH: Json = {
    "kind": "rectification",
    "text": "Il numero civico è 12, non 21.",
    "item_id": EXAMPLE_ITEM_ID,
}
OWN_REQUEST: Json = {
    "request_id": "0199d1a2-7b3c-7d4e-8f50-000000007e91",
    "kind": "rectification",
    "text": "Il numero civico è 12, non 21.",
    "item_id": EXAMPLE_ITEM_ID,
    "filed_by": "citizen",
    "received_on": "2026-11-23",
    "due_on": "2026-12-23",
    "late": False,
    "state": "open",
    "closed_at": None,
    "answer": None,
}
OWN_REQUEST_REFUSED: Json = OWN_REQUEST | {
    "state": "refused",
    "closed_at": "2026-11-30T10:00:00Z",
    "answer": "L'indirizzo è quello dell'anagrafe (ANPR): va corretto lì.",
}
EXPORT: Json = {
    "format": "raccordo.export.v1",
    "ente_id": "c_h501",
    "exported_at": _RECEIVED,
    "identity": {
        "citizen_id": "0199d1a2-7b3c-7d4e-8f50-00000000c171",
        "subject_kind": "person",
        "tax_code": "RSSMRA80A01H501U",
        "created_at": _RECEIVED,
    },
    "contacts": [],
    "attributes": [],
    "opt_outs": [{"channel": "email", "topic": "mensa", "at": _RECEIVED}],
    "preferences": [
        {"language": "it", "quiet_hours": {"start": "22:00", "end": "07:30"}, "updated_at": _RECEIVED},
    ],
    "items": [],
    "accesses": [],
    "delegations": [],
    "requests": [],
    "evidence": [],
    "left_out": {"higher_level": 0, "not_yet_visible": 0, "evidence": True},
}
