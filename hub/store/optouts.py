"""What a citizen switched off: one topic on one channel, at once and for good until switched on again."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from .citizens import Citizen
from .database import Tx, upsert
from .tables import channel_opt_outs

ANY_ADDRESS = "*"
"""In the place of an address's hash: said in the personal area, for every address and for channels that have none."""
NO_SERVICE = "*"
"""The topic of notices that belong to no service."""
EVERYTHING = "**"
"""The topic that stands for all of them."""
OPTED_OUT = {"email": "email.opted_out", "io": "io.opted_out"}
"""Why a delivery was skipped, by its channel: those that a citizen can switch off."""


@dataclass(frozen=True, slots=True)
class OptOut:
    ente_id: str
    citizen_id: str
    channel: str
    topic: str
    """A service_id, or NO_SERVICE."""
    address_hash: str
    """Keyed hash of the address written to: a vendor that gave an address of its own silences only that one."""


def record_opt_outs(tx: Tx, opt_outs: Sequence[OptOut]) -> list[None]:
    """A Committer handler; doing it twice is doing it once."""
    for each in opt_outs:
        row = {
            "ente_id": each.ente_id,
            "citizen_id": each.citizen_id,
            "channel": each.channel,
            "topic": each.topic,
            "address_hash": each.address_hash,
        }
        tx.connection.execute(upsert(channel_opt_outs).values(**row, at=tx.now).on_conflict_do_nothing())
    return [None] * len(opt_outs)


def opted_out(
    connection: Connection, citizen: Citizen, *, channel: str, topic: str, address_hash: str = ANY_ADDRESS
) -> bool:
    """Whether the citizen switched that topic off on that channel, for that address or for all."""
    query = select(channel_opt_outs.c.at).where(
        channel_opt_outs.c.ente_id == citizen.ente_id,
        channel_opt_outs.c.citizen_id == citizen.citizen_id,
        channel_opt_outs.c.channel == channel,
        channel_opt_outs.c.topic.in_((topic, EVERYTHING)),
        channel_opt_outs.c.address_hash.in_((address_hash, ANY_ADDRESS)),
    )
    return connection.execute(query).first() is not None
