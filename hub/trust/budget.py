"""How much may be fetched because somebody unknown asked for it (modi 2.3, 5.19). A fixed window of a minute."""

import ipaddress
import time
from collections.abc import Callable
from typing import Final

WINDOW_S: Final = 60
EACH: Final = 20
ALL: Final = 600


class Budget:
    """Counts fetches of one caller and of all. Its owner sees to it that one thread uses it at a time.

    What a caller spends counts for all, so that no more callers are remembered than fetches are allowed.
    """

    def __init__(self, *, each: int = EACH, all_: int = ALL, clock: Callable[[], float] = time.monotonic) -> None:
        self._each = each
        self._all = all_
        self._clock = clock
        self._window = -1
        self._spent: dict[str, int] = {}
        self._total = 0

    def spend(self, caller: str) -> bool:
        """One more fetch for `caller`; False, and nothing is spent, where the minute's budget is used up."""
        if (window := int(self._clock()) // WINDOW_S) != self._window:
            self._window, self._spent, self._total = window, {}, 0
        name = _network(caller)
        if self._total >= self._all or self._spent.get(name, 0) >= self._each:
            return False
        self._spent[name] = self._spent.get(name, 0) + 1
        self._total += 1
        return True

    def refund(self, caller: str) -> None:
        """What was fetched for `caller` was worth it: many senders may share an address. All have spent it still."""
        name = _network(caller)
        if self._spent.get(name):
            self._spent[name] -= 1


def _network(caller: str) -> str:
    """An IPv6 address stands for its /64, which is what one customer has; anything else for itself."""
    try:
        address = ipaddress.ip_address(caller)
    except ValueError:
        return caller
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(address.ipv4_mapped or ipaddress.ip_network((int(address), 64), strict=False))
