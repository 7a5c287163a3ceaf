"""The simulated SEND on the pagoPA notices of its notifications: what one costs, and that one was paid elsewhere."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, StringConstraints
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .simulator_model import ClosedModel, PaTaxId, Requests, parse, problem
from .simulator_streams import Streams

_SEND_FEE = 100
_POSTAL_COST = 940
_MOMENT = (
    r"^([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]+)?(Z|([+\-][0-9]{2}):([0-9]{2}))$"
)


class PaymentEvent(ClosedModel):
    notice_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{18}$")]
    creditor_tax_id: PaTaxId
    payment_date: Annotated[str, StringConstraints(pattern=_MOMENT)]
    amount: Annotated[int, Field(ge=-(2**31), lt=2**31)]


class PaymentEvents(ClosedModel):
    events: list[PaymentEvent]


class Payments:
    """Over the requests that were taken."""

    def __init__(self, ledger: Requests, streams: Streams) -> None:
        self.ledger = ledger
        self.streams = streams

    async def price(self, request: Request) -> Response:
        """Of an accepted notification, until it is cancelled: nothing with FLAT_RATE, else the fee, paper once it is
        sent, and the taxes."""
        found = self._entry(request.path_params["creditor"], request.path_params["notice"])
        if found is None or found["state"] == "CANCELLED":
            return problem(404, "PN_DELIVERY_NOTIFICATION_NOT_FOUND")
        entry, asked = found, found["request"]
        sent = any(status == "DELIVERING" for status, _ in entry["history"])
        by_post = sent and "digitalDomicile" not in asked["recipients"][0]
        at_cost = asked["notificationFeePolicy"] == "DELIVERY_MODE"
        analog, fee = (_POSTAL_COST if by_post and at_cost else 0), (_SEND_FEE if at_cost else 0)
        more = {"paFee": asked["paFee"], "vat": asked["vat"]} if at_cost else {}
        total = fee + analog + more.get("paFee", 0) + analog * more.get("vat", 0) // 100
        costs = {"partialPrice": fee + analog, "totalPrice": total, "sendFee": fee, "analogCost": analog}
        return JSONResponse({"iun": entry["iun"], **costs, **more})

    async def events(self, request: Request) -> Response:
        """Payments, all of them or, where one is of no notification, none."""
        told = await parse(request, PaymentEvents)
        if isinstance(told, Response):
            return told
        found = [(each, self._entry(each.creditor_tax_id, each.notice_code)) for each in told.events]
        for event, entry in found:
            if entry is None:
                return problem(404, "PN_DELIVERY_NOTIFICATION_NOT_FOUND", event.notice_code[:3])
        for event, entry in found:
            now = self.ledger.requests[(entry or {})["notificationRequestId"]]
            then = now | {"paid": [*now.get("paid", []), event.model_dump(by_alias=True)]}
            self.ledger.append(then)
            self.streams.tell(then, paid_elements(then)[-1:])
        return Response(status_code=204)

    def _entry(self, creditor: str, notice: str) -> dict[str, Any] | None:
        for entry in self.ledger.requests.values():
            if "iun" in entry and (creditor, notice) in _notices(entry["request"]):
                return entry
        return None


def paid_elements(entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the timeline says of payments that SEND was told of."""
    return [
        {
            "elementId": f"NOTIFICATION_PAID.IUN_{entry['iun']}.CODE_{place}",
            "timestamp": each["paymentDate"],
            "eventTimestamp": each["paymentDate"],
            "category": "PAYMENT",
            "legalFactsIds": [],
            "details": {
                "recIndex": 0,
                "recipientType": entry["request"]["recipients"][0]["recipientType"],
                "amount": each["amount"],
                "creditorTaxId": each["creditorTaxId"],
                "noticeCode": each["noticeCode"],
                "paymentSourceChannel": "EXTERNAL_REGISTRY",
            },
        }
        for place, each in enumerate(entry.get("paid", []))
    ]


def _notices(request: Mapping[str, Any]) -> set[tuple[str, str]]:
    items = [each["pagoPa"] for one in request["recipients"] for each in one.get("payments", ()) if "pagoPa" in each]
    return {(each["creditorTaxId"], each["noticeCode"]) for each in items}
