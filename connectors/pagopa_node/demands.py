"""What becomes of demands (paDemandPaymentNotice): the services of the settings, ready, held against their own tests as
the station is connected, and tried out by an administrator."""

from base64 import b64decode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Annotated, Any, Final

from pydantic import Field, ValidationError

from connectors.base.mapping.contract import contract_faults, validated
from connectors.base.mapping.expressions import Expression
from connectors.base.mapping.rules import MapFault, Members, Place, Trail, true_of
from connectors.base.mapping.unmappable import Unmappable
from contracts.answering import Demanded, OwedPayment, Reply
from contracts.base import ROME, Form, rfc3339
from contracts.connector import Operation
from contracts.failures import Misconfigured, Rejected
from contracts.faults import Bilingual, bilingual
from contracts.inbound import Wrong

from .config import Settings
from .faults import Refused
from .spontaneous import Filed, IdServizio, ServiceTest, SpontaneousService
from .xml import Unreadable, parse

_ANY_DAY: Final = datetime(2000, 1, 3, 12, tzinfo=UTC)
"""When tests are run: what was due by today's date is late tomorrow, and a test must not fail by itself."""
_NAMED: Final = {"external_id": "demand"}
"""Where the rules give no name the hub does."""


class DemandData(Form):
    """The data of a service, as a payment service provider would send them before they are encoded."""

    id_servizio: IdServizio
    """Il servizio, come in `spontaneous`. / The service, as in `spontaneous`."""
    document: Annotated[str, Field(max_length=500_000, repr=False)]
    """L'XML dei dati, prima della codifica in Base64. / The data's XML, before it is encoded in Base64."""


class Offer:
    """A service, ready: what its data make, and why they make nothing. `pointer` is where it stands in the settings."""

    def __init__(self, service: SpontaneousService, filed: Filed, pointer: str) -> None:
        self.service, self.filed, self._pointer = service, filed, pointer
        self._when = Expression(service.when) if service.when is not None else None
        self._members = Members(service.fields, f"{pointer}/fields")

    def demanded(self, data: str, now: datetime, *, answer: Callable[[OwedPayment], Reply], refused: Reply) -> Demanded:
        """The payment that these data (Base64) ask for. Raises Refused."""
        made = self.made_of(_decoded(data), now)
        passing = {"occurred_at"} if "due_date" in made else {"occurred_at", "due_date", "invalid_after_due"}
        item = self._item(made, now)
        return Demanded(item, self.filed.vendor_id, self.filed.numbering, frozenset(passing), answer, refused)

    def made_of(self, document: bytes, now: datetime) -> dict[str, Any]:
        """The fields that the rules make of an XML, which together with the others are a payment. Raises Refused."""
        try:
            root = parse(document)
        except Unreadable as error:
            raise _unreadable(bilingual("non è XML", f"no XML: {error}")) from None
        record = {root.name: root.plain()}
        try:
            if self._when is not None and not true_of(self._when, record):
                raise self._not_payable(
                    "when",
                    "pagopa.demand_excluded",
                    bilingual("la condizione non è soddisfatta", "the condition is not met"),
                )
            made = self._members(record, None)
            validated("payments", _NAMED | self._item(made, now))
        except (Unmappable, ValidationError):
            raise _not_made(self._faults(record, now)) from None
        if made["amount_cents"] == 0:
            raise self._not_payable(
                "fields/amount_cents",
                "pagopa.demand_nothing",
                bilingual("non c'è nulla da pagare", "there is nothing to pay"),
            )
        if made.get("due_date", "9999") < now.astimezone(ROME).date().isoformat():
            raise self._not_payable(
                "fields/due_date", "pagopa.demand_late", bilingual("è scaduto prima di oggi", "it was due before today")
            )
        return made

    def failed_tests(self, now: datetime) -> list[tuple[str, str]]:
        """The names of the service's own tests that fail, each with the reason."""
        return [(test.name, problem) for test in self.service.tests if (problem := self._problem(test, now))]

    def _problem(self, test: ServiceTest, now: datetime) -> str:
        try:
            made = self.made_of(test.sample.encode(), now)
        except Refused as refused:
            code = "" if refused.declined is None else refused.declined.code
            return "" if code in test.wrong else f"the fault is {code}"
        if test.expect is None:
            return "there is no fault"
        names = sorted(made.keys() | test.expect.keys())
        return ", ".join(f"/{name} differs" for name in names if made.get(name) != test.expect.get(name))

    def _item(self, made: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        filed, today = self.filed, now.astimezone(ROME).date()
        lapses = (today + timedelta(days=self.service.valid_days)).isoformat()
        until: dict[str, Any] = {} if "due_date" in made else {"due_date": lapses, "invalid_after_due": True}
        known: dict[str, Any] = {
            "source": filed.source,
            "occurred_at": rfc3339(now),
            "creditor_tax_code": filed.numbering.creditor_tax_code,
            "title": made.get("reason", "-"),
        }
        of_service = {} if filed.service_id is None else {"service_id": filed.service_id}
        return {**known, **of_service, **until, **made}

    def _faults(self, record: Any, now: datetime) -> list[MapFault]:
        trail = Trail(Place("", "", self._pointer))
        try:
            if self._when is not None:
                true_of(self._when, record)
        except Unmappable as unmappable:
            trail.note(unmappable)
        item = self._members(record, trail)
        return trail.faults + contract_faults("payments", _NAMED | self._item(item, now), trail)

    def _not_payable(self, rule: str, code: str, detail: Bilingual) -> Refused:
        return _not_made([MapFault(Place("", "", f"{self._pointer}/{rule}"), code, detail)])


def offers_of(settings: Settings) -> Mapping[str, Offer]:
    """By `idServizio`. Raises Misconfigured where a service's own tests fail."""
    offers = {}
    for n, service in enumerate(settings.spontaneous):
        offer = offers[service.id_servizio] = Offer(service, settings.filed(service), f"/spontaneous/{n}")
        if failed := offer.failed_tests(_ANY_DAY):
            told = "; ".join(f"test {name!r}: {reason}" for name, reason in failed[:5])
            raise Misconfigured("pagopa.tests_fail", f"{service.id_servizio}: the service's own tests fail: {told}")
    return MappingProxyType(offers)


def operations_of(offers: Mapping[str, Offer]) -> Mapping[str, Operation]:
    """What an administrator may do besides: see what becomes of a demand, without one."""
    if not offers:
        return {}

    def preview(sample: DemandData) -> Mapping[str, Any]:
        offer = offers.get(sample.id_servizio)
        if offer is None:
            raise Rejected("pagopa.demand_not_offered", f"there are {', '.join(offers)}")
        try:
            return offer.made_of(sample.document.encode(), datetime.now(UTC))
        except Refused as refused:
            wrong = refused.declined
            assert wrong is not None
            detail = f"{wrong.detail}; in the data: {wrong.pointer or '-'}; the rule: {wrong.rule or '-'}"
            raise Rejected(wrong.code, f"{refused.code}: {detail}") from None

    return {
        "preview-demand": Operation(
            "Che cosa diventano i dati di un servizio spontaneo / What a spontaneous service's data become",
            DemandData,
            preview,
            begins=False,
        )
    }


def _decoded(data: str) -> bytes:
    try:
        return b64decode("".join(data.split()), validate=True)
    except ValueError:
        raise _unreadable(bilingual("non è Base64", "not Base64")) from None


def _unreadable(detail: Bilingual) -> Refused:
    wrong = Wrong("/datiSpecificiServizioRequest", "pagopa.demand_unreadable", detail)
    return Refused("PAA_SINTASSI_XSD", f"datiSpecificiServizioRequest: {detail}", declined=wrong)


def _not_made(faults: list[MapFault]) -> Refused:
    first = faults[0]
    wrong = Wrong(first.place.record, first.code, first.detail, first.place.rule)
    return Refused("PAA_SEMANTICA", f"dati del servizio: {first.place.record or first.code}", declined=wrong)
