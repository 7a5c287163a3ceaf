"""What is said of each operation of the feed API; of those that change something, `feed_changes`."""

from contracts.catalogue import CataloguePage
from contracts.feed import (
    ChangesPage,
    FeedItemDetail,
    FeedPage,
    FeedSummary,
)
from contracts.preferences import Preferences
from contracts.profile import Profile
from hub import errors, reading_errors

from . import feed_examples as examples
from .entries import FILE_TYPES, Answer, Body, Entry, both
from .feed_changes import ENTRIES as CHANGES
from .publish import UNCHANGED, status
from .rights import CALLER, PORTAL
from .rights import ENTRIES as RIGHTS

_FILTERS = (
    "State",
    "ServiceId",
    "Category",
    "Source",
    "DocType",
    "Unread",
    "Archived",
    "Starred",
    "Notices",
    "Turn",
    "Search",
    "From",
    "To",
    "DueFrom",
    "DueTo",
    "Sort",
)
_PAGE = ("Limit", "Cursor")
_FILE_HEADERS = (
    "ETag",
    "Accept-Ranges",
    "Content-Length",
    "Content-Disposition",
    "Digest",
    "Last-Modified",
    "Document-State",
)


def _listing(tag: str, *, italian: str, english: str, filters: tuple[str, ...] = _FILTERS) -> Entry:
    return Entry(
        tag=tag,
        summary=f"Elenca {italian} / List {english}",
        description=both(
            f"{italian.capitalize()} del cittadino, a pagine, dal più recente. Con `q` o `doc_type` la ricerca "
            "apre gli elementi più recenti e `truncated` dice se altri restano fuori; maiuscole e accenti non contano.",
            f"{english.capitalize()} of the citizen, in pages, newest first. With `q` or `doc_type` the search "
            "opens the newest items and `truncated` says whether any were left out; case and accents do not matter.",
        ),
        parameters=(*filters, *_PAGE, *CALLER),
        answers={
            200: Answer(
                description="Una pagina / A page", body=Body(model=FeedPage, examples={"page": examples.FEED_PAGE})
            )
        },
        errors=PORTAL,
    )


ENTRIES: dict[str, Entry] = {
    "show_feed_status": status("feed"),
    "show_summary": Entry(
        tag="feed",
        summary="Riassunto della bacheca / Summary of the feed",
        description=both(
            "Conteggi per sezione e stato, non letti, ciò che aspetta il cittadino, prossime scadenze, aggiornamento "
            "delle fonti. Con `view` anche le sezioni di una delle tre forme dell'area personale, ciascuna con i "
            "conteggi per stato e i suoi ultimi elementi.",
            "Counts by section and state, unread, what waits for the citizen, next deadlines, freshness of the "
            "sources. With `view` also the sections of one of the three shapes of a personal area, each with its "
            "counts by state and its newest items.",
        ),
        parameters=("View", "IfNoneMatch", *CALLER),
        answers={
            200: Answer(
                description="Il riassunto / The summary",
                body=Body(model=FeedSummary, examples={"summary": examples.FEED_SUMMARY}),
                headers=("ETag",),
            ),
            304: UNCHANGED,
        },
        errors=PORTAL,
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
        parameters=("IfNoneMatch", *CALLER),
        answers={
            200: Answer(
                description="L'elemento / The item",
                body=Body(model=FeedItemDetail, examples={"item": examples.FEED_ITEM_DETAIL}),
                headers=("ETag",),
            ),
            304: UNCHANGED,
        },
        errors=(*PORTAL, errors.ItemUnknown),
    ),
    "list_services": Entry(
        tag="services",
        summary="Elenca i servizi / List the services",
        description=both(
            "Il catalogo: ciò che si può avviare, con la scheda (`card_url`), l'inizio (`start_url`), il livello di "
            "accesso e il termine di risposta. Di norma solo i servizi attivi; con `state=suspended` quelli fermi.",
            "The catalogue: what can be started, with its card (`card_url`), where it begins (`start_url`), the level "
            "of assurance and the term of the answer. By default what is on offer; with `state=suspended` what is "
            "not for now.",
        ),
        parameters=("CardState", "Category", "CatalogueSearch", *_PAGE, "IfNoneMatch", *CALLER),
        answers={
            200: Answer(
                description="Una pagina del catalogo / A page of the catalogue",
                body=Body(model=CataloguePage, examples={"page": examples.CATALOGUE_PAGE}),
                headers=("ETag",),
            ),
            304: UNCHANGED,
        },
        errors=PORTAL,
    ),
    "read_document_content": Entry(
        tag="documents",
        summary="Scarica il file di un documento / Download the file of a document",
        description=both(
            "I byte del file, con il tipo annunciato dal fornitore; si può chiedere un intervallo "
            "(BULK_RESOURCE_REST). Più intervalli insieme, o un'unità diversa da `bytes`, danno il file intero; un "
            "intervallo malformato o fuori dal file è 416. `Digest` è sempre quello del file intero. Una tessera "
            "digitale si chiede con `Accept: image/svg+xml`: è un'immagine con i suoi campi e il suo QR. Il file "
            "di un documento revocato non c'è più (404).",
            "The bytes of the file, of the type its vendor announced; a range may be asked for (BULK_RESOURCE_REST). "
            "Several ranges at once, or a unit other than `bytes`, give the whole file; a malformed range, or one "
            "outside the file, is 416. `Digest` is always that of the whole file. A digital card is asked for "
            "with `Accept: image/svg+xml`: it is a picture with its fields and its QR. The file of a revoked "
            "document is gone (404).",
        ),
        parameters=("Range", "IfRange", "IfNoneMatch", *CALLER),
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
        errors=(*PORTAL, errors.NotAcceptable, errors.ItemUnknown, reading_errors.RangeInvalid),
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
        parameters=("IfNoneMatch", *CALLER),
        answers={
            200: Answer(
                description="Il file come lo darebbe GET / The file as GET would give it",
                body=Body(media=FILE_TYPES),
                headers=_FILE_HEADERS,
            ),
            304: UNCHANGED,
        },
        errors=(*PORTAL, errors.NotAcceptable, errors.ItemUnknown),
    ),
    "stream_events": Entry(
        tag="changes",
        summary="Ascolta i cambiamenti / Listen to the changes",
        description=both(
            "Gli stessi cambiamenti di `changes`, man mano che avvengono, come server-sent events: `id` è un cursore "
            "di `changes`, `event` è `change`, `data` un oggetto `Change`. Con `Last-Event-ID` si riprende da dove si "
            "era. Una riga di commento ogni 15 secondi tiene viva la connessione. Quando l'asserzione scade arriva "
            "`event: end` con il motivo in `reason` (`expired`, `trust_changed`, `delegation_ended`, `stopping`, "
            "`unavailable`) e il "
            "flusso si chiude: riaprirlo con un'asserzione nuova. Un portale ne tiene aperti un numero limitato (429).",
            "The same changes as `changes`, as they happen, as server-sent events: `id` is a cursor of `changes`, "
            "`event` is `change`, `data` a `Change` object. `Last-Event-ID` goes on where one was. A comment line "
            "each 15 seconds keeps the connection alive. When the assertion expires `event: end` comes with its "
            "`reason` (`expired`, `trust_changed`, `delegation_ended`, `stopping`, `unavailable`) and the stream "
            "closes: open it again "
            "with a new assertion. A portal holds a limited number of them open (429).",
        ),
        parameters=("After", "LastEventId", *CALLER),
        answers={
            200: Answer(description="Gli eventi / The events", body=Body(media=("text/event-stream",))),
        },
        errors=PORTAL,
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
        parameters=("After", "Limit", *CALLER),
        answers={
            200: Answer(
                description="Una pagina di cambiamenti / A page of changes",
                body=Body(model=ChangesPage, examples={"page": examples.CHANGES_PAGE}),
            )
        },
        errors=PORTAL,
    ),
    "show_profile": Entry(
        tag="profile",
        summary="Il profilo del cittadino / The citizen's profile",
        description=both(
            "I recapiti, verificati e no, e ciò che i registri dicono del cittadino, con fonte e data: serve a "
            "riempire i moduli una volta sola, e qui non si cambia. Gli avvisi vanno solo a un recapito verificato.",
            "The addresses, verified or not, and what registers say of the citizen, with source and date: for forms to "
            "be filled in once; it cannot be changed here. Notices go to a verified address alone.",
        ),
        parameters=("IfNoneMatch", *CALLER),
        answers={
            200: Answer(
                description="Il profilo / The profile",
                body=Body(model=Profile, examples={"profile": examples.PROFILE}),
                headers=("ETag",),
            ),
            304: UNCHANGED,
        },
        errors=PORTAL,
    ),
    "show_preferences": Entry(
        tag="preferences",
        summary="Come il cittadino vuole essere avvisato / How the citizen wishes to be told",
        description=both(
            "Lingua, ore di silenzio, canali spenti in tutto o per servizio; `unsubscribed` sono i servizi le cui "
            "e-mail sono state disattivate con il collegamento in una di esse. Ciò che `always_sent` elenca arriva "
            "comunque.",
            "Language, quiet hours, channels switched off altogether or by service; `unsubscribed` are the services "
            "whose e-mails were switched off by the link in one of them. What `always_sent` names comes all the same.",
        ),
        parameters=("IfNoneMatch", *CALLER),
        answers={
            200: Answer(
                description="Le preferenze / The preferences",
                body=Body(model=Preferences, examples={"preferences": examples.PREFERENCES}),
                headers=("ETag",),
            ),
            304: UNCHANGED,
        },
        errors=PORTAL,
    ),
    **CHANGES,
    **RIGHTS,
}
