"""What pagoPA and a creditor's station tell each other (`paForNode.xsd`): the names are the schema's own.

V1 are the schemas of 2022-03; the fields that only V2 has follow spec/pagopa.md. Fields that we do not know do no harm:
later schemas add some. Amounts become integer cents as they are read.
"""

from datetime import date, datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from .money import cents
from .xml import Node


def text_of(value: Any) -> str:
    """Raises ValueError where an element holds others in the place of a text, or comes twice."""
    if not isinstance(value, str):
        raise ValueError("not one text")  # noqa: TRY004 - pydantic wants a ValueError
    return value


def several(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _xml_boolean(value: Any) -> Any:
    return {"true": True, "1": True, "false": False, "0": False}.get(value, value) if isinstance(value, str) else value


Text16 = Annotated[str, StringConstraints(min_length=1, max_length=16)]
Text35 = Annotated[str, StringConstraints(min_length=1, max_length=35)]
Text70 = Annotated[str, StringConstraints(min_length=1, max_length=70)]
Text140 = Annotated[str, StringConstraints(min_length=1, max_length=140)]
Text210 = Annotated[str, StringConstraints(min_length=1, max_length=210)]
FiscalCodePA = Annotated[str, StringConstraints(pattern=r"^[0-9]{11}$")]
NoticeNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]{18}$")]
Cents = Annotated[int, BeforeValidator(lambda value: cents(text_of(value)))]
CentsNotZero = Annotated[Cents, Field(ge=1)]
XmlBoolean = Annotated[bool, BeforeValidator(_xml_boolean)]
XmlDate = Annotated[date, BeforeValidator(lambda value: date.fromisoformat(text_of(value)[:10]))]
"""xsd:date, whose zone says nothing to us."""
XmlDateTime = Annotated[datetime, BeforeValidator(lambda value: datetime.fromisoformat(text_of(value)))]


class Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Request(Wire):
    """Who asks whom: checked before anything else."""

    idPA: Text35
    idBrokerPA: Text35
    idStation: Text35


class QrCode(Wire):
    fiscalCode: FiscalCodePA
    noticeNumber: NoticeNumber


class VerifyPaymentNotice(_Request):
    qrCode: QrCode


class GetPayment(_Request):
    """V1 and V2 ask alike."""

    qrCode: QrCode
    amount: Cents | None = None
    paymentNote: Text210 | None = None
    transferType: Text35 | None = None
    dueDate: XmlDate | None = None


class DemandPaymentNotice(_Request):
    idServizio: Text16
    datiSpecificiServizioRequest: Annotated[str, StringConstraints(max_length=500_000)] = Field(repr=False)


class EntityUniqueIdentifier(Wire):
    entityUniqueIdentifierType: Literal["F", "G"]
    entityUniqueIdentifierValue: Annotated[str, StringConstraints(min_length=2, max_length=16)]


class Subject(Wire):
    """A debtor or payer. Of all that it may say, only the code is of use to us."""

    uniqueIdentifier: EntityUniqueIdentifier
    fullName: Annotated[str, StringConstraints(min_length=1, max_length=140)]


class Transfer(Wire):
    """V2: an IBAN or, where a digital stamp was paid, its file."""

    idTransfer: Annotated[int, Field(ge=1, le=5)]
    transferAmount: CentsNotZero
    fiscalCodePA: FiscalCodePA
    IBAN: Text35 | None = None
    MBDAttachment: str | None = Field(default=None, repr=False)
    remittanceInformation: Text140
    transferCategory: Text140


class TransferList(Wire):
    transfer: Annotated[tuple[Transfer, ...], BeforeValidator(several), Field(min_length=1, max_length=5)]


class PaymentReceipt(Wire):
    """ctReceipt and ctReceiptV2."""

    receiptId: Annotated[str, StringConstraints(min_length=1, max_length=1000)]
    noticeNumber: NoticeNumber
    fiscalCode: FiscalCodePA
    outcome: Literal["OK", "KO"]
    creditorReferenceId: Text35
    paymentAmount: Cents
    description: Text140
    companyName: Text140
    officeName: Text140 | None = None
    debtor: Subject = Field(repr=False)
    transferList: TransferList = Field(repr=False)
    idPSP: Text35
    PSPCompanyName: Text70
    idChannel: Text35
    channelDescription: Text35
    paymentMethod: Text35 | None = None
    fee: Cents | None = None
    paymentDateTime: XmlDateTime | None = None
    applicationDate: XmlDate | None = None
    transferDate: XmlDate | None = None
    standIn: XmlBoolean = False


class SendRT(_Request):
    """paSendRT and paSendRTV2."""

    receipt: PaymentReceipt = Field(repr=False)


class Invalid(Exception):
    """An element does not hold what its schema says. `places` name fields and rules, and repeat no value."""

    def __init__(self, places: str) -> None:
        super().__init__(places)
        self.places = places


_M = TypeVar("_M", bound=Wire)


def read_as(model: type[_M], node: Node) -> _M:
    """The element as `model`. Raises Invalid."""
    try:
        return model.model_validate(node.plain())
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False, include_context=False)
        places = ("/".join(str(part) for part in one["loc"]) + f": {one['type']}" for one in faults[:5])
        raise Invalid("; ".join(places)) from None
