"""PROFILE_NON_REPUDIATION_01: a message that arrives again is answered again, up to the number agreed (modi 1.8).

The message id is the vendor's, and signed; each retransmission has a fresh jti. What was answered the first time is
kept and said again, whatever happened to the item since. What was refused is judged anew, and counted all the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import case, delete, update

from hub.errors import MessageRepeated, MessageReused

from .database import Tx, upsert
from .tables import from_micros, received_messages, to_micros

KEPT: Final = timedelta(days=90)
"""How long an id is remembered; the evidence of the message stays as long as all evidence."""


@dataclass(frozen=True, slots=True)
class Message:
    """What names a message however often it is sent, and what it asks for."""

    message_id: str
    max_receipts: int
    request_sha256: str
    """Of operation, target and body."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """The result of a message that was accepted before: its answer of then."""

    answer: Any


Answer = Mapping[str, Any]


class Receiving:
    """Counts receipts, and keeps answers of the types given."""

    def __init__(self, answers: Sequence[type] = ()) -> None:
        self._types = {kind.__name__: kind for kind in answers}

    def receive(self, tx: Tx, ente_id: str, vendor_id: str, message: Message, request_id: str) -> Any:
        """Count one more receipt: None for what is to be done now, Repeated, or the error to answer.

        The row is held until the commit, so that the same message sent twice at once is done once.
        """
        row = upsert(received_messages).values(
            ente_id=ente_id,
            vendor_id=vendor_id,
            message_id=message.message_id,
            receipts=1,
            request_sha256=message.request_sha256,
            request_id=request_id,
            first_at=tx.now,
        )
        known = received_messages.c
        same = known.request_sha256 == message.request_sha256
        counted = row.on_conflict_do_update(
            index_elements=["ente_id", "vendor_id", "message_id"],
            set_={"receipts": case((same, known.receipts + 1), else_=known.receipts)},
        ).returning(known.receipts, known.request_sha256, known.answer)
        found = tx.connection.execute(counted).one()
        if found.request_sha256 != message.request_sha256:
            return MessageReused()
        if found.receipts > message.max_receipts:
            return MessageRepeated()
        return None if found.answer is None else Repeated(self._read(found.answer))

    def answered(self, tx: Tx, ente_id: str, vendor_id: str, message: Message, answer: Any) -> None:
        """Keep what is answered, to be answered again."""
        known = received_messages.c
        where = (known.ente_id == ente_id) & (known.vendor_id == vendor_id) & (known.message_id == message.message_id)
        tx.connection.execute(update(received_messages).where(where).values(answer=_written(answer)))

    def _read(self, record: Answer) -> Any:
        values = dict(record)
        kind = self._types[values.pop("kind")]
        return kind(**values | {"received_at": from_micros(values["received_at"])})


def _written(answer: Any) -> dict[str, Any]:
    return {"kind": type(answer).__name__, **asdict(answer), "received_at": to_micros(answer.received_at)}


def forget_messages(tx: Tx) -> None:
    """Drop the ids of long ago."""
    tx.connection.execute(delete(received_messages).where(received_messages.c.first_at < tx.now - KEPT))
