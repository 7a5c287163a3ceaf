"""What the hub makes of an item is seen by whoever may see the item."""

from typing import Any

from contracts.items import CitizenItem


def shown_like(item: CitizenItem) -> dict[str, Any]:
    """The fields by which another item is shown to the same person, at the same level, no sooner, under its service."""
    return {
        "recipient": item.recipient,
        "service_id": item.service_id,
        "sensitivity": item.sensitivity,
        "min_loa": item.min_loa,
        "visible_from": item.visible_from,
    }
