"""What is said of each operation of the feed API."""

from contracts.feed import (
    ChangesPage,
    FeedItemDetail,
    FeedPage,
    FeedSummary,
    SubscriptionRequest,
    SubscriptionRequestView,
    UserState,
    UserStatePatch,
)
from hub import errors

from . import examples
from .entries import FILE_TYPES, Answer, Body, Entry, Errors, both
from .publish import ANY_CALLER, UNCHANGED, status

_PORTAL: Errors = (
    errors.RequestMalformed,
    errors.RequestInvalid,
    errors.RequestRefused,
    errors.ScopeMissing,
    errors.AssuranceTooLow,
    errors.ActorMismatch,
    *ANY_CALLER,
)
_CALLER = ("CitizenAssertion", "CorrelationId")
_FILTERS = ("State", "ServiceId", "Source", "Unread", "Archived", "Turn", "Search", "From", "To", "Sort")
_PAGE = ("Limit", "Cursor")
_FILE_HEADERS = ("ETag", "Accept-Ranges", "Content-Length", "Content-Disposition", "Digest", "Last-Modified")


def _listing(tag: str, *, italian: str, english: str, filters: tuple[str, ...] = _FILTERS) -> Entry:
    return Entry(
        tag=tag,
        summary=f"Elenca {italian} / List {english}",
        description=both(
            f"{italian.capitalize()} del cittadino, a pagine, dal più recente. Con `q` la ricerca guarda gli "
            "elementi più "
            "recenti e `truncated` dice se ne ha lasciati fuori.",
            f"{english.capitalize()} of the citizen, in pages, newest first. With `q` the search looks at the newest "
            "items and `truncated` says whether any were left out.",
        ),
        parameters=(*filters, *_PAGE, *_CALLER),
        answers={
            200: Answer(
                description="Una pagina / A page", body=Body(model=FeedPage, examples={"page": examples.FEED_PAGE})
            )
        },
        errors=_PORTAL,
    )


ENTRIES: dict[str, Entry] = {
    "show_feed_status": status("feed"),
    "show_summary": Entry(
        tag="feed",
        summary="Riassunto della bacheca / Summary of the feed",
        description=both(
            "Conteggi per sezione e stato, non letti, ciò che aspetta il cittadino, prossime scadenze, aggiornamento "
            "delle fonti.",
            "Counts by section and state, unread, what waits for the citizen, next deadlines, freshness of the "
            "sources.",
        ),
        parameters=("IfNoneMatch", *_CALLER),
        answers={
            200: Answer(
                description="Il riassunto / The summary",
                body=Body(model=FeedSummary, examples={"summary": examples.FEED_SUMMARY}),
                headers=("ETag",),
            ),
            304: UNCHANGED,
        },
        errors=_PORTAL,
    ),
    "list_items": _listing("feed", italian="gli elementi", english="the items", filters=("Collection", *_FILTERS)),
    "list_messages": _listing("messages", italian="i messaggi", english="the messages"),
    "list_documents": _listing("documents", italian="i documenti", english="the documents"),
    "list_payments": _listing("payments", italian="i pagamenti", english="the payments"),
    "list_receipts": _listing("receipts", italian="le ricevute", english="the receipts"),
    "list_applications": _listing("applications", italian="le pratiche", english="the applications"),
    "list_subscriptions": _listing("subscriptions", italian="le iscrizioni", english="the subscriptions"),
    "list_deadlines": _listing("deadlines", italian="le scadenze", english="the deadlines"),
    "show_item": Entry(
        tag="feed",
        summary="Leggi un elemento / Read an item",
        description=both(
            "Un elemento intero: testo, azioni, elementi collegati, storia, avvisi. L'elemento di un altro "
            "cittadino non "
            "esiste (404).",
            "One item whole: text, actions, linked items, history, notices. Another citizen's item does not exist "
            "(404).",
        ),
        parameters=("IfNoneMatch", *_CALLER),
        answers={
            200: Answer(
                description="L'elemento / The item",
                body=Body(model=FeedItemDetail, examples={"item": examples.FEED_ITEM_DETAIL}),
                headers=("ETag",),
            ),
            304: UNCHANGED,
        },
        errors=(*_PORTAL, errors.ItemUnknown),
    ),
    "change_user_state": Entry(
        tag="feed",
        summary="Cambia lo stato per il cittadino / Change the citizen's own state",
        description=both(
            "Merge patch di `read`, `archived`, `starred`, `confirmed`. Il token del portale è ID_AUTH_REST_02: il suo "
            "`jti` vale una volta. Serve l'ambito `feed:write`.",
            "Merge patch of `read`, `archived`, `starred`, `confirmed`. The portal's token is ID_AUTH_REST_02: its "
            "`jti` "
            "counts once. The scope `feed:write` is needed.",
        ),
        parameters=("IfMatch", *_CALLER),
        request=Body(
            media=("application/merge-patch+json",),
            model=UserStatePatch,
            description="Ciò che cambia / What changes",
            examples={"read": examples.USER_STATE_PATCH},
        ),
        answers={
            200: Answer(
                description="Lo stato nuovo / The new state",
                body=Body(model=UserState, examples={"state": examples.USER_STATE}),
                headers=("ETag",),
            )
        },
        errors=(
            *_PORTAL,
            errors.ItemUnknown,
            errors.TokenReplayed,
            errors.PreconditionFailed,
            errors.BodyTooLarge,
            errors.BodyTooSlow,
            errors.MediaUnsupported,
            errors.ContractViolation,
        ),
        error_headers={415: ("Accept-Patch",)},
    ),
    "request_subscription_change": Entry(
        tag="subscriptions",
        summary="Chiedi il rinnovo o l'annullamento di un'iscrizione / Ask to renew or cancel a subscription",
        description=both(
            "La richiesta è conservata, inoltrata alla fonte e seguita nella storia dell'elemento, dove stanno anche "
            "`requests`. La stessa richiesta, finché aspetta risposta, è una sola (200). Se lo stato non la ammette o "
            "un'altra è in corso è 409; se le regole del servizio o la finestra non la prevedono è 422: il dettaglio "
            "dice lo stato. Il token del portale è ID_AUTH_REST_02. Serve l'ambito `feed:write`.",
            "The request is kept, relayed to the source and followed in the item's timeline, beside its `requests`. "
            "The same request, as long as it waits for its answer, is one (200). Where the state does not allow it, or "
            "another waits, it is 409; where the service's rules or the window do not offer it, 422: the detail names "
            "the state. The portal's token is ID_AUTH_REST_02. The scope `feed:write` is needed.",
        ),
        parameters=_CALLER,
        request=Body(
            model=SubscriptionRequest,
            description="Che cosa si chiede / What is asked for",
            examples={"renew": examples.SUBSCRIPTION_REQUEST},
        ),
        answers={
            200: Answer(
                description="Già in corso / Under way already",
                body=Body(model=SubscriptionRequestView, examples={"request": examples.SUBSCRIPTION_REQUEST_VIEW}),
            ),
            201: Answer(
                description="Inoltrata / Relayed",
                body=Body(model=SubscriptionRequestView, examples={"request": examples.SUBSCRIPTION_REQUEST_VIEW}),
                headers=("Location",),
            ),
        },
        errors=(
            *_PORTAL,
            errors.ItemUnknown,
            errors.TokenReplayed,
            errors.RequestStateConflict,
            errors.RequestPending,
            errors.RequestNotOffered,
            errors.BodyTooLarge,
            errors.BodyTooSlow,
            errors.MediaUnsupported,
            errors.ContractViolation,
        ),
    ),
    "read_document_content": Entry(
        tag="documents",
        summary="Scarica il file di un documento / Download the file of a document",
        description=both(
            "I byte del file, con il tipo annunciato dal fornitore; si può chiedere un intervallo "
            "(BULK_RESOURCE_REST). Più intervalli insieme, o un'unità diversa da `bytes`, danno il file intero; un "
            "intervallo malformato o fuori dal file è 416. `Digest` è sempre quello del file intero.",
            "The bytes of the file, of the type its vendor announced; a range may be asked for (BULK_RESOURCE_REST). "
            "Several ranges at once, or a unit other than `bytes`, give the whole file; a malformed range, or one "
            "outside the file, is 416. `Digest` is always that of the whole file.",
        ),
        parameters=("Range", "IfRange", "IfNoneMatch", *_CALLER),
        answers={
            200: Answer(
                description="Il file intero / The whole file", body=Body(media=FILE_TYPES), headers=_FILE_HEADERS
            ),
            206: Answer(
                description="Una parte del file / A part of the file",
                body=Body(media=FILE_TYPES),
                headers=(*_FILE_HEADERS, "Content-Range"),
            ),
            304: UNCHANGED,
        },
        errors=(*_PORTAL, errors.NotAcceptable, errors.ItemUnknown, errors.RangeInvalid),
    ),
    "describe_document_content": Entry(
        tag="documents",
        summary="Dimensione e impronta di un file / Size and digest of a file",
        description=both(
            "Le intestazioni che darebbe GET, senza il file: quanto è lungo, se si possono chiedere intervalli, la sua "
            "impronta. `Range` qui non conta.",
            "The headers that GET would give, without the file: how long it is, whether ranges may be asked for, its "
            "digest. `Range` does not count here.",
        ),
        parameters=("IfNoneMatch", *_CALLER),
        answers={
            200: Answer(
                description="Il file come lo darebbe GET / The file as GET would give it",
                body=Body(media=FILE_TYPES),
                headers=_FILE_HEADERS,
            ),
            304: UNCHANGED,
        },
        errors=(*_PORTAL, errors.ItemUnknown),
    ),
    "list_changes": Entry(
        tag="changes",
        summary="Elenca i cambiamenti / List the changes",
        description=both(
            "Tutto ciò che è cambiato dopo un cursore, ritiri compresi, nell'ordine in cui è avvenuto: niente manca, "
            "niente si ripete fuori ordine. `more` dice se c'è già altro.",
            "All that changed since a cursor, withdrawals included, in the order in which it happened: nothing is "
            "missed, "
            "nothing comes again out of order. `more` says whether there is already something after it.",
        ),
        parameters=("After", "Limit", *_CALLER),
        answers={
            200: Answer(
                description="Una pagina di cambiamenti / A page of changes",
                body=Body(model=ChangesPage, examples={"page": examples.CHANGES_PAGE}),
            )
        },
        errors=_PORTAL,
    ),
}
