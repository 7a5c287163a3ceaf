"""What is said of the report on services, and of the export of a citizen's data."""

from contracts.compliance_administration import ComplianceReport
from contracts.export import Export
from contracts.rights_administration import ExportWish
from hub import errors

from .admin_parts import ADMIN, WRITING
from .entries import Answer, Body, Entry, both
from .json_schema import Json
from .rights_examples import EXPORT

_REPORT: Json = {
    "reported_at": "2026-11-23T09:00:00Z",
    "rows": [
        {
            "service_id": "asilo-nido",
            "criterion": "C.SE.1.10",
            "fails": True,
            "applications": 12,
            "failing": 0,
            "why": [{"code": "card.max_response_days.missing", "applications": 12}],
        }
    ],
}

ENTRIES: dict[str, Entry] = {
    "show_compliance_report": Entry(
        tag="compliance-report",
        summary="Quali servizi non rispettano il modello / Which services fall short of the model",
        description=both(
            "C.SE.1.2 (un secondo canale), C.SE.1.9 (le tappe) e C.SE.1.10 (entro quando si risponde), per ogni "
            "servizio che ha avuto pratiche. Ogni pratica è confrontata con la scheda com'era; si leggono tutte.",
            "C.SE.1.2 (a second channel), C.SE.1.9 (milestones) and C.SE.1.10 (when the answer comes), of every "
            "service that has had applications. Each is held against the card as it was; all are read.",
        ),
        parameters=("CorrelationId",),
        answers={
            200: Answer(
                description="Il rapporto / The report",
                body=Body(model=ComplianceReport, examples={"report": _REPORT}),
            )
        },
        errors=ADMIN,
    ),
    "export_citizen": Entry(
        tag="exports",
        summary="Tutto ciò che l'hub tiene di un cittadino / All that the hub holds of a citizen",
        description=both(
            "Per chi risponde a una richiesta di accesso (GDPR art. 15): tutti i dati in chiaro, ogni livello e le "
            "prove comprese; con `Accept: application/zip` anche i file. Il codice fiscale sta nel corpo. La richiesta "
            "è nel registro, che il cittadino legge, prima del primo byte. Se non c'è nulla, `identity` è null.",
            "For whoever answers a request for access (GDPR art. 15): all data in clear, of every level, with the "
            "evidence; with `Accept: application/zip` the files too. The tax code stands in the body. That it was "
            "asked for is on record, which the citizen reads, before the first byte. Nothing held: `identity` is null.",
        ),
        parameters=("CorrelationId",),
        request=Body(
            model=ExportWish, description="Di chi / Whose", examples={"person": {"tax_code": "RSSMRA80A01H501U"}}
        ),
        answers={
            200: Answer(
                description="L'esportazione / The export",
                body=Body(model=Export, examples={"export": EXPORT}),
                headers=("Content-Disposition",),
                file_types=("application/zip",),
            )
        },
        errors=(*WRITING, errors.NotAcceptable),
    ),
}
