"""pagoPA's REST services as described, for the demo, the flows and the tests: strict, scriptable, with a ledger.

    app = simulator(Path("gpd.jsonl"), organizations={"00301970190"}, segregation_codes={47})

It serves GPD v1, v2 (bulk) and v3, what SEND tells GPD of its costs, GPD's receipts, biz-events, Checkout and notices,
at the platform's paths. Each accepted change is a line of the ledger, on the disk before the answer leaves: `{"at",
"act", "position"}`. An existing ledger is read at the start. Carts are lines of `carts.jsonl` beside it: `{"url",
"cart"}`.

Options:
    api_keys: the keys it takes; None: any.
    organizations, segregation_codes: for which a key may act; None: all. Others get the gateway's 403.
    ibans, categories: registered accounts and taxonomy codes; None: all.
    not_yet, not_whole: IUVs whose receipts are listed, and answered 404 and 422.
    now: the clock.

Faults: see `connectors.base.simulator_faults`; `on` is "create" (the default), "change" or "read" of positions,
"receipts" (the list), "receipt", "carts", "notices" or "folders" (of many notices).
`POST /_sim/pay` with `{"organization", "nav"}` plays a payment service provider; `GET /_sim/carts` shows the newest
carts.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from connectors.base.ledger import Ledger
from connectors.base.serving import LoopbackServer
from connectors.base.simulator_faults import Faults, Handler, WithTransport

from .simulator_answers import Gate, error, parsed, problem
from .simulator_fees import NotificationFee
from .simulator_forms import Broken, BulkV2, NamesV2, PositionV1, PositionV3, numbers_of
from .simulator_gpd import Positions, paid_between
from .simulator_paying import PayingApi
from .simulator_receipts import ReceiptsApi
from .simulator_shown import model_v1, model_v3, option_v1, shown_v1, shown_v3

_GPD = "/gpd/debt-positions-service"
_OF_SEND = "/pn-integration-gpd/api/v1/organizations/{organization}/paymentoptions/{nav}/notificationfee"


def simulator(
    ledger: Path,
    *,
    api_keys: Collection[str] | None = None,
    organizations: Collection[str] | None = None,
    segregation_codes: Collection[int] | None = None,
    ibans: Collection[str] | None = None,
    categories: Collection[str] | None = None,
    not_yet: Collection[str] = (),
    not_whole: Collection[str] = (),
    checkout_origin: str = "https://checkout.pagopa.example",
    now: Callable[[], datetime] | None = None,
) -> ASGIApp:
    """The ASGI application; the options are the module's."""
    gate = Gate(api_keys, organizations, segregation_codes)
    positions = Positions(ledger, now=now or partial(datetime.now, UTC), ibans=ibans, categories=categories)
    faults = Faults("create", "change", "read", "receipts", "receipt", "carts", "notices", "folders", error=error)
    receipts = ReceiptsApi(positions, gate, faults, not_yet, not_whole)
    paying = PayingApi(gate, faults, checkout_origin, Ledger(ledger.with_name("carts.jsonl")))
    routes = [*GpdApi(positions, gate, faults).routes(), *receipts.routes(), *paying.routes(), faults.route]
    return WithTransport(Starlette(routes=routes))


@dataclass(frozen=True, slots=True)
class Shown:
    """How a version shows a position: in the answer to an act, and to a question."""

    model: Callable[[dict[str, Any]], dict[str, Any]]
    read: Callable[[dict[str, Any]], dict[str, Any]]


V1 = Shown(model_v1, shown_v1)
V3 = Shown(model_v3, shown_v3)


class GpdApi:
    """GPD's three versions over one set of positions."""

    def __init__(self, positions: Positions, gate: Gate, faults: Faults) -> None:
        self._positions, self._gate, self._faults = positions, gate, faults

    def routes(self) -> list[Route]:
        all_of, one = (
            "/organizations/{organization}/debtpositions",
            "/organizations/{organization}/debtpositions/{iupd}",
        )
        made = [Route("/_sim/pay", self._pay, methods=["POST"])]
        for version, form, show in (("v1", PositionV1, V1), ("v3", PositionV3, V3)):
            base = f"{_GPD}/{version}"
            made += [
                self._route("POST", base + all_of, "create", partial(self._create, form, show)),
                self._route("GET", base + all_of, "read", partial(self._list, show)),
                self._route("POST", f"{base}{one}/publish", "change", partial(self._publish, show)),
                self._route("GET", base + one, "read", partial(self._get, show)),
                self._route("PUT", base + one, "change", partial(self._update, form, show)),
                self._route("DELETE", base + one, "change", self._delete),
            ]
        made += [
            self._route("POST", f"{_GPD}/v1{one}/invalidate", "change", self._invalidate),
            self._route("GET", f"{_GPD}/v2/info", "read", self._info),
            self._route("POST", f"{_GPD}/v2{all_of}", "create", self._create_many),
            self._route("PUT", f"{_GPD}/v2{all_of}", "change", self._update_many),
            self._route("DELETE", f"{_GPD}/v2{all_of}", "change", self._delete_many),
        ]
        for version in ("v1", "v2"):
            path = f"{_GPD}/{version}/organizations/{{organization}}/paymentoptions/paids/{{nav}}"
            made.append(self._route("POST", path, "change", self._paid_elsewhere))
        made.append(self._route("PUT", _OF_SEND, "change", self._set_fee))
        return made

    def _route(self, method: str, path: str, on: str, handler: Handler) -> Route:
        judged = self._gate.before(handler)

        async def named(request: Request) -> Response:
            answer = await judged(request)
            answer.headers["X-Request-Id"] = request.headers.get("x-request-id", "simulated")
            return answer

        return Route(path, self._faults.around(on, named), methods=[method])

    async def _create(self, form: type[Any], show: Shown, request: Request) -> Response:
        position = await parsed(request, form)
        self._must_be_ours([position])
        kept = self._positions.create(_organization(request), position, publish=_publishes(request))
        return JSONResponse(show.model(kept), 201)

    async def _info(self, _request: Request) -> Response:
        return JSONResponse({"name": "pagopa-debt-position", "version": "simulated", "environment": "local"})

    async def _create_many(self, request: Request) -> Response:
        many = (await parsed(request, BulkV2)).payment_positions
        self._must_be_ours(many)
        self._positions.create_all(_organization(request), many, publish=_publishes(request))
        return Response(status_code=201)

    async def _update_many(self, request: Request) -> Response:
        many = (await parsed(request, BulkV2)).payment_positions
        self._must_be_ours(many)
        self._positions.update_all(_organization(request), many, publish=_publishes(request))
        return Response(status_code=200)

    async def _delete_many(self, request: Request) -> Response:
        for iupd in (await parsed(request, NamesV2)).payment_position_iupds:
            self._positions.delete(_organization(request), iupd)
        return JSONResponse("The debt positions were deleted.")

    async def _list(self, show: Shown, request: Request) -> Response:
        try:
            limit, page = (
                int(request.query_params.get(name, default)) for name, default in (("limit", 10), ("page", 0))
            )
        except ValueError:
            raise Broken(400, "limit and page are numbers.") from None
        if not 1 <= limit <= 100 or page < 0:
            raise Broken(400, "limit is from 1 to 100.")
        wanted = request.query_params.get("status")
        since, until = (request.query_params.get(f"payment_date_{name}") for name in ("from", "to"))
        kept = self._positions.of(_organization(request))
        if since is not None or until is not None:
            kept = [each for each in kept if paid_between(each, since or "", until or "9999-12-31")]
        found = [show.read(each) for each in kept]
        found = [position for position in found if wanted in (None, position["status"])]
        info = {"page": page, "limit": limit, "items_found": len(found), "total_pages": -(-len(found) // limit)}
        here = found[page * limit : (page + 1) * limit]
        return JSONResponse({"payment_position_list": here, "page_info": info})

    async def _get(self, show: Shown, request: Request) -> Response:
        return JSONResponse(show.read(self._positions.get(_organization(request), request.path_params["iupd"])))

    async def _update(self, form: type[Any], show: Shown, request: Request) -> Response:
        position = await parsed(request, form)
        self._must_be_ours([position])
        name = (_organization(request), request.path_params["iupd"])
        if form is PositionV1:
            shown_v1(self._positions.get(*name))  # 422 where v1 does not know it
        return JSONResponse(show.model(self._positions.update(*name, position, publish=_publishes(request))))

    async def _publish(self, show: Shown, request: Request) -> Response:
        name = (_organization(request), request.path_params["iupd"])
        show.read(self._positions.get(*name))
        return JSONResponse(show.model(self._positions.publish(*name)))

    async def _invalidate(self, request: Request) -> Response:
        name = (_organization(request), request.path_params["iupd"])
        shown_v1(self._positions.get(*name))
        return JSONResponse(model_v1(self._positions.invalidate(*name)))

    async def _delete(self, request: Request) -> Response:
        self._positions.delete(_organization(request), request.path_params["iupd"])
        return JSONResponse("The debt position was deleted.")

    async def _paid_elsewhere(self, request: Request) -> Response:
        nav = request.path_params["nav"]
        kept = self._positions.pay(_organization(request), nav, {}, elsewhere=True)
        return JSONResponse(option_v1(kept, nav))

    async def _set_fee(self, request: Request) -> Response:
        cents, nav = (await parsed(request, NotificationFee)).notification_fee, request.path_params["nav"]
        return JSONResponse(option_v1(self._positions.set_fee(_organization(request), nav, cents), nav))

    async def _pay(self, request: Request) -> Response:
        asked = await request.json()
        number = asked["nav"]
        paid = {"paymentMethod": "CREDIT_CARD", "pspCompany": "Banca di prova", "fee": 100, "idReceipt": f"IUR{number}"}
        try:
            kept = self._positions.pay(asked["organization"], number, paid | asked.get("paid", {}))
        except Broken as broken:
            return problem(broken.status, broken.detail)
        return JSONResponse({"status": kept["status"]})

    def _must_be_ours(self, positions: Collection[PositionV1 | PositionV3]) -> None:
        codes = self._gate.segregation_codes
        for number in (number for position in positions for number in numbers_of(position)):
            if codes is not None and number[0] == "3" and int(number[1:3]) not in codes:
                raise Broken(403, "")


def _organization(request: Request) -> str:
    return str(request.path_params["organization"])


def _publishes(request: Request) -> bool:
    return request.query_params.get("toPublish", "false").lower() == "true"


class Pagopa:
    """The simulated pagoPA on a loopback port. Options are those of `simulator`."""

    def __init__(self, folder: Path, *, port: int = 0, **options: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._key, self._organization = "simulated-pagopa-key", "00301970190"
        app = simulator(folder / "pagopa.jsonl", api_keys={self._key}, **options)
        self._server = LoopbackServer(app, port=port)

    def start(self) -> Mapping[str, Any]:
        self._server.start()
        return {
            "vendor_id": "pagopa",
            "organization_tax_code": self._organization,
            "segregation_code": 47,
            "private_hosts": "127.0.0.1",
            "gpd_url": self._server.url + _GPD,
            "receipts_url": f"{self._server.url}/gpd/payments-receipts-service/v1",
            "bizevents_url": f"{self._server.url}/bizevents/service/v1",
            "checkout_url": f"{self._server.url}/checkout/ec/v1",
            "notices_url": f"{self._server.url}/print-payment-notice-service/external/v1",
            "notice_template": "TemplateSingleInstalment",
            "api_key": self._key,
        }

    def stop(self) -> None:
        self._server.stop()


def simulate(folder: Path, **options: Any) -> Pagopa:
    """See `connectors.registry.simulate`."""
    return Pagopa(folder, **options)
