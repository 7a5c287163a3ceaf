"""What is said of the operations on sources, connectors' own operations, and extracts of registers."""

from contracts.source_administration import (
    ConnectorOperationPage,
    Intake,
    OperationResult,
    OperationWish,
    RegisterExtract,
    RegisterImport,
    SourceReading,
    SourceReadingPage,
    VendorSource,
    VendorSourcePage,
    VendorSourcePatch,
)
from contracts.work_administration import QuarantineEntry
from hub import errors
from hub.admin import errors as admin_errors
from hub.security.left import EnteEnded

from .admin_parts import ADMIN, BODILESS, CHANGE, QUARANTINED, WRITING, listed, shown
from .entries import Answer, Body, Entry, Errors, both
from .json_schema import Json
from .parts import EXAMPLE_ITEM_ID

_AT = "2026-11-23T09:00:00Z"
_READING: Json = {
    "connector_id": "sportello",
    "due_at": "2026-11-23T09:05:00Z",
    "read_at": _AT,
    "failures": 0,
    "reason": None,
    "quarantined": 2,
    "missing": 0,
}
_SOURCE: Json = {
    "vendor_id": "tributi-srl",
    "source": "tributi",
    "every_s": 86_400,
    "heard_at": _AT,
    "stale": False,
    "draft_days": 365,
    "open_applications": 12,
    "fresh": 11,
}
_OPERATION: Json = {
    "operation": "create-service",
    "title": "Create a service",
    "arguments_schema": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
}
_RESULT: Json = {
    "operation": "create-service",
    "outcome": "done",
    "answer": {"id": EXAMPLE_ITEM_ID},
    "reason": None,
    "detail": None,
    "it": "Il fornitore l'ha fatto.",
    "en": "The provider has done it.",
}
_INTAKE: Json = {
    "connector_id": "sportello",
    "taken": 118,
    "withdrawn": 0,
    "unchanged": 40,
    "quarantined": 2,
    "passed": 0,
}
_EXTRACT: Json = {
    "register_id": "anpr",
    "people": [{"tax_code": "RSSMRA80A01H501U", "as_of": _AT, "attributes": {"residence": "Via Roma 1"}}],
}
_CONNECTOR: Errors = (*ADMIN, admin_errors.ConnectorUnknown)
_ENTRY = Body(model=QuarantineEntry, examples={"entry": QUARANTINED})

ENTRIES: dict[str, Entry] = {
    "list_connector_operations": listed(
        "connectors",
        "Che cosa un connettore sa fare presso il fornitore / What a connector can do at its provider",
        both(
            "Oltre alle consegne: creare un servizio, cambiare una chiave. Con lo schema degli argomenti.",
            "Besides deliveries: make a service, change a key. With the schema of the arguments.",
        ),
        ConnectorOperationPage,
        _OPERATION,
        (*_CONNECTOR, admin_errors.ConnectorNotInForce, errors.ContractViolation),
    ),
    "run_connector_operation": Entry(
        tag="connectors",
        summary="Fai qualcosa presso il fornitore / Do something at the provider",
        description=both(
            "Il fornitore è chiamato davvero, con la versione in uso. Ciò che risponde si mostra solo ora e non si "
            "conserva: può contenere una chiave nuova. Nel registro c'è l'inizio e l'esito. Per un ente che lascia "
            "l'hub non si avvia più nulla (`ente.ended`): si guarda, si corregge e si chiude come prima.",
            "The provider is really called, with the version in force. What it answers is shown this once and kept "
            "nowhere: it may hold a new key. That it began and how it ended is on record. For a body that leaves "
            "nothing is begun any more (`ente.ended`); looking, setting right and ending go on.",
        ),
        parameters=("CorrelationId",),
        request=Body(
            model=OperationWish,
            description="Che cosa / What",
            examples={"service": {"operation": "create-service", "arguments": {"name": "TARI"}}},
        ),
        answers={
            200: Answer(
                description="Com'è andata / How it went", body=Body(model=OperationResult, examples={"done": _RESULT})
            )
        },
        errors=(
            *WRITING,
            admin_errors.ConnectorUnknown,
            admin_errors.OperationUnknown,
            admin_errors.ConnectorNotInForce,
            EnteEnded,
        ),
    ),
    "poll_source": Entry(
        tag="sources",
        summary="Leggi subito una fonte / Read a source now",
        description=both(
            "Tocca a lei ora, qualunque fosse il suo turno: chi legge le fonti comincia entro un paio di secondi. Come "
            "va, lo dice `/source-readings`.",
            "It is its turn now, whenever that would have been: whoever reads sources begins within a second or two. "
            "`/source-readings` says how it goes.",
        ),
        parameters=("CorrelationId",),
        answers={
            202: Answer(
                description="Ha il turno / It has its turn",
                body=Body(model=SourceReading, examples={"reading": _READING}),
            )
        },
        errors=(*BODILESS, admin_errors.ConnectorUnknown, admin_errors.SourceNotRead),
    ),
    "upload_source_file": Entry(
        tag="sources",
        summary="Carica un file di una fonte / Take in a file of a source",
        description=both(
            "Il file com'è stato esportato (CSV, JSON, XML, secondo il connettore), fino a "
            "`RACCORDO_CONTENT_LIMIT` byte; ciò che non è cambiato dall'ultimo si salta, ciò che non va è in "
            "quarantena.",
            "The file as it was exported (CSV, JSON, XML, as the connector has it), of at most "
            "`RACCORDO_CONTENT_LIMIT` bytes; what has not changed since the last one is passed over, what does not fit "
            "goes to the quarantine.",
        ),
        parameters=("CorrelationId",),
        request=Body(media=("application/octet-stream",), description="Il file / The file"),
        answers={
            200: Answer(
                description="Che cosa ne è stato / What became of it",
                body=Body(model=Intake, examples={"intake": _INTAKE}),
            )
        },
        errors=(
            *BODILESS,
            admin_errors.ConnectorUnknown,
            admin_errors.SourceReadsNoFiles,
            admin_errors.SourceFailed,
        ),
    ),
    "list_source_readings": listed(
        "sources",
        "Come va la lettura delle fonti / How the reading of sources goes",
        both(
            "I connettori che leggono una fonte: l'ultima volta, la prossima, che cosa non va, quanto è in quarantena.",
            "The connectors that read a source: the last time, the next one, what is wrong, how much is in quarantine.",
        ),
        SourceReadingPage,
        _READING,
    ),
    "list_sources": listed(
        "sources",
        "I sistemi dei fornitori / The systems of vendors",
        both(
            "Quelli con cui si è concordato qualcosa e quelli con pratiche aperte: quanto sono aggiornati (S30).",
            "Those with which something is agreed, and those with open applications: how fresh they are (S30).",
        ),
        VendorSourcePage,
        _SOURCE,
    ),
    "change_source": Entry(
        tag="sources",
        summary="Concorda con un sistema di un fornitore / Agree with a system of a vendor",
        description=both(
            "Il silenzio più lungo (`every_s`; 0 o null: nessun accordo) e per quanto si tengono le bozze. Il silenzio "
            "si conta da ora; le bozze che ci sono tengono la data promessa.",
            "The longest silence (`every_s`; 0 or null: no agreement) and how long drafts are kept. Silence counts "
            "from now; drafts that are there keep the date that was promised.",
        ),
        parameters=CHANGE,
        request=Body(
            media=("application/merge-patch+json",),
            model=VendorSourcePatch,
            description="L'accordo / The agreement",
            examples={"daily": {"every_s": 86_400}},
        ),
        answers={
            200: Answer(
                description="Com'è ora / As it is now",
                body=Body(model=VendorSource, examples={"source": _SOURCE}),
                headers=("ETag",),
            )
        },
        errors=(*WRITING, errors.PreconditionFailed, admin_errors.VendorUnknown),
        error_headers={415: ("Accept-Patch",)},
    ),
    "show_quarantine": shown(
        "sources",
        "Una voce della quarantena / An entry in quarantine",
        both("Con ogni motivo, anche se è decisa; mai il contenuto.", "With every reason, also where it was decided."),
        "La voce / The entry",
        _ENTRY,
        (*ADMIN, admin_errors.QuarantineUnknown),
    ),
    "retry_quarantine": Entry(
        tag="sources",
        summary="Rileggi una voce / Read an entry anew",
        description=both(
            "Dopo aver corretto la mappatura, il catalogo o i diritti del fornitore. Se il dato ora va, `decided` è "
            "`taken`; altrimenti resta con i motivi di adesso. Una ricevuta per cui serve una decisione "
            "(`pagopa.paid_twice`, `pagopa.debtor_differs`) così è accettata.",
            "After the mapping, the catalogue or the vendor's rights were set right. Where the record fits now, "
            "`decided` is `taken`; else it stays, with the reasons of now. A receipt that needs somebody's decision "
            "(`pagopa.paid_twice`, `pagopa.debtor_differs`) is accepted by this.",
        ),
        parameters=("CorrelationId",),
        answers={200: Answer(description="Com'è ora / As it is now", body=_ENTRY)},
        errors=(
            *BODILESS,
            admin_errors.QuarantineUnknown,
            admin_errors.ConnectorUnknown,
            admin_errors.SourceReadsNoFiles,
            admin_errors.SourceFailed,
            EnteEnded,
        ),
    ),
    "import_attributes": Entry(
        tag="sources",
        summary="Estratto di un registro / Extract of a register",
        description=both(
            "Ciò che un registro dice delle persone (S40), fino a 200 per richiesta, cifrato con la chiave di "
            "ciascuna. Ciò che è più vecchio di quanto è noto non cambia nulla; null dice che il registro non ne sa "
            "più niente.",
            "What a register says of people (S40), up to 200 a request, sealed under the key of each. What is older "
            "than what is known changes nothing; null says that the register knows nothing of it any more.",
        ),
        parameters=("CorrelationId",),
        request=Body(model=RegisterExtract, description="L'estratto / The extract", examples={"anpr": _EXTRACT}),
        answers={
            200: Answer(
                description="Che cosa è cambiato / What changed",
                body=Body(
                    model=RegisterImport, examples={"import": {"register_id": "anpr", "people": 1, "changed": 1}}
                ),
            )
        },
        errors=WRITING,
    ),
}
