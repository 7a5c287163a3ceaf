"""Opaque cursors: sealed, and bound to the person and the list they were given for.

Not to the citizen_id: who asks before anything was published has none yet, and goes on with the same cursor later.
"""

import base64
from typing import Any

import orjson

from hub.query_strings import NO_CURSOR, bad
from hub.security.vault import VaultError
from hub.store.ports import Vault


def write(vault: Vault, owner: str, purpose: str, position: list[Any]) -> str:
    """A cursor that only this person can use, and only for this list with these filters."""
    sealed = vault.seal(orjson.dumps(position), _place(owner, purpose))
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def read(vault: Vault, owner: str, purpose: str, cursor: str, *, parameter: str = "cursor") -> list[Any]:
    """The position in the cursor that `parameter` gave. Raises RequestInvalid for one that is not of this list."""
    try:
        sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        position: list[Any] = orjson.loads(vault.open(sealed, _place(owner, purpose)))
    except (ValueError, VaultError) as exc:
        raise bad(parameter, NO_CURSOR) from exc
    return position


def _place(owner: str, purpose: str) -> str:
    return f"cursor|{owner}|{purpose}"
