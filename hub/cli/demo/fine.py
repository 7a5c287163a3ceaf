"""The third story of the tour: a fine is notified by SEND, which costs something; whoever pays it at pagoPA pays that
too, and SEND is told."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from contracts.identifiers import make_segregated_number
from contracts.items import SEND
from contracts.settling import SETTLED

from .cast import PDF, STATION_CREDITOR, Citizen, in_days, item
from .findings import Finding
from .stage import Stage, StageError

DRIVER = Citizen("Paolo Gallo", "GLLPLA75D12H501A", "paolo.gallo@example.it", on_io=False)
_NOTICE = make_segregated_number(segregation_code=1, iuv_base=2026000311)
_FINE_CENTS, _COST_CENTS = 8_700, 200
"""The cost is the simulated SEND's fee and the ente's own, a euro each; no letter has left yet."""


@dataclass(frozen=True, slots=True)
class Fine:
    """The story."""

    console: Console
    stage: Stage

    def play(self) -> list[Finding]:
        """Every act; what it came to is held against the feed and the providers' ledgers."""
        deed = self._publish("documents", _deed())
        uploaded = self.stage.upload(self.stage.cast.tributi, deed["item_id"], PDF)
        fine = self._publish("payments", _fine())
        self._publish("messages", _notification())
        self.stage.settled()
        dearer = self.stage.until(lambda: self._with_cost(fine["item_id"]), "notification_cost")
        cost = dearer["notification_cost"]
        told = f"{_euro(dearer['amount_cents'])} + {_euro(cost['cost_cents'])} = {_euro(cost['total_cents'])}"
        self.console.print(f"  nell'area / in the feed  [green]{told}[/]")
        paid = self.stage.pay(_NOTICE)
        self.console.print(
            f"  la stazione chiede al nodo / the station asks for  [green]{_euro(paid['amount_cents'])}[/]"
        )
        self.stage.settled()
        receipts = self.stage.read(DRIVER, "/receipts")["items"]
        self.console.print(
            f"  la ricevuta / the receipt  [green]{' '.join(_euro(one['amount_cents']) for one in receipts)}[/]"
        )
        after = self.stage.read(DRIVER, f"/items/{fine['item_id']}")
        total = _FINE_CENTS + _COST_CENTS
        channels = {each["channel"]: each["state"] for each in self.stage.deliveries() if each["channel"] in _OURS}
        return [
            Finding("fine: its file is here", 201, uploaded.status_code),
            Finding("fine: the feed has amount, cost and total", (_FINE_CENTS, _COST_CENTS, total), _shown(dearer)),
            Finding("fine: the station asks for the total", ("OK", total), (paid["outcome"], paid["amount_cents"])),
            Finding("fine: its receipt is of the total", [total], [one["amount_cents"] for one in receipts]),
            Finding("fine: paid, at the price of that moment", ("paid", total), (after["state"], _shown(after)[-1])),
            Finding("fine: notified once, and SEND told once", dict.fromkeys(_OURS, "delivered"), channels),
            Finding("fine: SEND's ledger has one notification, paid", [[total]], self._at_send()),
        ]

    def _publish(self, collection: str, content: dict[str, Any]) -> dict[str, Any]:
        answer = self.stage.publish(self.stage.cast.tributi, collection, content)
        if answer.status_code != 201:
            raise StageError(f"POST {collection}: {answer.status_code} {answer.text}")
        made: dict[str, Any] = answer.json()
        return made

    def _with_cost(self, item_id: str) -> dict[str, Any]:
        """The payment; nothing before SEND's cost is known."""
        found = self.stage.read(DRIVER, f"/items/{item_id}")
        return found if found["notification_cost"] else {}

    def _at_send(self) -> list[list[int]]:
        """Of each notification that SEND took, the payments that it was told of."""
        ledger = self.stage.folder / "providers" / "send" / "send.jsonl"
        taken = {entry["notificationRequestId"]: entry for entry in map(json.loads, ledger.read_text().splitlines())}
        return [[paid["amount"] for paid in entry.get("paid", ())] for entry in taken.values()]


_OURS = (SEND, SETTLED)


def _shown(payment: dict[str, Any]) -> tuple[int, int, int]:
    cost = payment["notification_cost"]
    return payment["amount_cents"], cost["cost_cents"], cost["total_cents"]


def _euro(cents: int) -> str:
    return f"{cents // 100},{cents % 100:02d} €"


def _deed() -> dict[str, Any]:
    return item(
        DRIVER,
        "VERBALE-118",
        title="Verbale 118/2026",
        doc_type="verbale",
        filename="verbale.pdf",
        media_type="application/pdf",
        size=len(PDF),
        sha256=hashlib.sha256(PDF).hexdigest(),
        notify={"channels": []},
    )


def _fine() -> dict[str, Any]:
    return item(
        DRIVER,
        "AVVISO-118",
        title="Verbale 118/2026, sanzione",
        notice_number=_NOTICE,
        creditor_tax_code=STATION_CREDITOR,
        amount_cents=_FINE_CENTS,
        reason="Verbale 118/2026",
        due_date=in_days(60)[:10],
        notify={"channels": []},
    )


def _notification() -> dict[str, Any]:
    legal = {
        "protocol_number": "2026/0004711",
        "subject": "Notifica di verbale per violazione del Codice della strada",
        "taxonomy_code": "010202N",
        "physical_communication": "REGISTERED_LETTER_890",
        "recipient_name": DRIVER.name,
        "postal_address": {"address": "Via Verdi 3", "zip": "00184", "municipality": "Roma", "province": "RM"},
        "fee_policy": "DELIVERY_MODE",
        "fee_cents": 100,
        "vat_percent": 22,
        "payment_update": "SYNC",
    }
    return item(
        DRIVER,
        "NOTIFICA-118",
        title="Verbale 118/2026",
        body_markdown="Il verbale le è notificato con SEND.",
        links=[{"rel": "document", "external_id": "VERBALE-118"}, {"rel": "payment", "external_id": "AVVISO-118"}],
        notify={"channels": [SEND], "legal": legal},
    )
