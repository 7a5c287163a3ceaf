"""Where pages are: what comes after one, and the parts of one that cannot be had whole.

A page is asked for in parts of an even size until the record that breaks it stands alone; behind it pages grow again.
"""

from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True, slots=True)
class Spot:
    """A page by its number, or by the offset of its first record, and how many records were asked for."""

    paging: Literal["page", "offset"]
    first: int
    """The number of the first one."""
    size: int
    """Of a whole page; 0 where the source decides."""
    here: int
    limit: int

    @property
    def is_first(self) -> bool:
        return self.here == self.first

    def after(self, came: int, *, grow: bool = True) -> "Spot":
        """The page behind this one, of which so many records came."""
        here = self.here + (1 if self.paging == "page" else came)
        behind = replace(self, here=here)
        return behind._grown() if grow else behind

    def beyond(self, pages: int) -> "Spot":
        """The page so many pages behind this one."""
        return replace(self, here=self.here + pages * (1 if self.paging == "page" else max(self.limit, 1)))

    def parted(self) -> "Spot":
        """The first part of this page; itself where it has none."""
        parts = _divisor(self.limit)
        if parts is None:
            return self
        here = self.here
        if self.paging == "page":
            here = (here - self.first) * parts + self.first
        return replace(self, here=here, limit=self.limit // parts)

    def _grown(self) -> "Spot":
        grown = self
        while grown.limit < grown.size:
            larger = grown.size
            while (parts := _divisor(larger)) is not None and larger // parts != grown.limit:
                larger //= parts
            if parts is None:
                break
            its_start = (grown.here - grown.first) * (grown.limit if grown.paging == "page" else 1)
            if its_start % larger:
                break
            here = its_start // larger + grown.first if grown.paging == "page" else its_start
            grown = replace(grown, here=here, limit=larger)
        return grown


def _divisor(number: int) -> int | None:
    """The smallest above 1; None where there is none to divide by."""
    return next((each for each in range(2, number + 1) if number % each == 0), None)
