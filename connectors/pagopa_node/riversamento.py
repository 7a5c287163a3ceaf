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
    identificativoUnivocoVersamento: Text35
    identificativoUnivocoRiscossione: Text35
    indiceDatiSingoloPagamento: Annotated[int, Field(ge=1, le=5)] = 1
    singoloImportoPagato: CentsNotZero
    codiceEsitoSingoloPagamento: Annotated[ReportedOutcome, BeforeValidator(_outcome)]
    dataEsitoSingoloPagamento: XmlDate


class _Code(Wire):
    codiceIdentificativoUnivoco: Text35


class _OrganizationCode(Wire):
    codiceIdentificativoUnivoco: FiscalCodePA


class _Sender(Wire):
    identificativoUnivocoMittente: _Code


class _Receiver(Wire):
    identificativoUnivocoRicevente: _OrganizationCode


class _Flow(Wire):
    identificativoFlusso: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_-]{1,35}$")]
    dataOraFlusso: XmlDateTime
    identificativoUnivocoRegolamento: Text35
    dataRegolamento: XmlDate
    istitutoMittente: _Sender
    istitutoRicevente: _Receiver
    numeroTotalePagamenti: Annotated[int, Field(ge=1)]
    importoTotalePagamenti: Cents
    datiSingoliPagamenti: Annotated[tuple[_Payment, ...], BeforeValidator(several)]


def read_flow(root: Node) -> FlowPart:
    """The whole flow. It says nothing of revisions: a later one of the same name replaces it by its `made_at`.

    Raises:
        Invalid: it is not as its schema says.
    """
    if (root.space, root.name) != (SPACE, ROOT):
        raise Invalid("the root is not FlussoRiversamento")
    flow = read_as(_Flow, root)
    return FlowPart(
        flow=flow.identificativoFlusso,
        psp_id=flow.istitutoMittente.identificativoUnivocoMittente.codiceIdentificativoUnivoco,
        revision=1,
        creditor_tax_code=flow.istitutoRicevente.identificativoUnivocoRicevente.codiceIdentificativoUnivoco,
        made_at=in_utc(flow.dataOraFlusso),
        regulation=flow.identificativoUnivocoRegolamento,
        regulation_date=flow.dataRegolamento,
        total_count=flow.numeroTotalePagamenti,
        total_cents=flow.importoTotalePagamenti,
        payments=tuple(_payment(index, one) for index, one in enumerate(flow.datiSingoliPagamenti, start=1)),
    )


def _payment(index: int, one: _Payment) -> ReportedPayment:
    return ReportedPayment(
        index=index,
        iuv=one.identificativoUnivocoVersamento,
        iur=one.identificativoUnivocoRiscossione,
        transfer=one.indiceDatiSingoloPagamento,
        amount_cents=one.singoloImportoPagato,
        outcome=one.codiceEsitoSingoloPagamento,
        paid_on=one.dataEsitoSingoloPagamento,
    )


def in_utc(moment: datetime) -> datetime:
    """pagoPA's SOAP writes times without a zone, and means those of Italy."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=ROME)).astimezone(UTC)


def italian_day(moment: datetime) -> date:
    """The day of an instant in Italy."""
    return moment.astimezone(ROME).date()
