"""The errors that a citizen's portal meets, and who reads a published list, as `hub.errors` has those of everybody."""

from hub.errors import HubError


class ScopeMissing(HubError):
    """The scope that this operation needs is not granted."""

    status, code, title = 403, "scope.missing", "Ambito mancante / Scope missing"
    text_it = "Manca l'ambito (scope) che questa operazione richiede."


class AssuranceTooLow(HubError):
    """The citizen's level of assurance is below what is required (SPID/CIE level 2 or higher)."""

    status, code, title = 403, "assurance.too_low", "Livello di autenticazione insufficiente / Assurance too low"
    text_it = "Il livello di autenticazione è inferiore a quello richiesto (SPID/CIE livello 2 o superiore)."


class ActorMismatch(HubError):
    """The assertion's actor is not the authenticated portal."""

    status, code, title = 403, "actor.mismatch", "Attore diverso dal portale / Actor mismatch"
    text_it = "L'attore dell'asserzione non è il portale autenticato."


class DelegationInactive(HubError):
    """There is no delegation for whom `on_behalf_of` names, or it is not yet, or no longer, valid."""

    status, code, title = 403, "delegation.inactive", "Delega non attiva / Delegation not active"
    text_it = "Non c'è una delega per chi è indicato in `on_behalf_of`, o non è ancora, o non è più, valida."


class RankedListUnknown(HubError):
    """There is no such list, or it is not published."""

    status, code, title = 404, "ranked_list.unknown", "Graduatoria sconosciuta / Unknown list"
    text_it = "La graduatoria non esiste o non è pubblicata."


class RankedListGone(HubError):
    """The list was withdrawn."""

    status, code, title = 410, "ranked_list.gone", "Graduatoria ritirata / List withdrawn"
    text_it = "La graduatoria è stata ritirata."


class RangeInvalid(HubError):
    """The range is outside the file."""

    status, code, title = 416, "range.invalid", "Intervallo non valido / Range not satisfiable"
    text_it = "L'intervallo è fuori dal file."


class RequestStateConflict(HubError):
    """The subscription's state does not allow the request."""

    status, code, title = 409, "request.state", "Stato non adatto alla richiesta / State does not allow the request"
    text_it = "Lo stato dell'iscrizione non consente la richiesta."


class RequestPending(HubError):
    """Another request waits for its answer, or as many as there may be."""

    status, code, title = 409, "request.pending", "Richiesta già in corso / Another request is pending"
    text_it = "Un'altra richiesta attende risposta, o ce ne sono già quante sono ammesse."


class RequestNotOffered(HubError):
    """The subscription's rules do not offer the request, or not now."""

    status, code, title = 422, "request.not_offered", "Richiesta non prevista / Request not offered"
    text_it = "Le regole dell'iscrizione non prevedono la richiesta, o non ora."
