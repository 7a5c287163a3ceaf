"""The simulated Checkout and the printer of notices (`spec/pagopa.md`, "Checkout cart" and "Notice PDF")."""

from typing import Annotated
from uuid import uuid4

from pydantic import Field, StringConstraints
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.base.simulator_faults import Faults, Handler

from .simulator_answers import Gate, parsed, problem
from .simulator_forms import Broken, Closed, NonEmpty, Text140

NoticeCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{18}$")]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s]+$")]


class Notice(Closed):
    noticeNumber: NoticeCode  # noqa: N815 - the platform's names
    fiscalCode: Annotated[str, StringConstraints(pattern=r"^[0-9]{11}$")]  # noqa: N815
    amount: Annotated[int, Field(ge=1, le=99_999_999_999)]
    companyName: Text140  # noqa: N815
    description: Text140


class Returns(Closed):
    returnOkUrl: Url  # noqa: N815
    returnCancelUrl: Url  # noqa: N815
    returnErrorUrl: Url  # noqa: N815


class Cart(Closed):
    paymentNotices: Annotated[list[Notice], Field(min_length=1, max_length=5)]  # noqa: N815
    returnUrls: Returns  # noqa: N815
    emailNotice: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")] | None = None  # noqa: N815
    idCart: str | None = None  # noqa: N815
    allCCP: bool | None = None  # noqa: N815


class Creditor(Closed):
    taxCode: NonEmpty  # noqa: N815


class Debtor(Closed):
    taxCode: Annotated[str, StringConstraints(max_length=16)] | None = None  # noqa: N815
    fullName: Annotated[str, StringConstraints(max_length=70)]  # noqa: N815
    address: Text140
    buildingNumber: str  # noqa: N815
    city: str
    postalCode: str  # noqa: N815
    province: str


class Printed(Closed):
    subject: Annotated[str, StringConstraints(max_length=90)]
    code: NoticeCode
    paymentAmount: Annotated[int, Field(ge=1, le=99_999_999_999)]  # noqa: N815
    dueDate: str | None = None  # noqa: N815


class Data(Closed):
    notice: Printed
    creditorInstitution: Creditor  # noqa: N815
    debtor: Debtor


class Print(Closed):
    templateId: NonEmpty  # noqa: N815
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
        async def judged(request: Request) -> Response:
            try:
                return self._gate.refuses(request) or await handler(request)
            except Broken as broken:
                return problem(broken.status, broken.detail)

        return Route(path, self._faults.around(on, judged), methods=["POST"])

    async def _cart(self, request: Request) -> Response:
        await parsed(request, Cart)
        return Response(status_code=302, headers={"Location": f"{self._origin}/c/{uuid4()}"})

    async def _print(self, request: Request) -> Response:
        asked = await parsed(request, Print)
        # No PDF that a reader opens, but one by its first and last bytes; it names the notice.
        content = f"%PDF-1.7\n% {asked.data.notice.code}\n%%EOF\n".encode()
        return Response(content, 201, media_type="application/pdf")
