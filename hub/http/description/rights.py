"""What is said of the operations by which a citizen sees how his data is handled."""

from contracts.export import Export
from contracts.rights import AccessPage, SharingPage
from hub import errors

from . import rights_examples as examples
from .entries import Answer, Body, Entry, Errors, both
from .publish import ANY_CALLER

PORTAL: Errors = (
    errors.RequestMalformed,
    errors.RequestInvalid,
    errors.RequestRefused,
    errors.ScopeMissing,
    errors.AssuranceTooLow,
    errors.ActorMismatch,
    errors.DelegationInactive,
    *ANY_CALLER,
)
CALLER = ("CitizenAssertion", "CorrelationId")

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
}
