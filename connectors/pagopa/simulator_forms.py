"""What the simulated GPD takes: its request models with their limits, and the rules that they are held against.

Written from `spec/pagopa.md` and GPD's description, and not from `positions.py`: one's mistake is not the other's.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel


def _wall_clock(moment: datetime) -> datetime:
    """GPD compares times as the wall clock of UTC, without a zone."""
    return (moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)).replace(tzinfo=None)


Moment = Annotated[datetime, AfterValidator(_wall_clock)]
Cents = Annotated[int, Field(ge=1)]
Text140 = Annotated[str, StringConstraints(max_length=140)]
NonEmpty = Annotated[str, StringConstraints(min_length=1)]
Account = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,35}$")]


class Closed(BaseModel):
    """Its names are ours; the platform's are their camelCase, taken and shown."""

    model_config = ConfigDict(strict=True, extra="forbid", alias_generator=to_camel, serialize_by_alias=True)


class Metadata(Closed):
    key: Text140
    value: Text140


class Stamp(Closed):
    hash_document: Annotated[str, StringConstraints(max_length=72)]
    stamp_type: Annotated[str, StringConstraints(min_length=2, max_length=2)]
    provincial_residence: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class Transfer(Closed):
    id_transfer: Literal["1", "2", "3", "4", "5"]
    amount: Cents
    organization_fiscal_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{11}$")] | None = None
    remittance_information: Text140
    category: NonEmpty
    iban: Account | None = None
    postal_iban: Account | None = None
    stamp: Stamp | None = None
    company_name: Text140 | None = None
    transfer_metadata: Annotated[list[Metadata], Field(max_length=10)] = []


class _Payable(Closed):
    nav: Annotated[str, StringConstraints(pattern=r"^[0-9]{18}$")] | None = None
    iuv: Annotated[str, StringConstraints(pattern=r"^([0-9]{15}|[0-9]{17})$")]
    amount: Cents
    description: Text140
    due_date: Moment
    transfer: Annotated[list[Transfer], Field(min_length=1, max_length=5)]


class Option(_Payable):
    is_partial_payment: bool
    retention_date: Moment | None = None
    payment_option_metadata: Annotated[list[Metadata], Field(max_length=10)] = []


class Instalment(_Payable):
    installment_metadata: Annotated[list[Metadata], Field(max_length=10)] = []


class Debtor(Closed):
    type: Literal["F", "G"]
    fiscal_code: NonEmpty
    full_name: NonEmpty
    street_name: str | None = None
    civic_number: str | None = None
    postal_code: str | None = None
    city: str | None = None
    province: str | None = None
    region: str | None = None
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    phone: str | None = None


class _Position(Closed):
    iupd: NonEmpty
    pay_stand_in: bool = True
    company_name: Text140
    office_name: Text140 | None = None


class PositionV1(_Position, Debtor):
    switch_to_expired: bool
    validity_date: Moment | None = None
    payment_option: list[Option] = []


class OptionV3(Closed):
    description: Text140 | None = None
    validity_date: Moment | None = None
    retention_date: Moment | None = None
    switch_to_expired: bool
    debtor: Debtor
    installments: Annotated[list[Instalment], Field(min_length=1, max_length=100)]


class PositionV3(_Position):
    payment_option: Annotated[list[OptionV3], Field(min_length=1, max_length=100)]


class BulkV2(Closed):
    payment_positions: Annotated[list[PositionV1], Field(min_length=1, max_length=100)]


class NamesV2(Closed):
    payment_position_iupds: Annotated[list[str], Field(max_length=20, alias="paymentPositionIUPDs")]


def plain(position: PositionV1 | PositionV3) -> dict[str, Any]:
    """As the simulator keeps it: v3's form, of either version. An option of v1 by itself, its instalments together."""
    kept: dict[str, Any] = position.model_dump(mode="json", include=set(_Position.model_fields))
    if isinstance(position, PositionV3):
        kept["options"] = [option.model_dump(mode="json") for option in position.payment_option]
        return kept
    debtor = position.model_dump(mode="json", include=set(Debtor.model_fields))
    shared = {"switchToExpired": position.switch_to_expired, "debtor": debtor}
    shared["validityDate"] = position.validity_date.isoformat() if position.validity_date else None
    plans = [[option] for option in position.payment_option if not option.is_partial_payment]
    partial = [option for option in position.payment_option if option.is_partial_payment]
    kept["options"] = []
    for plan in [*plans, partial] if partial else plans:
        options = [option.model_dump(mode="json", exclude={"is_partial_payment"}) for option in plan]
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
    for option in position.payment_option:
        for payable in option.installments if isinstance(option, OptionV3) else (option,):
            yield payable.nav or f"3{payable.iuv}"


def payables(kept: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Every payable part of a position, with the option that it belongs to."""
    for option in kept["options"]:
        for payable in option["installments"]:
            yield option, payable
