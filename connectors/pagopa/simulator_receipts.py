"""The simulated receipts of what was paid: GPD's list with XML, and biz-events' JSON (`spec/pagopa.md`, "Receipts")."""

from base64 import b64encode
from collections.abc import Collection
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.base.simulator_faults import Faults, Handler

from .simulator_answers import Gate
from .simulator_forms import Broken
from .simulator_gpd import Positions

_GPD = "/gpd/payments-receipts-service/v1/payments/{organization}/receipts"
_BIZ = "/bizevents/service/v1/organizations/{organization}/receipts/{iur}"

Paid = tuple[dict[str, Any], dict[str, Any], dict[str, Any]]
"""A position, the option and the part of it that was paid."""


class ReceiptsApi:
    """Both services over the positions. `not_yet` and `not_whole` are IUVs, listed, and answered 404 and 422."""

    def __init__(
        self, positions: Positions, gate: Gate, faults: Faults, not_yet: Collection[str], not_whole: Collection[str]
    ) -> None:
        self._positions, self._gate, self._faults = positions, gate, faults
        self._not_yet, self._not_whole = not_yet, not_whole

    def routes(self) -> list[Route]:
        return [
            self._route(_GPD, "receipts", self._list),
            self._route(f"{_GPD}/{{iuv}}", "receipt", self._xml),
            self._route(_BIZ, "receipt", self._json),
            self._route(f"{_BIZ}/paymentoptions/{{iuv}}", "receipt", self._json),
        ]

    def _route(self, path: str, on: str, handler: Handler) -> Route:
        return Route(path, self._faults.around(on, self._gate.before(handler)), methods=["GET"])

    async def _list(self, request: Request) -> Response:
        asked = request.query_params
        try:
            page, size = int(asked["pageNum"]), int(asked.get("pageSize", "50"))
        except (KeyError, ValueError):
            raise Broken(400, "pageNum is needed; it and pageSize are numbers.") from None
        if page < 0 or not 1 <= size <= 100:
            raise Broken(400, "pageSize is at most 100.")
        codes = asked.get("segregationCodes")
        found = [
            {
                "organizationFiscalCode": position["organization"],
                "iuv": payable["iuv"],
                "debtor": option["debtor"]["fiscalCode"],
                "paymentDateTime": payable["paymentDate"],
                "status": payable["status"],
            }
            for position, option, payable in self._positions.paid(request.path_params["organization"])
            if asked.get("from", "") <= payable["paymentDate"] <= asked.get("to", "9")
            and (codes is None or payable["nav"][1:3] in codes.split(","))
        ]
        if not found:
            raise Broken(404, "No receipts found.")
        return JSONResponse({"receipts_list": found[page * size : (page + 1) * size]})

    async def _xml(self, request: Request) -> Response:
        return Response(_document(self._one(request)), media_type="application/xml")

    async def _json(self, request: Request) -> Response:
        # By hand: a number that went through a float might come out with more digits.
        return Response(orjson.dumps(_model(self._one(request))), media_type="application/json")

    def _one(self, request: Request) -> Paid:
        wanted = request.path_params
        for paid in self._positions.paid(wanted["organization"]):
            named = all(paid[2][its] == wanted.get(name, paid[2][its]) for its, name in _NAMES)
            if named and paid[2]["iuv"] in self._not_whole:
                raise Broken(422, "The receipt cannot be processed yet.")
            if named and paid[2]["iuv"] not in self._not_yet:
                return paid
        raise Broken(404, "Not found the receipt.")


_NAMES = (("iuv", "iuv"), ("idReceipt", "iur"))


def _euros(cents: int) -> str:
    return f"{Decimal(cents).scaleb(-2):.2f}"


def _place(payable: dict[str, Any], transfer: dict[str, Any]) -> str:
    if transfer["stamp"]:
        return f"<MBDAttachment>{_stamp(payable, transfer)}</MBDAttachment>"
    return f"<IBAN>{transfer['iban']}</IBAN>"


def _stamp(payable: dict[str, Any], transfer: dict[str, Any]) -> str:
    """The file of a revenue stamp as its seller gives it out, but unsigned (schema MarcaDaBollo)."""
    stamp = transfer["stamp"]
    content = (
        '<marcaDaBollo xmlns="http://www.agenziaentrate.gov.it/2014/MarcaDaBollo"'
        ' xmlns:ds="http://www.w3.org/2000/09/xmldsig#">'
        "<PSP><CodiceFiscale>06874351007</CodiceFiscale><Denominazione>PSP simulato</Denominazione></PSP>"
        f"<IUBD>{payable['iuv']}{transfer['idTransfer']}</IUBD><OraAcquisto>{payable['paymentDate']}Z</OraAcquisto>"
        f"<Importo>{_euros(transfer['amount'])}</Importo><TipoBollo>{escape(stamp['stampType'])}</TipoBollo>"
        '<ImprontaDocumento><DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>'
        f"<ds:DigestValue>{escape(stamp['hashDocument'])}</ds:DigestValue></ImprontaDocumento></marcaDaBollo>"
    )
    return b64encode(content.encode()).decode()


def _document(paid: Paid) -> bytes:
    position, option, payable = paid
    debtor = option["debtor"]
    transfers = "".join(
        f"<transfer><idTransfer>{each['idTransfer']}</idTransfer>"
        f"<transferAmount>{_euros(each['amount'])}</transferAmount>"
        f"<fiscalCodePA>{each['organizationFiscalCode'] or position['organization']}</fiscalCodePA>"
        f"{_place(payable, each)}"
        f"<remittanceInformation>{escape(each['remittanceInformation'])}</remittanceInformation>"
        f"<transferCategory>{escape(each['category'])}</transferCategory></transfer>"
        for each in payable["transfer"]
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<ns2:paSendRTV2Request xmlns:ns2="http://pagopa-api.pagopa.gov.it/pa/paForNode.xsd">'
        f"<idPA>{position['organization']}</idPA><idBrokerPA>{position['organization']}</idBrokerPA>"
        f"<idStation>{position['organization']}_01</idStation><receipt>"
        f"<receiptId>{payable['idReceipt']}</receiptId><noticeNumber>{payable['nav']}</noticeNumber>"
        f"<fiscalCode>{position['organization']}</fiscalCode><outcome>OK</outcome>"
        f"<creditorReferenceId>{payable['iuv']}</creditorReferenceId>"
        f"<paymentAmount>{_euros(payable['amount'])}</paymentAmount>"
        f"<description>{escape(payable['description'])}</description>"
        f"<companyName>{escape(position['companyName'])}</companyName>"
        f"<debtor><uniqueIdentifier><entityUniqueIdentifierType>{debtor['type']}</entityUniqueIdentifierType>"
        f"<entityUniqueIdentifierValue>{escape(debtor['fiscalCode'])}</entityUniqueIdentifierValue></uniqueIdentifier>"
        f"<fullName>{escape(debtor['fullName'])}</fullName></debtor><transferList>{transfers}</transferList>"
        f"<idPSP>BPPIITRRXXX</idPSP><PSPCompanyName>{escape(payable['pspCompany'])}</PSPCompanyName>"
        f"<idChannel>1_01</idChannel><channelDescription>app</channelDescription>"
        f"<paymentMethod>creditCard</paymentMethod><paymentDateTime>{payable['paymentDate']}Z</paymentDateTime>"
        "</receipt></ns2:paSendRTV2Request>"
    ).encode()


def _model(paid: Paid) -> dict[str, Any]:
    """CtReceiptModelResponse."""
    position, option, payable = paid
    debtor = option["debtor"]
    return {
        "receiptId": payable["idReceipt"],
        "noticeNumber": payable["nav"],
        "fiscalCode": position["organization"],
        "outcome": "OK",
        "creditorReferenceId": payable["iuv"],
        "paymentAmount": orjson.Fragment(_euros(payable["amount"]).encode()),
        "description": payable["description"],
        "companyName": position["companyName"],
        "debtor": {
            "entityUniqueIdentifierType": debtor["type"],
            "entityUniqueIdentifierValue": debtor["fiscalCode"],
            "fullName": debtor["fullName"],
        },
        "transferList": [
            {
                "idTransfer": int(each["idTransfer"]),
                "transferAmount": orjson.Fragment(_euros(each["amount"]).encode()),
                "fiscalCodePA": each["organizationFiscalCode"] or position["organization"],
                "iban": each["iban"] or "",
                "mbdAttachment": _stamp(payable, each) if each["stamp"] else "",
                "remittanceInformation": each["remittanceInformation"],
                "transferCategory": each["category"],
            }
            for each in payable["transfer"]
        ],
        "idPSP": "BPPIITRRXXX",
        "pspCompanyName": payable["pspCompany"],
        "idChannel": "1_01",
        "channelDescription": "app",
        "paymentMethod": "creditCard",
        "paymentDateTime": payable["paymentDate"][:10],
        "paymentDateTimeFormatted": f"{payable['paymentDate']}Z",
    }
