"""Notice numbers that the hub gives to payments which leave theirs out: those that ask for a position, and those that
are made on demand (spec/pagopa.md).

A number is given once and for ever: its counter and its row are of the transaction that stores the payment, so that
nothing is given to two, and what was rolled back was given to nobody. A payment keeps its numbers in all versions,
unless it comes back after it was taken back: a number that was invalidated is not used again, so it gets new ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson
from sqlalchemy import Connection, case, insert, select

from contracts.identifiers import LAST_IUV_BASE, make_segregated_number
from contracts.positions import Numbering
from contracts.states import SETTLED_FOR_GOOD
from hub.errors import NoticeNumbersExhausted

from .database import Tx, among, keys, upsert
from .drafts import Draft, Identity
from .notice_keys import leaves_trial, notice_key, staged
from .ports import Vault
from .registering import TAKEN_BACK, served, taken_back
from .rows import Batch
from .tables import notice_counters, notice_numbers

Parts = dict[int, str]
"""Notice number by part: 0 the whole, n the n-th instalment."""

_ITS = notice_numbers.c
_OF_ITEMS = (
    select(_ITS.item_id, _ITS.part, _ITS.creditor_tax_code, _ITS.notice_number)
    .where(among("item", _ITS.ente_id, _ITS.item_id))
    .order_by(_ITS.given_at, _ITS.notice_number)
)


def is_numbered(connection: Connection, ente_id: str, item_id: str) -> bool:
    """Whether a payment has, or had, a notice number of the hub's."""
    return connection.execute(_OF_ITEMS, keys("item", {(ente_id, item_id)})).first() is not None


class Given:
    """The numbers of a batch of drafts; those that are new in it are to be kept once their items are known."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._all: dict[tuple[Identity, str], Parts] = {}
        """By payment and creditor: a payment that changes its creditor needs numbers of the new one."""
        self._new: dict[tuple[Identity, Numbering], Parts] = {}
        self._without: set[Identity] = set()

    def give(self, tx: Tx, drafts: Sequence[Draft], known: Mapping[Identity, dict[str, Any]]) -> list[Draft]:
        """The drafts, each with the numbers that it left out in its content."""
        asking = [draft for draft in drafts if _creditor(draft) is not None]
        if not asking:
            return list(drafts)
        lacking = [draft for draft in asking if _missing(draft)]
        self._load(tx, {draft.identity: known[draft.identity] for draft in lacking if draft.identity in known})
        for draft in lacking:
            self._renew(draft, known.get(draft.identity))
        drafts = [served(draft, known.get(draft.identity), self._key(draft)) for draft in drafts]
        asking = [draft for draft in drafts if _asks(draft)]
        wanted: dict[tuple[str, Numbering], list[tuple[Identity, int]]] = {}
        for draft in asking:
            assert draft.numbers is not None
            identity, numbering = draft.identity, draft.numbers.numbering
            here = wanted.setdefault((identity.ente_id, numbering), [])
            there = self._all.setdefault((identity, numbering.creditor_tax_code), {})
            here += [(identity, part) for part in draft.numbers.missing if part not in there]
        # In one order: two processes that count for two creditors must not wait for each other.
        for (ente_id, numbering), places in sorted(wanted.items(), key=lambda each: (each[0][0], str(each[0][1]))):
            places = list(dict.fromkeys(places))
            if places:
                self._take(tx, ente_id, numbering, places)
        return [self._numbered(draft) if _asks(draft) else draft for draft in drafts]

    def must_be_numbered(self, draft: Draft) -> None:
        """Raises NoticeNumbersExhausted: it left out numbers, and there was none left for it."""
        if draft.identity in self._without:
            raise NoticeNumbersExhausted

    def keep(self, tx: Tx, batch: Batch, known: Mapping[Identity, dict[str, Any]]) -> None:
        """A row for each new number, and the fact in the timeline of its payment. `known`: the payments that were taken
        as they came; the numbers of a refused one are nobody's."""
        rows = []
        for (identity, numbering), parts in self._new.items():
            item = known.get(identity)
            for part, number in parts.items():
                rows.append(
                    {
                        "ente_id": identity.ente_id,
                        "creditor_tax_code": numbering.creditor_tax_code,
                        "notice_number": number,
                        "item_id": None if item is None else item["item_id"],
                        "part": part,
                        "given_at": tx.now,
                    }
                )
                if item is not None:
                    batch.event(item, tx.now, "numbered", part=part, notice_number=number)
        if rows:
            tx.connection.execute(insert(notice_numbers), rows)

    def _load(self, tx: Tx, items: Mapping[Identity, dict[str, Any]]) -> None:
        if not items:
            return
        names = {(item["ente_id"], item["item_id"]): identity for identity, item in items.items()}
        by_item = {item_id: identity for (_, item_id), identity in names.items()}
        for row in tx.connection.execute(_OF_ITEMS, keys("item", names)):
            there = self._all.setdefault((by_item[row.item_id], row.creditor_tax_code), {})
            there[row.part] = row.notice_number

    def _renew(self, draft: Draft, item: Mapping[str, Any] | None) -> None:
        """Forget the numbers of a payment that comes back: taken back as its source said, or without its position; and
        of one that was on trial, which are those of a provider's test environment."""
        if item is None or draft.version <= item["version"] or item["lifecycle"] == "withdrawn":
            return
        place = (draft.identity, str(_creditor(draft)))
        if leaves_trial(draft, item):
            self._all.pop(place, None)
            return
        number = self._all.get(place, {}).get(0)
        if number is None or item["state"] in SETTLED_FOR_GOOD:
            return
        key = notice_key(self._vault.keyed_hash, place[1], number)
        left = item["notice_key"] not in (key, staged(key, on_trial=True))
        if draft.reported_state not in TAKEN_BACK and (left or taken_back(item)):
            del self._all[place]

    def _key(self, draft: Draft) -> str | None:
        """Of the notice that it names, or keeps."""
        creditor = str(_creditor(draft))
        number = self._all.get((draft.identity, creditor), {}).get(0)
        if draft.notice_key is not None or number is None:
            return draft.notice_key
        return notice_key(self._vault.keyed_hash, creditor, number)

    def _take(self, tx: Tx, ente_id: str, numbering: Numbering, places: Sequence[tuple[Identity, int]]) -> None:
        counter, count, before = notice_counters.c, len(places), numbering.first - 1
        row = {
            "ente_id": ente_id,
            "creditor_tax_code": numbering.creditor_tax_code,
            "segregation_code": numbering.segregation_code,
        }
        taking = upsert(notice_counters).values(**row, last=before + count)
        base = case((counter.last < before, before), else_=counter.last)
        counted = taking.on_conflict_do_update(index_elements=list(row), set_={"last": base + count})
        last: int = tx.connection.execute(counted.returning(counter.last)).scalar_one()
        for serial, (identity, part) in enumerate(places, start=last - count + 1):
            if serial > LAST_IUV_BASE:
                self._without.add(identity)
                continue
            number = make_segregated_number(segregation_code=numbering.segregation_code, iuv_base=serial)
            self._all[identity, numbering.creditor_tax_code][part] = number
            self._new.setdefault((identity, numbering), {})[part] = number

    def _numbered(self, draft: Draft) -> Draft:
        """The content is what was sent, with the numbers; its hash stays that of what was sent (`settled` 11)."""
        assert draft.numbers is not None
        creditor = draft.numbers.numbering.creditor_tax_code
        numbers = self._all[draft.identity, creditor]
        if draft.identity in self._without:
            return draft
        content = orjson.loads(draft.payload)
        for part in draft.numbers.missing:
            target = content if part == 0 else content["position"]["installments"][part - 1]
            target["notice_number"] = numbers[part]
        key = draft.notice_key
        if 0 in draft.numbers.missing:
            key = notice_key(self._vault.keyed_hash, creditor, numbers[0])
        return replace(draft, payload=orjson.dumps(content, option=orjson.OPT_SORT_KEYS), notice_key=key)


def _asks(draft: Draft) -> bool:
    return draft.numbers is not None and bool(draft.numbers.missing)


def _missing(draft: Draft) -> tuple[int, ...]:
    if draft.asked is not None:
        return draft.asked.missing
    return () if draft.numbers is None else draft.numbers.missing


def _creditor(draft: Draft) -> str | None:
    """Whose position it asks for, or whose number; None where it asks for nothing."""
    if draft.asked is not None:
        return draft.asked.creditor_tax_code
    return None if draft.numbers is None else draft.numbers.numbering.creditor_tax_code
