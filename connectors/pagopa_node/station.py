"""The creditor's station: answers pagoPA's calls of `paForNode` (spec/pagopa.md, paForNode.wsdl).

What concerns the envelope is a SOAP fault; what concerns the payment is an answer with outcome KO and a fault bean,
whose code the payment service provider gets to see behind PPT_ERRORE_EMESSO_DA_PAA.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Final

from connectors.base.lines import one_line
from contracts.answering import Call, Demanded, OwedPayment, Reading, Reply
from contracts.faults import bilingual
from contracts.inbound import Wrong
from contracts.positions import StampDuty
from contracts.reporting import iuv_of

from .caller import authenticate
from .config import Settings
from .demands import Offer
from .faults import FAULTS, NOT_PAYABLE, Refused
from .money import euro
from .receipts import found_of, is_second
from .soap import MEDIA_TYPE, PA, SoapFault, action_of, fault, read, reply
from .wire import DemandPaymentNotice, GetPayment, Invalid, QrCode, SendRT, VerifyPaymentNotice, read_as
from .xml import Node, Parts

PATH: Final = "paForNode"
V2: Final = "paGetPaymentV2Response"
NOT_OFFERED: Final = "l'ente non offre pagamenti spontanei per questo servizio"
COSTS: Final = "Spese di notifica"
MOST_TRANSFERS: Final = 5
"""Of one payment (`ctTransferListPA`)."""
NO_DUE_DATE: Final = date(2099, 12, 31)
"""`dueDate` is required in the answer of paGetPayment: this is what creditors write where there is none."""


@dataclass(frozen=True, slots=True)
class _Operation:
    request: str
    response: str
    act: "Callable[[Station, str, Node, Call, Reading], Reply | Demanded]"
    """It is given the name of the response, by which V1 and V2 are told apart."""


@dataclass(frozen=True, slots=True)
class Station:
    """Answers for one creditor, broker and station."""

    settings: Settings
    offers: Mapping[str, Offer]
    """The spontaneous payments, by `idServizio`."""

    def answer(self, call: Call, reading: Reading) -> Reply | Demanded:
        """See `contracts.answering.Answer`."""
        try:
            authenticate(call, self.settings)
            element = read(call, PATH)
            operation = _operation(action_of(call), element)
        except SoapFault as error:
            return fault(error)
        try:
            return operation.act(self, operation.response, element, call, reading)
        except Invalid as error:
            return self._refuse(operation.response, Refused("PAA_SINTASSI_XSD", error.places))
        except Refused as error:
            return self._refuse(operation.response, error)

    def verify(self, response: str, element: Node, call: Call, reading: Reading) -> Reply:
        """paVerifyPaymentNotice: may this notice be paid, and how much is it?"""
        asked = read_as(VerifyPaymentNotice, element)
        self._is_for_us(asked)
        return _ok(response, self._terms(self._payable(asked.qr_code, reading)))

    def _terms(self, owed: OwedPayment) -> Parts:
        """How much is to be paid, to whom and what for, as whoever is about to pay is told."""
        transfers = self._transfers(owed)
        option: Parts = [
            ("amount", euro(owed.to_pay_cents)),
            ("options", "EQ"),
            *_optional("dueDate", owed.due_date.isoformat() if owed.due_date else None),
            *_optional("detailDescription", _description(owed)),
            ("allCCP", "true" if all(_is_postal(one.to) for one in transfers) else "false"),
        ]
        return [
            ("paymentList", [("paymentOptionDescription", option)]),
            ("paymentDescription", _description(owed)),
            ("fiscalCodePA", owed.creditor_tax_code),
            ("companyName", self.settings.company_name),
            *_optional("officeName", self.settings.office_name),
        ]

    def get_payment(self, response: str, element: Node, call: Call, reading: Reading) -> Reply:
        """paGetPayment and V2: all that is needed to pay it. `transferType` and digital stamps are what V2 has more."""
        asked = read_as(GetPayment, element)
        self._is_for_us(asked)
        owed = self._payable(asked.qr_code, reading)
        if owed.to_pay_cents == 0:
            raise Refused("PAA_SEMANTICA", "importo nullo")
        shares = self._transfers(owed)
        if response != V2 and any(isinstance(one.to, StampDuty) for one in shares):
            raise Refused("PAA_SEMANTICA", "la marca da bollo digitale si paga con paGetPaymentV2")
        transfers: Parts = [
            (
                "transfer",
                [
                    ("idTransfer", str(number)),
                    ("transferAmount", euro(one.amount_cents)),
                    ("fiscalCodePA", one.tax_code),
                    _to(one.to),
                    ("remittanceInformation", one.reason),
                    ("transferCategory", one.taxonomy),
                ],
            )
            for number, one in enumerate(shares, start=1)
        ]
        kind = "G" if owed.tax_code.isdigit() else "F"
        who: Parts = [("entityUniqueIdentifierType", kind), ("entityUniqueIdentifierValue", owed.tax_code)]
        # The amount asked for is what the payer was shown; the answer is what is owed now (paForNode.wsdl).
        data: Parts = [
            ("creditorReferenceId", iuv_of(owed.notice_number)),
            ("paymentAmount", euro(owed.to_pay_cents)),
            ("dueDate", (owed.due_date or NO_DUE_DATE).isoformat()),
            ("description", _description(owed)),
            ("companyName", self.settings.company_name),
            *_optional("officeName", self.settings.office_name),
            # The hub holds no names: the code stands for the person.
            ("debtor", [("uniqueIdentifier", who), ("fullName", owed.tax_code)]),
            ("transferList", transfers),
        ]
        return _ok(response, [("data", data)])

    def demand(self, response: str, element: Node, call: Call, reading: Reading) -> Demanded:
        """paDemandPaymentNotice: a payment that nobody has asked for yet, of a service that the settings offer."""
        asked = read_as(DemandPaymentNotice, element)
        self._is_for_us(asked)
        offer = self.offers.get(asked.id_servizio)
        if offer is None:
            unknown = Wrong(
                "/idServizio",
                "pagopa.demand_not_offered",
                bilingual(
                    "nessun servizio con quel nome è nelle impostazioni", "no service of that name is in the settings"
                ),
            )
            raise Refused("PAA_SEMANTICA", NOT_OFFERED, declined=unknown)
        return offer.demanded(
            asked.dati_specifici_servizio_request,
            call.now,
            answer=partial(self._noticed, response),
            refused=self._refuse(response, Refused("PAA_SEMANTICA", "il pagamento non può nascere")),
        )

    def _noticed(self, response: str, owed: OwedPayment) -> Reply:
        """The answer to a demand: the notice by which it is paid like any other."""
        try:
            _can_be_paid(owed)
            terms = self._terms(owed)
        except Refused as error:
            return self._refuse(response, error)
        code: Parts = [("fiscalCode", owed.creditor_tax_code), ("noticeNumber", owed.notice_number)]
        return _ok(response, [("qrCode", code), *terms])

    def send_rt(self, response: str, element: Node, call: Call, reading: Reading) -> Reply:
        """paSendRT, and V2 with more fields: a receipt."""
        sent = read_as(SendRT, element)
        self._is_for_us(sent)
        receipt = sent.receipt
        if receipt.outcome == "KO":
            return _ok(response, [])  # nobody has paid: there is nothing to keep
        owed = reading.payment(receipt.fiscal_code, receipt.notice_number)
        kept = found_of(receipt, owed, call.body, self.settings)
        twice = is_second(receipt, owed)
        answer = self._refuse(response, Refused("PAA_RECEIPT_DUPLICATA")) if twice else _ok(response, [])
        return replace(answer, found=(kept,))

    def _is_for_us(self, asked: VerifyPaymentNotice | GetPayment | DemandPaymentNotice | SendRT) -> None:
        if asked.id_pa != self.settings.creditor_tax_code:
            raise Refused("PAA_ID_DOMINIO_ERRATO")
        if asked.id_broker_pa != self.settings.broker_tax_code:
            raise Refused("PAA_ID_INTERMEDIARIO_ERRATO")
        if asked.id_station != self.settings.station_id:
            raise Refused("PAA_STAZIONE_INT_ERRATA")

    def _payable(self, code: QrCode, reading: Reading) -> OwedPayment:
        if code.fiscal_code != self.settings.creditor_tax_code:
            raise Refused("PAA_ID_DOMINIO_ERRATO")
        owed = reading.payment(code.fiscal_code, code.notice_number)
        if owed is None:
            raise Refused("PAA_PAGAMENTO_SCONOSCIUTO")
        _can_be_paid(owed)
        return owed

    def _transfers(self, owed: OwedPayment) -> list["_Transfer"]:
        """Who gets what. Raises Refused where that is not known: nobody may pay the wrong one."""
        of_services = {one.service_id: one.taxonomy for one in self.settings.taxonomies}
        own = of_services.get(owed.service_id or "", self.settings.taxonomy)
        places: dict[str, tuple[str | StampDuty, str]] = {
            one.tax_code: (one.iban, one.taxonomy) for one in self.settings.beneficiaries
        }
        places[self.settings.creditor_tax_code] = (self.settings.iban, own)
        if not owed.parts:
            place = places[owed.creditor_tax_code]
            return [_Transfer(owed.to_pay_cents, owed.creditor_tax_code, *place, _description(owed))]
        if any(part.kind == "stamp" and (part.stamp is None or part.category is None) for part in owed.parts):
            raise Refused("PAA_SEMANTICA", "della marca da bollo non si conoscono documento e tassonomia")
        if any(part.stamp is None and part.receiver_tax_code not in places for part in owed.parts):
            raise Refused("PAA_SYSTEM_ERROR", "un beneficiario non è configurato")
        costs = _Transfer(owed.cost_cents, owed.creditor_tax_code, *places[owed.creditor_tax_code], COSTS)
        shares = [
            _Transfer(
                part.amount_cents,
                part.receiver_tax_code,
                *((part.stamp, part.category or own) if part.stamp is not None else places[part.receiver_tax_code]),
                one_line(part.reason or "")[:140] or _description(owed),
            )
            for part in owed.parts
            if part.amount_cents
        ]
        return _with_costs(shares, costs) if costs.amount_cents else shares

    def _refuse(self, response: str, refusal: Refused) -> Reply:
        bean: Parts = [
            ("faultCode", refusal.code),
            ("faultString", FAULTS[refusal.code]),
            ("id", self.settings.creditor_tax_code),
            *_optional("description", refusal.description),
        ]
        body = reply(response, [("outcome", "KO"), ("fault", bean)])
        return Reply(200, body, MEDIA_TYPE, declined=refusal.declined)


@dataclass(frozen=True, slots=True)
class _Transfer:
    amount_cents: int
    tax_code: str
    to: str | StampDuty
    """An account (IBAN) or, in V2, the revenue stamp of a document."""
    taxonomy: str
    reason: str


def _with_costs(shares: list[_Transfer], costs: _Transfer) -> list[_Transfer]:
    """A transfer of their own; where there are as many as there may be, in one that goes to the same account. Raises
    Refused where none does."""
    if len(shares) < MOST_TRANSFERS:
        return [*shares, costs]
    own = next((n for n, one in enumerate(shares) if one.to == costs.to), None)
    if own is None:
        raise Refused("PAA_SYSTEM_ERROR", "le spese di notifica non trovano posto tra i beneficiari")
    shares[own] = replace(shares[own], amount_cents=shares[own].amount_cents + costs.amount_cents)
    return shares


OPERATIONS: Final = {
    "paVerifyPaymentNotice": _Operation("paVerifyPaymentNoticeReq", "paVerifyPaymentNoticeRes", Station.verify),
    "paGetPayment": _Operation("paGetPaymentReq", "paGetPaymentRes", Station.get_payment),
    "paGetPaymentV2": _Operation("paGetPaymentV2Request", V2, Station.get_payment),
    "paDemandPaymentNotice": _Operation(
        "paDemandPaymentNoticeRequest", "paDemandPaymentNoticeResponse", Station.demand
    ),
    "paSendRT": _Operation("paSendRTReq", "paSendRTRes", Station.send_rt),
    "paSendRTV2": _Operation("paSendRTV2Request", "paSendRTV2Response", Station.send_rt),
}
"""By the SOAPAction."""


def _operation(action: str, element: Node) -> _Operation:
    operation = OPERATIONS.get(action)
    if operation is None:
        raise SoapFault("Client", "SOAPAction names no operation of paForNode")
    if (element.space, element.name) != (PA, operation.request):
        raise SoapFault("Client", "the body does not hold the request that SOAPAction names")
    return operation


def _can_be_paid(owed: OwedPayment) -> None:
    """Raises Refused."""
    refusal = NOT_PAYABLE.get(owed.state, "PAA_SYSTEM_ERROR")
    if refusal is not None:
        raise Refused(refusal)


def _description(owed: OwedPayment) -> str:
    return one_line(owed.reason)[:140] or "Pagamento"


def _is_postal(to: str | StampDuty) -> bool:
    # The ABI code of Poste Italiane, in an Italian IBAN.
    return isinstance(to, str) and to.startswith("IT") and to[5:10] == "07601"


def _to(to: str | StampDuty) -> tuple[str, str | Parts]:
    if isinstance(to, str):
        return "IBAN", to
    of: Parts = [
        ("hashDocumento", to.document_sha256),
        ("tipoBollo", to.kind),
        ("provinciaResidenza", to.province),
    ]
    return "richiestaMarcaDaBollo", of


def _optional(name: str, value: str | None) -> Parts:
    return [(name, value)] if value else []


def _ok(response: str, parts: Parts) -> Reply:
    return Reply(200, reply(response, [("outcome", "OK"), *parts]), MEDIA_TYPE)
