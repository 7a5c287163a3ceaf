"""The simulated Checkout and the printer of notices (`spec/pagopa.md`, "Checkout cart" and "Notice PDF")."""

import io
import zipfile
from dataclasses import dataclass
from typing import Annotated
from uuid import uuid4

from pydantic import Field, StringConstraints
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.base.ledger import Ledger
from connectors.base.simulator_faults import Faults, Handler

from .simulator_answers import Gate, parsed
from .simulator_forms import Broken, Closed, NonEmpty, Text140

NoticeCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{18}$")]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s]+$")]


class Notice(Closed):
    notice_number: NoticeCode
    fiscal_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{11}$")]
    amount: Annotated[int, Field(ge=1, le=99_999_999_999)]
    company_name: Text140
    description: Text140


class Returns(Closed):
    return_ok_url: Url
    return_cancel_url: Url
    return_error_url: Url


class Cart(Closed):
    payment_notices: Annotated[list[Notice], Field(min_length=1, max_length=5)]
    return_urls: Returns
    email_notice: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    id_cart: str | None = None
    all_ccp: Annotated[bool | None, Field(alias="allCCP")] = None


class Creditor(Closed):
    tax_code: NonEmpty


class Debtor(Closed):
    tax_code: Annotated[str, StringConstraints(max_length=16)] | None = None
    full_name: Annotated[str, StringConstraints(max_length=70)]
    address: Text140
    building_number: str
    city: str
    postal_code: str
    province: str


class Printed(Closed):
    subject: Annotated[str, StringConstraints(max_length=90)]
    code: NoticeCode
    payment_amount: Annotated[int, Field(ge=1, le=99_999_999_999)]
    due_date: str | None = None


class Data(Closed):
    notice: Printed
    creditor_institution: Creditor
    debtor: Debtor


class Print(Closed):
    template_id: NonEmpty
    data: Data


class PrintMany(Closed):
    notices: Annotated[list[Print], Field(min_length=1, max_length=1000)]


@dataclass(slots=True)
class Kept:
    """A folder. It is a step further each time that somebody asks."""

    key: str
    notices: list[Print]
    asked: int = 0

    @property
    def status(self) -> str:
        return _STEPS[min(self.asked, len(_STEPS) - 1)]


_NEWEST = 100
_STEPS = ("INSERTED", "PROCESSING", "COMPLETING", "PROCESSED")
_PRINTER = "/print-payment-notice-service/external/v1/notices"
_STORAGE = "/_sim/storage/{folder}.zip"


class PayingApi:
    """Both services. `checkout_origin` is where a browser would be sent; `carts` are those that were made, with their
    addresses."""

    def __init__(self, gate: Gate, faults: Faults, checkout_origin: str, carts: Ledger) -> None:
        self._gate, self._faults, self._origin, self._carts = gate, faults, checkout_origin, carts
        self._folders: dict[str, Kept] = {}

    def routes(self) -> list[Route]:
        one = _PRINTER + "/folder/{folder}"
        return [
            self._route("/checkout/ec/v1/carts", "carts", self._cart),
            self._route(f"{_PRINTER}/generate", "notices", self._print),
            self._route(f"{_PRINTER}/generate-massive", "folders", self._print_many),
            self._route(f"{one}/status", "folders", self._status, "GET"),
            self._route(f"{one}/url", "folders", self._address, "GET"),
            self._route(one, "folders", self._delete, "DELETE"),
            Route("/_sim/carts", self._asked_for, methods=["GET"]),
            Route(_STORAGE, self._stored, methods=["GET"]),
        ]

    def _route(self, path: str, on: str, handler: Handler, method: str = "POST") -> Route:
        return Route(path, self._faults.around(on, self._gate.before(handler)), methods=[method])

    async def _print_many(self, request: Request) -> Response:
        key = request.headers.get("idempotency-key", "")
        if not key:
            raise Broken(400, "The header Idempotency-Key is missing.")
        asked = await parsed(request, PrintMany)
        known = [name for name, kept in self._folders.items() if kept.key == key]
        name = known[0] if known else str(uuid4())
        self._folders.setdefault(name, Kept(key, asked.notices))
        return JSONResponse({"folder_id": name})

    async def _status(self, request: Request) -> Response:
        kept = self._kept(request)
        done = [each.data.notice.code for each in kept.notices] if kept.status == "PROCESSED" else []
        said = {"status": kept.status, "processedNotices": done, "noticesInError": []}
        kept.asked += 1
        return JSONResponse(said)

    async def _address(self, request: Request) -> Response:
        if self._kept(request).status != "PROCESSED":
            raise Broken(404, "Folder or file not found.")
        where = request.url.replace(path=_STORAGE.format(folder=request.path_params["folder"]), query="sig=signed")
        return JSONResponse({"signedUrl": str(where)})

    async def _delete(self, request: Request) -> Response:
        self._kept(request)
        del self._folders[request.path_params["folder"]]
        return Response(status_code=200)

    async def _stored(self, request: Request) -> Response:
        """The storage, which is another's: whoever shows it the platform's key has given the key away."""
        if "ocp-apim-subscription-key" in request.headers or request.query_params.get("sig") != "signed":
            return Response(status_code=403)
        kept = self._folders.get(request.path_params["folder"])
        if kept is None:
            return Response(status_code=404)
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as archive:
            for each in kept.notices:
                archive.writestr(f"{each.data.notice.code}.pdf", _pdf(each))
        return Response(made.getvalue(), media_type="application/zip")

    def _kept(self, request: Request) -> Kept:
        kept = self._folders.get(request.path_params["folder"])
        if kept is None:
            raise Broken(404, "Folder not found or unavailable for the requirer.")
        return kept

    async def _cart(self, request: Request) -> Response:
        cart, url = await parsed(request, Cart), f"{self._origin}/c/{uuid4()}"
        self._carts.append({"url": url, "cart": cart.model_dump(mode="json", exclude_none=True)})
        return Response(status_code=302, headers={"Location": url})

    async def _asked_for(self, _request: Request) -> Response:
        """The newest carts, the last one last."""
        return JSONResponse([each["cart"] for each in self._carts.entries[-_NEWEST:]])

    async def _print(self, request: Request) -> Response:
        return Response(_pdf(await parsed(request, Print)), 201, media_type="application/pdf")


def _pdf(asked: Print) -> bytes:
    """None that a reader opens, but one by its first and last bytes; it names the notice and its cents."""
    return f"%PDF-1.7\n% {asked.data.notice.code} {asked.data.notice.payment_amount}\n%%EOF\n".encode()
