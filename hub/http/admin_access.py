"""Who calls the administration, whether a role allows it, and the line of the access log that says so."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from contracts.faults import bilingual, has_required, unknown_name
from hub.admin.acting import Actor, Matches, Order, carry_out, record
from hub.admin.errors import CredentialsRefused, RoleMissing, SessionRefused
from hub.admin.roles import allows
from hub.admin.signing_in import SignIn, actor_of
from hub.errors import ContractViolation, MediaUnsupported, PreconditionFailed, RequestInvalid
from hub.feed import cursor as cursors
from hub.feed.answers import as_json
from hub.feed.parameters import limit_of, nothing, once
from hub.ingest.canonical import AS_JSON, read_as
from hub.store.administrators import Session
from hub.store.committer import Committer
from hub.store.database import Database
from hub.store.ports import Vault
from hub.store.readers import record_access
from hub.store.tables import from_micros, to_micros

from .exchange import Exchange, Handler, json_response, read_body
from .limits import Limiter
from .operations import Operation
from .tags import tagged, view_tag
from .user_states import media_type, must_be_merge_patch

B = TypeVar("B", bound=BaseModel)
R = TypeVar("R")
Show = Callable[[Connection, Actor, Exchange], dict[str, Any]]
Rows = Callable[[Connection, Actor, Exchange], Sequence[tuple[str, dict[str, Any]]]]
"""A whole list that is small: each with the name that it is sorted and continued by."""
Command = Callable[[Actor, Exchange], Order]
Respond = Callable[[Exchange, Any], Response]


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose session it is."""

    session: Session
    actor: Actor


@dataclass(frozen=True, slots=True)
class AdminAccess:
    """What every operation of the administration goes through."""

    sign_in: SignIn
    database: Database
    committer: Committer
    vault: Vault
    limiter: Limiter
    body_limit: int

    async def caller(self, exchange: Exchange, operation: Operation) -> Caller:
        """Who calls, if a role allows it. Raises SessionRefused, RoleMissing, QuotaExceeded, RequestInvalid."""
        scheme, _, token = exchange.request.headers.get("authorization", "").partition(" ")
        session = None
        if scheme.lower() == "bearer" and 0 < len(token) <= 100:
            session = await run_in_threadpool(self.sign_in.session, token.strip())
        if session is None:
            exchange.allowance = self.limiter.count_refusal(exchange.address)
            raise SessionRefused
        one = session.administrator
        exchange.allowance = self.limiter.count_call(f"{one.ente_id}/admin/{one.administrator_id}")
        actor = actor_of(one, exchange.request_id)
        if not allows(operation.operation_id, actor.roles):
            await self.committer.submit(record_access, record(actor, operation.operation_id, RoleMissing.code))
            raise RoleMissing
        if any("\0" in str(each) for each in exchange.request.path_params.values()):  # PostgreSQL takes none
            raise RequestInvalid(bilingual("L'indirizzo contiene un NUL", "the address holds a NUL"))
        return Caller(session, actor)

    async def sent(self, exchange: Exchange, operation: Operation) -> Caller:
        """Who calls, where a body goes along: it is read whole. Raises the same, and BodyTooLarge, BodyTooSlow."""
        caller = await self.caller(exchange, operation)
        nothing(exchange.request.query_params.multi_items())
        exchange.body = await read_body(exchange.request, self.body_limit)
        return caller

    def shows(self, operation: Operation, show: Show) -> Handler:
        """A handler that answers with one thing and its ETag, and takes no parameters."""

        async def handle(exchange: Exchange) -> Response:
            caller = await self.caller(exchange, operation)
            nothing(exchange.request.query_params.multi_items())
            return tagged(exchange, await run_in_threadpool(self._read, show, caller.actor, exchange))

        return handle

    def lists(self, operation: Operation, rows: Rows) -> Handler:
        """A handler that answers with a page of a list."""

        def page(connection: Connection, actor: Actor, exchange: Exchange) -> dict[str, Any]:
            given = once(exchange.request.query_params.multi_items(), ("limit", "cursor"))
            purpose = f"admin|{exchange.request.url.path}"

            def after(place: list[Any] | None, _number: int) -> Sequence[tuple[str, dict[str, Any]]]:
                passed = "" if place is None else place[0]
                return [each for each in rows(connection, actor, exchange) if each[0] > passed]

            return self.page(actor, purpose, given, after, place=lambda row: [row[0]], view=lambda row: row[1])

        return self.reads(operation, page)

    def reads(self, operation: Operation, read: Show) -> Handler:
        """A handler that answers with what is neither, and has no ETag."""

        async def handle(exchange: Exchange) -> Response:
            caller = await self.caller(exchange, operation)
            return json_response(await run_in_threadpool(self._read, read, caller.actor, exchange))

        return handle

    def page(
        self,
        actor: Actor,
        purpose: str,
        given: Mapping[str, str],
        after: Callable[[list[Any] | None, int], Sequence[R]],
        *,
        place: Callable[[R], list[Any]],
        view: Callable[[R], dict[str, Any]],
    ) -> dict[str, Any]:
        """A page of the list of that purpose: of the rows `after` a place, as many as were asked for. `place` is what
        the cursor holds of the last one. Raises RequestInvalid."""
        limit = limit_of(given)
        since = cursors.read(self.vault, actor.ente_id, purpose, given["cursor"]) if "cursor" in given else None
        found = after(since, limit + 1)
        more = len(found) > limit
        onwards = cursors.write(self.vault, actor.ente_id, purpose, place(found[limit - 1])) if more else None
        return {"items": [view(row) for row in found[:limit]], "next_cursor": onwards}

    def acts(self, operation: Operation, command: Command, respond: Respond) -> Handler:
        """A handler that changes something, and answers once that is durable."""

        async def handle(exchange: Exchange) -> Response:
            caller = await self.sent(exchange, operation)
            order = await run_in_threadpool(command, caller.actor, exchange)
            return respond(exchange, await self.committer.submit(carry_out, order))

        return handle

    def _read(self, show: Show, actor: Actor, exchange: Exchange) -> dict[str, Any]:
        with self.database.read() as connection:
            return show(connection, actor, exchange)


def place_in_time(at: datetime, name: str) -> list[Any]:
    """What a cursor holds of a row of a list by time."""
    return [to_micros(at), name]


def time_of(place: list[Any] | None) -> tuple[datetime, str] | None:
    """The same as the store asks for it."""
    return None if place is None else (from_micros(place[0]), place[1])


def body_of(exchange: Exchange, model: type[B], *, patch: bool = False, is_long: bool = False) -> B:
    """The body as JSON, or as a merge patch; `is_long` where it may hold more texts than an item does. One that is
    empty wishes for nothing, where nothing has to be wished for. Raises MediaUnsupported, RequestInvalid,
    ContractViolation."""
    if not (patch or exchange.body or has_required(model)):
        return model()
    if patch:
        must_be_merge_patch(exchange)
    elif media_type(exchange) != "application/json":
        raise MediaUnsupported(AS_JSON)
    try:
        return read_as(model, exchange.body, is_long=is_long)
    except ContractViolation as violation:
        known = unknown_name(model)
        told = [
            replace(fault, detail=known) if fault.code == "field.unknown" and fault.pointer.count("/") == 1 else fault
            for fault in violation.faults
        ]
        raise ContractViolation(faults=tuple(told)) from None


def matching(exchange: Exchange) -> Matches:
    """What raises PreconditionFailed for a view that the caller has not seen (If-Match)."""

    def matches(view: Mapping[str, Any]) -> None:
        header = exchange.request.headers.get("if-match")
        if header is None or header.strip() == "*":
            return
        if view_tag(as_json(view)) not in [each.strip() for each in header.split(",")]:
            raise PreconditionFailed

    return matches


def changed(exchange: Exchange, view: Mapping[str, Any], *, status: int = 200) -> Response:
    """What a change made of a thing, with its ETag."""
    body = as_json(view)
    exchange.headers |= {"ETag": view_tag(body), "Cache-Control": "private, no-cache"}
    return Response(body, status, media_type="application/json")


def made(resource: str, name: str) -> Respond:
    """What answers with the thing that was made, with its ETag and where it is."""

    def respond(exchange: Exchange, view: dict[str, Any]) -> Response:
        response = changed(exchange, view, status=201)
        response.headers["Location"] = f"/admin/v1/{resource}/{view[name]}"
        return response

    return respond


def answered(_exchange: Exchange, answer: dict[str, Any]) -> Response:
    """What came of it, which has no ETag."""
    return json_response(answer)


def added(exchange: Exchange, view: dict[str, Any]) -> Response:
    """What was added to a list; only the list has an address."""
    return json_response(view, status=201, headers={"Location": exchange.request.url.path})


def gone(_exchange: Exchange, _answer: None) -> Response:
    """There is nothing to be said of what is gone."""
    return Response(status_code=204)


def basic_credentials(exchange: Exchange) -> tuple[str, str]:
    """Name and password of HTTP Basic (RFC 7617, UTF-8). Raises CredentialsRefused."""
    scheme, _, encoded = exchange.request.headers.get("authorization", "").partition(" ")
    try:
        if scheme.lower() != "basic" or len(encoded) > 2000:
            raise CredentialsRefused
        name, colon, password = base64.b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise CredentialsRefused from None
    if not colon or "\0" in name:  # PostgreSQL takes no NUL
        raise CredentialsRefused
    return name, password


def one_time_code(exchange: Exchange) -> str:
    """The code of the second factor that goes along with the password; "" for none. Raises RequestInvalid."""
    code = exchange.request.headers.get("one-time-code", "").strip()
    if len(code) > 40:
        raise RequestInvalid(
            bilingual("One-Time-Code è più lungo di ogni codice", "One-Time-Code is longer than any code")
        )
    return code
