"""The simulated IO's other face: its app, which opens messages and so makes IO call whoever has their content, and the
services of LolliPoP that are asked back.

    POST /_sim/people  {"fiscal_code", "read_status": "READ", "payment_status": "PAID"}: what the citizen has done
    POST /_sim/open    {"message_id", "path": "" | "precondition" | attachment url}: what came of it
    POST /_sim/feed    {"date": "2026-11-24", "subscriptions": [tax codes], "unsubscriptions": [...]}

What comes of opening is {"status", "headers", "body"}, the body in base64. A reader other than the recipient, or
headers that are spoiled on the way, by `"fiscal_code"` and `"headers"` (null takes one away).
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .simulator_login import APP_API, Logins
from .simulator_model import problem, refused_key

_TIMEOUT_S = 10.0


class Backend:
    """`messages` and `configurations` are those that the rest of the simulator keeps."""

    def __init__(self, messages: Mapping[str, dict[str, Any]], configurations: Mapping[str, dict[str, Any]]) -> None:
        self._messages = messages
        self._configurations = configurations
        self.logins = Logins()
        self.people: dict[str, dict[str, str]] = {}
        self.days: dict[str, dict[str, list[str]]] = {}

    def routes(self) -> list[Route]:
        return [
            Route("/api/v1/subscriptions-feed/{date}", self._feed, methods=["GET"]),
            Route("/lollipop/api/v1/assertions/{ref}", self._assertion, methods=["GET"]),
            Route("/idp-keys/{kind}", self._tags, methods=["GET"]),
            Route("/idp-keys/{kind}/{tag}", self._metadata, methods=["GET"]),
            Route("/_sim/people", self._person, methods=["POST"]),
            Route("/_sim/open", self._open, methods=["POST"]),
            Route("/_sim/feed", self._day, methods=["POST"]),
        ]

    def told_of(self, message: Mapping[str, Any]) -> dict[str, str]:
        """What the sender of an ADVANCED message is told besides its status."""
        if message["message"].get("feature_level_type") != "ADVANCED":
            return {}
        done = self.people.get(message["fiscal_code"], {})
        told = {"read_status": done.get("read_status", "UNREAD")}
        if "payment_data" in message["message"]["content"]:
            told["payment_status"] = done.get("payment_status", "NOT_PAID")
        return told

    async def _person(self, request: Request) -> Response:
        done = await request.json()
        self.people.setdefault(done.pop("fiscal_code"), {}).update(done)
        return Response(status_code=204)

    async def _day(self, request: Request) -> Response:
        day = await request.json()
        self.days[day["date"]] = {name: day.get(name, []) for name in ("subscriptions", "unsubscriptions")}
        return Response(status_code=204)

    async def _feed(self, request: Request) -> Response:
        if refused := refused_key(request, None):
            return refused
        date = request.path_params["date"]
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", date) is None:
            return problem(400, "Bad Request", "The date is not YYYY-MM-DD.")
        if date not in self.days:
            return problem(404, "Not Found", "The feed of that day is not there.")
        hashed = {name: [_hashed(code) for code in codes] for name, codes in self.days[date].items()}
        return JSONResponse({"dateUTC": date} | hashed)

    async def _assertion(self, request: Request) -> Response:
        if refused := refused_key(request, None):
            return refused
        status, body = self.logins.assertion(request.path_params["ref"], request.headers)
        return JSONResponse(body, status)

    async def _tags(self, request: Request) -> Response:
        known = request.path_params["kind"] in ("spid", "cie")
        return JSONResponse(["latest", "1500000000"]) if known else Response(status_code=404)

    async def _metadata(self, request: Request) -> Response:
        return Response(self.logins.provider.metadata(), media_type="application/xml")

    async def _open(self, request: Request) -> Response:
        wish = await request.json()
        message = self._messages[wish["message_id"]]
        remote = message["message"]["content"]["third_party_data"]
        configuration = self._configurations[remote["configuration_id"]]
        there = configuration["prod_environment"]
        reader, path = wish.get("fiscal_code", message["fiscal_code"]), wish.get("path", "")
        login = there["details_authentication"]
        headers = {"fiscal_code": reader, login["header_key_name"]: login["key"]}
        if configuration["is_lollipop_enabled"] and reader not in configuration["disable_lollipop_for"]:
            phone = self.logins.phone_of(reader)
            app = f"{APP_API}/third-party-messages/{wish['message_id']}"
            if path:
                app += "/precondition" if path == "precondition" else f"/attachments/{path}"
            headers |= phone.call(app) | phone.lines(reader)
        for name, value in wish.get("headers", {}).items():
            headers.pop(name, None)
            if value is not None:
                headers[name] = value
        url = f"{there['base_url']}/messages/{remote['id']}" + (f"/{path}" if path else "")
        async with httpx.AsyncClient(trust_env=False, timeout=_TIMEOUT_S) as client:
            answer = await client.get(url, headers=headers)
        body = base64.b64encode(answer.content).decode()
        return JSONResponse({"status": answer.status_code, "headers": dict(answer.headers), "body": body})


def _hashed(fiscal_code: str) -> str:
    return hashlib.sha256(fiscal_code.upper().encode()).hexdigest()
