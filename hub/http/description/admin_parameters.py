"""Parameters of the administration, as `parts` has those of all."""

from typing import get_args

from contracts.feed import DeliveryState

from .json_schema import Json
from .parts import CODE, EXAMPLE_ITEM_ID, in_path, in_query

_VERSION: Json = {"type": "integer", "format": "int32", "minimum": 1, "maximum": 2_147_483_647}

PARAMETERS: dict[str, Json] = {
    "ProviderId": in_path("provider_id", "Il fornitore di identità. / The identity provider.", CODE, "comune"),
    "ConnectorId": in_path("connector_id", "Il connettore. / The connector.", CODE, "io"),
    "ConnectorType": in_path("connector_type", "Il tipo di connettore. / The type of connector.", CODE, "app_io"),
    "VersionNumber": in_path("version", "Il numero della versione. / The version's number.", _VERSION, 3),
    "VendorId": in_path("vendor_id", "Il fornitore. / The vendor.", CODE, "tributi-srl"),
    "KeyId": in_path("key_id", "La chiave. / The key.", CODE, EXAMPLE_ITEM_ID),
    "ServiceInPath": in_path("service_id", "Il servizio. / The service.", CODE, "tari"),
    "SubscriptionServiceInPath": in_path(
        "subscription_service", "Il servizio di iscrizione. / The subscription service.", CODE, "nido-2026"
    ),
    "DeliveryId": in_path("delivery_id", "La consegna. / The delivery.", CODE, EXAMPLE_ITEM_ID),
    "QuarantineId": in_path("quarantine_id", "La voce. / The entry.", CODE, EXAMPLE_ITEM_ID),
    "ReportId": in_path("report_id", "Il rapporto. / The report.", CODE, EXAMPLE_ITEM_ID),
    "SourceName": in_path("source", "Il sistema del fornitore. / The vendor's system.", CODE, "tributi"),
    "BroadcastId": in_path("broadcast_id", "L'invio. / The broadcast.", CODE, EXAMPLE_ITEM_ID),
    "ListId": in_path("list_id", "La graduatoria. / The ranked list.", CODE, EXAMPLE_ITEM_ID),
    "RequestId": in_path("request_id", "La richiesta. / The request.", CODE, EXAMPLE_ITEM_ID),
    "DeliveryStateIs": in_query(
        "state",
        "Solo in questo stato. / Only in this state.",
        {"type": "string", "enum": list(get_args(DeliveryState))},
        "rejected",
    ),
    "OfConnector": in_query("connector_id", "Solo di questo connettore. / Only of this connector.", CODE, "io"),
    "LoginState": in_query(
        "state",
        "Ciò che è stato dato al fornitore di identità. / What was given to the identity provider.",
        {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[A-Za-z0-9_-]+$"},
        "k3vJc0Qm8sYb2dE5",
    ),
    "LoginCode": in_query(
        "code",
        "Il codice del fornitore di identità; manca se ha rifiutato. / The provider's code; absent where it refused.",
        {"type": "string", "minLength": 1, "maxLength": 4000, "pattern": r"^[\x21-\x7e]+$"},
        "SplxlOBeZQQYbYS6WxSbIA",
    ),
    "OneTimeCode": {
        "name": "One-Time-Code",
        "in": "header",
        "description": "Il codice del secondo fattore, o di recupero. / The second factor's code, or a recovery code.",
        "required": False,
        "schema": {"type": "string", "maxLength": 40, "pattern": "^[A-Za-z0-9 -]*$"},
        "example": "492039",
    },
    "ActOperation": in_query("operation", "Solo questi atti. / Only these acts.", CODE, "change_connector"),
    "ActTarget": in_query(
        "target",
        "Solo gli atti su questo. / Only acts on this.",
        {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r"^[\x21-\x7e]+$"},
        "connectors/io",
    ),
    "FromVersion": in_query("from", "La versione di partenza. / The version to begin with.", _VERSION, 1),
    "ToVersion": in_query("to", "La versione di arrivo. / The version to end with.", _VERSION, 3),
}
