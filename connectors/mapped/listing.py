"""What a source lists in a round, by name: what it had and does not list is missing.

A round that this process did not read from its first page to its last says nothing, nor does one in which a page was
passed over, a record had no name that can be told, or nothing was listed.
"""

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

_MOST_ROUNDS: Final = 4
"""Under way at once: the hub's own, and those of a command line; older ones were given up."""


class Names:
    """Names, in eight bytes each. Two that are taken for one leave something that is gone as it is, for once."""

    def __init__(self) -> None:
        self._hashes = array("Q")
        self._sorted = True

    def add(self, name: str) -> None:
        self._hashes.append(_hash(name))
        self._sorted = False

    def __contains__(self, name: object) -> bool:
        if not self._sorted:
            self._hashes, self._sorted = array("Q", sorted(self._hashes)), True
        wanted = _hash(str(name))
        at = bisect_left(self._hashes, wanted)
        return at < len(self._hashes) and self._hashes[at] == wanted

    def __len__(self) -> int:
        return len(self._hashes)

    def update(self, others: "Names") -> None:
        self._hashes.extend(others._hashes)
        self._sorted = False


def _hash(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest())


@dataclass(slots=True)
class Listed:
    """The records of a file, a page or a round, as they are read."""

    names: Names = field(default_factory=Names)
    is_whole: bool = True
    pages: int = 0

    def add(self, page: "Listed") -> None:
        """What one of its pages listed."""
        self.names.update(page.names)
        self.is_whole = self.is_whole and page.is_whole

    def note(self, names: Iterable[str | None]) -> None:
        """The names of what a record may be; None where it is something and does not say its name."""
        for name in names:
            if name is None:
                self.is_whole = False
            else:
                self.names.add(name)

    def all_names(self, collections: Iterable[str]) -> Iterator[tuple[str, Names]]:
        """See `contracts.inbound.Pulled.all_names`; nothing where it is not all that the source has."""
        if self.is_whole and len(self.names):
            yield from ((f"{collection}/", self.names) for collection in collections)


class Rounds:
    """Those of one source."""

    def __init__(self) -> None:
        self._under_way: dict[str, Listed] = {}

    def page(self, of: str, number: int) -> Listed:
        """The round of that name, of which page `number`, from 0, is read next."""
        if of not in self._under_way:
            for old in list(self._under_way)[: 1 - _MOST_ROUNDS]:
                del self._under_way[old]
            self._under_way[of] = Listed()
        listed = self._under_way[of]
        if number > listed.pages:
            listed.is_whole = False  # another process read the pages between
        listed.pages = max(listed.pages, number + 1)
        return listed

    def end(self, of: str) -> None:
        """The round has come to its last page."""
        self._under_way.pop(of, None)
