"""What the tests of this folder share: settings, samples, and a simulator at work on loopback."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from connectors.base.conformance import Walk, make_notice
from connectors.base.serving import LoopbackServer
from contracts.connector import Connector, Limits

from . import connect
from .config import Settings
from .positions import Creditor, Version, body
from .simulator import simulator

SAMPLES = Path(__file__).parent / "samples"
KEY = "a-key-of-the-platform"
CREDITOR = "00301970190"
OURS = Creditor(CREDITOR, 47)
TODAY = datetime(2026, 3, 2, 12, tzinfo=UTC)
BASE = "/gpd/debt-positions-service"


def settings(url: str, **more: Any) -> Settings:
    """Settings that lead to GPD at `url`."""
    given = {"vendor_id": "pagopa", "organization_tax_code": CREDITOR, "segregation_code": 47, "api_key": KEY}
    given["private_hosts"] = "127.0.0.1"
    return Settings.model_validate_json(json.dumps(given | {"gpd_url": url} | more))


def sample(name: str) -> dict[str, Any]:
    """A scenario of the conformance suite."""
    found: dict[str, Any] = json.loads((SAMPLES / name).read_text(encoding="utf-8"))
    return found


def example(version: Version, name: str = "delivered.json") -> dict[str, Any]:
    """The body that the connector sends for a scenario's notice."""
    notice = make_notice(**sample(name)["notice"])
    assert notice.position is not None
    return body(version, notice, notice.position, OURS)


class Clock:
    """Time, moved by hand."""

    def __init__(self) -> None:
        self.now = TODAY

    def __call__(self) -> datetime:
        return self.now


class Running:
    """A simulator on loopback, and connectors at it."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.clock = Clock()
        self.ledger = folder / "pagopa.jsonl"
        self.server = LoopbackServer(simulator(self.ledger, **({"now": self.clock} | options)))
        self.server.start()
        self.url = self.server.url
        self.http = httpx.Client(headers={"Ocp-Apim-Subscription-Key": KEY}, trust_env=False, base_url=self.url)
        self.connectors: list[Connector] = []

    def stop(self) -> None:
        self.http.close()
        for connector in self.connectors:
            connector.close()
        self.server.stop()

    def connector(self, timeout_s: float = 10.0, **more: Any) -> Connector:
        self.connectors.append(connect(settings(self.url + BASE, **more), Limits(timeout_s=timeout_s)))
        return self.connectors[-1]

    def walk(self, name: str = "delivered.json", timeout_s: float = 10.0, api: str = "v1", **position: Any) -> Walk:
        notice = sample(name)["notice"]
        notice["position"] |= position
        return Walk(self.connector(timeout_s, api=api), make_notice(**notice))

    def acts(self) -> list[str]:
        return [json.loads(line)["act"] for line in self.ledger.read_text().splitlines()]

    def faults(self, *faults: dict[str, Any]) -> None:
        assert self.http.post("/_sim/faults", json=faults).status_code == 200

    def pay(self, nav: str = "347170000000000067") -> httpx.Response:
        return self.http.post("/_sim/pay", json={"organization": CREDITOR, "nav": nav})

    def at(self, rest: str = "", version: str = "v1") -> str:
        return f"{BASE}/{version}/organizations/{CREDITOR}/debtpositions{rest}"

    def send(
        self,
        change: dict[str, Any] | None = None,
        option: dict[str, Any] | None = None,
        transfer: dict[str, Any] | None = None,
    ) -> httpx.Response:
        """Create the example with changes; None leaves a member out."""
        made = example("v1")
        its = made["paymentOption"][0]
        for target, wanted in ((made, change), (its, option), (its["transfer"][0], transfer)):
            for name, value in (wanted or {}).items():
                target.pop(name, None) if value is None else target.update({name: value})
        return self.http.post(self.at(), params={"toPublish": "true"}, json=made)
