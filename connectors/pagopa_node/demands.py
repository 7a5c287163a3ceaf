"""The offers of a station: held against their own tests as it is connected, and tried out by an administrator."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from pydantic import Field

from contracts.base import Model
from contracts.connector import Operation
from contracts.failures import Misconfigured, Rejected

from .config import Settings
from .faults import Refused
from .spontaneous import IdServizio, Offer

_ANY_DAY: Final = datetime(2000, 1, 3, 12, tzinfo=UTC)
"""When tests are run: what was due by today's date is late tomorrow, and a test must not fail by itself."""


class Sample(Model):
    """The data of a service, as a payment service provider would send them before they are encoded."""

    id_servizio: IdServizio
    document: str = Field(max_length=500_000, repr=False, description="The XML")


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

    def preview(sample: Sample) -> Mapping[str, Any]:
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

    title = "What the data of a spontaneous service become; nothing is kept"
    return {"preview-demand": Operation(title, Sample, preview)}
