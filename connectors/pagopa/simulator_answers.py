"""What all services of the simulated platform answer alike: the gateway's refusals, problems, the parsing of bodies."""

from collections.abc import Collection
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from connectors.base.simulated_requests import bears_key, is_json
from connectors.base.simulator_faults import Handler

from .simulator_forms import Broken

_GATEWAY = {
    401: "Access denied due to missing or invalid subscription key.",
    403: "You are not allowed to access this resource.",
}
_TITLES = {400: "Bad Request", 404: "Not Found", 409: "Conflict", 422: "Unprocessable", 500: "Internal Server Error"}
_M = TypeVar("_M", bound=BaseModel)


def problem(status: int, detail: str) -> JSONResponse:
    """GPD's own error form (the gateway's is another)."""
    body = {"title": _TITLES.get(status, "Error"), "status": status, "detail": detail}
    return JSONResponse(body, status, {}, "application/problem+json")


def error(status: int) -> Response:
    """An error that is nobody's fault but the script's."""
    if status in _GATEWAY:
        return JSONResponse({"statusCode": status, "message": _GATEWAY[status]}, status)
    return problem(status, "Scripted.")


class Gate:
    """The platform's gateway: whose key it is, and what it may do; and the form in which services behind it refuse."""

    def __init__(
        self,
        api_keys: Collection[str] | None,
        organizations: Collection[str] | None,
        segregation_codes: Collection[int] | None,
    ) -> None:
        self._keys, self._organizations, self.segregation_codes = api_keys, organizations, segregation_codes

    def _refuses(self, request: Request) -> Response | None:
        """The answer to a call without a key, or for an organization that it is not for."""
        if not bears_key(request, self._keys):
            return error(401)
        organization = request.path_params.get("organization")
        if self._organizations is not None and organization not in (None, *self._organizations):
            return error(403)
        return None

    def before(self, handler: Handler) -> Handler:
        """A service's handler, behind it. What that raises as Broken becomes a problem, and a 403 the gateway's own."""

        async def judged(request: Request) -> Response:
            try:
                return self._refuses(request) or await handler(request)
            except Broken as broken:
                return error(403) if broken.status == 403 else problem(broken.status, broken.detail)

        return judged


async def parsed(request: Request, model: type[_M]) -> _M:
    """The body as `model`. Raises Broken: the 400 of the service, which repeats no value."""
    if not is_json(request):
        raise Broken(400, "The content type is not application/json.")
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as wrong:
        places = ("/".join(str(part) for part in found["loc"]) + f": {found['type']}" for found in wrong.errors())
        raise Broken(400, "; ".join(places)) from None
