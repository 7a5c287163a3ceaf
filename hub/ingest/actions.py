"""What the citizen can do about an item: its source's own actions, else those that its fields give (S12, S13)."""

from contracts.items import Action, Application, CitizenItem, Payment

_LABELS = {
    "pay": ("Paga ora", "Pay now"),
    "complete": ("Riprendi la domanda", "Resume the application"),
    "integrate": ("Completa l'integrazione", "Send what is missing"),
}


def actions_of(item: CitizenItem, state: str) -> tuple[Action, ...]:
    """The actions of an item in that state. None is made up where its source names any."""
    if item.actions:
        return item.actions
    match item:
        case Payment() if item.pay_url is not None:
            return (_made("pay", item.pay_url, item.language),)
        case Application() if item.resume_url is not None and state == "draft":
            return (_made("complete", item.resume_url, item.language),)
        case Application() if item.resume_url is not None and state == "integration_requested":
            return (_made("integrate", item.resume_url, item.language),)
        case _:
            return ()


def _made(kind: str, url: str, language: str) -> Action:
    label = _LABELS[kind][language[:2] == "en"]
    return Action.model_validate({"kind": kind, "label": label, "url": url, "primary": True})
