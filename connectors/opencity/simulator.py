"""A tenant of OpenCity Italia as its description has it, for the demo, the flows and the tests: strict, scriptable,
with a ledger of the messages that it took: `{"at", "message_id", "application", "sha256", "message"}`.

It serves `/lang/api`: auth, tenants/info, applications with their messages and files, payments, subscriptions, version
2 where it is asked for, and the archive (`simulator_archive.py`; `POST /_sim/documents` adds to it, or changes one).
`POST /_sim/applications` (members of an application) makes one or, with its `id`, changes it, and tells the webhook;
`POST /_sim/messages/{application}` is an operator who writes; `DELETE /_sim/applications/{id}` loses one.
`POST /_sim/files/{application}` (`{"kind", "name", "base64"}`) adds a file to the application's list of that name, or
as its `outcome_file`. `POST /_sim/records` adds payments and subscriptions.
`PUT /_sim/webhook` (`{"url", "headers"}`) types the webhook in, `GET` shows each event with the answers to its tries.

Options:
    applications: how many there are at the start.
    token_life_s: of a login.
    updated_at: whether the filter works; else it matches nothing, as in some versions.
    subscriptions: whether the back office for them is on; else 403.

Faults, one request each, in order, by `POST /_sim/faults` with a JSON list; `DELETE` forgets, `GET` shows the rest:
    {"kind": "throttle", "retry_after": 3}    429
    {"kind": "error", "status": 500}          nothing accepted
    {"kind": "delay", "seconds": 0.5}         then as usual
    {"kind": "drop"}                          the connection is cut, nothing accepted
    {"kind": "stored"}                        accepted, and 500 all the same
    {"kind": "cut"}                           accepted, then the connection is cut
    {"kind": "hang", "seconds": 60}           accepted, then no answer
    {"kind": "expire"}                        every token has ended
`"on"` says which request: one that `Tenant` names, or `message` (a new one), the first of them.
"""

import base64
import hashlib
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from email.utils import formatdate
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from connectors.base.ledger import Ledger
from connectors.base.serving import LoopbackServer
from connectors.base.simulated_requests import is_json
from connectors.base.simulator_faults import KINDS, Cut, Kind, Script, WithTransport, no_answer

from . import simulator_model as model
from .simulator_archive import Archive
from .simulator_model import Refused, Tokens
from .simulator_webhooks import Webhook

_BASE = "/lang/api"
_USER, _PASSWORD, _WEBHOOK = "hub-api", "simulated-opencity-password", "simulated-opencity-webhook"

Handler = Callable[[Request], Awaitable[Response]]


class Tenant:
    """The state and the routes; the options are the module's."""

    def __init__(
        self,
        ledger: Path,
        *,
        applications: int = 3,
        token_life_s: float = 3600.0,
        updated_at: bool = True,
        subscriptions: bool = True,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.ledger = Ledger(ledger)
        self.now = now
        self.tokens = Tokens(token_life_s)
        self.updated_at, self.has_subscriptions = updated_at, subscriptions
        self.applications: dict[str, dict[str, Any]] = {}
        self.messages: list[dict[str, Any]] = [entry["message"] for entry in self.ledger.entries]
        self.payments: list[dict[str, Any]] = []
        self.files: dict[tuple[str, str], tuple[str, bytes]] = {}
        self.subscriptions: list[dict[str, Any]] = []
        self.webhook = Webhook()
        self.archive = Archive(now)
        self.faults = Script(
            *("message", "messages", "auth", "tenant", "applications", "application", "file", "payments"),
            *("subscriptions", "documents", "download", "users"),
            kinds={**KINDS, "stored": Kind(), "expire": Kind()},
        )
        self._numbers = count(1)
        for _ in range(applications):
            self.keep(model.application(next(self._numbers), now() - 60))

    def keep(self, record: dict[str, Any]) -> dict[str, Any]:
        """Store an application as changed now."""
        self.applications[record["id"]] = record | {"_updated": int(self.now())}
        return record

    def app(self) -> ASGIApp:
        api = [
            ("/auth", "POST", "auth", self.auth, False),
            ("/tenants/info", "GET", "tenant", self.tenant, False),
            ("/applications", "GET", "applications", self.listing, True),
            ("/applications/{id}", "GET", "application", self.one, True),
            ("/applications/{id}/messages", "GET", "messages", self.its_messages, True),
            ("/applications/{id}/messages", "POST", "message", self.new_message, True),
            ("/applications/{id}/messages/{message}", "GET", "messages", self.one_message, True),
            ("/applications/{id}/attachments/{file}", "GET", "file", self.its_file, True),
            ("/applications/{id}/messages/{message}/attachments/{file}", "GET", "file", self.message_file, True),
            ("/payments", "GET", "payments", self.its_payments, True),
            ("/subscriptions", "GET", "subscriptions", self.its_subscriptions, True),
            *self.archive.routes,
        ]
        routes = [
            Route(_BASE + path, partial(self.answer, on, handler, closed), methods=[method])
            for path, method, on, handler, closed in api
        ]
        routes += [
            self.faults.route,
            Route("/_sim/applications", self.change, methods=["POST"]),
            Route("/_sim/applications/{id}", self.lose, methods=["DELETE"]),
            Route("/_sim/messages/{id}", self.operator_writes, methods=["POST"]),
            Route("/_sim/files/{id}", self.add_file, methods=["POST"]),
            Route("/_sim/records", self.add, methods=["POST"]),
            Route("/_sim/documents", self.archive.add, methods=["POST"]),
            Route("/_sim/webhook", self.type_in, methods=["GET", "PUT"]),
        ]
        return WithTransport(Starlette(routes=routes))

    async def answer(self, on: str, handler: Handler, closed: bool, request: Request) -> Response:
        """What comes of a request, with the next fault for its kind."""
        fault = await self.faults.next_after_delay(on)
        match fault.get("kind"):
            case "drop":
                return Cut()
            case "throttle":
                return JSONResponse(["Too many requests"], 429, {"Retry-After": str(fault.get("retry_after", 1))})
            case "error":
                body = {"type": "error", "title": "There was an error", "description": "contact support"}
                return JSONResponse(body, int(fault.get("status", 500)))
            case "expire":
                self.tokens.forget()
        try:
            if closed:
                self._authorise(request)
            answer = await handler(request)
        except Refused as refused:
            return JSONResponse(refused.body, refused.status)
        answer.headers["Date"] = formatdate(self.now(), usegmt=True)
        if fault.get("kind") == "stored":
            return JSONResponse({"type": "error", "title": "x", "description": "contact support"}, 500)
        return no_answer(fault) or answer

    async def auth(self, request: Request) -> Response:
        given = await _json(request)
        if given != {"username": _USER, "password": _PASSWORD}:
            return JSONResponse({"code": 401, "message": "Invalid credentials."}, 401)
        return JSONResponse({"token": self.tokens.issue(self.now())})

    async def tenant(self, request: Request) -> Response:
        return JSONResponse({"id": model.TENANT, "name": "Comune di Valdilago", "meta": ["{}"], "io_enabled": True})

    async def listing(self, request: Request) -> Response:
        query = dict(request.query_params)
        found, offset, limit = model.page(list(self.applications.values()), query)
        if not self.updated_at and any(name.startswith("updatedAt") for name in query):
            found = []
        version = _version(request)
        data = [model.shown(each, version) for each in found[offset : offset + limit]]
        parameter = {"offset": offset, "limit": limit, "version": int(version)}
        link = f"{request.url.replace(query='')}?limit={limit}&version={version}&offset="
        more = offset + limit < len(found)
        links = {
            "self": f"{link}{offset}",
            "prev": f"{link}{offset - limit}" if offset else None,
            "next": f"{link}{offset + limit}" if more else None,
        }
        # As a string, which some versions give.
        return JSONResponse({"meta": {"count": str(len(found)), "parameter": parameter}, "links": links, "data": data})

    async def one(self, request: Request) -> Response:
        return JSONResponse(model.shown(self._application(request), _version(request)))

    async def its_messages(self, request: Request) -> Response:
        name = self._application(request)["id"]
        return JSONResponse(
            [each for each in self.messages if each["application"] == name and each["visibility"] != "internal"]
        )

    async def one_message(self, request: Request) -> Response:
        return JSONResponse(self._message(request))

    async def new_message(self, request: Request) -> Response:
        return JSONResponse(self._write(self._application(request)["id"], await _json(request)), 201)

    async def its_file(self, request: Request) -> Response:
        """The bytes; neither their type nor a digest is told."""
        application, name = self._application(request)["id"], request.path_params["file"]
        found = self.files.get((application, name))
        if found is None or (request.path_params.get("message") is None and self._is_attached(application, name)):
            raise Refused(404, ["Attachment not found"])
        name, content = found
        headers = {"Content-Disposition": f"attachment; filename*=utf-8''{quote(name)}"}
        return Response(content, media_type="application/octet-stream", headers=headers)

    async def message_file(self, request: Request) -> Response:
        """The bytes of what is attached to a message, at that message alone."""
        if request.path_params["file"] not in [each["id"] for each in self._message(request)["attachments"]]:
            raise Refused(404, ["Attachment not found"])
        return await self.its_file(request)

    async def its_payments(self, request: Request) -> Response:
        wanted = request.query_params.get("remote_id")
        found = [each for each in self.payments if wanted is None or each["remote_id"] == wanted]
        return JSONResponse(found) if found else JSONResponse(["Payments not found"], 404)

    async def its_subscriptions(self, request: Request) -> Response:
        if _version(request) != "2":
            raise Refused(404, ["Not found"])
        if not self.has_subscriptions:
            raise Refused(403, ["You are not allowed to see subscriptions"])
        state = request.query_params.get("subscriptionServiceStatus", "1")
        return JSONResponse([model.public(each) for each in self.subscriptions if each["_service_status"] == state])

    async def change(self, request: Request) -> Response:
        given = await request.json()
        now = self.now()
        known = self.applications.get(given.get("id", ""))
        record = known or model.application(next(self._numbers), now)
        if known and given.get("status") not in (None, known["status"]):
            given |= model.status_changed(now)
        kept = self.keep(record | given)
        self.webhook.tell(lambda: model.shown(self.applications[kept["id"]], "2"))
        return JSONResponse(model.shown(kept, "2"), 201)

    async def lose(self, request: Request) -> Response:
        del self.applications[request.path_params["id"]]
        return Response(status_code=204)

    async def operator_writes(self, request: Request) -> Response:
        return JSONResponse(self._write(request.path_params["id"], await request.json()), 201)

    async def add(self, request: Request) -> Response:
        """Payments and subscriptions, as they are; of a subscription `_service_status` is that of its service."""
        given = await request.json()
        self.payments += given.get("payments", [])
        self.subscriptions += given.get("subscriptions", [])
        return Response(status_code=204)

    async def add_file(self, request: Request) -> Response:
        given, record = await request.json(), self.applications[request.path_params["id"]]
        now = self.now()
        made = model.file(given["name"], record["id"], model.name_of(next(self._numbers), 2), now)
        self.files[record["id"], made["id"]] = given["name"], base64.b64decode(given["base64"])
        kind = given["kind"]
        if kind == "messages":
            # Sent to the application's newest message. In its address stands the message where the application belongs.
            message = [each for each in self.messages if each["application"] == record["id"]][-1]
            made["url"] = made["url"].replace(record["id"], message["id"])
            message["attachments"].append(made)
            return JSONResponse(made, 201)
        its = {kind: made if kind == "outcome_file" else [*record[kind], made]}
        self.keep(record | its | model.status_changed(now))
        return JSONResponse(made, 201)

    async def type_in(self, request: Request) -> Response:
        if request.method == "PUT":
            given = await request.json()
            self.webhook.url, self.webhook.headers = given["url"], given.get("headers", {})
        events = [{"event_id": each.event_id, "answers": each.answers} for each in self.webhook.events]
        return JSONResponse({"url": self.webhook.url, "events": events})

    def _write(self, application: str, body: Any) -> dict[str, Any]:
        now = self.now()
        made = model.message(body, application, model.name_of(len(self.messages) + 1, 1), now)
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        entry = {"at": model.iso(now), "message_id": made["id"], "application": application, "sha256": digest}
        self.ledger.append(entry | {"message": made})
        self.messages.append(made)
        self.webhook.tell(lambda: made)
        return made

    def _is_attached(self, application: str, name: str) -> bool:
        its = (each["attachments"] for each in self.messages if each["application"] == application)
        return any(one["id"] == name for attached in its for one in attached)

    def _application(self, request: Request) -> dict[str, Any]:
        name = request.path_params["id"]
        if not model.UUID.fullmatch(name):
            raise Refused(400, ["Identifier conversion error"])
        if name not in self.applications:
            raise Refused(404, ["Application not found"])
        return self.applications[name]

    def _message(self, request: Request) -> dict[str, Any]:
        name, wanted = self._application(request)["id"], request.path_params["message"]
        found = [each for each in self.messages if (each["application"], each["id"]) == (name, wanted)]
        if not found:
            raise Refused(404, ["Message not found"])
        return found[0]

    def _authorise(self, request: Request) -> None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or not self.tokens.holds(token, self.now()):
            message = "Expired JWT Token" if token else "JWT Token not found"
            raise Refused(401, {"code": 401, "message": message})


async def _json(request: Request) -> Any:
    if not is_json(request):
        raise Refused(400, {"type": "error", "title": "There was an error", "description": "Invalid content type"})
    try:
        return await request.json()
    except ValueError:
        raise Refused(400, {"type": "error", "title": "There was an error", "description": "Invalid json"}) from None


def _version(request: Request) -> str:
    return request.query_params.get("version") or request.headers.get("x-accept-version") or "1"


class OpenCity:
    """The simulated tenant on a loopback port."""

    def __init__(self, folder: Path, *, port: int = 0, **options: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.tenant = Tenant(folder / "opencity.jsonl", **options)
        self._server = LoopbackServer(self.tenant.app(), port=port, date_header=False)

    def start(self) -> Mapping[str, Any]:
        self._server.start()
        return {
            "base_url": self._server.url + _BASE,
            "private_hosts": ["127.0.0.1"],
            "username": _USER,
            "password": _PASSWORD,
            "webhook_secret": _WEBHOOK,
            "vendor_id": "opencity",
        }

    def stop(self) -> None:
        self._server.stop()


def simulate(folder: Path, **options: Any) -> OpenCity:
    """See `connectors.registry.simulate`."""
    return OpenCity(folder, **options)
