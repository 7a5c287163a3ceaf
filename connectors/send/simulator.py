"""SEND as its description has it, for the tour, the flows and the tests: strict, scriptable, with a ledger.

It serves preload, the object store's uploads, requests and their status (v2.6), sent notifications (v2.9) and their
papers, prices (v2.3) and payments made elsewhere, cancellation, and streams (v2.9). Each request taken is a line of the
ledger, on the disk before the answer leaves, and another line for each change of it: `{"at", "notificationRequestId",
"pair", "status", "iun", "state", "request", ...}`. A ledger that is there is read at the start. Uploads and streams
are in memory alone.

Options:
    api_keys: the keys it takes; None: any.
    sender_tax_code: of the organisation that the key belongs to.
    vouchers: whether a call needs `Authorization: Bearer` as well.
    waiting_polls: how many questions are answered WAITING before a request is judged.
    refusals: codes by tax code of the recipient: each request for it takes one, until none is left.
    most_documents: of one request.
    archived: how often a paper asked for is still in the archive.
    page: events in one answer of a stream. idle_ms: its `retry-after` where nothing waits.

`POST /_sim/advance` with `{"iun", "status"}` moves a notification on, and tells the streams. Faults, one call each, in
order, by `POST /_sim/faults` with a JSON list; `DELETE` forgets, `GET` shows the rest:
    {"kind": "throttle", "retry_after": 3}    429; nothing done (of a stream in milliseconds)
    {"kind": "error", "status": 500}          nothing done; 401 and 403 in the gateway's form
    {"kind": "delay", "seconds": 0.5}         then as usual
    {"kind": "drop"}                          the connection is cut, nothing done
    {"kind": "cut"}                           done, then the connection is cut
    {"kind": "hang", "seconds": 60}           done, then no answer until the caller goes or the time is over
    {"kind": "expired"}                       of "upload": 403, as of an address that is over
    {"kind": "dead_stream"}                   of "events": the stream is gone
`"on"` says which: "preload", "upload", "requests" (a new one; the default), "status", "sent", "facts", "paper",
"cancel", "streams", "events", "price", "paid".
"""

import hmac
import json
import secrets
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from connectors.base.serving import LoopbackServer
from connectors.base.simulator_faults import KINDS, Cut, Kind, Script, WithTransport, no_answer

from .simulator_model import (
    NewRequest,
    PreLoad,
    Requests,
    digest,
    gateway,
    is_form,
    moment,
    new_iun,
    new_request_id,
    parse,
    places,
    problem,
)
from .simulator_papers import Papers, made_of
from .simulator_payments import Payments
from .simulator_streams import Streams

_PRELOADS = TypeAdapter(list[PreLoad])
# Where a notification may go from where it stands; VIEWED may come in any phase of the delivery.
_NEXT: Mapping[str, Collection[str]] = {
    "ACCEPTED": {"DELIVERING", "VIEWED", "CANCELLED"},
    "DELIVERING": {"DELIVERED", "UNREACHABLE", "RETURNED_TO_SENDER", "VIEWED", "CANCELLED"},
    "DELIVERED": {"EFFECTIVE_DATE", "VIEWED", "CANCELLED"},
    "UNREACHABLE": {"EFFECTIVE_DATE", "VIEWED", "CANCELLED"},
    "EFFECTIVE_DATE": {"VIEWED", "CANCELLED"},
    "VIEWED": {"CANCELLED"},
}


class Platform:
    """The ASGI application; the options are the module's."""

    def __init__(
        self,
        ledger: Path,
        *,
        api_keys: Collection[str] | None = None,
        sender_tax_code: str = "00301970190",
        vouchers: bool = False,
        waiting_polls: int = 1,
        refusals: Mapping[str, list[str]] | None = None,
        most_documents: int = 3,
        archived: int = 1,
        page: int = 100,
        idle_ms: int = 1000,
    ) -> None:
        self.ledger = Requests(ledger)
        self.api_keys = api_keys
        self.sender_tax_code = sender_tax_code
        self.vouchers = vouchers
        self.waiting_polls = waiting_polls
        self.refusals = {code: list(found) for code, found in (refusals or {}).items()}
        self.most_documents = most_documents
        self.faults = Script(
            *("requests", "preload", "upload", "status", "sent", "facts", "paper"),
            *("cancel", "streams", "events", "price", "paid"),
            kinds={**KINDS, "expired": Kind(), "dead_stream": Kind()},
        )
        self.uploads: dict[str, dict[str, Any]] = {}
        self.streams = Streams(page, idle_ms)
        self.papers = Papers(self.ledger, archived)
        payments = Payments(self.ledger, self.streams)
        routes: list[tuple[str, str, str, Callable[[Request], Any]]] = [
            ("preload", "POST", "/delivery/attachments/preload", self.preload),
            ("requests", "POST", "/delivery/v2.6/requests", self.new_request),
            ("status", "GET", "/delivery/v2.6/requests", self.status),
            ("sent", "GET", "/delivery/v2.9/notifications/sent/{iun}", self.sent),
            ("facts", "GET", "/delivery-push/{iun}/download/legal-facts/{key}", self.papers.metadata),
            ("cancel", "PUT", "/delivery-push/v2.0/notifications/cancel/{iun}", self.cancel),
            ("price", "GET", "/delivery/v2.3/price/{creditor}/{notice}", payments.price),
            ("paid", "POST", "/delivery/events/payment/pagopa", payments.events),
            ("streams", "GET", "/delivery-progresses/v2.9/streams", self.streams.all),
            ("streams", "POST", "/delivery-progresses/v2.9/streams", self.streams.new),
            ("streams", "GET", "/delivery-progresses/v2.9/streams/{stream_id}", self.streams.one),
            ("events", "GET", "/delivery-progresses/v2.9/streams/{stream_id}/events", self.streams.read),
        ]
        guarded = [
            Route(path, self._guarded(name, handler), methods=[method]) for name, method, path, handler in routes
        ]
        uploads = Route("/_store/{key}", self._played("upload", self.upload), methods=["PUT", "POST"])
        paper = Route("/_papers/{key}", self._played("paper", self.papers.content), methods=["GET"])
        advance = Route("/_sim/advance", self.advance, methods=["POST"])
        self._app = WithTransport(Starlette(routes=[*guarded, uploads, paper, advance, self.faults.route]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    def _guarded(self, name: str, handler: Callable[[Request], Any]) -> Callable[[Request], Any]:
        async def checked(request: Request) -> Response:
            key = request.headers.get("x-api-key", "")
            if not key or (
                self.api_keys is not None
                and not any(hmac.compare_digest(key.encode(), known.encode()) for known in self.api_keys)
            ):
                return gateway(403, "Forbidden")
            if self.vouchers and not request.headers.get("authorization", "").startswith("Bearer "):
                return gateway(401, "Unauthorized")
            answer: Response = await handler(request)
            return answer

        return self._played(name, checked)

    def _played(self, name: str, handler: Callable[[Request], Any]) -> Callable[[Request], Any]:
        async def played(request: Request) -> Response:
            fault = await self.faults.next_after_delay(name)
            match fault.get("kind"):
                case "drop":
                    return Cut()
                case "throttle":
                    wait = str(fault.get("retry_after", 1))
                    return Response(status_code=429, headers={"retry-after": wait})
                case "error":
                    status = int(fault.get("status", 500))
                    return gateway(status, "Forbidden") if status in (401, 403) else problem(status, "PN_GENERIC_ERROR")
                case "expired":
                    return Response("<Error><Code>AccessDenied</Code></Error>", 403, media_type="application/xml")
                case "dead_stream":
                    self.streams.forget()
            answer: Response = await handler(request)
            return no_answer(fault) or answer

        return played

    async def preload(self, request: Request) -> Response:
        try:
            asked = _PRELOADS.validate_json(await request.body())
        except ValidationError as error:
            return problem(400, "PN_GENERIC_INVALIDPARAMETER", *places(error))
        if not 1 <= len(asked) <= 15:
            return problem(400, "PN_GENERIC_INVALIDPARAMETER", "size")
        given = []
        for each in asked:
            is_pdf = each.content_type == "application/pdf"
            kind, ending = ("PN_NOTIFICATION_ATTACHMENTS", "pdf") if is_pdf else ("PN_F24_META", "json")
            key = f"{kind}-{secrets.token_hex(16)}.{ending}"
            slot = {"secret": secrets.token_urlsafe(16), "sha256": each.sha256, "type": each.content_type}
            self.uploads[key] = slot | {"versions": {}}
            url = f"{request.url.scheme}://{request.url.netloc}/_store/{key}"
            given.append({"secret": slot["secret"], "httpMethod": "PUT", "url": url, "key": key})
            if each.preload_idx is not None:
                given[-1]["preloadIdx"] = each.preload_idx
        # Not in their order: they are to be told apart by preloadIdx.
        return JSONResponse(given[::-1])

    async def upload(self, request: Request) -> Response:
        slot = self.uploads.get(request.path_params["key"])
        headers, content = request.headers, await request.body()
        if slot is None or "x-api-key" in headers or "authorization" in headers:
            return Response(status_code=403)
        if request.method != "PUT" or headers.get("x-amz-meta-secret") != slot["secret"]:
            return Response(status_code=403)
        if headers.get("content-type") != slot["type"] or headers.get("trailer") != "x-amz-checksum-sha256":
            return Response(status_code=403)
        if headers.get("x-amz-checksum-sha256") != slot["sha256"] or digest(content) != slot["sha256"]:
            return Response(status_code=400)
        version = secrets.token_urlsafe(24)
        slot["versions"][version] = len(content)
        if slot["type"] == "application/json":
            slot["content"] = content
        return Response(status_code=200, headers={"x-amz-version-id": version})

    async def new_request(self, request: Request) -> Response:
        wanted = await parse(request, NewRequest)
        if isinstance(wanted, Response):
            return wanted
        if wanted.sender_tax_id != self.sender_tax_code:
            return problem(400, "PN_GENERIC_INVALIDPARAMETER", "senderTaxId")
        if len(wanted.documents) > self.most_documents:
            return problem(400, "PN_DELIVERY_TOO_MANY_ATTACHMENTS", "documents")
        pair = [wanted.pa_protocol_number, wanted.idempotence_token or ""]
        if self.ledger.by_pair(*pair) is not None:
            return problem(409, "PN_DELIVERY_DUPLICATED_REQUEST", "idempotenceToken")
        name = new_request_id()
        body = json.loads(await request.body())
        entry = {"at": moment(), "notificationRequestId": name, "pair": pair, "status": "WAITING", "request": body}
        self.ledger.append(entry)
        answer = {"notificationRequestId": name, "paProtocolNumber": pair[0]}
        return JSONResponse(answer | ({"idempotenceToken": pair[1]} if pair[1] else {}), 202)

    async def status(self, request: Request) -> Response:
        query = request.query_params
        by_id = query.get("notificationRequestId")
        if (by_id is None) is not ("paProtocolNumber" in query and "idempotenceToken" in query):
            return problem(400, "PN_GENERIC_INVALIDPARAMETER", "notificationRequestId")
        if by_id is not None:
            entry = self.ledger.requests.get(by_id)
        else:
            entry = self.ledger.by_pair(query["paProtocolNumber"], query["idempotenceToken"])
        if entry is None:
            return problem(404, "PN_DELIVERY_NOTIFICATION_NOT_FOUND")
        entry = self._judged(entry)
        shown = {name: entry[name] for name in ("notificationRequestId", "iun", "errors") if name in entry}
        shown |= entry["request"] | {"notificationRequestStatus": entry["status"]}
        return JSONResponse(shown | ({"retryAfter": 1} if entry["status"] == "WAITING" else {}))

    def _judged(self, entry: dict[str, Any]) -> dict[str, Any]:
        polls = entry.get("polls", 0)
        if entry["status"] != "WAITING":
            return entry
        if polls < self.waiting_polls:
            entry["polls"] = polls + 1  # in memory alone: a restarted platform lets one wait anew
            return entry
        found = self._errors(entry)
        if found:
            entry = entry | {"status": "REFUSED", "errors": [{"code": code, "element": "-"} for code in found]}
        else:
            iun = new_iun()
            entry = entry | {"status": "ACCEPTED", "iun": iun, "state": "ACCEPTED", "history": [["ACCEPTED", moment()]]}
        self.ledger.append(entry)
        if not found:
            self._tell(entry)
        return entry

    def _errors(self, entry: dict[str, Any]) -> list[str]:
        request = entry["request"]
        items = [each for one in request["recipients"] for each in one.get("payments", ())]
        forms = [each["f24"] for each in items if "f24" in each]
        for file in (*request["documents"], *(form["metadataAttachment"] for form in forms)):
            there = self.uploads.get(file["ref"]["key"])
            if there is None or file["ref"]["versionToken"] not in there["versions"]:
                return ["FILE_NOTFOUND"]
            if there["sha256"] != file["digests"]["sha256"] or there["type"] != file["contentType"]:
                return ["FILE_SHA_ERROR"]
        if not all(is_form(self.uploads[form["metadataAttachment"]["ref"]["key"]]["content"], form) for form in forms):
            return ["F24_METADATA_NOT_VALID"]
        scripted = self.refusals.get(request["recipients"][0]["taxId"])
        return [scripted.pop(0)] if scripted else []

    async def sent(self, request: Request) -> Response:
        entry = self.ledger.by_iun(request.path_params["iun"])
        if entry is None:
            return problem(404, "PN_DELIVERY_NOTIFICATION_NOT_FOUND")
        history = [
            {"status": status, "activeFrom": at, "relatedTimelineElements": []} for status, at in entry["history"]
        ]
        more = {
            "iun": entry["iun"],
            "sentAt": entry["at"],
            "timeline": self.papers.timeline(entry),
            "notificationStatusHistory": history,
        }
        return JSONResponse(entry["request"] | more | {"notificationStatus": entry["state"]})

    async def cancel(self, request: Request) -> Response:
        entry = self.ledger.by_iun(request.path_params["iun"])
        if entry is None:
            return problem(404, "PN_DELIVERYPUSH_NOTIFICATION_NOT_FOUND")
        if entry["state"] != "CANCELLED":
            self._move(entry, "CANCELLED")
        details = [{"code": "NOTIFICATION_CANCELLATION_ACCEPTED", "level": "INFO", "detail": "-"}]
        return JSONResponse({"status": "OK", "details": details}, 202)

    async def advance(self, request: Request) -> Response:
        wish = await request.json()
        entry = self.ledger.by_iun(wish["iun"])
        if entry is None or wish["status"] not in _NEXT.get(entry["state"], ()):
            return problem(409, "PN_SIMULATOR_NO_SUCH_STEP")
        self._move(entry, wish["status"])
        return Response(status_code=204)

    def _move(self, entry: dict[str, Any], status: str) -> None:
        moved = entry | {"state": status, "history": [*entry["history"], [status, moment()]]}
        self.ledger.append(moved)
        self._tell(moved)

    def _tell(self, entry: dict[str, Any]) -> None:
        """Tell the streams of the state that a notification came to last."""
        status, at = entry["history"][-1]
        self.streams.tell(entry, made_of(entry, status, at), status)


class Simulated:
    """The platform on a loopback port. Options are those of `Platform`."""

    def __init__(self, folder: Path, *, port: int = 0, **options: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._key = "simulated-send-key"
        self.platform = Platform(folder / "send.jsonl", api_keys={self._key}, **options)
        self._server = LoopbackServer(self.platform, port=port)

    def start(self) -> Mapping[str, Any]:
        self._server.start()
        return {
            "base_url": self._server.url,
            "api_key": self._key,
            "sender_tax_code": self.platform.sender_tax_code,
            "sender_name": "Comune simulato",
            "private_upload_hosts": ["127.0.0.1"],
            "status_poll_s": 1.0,
            "poll_every_s": 5.0,
            "attestations_every_s": 5.0,
        }

    def stop(self) -> None:
        self._server.stop()


def simulate(folder: Path, **options: Any) -> Simulated:
    """See `connectors.registry.simulate`."""
    return Simulated(folder, **options)
