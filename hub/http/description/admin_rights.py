"""What is said of the operations on requests of data subjects."""

from contracts.rights_administration import (
    ErasureOrder,
    ErasurePreview,
    ErasureWish,
    NewRightsRequest,
    RightsClosure,
    RightsRequest,
    RightsRequestDetail,
    RightsRequestPage,
)
from hub.admin import errors as admin_errors
from hub.admin.erasures import KEPT

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
    "erasure_ordered_at": None,
    "erased_at": None,
}
_BODY = Body(model=RightsRequest, examples={"request": _REQUEST})
_REASONS = "L'indirizzo è quello dell'anagrafe (ANPR): va corretto lì."
_DETAIL: Json = _REQUEST | {
    "kind": "rectification",
    "tax_code": "RSSMRA80A01H501U",
    "text": "Il numero civico è 12, non 21.",
    "answer": None,
}
_CONFIRMATION = "5d41402abc4b2a76b9719d911017c592ae35c1a5c8a9f2f1c4d9d0f36a1be7c2"
_ORDERED: Json = _REQUEST | {"kind": "erasure", "erasure_ordered_at": "2026-11-24T09:00:00Z"}
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
        summary="Che cosa farebbe una cancellazione / What an erasure would do",
        description=both(
            "Non cancella nulla: dice che cosa se ne andrebbe (`goes`), che cosa resta e perché (`kept`), e gli "
            "obblighi di conservare (GDPR art. 17, par. 3, lett. b): pagamenti aperti, documenti e ricevute nei loro "
            "termini. `confirmation` serve a ordinarla, e vale finché nulla di ciò cambia.",
            "Erases nothing: says what would go (`goes`), what stays and why (`kept`), and the duties to keep (GDPR "
            "art. 17(3)(b)): open payments, documents and receipts within their retention. `confirmation` is for the "
            "order, and holds as long as nothing of this changes.",
        ),
        parameters=("CorrelationId",),
        request=Body(model=ErasureWish, description="Di chi / Whose", examples={"person": _WHO}),
        answers={
            200: Answer(
                description="Che cosa farebbe / What it would do",
                body=Body(
                    model=ErasurePreview,
                    examples={
                        "duties": {
                            "concerns_somebody": True,
                            "duties_to_keep": {"open payments": 1},
                            "goes": {"messages": 3, "payments": 1, "user states": 2},
                            "kept": dict(KEPT),
                            "confirmation": _CONFIRMATION,
                        }
                    },
                ),
            )
        },
        errors=WRITING,
    ),
    "order_erasure": Entry(
        tag="erasures",
        summary="Ordina una cancellazione / Order an erasure",
        description=both(
            "Della persona di una richiesta `erasure` aperta, come l'anteprima l'ha mostrata; di ruolo "
            "`data-protection` soltanto. La esegue chi gestisce le macchine, a hub fermo, senza sapere di chi si "
            "tratta (`raccordo erase --ordered`): allora `erased_at` dice quando, e la richiesta si chiude con `done`. "
            "Fino ad allora chiuderla con `refused` ritira l'ordine. Dove osta un obbligo di conservare serve "
            "`despite`, che resta nel giornale firmato delle cancellazioni.",
            "Of the person of an open request of kind `erasure`, as the preview showed it; by the role "
            "`data-protection` alone. It is carried out by whoever operates the machines, with the hub stopped, who "
            "does not learn whom it concerns (`raccordo erase --ordered`): `erased_at` then says when, and the request "
            "is closed as `done`. Until then, closing it as `refused` takes the order back. Where there is a duty to "
            "keep it takes `despite`, which stays in the signed journal of erasures.",
        ),
        parameters=("CorrelationId",),
        request=Body(
            model=ErasureOrder,
            description="L'ordine / The order",
            examples={"seen": {"confirmation": _CONFIRMATION}},
        ),
        answers={
            200: Answer(
                description="Ordinata / Ordered", body=Body(model=RightsRequest, examples={"ordered": _ORDERED})
            )
        },
        errors=(
            *WRITING,
            admin_errors.RightsRequestUnknown,
            admin_errors.RightsRequestClosed,
            admin_errors.ErasureChanged,
        ),
    ),
}
