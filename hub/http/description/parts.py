"""Parameters and response headers: one table each, referred to by name from the operations."""

from typing import get_args

from contracts.catalogue import ShownState
from contracts.feed import Turn, View
from contracts.publishing import Collection
from hub.feed.parameters import MAX_LIMIT, SORTS

from .json_schema import Json

_COLLECTIONS = ", ".join(get_args(Collection))
_BOOLEAN: Json = {"type": "boolean"}
_INSTANT: Json = {"type": "string", "format": "date-time", "maxLength": 40}
_CODES: Json = {
    "type": "string",
    "minLength": 1,
    "maxLength": 200,
    "pattern": "^[A-Za-z0-9._-]+(,[A-Za-z0-9._-]+){0,19}$",
}

_JWS = r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$"
_UUID7 = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
_ID: Json = {"type": "string", "minLength": 36, "maxLength": 36, "pattern": _UUID7}
_ETAG = r'^(W/)?"[\x21\x23-\x7e]*"$'
CODE: Json = {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]*$"}
_CURSOR: Json = {"type": "string", "minLength": 1, "maxLength": 400, "pattern": "^[A-Za-z0-9_-]+$"}
_CORRELATION: Json = {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[A-Za-z0-9._:-]+$"}
_DIGEST: Json = {"type": "string", "maxLength": 60, "pattern": "^SHA-256=[A-Za-z0-9+/]{43}=$"}
_SIGNED: Json = {"type": "string", "maxLength": 16384, "pattern": _JWS}
_SECONDS: Json = {"type": "integer", "format": "int32", "minimum": 0, "maximum": 86400}

EXAMPLE_ITEM_ID = "0199d1a2-7b3c-7d4e-8f50-6a7b8c9d0e1f"
EXAMPLE_BATCH_ID = "0199d1a2-7b3c-7d4e-8f50-00000000ba7c"
EXAMPLE_DIGEST = "SHA-256=cFfTOCesrWTLVzxn8fmHl4AcrUs40Lv5D275FmAZ96E="
EXAMPLE_CORRELATION = "0199d1a2-9c00-7aaa-8bbb-1234567890ab"
_EXAMPLE_JWS = "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJ0cmlidXRpLXNybCJ9.c2lnbmF0dXJl"


def in_query(name: str, description: str, schema: Json, example: object) -> Json:
    return {"name": name, "in": "query", "description": description, "schema": schema, "example": example}


def _header(name: str, description: str, schema: Json, example: object, *, required: bool = False) -> Json:
    return {
        "name": name,
        "in": "header",
        "description": description,
        "required": required,
        "schema": schema,
        "example": example,
    }


def in_path(name: str, description: str, schema: Json, example: object) -> Json:
    return {
        "name": name,
        "in": "path",
        "description": description,
        "required": True,
        "schema": schema,
        "example": example,
    }


PARAMETERS: dict[str, Json] = {
    "ItemId": in_path("item_id", "Identificativo dato dall'hub. / Identifier given by the hub.", _ID, EXAMPLE_ITEM_ID),
    "BatchId": in_path("batch_id", "Identificativo del lotto. / Identifier of the batch.", _ID, EXAMPLE_BATCH_ID),
    "ExternalId": in_query(
        "external_id",
        "Il nome che il fornitore ha dato. / The vendor's own name of the item.",
        {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r"^[\x21-\x7e]+$"},
        "TARI-2026-000123",
    ),
    "Collection": in_query(
        "collection",
        f"Una o più raccolte, separate da virgole: {_COLLECTIONS}. / One or more collections, with commas between.",
        _CODES,
        "applications,payments",
    ),
    "State": in_query(
        "state",
        "Uno o più stati della raccolta, separati da virgole. / One or more states, with commas between them.",
        _CODES,
        "due,overdue",
    ),
    "DocType": in_query("doc_type", "Tipo di documento. / Type of document.", CODE, "certificato"),
    "Starred": in_query("starred", "Solo i preferiti, o solo gli altri. / Only starred, or not.", _BOOLEAN, True),
    "Notices": in_query(
        "notices",
        "Solo ciò che l'hub ha scritto di un altro elemento, o solo ciò che è delle fonti. / Only what the hub wrote "
        "about another item, or only what is the sources' own.",
        _BOOLEAN,
        False,
    ),
    "View": in_query(
        "view",
        "Le sezioni da dare: scrivania, schede, architettura dell'informazione. / The sections to give.",
        {"type": "string", "enum": list(get_args(View))},
        "tabs",
    ),
    "DueFrom": in_query(
        "due_from",
        "Con scadenza da questo istante. / Due at or after this instant.",
        _INSTANT,
        "2026-12-01T00:00:00Z",
    ),
    "DueTo": in_query(
        "due_to", "Con scadenza prima di questo istante. / Due before this instant.", _INSTANT, "2027-01-01T00:00:00Z"
    ),
    "ServiceId": in_query("service_id", "Servizio del catalogo. / Service of the catalogue.", CODE, "tari"),
    "Source": in_query("source", "Sistema del fornitore. / The vendor's system.", CODE, "tributi"),
    "Unread": in_query(
        "unread", "Solo i non letti, o solo i letti. / Only unread, or only read.", {"type": "boolean"}, True
    ),
    "Archived": in_query(
        "archived",
        "Solo gli archiviati, di norma solo gli altri, o tutti. / Only archived, by default only the others, or any.",
        {"type": "string", "enum": ["true", "false", "any"], "default": "false"},
        "any",
    ),
    "Turn": in_query(
        "turn", "A chi tocca. / Whose turn it is.", {"type": "string", "enum": list(get_args(Turn))}, "citizen"
    ),
    "Search": in_query(
        "q",
        "Parole da cercare, anche senza accenti, mai un codice fiscale; guarda gli elementi più recenti. / Words to "
        "look for, with or without accents, never a tax code; it looks at the newest items.",
        {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r"^[^\x00-\x1f]+$"},
        "rifiuti",
    ),
    "CardState": in_query(
        "state",
        "Offerti ora, o sospesi. / On offer now, or suspended.",
        {"type": "string", "enum": list(get_args(ShownState)), "default": "published"},
        "published",
    ),
    "Category": in_query(
        "category",
        "Categoria del catalogo, senza badare a maiuscole e accenti. / Category of the catalogue, whatever its case "
        "and accents.",
        {"type": "string", "minLength": 1, "maxLength": 120, "pattern": r"^[^\x00-\x1f]+$"},
        "Educazione e formazione",
    ),
    "CatalogueSearch": in_query(
        "q",
        "Parole del nome, della categoria o degli eventi della vita. / Words of name, category or life events.",
        {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r"^[^\x00-\x1f]+$"},
        "nido",
    ),
    "From": in_query(
        "from",
        "Avvenuti da questo istante. / Happened at or after this instant.",
        {"type": "string", "format": "date-time", "maxLength": 40},
        "2026-01-01T00:00:00Z",
    ),
    "To": in_query(
        "to",
        "Avvenuti prima di questo istante. / Happened before this instant.",
        {"type": "string", "format": "date-time", "maxLength": 40},
        "2027-01-01T00:00:00Z",
    ),
    "Sort": in_query(
        "sort",
        "Ordine; `-` è decrescente; di norma `-occurred_at`. / Order; `-` is descending; by default `-occurred_at`.",
        {"type": "string", "enum": list(SORTS), "default": "-occurred_at"},
        "-occurred_at",
    ),
    "Limit": in_query(
        "limit",
        "Quanti elementi al più. / How many items at most.",
        {"type": "integer", "format": "int32", "minimum": 1, "maximum": MAX_LIMIT, "default": 50},
        50,
    ),
    "Cursor": in_query(
        "cursor", "`next_cursor` della pagina prima. / `next_cursor` of the page before.", _CURSOR, "eyJzIjo0Mn0"
    ),
    "After": in_query(
        "after",
        "Dopo questo cursore; assente: dall'inizio. / After this cursor; absent: from the beginning.",
        _CURSOR,
        "eyJzIjo0Mn0",
    ),
    "LastEventId": _header(
        "Last-Event-ID",
        "`id` dell'ultimo evento ascoltato; prevale su `after`. / `id` of the event that was heard last; it goes "
        "before `after`.",
        _CURSOR,
        "eyJzIjo0Mn0",
    ),
    "Digest": _header(
        "Digest",
        "SHA-256 dei byte del corpo, base64 (RFC 3230). / SHA-256 of the body's bytes, base64 (RFC 3230).",
        _DIGEST,
        EXAMPLE_DIGEST,
        required=True,
    ),
    "AgidJwtSignature": _header(
        "Agid-JWT-Signature",
        "JWS di INTEGRITY_REST_01; `signed_headers` ha `digest` e `content-type`. / JWS of INTEGRITY_REST_01; "
        "`signed_headers` holds `digest` and `content-type`.",
        _SIGNED,
        _EXAMPLE_JWS,
        required=True,
    ),
    "CitizenAssertion": _header(
        "Citizen-Assertion",
        "JWS del portale sul cittadino (`typ` `citizen-assertion+jwt`, al più 5 minuti), conforme a RFC8725. / The "
        "portal's JWS on the citizen (`typ` `citizen-assertion+jwt`, at most 5 minutes), as RFC8725 demands.",
        _SIGNED,
        _EXAMPLE_JWS,
        required=True,
    ),
    "IfNoneMatch": _header(
        "If-None-Match",
        "ETag già noto: se è ancora quello, 304. / ETag already known: if still the same, 304.",
        {"type": "string", "maxLength": 400, "pattern": r"^[\x20-\x7e]+$"},
        '"3-9f86d081"',
    ),
    "IfMatch": _header(
        "If-Match",
        "ETag letto: se non è più quello, 412. / ETag that was read: if no longer the same, 412.",
        {"type": "string", "maxLength": 400, "pattern": r"^[\x20-\x7e]+$"},
        '"3-9f86d081"',
    ),
    "Range": _header(
        "Range",
        "Un intervallo di byte. / One range of bytes.",
        {"type": "string", "maxLength": 60, "pattern": "^bytes=([0-9]+-[0-9]*|-[0-9]+)$"},
        "bytes=0-1023",
    ),
    "IfRange": _header(
        "If-Range",
        "ETag letto: se non è più quello, il file intero. / ETag that was read: if no longer the same, the whole file.",
        {"type": "string", "maxLength": 100, "pattern": _ETAG},
        '"9f86d081884c7d65"',
    ),
    "ReplyTo": _header(
        "X-ReplyTo",
        "Indirizzo del risultato, presso un host registrato. / Address for the result, at a registered host.",
        {"type": "string", "maxLength": 2000, "pattern": "^https?://[a-z0-9][a-z0-9.-]*(:[0-9]+)?([/?].*)?$"},
        "https://gestionale.fornitore.example.it/raccordo/risposte",
    ),
    "CorrelationId": _header(
        "X-Correlation-ID",
        "Identificativo scelto dal chiamante; l'hub lo ripete. / Identifier of the caller's choice; the hub echoes it.",
        _CORRELATION,
        EXAMPLE_CORRELATION,
    ),
}


def _sent(description: str, schema: Json, example: object) -> Json:
    return {"description": description, "required": True, "schema": schema, "example": example}


_COUNT: Json = {"type": "integer", "format": "int32", "minimum": 0, "maximum": 2_147_483_647}

HEADERS: dict[str, Json] = {
    "X-RateLimit-Limit": _sent("Richieste ammesse nella finestra. / Requests allowed in the window.", _COUNT, 600),
    "X-RateLimit-Remaining": _sent("Richieste rimaste. / Requests left.", _COUNT, 598),
    "X-RateLimit-Reset": _sent("Secondi alla prossima finestra. / Seconds to the next window.", _SECONDS, 42),
    "X-Correlation-ID": _sent(
        "Identificativo della richiesta. / Identifier of the request.", _CORRELATION, EXAMPLE_CORRELATION
    ),
    "Retry-After": _sent("Secondi da attendere. / Seconds to wait.", _SECONDS, 5),
    "ETag": _sent(
        "Versione di ciò che si è letto. / Version of what was read.",
        {"type": "string", "maxLength": 100, "pattern": _ETAG},
        '"3-9f86d081"',
    ),
    "Document-State": _sent(
        "Stato del documento: ciò che è sostituito o scaduto si legge ancora, ma non vale. / State of the document: "
        "what is superseded or expired can be read still, and is not valid.",
        {"type": "string", "enum": ["available", "superseded", "expired"]},
        "available",
    ),
    "Location": _sent(
        "Dove si trova ciò che è nato. / Where to find what was made.",
        {"type": "string", "maxLength": 2000, "format": "uri-reference"},
        f"https://raccordo.comune.example.it/publish/v1/items/{EXAMPLE_ITEM_ID}",
    ),
    "Digest": _sent(
        "SHA-256 della risposta, o del file intero. / SHA-256 of the answer, or of the whole file.",
        _DIGEST,
        EXAMPLE_DIGEST,
    ),
    "Agid-JWT-Signature": _sent(
        "Firma dell'hub sulla risposta; contiene `request_digest`. / The hub's signature on the answer; it holds "
        "`request_digest`.",
        _SIGNED,
        _EXAMPLE_JWS,
    ),
    "Cache-Control": _sent(
        "`no-store`, o `private, no-cache` dove c'è un ETag: nessun intermediario conserva dati personali. / "
        "`no-store`, or `private, no-cache` where there is an ETag: no intermediary keeps personal data.",
        {"type": "string", "maxLength": 100, "pattern": "^[a-z0-9=, -]+$"},
        "no-store",
    ),
    "Set-Cookie": _sent(
        "Lega l'accesso al browser che lo ha iniziato. / Ties the login to the browser that began it.",
        {"type": "string", "maxLength": 300, "pattern": "^(__Host-)?raccordo-login-[0-9a-f]{16}=.*$"},
        "__Host-raccordo-login-9f86d081884c7d65=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure",
    ),
    "Accept-Ranges": _sent(
        "Intervalli di byte, ma non di una tessera. / Ranges of bytes may be asked for, but none of a card.",
        {"type": "string", "enum": ["bytes", "none"]},
        "bytes",
    ),
    "Content-Length": _sent(
        "Quanti byte seguono. / How many bytes follow.",
        {"type": "integer", "format": "int64", "minimum": 0, "maximum": 9_007_199_254_740_991},
        48213,
    ),
    "Content-Disposition": _sent(
        "Nome del file; mai da aprire nella pagina. / Name of the file; never to be opened inside the page.",
        {"type": "string", "maxLength": 1000, "pattern": "^attachment; .+$"},
        "attachment; filename*=UTF-8''certificato-residenza.pdf",
    ),
    "Last-Modified": _sent(
        "Quando il file è arrivato. / When the file came.",
        {"type": "string", "maxLength": 40, "pattern": "^[A-Za-z0-9:, ]+ GMT$"},
        "Mon, 23 Nov 2026 09:00:01 GMT",
    ),
    "Accept-Patch": _sent(
        "Formati di patch ammessi. / Patch formats that are accepted.",
        {"type": "string", "enum": ["application/merge-patch+json"]},
        "application/merge-patch+json",
    ),
    "Content-Range": _sent(
        "Quale parte del file. / Which part of the file.",
        {"type": "string", "maxLength": 80, "pattern": r"^bytes ([0-9]+-[0-9]+|\*)/[0-9]+$"},
        "bytes 0-1023/48213",
    ),
}

ALWAYS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "X-Correlation-ID")
EXTRA_BY_STATUS: dict[int, tuple[str, ...]] = {
    416: ("Content-Range",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}
