"""An ente's clients at PDND, as administrators configure them: private keys sealed or only named."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import Connection, delete, select

from .database import Tx, upsert
from .directory import AlreadyThere, NotThere, bump
from .ports import Vault
from .tables import pdnd_clients

VERSION = "pdnd_clients"
"""The counter that moves with every change."""

Kind = Literal["api", "consumer"]


@dataclass(frozen=True, slots=True)
class PdndCredentials:
    """One client (modi 2.1). Of kind `api` it is for the platform's own API, of kind `consumer` for one purpose."""

    ente_id: str
    name: str
    kind: Kind
    client_id: str
    kid: str
    """The id that PDND gave the public key when it was uploaded."""
    token_url: str
    audience: str
    """`aud` of client assertions; PDND's back office tells it, and it is no URL."""
    purpose_id: str | None = None
    bound: bool = False
    """Vouchers are bound to a key of their own (DPoP, modi 2.4)."""
    key_pem: str = field(default="", repr=False)
    """The private key in PEM; empty where `key_reference` names it."""
    key_reference: str = ""
    """`file:/path` or `env:NAME`: read when it is used, kept nowhere."""
    certificate_pem: str = field(default="", repr=False)
    """The client certificate of its connections (ID_AUTH_CHANNEL_02) with its key, in PEM; empty where there is none,
    or `certificate_reference` names it."""
    certificate_reference: str = ""


class PdndClients:
    """Reads and writes them."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def load(self, connection: Connection) -> Mapping[tuple[str, str], PdndCredentials]:
        """All of them, by (ente_id, name)."""
        return {
            (row.ente_id, row.name): PdndCredentials(
                row.ente_id,
                row.name,
                row.kind,
                row.client_id,
                row.kid,
                row.token_url,
                row.audience,
                row.purpose_id,
                row.bound,
                self._opened(row.key_sealed, client_place(row.ente_id, row.name)),
                row.key_reference or "",
                self._opened(row.certificate_sealed, certificate_place(row.ente_id, row.name)),
                row.certificate_reference or "",
            )
            for row in connection.execute(select(pdnd_clients).order_by(pdnd_clients.c.ente_id, pdnd_clients.c.name))
        }

    def _opened(self, sealed: bytes | None, place: str) -> str:
        return self._vault.open(sealed, place).decode() if sealed else ""

    def _sealed(self, pem: str, place: str) -> bytes | None:
        return self._vault.seal(pem.encode(), place) if pem else None

    def save(self, tx: Tx, one: PdndCredentials) -> None:
        """Make a client, or replace the one of that name.

        Raises:
            AlreadyThere: the ente has another client of kind `api`; the text is its name.
        """
        bump(tx, VERSION)
        its = pdnd_clients.c
        if one.kind == "api":
            other = select(its.name).where(its.ente_id == one.ente_id, its.kind == "api", its.name != one.name)
            if (name := tx.connection.execute(other).scalar()) is not None:
                raise AlreadyThere(name)
        values = {
            "kind": one.kind,
            "client_id": one.client_id,
            "kid": one.kid,
            "token_url": one.token_url,
            "audience": one.audience,
            "purpose_id": one.purpose_id,
            "bound": one.bound,
            "key_reference": one.key_reference or None,
            "key_sealed": self._sealed(one.key_pem, client_place(one.ente_id, one.name)),
            "certificate_reference": one.certificate_reference or None,
            "certificate_sealed": self._sealed(one.certificate_pem, certificate_place(one.ente_id, one.name)),
            "updated_at": tx.now,
        }
        statement = upsert(pdnd_clients).values(ente_id=one.ente_id, name=one.name, **values)
        tx.connection.execute(statement.on_conflict_do_update(index_elements=["ente_id", "name"], set_=values))

    def remove(self, tx: Tx, ente_id: str, name: str) -> None:
        """Take a client away, with its key. Raises NotThere."""
        bump(tx, VERSION)
        where = (pdnd_clients.c.ente_id == ente_id) & (pdnd_clients.c.name == name)
        if tx.connection.execute(delete(pdnd_clients).where(where)).rowcount == 0:
            raise NotThere(name)


def client_place(ente_id: str, name: str) -> str:
    return f"pdnd_clients|key|{ente_id}|{name}"


def certificate_place(ente_id: str, name: str) -> str:
    return f"pdnd_clients|certificate|{ente_id}|{name}"
