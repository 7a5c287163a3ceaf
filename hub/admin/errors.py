"""The errors that administrators meet over HTTP, as `hub.errors` has those of everybody."""

from collections.abc import Iterable
from typing import Final

from contracts.faults import Bilingual, bilingual
from hub.errors import HubError

_NAMED: Final = 20


def none_such(none_it: str, what: str, there: Iterable[object]) -> Bilingual:
    """The detail of an error about something that is not among those there are, which it names. What was asked for is
    not repeated: it may be anything. `none_it` is how Italian says that there is none: `nessuna versione`."""
    names = [str(each) for each in there]
    told, more = ", ".join(names[:_NAMED]), len(names) - _NAMED
    others_it, others = (f" e altri {more}", f" and {more} more") if more > 0 else ("", "")
    if not names:
        return bilingual(f"Non c'è {none_it}", f"there is no {what}")
    is_it, is_en = ("c'è", "is") if len(names) == 1 else ("ci sono", "are")
    return bilingual(
        f"Non c'è {none_it} corrispondente; {is_it} {told}{others_it}",
        f"there is no such {what}; there {is_en} {told}{others}",
    )


class CredentialsRefused(HubError):
    """The name or the password is wrong, or the account is disabled."""

    status, code, title = 401, "credentials.refused", "Credenziali rifiutate / Credentials refused"
    text_it = "Il nome o la password è errato, oppure l'account è disattivato."


class SecondFactorMissing(HubError):
    """The account has a second factor: send a code in One-Time-Code, of the device or for recovery."""

    status, code, title = 401, "second_factor.missing", "Serve il secondo fattore / Second factor needed"
    text_it = "L'account ha un secondo fattore: inviare in One-Time-Code un codice, del dispositivo o di recupero."


class SecondFactorRefused(HubError):
    """The code is wrong, too old, or was used before: wait for the device's next one."""

    status, code, title = 401, "second_factor.refused", "Codice rifiutato / Code refused"
    text_it = "Il codice è errato, troppo vecchio o già usato: attendere il prossimo del dispositivo."


class SecondFactorLocked(HubError):
    """Too many wrong codes in a row: have the second factor reset and enrolled anew."""

    status, code, title = 403, "second_factor.locked", "Secondo fattore bloccato / Second factor locked"
    text_it = "Troppi codici errati di seguito: far azzerare il secondo fattore e attivarlo di nuovo."


class SecondFactorNotEnrolled(HubError):
    """One of the account's roles needs a second factor, and it has none: have it enrolled."""

    status, code, title = 403, "second_factor.not_enrolled", "Secondo fattore non attivato / No second factor enrolled"
    text_it = "Uno dei ruoli dell'account richiede un secondo fattore, che manca: farlo attivare."


class SessionRefused(HubError):
    """There is no session, or it has ended: sign in."""

    status, code, title = 401, "session.refused", "Sessione non valida / Session refused"
    text_it = "La sessione non esiste o è finita: accedere di nuovo."


class LoginRefused(HubError):
    """The identity provider did not vouch for the login, or it was begun elsewhere: begin again."""

    status, code, title = 401, "login.refused", "Accesso rifiutato / Login refused"
    text_it = "Il fornitore di identità non ha confermato l'accesso, o era iniziato altrove: ricominciare."


class LoginExpired(LoginRefused):
    """The login was begun too long ago or in another browser, or has ended already: begin again."""

    text_it = "L'accesso è iniziato troppo tempo fa o in un altro browser, o è già concluso: ricominciare."


class LoginDenied(LoginRefused):
    """The identity provider ended the login without vouching for anybody: it was called off, or is not allowed."""

    text_it = "Il fornitore di identità ha chiuso l'accesso senza confermare nessuno: annullato o non consentito."


class AccountDisabled(LoginRefused):
    """The account that the identity provider vouches for is disabled here."""

    text_it = "L'account che il fornitore di identità conferma qui è disattivato."


class RoleMissing(HubError):
    """None of the administrator's roles allows this."""

    status, code, title = 403, "role.missing", "Ruolo mancante / Role missing"
    text_it = "Nessuno dei ruoli dell'amministratore lo consente."


class IdentityProviderUnknown(HubError):
    """There is no such identity provider."""

    status, code, title = 404, "identity_provider.unknown", "Fornitore di identità sconosciuto / Unknown provider"
    text_it = "Il fornitore di identità non esiste."


class IdentityProviderUnreachable(HubError):
    """The identity provider gives no usable answer; try again, or sign in with a local account."""

    status, code, title = 502, "identity_provider.unreachable", "Fornitore di identità non raggiungibile / Unreachable"
    text_it = "Il fornitore di identità non risponde come deve: riprovare, o accedere con un account locale."


class SignInThrottled(HubError):
    """Too many attempts to sign in; wait as Retry-After says."""

    status, code, title = 429, "sign_in.throttled", "Troppi tentativi / Too many attempts"
    text_it = "Troppi tentativi di accesso: attendere quanto dice Retry-After."


class ConnectorTypeUnknown(HubError):
    """There is no such type of connector: the list of types says which there are."""

    status, code, title = 404, "connector_type.unknown", "Tipo di connettore sconosciuto / Unknown connector type"
    text_it = "Il tipo di connettore non esiste: l'elenco dei tipi dice quali ci sono."


class ConnectorUnknown(HubError):
    """There is no such connector: the list says which there are."""

    status, code, title = 404, "connector.unknown", "Connettore sconosciuto / Unknown connector"
    text_it = "Il connettore non esiste: l'elenco dice quali ci sono."


class ConnectorVersionUnknown(HubError):
    """The connector has no such version: the list of its versions says which it has."""

    status, code, title = 404, "connector_version.unknown", "Versione sconosciuta / Unknown version"
    text_it = "Il connettore non ha questa versione: l'elenco delle versioni dice quali ha."


class ConnectorExists(HubError):
    """There is a connector of that name: change it, or choose another name."""

    status, code, title = 409, "connector.exists", "Connettore già presente / Connector exists"
    text_it = "C'è già un connettore con questo nome: modificarlo, o scegliere un altro nome."


class ConnectorUntested(HubError):
    """No check of this version has passed: check it first."""

    status, code, title = 409, "connector.untested", "Versione non provata / Version not tested"
    text_it = "Nessuna prova di questa versione è riuscita: provarla prima."


class ConnectorNotInForce(HubError):
    """No version of the connector is in force: activate one first."""

    status, code, title = 409, "connector.not_in_force", "Connettore non in uso / Connector not in force"
    text_it = "Nessuna versione del connettore è in uso: attivarne prima una."


class ConnectorInUse(HubError):
    """Deliveries of the connector have not ended: let them go out, or pause it instead."""

    status, code, title = 409, "connector.in_use", "Connettore in uso / Connector in use"
    text_it = "Ci sono consegne del connettore non concluse: lasciarle uscire, o metterlo in pausa."


class VendorUnknown(HubError):
    """There is no such vendor: the list says which there are."""

    status, code, title = 404, "vendor.unknown", "Fornitore sconosciuto / Unknown vendor"
    text_it = "Il fornitore non esiste: l'elenco dice quali ci sono."


class VendorExists(HubError):
    """The id, an alias or a client at PDND is taken: change the vendor that has it, or choose another."""

    status, code, title = 409, "vendor.exists", "Fornitore già presente / Vendor exists"
    text_it = "L'id, un alias o un client PDND è già preso: modificare il fornitore che lo ha, o sceglierne un altro."


class VendorNotConformant(HubError):
    """The newest report of `raccordo conformance` has not passed, or there is none: attach one that has first."""

    status, code, title = 409, "vendor.not_conformant", "Fornitore non conforme / Vendor not conformant"
    text_it = "L'ultimo rapporto di `raccordo conformance` non è positivo, o manca: allegarne prima uno positivo."


class VendorKeyUnknown(HubError):
    """The vendor has no such key: the list of its keys says which it has."""

    status, code, title = 404, "vendor_key.unknown", "Chiave sconosciuta / Unknown key"
    text_it = "Il fornitore non ha questa chiave: l'elenco delle sue chiavi dice quali ha."


class KeyRevoked(HubError):
    """The key is revoked already."""

    status, code, title = 409, "vendor_key.revoked", "Chiave già revocata / Key revoked"
    text_it = "La chiave è già revocata."


class ServiceCardUnknown(HubError):
    """The service is not in the catalogue: the list says which are; add it first."""

    status, code, title = 404, "catalogue.unknown", "Servizio non in catalogo / Service not in the catalogue"
    text_it = "Il servizio non è nel catalogo: l'elenco dice quali ci sono; aggiungerlo prima."


class ServiceCardExists(HubError):
    """The service is in the catalogue: change it."""

    status, code, title = 409, "catalogue.exists", "Servizio già in catalogo / Service in the catalogue"
    text_it = "Il servizio è già nel catalogo: modificarlo."


class DeliveryUnknown(HubError):
    """There is no such delivery."""

    status, code, title = 404, "delivery.unknown", "Consegna sconosciuta / Unknown delivery"
    text_it = "La consegna non esiste."


class DeliveryNotReplayable(HubError):
    """The delivery cannot be sent again now."""

    status, code, title = 409, "delivery.not_replayable", "Consegna non ripetibile / Delivery not replayable"
    text_it = "La consegna ora non può essere ripetuta."


class QuarantineUnknown(HubError):
    """There is no such entry in quarantine, or it was decided about."""

    status, code, title = 404, "quarantine.unknown", "Voce di quarantena sconosciuta / Unknown quarantine entry"
    text_it = "La voce di quarantena non esiste, o è già stata decisa."


class SimulationUnknown(HubError):
    """No provider of that name is simulated here: `serve --simulate` does."""

    status, code, title = 404, "simulation.unknown", "Simulazione sconosciuta / Unknown simulation"
    text_it = "Qui non è simulato nessun sistema con questo nome: lo fa `serve --simulate`."


class SubscriptionServiceMissing(HubError):
    """The address names no subscription service of the municipality."""

    status, code, title = 404, "subscription_service.unknown", "Servizio sconosciuto / Unknown subscription service"
    text_it = "L'indirizzo non indica un servizio di iscrizione dell'ente."


class AreasTooMany(HubError):
    """The attribute that the service takes for its area has so many values that it is none."""

    status, code, title = 409, "statistics.areas_too_many", "Troppe zone / Too many areas"
    text_it = "L'attributo che il servizio usa come zona ha troppi valori per esserlo."


class OperationUnknown(HubError):
    """The connector has no such operation: the list says which it has."""

    status, code, title = 404, "operation.unknown", "Operazione sconosciuta / Unknown operation"
    text_it = "Il connettore non ha questa operazione: l'elenco dice quali ha."


class SourceNotRead(HubError):
    """The connector reads nothing by itself, or is not active: activate it first."""

    status, code, title = 409, "source.not_read", "Fonte non letta / Source not read"
    text_it = "Il connettore non legge nulla da sé, o non è attivo: attivarlo prima."


class SourceReadsNoFiles(HubError):
    """The connector reads no files, or its settings no longer fit its type."""

    status, code, title = 409, "source.reads_no_files", "La fonte non legge file / The source reads no files"
    text_it = "Il connettore non legge file, o le sue impostazioni non sono più adatte al tipo."


class SourceFailed(HubError):
    """What the source brought cannot be taken in as the connector is set up; what was taken before stays."""

    status, code, title = 409, "source.failed", "Lettura non riuscita / Reading failed"
    text_it = "Ciò che la fonte ha portato non si può accogliere con queste impostazioni; quanto già accolto resta."


class BroadcastUnknown(HubError):
    """There is no such broadcast."""

    status, code, title = 404, "broadcast.unknown", "Invio sconosciuto / Unknown broadcast"
    text_it = "L'invio non esiste."


class BroadcastElsewhere(HubError):
    """The broadcast is in another state."""

    status, code, title = 409, "broadcast.state", "Invio in altro stato / Broadcast in another state"
    text_it = "L'invio è in un altro stato."


class AudienceChanged(HubError):
    """It would reach another number of persons than was expected: look at the preview again."""

    status, code, title = 409, "broadcast.audience_changed", "Destinatari cambiati / Audience changed"
    text_it = "Raggiungerebbe un numero di persone diverso dal previsto: riguardare l'anteprima."


class RankedListElsewhere(HubError):
    """The list is in another state."""

    status, code, title = 409, "ranked_list.state", "Graduatoria in altro stato / Ranked list in another state"
    text_it = "La graduatoria è in un altro stato."


class RankedListRefused(HubError):
    """The policy of the service, or the number of its subscribers, allows no list."""

    status, code, title = 409, "ranked_list.refused", "Graduatoria non ammessa / No ranked list allowed"
    text_it = "Le regole del servizio, o il numero degli iscritti, non consentono una graduatoria."


class RightsRequestUnknown(HubError):
    """There is no such request."""

    status, code, title = 404, "rights_request.unknown", "Richiesta sconosciuta / Unknown request"
    text_it = "La richiesta non esiste."


class RightsRequestClosed(HubError):
    """The request was closed before."""

    status, code, title = 409, "rights_request.closed", "Richiesta già chiusa / Request closed"
    text_it = "La richiesta è già stata chiusa."


class ErasureChanged(HubError):
    """It would not do what the preview showed: look at that again, and order it with the new confirmation."""

    status, code, title = 409, "erasure.changed", "Cancellazione cambiata / Erasure changed"
    text_it = "Non farebbe ciò che mostrava l'anteprima: riguardarla, e ordinare con la nuova conferma."


class ReportUnknown(HubError):
    """The vendor has no such report."""

    status, code, title = 404, "conformance_report.unknown", "Rapporto sconosciuto / Unknown report"
    text_it = "Il fornitore non ha questo rapporto."
