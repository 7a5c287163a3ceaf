"""pagoPA's node, as the flows need one: somebody pays there, or asks there for a payment."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from connectors.pagopa_node.simulator import Node, simulate


class Pagopa:
    """The simulated node."""

    def __init__(self, node: Node) -> None:
        self.settings = dict(node.start()) | {"vendor_id": "acme", "poll_every_s": 1, "service_id": "tari"}
        url = self.settings["fdr_base_url"].removesuffix("/fdr-org/service/v1")
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=30)
        self.station = ""

    def pay(self, notice: str, *faults: dict[str, Any], version: int = 2) -> dict[str, Any]:
        self.http.post("/_sim/faults", json=faults).raise_for_status()
        body = {"notice_number": notice, "version": version, "station_url": self.station}
        told: dict[str, Any] = self.http.post("/_sim/pay", json=body).json()
        return told

    def demand(self, id_servizio: str, document: str, *faults: dict[str, Any], **options: Any) -> dict[str, Any]:
        self.http.post("/_sim/faults", json=[fault | {"on": "demand"} for fault in faults]).raise_for_status()
        body = {"id_servizio": id_servizio, "document": document, "station_url": self.station} | options
        told: dict[str, Any] = self.http.post("/_sim/demand", json=body).json()
        return told

    def report(self, **options: Any) -> None:
        assert self.http.post("/_sim/report", json=options).status_code == 201


@contextmanager
def at_pagopa(folder: Path) -> Iterator[Pagopa]:
    """The node, while the block runs."""
    node = simulate(folder)
    found = Pagopa(node)
    try:
        yield found
    finally:
        found.http.close()
        node.stop()
