"""The bodies shown in the description of the administration. Nobody real."""

from .json_schema import Json
from .parts import EXAMPLE_ITEM_ID

SESSION: Json = {
    "account": {
        "username": "anna.verdi",
        "display_name": "Anna Verdi",
        "ente_id": "c_h501",
        "roles": ["administrator"],
    },
    "started_at": "2026-11-23T09:00:00Z",
    "expires_at": "2026-11-23T10:00:00Z",
}
SIGNED_IN: Json = {"session_token": "Zx3vJc0Qm8sYb2dE5kP1uW7tR4nH6gL9aB0cD2eF4gI", "session": SESSION}
AUDIT_RECORD: Json = {
    "record_id": EXAMPLE_ITEM_ID,
    "at": "2026-11-23T09:05:00Z",
    "actor": "anna.verdi",
    "over": "http",
    "operation": "pause_connector",
    "outcome": "ok",
    "target": "connectors/io",
    "before": {"state": "active"},
    "after": {"state": "paused", "paused_reason": "manutenzione"},
}
