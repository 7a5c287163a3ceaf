"""A private server on loopback, whatever it serves: its folder, port and password, its lives and deaths."""

import contextlib
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Self

import psutil

from . import guard
from .users import ENVIRONMENT, User

PORTS = range(15_000, 32_000)
"""Below those that the kernel gives to clients: one of these would be taken while the server is down. Processes that
start servers side by side take each a part of it."""
START_WITHIN_S = 30
STOP_WITHIN_S = 20


class Server(ABC):
    """Lives in a `with` block; its folder is gone after it. Data, port and password outlast `stop` and `kill`."""

    _POLITE: ClassVar[signal.Signals]
    """The signal at which it ends at once, but in order."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.port = free_port()
        self.password = secrets.token_urlsafe(24)
        # Root's own temporary folder may be closed to others; /tmp is not.
        self.folder = Path(tempfile.mkdtemp(prefix="raccordo-", dir=None if os.getuid() else "/tmp"))
        self.folder.chmod(0o711)
        self.log = self.folder / "server.log"
        self._guard: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def _prepare(self) -> None:
        """Once, before the first start."""

    @abstractmethod
    def _command(self) -> list[str]: ...

    @abstractmethod
    def _ready(self) -> bool:
        """Whether it answers."""

    def __enter__(self) -> Self:
        try:
            self._prepare()
            self.start()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        finally:
            self._close()

    @property
    def alive(self) -> bool:
        return self._guard is not None and self._guard.poll() is None

    def processes(self) -> list[psutil.Process]:
        return guard.family(self._guard.pid) if self._guard else []

    def start(self) -> None:
        """Returns when it answers."""
        assert not self.alive
        self._forget()
        watched = [sys.executable, "-I", guard.__file__, str(self.folder), f"{self.user.uid}:{self.user.gid}"]
        with self.log.open("ab") as log:
            self._guard = subprocess.Popen(
                [*watched, *self._command()],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=ENVIRONMENT,
                start_new_session=True,  # Ctrl-C is for the tests; they end the server
            )
        deadline = time.monotonic() + START_WITHIN_S
        while not self._ready():
            assert self.alive, self.log.read_text()[-3000:]
            assert time.monotonic() < deadline, self.log.read_text()[-3000:]
            time.sleep(0.01)

    def stop(self) -> None:
        """End it in order; frozen or not. Returns when no process is left."""
        if self._guard is None or not self.alive:
            return
        self.thaw()
        guard.tell(psutil.Process(self._guard.pid).children(), self._POLITE)
        try:
            self._guard.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """kill -9 to all its processes. Returns when none is left."""
        if self._guard is not None and self.alive:
            self._guard.communicate(b"kill", timeout=STOP_WITHIN_S)

    def freeze(self) -> None:
        """Every process stands still: connections stay open, new ones queue, nothing answers."""
        while moving := [one for one in self.processes() if guard.status(one) != psutil.STATUS_STOPPED]:
            guard.tell(moving, signal.SIGSTOP)

    def thaw(self) -> None:
        guard.tell(self.processes(), signal.SIGCONT)

    def _forget(self) -> None:
        if self._guard and self._guard.stdin:
            self._guard.stdin.close()
        self._guard = None

    def _close(self) -> None:
        self.kill()
        self._forget()
        shutil.rmtree(self.folder)


def free_port() -> int:
    """One of PORTS."""
    for port in random.sample(PORTS, 100):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise OSError("no free port")
