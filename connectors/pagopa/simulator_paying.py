"""The simulated Checkout and the printer of notices (`spec/pagopa.md`, "Checkout cart" and "Notice PDF")."""

from typing import Annotated
from uuid import uuid4

from pydantic import Field, StringConstraints
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.base.simulator_faults import Faults, Handler

from .simulator_answers import Gate, parsed
from .simulator_forms import Closed, NonEmpty, Text140

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


class PayingApi:
    """Both services. `checkout_origin` is where a browser would be sent."""

    def __init__(self, gate: Gate, faults: Faults, checkout_origin: str) -> None:
        self._gate, self._faults, self._origin = gate, faults, checkout_origin

    def routes(self) -> list[Route]:
        return [
            self._route("/checkout/ec/v1/carts", "carts", self._cart),
            self._route("/print-payment-notice-service/external/v1/notices/generate", "notices", self._print),
        ]

    def _route(self, path: str, on: str, handler: Handler) -> Route:
        return Route(path, self._faults.around(on, self._gate.before(handler)), methods=["POST"])

    async def _cart(self, request: Request) -> Response:
        await parsed(request, Cart)
        return Response(status_code=302, headers={"Location": f"{self._origin}/c/{uuid4()}"})

    async def _print(self, request: Request) -> Response:
        asked = await parsed(request, Print)
        # No PDF that a reader opens, but one by its first and last bytes; it names the notice and its cents.
        content = f"%PDF-1.7\n% {asked.data.notice.code} {asked.data.notice.payment_amount}\n%%EOF\n".encode()
        return Response(content, 201, media_type="application/pdf")
