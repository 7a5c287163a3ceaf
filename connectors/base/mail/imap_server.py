"""The simulated mailbox's IMAP4rev1 server: on a thread of its own, on loopback, as strict as RFC 3501 about the few
commands that it knows, with the scripted faults before each."""

import asyncio
import base64
import binascii
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from .simulated_server import FOREVER_S, Security

Phase = Literal["connect", "starttls", "login", "select", "sizes", "content", "store", "expunge"]

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_COMMAND = re.compile(r"([A-Za-z0-9]+) ((?:UID )?[A-Za-z]+)(?: (.*))?")
_SIZES = re.compile(r"(\d+):(\d+) \(UID RFC822\.SIZE INTERNALDATE\)", re.IGNORECASE)
_CONTENT = re.compile(r"(\d+) \(UID BODY\.PEEK\[\]<0\.(\d+)>\)", re.IGNORECASE)
_STORE = re.compile(r"([\d,]+) \+FLAGS\.SILENT \(\\Deleted\)", re.IGNORECASE)
_QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"|(\S+)')


@dataclass(frozen=True, slots=True)
class Kept:
    """A message in a folder."""

    uid: int
    arrived_at: datetime
    content: bytes = field(repr=False)


class Script(Protocol):
    """What the server needs to know of the simulator."""

    username: str
    password: str

    def next_fault(self, phase: Any) -> Any: ...
    def note(self, command: str) -> None: ...
    def validity(self, folder: str) -> int | None: ...
    def next_uid(self, folder: str) -> int: ...
    def messages(self, folder: str, first: int, last: int) -> Sequence[Kept]: ...
    def expunge(self, folder: str, uids: set[int]) -> None: ...


class Connections:
    """Those to the server, each with its task."""

    def __init__(self, script: Script, security: Security) -> None:
        self._script = script
        self._security = security
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self, port: int) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", port, ssl=self._security.at_once)

    async def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        with suppress(OSError, EOFError, asyncio.CancelledError, ValueError):
            await _Connection(self._script, self._security, reader, writer).run()
        writer.transport.abort()


class _Connection:
    def __init__(
        self, script: Script, security: Security, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._script = script
        self._reader = reader
        self._writer = writer
        self._tls = security.by_starttls
        self._logged_in = False
        self._folder: str | None = None
        self._writable = False
        self._deleted: set[int] = set()

    async def run(self) -> None:
        if await self._meets("connect", "*"):
            return
        await self._say("* OK simulated IMAP4rev1 ready")
        while line := await self._reader.readline():
            match = _COMMAND.fullmatch(line.decode("ascii", "replace").rstrip("\r\n"))
            if match is None:
                await self._say("* BAD no command")
                continue
            tag, name, rest = match.group(1), match.group(2).upper(), match.group(3) or ""
            self._script.note(f"{name} {rest}" if self._logged_in else name)
            if not await self._answer(tag, name, rest):
                return

    async def _answer(self, tag: str, name: str, rest: str) -> bool:
        match name:
            case "CAPABILITY":
                await self._say(f"* CAPABILITY {self._capabilities()}", f"{tag} OK done")
            case "NOOP":
                await self._say(f"{tag} OK done")
            case "LOGOUT":
                await self._say("* BYE", f"{tag} OK done")
                return False
            case "STARTTLS" if self._tls is not None:
                return await self._secure(tag)
            case "AUTHENTICATE" | "LOGIN" if not self._logged_in:
                return await self._login(tag, name, rest)
            case "EXAMINE" | "SELECT" if self._logged_in:
                return await self._open(tag, rest, writable=name == "SELECT")
            case "UID FETCH" if self._folder is not None:
                return await self._fetch(tag, rest)
            case "UID STORE" | "UID EXPUNGE" if self._folder is not None:
                return await self._remove(tag, name, rest)
            case _:
                await self._say(f"{tag} BAD not now, or not known")
        return True

    def _capabilities(self) -> str:
        if self._tls is not None:
            return "IMAP4rev1 STARTTLS LOGINDISABLED"
        return "IMAP4rev1 UIDPLUS AUTH=PLAIN"

    async def _secure(self, tag: str) -> bool:
        if await self._meets("starttls", tag):
            return False
        await self._say(f"{tag} OK begin")
        assert self._tls is not None
        await self._writer.start_tls(self._tls)
        self._tls = None
        return True

    async def _login(self, tag: str, name: str, rest: str) -> bool:
        if await self._meets("login", tag):
            return False
        if self._tls is not None:
            await self._say(f"{tag} NO [PRIVACYREQUIRED] STARTTLS first")
            return True
        wanted = (self._script.username, self._script.password)
        if name == "LOGIN":
            given = tuple(quoted or plain for quoted, plain in _QUOTED.findall(rest))
        else:
            await self._say("+ ")
            try:
                text = base64.b64decode((await self._reader.readline()).strip(), validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                await self._say(f"{tag} BAD no base64")
                return True
            given = tuple(text.split("\0")[1:])
        self._logged_in = given == wanted
        await self._say(f"{tag} OK done" if self._logged_in else f"{tag} NO [AUTHENTICATIONFAILED] {given[:1]}")
        return True

    async def _open(self, tag: str, rest: str, *, writable: bool) -> bool:
        if await self._meets("select", tag):
            return False
        folder = rest.strip('"')
        validity = self._script.validity(folder)
        if validity is None:
            self._folder = None
            await self._say(f"{tag} NO [NONEXISTENT] no such folder")
            return True
        self._folder, self._writable, self._deleted = folder, writable, set()
        uid_next = self._script.next_uid(folder)
        await self._say(
            f"* {len(self._script.messages(folder, 1, uid_next))} EXISTS",
            "* 0 RECENT",
            r"* FLAGS (\Deleted \Seen)",
            f"* OK [UIDVALIDITY {validity}] fixed",
            f"* OK [UIDNEXT {uid_next}] next",
            f"{tag} OK [READ-{'WRITE' if writable else 'ONLY'}] done",
        )
        return True

    async def _fetch(self, tag: str, rest: str) -> bool:
        assert self._folder is not None
        if sizes := _SIZES.fullmatch(rest):
            if await self._meets("sizes", tag):
                return False
            for number, kept in enumerate(self._script.messages(self._folder, *map(int, sizes.groups())), 1):
                # Somebody reads the mail meanwhile: unsolicited answers are a server's right.
                await self._say(
                    rf"* {number} FETCH (FLAGS (\Seen))",
                    f"* {number} FETCH (UID {kept.uid} RFC822.SIZE {len(kept.content)} "
                    f'INTERNALDATE "{_imap_date(kept.arrived_at)}")',
                )
        elif content := _CONTENT.fullmatch(rest):
            if await self._meets("content", tag):
                return False
            uid, most = map(int, content.groups())
            for kept in self._script.messages(self._folder, uid, uid):
                part = kept.content[:most]
                self._writer.write(f"* 1 FETCH (UID {uid} BODY[]<0> {{{len(part)}}}\r\n".encode() + part + b")\r\n")
        else:
            await self._say(f"{tag} BAD what is to be fetched?")
            return True
        await self._say(f"{tag} OK done")
        return True

    async def _remove(self, tag: str, name: str, rest: str) -> bool:
        assert self._folder is not None
        if await self._meets("store" if name == "UID STORE" else "expunge", tag):
            return False
        if not self._writable:
            await self._say(f"{tag} NO [READ-ONLY] opened by EXAMINE")
        elif name == "UID STORE" and (match := _STORE.fullmatch(rest)):
            self._deleted |= set(map(int, match.group(1).split(",")))
            await self._say(f"{tag} OK done")
        elif name == "UID EXPUNGE" and re.fullmatch(r"[\d,]+", rest):
            self._script.expunge(self._folder, self._deleted & set(map(int, rest.split(","))))
            await self._say(f"{tag} OK done")
        else:
            await self._say(f"{tag} BAD arguments")
        return True

    async def _meets(self, phase: Phase, tag: str) -> bool:
        """Act out the next fault of `phase`; True when the connection is thereby over."""
        fault = self._script.next_fault(phase)
        if fault is None:
            return False
        match fault.act:
            case "reply":
                await self._say(f"{tag} {fault.reply}")
            case "hang":
                await asyncio.sleep(FOREVER_S)
            case "drip":
                await self._stream(b"* 1 FETCH (", b"x", 0.02)
            case "endless":
                await self._stream(b"", b"* 1 FETCH (UID 1 RFC822.SIZE 1)\r\n" * 1000, 0)
            case "huge":
                await self._stream(b"* 1 FETCH (UID 1 BODY[]<0> {99999999999}\r\n", b"x" * 65_536, 0)
        return True

    async def _stream(self, head: bytes, piece: bytes, pause_s: float) -> None:
        self._writer.write(head)
        while True:
            self._writer.write(piece)
            await self._writer.drain()
            await asyncio.sleep(pause_s)

    async def _say(self, *lines: str) -> None:
        self._writer.write("".join(f"{line}\r\n" for line in lines).encode("utf-8", "replace"))
        await self._writer.drain()


def _imap_date(moment: datetime) -> str:
    return f"{moment.day:02d}-{_MONTHS[moment.month - 1]}-{moment:%Y %H:%M:%S %z}"
