"""Somebody pays a notice at the simulated node, which asks the creditor's station whether and how much
(paVerifyPaymentNotice) and for all that is needed (paGetPayment or V2), and brings the receipt once the money has gone
(paSendRT or V2). Before it, there may be somebody who asks the station for a notice (paDemandPaymentNotice).
"""

import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from .sampling import DEBTOR, asked, demanded, envelope, receipt
from .simulator_model import Events, NotOk, read_answer

_DEMAND: Final = "paDemandPaymentNotice"
ATTEMPTS: Final = 5
"""How often a receipt is sent until it is answered OK (paForNode.wsdl, paSendRT)."""


@dataclass(frozen=True)
class Calls:
    """The node's calls of one station."""

    http: httpx.AsyncClient
    url: str
    key: str

    async def call(self, operation: str, content: str, *, garbled: bool = False) -> dict[str, Any]:
        body = envelope(operation, content)
        headers = {
            "Content-Type": "text/xml; charset=utf-8",
            "SOAPAction": f'"{operation}"',
            "Ocp-Apim-Subscription-Key": self.key,
        }
        try:
            answer = await self.http.post(
                self.url, content=body[: len(body) // 2] if garbled else body, headers=headers
            )
        except httpx.TransportError as error:
            raise NotOk("PPT_STAZIONE_INT_PA_IRRAGGIUNGIBILE", type(error).__name__) from None
        return read_answer(operation, answer.status_code, answer.headers.get("content-type", ""), answer.content)


async def demand(calls: Calls, ledger: Events, creditor: str, wanted: Mapping[str, Any], kind: str | None) -> str:
    """The notice of a spontaneous payment (paDemandPaymentNotice), of which `wanted` has the service's id and its XML.
    Raises NotOk where the station makes none."""
    content = demanded(wanted["id_servizio"], wanted["document"], id_pa=creditor)
    if kind == "garble":
        with suppress(NotOk):
            await calls.call(_DEMAND, content, garbled=True)
    notices = {await _demanded(calls, ledger, creditor, content) for _ in range(2 if kind == "repeat" else 1)}
    if len(notices) > 1:
        raise NotOk("PPT_STAZIONE_INT_PA_ERRORE_RESPONSE", "asked again, it is another notice")
    return notices.pop()


async def _demanded(calls: Calls, ledger: Events, creditor: str, content: str) -> str:
    answer = await calls.call(_DEMAND, content)
    code, option = answer["qrCode"], answer["paymentList"]["paymentOptionDescription"]
    if {code["fiscalCode"], answer["fiscalCodePA"]} != {creditor} or _cents(option["amount"]) == 0:
        raise NotOk("PPT_STAZIONE_INT_PA_ERRORE_RESPONSE", "another creditor, or nothing to pay")
    notice: str = code["noticeNumber"]
    ledger.add("demanded", notice_number=notice, amount_cents=_cents(option["amount"]))
    return notice


async def bring(calls: Calls, ledger: Events) -> int:
    """Bring the receipts that were not taken so far; how many are still not."""
    taken = {line["receipt_id"] for line in ledger.of("delivered")}
    left = 0
    for line in [each for each in ledger.of("paid") if each["receipt_id"] not in taken]:
        try:
            await calls.call(line["operation"], line["document"])
        except NotOk:
            left += 1
        else:
            ledger.add("delivered", receipt_id=line["receipt_id"], attempts=1)
    return left


class Payment:
    """One person who pays one notice."""

    def __init__(self, ledger: Events, creditor: str, calls: Calls, notice: str, version: int) -> None:
        self.ledger, self.creditor, self.notice, self.calls = ledger, creditor, notice, calls
        self.suffix = "V2" if version == 2 else ""

    async def through(self, fault: Mapping[str, Any]) -> dict[str, Any]:
        """Raises NotOk where the station will not have it; then nobody has paid."""
        kind = fault.get("kind")
        if kind == "stand_in":
            amount, debtor = _euro(fault["amount_cents"]), fault.get("debtor", DEBTOR)
            transfers, words = [(self.creditor, amount)], "Pagamento"
        else:
            await self.calls.call("paVerifyPaymentNotice", asked(self.notice, self.creditor, id_pa=self.creditor))
            answer = await self.calls.call(
                f"paGetPayment{self.suffix}", asked(self.notice, self.creditor, id_pa=self.creditor)
            )
            amount, debtor, transfers, words = _owed(answer)
        receipt_id = secrets.token_hex(16)
        shares = [
            {"transfer": number, "creditor": creditor, "amount_cents": _cents(share)}
            for number, (creditor, share) in enumerate(transfers, start=1)
        ]
        iuv = self.notice[3:] if self.notice[0] == "0" else self.notice[1:]

        def document(name: str) -> str:
            named = fault["debtor"] if kind == "debtor" else debtor
            stand_in = "<standIn>true</standIn>" if kind == "stand_in" and self.suffix else ""
            return receipt(
                name,
                id_pa=self.creditor,
                notice=self.notice,
                amount=amount,
                debtor=named,
                creditor=self.creditor,
                description=words,
                paid_at=datetime.now(UTC).isoformat(timespec="seconds"),
                transfers=transfers,
                more=stand_in,
            )

        content = document(receipt_id)
        self.ledger.add(
            "paid",
            receipt_id=receipt_id,
            notice_number=self.notice,
            iuv=iuv,
            amount_cents=_cents(amount),
            shares=shares,
            operation=f"paSendRT{self.suffix}",
            document=content,
        )
        attempts = await self._deliver(receipt_id, content, kind)
        told = {"outcome": "OK", "receipt_id": receipt_id, "amount_cents": _cents(amount), "attempts": attempts}
        if kind == "second":
            try:
                await self.calls.call(f"paSendRT{self.suffix}", document(secrets.token_hex(16)))
                told["second"] = "OK"
            except NotOk as error:
                told["second"] = error.code
        return told

    async def _deliver(self, receipt_id: str, content: str, kind: str | None) -> int:
        """Send the receipt until it is taken; how often. Raises NotOk after the last attempt."""
        operation = f"paSendRT{self.suffix}"
        for attempt in range(1, ATTEMPTS + 1):
            try:
                if kind == "garble" and attempt == 1:
                    await self.calls.call(operation, content, garbled=True)
                await self.calls.call(operation, content)
            except NotOk as error:
                if attempt == ATTEMPTS:
                    self.ledger.add("undelivered", receipt_id=receipt_id, code=error.code)
                    raise
                continue
            if kind == "lose" and attempt == 1:
                continue
            if kind == "repeat":
                await self.calls.call(operation, content)
            self.ledger.add("delivered", receipt_id=receipt_id, attempts=attempt)
            return attempt
        raise AssertionError("unreachable")


def _owed(answer: Mapping[str, Any]) -> tuple[str, str, list[tuple[str, str]], str]:
    """Amount, debtor, shares and words of paGetPayment's answer. Raises NotOk where the shares do not add up."""
    if "data" not in answer:
        raise NotOk("PPT_STAZIONE_INT_PA_ERRORE_RESPONSE", "OK without data")
    data = answer["data"]
    rows = data["transferList"]["transfer"]
    rows = rows if isinstance(rows, list) else [rows]
    transfers = [(row["fiscalCodePA"], row["transferAmount"]) for row in rows]
    if sum(_cents(share) for _, share in transfers) != _cents(data["paymentAmount"]):
        raise NotOk("PPT_STAZIONE_INT_PA_ERRORE_RESPONSE", "the transfers do not add up")
    debtor = data["debtor"]["uniqueIdentifier"]["entityUniqueIdentifierValue"]
    return data["paymentAmount"], debtor, transfers, data["description"]


def _cents(amount: str) -> int:
    return int(amount.replace(".", ""))


def _euro(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"
