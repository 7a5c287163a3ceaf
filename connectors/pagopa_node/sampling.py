"""What the tests and the simulator say and send: settings of a made-up creditor, and documents as pagoPA writes them.

Written from the schemas and spec/pagopa.md, and not with the connector's own writers, so that one's mistake is not the
other's.
"""

from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

from .config import Settings

CREDITOR: Final = "00301970190"
BROKER: Final = "01234567897"
STATION: Final = "01234567897_01"
CALLER_KEY: Final = "node-key-0815"
NOTICE: Final = "301000000000000144"
DEBTOR: Final = "RSSMRA80A01H501U"
OTHER_BODY: Final = "80015010723"
OTHER: Final = {"tax_code": OTHER_BODY, "iban": "GB82WEST12345698765432", "taxonomy": "9/TEFA/"}
"""Another body that has a share, as a setting."""
SPONTANEOUS: Final = (Path(__file__).parent / "samples" / "spontaneous.json").read_text(encoding="utf-8")
"""Services of which payments are demanded, as a setting."""
OFFER: Final = {"spontaneous": SPONTANEOUS, "segregation_code": 47}
"""The settings by which the station offers them."""
_PA: Final = "http://pagopa-api.pagopa.gov.it/pa/paForNode.xsd"
_SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"

REQUESTS: Final = {
    "paVerifyPaymentNotice": "paVerifyPaymentNoticeReq",
    "paGetPayment": "paGetPaymentReq",
    "paGetPaymentV2": "paGetPaymentV2Request",
    "paDemandPaymentNotice": "paDemandPaymentNoticeRequest",
    "paSendRT": "paSendRTReq",
    "paSendRTV2": "paSendRTV2Request",
}
"""The element that each operation sends."""


def settings(**changes: Any) -> Settings:
    """Those of the made-up creditor, with `changes`; None takes one away."""
    given: dict[str, Any] = {
        "vendor_id": "pagopa",
        "creditor_tax_code": CREDITOR,
        "broker_tax_code": BROKER,
        "station_id": STATION,
        "company_name": "Comune di Valdilago",
        "iban": "IT60X0542811101000000123456",
        "taxonomy": "9/0101101IM/",
        "caller_key": CALLER_KEY,
    }
    given |= changes
    return Settings.model_validate({name: value for name, value in given.items() if value is not None})


def envelope(operation: str, content: str) -> bytes:
    """A request of that operation."""
    name = REQUESTS[operation]
    text = (
        f'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="{_SOAP}"><s:Header/><s:Body>'
        f'<p:{name} xmlns:p="{_PA}">{content}</p:{name}></s:Body></s:Envelope>'
    )
    return text.encode()


def ids(creditor: str = CREDITOR, broker: str = BROKER, station: str = STATION) -> str:
    return f"<idPA>{creditor}</idPA><idBrokerPA>{broker}</idBrokerPA><idStation>{station}</idStation>"


def demanded(id_servizio: str, document: str, *, id_pa: str = CREDITOR) -> str:
    """The content of paDemandPaymentNotice; `document` is the service's XML."""
    data = b64encode(document.encode()).decode()
    return (
        f"{ids(id_pa)}<idServizio>{escape(id_servizio)}</idServizio>"
        f"<datiSpecificiServizioRequest>{data}</datiSpecificiServizioRequest>"
    )


def asked(notice: str = NOTICE, creditor: str = CREDITOR, *, id_pa: str = CREDITOR, **more: str) -> str:
    """The content of paVerifyPaymentNotice and, with `more` fields, of paGetPayment."""
    rest = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in more.items())
    code = f"<qrCode><fiscalCode>{creditor}</fiscalCode><noticeNumber>{notice}</noticeNumber></qrCode>"
    return ids(id_pa) + code + rest


def receipt(
    receipt_id: str = "c110729d258c4ab1b765fe902aae41d6",
    *,
    id_pa: str = CREDITOR,
    notice: str = NOTICE,
    amount: str = "84.50",
    debtor: str = DEBTOR,
    creditor: str = CREDITOR,
    outcome: str = "OK",
    description: str = "TARI 2026 prima rata",
    paid_at: str | None = "2026-03-02T10:15:30",
    more: str = "",
    transfers: Sequence[tuple[str, str]] = (),
) -> str:
    """The content of paSendRT; `more` are the fields that paSendRTV2 adds at its end."""
    shares = "".join(
        f"<transfer><idTransfer>{number}</idTransfer><transferAmount>{share}</transferAmount>"
        f"<fiscalCodePA>{body}</fiscalCodePA><IBAN>IT60X0542811101000000123456</IBAN>"
        "<remittanceInformation>TARI</remittanceInformation><transferCategory>9/0101101IM/</transferCategory>"
        "</transfer>"
        for number, (body, share) in enumerate(transfers or [(creditor, amount)], start=1)
    )
    when = f"<paymentDateTime>{paid_at}</paymentDateTime>" if paid_at else ""
    return (
        f"{ids(id_pa)}<receipt><receiptId>{escape(receipt_id)}</receiptId><noticeNumber>{notice}</noticeNumber>"
        f"<fiscalCode>{creditor}</fiscalCode><outcome>{outcome}</outcome>"
        f"<creditorReferenceId>{notice[1:]}</creditorReferenceId><paymentAmount>{amount}</paymentAmount>"
        f"<description>{escape(description)}</description><companyName>Comune di Valdilago</companyName>"
        "<debtor><uniqueIdentifier><entityUniqueIdentifierType>F</entityUniqueIdentifierType>"
        f"<entityUniqueIdentifierValue>{debtor}</entityUniqueIdentifierValue></uniqueIdentifier>"
        f"<fullName>Mario Rossi</fullName></debtor><transferList>{shares}</transferList>"
        "<idPSP>AGID_01</idPSP><PSPCompanyName>Banca di Prova</PSPCompanyName><idChannel>88888888888_01</idChannel>"
        f"<channelDescription>WISP</channelDescription><fee>1.50</fee>{when}{more}</receipt>"
    )


def riversamento(payments: Sequence[tuple[str, str, str]], creditor: str = CREDITOR) -> bytes:
    """A `FlussoRiversamento` of these (IUV, amount, outcome code)."""
    cents = sum(int(amount.replace(".", "")) for _, amount, _ in payments)
    rows = "".join(
        f"<datiSingoliPagamenti><identificativoUnivocoVersamento>{iuv}</identificativoUnivocoVersamento>"
        f"<identificativoUnivocoRiscossione>iur{number:04d}</identificativoUnivocoRiscossione>"
        "<indiceDatiSingoloPagamento>1</indiceDatiSingoloPagamento>"
        f"<singoloImportoPagato>{amount}</singoloImportoPagato>"
        f"<codiceEsitoSingoloPagamento>{outcome}</codiceEsitoSingoloPagamento>"
        "<dataEsitoSingoloPagamento>2026-03-02</dataEsitoSingoloPagamento></datiSingoliPagamenti>"
        for number, (iuv, amount, outcome) in enumerate(payments, start=1)
    )
    text = (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<FlussoRiversamento xmlns="http://www.digitpa.gov.it/schemas/2011/Pagamenti/">'
        "<versioneOggetto>1.0</versioneOggetto><identificativoFlusso>2026-03-03AGID_01-0001</identificativoFlusso>"
        "<dataOraFlusso>2026-03-03T06:00:00</dataOraFlusso>"
        "<identificativoUnivocoRegolamento>TRN2026030300001</identificativoUnivocoRegolamento>"
        "<dataRegolamento>2026-03-03</dataRegolamento><istitutoMittente><identificativoUnivocoMittente>"
        "<tipoIdentificativoUnivoco>B</tipoIdentificativoUnivoco>"
        "<codiceIdentificativoUnivoco>AGID_01</codiceIdentificativoUnivoco></identificativoUnivocoMittente>"
        "</istitutoMittente><istitutoRicevente><identificativoUnivocoRicevente>"
        "<tipoIdentificativoUnivoco>G</tipoIdentificativoUnivoco>"
        f"<codiceIdentificativoUnivoco>{creditor}</codiceIdentificativoUnivoco></identificativoUnivocoRicevente>"
        f"</istitutoRicevente><numeroTotalePagamenti>{len(payments)}</numeroTotalePagamenti>"
        f"<importoTotalePagamenti>{cents // 100}.{cents % 100:02d}</importoTotalePagamenti>{rows}"
        "</FlussoRiversamento>"
    )
    return text.encode()


def card(causale: str = "9", debtor: str = DEBTOR, creditor: str = CREDITOR) -> str:
    """The data of the service 00005 of `samples/spontaneous.json`."""
    return (
        '<p:pagamentoCIE xmlns:p="http://PuntoAccessoPSP.spcoop.gov.it/pagamentoCIE">'
        f"<p:codiceCausale>{causale}</p:codiceCausale><p:codiceFiscaleComune>{creditor}</p:codiceFiscaleComune>"
        f"<p:intestatario><p:codiceFiscaleIntestatario>{debtor}</p:codiceFiscaleIntestatario>"
        "<p:denominazioneIntestatario>Mario Rossi</p:denominazioneIntestatario></p:intestatario></p:pagamentoCIE>"
    )


def meals(pupil: str = "41", debtor: str = DEBTOR, amount: str = "45.50", more: str = "") -> str:
    """The data of 00006."""
    return (
        f"<ricarica><anno>2026</anno><alunno>{pupil}</alunno><pagatore><codice>{debtor}</codice></pagatore>"
        f"<importo>{amount}</importo>{more}</ricarica>"
    )
