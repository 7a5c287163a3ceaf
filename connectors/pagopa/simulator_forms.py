"""What the simulated GPD takes: its request models with their limits, and the rules that they are held against.

Written from `spec/pagopa.md` and GPD's description, and not from `positions.py`: one's mistake is not the other's.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints


def _wall_clock(moment: datetime) -> datetime:
    """GPD compares times as the wall clock of UTC, without a zone."""
    return (moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)).replace(tzinfo=None)


Moment = Annotated[datetime, AfterValidator(_wall_clock)]
Cents = Annotated[int, Field(ge=1)]
Text140 = Annotated[str, StringConstraints(max_length=140)]
NonEmpty = Annotated[str, StringConstraints(min_length=1)]
Account = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,35}$")]


class Closed(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class Metadata(Closed):
    key: Text140
    value: Text140


class Stamp(Closed):
    hashDocument: Annotated[str, StringConstraints(max_length=72)]  # noqa: N815 - GPD's names
    stampType: Annotated[str, StringConstraints(min_length=2, max_length=2)]  # noqa: N815
    provincialResidence: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]  # noqa: N815


class Transfer(Closed):
    idTransfer: Literal["1", "2", "3", "4", "5"]  # noqa: N815
    amount: Cents
    organizationFiscalCode: Annotated[str, StringConstraints(pattern=r"^[0-9]{11}$")] | None = None  # noqa: N815
    remittanceInformation: Text140  # noqa: N815
    category: NonEmpty
    iban: Account | None = None
    postalIban: Account | None = None  # noqa: N815
    stamp: Stamp | None = None
    companyName: Text140 | None = None  # noqa: N815
    transferMetadata: Annotated[list[Metadata], Field(max_length=10)] = []  # noqa: N815


class _Payable(Closed):
    nav: Annotated[str, StringConstraints(pattern=r"^[0-9]{18}$")] | None = None
    iuv: Annotated[str, StringConstraints(pattern=r"^([0-9]{15}|[0-9]{17})$")]
    amount: Cents
    description: Text140
    dueDate: Moment  # noqa: N815
    transfer: Annotated[list[Transfer], Field(min_length=1, max_length=5)]


class Option(_Payable):
    isPartialPayment: bool  # noqa: N815
    retentionDate: Moment | None = None  # noqa: N815
    paymentOptionMetadata: Annotated[list[Metadata], Field(max_length=10)] = []  # noqa: N815


class Instalment(_Payable):
    installmentMetadata: Annotated[list[Metadata], Field(max_length=10)] = []  # noqa: N815


class Debtor(Closed):
    type: Literal["F", "G"]
    fiscalCode: NonEmpty  # noqa: N815
    fullName: NonEmpty  # noqa: N815
    streetName: str | None = None  # noqa: N815
    civicNumber: str | None = None  # noqa: N815
    postalCode: str | None = None  # noqa: N815
    city: str | None = None
    province: str | None = None
    region: str | None = None
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    phone: str | None = None


class _Position(Closed):
    iupd: NonEmpty
    payStandIn: bool = True  # noqa: N815
    companyName: Text140  # noqa: N815
    officeName: Text140 | None = None  # noqa: N815


class PositionV1(_Position, Debtor):
    switchToExpired: bool  # noqa: N815
    validityDate: Moment | None = None  # noqa: N815
    paymentOption: list[Option] = []  # noqa: N815


class OptionV3(Closed):
    description: Text140 | None = None
    validityDate: Moment | None = None  # noqa: N815
    retentionDate: Moment | None = None  # noqa: N815
    switchToExpired: bool  # noqa: N815
    debtor: Debtor
    installments: Annotated[list[Instalment], Field(min_length=1, max_length=100)]


class PositionV3(_Position):
    paymentOption: Annotated[list[OptionV3], Field(min_length=1, max_length=100)]  # noqa: N815


class BulkV2(Closed):
    paymentPositions: Annotated[list[PositionV1], Field(min_length=1, max_length=100)]  # noqa: N815


class NamesV2(Closed):
    paymentPositionIUPDs: Annotated[list[str], Field(max_length=20)]  # noqa: N815


def plain(position: PositionV1 | PositionV3) -> dict[str, Any]:
    """As the simulator keeps it: v3's form, of either version. An option of v1 by itself, its instalments together."""
    kept: dict[str, Any] = position.model_dump(mode="json", include=set(_Position.model_fields))
    if isinstance(position, PositionV3):
        kept["options"] = [option.model_dump(mode="json") for option in position.paymentOption]
        return kept
    debtor = position.model_dump(mode="json", include=set(Debtor.model_fields))
    shared = {"switchToExpired": position.switchToExpired, "debtor": debtor}
    shared["validityDate"] = position.validityDate.isoformat() if position.validityDate else None
    plans = [[option] for option in position.paymentOption if not option.isPartialPayment]
    partial = [option for option in position.paymentOption if option.isPartialPayment]
    kept["options"] = []
    for plan in [*plans, partial] if partial else plans:
        options = [option.model_dump(mode="json", exclude={"isPartialPayment"}) for option in plan]
        retention = [option.pop("retentionDate") for option in options]
        for option in options:
            option["installmentMetadata"] = option.pop("paymentOptionMetadata")
        made = {"description": None, "retentionDate": retention[0], "partial": plan is partial, "installments": options}
        kept["options"].append(shared | made)
    return kept


class Broken(Exception):
    """A rule is not kept: the status and GPD's sentence."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def must_keep_the_rules(
    kept: dict[str, Any],
    *,
    now: datetime,
    new: bool,
    ibans: Collection[str] | None,
    knows_category: Callable[[str], bool],
) -> None:
    """Raises Broken as GPD refuses a position (spec/pagopa.md, "Rules checked")."""
    now = _wall_clock(now)
    for option in kept["options"]:
        valid_from = _moment(option["validityDate"])
        if new and valid_from is not None and valid_from <= now:
            raise Broken(400, "The validity date must be in the future.")
        for payable in option["installments"]:
            due, retention = _moment(payable["dueDate"]), _moment(option["retentionDate"])
            if due is None or due < now or (valid_from is not None and due < valid_from):
                raise Broken(400, "The due date must not be before now, nor before the validity date.")
            if retention is not None and retention < due:
                raise Broken(400, "The retention date must not be before the due date.")
            if sum(transfer["amount"] for transfer in payable["transfer"]) != payable["amount"]:
                raise Broken(400, "The sum of the transfers is not the amount of the payment option.")
            keys = [each["key"] for each in payable["installmentMetadata"]]
            _must_be_unique(keys, "metadata keys")
            if "NOTIFICATION_FEE" in keys:
                raise Broken(409, "The metadata key NOTIFICATION_FEE is reserved.")
            _must_be_unique([each["idTransfer"] for each in payable["transfer"]], "transfers")
            for transfer in payable["transfer"]:
                _must_be_a_transfer(transfer, ibans, knows_category)


def _must_be_a_transfer(
    transfer: dict[str, Any], ibans: Collection[str] | None, knows_category: Callable[[str], bool]
) -> None:
    if (transfer["iban"] is None) == (transfer["stamp"] is None):
        raise Broken(400, "A transfer has either an IBAN or a stamp.")
    if transfer["postalIban"] is not None and transfer["iban"] is None:
        raise Broken(400, "A postal IBAN goes with an IBAN.")
    if ibans is not None and transfer["iban"] is not None and transfer["iban"] not in ibans:
        raise Broken(400, f"The IBAN {transfer['iban']} is not enabled for the organization.")
    if not knows_category(transfer["category"]):
        raise Broken(400, "The taxonomy of a transfer is not valid.")
    _must_be_unique([each["key"] for each in transfer["transferMetadata"]], "metadata keys")


def _must_be_unique(values: list[str], what: str) -> None:
    if any(count > 1 for count in Counter(values).values()):
        raise Broken(400, f"The {what} are not unique.")


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def numbers_of(position: PositionV1 | PositionV3) -> Iterator[str]:
    """The notice numbers of a position; GPD makes them of the aux digit 3 and the IUV where they are left out."""
    for option in position.paymentOption:
        for payable in option.installments if isinstance(option, OptionV3) else (option,):
            yield payable.nav or f"3{payable.iuv}"


def payables(kept: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Every payable part of a position, with the option that it belongs to."""
    for option in kept["options"]:
        for payable in option["installments"]:
            yield option, payable
