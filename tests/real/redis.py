"""A Redis server (or Valkey, its free successor), reached by TCP and password."""

import signal
import socket
from pathlib import Path

import redis

from .programs import redis_programs
from .server import Server
from .users import myself


class Redis(Server):
    """Forgets everything when it ends, unless `append_only`."""

    _POLITE = signal.SIGTERM

    def __init__(self, *, append_only: bool = False, program: Path | None = None) -> None:
        self._append_only = append_only
        self._program = program or redis_programs()[0]
        super().__init__(myself())

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def clear(self) -> None:
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def _prepare(self) -> None:
        settings = {
            "bind": "127.0.0.1",
            "port": self.port,
            "requirepass": self.password,
            "dir": self.user.make_folder(self.folder / "data"),
            "save": '""',
            "appendonly": "yes" if self._append_only else "no",
        }
        text = "".join(f"{name} {value}\n" for name, value in settings.items())
        self.user.write_secret(self.folder / "redis.conf", text)

    def _command(self) -> list[str]:
        return [str(self._program), str(self.folder / "redis.conf")]

    def _ready(self) -> bool:
        """While it still reads its file, it says LOADING."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as wire, wire.makefile("rwb") as lines:
                lines.write(f"AUTH {self.password}\r\nPING\r\n".encode())
                lines.flush()
                return [lines.readline(), lines.readline()] == [b"+OK\r\n", b"+PONG\r\n"]
        except OSError:
            return False
