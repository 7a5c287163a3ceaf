"""Between the wishes that are stored and the preferences that a portal shows and changes."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import time
from typing import Any

from contracts.faults import bilingual
from contracts.items import ALWAYS_TOLD
from contracts.preferences import ChannelsPatch, PreferencesPatch
from hub.errors import ContractViolation, Fault
from hub.store.optouts import EVERYTHING, NO_SERVICE
from hub.store.preferences import Off, Quiet, Wishes

CHANNELS = ("io", "email")
_NO_SINGLE_SERVICE = (EVERYTHING, NO_SERVICE)


def view_of(wishes: Wishes) -> dict[str, Any]:
    """contracts.preferences.Preferences."""
    quiet = wishes.quiet
    services = sorted({off.topic for off in wishes.off} - set(_NO_SINGLE_SERVICE))
    return {
        "language": wishes.language,
        "quiet_hours": quiet and {"start": quiet.start.isoformat("minutes"), "end": quiet.end.isoformat("minutes")},
        "digest": "off",
        "channels": _shown(wishes, EVERYTHING),
        "without_service": _shown(wishes, NO_SERVICE),
        "services": [{"service_id": service_id} | _shown(wishes, service_id) for service_id in services],
        "unsubscribed": [
            {"service_id": None if off.topic == NO_SERVICE else off.topic} for off in sorted(wishes.by_link)
        ],
        "always_sent": sorted(ALWAYS_TOLD),
    }


def patched(wishes: Wishes, patch: PreferencesPatch) -> Wishes:
    """The wishes with the members of the patch in them.

    Raises:
        ContractViolation: `unsubscribed` has one that no link of an e-mail switched off.
    """
    given = patch.model_fields_set
    if "language" in given:
        wishes = replace(wishes, language=patch.language)
    if "quiet_hours" in given:
        hours = patch.quiet_hours
        wishes = replace(
            wishes, quiet=Quiet(time.fromisoformat(hours.start), time.fromisoformat(hours.end)) if hours else None
        )
    for name, topic in (("channels", EVERYTHING), ("without_service", NO_SERVICE)):
        if name in given:
            wishes = _switched(wishes, topic, getattr(patch, name) or ChannelsPatch(io=True, email=True))
    if "services" in given:
        kept = (off for off in wishes.off if off.topic in _NO_SINGLE_SERVICE)
        chosen = (
            Off(channel, each.service_id)
            for each in patch.services or ()
            for channel in CHANNELS
            if not getattr(each, channel)
        )
        wishes = replace(wishes, off=frozenset((*kept, *chosen)))
    if "unsubscribed" in given:
        wishes = replace(wishes, by_link=_still(wishes, (each.service_id for each in patch.unsubscribed or ())))
    return wishes


def _shown(wishes: Wishes, topic: str) -> dict[str, bool]:
    return {channel: Off(channel, topic) not in wishes.off for channel in CHANNELS}


def _switched(wishes: Wishes, topic: str, patch: ChannelsPatch) -> Wishes:
    off = set(wishes.off)
    for channel in patch.model_fields_set:
        (off.discard if getattr(patch, channel) else off.add)(Off(channel, topic))
    return replace(wishes, off=frozenset(off))


def _still(wishes: Wishes, service_ids: Iterable[str | None]) -> frozenset[Off]:
    left = frozenset(Off("email", NO_SERVICE if each is None else each) for each in service_ids)
    if not left <= wishes.by_link:
        detail = bilingual(
            "Solo il link in una e-mail può disattivare un indirizzo; per un servizio usare services",
            "only the link in an e-mail can switch off one address; use services to switch off a service",
        )
        raise ContractViolation(faults=(Fault("/unsubscribed", "field.not_allowed", detail),))
    return left
