"""What pagoPA's REST API of reporting flows (FdR) answers."""

from datetime import date
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from contracts.reporting import ReportedOutcome

from .money import cents_of_number
from .riversamento import OUTCOMES

_NAME: Final = StringConstraints(pattern=r"^[a-zA-Z0-9_-]{1,35}$")
_Cents = Annotated[int, BeforeValidator(cents_of_number)]
_STATUSES: Final[dict[str, ReportedOutcome]] = {one.upper(): one for one in OUTCOMES.values()}


def _status(value: Any) -> Any:
    # As with the older codes: one that is new to us is for a person to look at.
    if not isinstance(value, str) or value not in _STATUSES:
        raise ValueError("not a payStatus")
    return _STATUSES[value]


class Answered(BaseModel):
    """As far as we read it."""

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel)


class _Named(Answered):
    fdr: Annotated[str, _NAME]
    psp_id: Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,35}$")]
    revision: Annotated[int, Field(ge=1)]
    published: AwareDatetime


class _Metadata(Answered):
    tot_page: Annotated[int, Field(ge=0)]


class List(Answered):
    """A page of the list of flows."""

    metadata: _Metadata
    data: tuple[_Named, ...]


class _Receiver(Answered):
    organization_id: Annotated[str, StringConstraints(pattern=r"^[0-9]{11}$")]


class Head(Answered):
    """What a flow says of itself."""

    fdr_date: AwareDatetime
    receiver: _Receiver
    regulation: Annotated[str, StringConstraints(min_length=1, max_length=35)]
    regulation_date: date
    tot_payments: Annotated[int, Field(ge=0)] | None = None
    sum_payments: _Cents | None = None
    computed_tot_payments: Annotated[int, Field(ge=0)] | None = None
    computed_sum_payments: _Cents | None = None


class Payment(Answered):
    """One of its payments."""

    index: Annotated[int, Field(ge=1)]
    iuv: Annotated[str, StringConstraints(min_length=1, max_length=35)]
    iur: Annotated[str, StringConstraints(min_length=1, max_length=35)]
    id_transfer: Annotated[int, Field(ge=1, le=5)] = 1
    pay: _Cents
    pay_status: Annotated[ReportedOutcome, BeforeValidator(_status)]
    pay_date: AwareDatetime


class Payments(Answered):
    """A page of its payments."""

    metadata: _Metadata
    data: tuple[Payment, ...]
