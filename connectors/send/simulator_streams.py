"""The streams of the simulated SEND (v2.9): events in order, gone once their reader has named a later one."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .simulator_model import NewStream, moment, parse, problem

_MOST_STREAMS = 10


class Streams:
    """In memory: `page` events in an answer, `idle_ms` to wait where all were given."""

    def __init__(self, page: int, idle_ms: int) -> None:
        self.page, self.idle_ms = page, idle_ms
        self.known: dict[str, dict[str, Any]] = {}
        self.acknowledged: dict[str, str] = {}
        """By stream, the last event that its reader named."""

    def forget(self) -> None:
        """All streams are gone."""
        self.known.clear()

    def tell(self, entry: dict[str, Any], elements: Sequence[dict[str, Any]], status: str | None = None) -> None:
        """Put what happened to a notification into every stream: into one of kind STATUS only a change of its status,
        with the element that made it."""
        for stream in self.known.values():
            fine = stream["shown"]["eventType"] == "TIMELINE"
            if not _is_enabled(stream) or not (fine or status):
                continue
            for place, element in enumerate(elements if fine else elements[:1]):
                event = {
                    "eventId": f"{stream['next']:038d}",
                    "notificationRequestId": entry["notificationRequestId"],
                    "iun": entry["iun"],
                    "element": element,
                }
                stream["events"].append(event | ({"newStatus": status} if status and place == 0 else {}))
                stream["next"] += 1

    async def all(self, _: Request) -> Response:
        shown = [each["shown"] for each in self.known.values()]
        return JSONResponse([{name: one[name] for name in ("streamId", "title")} for one in shown])

    async def new(self, request: Request) -> Response:
        wanted = await parse(request, NewStream)
        if isinstance(wanted, Response):
            return wanted
        if sum(map(_is_enabled, self.known.values())) >= _MOST_STREAMS:
            return problem(400, "PN_STREAM_TOOMANYSTREAMS")
        name, following = str(uuid.uuid4()), 1
        if wanted.replaced_stream_id is not None:
            before = self.known.get(wanted.replaced_stream_id)
            if before is None:
                return problem(404, "PN_STREAM_NOT_FOUND")
            before["shown"]["disabledDate"], following = moment(), before["next"] + 1000
        shown = wanted.model_dump(by_alias=True, exclude_none=True, exclude={"replaced_stream_id"}) | {
            "streamId": name,
            "activationDate": moment(),
            "version": "v29",
        }
        self.known[name] = {"shown": shown, "events": [], "next": following}
        return JSONResponse(shown)

    async def one(self, request: Request) -> Response:
        stream = self.known.get(request.path_params["stream_id"])
        if stream is None:
            return problem(404, "PN_STREAM_NOT_FOUND")
        return JSONResponse(stream["shown"])

    async def read(self, request: Request) -> Response:
        name = request.path_params["stream_id"]
        stream = self.known.get(name)
        if stream is None:
            return problem(404, "PN_STREAM_NOT_FOUND")
        last = request.query_params.get("lastEventId")
        if last is not None:
            if len(last) != 38 or not last.isdecimal():
                return problem(400, "PN_GENERIC_INVALIDPARAMETER", "lastEventId")
            # Whoever names it has kept it, and all before: they are gone.
            self.acknowledged[name] = last
            stream["events"] = [each for each in stream["events"] if each["eventId"] > last]
        page, rest = stream["events"][: self.page], stream["events"][self.page :]
        return JSONResponse(page, headers={"retry-after": "0" if rest else str(self.idle_ms)})


def _is_enabled(stream: Mapping[str, Any]) -> bool:
    return "disabledDate" not in stream["shown"]
