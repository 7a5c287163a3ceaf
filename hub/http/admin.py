"""The administrators' API (`api.md` 3): signing in and out, what was done; the rest in `admin_*`, by subject."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from contracts.base import rfc3339
from hub.admin.acting import Actor, carry_out
from hub.admin.errors import CredentialsRefused, LoginRefused, SecondFactorRefused
from hub.admin.oidc import begun_at
from hub.feed.parameters import nothing, once
from hub.store.administrators import Session, hashed
from hub.store.audit_records import acts
from hub.store.handling import ADMIN_API

from . import login_pages
from .admin_access import AdminAccess, basic_credentials, one_time_code, place_in_time, time_of
from .exchange import Exchange, Handler, json_response
from .operations import Operation

_CURRENT = "/admin/v1/sessions/current"


class AdminApi:
    """Handlers of the administration, by operation_id."""

    def __init__(
        self,
        access: AdminAccess,
        parts: tuple[Callable[[Operation], Handler | None], ...],
        name_of: Callable[[str], str],
    ) -> None:
        """`name_of` is of an ente."""
        self._access = access
        self._parts = parts
        self._name_of = name_of

    def handler(self, operation: Operation) -> Handler:
        """The handler of an operation of the table. Raises KeyError for one that has none."""
        for part in self._parts:
            found = part(operation)
            if found is not None:
                return found
        own: Mapping[str, Handler] = {
            "sign_in": self._sign_in,
            "begin_login": self._begin_login,
            "finish_login": self._finish_login,
            "show_session": self._show_session(operation),
            "sign_out": self._sign_out(operation),
            "list_audit_records": self._access.reads(operation, self._audit),
        }
        return own[operation.operation_id]

    async def _sign_in(self, exchange: Exchange) -> Response:
        nothing(exchange.request.query_params.multi_items())
        # Before anything is done: an attempt costs a commit and an Argon2id, under names that nobody need have.
        exchange.allowance = self._access.limiter.count_stranger(exchange.address)
        try:
            name, password = basic_credentials(exchange)
            token, session = await self._access.sign_in.local(
                name, password, one_time_code(exchange), exchange.request_id
            )
        except (CredentialsRefused, SecondFactorRefused):
            exchange.allowance = self._access.limiter.count_refusal(exchange.address)
            raise
        return _signed_in(token, session, status=201)

    async def _begin_login(self, exchange: Exchange) -> Response:
        provider_id = exchange.request.path_params["provider_id"]
        login_pages.for_people(exchange, provider_id)
        nothing(exchange.request.query_params.multi_items())
        exchange.allowance = self._access.limiter.count_stranger(exchange.address)
        login, url = await self._access.sign_in.begin(provider_id)
        cookie = _cookie(exchange, login.state, login.browser, lasts_s=600)
        headers = {"Location": url, "Set-Cookie": cookie, "Referrer-Policy": "no-referrer"}
        return Response(status_code=303, headers=headers)

    async def _finish_login(self, exchange: Exchange) -> Response:
        # What else providers add to the callback (session_state, error_description) is theirs to choose.
        query = exchange.request.query_params
        state, code = query.get("state", ""), query.get("code")
        as_page = login_pages.for_people(exchange, begun_at(state))
        exchange.allowance = self._access.limiter.count_stranger(exchange.address)
        # Starlette's reading leaves out what is malformed; a cookie of somebody else on this host must end no login.
        browser = exchange.request.cookies.get(_cookie_name(exchange, state), "")
        if not 0 < len(state) <= 200 or len(code or "") > 4000:
            raise LoginRefused
        token, session = await self._access.sign_in.finish(state, browser, code, query.get("iss"), exchange.request_id)
        exchange.headers["Set-Cookie"] = _cookie(exchange, state, "", lasts_s=0)
        exchange.headers["Referrer-Policy"] = "no-referrer"
        if as_page:
            return login_pages.signed_in(exchange, token, session, self._name_of(session.administrator.ente_id))
        return _signed_in(token, session, status=200)

    def _show_session(self, operation: Operation) -> Handler:
        async def handle(exchange: Exchange) -> Response:
            caller = await self._access.caller(exchange, operation)
            nothing(exchange.request.query_params.multi_items())
            return json_response(_session(caller.session))

        return handle

    def _sign_out(self, operation: Operation) -> Handler:
        async def handle(exchange: Exchange) -> Response:
            caller = await self._access.caller(exchange, operation)
            nothing(exchange.request.query_params.multi_items())
            order = self._access.sign_in.sign_out(caller.session, caller.actor)
            await self._access.committer.submit(carry_out, order)
            return Response(status_code=204)

        return handle

    def _audit(self, connection: Connection, actor: Actor, exchange: Exchange) -> dict[str, Any]:
        given = once(exchange.request.query_params.multi_items(), ("operation", "target", "limit", "cursor"))
        operation, target = given.get("operation"), given.get("target")

        def after(place: list[Any] | None, number: int) -> Sequence[Any]:
            since = time_of(place)
            return acts(connection, actor.ente_id, after=since, limit=number, operation=operation, target=target)

        return self._access.page(
            actor,
            f"audit|{operation}|{target}",
            given,
            after,
            place=lambda row: place_in_time(row.at, row.access_id),
            view=_record,
        )


def _cookie_name(exchange: Exchange, state: str) -> str:
    """Of the cookie that ties a login to the browser that began it: whoever is sent another's callback has no such
    cookie (RFC 9700 2.1). Each login has its own, so that one tab does not end another's; `__Host-`, over HTTPS, keeps
    other hosts of the domain from planting one (RFC 6265bis 4.1.3.2)."""
    prefix = "__Host-" if exchange.request.url.scheme == "https" else ""
    return f"{prefix}raccordo-login-{hashed(state)[:16]}"


def _cookie(exchange: Exchange, state: str, value: str, *, lasts_s: int) -> str:
    secure = "; Secure" if exchange.request.url.scheme == "https" else ""
    name = _cookie_name(exchange, state)
    return f"{name}={value}; Path=/; Max-Age={lasts_s}; HttpOnly; SameSite=Lax{secure}"


def _signed_in(token: str, session: Session, *, status: int) -> Response:
    content = {"session_token": token, "session": _session(session)}
    return json_response(content, status=status, headers={"Location": _CURRENT} if status == 201 else None)


def _session(session: Session) -> dict[str, Any]:
    one = session.administrator
    return {
        "account": {
            "username": one.username,
            "display_name": one.display_name,
            "ente_id": one.ente_id,
            "roles": sorted(one.roles),
        },
        "started_at": rfc3339(session.created_at),
        "expires_at": rfc3339(session.expires_at),
    }


def _record(row: Any) -> dict[str, Any]:
    return {
        "record_id": row.access_id,
        "at": rfc3339(row.at),
        "actor": row.pseudonym[:120],
        "over": "http" if row.portal_id == ADMIN_API else "command_line",
        "operation": row.operation,
        "outcome": row.outcome,
        "target": row.act.get("target"),
        "before": row.act.get("before"),
        "after": row.act.get("after"),
    }
