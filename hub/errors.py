"""The errors a caller over HTTP can meet. Each class has a stable code, a status and a title; its docstring says when.

`detail` is for the caller and holds no personal data and no token; `cause` is for the operator's log alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One place where a request is wrong."""

    pointer: str
    code: str
    detail: str


class HubError(Exception):
    """Something failed here; it is being looked at. Nothing was accepted."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "hub.error"
    title: ClassVar[str] = "Errore interno / Internal error"

    def __init__(
        self,
        detail: str = "",
        *,
        cause: str = "",
        faults: tuple[Fault, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(self.code)
        self.detail = detail or (self.__doc__ or self.title).strip().splitlines()[0]
        self.cause = cause
        self.faults = faults
        self.headers = dict(headers or {})


# Before the signatures hold there is one code and one body for every cause.


class RequestRefused(HubError):
    """The request was refused."""

    status, code, title = 401, "request.refused", "Richiesta rifiutata / Request refused"


class RequestMalformed(RequestRefused):
    """The request was refused."""

    status = 400


# After they hold, the answer is exact.


class TokenReplayed(HubError):
    """The token's jti was already used; a retransmission carries a fresh one."""

    status, code, title = 409, "token.replayed", "Token già usato / Token already used"


class VendorSuspended(HubError):
    """The vendor is suspended; ask the municipality."""

    status, code, title = 403, "vendor.suspended", "Fornitore sospeso / Vendor suspended"


class CollectionForbidden(HubError):
    """The vendor may not publish in this collection."""

    status, code, title = 403, "collection.not_allowed", "Collezione non ammessa / Collection not allowed"


class ServiceForbidden(HubError):
    """The vendor may not publish for this service."""

    status, code, title = 403, "service.not_allowed", "Servizio non ammesso / Service not allowed"


class ScopeMissing(HubError):
    """The scope that this operation needs is not granted."""

    status, code, title = 403, "scope.missing", "Ambito mancante / Scope missing"


class AssuranceTooLow(HubError):
    """The citizen's level of assurance is below what is required (SPID/CIE level 2 or higher)."""

    status, code, title = 403, "assurance.too_low", "Livello di autenticazione insufficiente / Assurance too low"


class ActorMismatch(HubError):
    """The assertion's actor is not the authenticated portal."""

    status, code, title = 403, "actor.mismatch", "Attore diverso dal portale / Actor mismatch"


class DelegationInactive(HubError):
    """There is no delegation for whom `on_behalf_of` names, or it is not yet, or no longer, valid."""

    status, code, title = 403, "delegation.inactive", "Delega non attiva / Delegation not active"


class RankedListUnknown(HubError):
    """There is no such list, or it is not published."""

    status, code, title = 404, "ranked_list.unknown", "Graduatoria sconosciuta / Unknown list"


class RankedListGone(HubError):
    """The list was withdrawn."""

    status, code, title = 410, "ranked_list.gone", "Graduatoria ritirata / List withdrawn"


class ItemUnknown(HubError):
    """There is no such item, or it is not yours."""

    status, code, title = 404, "item.unknown", "Elemento sconosciuto / Unknown item"


class BatchUnknown(HubError):
    """There is no such batch, or it is not yours, or its results are no longer kept."""

    status, code, title = 404, "batch.unknown", "Lotto sconosciuto / Unknown batch"


class BatchRunning(HubError):
    """The batch is still being worked off: it has no result yet."""

    status, code, title = 404, "batch.running", "Lotto in lavorazione / Batch running"


class PathUnknown(HubError):
    """There is nothing at this path."""

    status, code, title = 404, "path.unknown", "Percorso sconosciuto / Unknown path"


class MethodNotAllowed(HubError):
    """The method is not allowed on this path."""

    status, code, title = 405, "method.not_allowed", "Metodo non ammesso / Method not allowed"


class NotAcceptable(HubError):
    """None of the media types asked for can be produced."""

    status, code, title = 406, "media.not_acceptable", "Formato non disponibile / Not acceptable"


class MessageReused(HubError):
    """The message id was used for another request; each message has an id of its own."""

    status, code, title = 409, "message.reused", "Identificativo già usato / Message id reused"


class MessageRepeated(HubError):
    """The message arrived more often than agreed; stop sending it, and use the other way agreed."""

    status, code, title = 409, "message.repeated", "Troppi rinvii / Sent too often"


class VersionConflict(HubError):
    """This version was already published with other content; publish a higher one."""

    status, code, title = 409, "version.conflict", "Versione in conflitto / Version conflict"


class AlreadyWithdrawn(HubError):
    """The item was withdrawn."""

    status, code, title = 409, "item.withdrawn", "Elemento ritirato / Item withdrawn"


class PreconditionFailed(HubError):
    """The item changed since it was read (If-Match)."""

    status, code, title = 412, "precondition.failed", "Precondizione fallita / Precondition failed"


class BodyTooSlow(HubError):
    """The body did not arrive in time; nothing was accepted. Send it again."""

    status, code, title = 408, "body.too_slow", "Corpo troppo lento / Body too slow"


class BodyTooLarge(HubError):
    """The body is larger than the limit."""

    status, code, title = 413, "body.too_large", "Corpo troppo grande / Body too large"


class MediaUnsupported(HubError):
    """The media type or content coding is not supported here."""

    status, code, title = 415, "media.unsupported", "Formato non ammesso / Media type not supported"


class RangeInvalid(HubError):
    """The range is outside the file."""

    status, code, title = 416, "range.invalid", "Intervallo non valido / Range not satisfiable"


class RequestInvalid(HubError):
    """A parameter, a header or the form of the body is wrong."""

    status, code, title = 400, "request.invalid", "Richiesta non valida / Invalid request"


class ContractViolation(HubError):
    """The body breaks the contract; `errors` says where."""

    status, code, title = 422, "contract.violation", "Contratto violato / Contract violation"


class PersonalExternalId(HubError):
    """external_id contains a tax code; it is stored in clear and must name no person."""

    status, code, title = (
        422,
        "external_id.personal_data",
        "Dati personali in external_id / Personal data in external_id",
    )


class RecipientChanged(HubError):
    """The same item was published for another recipient; an item never changes its citizen."""

    status, code, title = 422, "recipient.changed", "Destinatario cambiato / Recipient changed"


class PositionMoved(HubError):
    """The payment is registered at pagoPA under another creditor, or is to be paid there by another notice number."""

    status, code, title = 422, "position.moved", "Posizione già registrata / Position registered already"


class NoticeNumbersExhausted(HubError):
    """The hub has no notice number left for this creditor: the municipality needs another segregation code."""

    status, code, title = 409, "notice_numbers.exhausted", "Numeri di avviso esauriti / No notice numbers left"


class StateTerminal(HubError):
    """The item's state is final and cannot be left for the one reported."""

    status, code, title = 422, "state.terminal", "Stato finale / Terminal state"


class DraftGuaranteed(HubError):
    """The draft is to be kept for longer: it goes sooner only where the citizen asks for it."""

    status, code, title = 409, "draft.guaranteed", "Bozza garantita / Draft guaranteed"


class ContentMismatch(HubError):
    """The file is not the one announced: size, type or SHA-256 differ."""

    status, code, title = 422, "content.mismatch", "File diverso dall'annunciato / Content mismatch"


class ContentUnexpected(HubError):
    """This item announced no file to upload."""

    status, code, title = 422, "content.unexpected", "File non previsto / Unexpected content"


class ReplyToForbidden(HubError):
    """The address in X-ReplyTo is not at a host that the municipality registered for the vendor."""

    status, code, title = 422, "reply_to.not_registered", "Indirizzo di risposta non registrato / Reply-to unregistered"


class ServiceUnknown(HubError):
    """The service is not in the municipality's catalogue."""

    status, code, title = 422, "service.unknown", "Servizio sconosciuto / Unknown service"


class SubscriptionServiceUnknown(HubError):
    """The subscription service is not one of the municipality's."""

    status, code, title = (
        422,
        "subscription_service.unknown",
        "Servizio di iscrizione sconosciuto / Unknown subscription service",
    )


class AnsweredRequestUnknown(HubError):
    """`answers_request` names no request about this item that waits for an answer."""

    status, code, title = 422, "answered_request.unknown", "Richiesta sconosciuta / Unknown request"


class RequestStateConflict(HubError):
    """The subscription's state does not allow the request."""

    status, code, title = 409, "request.state", "Stato non adatto alla richiesta / State does not allow the request"


class RequestPending(HubError):
    """Another request waits for its answer, or as many as there may be."""

    status, code, title = 409, "request.pending", "Richiesta già in corso / Another request is pending"


class RequestNotOffered(HubError):
    """The subscription's rules do not offer the request, or not now."""

    status, code, title = 422, "request.not_offered", "Richiesta non prevista / Request not offered"


class DocumentTypeUnknown(HubError):
    """The municipality has no document type of that name, and takes no others."""

    status, code, title = 422, "document_type.unknown", "Tipo di documento sconosciuto / Unknown document type"


class QuotaExceeded(HubError):
    """The quota is used up; wait as Retry-After says."""

    status, code, title = 429, "quota.exceeded", "Quota esaurita / Quota exceeded"


class StoreUnavailable(HubError):
    """The store cannot be read or written now; nothing was accepted. Try again."""

    status, code, title = 503, "store.unavailable", "Archivio non disponibile / Store unavailable"

    def __init__(self, detail: str = "", *, cause: str = "") -> None:
        super().__init__(detail, cause=cause, headers={"Retry-After": "5"})


def all_errors() -> tuple[type[HubError], ...]:
    """Every concrete error: the table of the API description is made from it. In the order of this file, then in that
    of the other modules by name, whichever was loaded first."""

    def walk(cls: type[HubError]) -> list[type[HubError]]:
        return [cls, *(leaf for child in cls.__subclasses__() for leaf in walk(child))]

    return tuple(sorted(walk(HubError), key=lambda each: (each.__module__ != __name__, each.__module__)))
