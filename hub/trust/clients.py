"""The vouchers of every client that the enti have at PDND, each made once for its settings."""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from contracts.tls import ClientCertificate
from hub.clock import Clock
from hub.security.vouchers import Voucher, VoucherUnavailable
from hub.store.pdnd_clients import PdndCredentials
from hub.store.vouchers import SharedVouchers

from .asking import shown_by
from .credentials import UnusableCertificate
from .vouchers import ClientVouchers

Credentials = Callable[[], Mapping[tuple[str, str], PdndCredentials]]


class PdndVouchers:
    """The `VoucherSource` of a client: the same vouchers, for whoever lives on an event loop."""

    def __init__(self, client: ClientVouchers) -> None:
        self.client = client
        self._shown: Voucher | None = None

    async def header_for(self, *, purpose_id: str | None, method: str, url: str) -> Mapping[str, str]:
        if purpose_id != self.client.credentials.purpose_id:
            raise VoucherUnavailable("other_purpose")
        voucher = self.client.at_hand()
        if voucher is None:
            voucher = await asyncio.to_thread(self.client.voucher)
        self._shown = voucher
        return self.client.headers(voucher, method=method, url=url)

    def shown(self) -> ClientCertificate | None:
        try:
            return shown_by(self.client.credentials)
        except UnusableCertificate as unusable:
            raise VoucherUnavailable(unusable.problem) from None

    async def refused(self) -> bool:
        shown = self._shown
        return shown is not None and await asyncio.to_thread(self.client.refused, shown)


class Vouchers:
    """The clients of all enti, each made once and again when its settings changed."""

    def __init__(self, credentials: Credentials, shared: SharedVouchers, clock: Clock) -> None:
        self._credentials = credentials
        self._shared = shared
        self._clock = clock
        self._lock = threading.Lock()
        self._made: dict[tuple[str, str], PdndVouchers] = {}

    def of(self, ente_id: str, name: str) -> ClientVouchers:
        """Those of a client by its name. Raises KeyError."""
        return self._of(self._credentials()[ente_id, name]).client

    def api(self, enti: Sequence[str]) -> PdndVouchers | None:
        """Those for PDND's own API of the first of these enti that has such a client."""
        of_api = {one.ente_id: one for one in self._credentials().values() if one.kind == "api"}
        return next((self._of(of_api[ente_id]) for ente_id in enti if ente_id in of_api), None)

    def certificate_ends(self) -> dict[tuple[str, str], datetime]:
        """When the client certificates of connections to PDND end, by (ente_id, name), of those that can be read."""
        found = {}
        for key, its in self._credentials().items():
            with suppress(UnusableCertificate):
                if (shown := shown_by(its)) is not None:
                    found[key] = shown.ends
        return found

    def _of(self, credentials: PdndCredentials) -> PdndVouchers:
        key = credentials.ente_id, credentials.name
        with self._lock:
            made = self._made.get(key)
            if made is None or made.client.credentials != credentials:
                made = self._made[key] = PdndVouchers(ClientVouchers(credentials, self._shared, self._clock))
            return made
