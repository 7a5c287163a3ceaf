"""The older form of a reporting flow: `FlussoRiversamento` 1.0 and 1.1, as the node hands it out in XML."""

from datetime import UTC, date, datetime
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, StringConstraints

from contracts.base import ROME
from contracts.reporting import FlowPart, ReportedOutcome, ReportedPayment

from .wire import (
    Cents,
    CentsNotZero,
    FiscalCodePA,
    Invalid,
    Text35,
    Wire,
    XmlDate,
    XmlDateTime,
    read_as,
    several,
    text_of,
)
from .xml import Node

SPACE: Final = "http://www.digitpa.gov.it/schemas/2011/Pagamenti/"
ROOT: Final = "FlussoRiversamento"
MOST_BYTES: Final = 64 * 1_048_576
MOST_ELEMENTS: Final = 1_000_000

OUTCOMES: Final[dict[str, ReportedOutcome]] = {
    "0": "executed",
    "3": "revoked",
    "4": "stand_in",
    "8": "stand_in_no_rpt",
    "9": "no_rpt",
}
"""By codiceEsitoSingoloPagamento."""


def _outcome(value: Any) -> ReportedOutcome:
    # One that we do not know must not be taken for money that has arrived.
    if (code := text_of(value)) not in OUTCOMES:
        raise ValueError("not an outcome of a payment")
    return OUTCOMES[code]


class _Payment(Wire):
    identificativo_univoco_versamento: Text35
    identificativo_univoco_riscossione: Text35
    indice_dati_singolo_pagamento: Annotated[int, Field(ge=1, le=5)] = 1
    singolo_importo_pagato: CentsNotZero
    codice_esito_singolo_pagamento: Annotated[ReportedOutcome, BeforeValidator(_outcome)]
    data_esito_singolo_pagamento: XmlDate


class _Code(Wire):
    codice_identificativo_univoco: Text35


class _OrganizationCode(Wire):
    codice_identificativo_univoco: FiscalCodePA


class _Sender(Wire):
    identificativo_univoco_mittente: _Code


class _Receiver(Wire):
    identificativo_univoco_ricevente: _OrganizationCode


class _Flow(Wire):
    identificativo_flusso: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_-]{1,35}$")]
    data_ora_flusso: XmlDateTime
    identificativo_univoco_regolamento: Text35
    data_regolamento: XmlDate
    istituto_mittente: _Sender
    istituto_ricevente: _Receiver
    numero_totale_pagamenti: Annotated[int, Field(ge=1)]
    importo_totale_pagamenti: Cents
    dati_singoli_pagamenti: Annotated[tuple[_Payment, ...], BeforeValidator(several)]


def read_flow(root: Node) -> FlowPart:
    """The whole flow. It says nothing of revisions: a later one of the same name replaces it by its `made_at`.

    Raises:
        Invalid: it is not as its schema says.
    """
    if (root.space, root.name) != (SPACE, ROOT):
        raise Invalid("the root is not FlussoRiversamento")
    flow = read_as(_Flow, root)
    return FlowPart(
        flow=flow.identificativo_flusso,
        psp_id=flow.istituto_mittente.identificativo_univoco_mittente.codice_identificativo_univoco,
        revision=1,
        creditor_tax_code=flow.istituto_ricevente.identificativo_univoco_ricevente.codice_identificativo_univoco,
        made_at=in_utc(flow.data_ora_flusso),
        regulation=flow.identificativo_univoco_regolamento,
        regulation_date=flow.data_regolamento,
        total_count=flow.numero_totale_pagamenti,
        total_cents=flow.importo_totale_pagamenti,
        payments=tuple(_payment(index, one) for index, one in enumerate(flow.dati_singoli_pagamenti, start=1)),
    )


def _payment(index: int, one: _Payment) -> ReportedPayment:
    return ReportedPayment(
        index=index,
        iuv=one.identificativo_univoco_versamento,
        iur=one.identificativo_univoco_riscossione,
        transfer=one.indice_dati_singolo_pagamento,
        amount_cents=one.singolo_importo_pagato,
        outcome=one.codice_esito_singolo_pagamento,
        paid_on=one.data_esito_singolo_pagamento,
    )


def in_utc(moment: datetime) -> datetime:
    """pagoPA's SOAP writes times without a zone, and means those of Italy."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=ROME)).astimezone(UTC)


def italian_day(moment: datetime) -> date:
    """The day of an instant in Italy."""
    return moment.astimezone(ROME).date()
