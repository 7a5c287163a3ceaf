"""What a citizen asks about his data through a portal (S61-S63): it joins the list that administrators work on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, select

from contracts.faults import bilingual
from contracts.identifiers import new_uuid7
from contracts.rights import RightsRequestWish
from hub.errors import ContractViolation, Fault, ItemUnknown
from hub.reading_errors import RequestPending

from .changing import OwnChange, change_each
from .citizens import Citizen, Citizens
from .database import Tx
from .filters import SHOWN
from .ports import Vault
from .requests_of_rights import add_request, mine, sealed, today, words_of
from .tables import items, rights_requests

MOST_OPEN: Final = 10
"""Requests of one citizen, or under one delegation, that wait: each is a person's work, and six rights leave room for
several items."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RightsFiling(OwnChange):
    """A citizen, or his delegate, asks at a level of assurance; no `wish` where it is refused already."""

    level: int
    wish: RightsRequestWish | None


@dataclass(frozen=True, slots=True)
class Filed:
    """The request as it is kept, and its text; not `new` where the very same was waiting already."""

    row: dict[str, Any]
    words: dict[str, str | None]
    new: bool


@dataclass(frozen=True, slots=True)
class _Waiting:
    """What a citizen filed that waits for its answer."""

    filed: tuple[Filed, ...]

    @property
    def tag(self) -> str:
        return "|".join(each.row["request_id"] for each in self.filed)


@dataclass(frozen=True, slots=True)
class RightsFiler:
    """Files requests."""

    citizens: Citizens
    vault: Vault

    def file(self, tx: Tx, filings: Sequence[RightsFiling]) -> list[Any]:
        """A Committer handler: for each what was Filed, or why not. The token is consumed first, and the access is
        recorded whatever follows. Refusals: ContractViolation for an item that is not shown to whoever asks,
        RequestPending beyond `MOST_OPEN`."""
        held = partial(self._waiting, tx.connection)
        return change_each(tx, self.citizens, filings, lock=_lock, held=held, apply=self._file)

    def _waiting(self, connection: Connection, citizen: Citizen) -> _Waiting:
        its = rights_requests.c
        query = select(rights_requests).where(*mine(citizen), its.closed_at.is_(None), its.portal_id.is_not(None))
        rows = connection.execute(query.order_by(its.request_id)).mappings()
        return _Waiting(tuple(Filed(dict(row), words_of(self.vault, citizen, row), new=False) for row in rows))

    def _file(self, tx: Tx, filing: RightsFiling, citizen: Citizen, waiting: _Waiting) -> Filed:
        wish = filing.wish
        assert wish is not None
        # By who asks: the office may refuse a delegate what it grants the citizen, and neither takes the other's place.
        own = [each for each in waiting.filed if each.row["delegation_id"] == filing.access.delegation_id]
        for each in own:
            same = (each.row["kind"], each.row["item_id"], each.words["text"]) == (wish.kind, wish.item_id, wish.text)
            # One that this level may not see is not given to it: it is told what it is told of the item.
            if same and each.row["min_loa"] <= filing.level:
                return each
        if len(own) >= MOST_OPEN:
            raise RequestPending(
                bilingual(
                    f"{MOST_OPEN} richieste sui dati del cittadino attendono risposta: non se ne accolgono altre",
                    f"{MOST_OPEN} requests about the citizen's data wait for an answer: no more at once",
                )
            )
        request_id = new_uuid7()
        filed = {
            "request_id": request_id,
            "portal_id": filing.access.portal_id,
            "delegation_id": filing.access.delegation_id,
            "item_id": wish.item_id,
            "min_loa": 2 if wish.item_id is None else _level_of(tx, citizen, wish.item_id, filing.level),
            "text_sealed": sealed(self.vault, citizen, request_id, "text", wish.text),
        }
        row = add_request(tx, citizen.ente_id, wish.kind, citizen.citizen_id, today(tx.now), filed)
        return Filed(row, {"text": wish.text, "answer": None}, new=True)


def _level_of(tx: Tx, citizen: Citizen, item_id: str, level: int) -> int:
    """The level that the item asks for: what is said about it asks for the same. Raises ContractViolation."""
    query = select(items.c.min_loa).where(
        items.c.ente_id == citizen.ente_id,
        items.c.citizen_id == citizen.citizen_id,
        items.c.item_id == item_id,
        items.c.lifecycle == "active",
        items.c.min_loa <= level,
        items.c.hidden.is_(False),
        SHOWN,
    )
    found: int | None = tx.connection.execute(query).scalar_one_or_none()
    if found is None:
        fault = Fault("/item_id", ItemUnknown.code, ItemUnknown.in_general())
        raise ContractViolation(faults=(fault,))
    return found


def _lock(citizen: Citizen) -> str:
    return f"rights|{citizen.ente_id}|{citizen.citizen_id}"
