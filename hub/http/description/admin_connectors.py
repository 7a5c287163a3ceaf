"""What is said of the operations on connectors and their types."""

from contracts.connector_administration import (
    CheckResult,
    ConnectorDifference,
    ConnectorPage,
    ConnectorPatch,
    ConnectorTypePage,
    ConnectorTypeView,
    ConnectorVersion,
    ConnectorVersionPage,
    ConnectorView,
    NewConnector,
    PauseWish,
    VersionWish,
)
from hub import errors
from hub.admin import errors as admin_errors

from . import admin_connector_examples as examples
from .admin_parts import ADMIN, BODILESS, CHANGE, PAGE, WRITING, listed, page, shown
from .entries import Answer, Body, Entry, Errors, both

_KNOWN: Errors = (*ADMIN, admin_errors.ConnectorUnknown)
_CHANGING: Errors = (*WRITING, admin_errors.ConnectorUnknown, errors.PreconditionFailed)
_CONNECTOR = Body(model=ConnectorView, examples={"connector": examples.CONNECTOR})
_VERSION = Body(
    model=VersionWish,
    examples={"newest": {}, "earlier": {"version": 2}},
    description="La versione / Which",
    may_be_empty=True,
)

ENTRIES: dict[str, Entry] = {
    "list_connector_types": Entry(
        tag="connector-types",
        summary="I tipi di connettore / The types of connector",
        description=both(
            "Con lo schema JSON delle impostazioni di ciascuno, da cui nasce ogni modulo.",
            "With the JSON Schema of each one's settings, from which every form is made.",
        ),
        parameters=PAGE,
        answers={
            200: Answer(
                description="I tipi / The types",
                body=Body(model=ConnectorTypePage, examples={"page": page(examples.CONNECTOR_TYPE)}),
            )
        },
        errors=ADMIN,
    ),
    "show_connector_type": shown(
        "connector-types",
        "Un tipo di connettore / A type of connector",
        both("Il tipo con il suo schema.", "The type with its schema."),
        "Il tipo / The type",
        Body(model=ConnectorTypeView, examples={"type": examples.CONNECTOR_TYPE}),
        (*ADMIN, admin_errors.ConnectorTypeUnknown),
    ),
    "list_connectors": listed(
        "connectors",
        "I connettori dell'ente / The municipality's connectors",
        both("Anche quelli in bozza.", "Drafts too."),
        ConnectorPage,
        examples.CONNECTOR,
        ADMIN,
    ),
    "add_connector": Entry(
        tag="connectors",
        summary="Crea un connettore / Make a connector",
        description=both(
            "In bozza: non fa nulla finché una prova non riesce e non viene attivato. Un segreto si può anche solo "
            "nominare: `env:RACCORDO_SECRET_C_H501__NAME` (il codice dell'ente in maiuscolo) o `file:NOME`. `test` "
            "accanto a `production`: un connettore di prova non serve mai il pubblico.",
            "As a draft: it does nothing until a check has passed and it is activated. A secret may be named only: "
            "`env:RACCORDO_SECRET_C_H501__NAME` (the ente's code in capitals) or `file:NAME`. `test` beside "
            "`production`: a connector for tests never serves the public.",
        ),
        parameters=("CorrelationId",),
        request=Body(
            model=NewConnector, description="Il connettore / The connector", examples={"io": examples.NEW_CONNECTOR}
        ),
        answers={201: Answer(description="In bozza / A draft", body=_CONNECTOR, headers=("Location", "ETag"))},
        errors=(*WRITING, admin_errors.ConnectorExists),
    ),
    "show_connector": shown(
        "connectors",
        "Un connettore / A connector",
        both(
            "Che cosa è in uso e la versione più recente; i segreti non si mostrano mai.",
            "What is in force, and the newest version; secrets are never shown.",
        ),
        "Il connettore / The connector",
        _CONNECTOR,
        _KNOWN,
    ),
    "change_connector": Entry(
        tag="connectors",
        summary="Cambia le impostazioni / Change the settings",
        description=both(
            "Merge patch sulla versione più recente: nasce una versione nuova, in bozza; quella in uso resta in uso.",
            "Merge patch on the newest version: a new one is born, as a draft; the one in force stays in force.",
        ),
        parameters=CHANGE,
        request=Body(
            media=("application/merge-patch+json",),
            model=ConnectorPatch,
            description="Ciò che cambia / What changes",
            examples={"key": examples.PATCH},
        ),
        answers={200: Answer(description="Il connettore / The connector", body=_CONNECTOR, headers=("ETag",))},
        errors=_CHANGING,
        error_headers={415: ("Accept-Patch",)},
    ),
    "remove_connector": Entry(
        tag="connectors",
        summary="Togli un connettore / Take a connector away",
        description=both(
            "Con ogni sua versione e i segreti; non finché ci sono consegne in corso.",
            "With each of its versions and the secrets; not while deliveries of it have not ended.",
        ),
        parameters=CHANGE,
        answers={204: Answer(description="Tolto / Gone")},
        errors=(
            *BODILESS,
            admin_errors.ConnectorUnknown,
            errors.PreconditionFailed,
            admin_errors.ConnectorInUse,
        ),
    ),
    "list_connector_versions": listed(
        "connectors",
        "Le versioni / The versions",
        both("Chi, quando, se è stata provata.", "Who, when, whether it was tested."),
        ConnectorVersionPage,
        examples.VERSION,
        _KNOWN,
    ),
    "show_connector_version": shown(
        "connectors",
        "Una versione / A version",
        both("Le impostazioni com'erano, senza segreti.", "The settings as they were, without secrets."),
        "La versione / The version",
        Body(model=ConnectorVersion, examples={"version": examples.VERSION}),
        (*_KNOWN, admin_errors.ConnectorVersionUnknown),
    ),
    "show_connector_difference": Entry(
        tag="connectors",
        summary="Che cosa cambia fra due versioni / What differs between two versions",
        description=both("Di un segreto solo che è un altro.", "Of a secret only that it is another one."),
        parameters=("FromVersion", "ToVersion", "CorrelationId"),
        answers={
            200: Answer(
                description="Le differenze / The differences",
                body=Body(model=ConnectorDifference, examples={"key": examples.DIFFERENCE}),
            )
        },
        errors=(*_KNOWN, admin_errors.ConnectorVersionUnknown),
    ),
    "check_connector": Entry(
        tag="connectors",
        summary="Prova una versione / Check a version",
        description=both(
            "Chiama davvero il fornitore, con le impostazioni della versione (di norma la più recente), e dice che "
            "cosa non va e che cosa fare. Solo ciò che è stato provato si può attivare.",
            "Really calls the provider, with the settings of the version (by default the newest), and says what is "
            "wrong and what to do. Only what was tested can be activated.",
        ),
        parameters=("CorrelationId",),
        request=_VERSION,
        answers={
            200: Answer(
                description="Com'è andata / How it went",
                body=Body(
                    model=CheckResult, examples={"passed": examples.CHECK_PASSED, "failed": examples.CHECK_FAILED}
                ),
            )
        },
        errors=(*WRITING, admin_errors.ConnectorUnknown, admin_errors.ConnectorVersionUnknown),
    ),
    "activate_connector": Entry(
        tag="connectors",
        summary="Attiva una versione / Activate a version",
        description=both(
            "Anche una precedente, per tornare indietro. In uso entro due secondi in ogni processo; ciò che aspettava "
            "riparte. Senza `version`: dopo una pausa quella in uso, altrimenti la più recente.",
            "Also an earlier one, to go back. In force within two seconds in every process; what waited goes out. "
            "Without `version`: after a pause the one in force, else the newest.",
        ),
        parameters=CHANGE,
        request=_VERSION,
        answers={200: Answer(description="Il connettore / The connector", body=_CONNECTOR, headers=("ETag",))},
        errors=(
            *_CHANGING,
            admin_errors.ConnectorVersionUnknown,
            admin_errors.ConnectorUntested,
            admin_errors.ConnectorInUse,
        ),
    ),
    "pause_connector": Entry(
        tag="connectors",
        summary="Metti in pausa / Pause",
        description=both("Le consegne aspettano.", "Deliveries wait."),
        parameters=CHANGE,
        request=Body(model=PauseWish, description="Perché / Why", examples={"works": {"reason": "manutenzione"}}),
        answers={200: Answer(description="Il connettore / The connector", body=_CONNECTOR, headers=("ETag",))},
        errors=(*_CHANGING, admin_errors.ConnectorNotInForce),
    ),
}
