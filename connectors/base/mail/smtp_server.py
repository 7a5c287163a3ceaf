"""The simulator's SMTP server: aiosmtpd on a thread of its own, with the scripted faults before each command."""

import asyncio
import re
from collections.abc import Sequence
from typing import Any, Protocol

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from .simulated_server import FOREVER_S, Security

_DSN_WISHES = re.compile(r"\s(?:RET|ENVID|NOTIFY)=\S+")
_GREYLISTED = "451 4.7.1 Greylisted, please try again later"


class Script(Protocol):
    """What the server needs to know of the simulator."""

    account: Any
    dsn: bool

    def next_fault(self, phase: Any) -> Any: ...
    def greylisted(self, address: str) -> bool: ...
    def keep(self, content: bytes, *, sender: str, recipients: Sequence[str], facts: dict[str, Any]) -> None: ...


class Connections:
    """Those to the server. aiosmtpd's Controller takes no port 0 and leaves tasks behind."""

    def __init__(self, script: Script, security: Security) -> None:
        self._script = script
        self._security = security
        self._servers: set[_Server] = set()

    async def listen(self, port: int) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        return await loop.create_server(self._connection, "127.0.0.1", port, ssl=self._security.at_once)

    async def cut(self) -> None:
        for server in self._servers:
            server.cut()

    def _connection(self) -> "_Server":
        server = _Server(self._script, self._security)
        self._servers.add(server)
        return server


class _Handler:
    """aiosmtpd's hooks: one recipient at a time, and on disk before the 250."""

    def __init__(self, script: Script) -> None:
        self._script = script

    async def handle_EHLO(  # noqa: N802 - aiosmtpd finds hooks by name
        self, server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*responses[:-1], "250-ENHANCEDSTATUSCODES", *(["250-DSN"] if self._script.dsn else []), responses[-1]]

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._script.account is not None and not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._script.greylisted(address):
            return _GREYLISTED
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: "_Server", session: Session, envelope: Envelope) -> str:  # noqa: N802
        if await server.meets("content"):
            return ""
        facts = {"tls": server.is_secure, "login": bool(session.authenticated), "dsn": server.wishes}
        content = envelope.original_content or b""
        self._script.keep(content, sender=envelope.mail_from or "", recipients=envelope.rcpt_tos, facts=facts)
        return "" if await server.meets("accepted") else "250 2.0.0 Accepted"


class _Server(SMTP):
    """One connection."""

    def __init__(self, script: Script, security: Security) -> None:
        tls = security.by_starttls
        super().__init__(
            _Handler(script),
            hostname="localhost",
            tls_context=tls,
            auth_require_tls=tls is not None,
            authenticator=self._knows,
            loop=asyncio.get_running_loop(),
        )
        self.wishes: list[str] = []
        self._script = script
        self._security = security

    @property
    def is_secure(self) -> bool:
        return self._security.from_the_first_byte or self._tls_protocol is not None

    def cut(self) -> None:
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()

    async def meets(self, phase: str) -> bool:
        """Act out the next fault of `phase`; True when the command is thereby over."""
        fault = self._script.next_fault(phase)
        if fault is None:
            return False
        if fault.act == "reply":
            await self.push(fault.reply)
        elif fault.act == "drip":
            await self._drip()
        elif fault.act == "hang":
            await asyncio.sleep(FOREVER_S)
        else:
            self.cut()
            await asyncio.sleep(FOREVER_S)
        return True

    async def push(self, status: Any) -> None:
        if status:  # empty where a fault has already said everything
            await super().push(status)

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802
        if not await self.meets("ehlo"):
            await super().smtp_EHLO(hostname)

    async def smtp_STARTTLS(self, arg: str) -> None:  # noqa: N802
        if not await self.meets("starttls"):
            await super().smtp_STARTTLS(arg)

    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802
        if not await self.meets("auth"):
            await super().smtp_AUTH(arg)

    async def smtp_MAIL(self, arg: str) -> None:  # noqa: N802
        if not await self.meets("mail"):
            self.wishes = []
            await super().smtp_MAIL(self._without_wishes(arg))

    async def smtp_RCPT(self, arg: str) -> None:  # noqa: N802
        if not await self.meets("rcpt"):
            await super().smtp_RCPT(self._without_wishes(arg))

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        if not await self.meets("data"):
            await super().smtp_DATA(arg)

    async def smtp_QUIT(self, arg: str) -> None:  # noqa: N802
        if not await self.meets("quit"):
            await super().smtp_QUIT(arg)

    async def _handle_client(self) -> None:
        if await self.meets("connect"):
            self.cut()
            return
        await super()._handle_client()

    async def _drip(self) -> None:
        self._writer.write(b"250-")
        for _ in range(int(FOREVER_S)):
            self._writer.write(b"x")
            await self._writer.drain()
            await asyncio.sleep(0.02)

    def _without_wishes(self, arg: str) -> str:
        # aiosmtpd knows no DSN and would refuse the parameters.
        if not self._script.dsn or not arg:
            return arg
        self.wishes += [wish.strip() for wish in _DSN_WISHES.findall(arg)]
        return _DSN_WISHES.sub("", arg)

    def _knows(self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
        account = self._script.account
        known = account is not None and data == LoginPassword(account.username.encode(), account.password.encode())
        return AuthResult(success=known, handled=False, auth_data=None)
