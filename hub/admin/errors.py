"""The errors that administrators meet over HTTP, as `hub.errors` has those of everybody."""

from collections.abc import Iterable
from typing import Final

from hub.errors import HubError

_NAMED: Final = 20


def none_such(what: str, there: Iterable[object]) -> str:
    """The detail of an error about something that is not among those there are, which it names. What was asked for is
    not repeated: it may be anything."""
    names = [str(each) for each in there]
    told = ", ".join(names[:_NAMED]) or "none"
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"Non c'è / there is no such {what}; there {'is' if len(names) < 2 else 'are'} {told}{more}"


class CredentialsRefused(HubError):
    """The name or the password is wrong, or the account is disabled."""

    status, code, title = 401, "credentials.refused", "Credenziali rifiutate / Credentials refused"


class SecondFactorMissing(HubError):
    """The account has a second factor: send a code in One-Time-Code, of the device or for recovery."""

    status, code, title = 401, "second_factor.missing", "Serve il secondo fattore / Second factor needed"


class SecondFactorRefused(HubError):
    """The code is wrong, too old, or was used before: wait for the device's next one."""

    status, code, title = 401, "second_factor.refused", "Codice rifiutato / Code refused"


class SecondFactorLocked(HubError):
    """Too many wrong codes in a row: have the second factor reset and enrolled anew."""

    status, code, title = 403, "second_factor.locked", "Secondo fattore bloccato / Second factor locked"


class SecondFactorNotEnrolled(HubError):
    """One of the account's roles needs a second factor, and it has none: have it enrolled."""

    status, code, title = 403, "second_factor.not_enrolled", "Secondo fattore non attivato / No second factor enrolled"


class SessionRefused(HubError):
    """There is no session, or it has ended: sign in."""

    status, code, title = 401, "session.refused", "Sessione non valida / Session refused"


class LoginRefused(HubError):
    """The identity provider did not vouch for the login, or it was begun elsewhere: begin again."""

    status, code, title = 401, "login.refused", "Accesso rifiutato / Login refused"


class LoginExpired(LoginRefused):
    """The login was begun too long ago or in another browser, or has ended already: begin again."""


class LoginDenied(LoginRefused):
    """The identity provider ended the login without vouching for anybody: it was called off, or is not allowed."""


class AccountDisabled(LoginRefused):
    """The account that the identity provider vouches for is disabled here."""


class RoleMissing(HubError):
    """None of the administrator's roles allows this."""

    status, code, title = 403, "role.missing", "Ruolo mancante / Role missing"


class IdentityProviderUnknown(HubError):
    """There is no such identity provider."""

    status, code, title = 404, "identity_provider.unknown", "Fornitore di identità sconosciuto / Unknown provider"


class IdentityProviderUnreachable(HubError):
    """The identity provider gives no usable answer; try again, or sign in with a local account."""

    status, code, title = 502, "identity_provider.unreachable", "Fornitore di identità non raggiungibile / Unreachable"


class SignInThrottled(HubError):
    """Too many attempts to sign in; wait as Retry-After says."""

    status, code, title = 429, "sign_in.throttled", "Troppi tentativi / Too many attempts"


class ConnectorTypeUnknown(HubError):
    """There is no such type of connector: the list of types says which there are."""

    status, code, title = 404, "connector_type.unknown", "Tipo di connettore sconosciuto / Unknown connector type"


class ConnectorUnknown(HubError):
    """There is no such connector: the list says which there are."""

    status, code, title = 404, "connector.unknown", "Connettore sconosciuto / Unknown connector"


class ConnectorVersionUnknown(HubError):
    """The connector has no such version: the list of its versions says which it has."""

    status, code, title = 404, "connector_version.unknown", "Versione sconosciuta / Unknown version"


class ConnectorExists(HubError):
    """There is a connector of that name: change it, or choose another name."""

    status, code, title = 409, "connector.exists", "Connettore già presente / Connector exists"


class ConnectorUntested(HubError):
    """No check of this version has passed: check it first."""

    status, code, title = 409, "connector.untested", "Versione non provata / Version not tested"


class ConnectorNotInForce(HubError):
    """No version of the connector is in force: activate one first."""

    status, code, title = 409, "connector.not_in_force", "Connettore non in uso / Connector not in force"


class ConnectorInUse(HubError):
    """Deliveries of the connector have not ended: let them go out, or pause it instead."""

    status, code, title = 409, "connector.in_use", "Connettore in uso / Connector in use"


class VendorUnknown(HubError):
    """There is no such vendor: the list says which there are."""

    status, code, title = 404, "vendor.unknown", "Fornitore sconosciuto / Unknown vendor"


class VendorExists(HubError):
    """The id, an alias or a client at PDND is taken: change the vendor that has it, or choose another."""

    status, code, title = 409, "vendor.exists", "Fornitore già presente / Vendor exists"


class VendorNotConformant(HubError):
    """The newest report of `raccordo conformance` has not passed, or there is none: attach one that has first."""

    status, code, title = 409, "vendor.not_conformant", "Fornitore non conforme / Vendor not conformant"


class VendorKeyUnknown(HubError):
    """The vendor has no such key: the list of its keys says which it has."""

    status, code, title = 404, "vendor_key.unknown", "Chiave sconosciuta / Unknown key"


class KeyRevoked(HubError):
    """The key is revoked already."""

    status, code, title = 409, "vendor_key.revoked", "Chiave già revocata / Key revoked"


class ServiceCardUnknown(HubError):
    """The service is not in the catalogue: the list says which are; add it first."""

    status, code, title = 404, "catalogue.unknown", "Servizio non in catalogo / Service not in the catalogue"


class ServiceCardExists(HubError):
    """The service is in the catalogue: change it."""

    status, code, title = 409, "catalogue.exists", "Servizio già in catalogo / Service in the catalogue"


class DeliveryUnknown(HubError):
    """There is no such delivery."""

    status, code, title = 404, "delivery.unknown", "Consegna sconosciuta / Unknown delivery"


class DeliveryNotReplayable(HubError):
    """The delivery cannot be sent again now."""

    status, code, title = 409, "delivery.not_replayable", "Consegna non ripetibile / Delivery not replayable"


class QuarantineUnknown(HubError):
    """There is no such entry in quarantine, or it was decided about."""

    status, code, title = 404, "quarantine.unknown", "Voce di quarantena sconosciuta / Unknown quarantine entry"


class SimulationUnknown(HubError):
    """No provider of that name is simulated here: `serve --simulate` does."""

    status, code, title = 404, "simulation.unknown", "Simulazione sconosciuta / Unknown simulation"


class SubscriptionServiceMissing(HubError):
    """The address names no subscription service of the municipality."""

    status, code, title = 404, "subscription_service.unknown", "Servizio sconosciuto / Unknown subscription service"


class AreasTooMany(HubError):
    """The attribute that the service takes for its area has so many values that it is none."""

    status, code, title = 409, "statistics.areas_too_many", "Troppe zone / Too many areas"


class OperationUnknown(HubError):
    """The connector has no such operation: the list says which it has."""

    status, code, title = 404, "operation.unknown", "Operazione sconosciuta / Unknown operation"


class SourceNotRead(HubError):
    """The connector reads nothing by itself, or is not active: activate it first."""

    status, code, title = 409, "source.not_read", "Fonte non letta / Source not read"


class SourceReadsNoFiles(HubError):
    """The connector reads no files, or its settings no longer fit its type."""

    status, code, title = 409, "source.reads_no_files", "La fonte non legge file / The source reads no files"


class SourceFailed(HubError):
    """What the source brought cannot be taken in as the connector is set up; what was taken before stays."""

    status, code, title = 409, "source.failed", "Lettura non riuscita / Reading failed"


class BroadcastUnknown(HubError):
    """There is no such broadcast."""

    status, code, title = 404, "broadcast.unknown", "Invio sconosciuto / Unknown broadcast"


class BroadcastElsewhere(HubError):
    """The broadcast is in another state."""

    status, code, title = 409, "broadcast.state", "Invio in altro stato / Broadcast in another state"


class AudienceChanged(HubError):
    """It would reach another number of persons than was expected: look at the preview again."""

    status, code, title = 409, "broadcast.audience_changed", "Destinatari cambiati / Audience changed"


class RankedListElsewhere(HubError):
    """The list is in another state."""

    status, code, title = 409, "ranked_list.state", "Graduatoria in altro stato / Ranked list in another state"


class RankedListRefused(HubError):
    """The policy of the service, or the number of its subscribers, allows no list."""

    status, code, title = 409, "ranked_list.refused", "Graduatoria non ammessa / No ranked list allowed"


class RightsRequestUnknown(HubError):
    """There is no such request."""

    status, code, title = 404, "rights_request.unknown", "Richiesta sconosciuta / Unknown request"


class RightsRequestClosed(HubError):
    """The request was closed before."""

    status, code, title = 409, "rights_request.closed", "Richiesta già chiusa / Request closed"


class ErasureChanged(HubError):
    """It would not do what the preview showed: look at that again, and order it with the new confirmation."""

    status, code, title = 409, "erasure.changed", "Cancellazione cambiata / Erasure changed"


class ReportUnknown(HubError):
    """The vendor has no such report."""

    status, code, title = 404, "conformance_report.unknown", "Rapporto sconosciuto / Unknown report"
