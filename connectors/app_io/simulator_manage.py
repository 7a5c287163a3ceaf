"""The simulated IO's administration: services with their life cycle and keys, configurations of remote content.

Written from `spec/app-io.md` and IO's descriptions, and not from `managing.py`. Each change is a line of the ledger's
neighbour `<ledger>.manage.jsonl`, so that a restart forgets nothing; a key that was made anew is good at once, and the
one before no more.
"""

import secrets
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.base.ledger import Ledger
from contracts.base import rfc3339

from .simulator_model import Closed, FiscalCode, NonEmpty, parse, problem, refused_key, ulid

_MANAGE = "/api/v1/manage/services"
_REMOTE = "/api/v1/messages-sending/remote-contents/configurations"


class Organization(Closed):
    name: NonEmpty
    fiscal_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{11}$")]
    department_name: NonEmpty | None = None


class Metadata(Closed):
    scope: Literal["NATIONAL", "LOCAL"]
    topic_id: int
    web_url: NonEmpty | None = None
    app_ios: NonEmpty | None = None
    app_android: NonEmpty | None = None
    tos_url: NonEmpty | None = None
    privacy_url: NonEmpty | None = None
    address: NonEmpty | None = None
    phone: NonEmpty | None = None
    email: NonEmpty | None = None
    pec: NonEmpty | None = None
    cta: NonEmpty | None = None
    token_name: NonEmpty | None = None
    support_url: NonEmpty | None = None


class ServicePayload(Closed):
    name: NonEmpty
    description: NonEmpty
    organization: Organization
    metadata: Metadata
    require_secure_channel: bool = False
    authorized_recipients: list[FiscalCode] = Field(default_factory=list)
    authorized_cidrs: list[NonEmpty] = Field(default_factory=list)
    max_allowed_payment_amount: Annotated[int, Field(ge=0, le=9_999_999_999)] = 0


class ReviewRequest(Closed):
    auto_publish: bool


class Authentication(Closed):
    header_key_name: NonEmpty
    key: NonEmpty
    type: NonEmpty


class Environment(Closed):
    base_url: NonEmpty
    details_authentication: Authentication


class TestEnvironment(Environment):
    test_users: list[FiscalCode]


class RemoteContentConfiguration(Closed):
    name: NonEmpty
    description: NonEmpty
    has_precondition: Literal["ALWAYS", "ONCE", "NEVER"]
    disable_lollipop_for: list[FiscalCode]
    is_lollipop_enabled: bool
    test_environment: TestEnvironment | None = None
    prod_environment: Environment | None = None


class Administration(Ledger):
    """What a `manage` key may do."""

    def __init__(self, ledger: Path, manage_keys: Collection[str] | None) -> None:
        self._keys = manage_keys
        self.services: dict[str, dict[str, Any]] = {}
        self.service_keys: dict[str, dict[str, str]] = {}
        self.configurations: dict[str, dict[str, Any]] = {}
        super().__init__(ledger.with_suffix(ledger.suffix + ".manage.jsonl"))

    def routes(self) -> list[Route]:
        one = f"{_MANAGE}/{{service_id}}"
        return [
            Route(_MANAGE, self._services, methods=["GET", "POST"]),
            Route(f"{_MANAGE}/topics", self._topics, methods=["GET"]),
            Route(one, self._service, methods=["GET", "PUT", "DELETE"]),
            Route(f"{one}/keys", self._service_keys, methods=["GET"]),
            Route(f"{one}/keys/{{which}}", self._renew, methods=["PUT"]),
            Route(f"{one}/review", self._review, methods=["PUT"]),
            Route(f"{one}/release", self._release, methods=["POST", "DELETE"]),
            Route(_REMOTE, self._configure, methods=["GET", "POST"]),
            Route(f"{_REMOTE}/{{configuration_id}}", self._configuration, methods=["GET", "PUT"]),
        ]

    def _put(self, kind: str, name: str, value: Any) -> None:
        self.append({"kind": kind, "id": name, "value": value})

    def take(self, entry: dict[str, Any]) -> None:
        getattr(self, entry["kind"])[entry["id"]] = entry["value"]

    def _refused(self, request: Request) -> Response | None:
        return refused_key(request, self._keys)

    async def _services(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        if request.method == "GET":
            limit, offset = int(request.query_params.get("limit", 20)), int(request.query_params.get("offset", 0))
            if not 1 <= limit <= 100 or offset < 0:
                return problem(400, "Bad Request", "limit and offset")
            shown = list(self.services.values())[offset : offset + limit]
            page = {"offset": offset, "limit": limit, "count": len(shown)}
            return JSONResponse({"value": shown, "pagination": page})
        payload = await parse(request, ServicePayload)
        if isinstance(payload, Response):
            return payload
        name = ulid()
        self._put("service_keys", name, {"primary_key": secrets.token_hex(16), "secondary_key": secrets.token_hex(16)})
        self._put("services", name, _draft(name, payload))
        return JSONResponse(self.services[name], 201)

    async def _topics(self, request: Request) -> Response:
        return self._refused(request) or JSONResponse({"topics": [{"id": 3, "name": "Benessere sociale"}]})

    async def _service(self, request: Request) -> Response:
        name = request.path_params["service_id"]
        if refused := self._refused(request) or self._unknown(name):
            return refused
        if request.method == "GET":
            return JSONResponse(self.services[name])
        if request.method == "DELETE":
            self._put("services", name, self.services[name] | {"status": {"value": "deleted"}})
            return Response(status_code=204)
        payload = await parse(request, ServicePayload)
        if isinstance(payload, Response):
            return payload
        if self._state(name) in ("submitted", "deleted"):
            return problem(409, "Conflict", "The service cannot be changed in its status.")
        self._put("services", name, _draft(name, payload))
        return JSONResponse(self.services[name])

    async def _service_keys(self, request: Request) -> Response:
        name = request.path_params["service_id"]
        return self._refused(request) or self._unknown(name) or JSONResponse(self.service_keys[name])

    async def _renew(self, request: Request) -> Response:
        name, which = request.path_params["service_id"], request.path_params["which"]
        if refused := self._refused(request) or self._unknown(name):
            return refused
        if which not in ("primary", "secondary"):
            return problem(400, "Bad Request", "primary or secondary")
        self._put("service_keys", name, self.service_keys[name] | {f"{which}_key": secrets.token_hex(16)})
        return JSONResponse(self.service_keys[name])

    async def _review(self, request: Request) -> Response:
        name = request.path_params["service_id"]
        if refused := self._refused(request) or self._unknown(name):
            return refused
        wish = await parse(request, ReviewRequest)
        if isinstance(wish, Response):
            return wish
        if self._state(name) != "draft":
            return problem(409, "Conflict", "The service is no draft.")
        # The simulated reviewers are quick, and never mind.
        self._put("services", name, self.services[name] | {"status": {"value": "approved"}})
        return Response(status_code=204)

    async def _release(self, request: Request) -> Response:
        name = request.path_params["service_id"]
        if refused := self._refused(request) or self._unknown(name):
            return refused
        if request.method == "POST" and self._state(name) != "approved":
            return problem(409, "Conflict", "The service is not approved.")
        return Response(status_code=204)

    async def _configure(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        if request.method == "GET":
            return JSONResponse({"rcConfigList": [each | {"user_id": "u"} for each in self.configurations.values()]})
        wanted = await parse(request, RemoteContentConfiguration)
        if isinstance(wanted, Response):
            return wanted
        name = ulid()
        self._put("configurations", name, wanted.model_dump(exclude_none=True) | {"configuration_id": name})
        return JSONResponse(self.configurations[name], 201)

    async def _configuration(self, request: Request) -> Response:
        name = request.path_params["configuration_id"]
        if refused := self._refused(request):
            return refused
        if name not in self.configurations:
            return problem(404, "Not Found", "There is no such configuration.")
        if request.method == "GET":
            return JSONResponse(self.configurations[name] | {"user_id": "u"})
        wanted = await parse(request, RemoteContentConfiguration)
        if isinstance(wanted, Response):
            return wanted
        self._put("configurations", name, wanted.model_dump(exclude_none=True) | {"configuration_id": name})
        return Response(status_code=204)

    def _unknown(self, name: str) -> Response | None:
        return None if name in self.services else problem(404, "Not Found", "There is no such service.")

    def _state(self, name: str) -> str:
        return str(self.services[name]["status"]["value"])


def _draft(name: str, payload: ServicePayload) -> dict[str, Any]:
    """A service just described, as its owner is shown it: the topic with its name in the place of its number."""
    shown = payload.model_dump(exclude_none=True)
    topic = shown["metadata"].pop("topic_id")
    shown["metadata"]["topic"] = {"id": topic, "name": "Benessere sociale"}
    return shown | {"id": name, "status": {"value": "draft"}, "last_update": rfc3339(datetime.now(UTC))}
