"""A mailbox for demo and tests, served over IMAP: a folder of files, and misbehaviour on request."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from .imap_server import Connections, Kept, Phase
from .simulated_server import SimulatedServer
from .simulated_smtp import write_durably

USERNAME = "rimbalzi"
PASSWORD = "simulata"  # noqa: S105 - of a simulator on loopback


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens at `phase` instead: a `reply` such as `NO [UNAVAILABLE] later`, silence (`hang`), a cut (`drop`), an
    endless line (`drip`), answers without end (`endless`), a literal of 100 GB (`huge`)."""

    phase: Phase
    act: Literal["reply", "hang", "drop", "drip", "endless", "huge"] = "reply"
    reply: str = "NO [UNAVAILABLE] scripted fault"
    times: int = 1


class SimulatedMailbox(SimulatedServer[Fault]):
    """`start()`, then `port` is known. What is deposited is on disk, and there again after a restart."""

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        security: Literal["starttls", "tls", "none"] = "none",
        username: str = USERNAME,
        password: str = PASSWORD,
        folders: Sequence[str] = ("INBOX",),
    ) -> None:
        super().__init__(folder, port=port, security=security)
        self.username, self.password = username, password
        self.commands: list[str] = []
        """What was asked, logins without what came with them."""
        self._folder = folder
        self._validity = dict.fromkeys(folders, 1)
        self._kept: dict[str, dict[int, Kept]] = {name: {} for name in folders}
        self._next = dict.fromkeys(folders, 1)
        for name in folders:
            (folder / name).mkdir(parents=True, exist_ok=True)
            for path in sorted((folder / name).glob("*.eml")):
                arrived_at = datetime.fromtimestamp(int(path.stat().st_mtime), UTC)
                self._kept[name][int(path.stem)] = Kept(int(path.stem), arrived_at, path.read_bytes())
            self._next[name] = max(self._kept[name], default=0) + 1

    def connections(self) -> Connections:
        return Connections(self, self._security)

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Those that point a connector here."""
        ours = {
            "imap_host": "127.0.0.1",
            "imap_port": self._port,
            "imap_security": "none",
            "imap_username": self.username,
            "imap_password": self.password,
        }
        return ours | changes

    def deposit(self, content: bytes, *, folder: str = "INBOX", at: datetime | None = None) -> int:
        """A message arrives; its UID. On disk when this returns."""
        with self._lock:
            uid = self._next[folder]
            self._next[folder] += 1
            kept = Kept(uid, (at or datetime.now(UTC)).replace(microsecond=0), content)
            write_durably(self._folder / folder / f"{uid:06d}.eml", content)
            self._kept[folder][uid] = kept
            return uid

    def renumber(self, folder: str = "INBOX") -> None:
        """What happens to UIDs when a server is restored: another UIDVALIDITY, counted from 1."""
        with self._lock:
            old = list(self._kept[folder].values())
            self._validity[folder] += 1
            self._kept[folder] = {n: Kept(n, each.arrived_at, each.content) for n, each in enumerate(old, 1)}
            self._next[folder] = len(old) + 1

    def note(self, command: str) -> None:
        self.commands.append(command)

    def validity(self, folder: str) -> int | None:
        return self._validity.get(folder)

    def next_uid(self, folder: str) -> int:
        return self._next[folder]

    def messages(self, folder: str, first: int, last: int) -> list[Kept]:
        with self._lock:
            return [kept for uid, kept in sorted(self._kept[folder].items()) if first <= uid <= last]

    def expunge(self, folder: str, uids: set[int]) -> None:
        with self._lock:
            for uid in uids & self._kept[folder].keys():
                del self._kept[folder][uid]
                (self._folder / folder / f"{uid:06d}.eml").unlink(missing_ok=True)
