"""What is said of the operations on vendors, their keys and reports, and on the catalogue."""

from pydantic import BaseModel

from contracts.vendor_administration import (
    NewReport,
    NewServiceCard,
    NewVendor,
    NewVendorKey,
    QuotaPage,
    ReportPage,
    ReportView,
    ReportWhole,
    ServiceCard,
    ServiceCardPage,
    ServiceCardPatch,
    VendorKeyPage,
    VendorPage,
    VendorPatch,
    VendorView,
)
from hub import errors
from hub.admin import errors as admin_errors
from hub.security import left

from . import admin_vendor_examples as examples
from .admin_parts import ADMIN, BODILESS, CHANGE, WRITING, listed, page, shown
from .entries import Answer, Body, Entry, Errors, both
from .json_schema import Json

_KNOWN: Errors = (*ADMIN, admin_errors.VendorUnknown)
_VENDOR = Body(model=VendorView, examples={"vendor": examples.VENDOR})
_CARD = Body(model=ServiceCard, examples={"service": examples.SERVICE})


def _list(tag: str, italian: str, english: str, model: type[BaseModel], item: Json, known: Errors) -> Entry:
    return listed(tag, f"{italian} / {english}", both(f"{italian}.", f"{english}."), model, item, known)


def _show(tag: str, italian: str, english: str, body: Body, known: Errors) -> Entry:
    name = f"{italian} / {english}"
    return shown(tag, name, both(f"{italian}.", f"{english}."), name, body, known)


def _change(tag: str, texts: tuple[str, str, str, str], patch: Body, body: Body, known: Errors) -> Entry:
    return Entry(
        tag=tag,
        summary=f"{texts[0]} / {texts[1]}",
        description=both(texts[2], texts[3]),
        parameters=CHANGE,
        request=patch,
        answers={200: Answer(description="Com'è ora / As it is now", body=body, headers=("ETag",))},
        errors=(*WRITING, errors.PreconditionFailed, *known),
        error_headers={415: ("Accept-Patch",)},
    )


_MERGE = ("application/merge-patch+json",)

ENTRIES: dict[str, Entry] = {
    "list_vendors": _list("vendors", "I fornitori", "The vendors", VendorPage, examples.VENDOR, ADMIN),
    "show_vendor": _show("vendors", "Un fornitore", "A vendor", _VENDOR, _KNOWN),
    "add_vendor": Entry(
        tag="vendors",
        summary="Registra un fornitore / Register a vendor",
        description=both(
            "In prova (`sandbox`): ciò che pubblica è accettato come sempre, ma va solo a connettori di prova. Poi le "
            "chiavi, il rapporto di `raccordo conformance`, la produzione.",
            "In its sandbox: what it publishes is accepted as ever, but goes to connectors for tests alone. Then the "
            "keys, the report of `raccordo conformance`, production.",
        ),
        parameters=("CorrelationId",),
        request=Body(
            model=NewVendor, description="Il fornitore / The vendor", examples={"vendor": examples.NEW_VENDOR}
        ),
        answers={201: Answer(description="Registrato / Registered", body=_VENDOR, headers=("Location", "ETag"))},
        errors=(*WRITING, admin_errors.VendorExists),
    ),
    "change_vendor": _change(
        "vendors",
        (
            "Cambia un fornitore",
            "Change a vendor",
            "Raccolte, servizi, quote, sospensione (`active`), fase. In produzione solo se l'ultimo rapporto di "
            "conformità è riuscito.",
            "Collections, services, quotas, suspension (`active`), stage. To production only where the newest report "
            "of its conformance has passed.",
        ),
        Body(
            media=_MERGE,
            model=VendorPatch,
            description="Ciò che cambia / What changes",
            examples={"production": {"stage": "production"}},
        ),
        _VENDOR,
        (admin_errors.VendorUnknown, left.VendorEnded, admin_errors.VendorExists, admin_errors.VendorNotConformant),
    ),
    "list_vendor_keys": _list(
        "vendors", "Le chiavi di un fornitore", "The keys of a vendor", VendorKeyPage, examples.KEY, _KNOWN
    ),
    "add_vendor_keys": Entry(
        tag="vendors",
        summary="Registra chiavi di un fornitore / Register keys of a vendor",
        description=both(
            "Un JWK set, un certificato, un'autorità di cui fidarsi o un'impronta. Valgono entro due secondi.",
            "A JWK set, a certificate, an anchor or a thumbprint. They hold within two seconds.",
        ),
        parameters=("CorrelationId",),
        request=Body(model=NewVendorKey, description="Il materiale / The material", examples={"pin": examples.NEW_KEY}),
        answers={
            201: Answer(
                description="Registrate / Registered",
                body=Body(model=VendorKeyPage, examples={"keys": page(examples.KEY)}),
                headers=("Location",),
            )
        },
        errors=(*WRITING, admin_errors.VendorUnknown),
    ),
    "revoke_vendor_key": Entry(
        tag="vendors",
        summary="Revoca una chiave / Revoke a key",
        description=both("Subito, e senza ritorno.", "At once, and there is no way back."),
        parameters=("CorrelationId",),
        answers={204: Answer(description="Revocata / Revoked")},
        errors=(*BODILESS, admin_errors.VendorUnknown, admin_errors.VendorKeyUnknown, admin_errors.KeyRevoked),
    ),
    "list_quota_days": listed(
        "vendors",
        "Quanto della quota è usato / How much of the quota is used up",
        both(
            "Giorni di Roma, dal più recente; solo quelli in cui il fornitore aveva una quota. Oltre, 429 fino a "
            "mezzanotte.",
            "Days of Rome, newest first; those alone on which the vendor had a quota. Beyond it, 429 until midnight.",
        ),
        QuotaPage,
        examples.QUOTA_DAY,
        _KNOWN,
    ),
    "list_conformance_reports": _list(
        "vendors", "I rapporti di conformità", "The reports of conformance", ReportPage, examples.REPORT, _KNOWN
    ),
    "show_conformance_report": _show(
        "vendors",
        "Un rapporto di conformità",
        "A report of conformance",
        Body(model=ReportWhole, examples={"report": examples.REPORT | examples.NEW_REPORT}),
        (*_KNOWN, admin_errors.ReportUnknown),
    ),
    "attach_conformance_report": Entry(
        tag="vendors",
        summary="Allega un rapporto di conformità / Attach a report of conformance",
        description=both(
            "Il JSON di `raccordo conformance`; i conteggi devono essere quelli dei casi. Riuscito: nessun caso "
            "fallito.",
            "The JSON of `raccordo conformance`; its counts must be those of its cases. Passed: no case failed.",
        ),
        parameters=("CorrelationId",),
        request=Body(model=NewReport, description="Il rapporto / The report", examples={"report": examples.NEW_REPORT}),
        answers={
            201: Answer(
                description="Allegato / Attached",
                body=Body(model=ReportView, examples={"report": examples.REPORT}),
                headers=("Location",),
            )
        },
        errors=(*WRITING, admin_errors.VendorUnknown),
    ),
    "list_services": _list("services", "Il catalogo", "The catalogue", ServiceCardPage, examples.SERVICE, ADMIN),
    "show_service": _show("services", "Un servizio", "A service", _CARD, (*ADMIN, admin_errors.ServiceCardUnknown)),
    "add_service": Entry(
        tag="services",
        summary="Metti un servizio in catalogo / Put a service into the catalogue",
        description=both("Vale entro due secondi.", "It holds within two seconds."),
        parameters=("CorrelationId",),
        request=Body(
            model=NewServiceCard,
            description="Il servizio / The service",
            examples={"service": {"service_id": "tari", "display_name": "TARI"}},
        ),
        answers={201: Answer(description="In catalogo / In the catalogue", body=_CARD, headers=("Location", "ETag"))},
        errors=(*WRITING, admin_errors.ServiceCardExists),
    ),
    "change_service": _change(
        "services",
        (
            "Cambia un servizio",
            "Change a service",
            "Ciò che è già pubblicato conserva quanto ne è seguito.",
            "Items already published keep what followed from it.",
        ),
        Body(
            media=_MERGE,
            model=ServiceCardPatch,
            description="Ciò che cambia / What changes",
            examples={"term": {"max_response_days": 30}},
        ),
        _CARD,
        (admin_errors.ServiceCardUnknown,),
    ),
}
