"""A wire between the hub and a provider that may spoil what passes: resets, cuts, drips, silence, rubbish, floods."""

import contextlib
import queue
import select
import socket
import struct
import threading
import time
from collections.abc import Callable

Wire = socket.socket
_RESET = struct.pack("ii", 1, 0)


class Meddler:
    """Listens at `port` and passes everything on to its target, unless told how to `spoil` the next requests."""

    def __init__(self, target: tuple[str, int], *, listen: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        self._target = target
        self._listener = socket.create_server(listen, backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self._spoils: list[tuple[bytes, str]] = []
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def spoil(self, how: str, *, count: int, on: bytes = b"POST /api/v1/messages") -> None:
        """The next `count` requests with `on` in their first bytes go wrong as SPOILS says, and their connection."""
        assert how in SPOILS
        with self._lock:
            self._spoils += [(on, how)] * count

    def close(self) -> None:
        # Closing alone would not wake the thread that accepts.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                wire, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(wire,), daemon=True).start()

    def _serve(self, near: Wire) -> None:
        with near, contextlib.suppress(OSError):
            far = socket.create_connection(self._target, timeout=20)
            far.settimeout(None)
            link = Link(near, far)
            with far:
                back = threading.Thread(target=link.pump, daemon=True)
                back.start()
                try:
                    while data := near.recv(65_536):
                        spoil = self._next(data)
                        if spoil is not None:
                            link.spoiled.set()
                            SPOILS[spoil](link, data)
                            return
                        far.sendall(data)
                    far.shutdown(socket.SHUT_WR)
                    back.join()
                finally:
                    # Closing alone would not wake the thread that reads from it, and the far side would not know.
                    with contextlib.suppress(OSError):
                        far.shutdown(socket.SHUT_RDWR)

    def _next(self, data: bytes) -> str | None:
        with self._lock:
            for number, (on, how) in enumerate(self._spoils):
                if on in data:
                    del self._spoils[number]
                    return how
        return None


class Link:
    """A connection with the one behind it."""

    def __init__(self, near: Wire, far: Wire) -> None:
        self.near, self.far = near, far
        self.spoiled = threading.Event()
        self._kept: queue.Queue[bytes] = queue.Queue()

    def pump(self) -> None:
        """What comes back goes on, or is kept once the link is spoiled."""
        with contextlib.suppress(OSError):
            while data := self.far.recv(65_536):
                if self.spoiled.is_set():
                    self._kept.put(data)
                else:
                    self.near.sendall(data)
            self.near.shutdown(socket.SHUT_WR)
        self._kept.put(b"")

    def answer(self, data: bytes) -> bytes:
        """The provider gets the whole request, which begins with `data`; what it answers."""
        self.far.sendall(data)
        until = time.monotonic() + 20
        while True:
            # Whatever more is sent belongs to the request: a database answers nothing before its last piece is there.
            if select.select([self.near], [], [], 0)[0] and (more := self.near.recv(65_536)):
                self.far.sendall(more)
            with contextlib.suppress(queue.Empty):
                return self._kept.get(timeout=0.02)
            if time.monotonic() > until:
                raise TimeoutError

    def reset(self) -> None:
        self.near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.near.close()


def _reset_before(link: Link, data: bytes) -> None:
    link.reset()


def _reset_after(link: Link, data: bytes) -> None:
    link.answer(data)
    link.reset()


def _cut_head(link: Link, data: bytes) -> None:
    link.near.sendall(link.answer(data)[:12])


def _cut_body(link: Link, data: bytes) -> None:
    head, _, body = link.answer(data).partition(b"\r\n\r\n")
    link.near.sendall(head + b"\r\n\r\n" + body[: len(body) // 2])


def _drip(link: Link, data: bytes) -> None:
    for byte in link.answer(data):
        link.near.sendall(bytes([byte]))
        time.sleep(0.2)


def _silence(link: Link, data: bytes) -> None:
    link.answer(data)
    link.near.recv(1)


def _rubbish(link: Link, data: bytes) -> None:
    link.answer(data)
    link.near.sendall(b"\x00\xff\x15garbage\r\n\r\n" * 20)


def _flood(link: Link, data: bytes) -> None:
    link.answer(data)
    link.near.sendall(b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n\r\n")
    for _ in range(1024):
        link.near.sendall(b" " * 65_536)


SPOILS: dict[str, Callable[[Link, bytes], None]] = {
    "reset_before_the_provider": _reset_before,
    "reset_after_the_provider": _reset_after,
    "answer_cut_in_its_head": _cut_head,
    "answer_cut_in_its_body": _cut_body,
    "answer_a_byte_at_a_time": _drip,
    "no_answer": _silence,
    "rubbish_for_an_answer": _rubbish,
    "endless_answer": _flood,
}
