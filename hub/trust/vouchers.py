"""Vouchers of PDND: obtained, kept, and renewed ahead of their end (modi 2.1 to 2.4).

One is asked for at a time: in a process by a lock, among processes by turns in the database, where those without a
digest are shared. One that carries the digest of tracking evidence is of use only to the process that has the evidence,
and stays in its memory (DECISIONS 71). No token is ever logged.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from typing import Final

import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from sqlalchemy.exc import SQLAlchemyError

from hub import metrics
from hub.clock import Clock
from hub.security.keys import private_pem
from hub.security.sign import SigningKey
from hub.security.vault import VaultError
from hub.security.vouchers import Voucher
from hub.store.faults import error_name
from hub.store.pdnd_clients import PdndCredentials
from hub.store.vouchers import SharedVouchers

from .asking import obtain_now, private_key
from .credentials import UnusableKey
from .environment import VoucherUnavailable
from .http import TOTAL_S, FetchFailed, Pause

log = logging.getLogger(__name__)

MARGIN_S: Final = 5.0
"""So long before its end it is as if it had ended: a request takes time, and clocks differ."""
AGAIN_S: Final = 10.0
"""How soon after a 401 another 401 makes a voucher be renewed once more."""
WAIT_S: Final = TOTAL_S + 3
LEASE_S: Final = TOTAL_S + 10
_LOOK_S: Final = 0.05
_REFUSED_S: Final = (5.0, 300.0)
"""First and longest pause after PDND refused us: that takes a person."""
_MOST_KEPT: Final = 1000


@dataclass(slots=True)
class _Slot:
    """The voucher of one digest, and the lock of whoever renews it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    held: Voucher | None = None
    refused_at: float = float("-inf")


class ClientVouchers:
    """The vouchers of one client for its purpose, a `VoucherHolder`. Used from any thread without an event loop."""

    def __init__(self, credentials: PdndCredentials, shared: SharedVouchers, clock: Clock) -> None:
        self.credentials = credentials
        self._shared = shared
        self._clock = clock
        self._lock = threading.Lock()
        self._slots: OrderedDict[str | None, _Slot] = OrderedDict()
        self._pause = Pause(refused_s=_REFUSED_S)

    def at_hand(self, digest: str | None = None) -> Voucher | None:
        """A voucher that is neither ended nor to be renewed; nobody is waited for."""
        held = self._slot(digest).held
        return held if held is not None and self._now() < held.renew_at else None

    def voucher(self, digest: str | None = None) -> Voucher:
        """One that is good for now; asked for where there is none, or where its end is near.

        Raises:
            VoucherUnavailable
        """
        slot = self._slot(digest)
        usable = self._usable(slot)
        if usable is not None and self._now() < usable.renew_at:
            return usable
        if not slot.lock.acquire(timeout=0 if usable is not None else WAIT_S):
            if usable is None:
                raise VoucherUnavailable("busy")
            return usable
        try:
            return self._renewed(slot, digest)
        finally:
            slot.lock.release()

    def headers(self, voucher: Voucher, *, method: str, url: str) -> Mapping[str, str]:
        """What authorises one request; `url` has no query."""
        return voucher.headers(method=method, url=url, now=self._now())

    def refused(self, voucher: Voucher, digest: str | None = None) -> bool:
        """It was answered with 401: forget it. False where one was renewed for that reason a moment ago."""
        slot = self._slot(digest)
        with slot.lock:
            if slot.held is None or slot.held.token != voucher.token:
                return True
            if time.monotonic() - slot.refused_at < AGAIN_S:
                return False
            slot.refused_at, slot.held = time.monotonic(), None
        if digest is None:
            its = self.credentials
            try:
                self._shared.drop(its.ente_id, self._key, lambda content: _token(content) == voucher.token)
            except (SQLAlchemyError, VaultError) as error:
                log.warning("pdnd.voucher_not_dropped client=%s error=%s", its.name, error_name(error))
        return True

    def signing_key(self) -> SigningKey:
        """The client's own key, which signs what goes with a voucher too: PDND publishes it. Raises UnusableKey."""
        return SigningKey(private_key(self.credentials))

    def _slot(self, digest: str | None) -> _Slot:
        with self._lock:
            slot = self._slots.setdefault(digest, _Slot())
            self._slots.move_to_end(digest)
            if len(self._slots) > _MOST_KEPT:
                self._slots.popitem(last=False)
            return slot

    def _usable(self, slot: _Slot) -> Voucher | None:
        held = slot.held
        return held if held is not None and self._now() < held.expires_at - MARGIN_S else None

    def _renewed(self, slot: _Slot, digest: str | None) -> Voucher:
        """Under the slot's lock. What is still good is used on where nothing better is to be had."""
        usable = self._usable(slot)
        if usable is not None and (self._now() < usable.renew_at or self._pause.left_s > 0):
            return usable
        try:
            slot.held = self._ask(digest) if digest is not None else self._share(usable)
        except VoucherUnavailable:
            if usable is None:
                raise
            return usable
        return slot.held

    def _share(self, usable: Voucher | None) -> Voucher:
        """The voucher that all processes share: found, waited for, or asked for when it is our turn."""
        its = self.credentials
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                turn = self._shared.turn(its.ente_id, self._key, lease_s=LEASE_S)
            except (SQLAlchemyError, VaultError) as error:
                log.warning("pdnd.vouchers_not_read client=%s error=%s", its.name, error_name(error))
                raise VoucherUnavailable("store") from None
            if turn.mine:
                return self._take_turn()
            found = None if turn.content is None else _voucher(turn.content)
            if found is not None and self._now() < found.expires_at - MARGIN_S:
                return usable if usable is not None and usable.token == found.token else found
            if turn.problem:
                raise VoucherUnavailable(turn.problem)
            if usable is not None or time.monotonic() > deadline:
                raise VoucherUnavailable("busy")
            time.sleep(_LOOK_S)

    def _take_turn(self) -> Voucher:
        its = self.credentials
        try:
            voucher = self._ask(None)
        except VoucherUnavailable as unavailable:
            problem = unavailable.problem
            self._write(lambda: self._shared.failed(its.ente_id, self._key, problem, pause_s=self._pause.left_s))
            raise
        content = _content(voucher)
        times = {"renew_at": _instant(voucher.renew_at), "expires_at": _instant(voucher.expires_at)}
        self._write(lambda: self._shared.put(its.ente_id, self._key, content, **times))
        return voucher

    def _write(self, act: Callable[[], None]) -> None:
        """The others wait for the end of our turn, at worst of its lease: whoever asked has the answer all the same."""
        try:
            act()
        except (SQLAlchemyError, VaultError) as error:
            log.warning("pdnd.voucher_not_shared client=%s error=%s", self.credentials.name, error_name(error))

    def _ask(self, digest: str | None) -> Voucher:
        """Ask PDND, unless it is being left alone. Raises VoucherUnavailable."""
        its = self.credentials
        if self._pause.left_s > 0:
            raise VoucherUnavailable(self._pause.problem)
        try:
            voucher = obtain_now(its, now=self._now(), digest=digest)
        except UnusableKey as unusable:
            failure = FetchFailed(unusable.problem)
        except FetchFailed as failed:
            failure = failed
        else:
            self._pause.succeeded()
            metrics.vouchers.labels(its.kind, "issued").inc()
            lifetime_s = round(voucher.expires_at - self._now())
            log.info("pdnd.voucher_issued ente=%s client=%s lifetime_s=%s", its.ente_id, its.name, lifetime_s)
            return voucher
        self._pause.failed(failure)
        metrics.vouchers.labels(its.kind, "unavailable" if failure.lasting else "refused").inc()
        log.warning("pdnd.voucher_unavailable ente=%s client=%s problem=%s", its.ente_id, its.name, failure.problem)
        raise VoucherUnavailable(failure.problem)

    @cached_property
    def _key(self) -> str:
        """Other settings make another voucher, and end a pause after wrong ones."""
        its = self.credentials
        parts = (its.client_id, its.kid, its.token_url, its.audience, its.purpose_id or "", str(its.bound))
        secrets = (its.key_reference or its.key_pem, its.certificate_reference or its.certificate_pem)
        hashed = [sha256(each.encode()).hexdigest() for each in secrets if each]
        return sha256("\n".join((*parts, *hashed)).encode()).hexdigest()

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _content(voucher: Voucher) -> bytes:
    key = voucher.proof_key
    return orjson.dumps(
        {
            "token": voucher.token,
            "renew_at": voucher.renew_at,
            "expires_at": voucher.expires_at,
            "proof_key": key and private_pem(key.private).decode(),
        }
    )


def _voucher(content: bytes) -> Voucher:
    found = orjson.loads(content)
    key = None
    if found["proof_key"] is not None:
        private = load_pem_private_key(found["proof_key"].encode(), password=None)
        assert isinstance(private, ec.EllipticCurvePrivateKey)
        key = SigningKey(private)
    return Voucher(found["token"], found["renew_at"], found["expires_at"], key)


def _token(content: bytes) -> str:
    return str(orjson.loads(content)["token"])


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
