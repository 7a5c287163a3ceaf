"""What is said of the operations on requests of data subjects."""

from contracts.rights_administration import (
    ErasurePreview,
    ErasureWish,
    NewRightsRequest,
    RightsClosure,
    RightsRequest,
    RightsRequestDetail,
    RightsRequestPage,
)
from hub.admin import errors as admin_errors

from .admin_parts import BODILESS, WRITING, listed
from .entries import Answer, Body, Entry, both
from .json_schema import Json
from .parts import EXAMPLE_ITEM_ID

_REQUEST: Json = {
    "request_id": EXAMPLE_ITEM_ID,
    "kind": "access",
    "citizen_id": EXAMPLE_ITEM_ID,
    "received_on": "2026-11-23",
    "due_on": "2026-12-23",
    "late": False,
    "closed_at": None,
    "outcome": None,
    "filed_by": "citizen",
    "delegation_id": None,
    "item_id": None,
}
_BODY = Body(model=RightsRequest, examples={"request": _REQUEST})
_REASONS = "L'indirizzo è quello dell'anagrafe (ANPR): va corretto lì."
_DETAIL: Json = _REQUEST | {
    "kind": "rectification",
    "tax_code": "RSSMRA80A01H501U",
    "text": "Il numero civico è 12, non 21.",
    "answer": None,
}
_WHO: Json = {"tax_code": "RSSMRA80A01H501U"}

ENTRIES: dict[str, Entry] = {
    "list_rights_requests": listed(
        "rights-requests",
        "Le richieste degli interessati / The requests of data subjects",
        both(
            "Nell'ordine in cui scadono (GDPR art. 12, par. 3), chiuse comprese: annotate dall'ente (`office`) o "
            "presentate dal portale, dal cittadino o da chi ha una sua delega. Di chi sono lo dice solo un "
            "identificativo casuale.",
            "In the order in which they are due (GDPR art. 12(3)), closed ones too: noted by the municipality "
            "(`office`), or filed through the portal by the citizen or whoever holds a delegation. Whose they are is a "
            "random id alone.",
        ),
        RightsRequestPage,
        _REQUEST,
    ),
    "add_rights_request": Entry(
        tag="rights-requests",
        summary="Annota una richiesta / Note a request",
        description=both(
            "Si risponde entro un mese. Il codice fiscale sta nel corpo, non si conserva in chiaro e nel registro c'è "
            "solo l'identificativo casuale.",
            "To be answered within a month. The tax code stands in the body, is not kept in clear, and on record there "
            "is the random id alone.",
        ),
        parameters=("CorrelationId",),
        request=Body(
            model=NewRightsRequest,
            description="La richiesta / The request",
            examples={"access": {"kind": "access"} | _WHO},
        ),
        answers={201: Answer(description="Annotata / Noted", body=_BODY, headers=("Location",))},
        errors=WRITING,
    ),
    "show_rights_request": Entry(
        tag="rights-requests",
        summary="Leggi una richiesta / Read a request",
        description=both(
            "Chi chiede, con quali parole, e che cosa si è risposto: in chiaro. Leggerla è un atto, che il cittadino "
            "vede nel suo registro degli accessi. Di chi è stato cancellato non resta nulla di ciò.",
            "Who asks, in which words, and what was answered: in clear. Reading it is an act, which the citizen sees "
            "in the access log. Of somebody who was erased nothing of it is left.",
        ),
        parameters=("CorrelationId",),
        answers={
            200: Answer(
                description="La richiesta / The request",
                body=Body(model=RightsRequestDetail, examples={"rectification": _DETAIL}),
            )
        },
        errors=(*BODILESS, admin_errors.RightsRequestUnknown),
    ),
    "close_rights_request": Entry(
        tag="rights-requests",
        summary="Chiudi una richiesta / Close a request",
        description=both(
            "Che cosa si è risposto. Il cittadino riceve un avviso, uno solo, e legge `answer` nell'area personale; "
            "rifiutare una richiesta presentata dal portale chiede i motivi (GDPR art. 12, par. 4).",
            "How it was answered. The citizen gets one notice, and reads `answer` in the personal area; to refuse a "
            "request that was filed through the portal takes reasons (GDPR art. 12(4)).",
        ),
        parameters=("CorrelationId",),
        request=Body(
            model=RightsClosure,
            description="L'esito / The outcome",
            examples={
                "done": {"outcome": "done"},
                "refused": {"outcome": "refused", "answer": _REASONS},
            },
        ),
        answers={200: Answer(description="Chiusa / Closed", body=_BODY)},
        errors=(*WRITING, admin_errors.RightsRequestUnknown, admin_errors.RightsRequestClosed),
    ),
    "preview_erasure": Entry(
        tag="erasures",
        summary="Che cosa osta a una cancellazione / What speaks against an erasure",
        description=both(
            "Obblighi di conservare (GDPR art. 17, par. 3, lett. b): pagamenti aperti, documenti e ricevute nei loro "
            "termini. La cancellazione si chiede con una richiesta `erasure` e la fa chi gestisce la macchina, a hub "
            "fermo: `raccordo erase`.",
            "Duties to keep (GDPR art. 17(3)(b)): open payments, documents and receipts within their retention. An "
            "erasure is asked for by a request of kind `erasure`, and made by whoever operates the machine, with the "
            "hub stopped: `raccordo erase`.",
        ),
        parameters=("CorrelationId",),
        request=Body(model=ErasureWish, description="Di chi / Whose", examples={"person": _WHO}),
        answers={
            200: Answer(
                description="Che cosa osta / What speaks against it",
                body=Body(
                    model=ErasurePreview,
                    examples={"duties": {"concerns_somebody": True, "duties_to_keep": {"open payments": 1}}},
                ),
            )
        },
        errors=WRITING,
    ),
}
