"""pagoPA's node: answers for the creditor's station (SOAP `paForNode`), and pulls the reporting flows (FdR).

A source: nothing is delivered by it. Receipts become items for the debtor of the payment that the hub knows; flows are
kept for reconciliation (`raccordo payment reconcile`).
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx

from connectors.base import http
from connectors.base.manifest import read_manifest
from contracts.connector import Connector, Done, Limits, Memo, Notice
from contracts.failures import Rejected
from contracts.faults import Bilingual, bilingual
from contracts.inbound import Found, Wrong
from contracts.reporting import FlowPart

from .config import Settings
from .demands import offers_of, operations_of
from .flows import Flows
from .receipts import read_again
from .riversamento import MOST_BYTES, MOST_ELEMENTS, ROOT, read_flow
from .soap import SoapFault, content_of
from .station import Station
from .wire import Invalid, SendRT, read_as
from .xml import Unreadable, parse

_PART = 1000
"""Payments of a flow handed over at once."""


def connect(settings: Settings, limits: Limits, *, now: Callable[[], float] = time.time) -> Connector:
    """The connector of one station, and of the reporting API where the settings have one.

    Raises:
        Misconfigured: a spontaneous service's own tests fail.
    """
    offers = offers_of(settings)
    station, operations = Station(settings, offers), operations_of(offers)

    def read(document: bytes) -> Iterable[Found]:
        return _read(document, settings)

    manifest = read_manifest(Path(__file__).parent)
    if settings.fdr_base_url is None or settings.fdr_key is None or settings.fdr_since is None:
        return Connector(manifest, _advance, _nothing_to_ask, answer=station.answer, read=read, operations=operations)
    key = {"Ocp-Apim-Subscription-Key": settings.fdr_key.get_secret_value()}
    client = http.chosen_client(limits, settings.private_hosts, settings)
    client.base_url = httpx.URL(settings.fdr_base_url)
    client.headers.update(key)
    flows = Flows(client, settings.creditor_tax_code, settings.fdr_since, settings.fdr_page, limits.timeout_s, now)
    return Connector(
        manifest,
        _advance,
        flows.check,
        client.close,
        pull=flows.pull,
        afresh=flows.afresh,
        answer=station.answer,
        read=read,
        operations=operations,
    )


def _advance(notice: Notice, memo: Memo) -> Done:
    raise Rejected("pagopa.delivers_nothing")


def _nothing_to_ask() -> str:
    return "pagoPA calls us; without fdr_base_url there is nothing to ask it for."


def _read(document: bytes, settings: Settings) -> list[Found]:
    """A receipt (the envelope as it came, which stands in quarantine) or a `FlussoRiversamento`, in parts."""
    try:
        root = parse(document, most_elements=MOST_ELEMENTS, most_bytes=MOST_BYTES)
        if root.name == ROOT:
            return [_found(part, number) for number, part in enumerate(_parts(read_flow(root)), start=1)]
        return [read_again(read_as(SendRT, content_of(root)).receipt, document, settings)]
    except (Unreadable, SoapFault) as error:
        return [_wrong(document, "pagopa.unreadable", bilingual("il documento non si può leggere", str(error)))]
    except Invalid as error:
        return [_wrong(document, "pagopa.invalid", bilingual("il documento non ha la forma richiesta", error.places))]


def _parts(flow: FlowPart) -> Iterator[FlowPart]:
    """So much of it as one commit should hold."""
    for start in range(0, len(flow.payments), _PART):
        yield replace(flow, payments=flow.payments[start : start + _PART])


def _found(part: FlowPart, number: int) -> Found:
    return Found(f"fdr/{part.psp_id}/{part.flow}/{part.made_at.isoformat()}/{number}", b"", flow=part)


def _wrong(document: bytes, code: str, detail: Bilingual) -> Found:
    return Found("", document, wrong=(Wrong("", code, detail),))
