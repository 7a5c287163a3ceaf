"""What is said of the operations on deliveries, quarantine and previews."""

from contracts.work_administration import (
    AdminDelivery,
    AdminDeliveryPage,
    MappingPreview,
    MappingPreviewWish,
    QuarantinePage,
    Replay,
    ReplayWish,
)
from hub.admin import errors as admin_errors

from .admin_parts import ADMIN, BODILESS, QUARANTINED, WRITING, listed, shown
from .entries import Answer, Body, Entry, both
from .json_schema import Json
from .parts import EXAMPLE_ITEM_ID

_AT = "2026-11-23T09:00:00Z"
_DELIVERY: Json = {
    "delivery_id": EXAMPLE_ITEM_ID,
    "connector_id": "io",
    "channel": "io",
    "state": "rejected",
    "reason": "io.message_rejected",
    "attempts": 1,
    "created_at": _AT,
    "due_at": _AT,
    "updated_at": _AT,
    "expires_at": "2026-11-26T09:00:00Z",
    "replayable": True,
}
_ATTEMPT: Json = {"started_at": _AT, "ended_at": _AT, "outcome": "rejected", "reason": "io.bad_request", "detail": None}
_REPLAY: Json = {
    "delivery_id": EXAMPLE_ITEM_ID,
    "outcome": "would_be_queued",
    "connector_id": "io",
    "reason": None,
    "calls": [{"call": "POST /messages", "field_lengths": {"subject": 24}}],
}
_PREVIEW: Json = {
    "records": [
        {
            "record_name": "pratica-123",
            "collection": "applications",
            "item": {"title": "Iscrizione al nido"},
            "wrong": [],
            "is_withdrawn": False,
            "withdrawn_reason": None,
        }
    ],
    "has_more": False,
}

ENTRIES: dict[str, Entry] = {
    "list_deliveries": listed(
        "deliveries",
        "Le consegne / The deliveries",
        both("Dalla più recente, senza dati personali.", "Newest first, without personal data."),
        AdminDeliveryPage,
        _DELIVERY,
        filters=("DeliveryStateIs", "OfConnector"),
    ),
    "show_delivery": shown(
        "deliveries",
        "Una consegna / A delivery",
        both("Con i suoi tentativi.", "With its attempts."),
        "La consegna / The delivery",
        Body(model=AdminDelivery, examples={"delivery": _DELIVERY | {"attempt_log": [_ATTEMPT]}}),
        (*ADMIN, admin_errors.DeliveryUnknown),
    ),
    "replay_delivery": Entry(
        tag="deliveries",
        summary="Invia di nuovo / Send again",
        description=both(
            "Solo ciò che è finito senza arrivare, e con il connettore attivo. Con `dry_run` si vede che cosa "
            "uscirebbe, di ogni valore solo la lunghezza.",
            "Only what ended without arriving, and with its connector active. With `dry_run` one sees what would go "
            "out, of each value only its length.",
        ),
        parameters=("CorrelationId",),
        request=Body(
            model=ReplayWish,
            description="Se davvero / Whether really",
            examples={"dry": {"dry_run": True}},
            may_be_empty=True,
        ),
        answers={
            200: Answer(
                description="Com'è finito / What became of it", body=Body(model=Replay, examples={"dry": _REPLAY})
            )
        },
        errors=(*WRITING, admin_errors.DeliveryUnknown, admin_errors.DeliveryNotReplayable),
    ),
    "list_quarantine": listed(
        "sources",
        "La quarantena / The quarantine",
        both(
            "Ciò che una fonte ha portato e non può diventare un elemento, con ogni motivo; il contenuto non si "
            "mostra.",
            "What a source brought and cannot become an item, with every reason; the content is not shown.",
        ),
        QuarantinePage,
        QUARANTINED,
        filters=("OfConnector",),
    ),
    "discard_quarantine": Entry(
        tag="sources",
        summary="Lascia perdere una voce / Discard an entry",
        description=both("Il contenuto va; resta che c'era.", "Its content goes; that it was there stays."),
        parameters=("CorrelationId",),
        answers={204: Answer(description="Deciso / Decided")},
        errors=(*BODILESS, admin_errors.QuarantineUnknown),
    ),
    "preview_mapping": Entry(
        tag="sources",
        summary="Prova un campione / Preview a sample",
        description=both(
            "Il connettore legge il campione come lo manderebbe la fonte: ne vengono gli elementi canonici e ogni "
            "errore con il suo posto. Se un file è tutto ciò che la fonte ha (`lists_all`), vengono per primi gli "
            "elementi che vi mancano e sarebbero ritirati, ciascuno con il motivo. Nulla si conserva.",
            "The connector reads the sample as the source would send it: the canonical items come of it, and every "
            "error with its place. Where a file is all that its source has (`lists_all`), the items that it lacks and "
            "that would be taken back come first, each with the reason. Nothing is kept.",
        ),
        parameters=("CorrelationId",),
        request=Body(
            model=MappingPreviewWish,
            description="Il campione / The sample",
            examples={"json": {"connector_id": "sportello", "sample": "[]"}},
        ),
        answers={
            200: Answer(
                description="Che cosa ne viene / What comes of it",
                body=Body(model=MappingPreview, examples={"preview": _PREVIEW}),
            )
        },
        errors=(*WRITING, admin_errors.ConnectorUnknown, admin_errors.ConnectorVersionUnknown),
    ),
}
