"""Opaque cursors: sealed, and bound to the citizen and the list they were given for."""

import base64
from typing import Any

import orjson

from hub.errors import Fault, RequestInvalid
from hub.security.vault import VaultError
from hub.store.citizens import Citizen
from hub.store.ports import Vault


def write(vault: Vault, citizen: Citizen, purpose: str, position: list[Any]) -> str:
    """A cursor that only this citizen can use, and only for this list with these filters."""
    sealed = vault.seal(orjson.dumps(position), _place(citizen, purpose))
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def read(vault: Vault, citizen: Citizen, purpose: str, cursor: str) -> list[Any]:
    """The position in a cursor. Raises RequestInvalid for one that was not given for this list."""
    try:
        sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        position: list[Any] = orjson.loads(vault.open(sealed, _place(citizen, purpose)))
    except (ValueError, VaultError) as exc:
        raise bad("cursor", "not a cursor of this list") from exc
    return position


def bad(parameter: str, detail: str) -> RequestInvalid:
    """A query parameter is wrong."""
    return RequestInvalid(f"{parameter}: {detail}", faults=(Fault(f"#query/{parameter}", "parameter.invalid", detail),))


def _place(citizen: Citizen, purpose: str) -> str:
    return f"cursor|{citizen.ente_id}|{citizen.citizen_id}|{purpose}"
