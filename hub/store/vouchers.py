"""Vouchers that every process of a hub may use, sealed; and whose turn it is to renew one.

A turn is a lease in the row, not a lock: PDND is asked outside any transaction. On SQLite it serves the one process and
its command line just the same.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select, update

from .database import Database, upsert
from .ports import Vault
from .tables import EPOCH, clipped, pdnd_vouchers

KEPT = timedelta(hours=1)
"""How long a row stays after its voucher's end."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a process finds that wants a voucher."""

    mine: bool
    """It is to ask for one, and to say with `put` or `failed` how it went."""
    content: bytes | None = field(default=None, repr=False)
    """The voucher that is there; it may have to be renewed."""
    problem: str = ""
    """Why the last one who asked got none: PDND is left alone for a while."""


class SharedVouchers:
    """The rows. Keys are hex SHA-256 over whatever makes one voucher another than the next."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    def turn(self, ente_id: str, key: str, *, lease_s: float) -> Turn:
        """The voucher, if it need not be renewed yet; else the turn, unless another process has it."""
        with self._database.read() as connection:
            now = self._database.now(connection)
            row = connection.execute(select(pdnd_vouchers).where(_at(ente_id, key))).first()
            if row is not None and (row.renew_at > now or row.busy_until > now):
                return Turn(False, self._open(row.voucher_sealed, ente_id, key), row.problem or "")
        with self._database.write() as tx:
            until = tx.now + timedelta(seconds=lease_s)
            new = upsert(pdnd_vouchers).values(
                ente_id=ente_id, voucher_key=key, renew_at=EPOCH, expires_at=until, busy_until=until
            )
            taken = new.on_conflict_do_update(
                index_elements=["ente_id", "voucher_key"],
                set_={"busy_until": until, "problem": None},
                where=(pdnd_vouchers.c.busy_until <= tx.now) & (pdnd_vouchers.c.renew_at <= tx.now),
            ).returning(pdnd_vouchers.c.voucher_key)
            mine = tx.connection.execute(taken).first() is not None
            row = tx.connection.execute(select(pdnd_vouchers).where(_at(ente_id, key))).one()
        return Turn(mine, self._open(row.voucher_sealed, ente_id, key), row.problem or "")

    def put(self, ente_id: str, key: str, content: bytes, *, renew_at: datetime, expires_at: datetime) -> None:
        """The turn was used: here is the voucher."""
        sealed = self._vault.seal(content, voucher_place(ente_id, key))
        with self._database.write() as tx:
            old = (pdnd_vouchers.c.ente_id == ente_id) & (pdnd_vouchers.c.expires_at < tx.now - KEPT)
            tx.connection.execute(delete(pdnd_vouchers).where(old))
            values = {"voucher_sealed": sealed, "renew_at": renew_at, "expires_at": expires_at, "busy_until": tx.now}
            values |= {"problem": None}
            row = upsert(pdnd_vouchers).values(ente_id=ente_id, voucher_key=key, **values)
            tx.connection.execute(row.on_conflict_do_update(index_elements=["ente_id", "voucher_key"], set_=values))

    def failed(self, ente_id: str, key: str, problem: str, *, pause_s: float) -> None:
        """The turn was used in vain: nobody is to ask again before the pause is over."""
        with self._database.write() as tx:
            values = {"busy_until": tx.now + timedelta(seconds=pause_s), "problem": clipped(problem, 60)}
            tx.connection.execute(update(pdnd_vouchers).where(_at(ente_id, key)).values(**values))

    def drop(self, ente_id: str, key: str, is_it: Callable[[bytes], bool]) -> None:
        """Forget the voucher that was refused, unless another process has renewed it meanwhile."""
        with self._database.write() as tx:
            query = select(pdnd_vouchers.c.voucher_sealed).where(_at(ente_id, key)).with_for_update()
            content = self._open(tx.connection.execute(query).scalar(), ente_id, key)
            if content is not None and is_it(content):
                gone = {"voucher_sealed": None, "renew_at": EPOCH}
                tx.connection.execute(update(pdnd_vouchers).where(_at(ente_id, key)).values(**gone))

    def _open(self, sealed: bytes | None, ente_id: str, key: str) -> bytes | None:
        return None if sealed is None else self._vault.open(sealed, voucher_place(ente_id, key))


def _at(ente_id: str, key: str) -> ColumnElement[bool]:
    return (pdnd_vouchers.c.ente_id == ente_id) & (pdnd_vouchers.c.voucher_key == key)


def voucher_place(ente_id: str, key: str) -> str:
    return f"pdnd_vouchers|voucher|{ente_id}|{key}"
