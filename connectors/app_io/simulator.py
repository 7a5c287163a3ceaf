"""App IO as its description has it, for the demo, the flows and the fault tests: strict, scriptable, with a ledger.

    app = simulator(Path("io.jsonl"), registered={"RSSMRA80A01H501U"}, throttle_next=2)

It serves `/api/v1/profiles`, `/api/v1/messages` and `/api/v1/messages/{fiscal_code}/{id}`; services, keys and remote
content are administered in `simulator_manage`, the app and LolliPoP are played in `simulator_backend`. Each accepted
message is a line of the ledger, on the disk before the answer leaves: `{"at", "message_id", "fiscal_code", "sha256",
"message"}`. An existing ledger is read at the start, so that a restarted simulator still knows its messages.

Options:
    api_keys: the keys it takes; None: any.
    registered: the tax codes that are on IO; None: all.
    not_allowed: those who switched this service off (`sender_allowed` false).
    max_allowed_payment_amount: euro cents. A new service at IO has 0; here payments work unless told otherwise.
    status_polls: how many questions are answered ACCEPTED before the final status.
    outcomes: final status by tax code, for those who do not get PROCESSED.
    organization_fiscal_code: the service's body, put in as payee.
    advanced, remote_content: whether the service may send ADVANCED messages, and such with third-party data.
    manage_keys: the keys for administration; None: any.
    throttle_next, hang_next: shorthand for so many faults of that kind on POST /messages.

Faults, one request each, in order, by `POST /_sim/faults` with a JSON list; `DELETE` forgets, `GET` shows the rest:
    {"kind": "throttle", "retry_after": 3}    429 of the gateway; without retry_after the number is in the text only
    {"kind": "error", "status": 500}          nothing accepted; 401 and 403 in the forms they really have
    {"kind": "delay", "seconds": 0.5}         then as usual
    {"kind": "drop"}                          the connection is cut, nothing accepted
    {"kind": "cut"}                           accepted, then the connection is cut
    {"kind": "hang", "seconds": 60}           accepted, then no answer until the caller goes or the time is over
`"on"` says which request: "profiles", "messages" (a new one; the default) or "status".
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from connectors.base.serving import LoopbackServer
from connectors.base.simulator_faults import Script, WithTransport, no_answer, refusal

from .simulator_backend import Backend
from .simulator_manage import Administration
from .simulator_model import (
    GATEWAY,
    Messages,
    NewMessage,
    Profile,
    gateway_error,
    parse,
    problem,
    refused_key,
    shape_of_fiscal_code,
)

_BASE = "/api/v1"
_TITLES = {400: "Bad Request", 403: "Forbidden", 404: "Not Found", 500: "Internal Server Error"}


def simulator(
    ledger: Path,
    *,
    api_keys: Collection[str] | None = None,
    registered: Collection[str] | None = None,
    not_allowed: Collection[str] = (),
    max_allowed_payment_amount: int = 9_999_999_999,
    status_polls: int = 1,
    outcomes: Mapping[str, str] | None = None,
    organization_fiscal_code: str = "00000000000",
    advanced: bool = False,
    remote_content: bool = False,
    manage_keys: Collection[str] | None = None,
    throttle_next: int = 0,
    hang_next: int = 0,
) -> ASGIApp:
    """The ASGI application; the options are the module's."""
    service = _Io(
        ledger=Messages(ledger),
        api_keys=api_keys,
        registered=registered,
        not_allowed=not_allowed,
        max_amount=max_allowed_payment_amount,
        status_polls=status_polls,
        outcomes=outcomes or {},
        organization=organization_fiscal_code,
        allowed={"ADVANCED": advanced, "remote content": remote_content},
        administration=Administration(ledger, manage_keys),
    )
    service.faults.left.extend(
        [{"kind": "throttle", "retry_after": 1}] * throttle_next + [{"kind": "hang"}] * hang_next
    )
    return WithTransport(Starlette(routes=service.routes()))


class _Io:
    def __init__(
        self,
        *,
        ledger: Messages,
        api_keys: Collection[str] | None,
        registered: Collection[str] | None,
        not_allowed: Collection[str],
        max_amount: int,
        status_polls: int,
        outcomes: Mapping[str, str],
        organization: str,
        allowed: Mapping[str, bool],
        administration: Administration,
    ) -> None:
        self.ledger = ledger
        self.api_keys = api_keys
        self.registered = registered
        self.not_allowed = not_allowed
        self.max_amount = max_amount
        self.status_polls = status_polls
        self.outcomes = outcomes
        self.organization = organization
        self.allowed = allowed
        self.administration = administration
        self.backend = Backend(ledger.messages, administration.configurations)
        self.faults = Script("messages", "profiles", "status")
        self._polls: dict[str, int] = {}

    def routes(self) -> list[Route]:
        return [
            Route(f"{_BASE}/profiles", self.profile, methods=["POST"]),
            Route(f"{_BASE}/messages", self.new_message, methods=["POST"]),
            Route(f"{_BASE}/messages/{{fiscal_code}}/{{message_id}}", self.status, methods=["GET"]),
            self.faults.route,
            *self.administration.routes(),
            *self.backend.routes(),
        ]

    async def profile(self, request: Request) -> Response:
        fault = await self.faults.next_after_delay("profiles")
        if refused := self._refused(request, fault):
            return refused
        asked = await parse(request, Profile)
        if isinstance(asked, Response):
            return asked
        if not self._known(asked.fiscal_code):
            return problem(404, "Profile not found", "The profile you requested was not found in the system.")
        allowed = asked.fiscal_code not in self.not_allowed
        return JSONResponse({"sender_allowed": allowed, "preferred_languages": ["it_IT"]})

    async def new_message(self, request: Request) -> Response:
        fault = await self.faults.next_after_delay("messages")
        if refused := self._refused(request, fault):
            return refused
        message = await parse(request, NewMessage)
        if isinstance(message, Response):
            return message
        if forbidden := self._forbidden(message):
            return forbidden
        stored = self.ledger.add(message.fiscal_code, await request.body())
        if silence := no_answer(fault):
            return silence
        location = f"{_BASE}/messages/{message.fiscal_code}/{stored['message_id']}"
        return JSONResponse({"id": stored["message_id"]}, 201, {"Location": location})

    async def status(self, request: Request) -> Response:
        fault = await self.faults.next_after_delay("status")
        if refused := self._refused(request, fault):
            return refused
        fiscal_code, message_id = request.path_params["fiscal_code"], request.path_params["message_id"]
        if not shape_of_fiscal_code(fiscal_code):
            return problem(400, "Invalid FiscalCode", "The fiscal code in the path is not one.")
        stored = self.ledger.messages.get(message_id)
        if stored is None or stored["fiscal_code"] != fiscal_code:
            return problem(404, "Message not found", "The message that you requested was not found in the system.")
        self._polls[message_id] = asked = self._polls.get(message_id, 0) + 1
        default = "PROCESSED" if self._known(fiscal_code) else "REJECTED"
        final = self.outcomes.get(fiscal_code, default)
        status = "ACCEPTED" if asked <= self.status_polls else final
        answer = {"message": self.ledger.public(stored, self.organization), "status": status}
        if status == "PROCESSED":
            answer["notification"] = {"email": "SENT", "webhook": "SENT"}
            answer |= self.backend.told_of(stored)
        return JSONResponse(answer)

    def _refused(self, request: Request, fault: dict[str, Any]) -> Response | None:
        """What the gateway, or a fault, answers before IO looks at the body."""
        return refusal(fault, _error) or refused_key(request, self.api_keys)

    def _known(self, fiscal_code: str) -> bool:
        return self.registered is None or fiscal_code in self.registered

    def _forbidden(self, message: NewMessage) -> Response | None:
        payment = message.content.payment_data
        if payment is not None and payment.amount > self.max_amount:
            return problem(400, "Bad Request", "Error while sending payment metadata")
        if payment is not None and payment.payee is not None:
            return problem(403, "Forbidden", "not enough permissions to send a payment message with payee")
        remote = message.content.third_party_data
        wanted = {"ADVANCED": message.feature_level_type == "ADVANCED", "remote content": remote is not None}
        lacking = [feature for feature, is_wanted in wanted.items() if is_wanted and not self.allowed[feature]]
        foreign = remote is not None and remote.configuration_id not in (None, *self.administration.configurations)
        if lacking or foreign or message.default_addresses is not None:
            return problem(403, "Forbidden", "You are not allowed to use this feature.")
        return None


def _error(status: int) -> Response:
    if status in GATEWAY:
        return gateway_error(status)
    return problem(status, _TITLES.get(status, "Error"), "Scripted.")


class Io:
    """The simulated App IO on a loopback port. Options are those of `simulator`."""

    def __init__(self, folder: Path, *, port: int = 0, **options: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._key = "simulated-io-key"
        app = simulator(folder / "app_io.jsonl", **{"api_keys": {self._key}} | options)
        self._server = LoopbackServer(app, port=port)

    def start(self) -> Mapping[str, Any]:
        self._server.start()
        return {"base_url": f"{self._server.url}/api/v1", "api_key": self._key, "status_delay_s": 1.0}

    def stop(self) -> None:
        self._server.stop()


def simulate(folder: Path, **options: Any) -> Io:
    """See `connectors.registry.simulate`."""
    return Io(folder, **options)
