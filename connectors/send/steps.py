"""The story of a notification as its timeline tells it: which of SEND's elements are steps that somebody asks after.

Statuses say where a notification stands, and are in `statuses.py`; these say how it came there, and when it took effect
for its recipient. Nothing else of an element is taken: its details name people and where they live.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from contracts.inbound import Report, Step

from .moments import moment

# Category of an element -> the step. Of those that are not here nobody has to act upon anything, or, as of a recipient
# who has died, they say more of the person than of the notification.
STEPS: Mapping[str, Step] = {
    "DIGITAL_SUCCESS_WORKFLOW": "digital_delivered",
    "DIGITAL_FAILURE_WORKFLOW": "digital_failed",
    "SEND_ANALOG_DOMICILE": "letter_sent",
    "SEND_SIMPLE_REGISTERED_LETTER": "letter_sent",
    "ANALOG_SUCCESS_WORKFLOW": "letter_delivered",
    "ANALOG_FAILURE_WORKFLOW": "letter_failed",
    "COMPLETELY_UNREACHABLE": "unreachable",
    "NOTIFICATION_VIEWED": "viewed",
    "REFINEMENT": "term_passed",
    "PAYMENT": "payment_noted",
    "NOTIFICATION_CANCELLED": "cancelled",
}


def steps_of(iun: str, elements: Iterable[Mapping[str, Any]]) -> tuple[Report, ...]:
    """What elements of its timeline tell, in their order."""
    found = []
    for element in elements:
        category = element.get("category")
        step = STEPS.get(category) if isinstance(category, str) else None
        if step is not None:
            found.append(Report("step", moment(element), provider_id=iun, step=step))
    return tuple(found)
