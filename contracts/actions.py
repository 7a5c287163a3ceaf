"""What the citizen can do about an item: its source's own actions, else those that its fields give (S12, S13)."""

from collections.abc import Collection

from .items import Action, Application, CitizenItem, Payment
from .states import PAYABLE

_LABELS = {
    "pay": ("Paga ora", "Pay now"),
    "complete": ("Riprendi la domanda", "Resume the application"),
    "integrate": ("Completa l'integrazione", "Send what is missing"),
}


_MADE_FOR: dict[str, Collection[str]] = {
    "pay": PAYABLE,
    "complete": ("draft",),
    "integrate": ("integration_requested",),
}
"""States of its item in which an action that the hub made up is to be done."""


def actions_of(item: CitizenItem) -> tuple[Action, ...]:
    """The actions of an item, whether or not they can still be done. None is made up where its source names any."""
    if item.actions:
        return item.actions
    match item:
        case Payment() if item.pay_url is not None:
            return (_made("pay", item.pay_url, item.language),)
        case Application() if item.resume_url is not None:
            kind = "complete" if item.integration is None else "integrate"
            return (_made(kind, item.resume_url, item.language),)
        case _:
            return ()


def actions_to_tell(item: CitizenItem, state: str) -> tuple[Action, ...]:
    """Those that a notice about the item in that state asks for."""
    if item.actions:
        return item.actions
    return tuple(action for action in actions_of(item) if state in _MADE_FOR[action.kind])


def _made(kind: str, url: str, language: str) -> Action:
    label = _LABELS[kind][language[:2] == "en"]
    return Action.model_validate({"kind": kind, "label": label, "url": url, "primary": True})
