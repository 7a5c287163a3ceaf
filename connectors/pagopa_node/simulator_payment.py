"""Somebody pays a notice at the simulated node, which asks the creditor's station whether and how much
(paVerifyPaymentNotice) and for all that is needed (paGetPayment or V2), and brings the receipt once the money has gone
(paSendRT or V2).
"""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from .sampling import DEBTOR, asked, envelope, receipt
from .simulator_model import Events, NotOk, read_answer

ATTEMPTS: Final = 5
"""How often a receipt is sent until it is answered OK (paForNode.wsdl, paSendRT)."""


class Payment:
    """One person who pays one notice."""

    def __init__(
        self, ledger: Events, creditor: str, http: httpx.AsyncClient, url: str, key: str, notice: str, version: int
    ) -> None:
        self.ledger, self.creditor, self.notice = ledger, creditor, notice
        self.http, self.url, self.key = http, url, key
        self.suffix = "V2" if version == 2 else ""

    async def through(self, fault: Mapping[str, Any]) -> dict[str, Any]:
        """Raises NotOk where the station will not have it; then nobody has paid."""
        kind = fault.get("kind")
        if kind == "stand_in":
            amount, debtor = _euro(fault["amount_cents"]), fault.get("debtor", DEBTOR)
            transfers, words = [(self.creditor, amount)], "Pagamento"
        else:
            await self._call("paVerifyPaymentNotice", asked(self.notice, self.creditor, id_pa=self.creditor))
            answer = await self._call(
                f"paGetPayment{self.suffix}", asked(self.notice, self.creditor, id_pa=self.creditor)
            )
            amount, debtor, transfers, words = _owed(answer)
        receipt_id = secrets.token_hex(16)
        shares = [
            {"transfer": number, "creditor": creditor, "amount_cents": _cents(share)}
            for number, (creditor, share) in enumerate(transfers, start=1)
        ]
        iuv = self.notice[3:] if self.notice[0] == "0" else self.notice[1:]
        self.ledger.add(
            "paid",
            receipt_id=receipt_id,
            notice_number=self.notice,
            iuv=iuv,
            amount_cents=_cents(amount),
            shares=shares,
        )

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

        attempts = await self._deliver(receipt_id, document(receipt_id), kind)
        told = {"outcome": "OK", "receipt_id": receipt_id, "amount_cents": _cents(amount), "attempts": attempts}
        if kind == "second":
            try:
                await self._call(f"paSendRT{self.suffix}", document(secrets.token_hex(16)))
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
                    await self._call(operation, content, garbled=True)
                await self._call(operation, content)
            except NotOk as error:
                if attempt == ATTEMPTS:
                    self.ledger.add("undelivered", receipt_id=receipt_id, code=error.code)
                    raise
                continue
            if kind == "lose" and attempt == 1:
                continue
            if kind == "repeat":
                await self._call(operation, content)
            self.ledger.add("delivered", receipt_id=receipt_id, attempts=attempt)
            return attempt
        raise AssertionError("unreachable")

    async def _call(self, operation: str, content: str, *, garbled: bool = False) -> dict[str, Any]:
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
