"""A page that never comes must not hold up the others: it is asked for in parts, as far as the source takes a size, and
what still does not come is passed over and asked for again in the next round. Where nothing is known of what comes
behind it (a cursor, a link) the round ends there. What changed is then asked for since the same moment as before.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain
from typing import Final

from contracts.failures import Deferred
from contracts.faults import Bilingual, bilingual, led
from contracts.inbound import Found, Memo, Pulled, Stuck, Wrong

from .config import Settings
from .paging import Spot

_ANSWERED: Final = frozenset(
    {"mapped.page_refused", "mapped.answer_unreadable", "mapped.answer_cut", "mapped.no_content"}
)
"""How a source answers while it is there."""
_TRIES: Final = 3
_LOOKED_BEYOND: Final = 3
_MOST_LOST: Final = 50
_KIND: Final = "mapped page"
_PASSED_OVER: Final = bilingual("saltata fino al prossimo giro", "passed over until the next round")
_ENDED: Final = bilingual(
    "il giro è finito qui, e il resto non è letto", "the round ended here, with what comes behind it unread"
)


class Passing:
    """Of one source. `ask` reads the page that a memo leads to, and raises a Failure."""

    def __init__(self, settings: Settings, ask: Callable[[Memo], object]) -> None:
        self._settings, self._ask = settings, ask
        self.first = settings.first_page if settings.paging == "page" else 0
        self._size = settings.size if settings.size_parameter is not None else 0

    def spot(self, memo: Memo) -> Spot | None:
        """Where a memo stands; None where a page does not tell where others are."""
        paging = self._settings.paging
        if paging == "page" or (paging == "offset" and self._size):
            here, limit = memo.get("page", self.first), memo.get("limit", self._size)
            return Spot(paging, self.first, self._size, int(here), int(limit))
        return None

    def at(self, spot: Spot) -> Memo:
        """What a memo says of it."""
        return {"page": spot.here} | ({"limit": spot.limit} if spot.limit != spot.size else {})

    def behind(self, memo: Memo, came: int) -> Memo:
        """What a memo says of the page behind this one, of which so many records came: by what came and not by what
        was asked for, as sources have bounds of their own."""
        spot = self.spot(memo)
        if spot is None:
            return {"page": int(memo.get("page", self.first)) + came}
        behind = spot.after(came)
        told = self.at(behind) | ({"full": True} if came and came == spot.limit else {})
        if behind.limit != behind.size and "hopeless" in memo:
            told["hopeless"] = memo["hopeless"]
        return told

    def past(self, memo: Memo, failure: Deferred) -> Pulled:
        """The step without the page that cannot be had, where the one before was lost for the same reason.

        Raises:
            Stuck: with that step, for when it was asked for often enough.
            Deferred: the failure itself: it is in the way of nothing else, or all of the source is away.
        """
        if self.spot(memo) is None and memo.get("page") is None:
            raise failure
        step = partial(self._past, memo, failure)
        if memo.get("hopeless") == failure.reason:
            return step()
        few = failure.reason in _ANSWERED or bool(memo.get("missed"))
        raise Stuck(failure, step, tries=_TRIES if few else None)

    def _past(self, memo: Memo, failure: Deferred) -> Pulled:
        spot = self.spot(memo)
        kept = {name: value for name, value in memo.items() if name not in ("page", "limit", "print")}
        kept["hopeless"] = failure.reason
        if spot is None or not spot.is_first:
            self._ask({name: memo[name] for name in ("of", "since", "whole") if name in memo})
        if spot is not None:
            part = spot.parted()
            if part != spot and self._is_sized(memo, spot):
                return Pulled(kept | self.at(part), more=True)
            if self._goes_on_behind(memo, spot):
                lost = [*memo.get("lost", ()), _name(memo)]
                if len(lost) <= _MOST_LOST:
                    found = _lost(memo, failure, _PASSED_OVER)
                    behind = spot.after(max(spot.limit, 1), grow=False)
                    return Pulled(kept | self.at(behind) | {"lost": lost}, (found,), more=True)
            if spot.is_first:
                raise failure
        found = _lost(memo, failure, _ENDED)
        done = {name: memo[name] for name in ("of", "since", "swept_at") if name in memo}
        return Pulled(done | {"missed": self._missed(memo, _name(memo))}, (found,))

    def _is_sized(self, memo: Memo, spot: Spot) -> bool:
        """Whether pages are as large as was asked for: else their parts, by number, would be other records."""
        return spot.paging == "offset" or spot.is_first or bool(memo.get("full"))

    def _goes_on_behind(self, memo: Memo, spot: Spot) -> bool:
        """Whether something behind it is to be had: behind the last page there is nothing to wait for."""
        for pages in range(1, _LOOKED_BEYOND + 1):
            try:
                self._ask({name: memo[name] for name in memo if name != "limit"} | self.at(spot.beyond(pages)))
            except Deferred:
                continue
            return True
        return False

    def _missed(self, memo: Memo, *more: str) -> list[str]:
        return list(dict.fromkeys((*memo.get("missed", ()), *memo.get("lost", ()), *more)))[: 2 * _MOST_LOST]

    def ended(self, memo: Memo, done: Memo) -> tuple[Memo, list[Found]]:
        """The end of a round that came to its last page: what was passed over before and not now is over."""
        lost = memo.get("lost", [])
        mended = [Found(name, b"") for name in memo.get("missed", ()) if name not in lost]
        return (done | {"missed": lost} if lost else done), mended

    def question(self, data: bytes) -> Memo | None:
        """The page that was passed over and stands in the quarantine so; None for what is another thing."""
        try:
            told = json.loads(data)
        except (ValueError, RecursionError):
            return None
        if not isinstance(told, dict) or told.pop("kind", None) != _KIND:
            return None
        return told

    def again(self, memo: Memo, data: bytes, found: Callable[[Memo], Iterable[Found]]) -> Iterable[Found]:
        """What comes of it now."""
        try:
            its = found(memo)
        except Deferred as failure:
            return (_lost(memo, failure, _PASSED_OVER, data),)
        return chain(its, [Found(_name(memo), b"")])


def _name(memo: Memo) -> str:
    page, limit = str(memo.get("page", "first")), memo.get("limit")
    told = page if page.isdigit() or page == "first" else hashlib.sha256(page.encode()).hexdigest()[:16]
    return f"page/{told}" + (f"x{limit}" if limit is not None else "")


def _lost(memo: Memo, failure: Deferred, what: Bilingual, data: bytes | None = None) -> Found:
    asked = {name: memo[name] for name in ("of", "page", "limit", "since", "whole") if name in memo}
    raw = data if data is not None else json.dumps({"kind": _KIND} | asked).encode()
    return Found(_name(memo), raw, wrong=(Wrong("", failure.reason, led(failure.detail, what)),))
