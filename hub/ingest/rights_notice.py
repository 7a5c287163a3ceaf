"""The notice that a request about the citizen's data was answered (GDPR art. 12; S61): that it was, not in which words.

The answer itself, with the reasons of a refusal, stays behind the login: a notice goes by IO and e-mail.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final

from contracts.items import Message, MessageKind
from contracts.party import Recipient
from contracts.rights_administration import RightsClosure
from hub.store.citizens import Subject
from hub.store.drafts import Draft

from .following import Route, deliveries_of, hub_draft

KIND: Final[MessageKind] = "outcome"
"""What the citizen asked for: it cannot be switched off."""
_TITLES: Final = {"it": "Risposta alla tua richiesta sui tuoi dati", "en": "Answer to your request about your data"}
_KINDS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "it": {
            "access": "accesso ai dati",
            "rectification": "rettifica",
            "erasure": "cancellazione",
            "restriction": "limitazione del trattamento",
            "portability": "portabilità dei dati",
            "objection": "opposizione al trattamento",
        },
        "en": {
            "access": "access to your data",
            "rectification": "rectification",
            "erasure": "erasure",
            "restriction": "restriction of processing",
            "portability": "portability of your data",
            "objection": "objection to processing",
        },
    }
)
_BODIES: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("it", "done"): "La tua richiesta del {day} ({kind}) è stata accolta. {where}",
        ("it", "refused"): (
            "La tua richiesta del {day} ({kind}) non è stata accolta. {where} Puoi proporre reclamo al Garante per la "
            "protezione dei dati personali o ricorrere al giudice."
        ),
        ("en", "done"): "Your request of {day} ({kind}) was granted. {where}",
        ("en", "refused"): (
            "Your request of {day} ({kind}) was not granted. {where} You may lodge a complaint with the data "
            "protection authority (Garante) or go to court."
        ),
    }
)
_WHERE: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("it", "done"): "La risposta è nella tua area personale, tra le richieste sui tuoi dati.",
        ("it", "refused"): "I motivi sono nella tua area personale, tra le richieste sui tuoi dati.",
        ("en", "done"): "The answer is in your personal area, among the requests about your data.",
        ("en", "refused"): "The reasons are in your personal area, among the requests about your data.",
    }
)
_WORDLESS: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("it", "done"): "La trovi nella tua area personale, tra le richieste sui tuoi dati.",
        ("it", "refused"): "Se non ne hai ricevuto i motivi, chiedili all'ente.",
        ("en", "done"): "You find it in your personal area, among the requests about your data.",
        ("en", "refused"): "If you were not given the reasons, ask the municipality for them.",
    }
)
"""Where no answer is kept: it may have been given on paper, and nobody is sent to look for it."""


def answered_notice(
    route: Route, subject: Subject, request: Mapping[Any, Any], closure: RightsClosure, language: str, now: datetime
) -> Draft:
    """The message about a row of `rights_requests`. It asks for the same level of assurance as reading the request."""
    spoken = language if language in _TITLES else "it"
    received = date.fromisoformat(request["received_on"])
    how = (spoken, closure.outcome)
    where = _WORDLESS[how] if closure.answer is None else _WHERE[how]
    words = {"day": f"{received:%d/%m/%Y}", "kind": _KINDS[spoken][request["kind"]], "where": where}
    message = Message(
        external_id=f"rights-{request['request_id']}",
        version=1,
        source="hub",
        recipient=Recipient.model_validate({"tax_code": subject.tax_code, "subject_kind": subject.kind}),
        title=_TITLES[spoken],
        occurred_at=now.replace(microsecond=0),
        language=spoken,
        kind=KIND,
        min_loa=request["min_loa"],
        body_markdown=_BODIES[how].format(**words),
    )
    draft = hub_draft(message, "published", message, subject.ente_id)
    return replace(draft, deliveries=deliveries_of(message, KIND, subject.ente_id, route))
