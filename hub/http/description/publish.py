"""What is said of each operation of the publish API."""

from pydantic import BaseModel

from contracts.batches import BatchReceipt, BatchResult, BatchStatus, ItemBatch
from contracts.callbacks import VendorEvents
from contracts.items import (
    Application,
    Deadline,
    Document,
    Message,
    Payment,
    Receipt,
    Service,
    Subscription,
)
from contracts.publishing import (
    ContentReceipt,
    PublicationReceipt,
    PublishedItem,
    PublishedItems,
    Withdrawal,
    WithdrawalReceipt,
)
from hub import errors
from hub.security import left
from hub.store.costs import AmountIncludesCost

from . import examples, failures
from .entries import FILE_TYPES, Answer, Body, Entry, Errors, ServiceStatus, both
from .json_schema import Json

ANY_CALLER: Errors = (errors.QuotaExceeded, errors.StoreUnavailable)
UNCHANGED = Answer(description="Non cambiato / Not modified", headers=("ETag",))
_VENDOR: Errors = (
    errors.RequestMalformed,
    errors.RequestInvalid,
    errors.RequestRefused,
    errors.VendorSuspended,
    left.VendorEnded,
    left.EnteEnded,
    errors.TokenReplayed,
    errors.NotAcceptable,
    *ANY_CALLER,
)
_WRITING: Errors = (
    *_VENDOR,
    errors.BodyTooLarge,
    errors.BodyTooSlow,
    errors.MediaUnsupported,
    errors.ContractViolation,
    errors.MessageReused,
    errors.MessageRepeated,
)
_PUBLISHING: Errors = (
    *_WRITING,
    errors.CollectionForbidden,
    errors.ServiceForbidden,
    errors.VersionConflict,
    errors.AlreadyWithdrawn,
    errors.PersonalExternalId,
    errors.StateTerminal,
)
_PUBLISHING_FOR_A_CITIZEN: Errors = (*_PUBLISHING, errors.RecipientChanged, errors.ServiceUnknown)
_OF_A_KIND: dict[type[BaseModel], Errors] = {
    Service: _PUBLISHING,
    Application: (*_PUBLISHING_FOR_A_CITIZEN, errors.DraftGuaranteed),
    Document: (*_PUBLISHING_FOR_A_CITIZEN, errors.DocumentTypeUnknown),
    Payment: (
        *_PUBLISHING_FOR_A_CITIZEN,
        errors.PositionMoved,
        AmountIncludesCost,
        errors.NoticeNumbersExhausted,
    ),
    Subscription: (
        *_PUBLISHING_FOR_A_CITIZEN,
        errors.SubscriptionServiceUnknown,
        errors.AnsweredRequestUnknown,
    ),
}

_SIGNED = ("Digest", "AgidJwtSignature", "CorrelationId")
_EVIDENCE = ("Digest", "Agid-JWT-Signature")


def status(api_name: str) -> Entry:
    """The same in every API."""
    return Entry(
        tag="status",
        summary="Stato del servizio / Status of the service",
        description=both(
            f"Pubblica: dice se l'API {api_name} può lavorare. 503 se l'archivio non accetta scritture.",
            f"Public: says whether the {api_name} API can work. 503 if the store takes no writes.",
        ),
        parameters=("CorrelationId",),
        answers={
            200: Answer(
                description="Il servizio funziona / The service is up",
                body=Body(
                    media=(failures.PROBLEM_MEDIA_TYPE,), model=ServiceStatus, examples={"up": examples.SERVICE_STATUS}
                ),
            )
        },
        errors=ANY_CALLER,
    )


def _publishing(tag: str, model: type[BaseModel], example: Json, *, italian: str, english: str) -> Entry:
    def answer(*outcomes: str) -> Body:
        shown = {outcome: examples.publication(outcome, example["external_id"]) for outcome in outcomes}
        return Body(model=PublicationReceipt, examples=shown)

    return Entry(
        tag=tag,
        summary=f"Pubblica {italian} / Publish {english}",
        description=both(
            f"Crea o aggiorna {italian}. L'identità è (`source`, `external_id`); una `version` più alta sostituisce, "
            "la "
            "stessa con lo stesso contenuto non cambia nulla, una più vecchia resta nella storia. La risposta è "
            "firmata.",
            f"Creates or updates {english}. The identity is (`source`, `external_id`); a higher `version` replaces, "
            "the "
            "same one with the same content changes nothing, an older one stays in the history. The answer is signed.",
        ),
        parameters=_SIGNED,
        request=Body(model=model, description="L'elemento / The item", examples={"example": example}),
        answers={
            200: Answer(
                description="Aggiornato, invariato o superato / Updated, unchanged or superseded",
                body=answer("updated", "unchanged", "superseded"),
                headers=_EVIDENCE,
            ),
            201: Answer(description="Creato / Created", body=answer("created"), headers=("Location", *_EVIDENCE)),
        },
        errors=_OF_A_KIND.get(model, _PUBLISHING_FOR_A_CITIZEN),
    )


ENTRIES: dict[str, Entry] = {
    "show_publish_status": status("publish"),
    "publish_message": _publishing("messages", Message, examples.MESSAGE, italian="un messaggio", english="a message"),
    "publish_document": _publishing(
        "documents", Document, examples.DOCUMENT, italian="un documento", english="a document"
    ),
    "publish_payment": _publishing("payments", Payment, examples.PAYMENT, italian="un pagamento", english="a payment"),
    "publish_receipt": _publishing("receipts", Receipt, examples.RECEIPT, italian="una ricevuta", english="a receipt"),
    "publish_application": _publishing(
        "applications", Application, examples.APPLICATION, italian="una pratica", english="an application"
    ),
    "publish_subscription": _publishing(
        "subscriptions", Subscription, examples.SUBSCRIPTION, italian="un'iscrizione", english="a subscription"
    ),
    "publish_deadline": _publishing(
        "deadlines", Deadline, examples.DEADLINE, italian="una scadenza", english="a deadline"
    ),
    "publish_service": _publishing(
        "services", Service, examples.SERVICE, italian="la scheda di un servizio", english="the card of a service"
    ),
    "publish_batch": Entry(
        tag="batches",
        summary="Pubblica un lotto / Publish a batch",
        description=both(
            "Fino a 500 elementi di qualunque raccolta con una sola firma (NONBLOCK_PULL_REST). Con 202 tutto è "
            "durevole; `Location` dice dove chiedere. Ogni elemento vale come pubblicato da solo, in ordine: il "
            "rifiuto di uno non tocca gli altri. La quota conta gli elementi: se non copre tutto il lotto, 429, e "
            "nulla è accettato. Gli esiti si conservano 30 giorni. Con `X-ReplyTo` il risultato arriva anche lì, "
            "firmato dall'hub, con lo stesso `X-Correlation-ID` (NONBLOCK_PUSH_REST); si risponde 200.",
            "Up to 500 items of any collection under one signature (NONBLOCK_PULL_REST). With 202 everything is "
            "durable; `Location` says where to ask. Each item counts as published alone, in order: the refusal of one "
            "does not concern the others. The quota counts items: where it does not cover the whole batch, 429, and "
            "nothing is accepted. Outcomes are kept for 30 days. With `X-ReplyTo` the result comes there too, signed "
            "by the hub, under the same `X-Correlation-ID` (NONBLOCK_PUSH_REST); it is answered by 200.",
        ),
        parameters=("ReplyTo", *_SIGNED),
        request=Body(model=ItemBatch, description="Gli elementi / The items", examples={"batch": examples.BATCH}),
        answers={
            202: Answer(
                description="Accettato, in lavorazione / Accepted, being worked off",
                body=Body(model=BatchReceipt, examples={"accepted": examples.BATCH_RECEIPT}),
                headers=("Location", *_EVIDENCE),
            )
        },
        errors=(*_WRITING, errors.ReplyToForbidden),
    ),
    "show_batch": Entry(
        tag="batches",
        summary="Stato di un lotto / Status of a batch",
        description=both(
            "200 finché è in lavorazione, poi 303 verso il risultato. Il lotto di un altro fornitore non esiste (404).",
            "200 while it is being worked off, then 303 to the result. Another vendor's batch does not exist (404).",
        ),
        parameters=("IfNoneMatch", "CorrelationId"),
        answers={
            200: Answer(
                description="In lavorazione / Running",
                body=Body(model=BatchStatus, examples={"running": examples.BATCH_STATUS}),
                headers=("ETag", "Retry-After"),
            ),
            303: Answer(description="Finito: il risultato è lì / Done: the result is there", headers=("Location",)),
            304: UNCHANGED,
        },
        errors=(*_VENDOR, errors.BatchUnknown),
    ),
    "show_batch_result": Entry(
        tag="batches",
        summary="Risultato di un lotto / Result of a batch",
        description=both(
            "L'esito di ogni elemento, nell'ordine del lotto; firmato. `errors` punta nel corpo del lotto e non ripete "
            "dati personali.",
            "What became of each item, in the order of the batch; signed. `errors` points into the body of the batch "
            "and repeats no personal data.",
        ),
        parameters=("IfNoneMatch", "CorrelationId"),
        answers={
            200: Answer(
                description="Gli esiti / The outcomes",
                body=Body(model=BatchResult, examples={"result": examples.BATCH_RESULT}),
                headers=("ETag", *_EVIDENCE),
            ),
            304: UNCHANGED,
        },
        errors=(*_VENDOR, errors.BatchUnknown, errors.BatchRunning),
    ),
    "list_events": Entry(
        tag="events",
        summary="Elenca ciò che è successo / List what happened",
        description=both(
            "Ciò che è successo agli elementi del fornitore dopo un cursore, nell'ordine in cui è stato registrato: "
            "niente manca. Chi ha registrato un indirizzo riceve lì gli stessi eventi, almeno una volta, con lo stesso "
            "`event_id`. I canali si vedono solo con il diritto `delivery-detail`.",
            "What happened to the vendor's items after a cursor, in the order in which it was committed: nothing is "
            "missed. Who registered an address is told the same events there, at least once, under the same "
            "`event_id`. Channels are seen with the right `delivery-detail` alone.",
        ),
        parameters=("After", "Limit", "CorrelationId"),
        answers={
            200: Answer(
                description="Una pagina di eventi / A page of events",
                body=Body(model=VendorEvents, examples={"page": examples.VENDOR_EVENTS}),
            )
        },
        errors=_VENDOR,
    ),
    "find_published_items": Entry(
        tag="items",
        summary="Cerca tra i propri elementi / Find among one's own items",
        description=both(
            "Gli elementi del fornitore, dal più recente, anche per il nome che ha dato loro (`external_id`).",
            "The vendor's items, newest first, also by the name it gave them (`external_id`).",
        ),
        parameters=("ExternalId", "Collection", "Source", "Limit", "Cursor", "CorrelationId"),
        answers={
            200: Answer(
                description="Una pagina di elementi / A page of items",
                body=Body(model=PublishedItems, examples={"page": examples.PUBLISHED_ITEMS}),
            )
        },
        errors=_VENDOR,
    ),
    "show_published_item": Entry(
        tag="items",
        summary="Leggi un proprio elemento / Read one of one's own items",
        description=both(
            "Stato, avviso e storia di un elemento pubblicato. L'elemento di un altro fornitore non esiste (404).",
            "State, notice and history of a published item. Another vendor's item does not exist (404).",
        ),
        parameters=("IfNoneMatch", "CorrelationId"),
        answers={
            200: Answer(
                description="L'elemento / The item",
                body=Body(model=PublishedItem, examples={"item": examples.PUBLISHED_ITEM}),
                headers=("ETag",),
            ),
            304: UNCHANGED,
        },
        errors=(*_VENDOR, errors.ItemUnknown),
    ),
    "withdraw_item": Entry(
        tag="items",
        summary="Ritira un elemento / Withdraw an item",
        description=both(
            "Ritira un elemento con un motivo. Il cittadino lo vede come ritirato; la storia resta. Una bozza "
            "garantita si ritira solo se lo chiede il cittadino (`requested_by`).",
            "Takes an item back with a reason. The citizen sees it as withdrawn; the history stays. A draft within its "
            "guarantee goes only where the citizen asks for it (`requested_by`).",
        ),
        parameters=_SIGNED,
        request=Body(model=Withdrawal, description="Il motivo / The reason", examples={"reason": examples.WITHDRAWAL}),
        answers={
            201: Answer(
                description="Ritirato / Withdrawn",
                body=Body(model=WithdrawalReceipt, examples={"receipt": examples.WITHDRAWAL_RECEIPT}),
                headers=("Location", *_EVIDENCE),
            )
        },
        errors=(*_WRITING, errors.ItemUnknown, errors.AlreadyWithdrawn, errors.DraftGuaranteed),
    ),
    "upload_document_content": Entry(
        tag="documents",
        summary="Carica il file di un documento / Upload the file of a document",
        description=both(
            "I byte del file annunciato: dimensione, tipo e SHA-256 devono essere quelli. Il corpo si firma come ogni "
            "altro. Lo stesso file una seconda volta non cambia nulla.",
            "The bytes of the file that was announced: size, type and SHA-256 must be those. The body is signed as any "
            "other. The same file a second time changes nothing.",
        ),
        parameters=_SIGNED,
        request=Body(media=FILE_TYPES, description="Il file / The file"),
        answers={
            200: Answer(
                description="Già caricato / Already uploaded",
                body=Body(model=ContentReceipt, examples={"unchanged": examples.content_receipt("unchanged")}),
                headers=_EVIDENCE,
            ),
            201: Answer(
                description="Caricato / Uploaded",
                body=Body(model=ContentReceipt, examples={"created": examples.content_receipt("created")}),
                headers=("Location", *_EVIDENCE),
            ),
        },
        errors=(
            *_VENDOR,
            errors.CollectionForbidden,
            errors.ItemUnknown,
            errors.AlreadyWithdrawn,
            errors.BodyTooLarge,
            errors.BodyTooSlow,
            errors.MediaUnsupported,
            errors.ContentMismatch,
            errors.ContentUnexpected,
        ),
    ),
}
