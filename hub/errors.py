"""The errors a caller over HTTP can meet. Each class has a stable code, a status and a title; its docstring says when,
and `text_it` the same in Italian.

`detail` is for the caller and holds no personal data and no token; `cause` is for the operator's log alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from contracts.faults import Bilingual, bilingual


@dataclass(frozen=True, slots=True)
class Fault:
    """One place where a request is wrong."""

    pointer: str
    code: str
    detail: Bilingual


class HubError(Exception):
    """Something failed here; it is being looked at. Nothing was accepted."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "hub.error"
    title: ClassVar[str] = "Errore interno / Internal error"
    text_it: ClassVar[str] = "Qualcosa non ha funzionato: si sta verificando. Nulla è stato accettato."

    def __init__(
        self,
        detail: Bilingual | None = None,
        *,
        cause: str = "",
        faults: tuple[Fault, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(self.code)
        self.detail = detail or self.in_general()
        self.cause = cause
        self.faults = faults
        self.headers = dict(headers or {})

    @classmethod
    def in_general(cls) -> Bilingual:
        """The `detail` of an error of which nothing more exact is said."""
        return bilingual(cls.text_it, (cls.__doc__ or "").strip().splitlines()[0])


# Before the signatures hold there is one code and one body for every cause.


class RequestRefused(HubError):
    """The request was refused."""

    status, code, title = 401, "request.refused", "Richiesta rifiutata / Request refused"
    text_it = "La richiesta è stata rifiutata."


class RequestMalformed(RequestRefused):
    """The request was refused."""

    status = 400


# After they hold, the answer is exact.


class TokenReplayed(HubError):
    """The token's jti was already used; a retransmission carries a fresh one."""

    status, code, title = 409, "token.replayed", "Token già usato / Token already used"
    text_it = "Il jti del token è già stato usato: chi ritrasmette ne usa uno nuovo."


class VendorSuspended(HubError):
    """The vendor is suspended; ask the municipality."""

    status, code, title = 403, "vendor.suspended", "Fornitore sospeso / Vendor suspended"
    text_it = "Il fornitore è sospeso: rivolgersi all'ente."


class CollectionForbidden(HubError):
    """The vendor may not publish in this collection."""

    status, code, title = 403, "collection.not_allowed", "Collezione non ammessa / Collection not allowed"
    text_it = "Il fornitore non può pubblicare in questa collezione."


class ServiceForbidden(HubError):
    """The vendor may not publish for this service."""

    status, code, title = 403, "service.not_allowed", "Servizio non ammesso / Service not allowed"
    text_it = "Il fornitore non può pubblicare per questo servizio."


class ItemUnknown(HubError):
    """There is no such item, or it is not yours."""

    status, code, title = 404, "item.unknown", "Elemento sconosciuto / Unknown item"
    text_it = "L'elemento non esiste, o non è di chi lo chiede."


class BatchUnknown(HubError):
    """There is no such batch, or it is not yours, or its results are no longer kept."""

    status, code, title = 404, "batch.unknown", "Lotto sconosciuto / Unknown batch"
    text_it = "Il lotto non esiste, non è di chi lo chiede, o i suoi risultati non sono più conservati."


class BatchRunning(HubError):
    """The batch is still being worked off: it has no result yet."""

    status, code, title = 404, "batch.running", "Lotto in lavorazione / Batch running"
    text_it = "Il lotto è ancora in lavorazione: non ha ancora un risultato."


class PathUnknown(HubError):
    """There is nothing at this path."""

    status, code, title = 404, "path.unknown", "Percorso sconosciuto / Unknown path"
    text_it = "A questo percorso non c'è nulla."


class MethodNotAllowed(HubError):
    """The method is not allowed on this path."""

    status, code, title = 405, "method.not_allowed", "Metodo non ammesso / Method not allowed"
    text_it = "Il metodo non è ammesso per questo percorso."


class NotAcceptable(HubError):
    """None of the media types asked for can be produced."""

    status, code, title = 406, "media.not_acceptable", "Formato non disponibile / Not acceptable"
    text_it = "Nessuno dei formati richiesti può essere prodotto."


class MessageReused(HubError):
    """The message id was used for another request; each message has an id of its own."""

    status, code, title = 409, "message.reused", "Identificativo già usato / Message id reused"
    text_it = "L'identificativo del messaggio è già servito per un'altra richiesta: ognuno ne ha uno proprio."


class MessageRepeated(HubError):
    """The message arrived more often than agreed; stop sending it, and use the other way agreed."""

    status, code, title = 409, "message.repeated", "Troppi rinvii / Sent too often"
    text_it = "Il messaggio è arrivato più volte di quanto convenuto: non inviarlo più, usare l'altra via convenuta."


class VersionConflict(HubError):
    """This version was already published with other content; publish a higher one."""

    status, code, title = 409, "version.conflict", "Versione in conflitto / Version conflict"
    text_it = "Questa versione è già pubblicata con altro contenuto: pubblicarne una più alta."


class AlreadyWithdrawn(HubError):
    """The item was withdrawn."""

    status, code, title = 409, "item.withdrawn", "Elemento ritirato / Item withdrawn"
    text_it = "L'elemento è stato ritirato."


class PreconditionFailed(HubError):
    """The item changed since it was read (If-Match)."""

    status, code, title = 412, "precondition.failed", "Precondizione fallita / Precondition failed"
    text_it = "L'elemento è cambiato da quando è stato letto (If-Match)."


class BodyTooSlow(HubError):
    """The body did not arrive in time; nothing was accepted. Send it again."""

    status, code, title = 408, "body.too_slow", "Corpo troppo lento / Body too slow"
    text_it = "Il corpo non è arrivato in tempo: nulla è stato accettato. Inviarlo di nuovo."


class BodyTooLarge(HubError):
    """The body is larger than the limit."""

    status, code, title = 413, "body.too_large", "Corpo troppo grande / Body too large"
    text_it = "Il corpo supera il limite."


class MediaUnsupported(HubError):
    """The media type or content coding is not supported here."""

    status, code, title = 415, "media.unsupported", "Formato non ammesso / Media type not supported"
    text_it = "Il tipo di contenuto o la sua codifica non sono ammessi qui."


class RequestInvalid(HubError):
    """A parameter, a header or the form of the body is wrong."""

    status, code, title = 400, "request.invalid", "Richiesta non valida / Invalid request"
    text_it = "Un parametro, un'intestazione o la forma del corpo non è valida."


class ContractViolation(HubError):
    """The body breaks the contract; `errors` says where."""

    status, code, title = 422, "contract.violation", "Contratto violato / Contract violation"
    text_it = "Il corpo non rispetta il contratto: `errors` dice dove."


class PersonalExternalId(HubError):
    """external_id contains a tax code; it is stored in clear and must name no person."""

    status, code, title = (
        422,
        "external_id.personal_data",
        "Dati personali in external_id / Personal data in external_id",
    )
    text_it = "external_id contiene un codice fiscale: è conservato in chiaro e non deve indicare nessuno."


class RecipientChanged(HubError):
    """The same item was published for another recipient; an item never changes its citizen."""

    status, code, title = 422, "recipient.changed", "Destinatario cambiato / Recipient changed"
    text_it = "Lo stesso elemento è già pubblicato per un altro destinatario: un elemento non cambia cittadino."


class PositionMoved(HubError):
    """The payment is registered at pagoPA under another creditor, or is to be paid there by another notice number."""

    status, code, title = 422, "position.moved", "Posizione già registrata / Position registered already"
    text_it = "La posizione è già registrata su pagoPA per un altro ente creditore o con un altro numero di avviso."


class NoticeNumbersExhausted(HubError):
    """The hub has no notice number left for this creditor: the municipality needs another segregation code."""

    status, code, title = 409, "notice_numbers.exhausted", "Numeri di avviso esauriti / No notice numbers left"
    text_it = "Per questo ente creditore i numeri di avviso sono finiti: serve un altro codice di segregazione."


class StateTerminal(HubError):
    """The item's state is final and cannot be left for the one reported."""

    status, code, title = 422, "state.terminal", "Stato finale / Terminal state"
    text_it = "Lo stato dell'elemento è finale e non può diventare quello comunicato."


class DraftGuaranteed(HubError):
    """The draft is to be kept for longer: it goes sooner only where the citizen asks for it."""

    status, code, title = 409, "draft.guaranteed", "Bozza garantita / Draft guaranteed"
    text_it = "La bozza va conservata più a lungo: si elimina prima solo se lo chiede il cittadino."


class ContentMismatch(HubError):
    """The file is not the one announced: size, type or SHA-256 differ."""

    status, code, title = 422, "content.mismatch", "File diverso dall'annunciato / Content mismatch"
    text_it = "Il file non è quello annunciato: dimensione, tipo o SHA-256 sono diversi."


class ContentUnexpected(HubError):
    """This item announced no file to upload."""

    status, code, title = 422, "content.unexpected", "File non previsto / Unexpected content"
    text_it = "Questo elemento non ha annunciato file da caricare."


class ReplyToForbidden(HubError):
    """The address in X-ReplyTo is not at a host that the municipality registered for the vendor."""

    status, code, title = 422, "reply_to.not_registered", "Indirizzo di risposta non registrato / Reply-to unregistered"
    text_it = "L'indirizzo in X-ReplyTo non è su un host che l'ente ha registrato per il fornitore."


class ServiceUnknown(HubError):
    """The service is not in the municipality's catalogue."""

    status, code, title = 422, "service.unknown", "Servizio sconosciuto / Unknown service"
    text_it = "Il servizio non è nel catalogo dell'ente."


class SubscriptionServiceUnknown(HubError):
    """The subscription service is not one of the municipality's."""

    status, code, title = (
        422,
        "subscription_service.unknown",
        "Servizio di iscrizione sconosciuto / Unknown subscription service",
    )
    text_it = "Il servizio di iscrizione non è tra quelli dell'ente."


class AnsweredRequestUnknown(HubError):
    """`answers_request` names no request about this item that waits for an answer."""

    status, code, title = 422, "answered_request.unknown", "Richiesta sconosciuta / Unknown request"
    text_it = "`answers_request` non indica una richiesta su questo elemento in attesa di risposta."


class DocumentTypeUnknown(HubError):
    """The municipality has no document type of that name, and takes no others."""

    status, code, title = 422, "document_type.unknown", "Tipo di documento sconosciuto / Unknown document type"
    text_it = "L'ente non ha un tipo di documento con questo nome e non ne accetta altri."


class QuotaExceeded(HubError):
    """The quota is used up; wait as Retry-After says."""

    status, code, title = 429, "quota.exceeded", "Quota esaurita / Quota exceeded"
    text_it = "La quota è esaurita: attendere quanto dice Retry-After."


class StoreUnavailable(HubError):
    """The store cannot be read or written now; nothing was accepted. Try again."""

    status, code, title = 503, "store.unavailable", "Archivio non disponibile / Store unavailable"
    text_it = "L'archivio ora non si può leggere o scrivere: nulla è stato accettato. Riprovare."

    def __init__(self, detail: Bilingual | None = None, *, cause: str = "") -> None:
        super().__init__(detail, cause=cause, headers={"Retry-After": "5"})


def all_errors() -> tuple[type[HubError], ...]:
    """Every concrete error: the table of the API description is made from it. In the order of this file, then in that
    of the other modules by name, whichever was loaded first."""

    def walk(cls: type[HubError]) -> list[type[HubError]]:
        return [cls, *(leaf for child in cls.__subclasses__() for leaf in walk(child))]

    return tuple(sorted(walk(HubError), key=lambda each: (each.__module__ != __name__, each.__module__)))
