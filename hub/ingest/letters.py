"""The letter that goes to an address which a citizen gave (S5)."""

from dataclasses import replace

from contracts.identifiers import new_uuid7
from contracts.items import Message, Notify
from contracts.party import Recipient
from hub.clock import Clock
from hub.store.citizens import Subject
from hub.store.drafts import Draft
from hub.store.profile_contacts import CONFIRM_WITHIN, LETTER

from .following import Route, deliveries_of, hub_draft

_HOURS = int(CONFIRM_WITHIN.total_seconds() // 3600)
_TITLES = {"it": "Conferma il tuo indirizzo e-mail", "en": "Confirm your e-mail address"}
_BODIES = {
    "it": (
        "Hai chiesto di ricevere gli avvisi dell'area personale a questo indirizzo e-mail.\n\nPer confermarlo apri, "
        f"entro {_HOURS} ore, il collegamento dell'e-mail che abbiamo mandato lì. Se non l'hai chiesto tu, non fare "
        "nulla: nessun avviso arriverà a quell'indirizzo."
    ),
    "en": (
        "You asked for the notices of your personal area to come to this e-mail address.\n\nTo confirm it open, within "
        f"{_HOURS} hours, the link in the e-mail that we sent there. If it was not you who asked, do nothing: no "
        "notice will come to that address."
    ),
}


def confirmation_letter(clock: Clock, route: Route, subject: Subject, email: str, language: str) -> Draft:
    """The message, which goes by e-mail alone. Its link is made when it leaves, and is in no feed."""
    spoken = language if language in _TITLES else "it"
    message = Message(
        external_id=f"{LETTER}{new_uuid7()}",
        version=1,
        source="hub",
        recipient=Recipient.model_validate(
            {"tax_code": subject.tax_code, "subject_kind": subject.kind, "email": email}
        ),
        title=_TITLES[spoken],
        occurred_at=clock.now().replace(microsecond=0),
        language=spoken,
        body_markdown=_BODIES[spoken],
        notify=Notify(channels=("email",)),
    )
    draft = hub_draft(message, "published", message, subject.ente_id)
    return replace(draft, deliveries=deliveries_of(message, message.kind, subject.ente_id, route))
