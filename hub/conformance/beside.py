"""The simulated PDND beside the listener: what a hub would fetch from it, and why it refused the client under trial."""

import time

import orjson

from hub.pdnd.simulator import Pdnd as Platform
from hub.security.jwk import jwk_key
from hub.security.material import Held, PdndKey, Shelf


class Issuing:
    """A simulated PDND beside the listener: its keys, and those of the vendor's client, as the hub would fetch them."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._from = 0
        self.issuer = platform.issuer

    def refusal(self) -> str:
        """Why the token endpoint refused what it was asked last; empty where it did not, or was not asked."""
        asked = [one for one in self._platform.ledger.lines[self._from :] if one["request"] == "token"]
        if not asked or "detail" not in asked[-1]:
            return ""
        return f"{asked[-1]['outcome']} {asked[-1]['detail']}"

    def spoil(self, fault: str) -> None:
        """From here on the token endpoint answers once as the fault says; empty: as it should."""
        self._from = len(self._platform.ledger.lines)
        self._platform.faults.clear()
        if fault:
            self._platform.faults.add(fault, on="token")

    def fill(self, shelf: Shelf) -> None:
        until = time.time() + 60
        known = {one["kid"]: jwk_key(orjson.dumps(one).decode()) for one in self._platform.keys.jwks()}
        shelf.put("pdnd-jwks", self.issuer, Held(known, until, until))
        for key in self._platform.records.keys.values():
            held = PdndKey(jwk_key(orjson.dumps(key.jwk).decode()), key.owner)
            shelf.put("pdnd-key", f"{self.issuer}\n{key.kid}", Held(held, until, until))
