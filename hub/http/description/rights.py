"""What is said of the operations by which a citizen sees how his data is handled."""

from contracts.export import Export
from contracts.rights import AccessPage, OwnRightsRequest, OwnRightsRequestPage, RightsRequestWish, SharingPage
from hub import errors, reading_errors
from hub.admin import errors as admin_errors
from hub.security import left

from . import rights_examples as examples
from .entries import Answer, Body, Entry, Errors, both
from .publish import ANY_CALLER, UNCHANGED

PORTAL: Errors = (
    errors.RequestMalformed,
    errors.RequestInvalid,
    errors.RequestRefused,
    left.EnteEnded,
    reading_errors.ScopeMissing,
    reading_errors.AssuranceTooLow,
    reading_errors.ActorMismatch,
    reading_errors.DelegationInactive,
    *ANY_CALLER,
)
CALLER = ("CitizenAssertion", "CorrelationId")
_FILED = Body(model=OwnRightsRequest, examples={"rectification": examples.OWN_REQUEST})

ENTRIES: dict[str, Entry] = {
    "list_accesses": Entry(
        tag="rights",
        summary="Chi ha letto o cambiato i miei dati / Who read or changed my data",
        description=both(
            "Ogni lettura dal portale, ogni atto dei fornitori e dell'hub, ogni accesso di un amministratore sui dati "
            "del cittadino, dal più recente.",
            "Each read through the portal, each act of vendors and of the hub, each access of an administrator to the "
            "citizen's data, newest first.",
        ),
        parameters=("Limit", "Cursor", *CALLER),
        answers={
            200: Answer(
                description="Una pagina / A page", body=Body(model=AccessPage, examples={"page": examples.ACCESS_PAGE})
            )
        },
        errors=PORTAL,
    ),
    "export_everything": Entry(
        tag="rights",
        summary="Tutto ciò che l'hub ha su di me / Everything the hub holds of me",
        description=both(
            "Tutti i dati del cittadino in JSON, con questo schema; con `Accept: application/zip` anche i file. Ciò "
            "che chiede un livello di autenticazione più alto è contato in `left_out`.",
            "All data of the citizen in JSON, of this schema; with `Accept: application/zip` the files too. What needs "
            "a higher level of assurance is counted in `left_out`.",
        ),
        parameters=CALLER,
        answers={
            200: Answer(
                description="L'esportazione / The export",
                body=Body(model=Export, examples={"export": examples.EXPORT}),
                headers=("Content-Disposition",),
                file_types=("application/zip",),
            )
        },
        errors=(*PORTAL, errors.NotAcceptable),
    ),
    "list_sharing": Entry(
        tag="rights",
        summary="A chi sono andati i miei dati / To whom my data went",
        description=both(
            "Gli avvisi affidati a un canale, i pagamenti dati a pagoPA e i fatti che il fornitore di un elemento "
            "viene a sapere, dal più recente.",
            "The notices handed to a channel, the payments given to pagoPA, and the facts that the vendor of an item "
            "is told, newest first.",
        ),
        parameters=("Limit", "Cursor", *CALLER),
        answers={
            200: Answer(
                description="Una pagina / A page",
                body=Body(model=SharingPage, examples={"page": examples.SHARING_PAGE}),
            )
        },
        errors=PORTAL,
    ),
    "file_rights_request": Entry(
        tag="rights",
        summary="Esercita un diritto sui propri dati / Exercise a right over one's data",
        description=both(
            "Accesso, rettifica, cancellazione, limitazione, portabilità, opposizione (GDPR art. 15-21). La richiesta "
            "entra nell'elenco dell'ente, che risponde entro `due_on`: un mese. `text` serve per rettifica, "
            "limitazione e opposizione; `item_id` è l'elemento di cui si tratta. La stessa richiesta, finché aspetta "
            "risposta, è una sola (200); al più dieci aspettano insieme (409). Può farla anche chi ha una delega: "
            "l'ente lo vede, e le sue stanno a parte. Il token del portale è ID_AUTH_REST_02. Serve l'ambito "
            "`feed:write`.",
            "Access, rectification, erasure, restriction, portability, objection (GDPR art. 15-21). The request joins "
            "the municipality's list, to be answered by `due_on`: a month. `text` is needed for rectification, "
            "restriction and objection; `item_id` is the item that it is about. The same request, as long as it waits "
            "for its answer, is one (200); at most ten wait at once (409). Whoever holds a delegation may file it too: "
            "the municipality sees so, and they stand apart. The portal's token is ID_AUTH_REST_02. The scope "
            "`feed:write` is needed.",
        ),
        parameters=CALLER,
        request=Body(
            model=RightsRequestWish,
            description="Che cosa si chiede / What is asked for",
            examples={"rectification": examples.RIGHTS_WISH, "access": {"kind": "access"}},
        ),
        answers={
            200: Answer(description="Già in corso / Under way already", body=_FILED),
            201: Answer(description="Ricevuta / Received", body=_FILED, headers=("Location",)),
        },
        errors=(
            *PORTAL,
            errors.TokenReplayed,
            reading_errors.RequestPending,
            errors.BodyTooLarge,
            errors.BodyTooSlow,
            errors.MediaUnsupported,
            errors.ContractViolation,
        ),
    ),
    "list_own_rights_requests": Entry(
        tag="rights",
        summary="Le proprie richieste sui dati / One's requests about one's data",
        description=both(
            "Dalla più recente, chiuse comprese, anche quelle che l'ente ha annotato allo sportello; con `state`, "
            "l'ultimo giorno per rispondere e la risposta, che di un rifiuto dice i motivi.",
            "Newest first, closed ones too, also those that the municipality noted at its desk; with `state`, the last "
            "day to answer, and the answer, which of a refusal gives the reasons.",
        ),
        parameters=("Limit", "Cursor", *CALLER),
        answers={
            200: Answer(
                description="Una pagina / A page",
                body=Body(
                    model=OwnRightsRequestPage,
                    examples={"page": {"items": [examples.OWN_REQUEST_REFUSED], "next_cursor": None}},
                ),
            )
        },
        errors=PORTAL,
    ),
    "show_own_rights_request": Entry(
        tag="rights",
        summary="Una propria richiesta sui dati / One of one's requests about one's data",
        description=both(
            "A che punto è, e la risposta. La richiesta di un altro cittadino non esiste (404).",
            "How it stands, and the answer. Another citizen's request does not exist (404).",
        ),
        parameters=("IfNoneMatch", *CALLER),
        answers={
            200: Answer(
                description="La richiesta / The request",
                body=Body(model=OwnRightsRequest, examples={"refused": examples.OWN_REQUEST_REFUSED}),
                headers=("ETag",),
            ),
            304: UNCHANGED,
        },
        errors=(*PORTAL, admin_errors.RightsRequestUnknown),
    ),
}
