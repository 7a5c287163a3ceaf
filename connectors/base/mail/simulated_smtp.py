"""A real SMTP server for demo and tests: keeps what it accepts in a folder, and misbehaves on request.

It never drops a duplicate, so that a test can count them. It listens on loopback only and relays nothing.
"""

import hashlib
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, Literal

from ..ledger import Ledger
from .simulated_server import SimulatedServer
from .smtp_server import Connections

FaultPhase = Literal["connect", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "content", "accepted", "quit"]
"""`data` is before the 354, `content` after the final dot and before anything is kept, `accepted` once it is kept."""

# aiosmtpd logs every command, addresses included.
_LOGGER = logging.getLogger("mail.log")
_LOGGER.propagate = False
_LOGGER.addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens at `phase` instead: a `reply`, silence (`hang`), a cut line (`drop`), an endless line (`drip`)."""

    phase: FaultPhase
    act: Literal["reply", "hang", "drop", "drip"] = "reply"
    reply: str = "451 4.3.0 Scripted fault"
    times: int = 1


@dataclass(frozen=True, slots=True)
class Account:
    username: str
    password: str


class Simulator(SimulatedServer[Fault]):
    """`start()`, then `port` is known; `mailbox` is the folder of accepted messages, `ledger` the account of them."""

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        security: Literal["starttls", "tls", "none"] = "none",
        account: Account | None = None,
        greylist: bool = False,
        dsn: bool = False,
        taken: Callable[[bytes, str, Sequence[str]], None] = lambda *_: None,
    ) -> None:
        """`taken` is told of each message that was accepted: content, envelope sender, recipients."""
        self.mailbox = folder / "mailbox"
        self.mailbox.mkdir(parents=True, exist_ok=True)
        self.ledger = Ledger(folder / "ledger.jsonl")
        super().__init__(folder, port=port, security=security)
        self.account = account
        self.dsn = dsn
        self._taken = taken
        self._seen: set[str] | None = set() if greylist else None
        self._count = len(list(self.mailbox.glob("*.eml")))

    def connections(self) -> Connections:
        return Connections(self, self._security)

    def greylisted(self, address: str) -> bool:
        """Whether a server that greylists meets `address` for the first time."""
        if self._seen is None or address in self._seen:
            return False
        self._seen.add(address)
        return True

    def keep(self, content: bytes, *, sender: str, recipients: Sequence[str], facts: dict[str, Any]) -> None:
        """Message and ledger line are on disk when this returns; only then may the server say 250."""
        message_id = str(message_from_bytes(content, policy=default)["Message-ID"] or "").strip()
        with self._lock:
            self._count += 1
            path = self.mailbox / f"{self._count:06d}-{hashlib.sha256(message_id.encode()).hexdigest()[:12]}.eml"
            entry = {
                "n": self._count,
                "at": datetime.now(UTC).isoformat(),
                "message_id": message_id,
                "sender": sender,
                "recipients": list(recipients),
                "sha256": hashlib.sha256(content).hexdigest(),
                "file": path.name,
            }
            write_durably(path, content)
            self.ledger.append(entry | facts)
        self._taken(content, sender, recipients)

    def entries(self) -> list[dict[str, Any]]:
        """The ledger, one entry for each accepted message."""
        return list(self.ledger.entries)


def mailbox_messages(folder: Path) -> list[EmailMessage]:
    """The accepted messages in order of arrival, duplicates included."""
    return list(_parsed(folder))


def _parsed(folder: Path) -> Iterator[EmailMessage]:
    for path in sorted(folder.glob("*.eml")):
        message = message_from_bytes(path.read_bytes(), policy=default)
        assert isinstance(message, EmailMessage)
        yield message


def write_durably(path: Path, content: bytes) -> None:
    """A file that is on disk, whole, when this returns."""
    # Under another name first, so that a reader of *.eml never sees half a message.
    draft = path.with_suffix(".part")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
