"""Which connectors a message goes to. Pure: the wish, what is configured, what is known of the citizen."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from contracts.items import Channel, MessageKind
from hub.store.connector_versions import Environment
from hub.store.drafts import CONNECTOR_UNKNOWN, NO_ADDRESS, UNSERVED, PlannedDelivery, Registration
from hub.store.standing import BULK, NORMAL, URGENT


@dataclass(frozen=True, slots=True)
class Outlet:
    """The connector that serves a channel for an ente."""

    connector_id: str
    max_age: timedelta
    ordered: bool = False


Registrars = Mapping[tuple[str, str], Mapping[Environment, Registration]]
"""By (ente_id, creditor_tax_code)."""

Outlets = Mapping[tuple[str, str], Outlet]
"""By (ente_id, channel)."""

PRIORITIES: dict[MessageKind, int] = {"alert": URGENT, "broadcast": BULK, "service_opening": BULK}
"""Of the kinds that are no ordinary notices: an alert does not wait behind a mailing to the whole town."""


def plan(
    ente_id: str,
    channels: tuple[Channel, ...],
    *,
    has_email: bool,
    kind: MessageKind = "info",
    outlets: Outlets,
) -> tuple[PlannedDelivery, ...]:
    """One planned delivery a channel; one that cannot be tried carries the reason: nothing is dropped silently."""
    planned = []
    for channel in dict.fromkeys(channels):
        outlet = outlets.get((ente_id, channel))
        if outlet is None:
            planned.append(PlannedDelivery(channel, CONNECTOR_UNKNOWN, reason=UNSERVED))
            continue
        reason = NO_ADDRESS if channel == "email" and not has_email else None
        planned.append(
            PlannedDelivery(
                channel,
                outlet.connector_id,
                outlet.max_age,
                reason,
                ordered=outlet.ordered and PRIORITIES.get(kind) != URGENT,  # an alarm waits for no other notice
                priority=PRIORITIES.get(kind, NORMAL),
            )
        )
    return tuple(planned)


def router(
    outlets: Callable[[], Outlets],
) -> Callable[[str, tuple[Channel, ...], bool, MessageKind], tuple[PlannedDelivery, ...]]:
    """`plan` with the configuration of the moment."""

    def route(
        ente_id: str, channels: tuple[Channel, ...], has_email: bool, kind: MessageKind
    ) -> tuple[PlannedDelivery, ...]:
        return plan(ente_id, channels, has_email=has_email, kind=kind, outlets=outlets())

    return route


def registering(registrars: Callable[[], Registrars]) -> Callable[[str, str], Mapping[Environment, Registration]]:
    """Who registers a creditor's debt positions in each environment, with the configuration of the moment: (ente_id,
    creditor)."""

    def registration(ente_id: str, creditor_tax_code: str) -> Mapping[Environment, Registration]:
        return registrars().get((ente_id, creditor_tax_code), {})

    return registration
