"""`register`: the record of processing activities, as the configuration has it (GDPR art. 30; P11)."""

from typing import Any, Final

from hub.registry import Ente, Registry
from hub.store.directory import HUB_VENDOR, load_registry
from hub.store.retention import periods

from .console import table
from .options import HOME, AsJson, EnteCode, HomeFolder, ente_of, opened

_LEGAL_BASIS: Final = "GDPR art. 6(1)(e); d.lgs. 82/2005 (CAD) artt. 3, 7, 64-bis"
_PURPOSES: Final = {
    "messages": "comunicazioni e avvisi al cittadino / communications and notices",
    "documents": "consegna di documenti e certificati / delivery of documents",
    "payments": "avvisi di pagamento / payment notices",
    "receipts": "ricevute di pagamento / receipts",
    "applications": "stato delle pratiche / state of applications",
    "subscriptions": "iscrizioni ai servizi / subscriptions to services",
    "deadlines": "scadenze e promemoria / deadlines and reminders",
}


def register(ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """The record of processing: what for, on which basis, from and to whom, how long. The controller reviews it."""
    with opened(home) as one, one.database.read() as connection:
        body, registry = ente_of(connection, ente), load_registry(connection)
        months = periods(connection, body.ente_id)
        configs = one.configuration.load(connection)
        types = one.types
    channels = sorted(
        {
            f"{config.connector_id} ({types[config.type].manifest.title})"
            for (ente_id, _), config in configs.items()
            if ente_id == body.ente_id and config.type in types
        }
    )
    rows = [_activity(body, registry, collection, months[collection], channels) for collection in _PURPOSES]
    table(rows, as_json=as_json, empty="")


def _activity(
    body: Ente, registry: Registry, collection: str, months: int | None, channels: list[str]
) -> dict[str, Any]:
    sources = {
        vendor.vendor_id: vendor.name
        for (ente_id, _), vendor in registry.vendors.items()
        if ente_id == body.ente_id and vendor.vendor_id != HUB_VENDOR and collection in vendor.collections
    }
    portals = {portal.name for (ente_id, _), portal in registry.portals.items() if ente_id == body.ente_id}
    return {
        "controller": body.name,
        "collection": collection,
        "purpose": _PURPOSES[collection],
        "legal_basis": _LEGAL_BASIS,
        "data_subjects": "cittadini e imprese / citizens and companies",
        "processors": [f"{vendor_id} ({name})" for vendor_id, name in sorted(sources.items())],
        "recipients": [*sorted(portals), *channels],
        "retention": "until a period is set" if months is None else f"{months} months after closing",
        "security": "AES-GCM per citizen, keyed hashes, signed and chained log",
    }
