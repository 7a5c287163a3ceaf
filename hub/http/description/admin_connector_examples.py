"""Connectors as the description shows them."""

from .json_schema import Json

CONNECTOR_TYPE: Json = {
    "connector_type": "app_io",
    "title": "App IO",
    "channel": "io",
    "settings_schema": {
        "type": "object",
        "properties": {"api_key": {"type": "string", "format": "password", "writeOnly": True}},
        "required": ["api_key"],
    },
    "limits_schema": {"type": "object"},
    "default_limits": {"timeout_s": 20.0},
    "secret_members": ["api_key"],
}
VERSION: Json = {
    "version": 3,
    "state": "tested",
    "environment": "production",
    "settings": {"time_to_live": 3600},
    "limits": {"rate_per_s": 5},
    "service_overrides": {"tari": {}},
    "secrets": [
        {"pointer": "/service_overrides/tari/api_key", "reference": "env:RACCORDO_SECRET_C_H501__IO_TARI"},
        {"pointer": "/settings/api_key", "reference": None},
    ],
    "author": "anna.verdi",
    "made_at": "2026-11-23T09:00:00Z",
    "checked_at": "2026-11-23T09:01:00Z",
    "check_outcome": "passed",
    "check_reason": None,
    "activated_at": None,
}
CONNECTOR: Json = {
    "connector_id": "io",
    "connector_type": "app_io",
    "state": "active",
    "paused_reason": None,
    "version_in_force": 2,
    "newest": VERSION,
}
NEW_CONNECTOR: Json = {
    "connector_id": "io",
    "connector_type": "app_io",
    "settings": {"api_key": "env:RACCORDO_SECRET_C_H501__IO"},
}
PATCH: Json = {"settings": {"api_key": "la chiave nuova"}, "limits": {"rate_per_s": 5}}
DIFFERENCE: Json = {
    "from_version": 2,
    "to_version": 3,
    "differences": [
        {"pointer": "/limits/rate_per_s", "change": "added", "secret": False, "before": None, "after": 5},
        {"pointer": "/settings/api_key", "change": "changed", "secret": True},
    ],
}
CHECK_PASSED: Json = {
    "version": 3,
    "outcome": "passed",
    "reason": None,
    "detail": "The key is accepted.",
    "it": "Il fornitore risponde e accetta le impostazioni.",
    "en": "The provider answers and accepts the settings.",
}
CHECK_FAILED: Json = {
    "version": 3,
    "outcome": "failed",
    "reason": "io.key_refused",
    "detail": "status 401",
    "it": "Il fornitore non accetta le credenziali: verificare chiave, utente o certificato.",
    "en": "The provider does not accept the credentials: check key, user or certificate.",
}
