"""What pagoPA and a creditor's station tell each other (`paForNode.xsd`): the schema's names, in snake_case here.

V1 are the schemas of 2022-03; the fields that only V2 has follow spec/pagopa.md. Fields that we do not know do no harm:
later schemas add some. Amounts become integer cents as they are read.
"""

from datetime import date, datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel

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
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel)


class _Request(Wire):
    """Who asks whom: checked before anything else."""

    id_pa: Text35 = Field(alias="idPA")
    id_broker_pa: Text35 = Field(alias="idBrokerPA")
    id_station: Text35


class QrCode(Wire):
    fiscal_code: FiscalCodePA
    notice_number: NoticeNumber


class VerifyPaymentNotice(_Request):
    qr_code: QrCode


class GetPayment(_Request):
    """V1 and V2 ask alike."""

    qr_code: QrCode
    amount: Cents | None = None
    payment_note: Text210 | None = None
    transfer_type: Text35 | None = None
    due_date: XmlDate | None = None


class DemandPaymentNotice(_Request):
    """Not in the schema of 2022-03: as later ones have it (`stIdentificativoServizio`, `xsd:base64Binary`)."""

    id_servizio: Annotated[str, StringConstraints(min_length=5, max_length=5)]
    dati_specifici_servizio_request: Annotated[str, StringConstraints(max_length=500_000)] = Field(repr=False)


class EntityUniqueIdentifier(Wire):
    entity_unique_identifier_type: Literal["F", "G"]
    entity_unique_identifier_value: Annotated[str, StringConstraints(min_length=2, max_length=16)]


class Subject(Wire):
    """A debtor or payer. Of all that it may say, only the code is of use to us."""

    unique_identifier: EntityUniqueIdentifier
    full_name: Annotated[str, StringConstraints(min_length=1, max_length=140)]


class Transfer(Wire):
    """V2: an IBAN or, where a digital stamp was paid, its file."""

    id_transfer: Annotated[int, Field(ge=1, le=5)]
    transfer_amount: CentsNotZero
    fiscal_code_pa: FiscalCodePA = Field(alias="fiscalCodePA")
    iban: Text35 | None = Field(default=None, alias="IBAN")
    mbd_attachment: str | None = Field(default=None, alias="MBDAttachment", repr=False)
    remittance_information: Text140
    transfer_category: Text140


class TransferList(Wire):
    transfer: Annotated[tuple[Transfer, ...], BeforeValidator(several), Field(min_length=1, max_length=5)]


class PaymentReceipt(Wire):
    """ctReceipt and ctReceiptV2."""

    receipt_id: Annotated[str, StringConstraints(min_length=1, max_length=1000)]
    notice_number: NoticeNumber
    fiscal_code: FiscalCodePA
    outcome: Literal["OK", "KO"]
    creditor_reference_id: Text35
    payment_amount: Cents
    description: Text140
    company_name: Text140
    office_name: Text140 | None = None
    debtor: Subject = Field(repr=False)
    transfer_list: TransferList = Field(repr=False)
    id_psp: Text35 = Field(alias="idPSP")
    psp_company_name: Text70 = Field(alias="PSPCompanyName")
    id_channel: Text35
    channel_description: Text35
    payment_method: Text35 | None = None
    fee: Cents | None = None
    payment_date_time: XmlDateTime | None = None
    application_date: XmlDate | None = None
    transfer_date: XmlDate | None = None
    stand_in: XmlBoolean = False


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
