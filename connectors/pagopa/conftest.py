"""A simulator on loopback, and connectors at it."""

import json

import httpx
import pytest

from connectors.base.conformance import Walk, make_notice
from connectors.base.serving import LoopbackServer
from connectors.pagopa import connect
from connectors.pagopa.simulator import simulator
from connectors.pagopa.test_pagopa import CREDITOR, KEY, TODAY, example, sample, settings
from contracts.connector import Limits

BASE = "/gpd/debt-positions-service"


class Clock:
    def __init__(self):
        self.now = TODAY

    def __call__(self):
        return self.now


class Running:
    """A simulator on loopback, and connectors at it."""

    def __init__(self, folder, **options):
        self.clock = Clock()
        self.ledger = folder / "pagopa.jsonl"
        self.server = LoopbackServer(simulator(self.ledger, **({"now": self.clock} | options)))
        self.server.start()
        self.url = self.server.url
        self.http = httpx.Client(headers={"Ocp-Apim-Subscription-Key": KEY}, trust_env=False, base_url=self.url)
        self.connectors = []

    def stop(self):
        self.http.close()
        for connector in self.connectors:
            connector.close()
        self.server.stop()

    def connector(self, timeout_s=10.0, **more):
        self.connectors.append(connect(settings(self.url + BASE, **more), Limits(timeout_s=timeout_s)))
        return self.connectors[-1]

    def walk(self, name="delivered.json", timeout_s=10.0, api="v1", **position):
        notice = sample(name)["notice"]
        notice["position"] |= position
        return Walk(self.connector(timeout_s, api=api), make_notice(**notice))

    def acts(self):
        return [json.loads(line)["act"] for line in self.ledger.read_text().splitlines()]

    def faults(self, *faults):
        assert self.http.post("/_sim/faults", json=faults).status_code == 200

    def pay(self, nav="347170000000000067"):
        return self.http.post("/_sim/pay", json={"organization": CREDITOR, "nav": nav})

    def at(self, rest="", version="v1"):
        return f"{BASE}/{version}/organizations/{CREDITOR}/debtpositions{rest}"

    def send(self, change=None, option=None, transfer=None, publish=True, version="v1"):
        made = example(version)
        its = made["paymentOption"][0] if version == "v1" else made["paymentOption"][0]["installments"][0]
        for target, wanted in ((made, change), (its, option), (its["transfer"][0], transfer)):
            for name, value in (wanted or {}).items():
                target.pop(name, None) if value is None else target.update({name: value})
        return self.http.post(self.at(version=version), params={"toPublish": str(publish).lower()}, json=made)


@pytest.fixture
def start(tmp_path):
    running = []

    def start(**options):
        running.append(Running(tmp_path, **options))
        return running[-1]

    yield start
    for each in running:
        each.stop()
