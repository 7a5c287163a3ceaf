"""Payments that a provider's call asks to be made on the spot: made once, whoever asks at the same time, and known with
their notice number before anybody is answered.

One is found by its name. That of a payment without an `external_id` is a keyed digest of what it says and a number,
which counts those that were made so and can be paid no more. So the store's unique names decide between two that are
made at once, and a call that is repeated after a crash finds what the first one left.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson
from sqlalchemy import Connection, RowMapping

from contracts.answering import Demanded, OwedPayment, Reading
from contracts.failures import Misconfigured
from contracts.faults import bilingual
from contracts.items import Item, Payment
from contracts.states import PAID, PAYABLE
from hub.errors import ContractViolation, Fault, StoreUnavailable, VersionConflict
from hub.registry import Vendor
from hub.store.citizens import Citizens
from hub.store.committer import Committer
from hub.store.configuration import RESTRICTED
from hub.store.database import Database
from hub.store.drafts import Draft, Numbers
from hub.store.intake import Intake, Submission
from hub.store.numbering import is_numbered
from hub.store.opening import opened
from hub.store.ports import Vault
from hub.store.taking import named

from .sources import Source, signed_by

_PAYMENTS: Final = "payments"
_AT_ONCE: Final = 50
"""Names looked for at once, of payments that say the same."""
_ROUNDS: Final = 10
"""How often it is looked for. Of several who ask at once for what has one name and say different things of it, one is
kept in each."""
_RESTRICTED: Final = bilingual("Il suo trattamento è limitato", "its processing is restricted")
_NOT_ON_DEMAND: Final = bilingual(
    "Un pagamento con quel nome non è nato su richiesta", "a payment of that name was not made on demand"
)
_CANCELLED: Final = bilingual("Il pagamento con quel nome è annullato", "the payment of that name was cancelled")


@dataclass(frozen=True, slots=True)
class Demands:
    """Makes them. `vendor` gives whose they are, `draft` is the pipeline's; `accepted` is called where deliveries may
    be due."""

    database: Database
    committer: Committer
    intake: Intake
    citizens: Citizens
    vault: Vault
    vendor: Callable[[Source], Vendor]
    draft: Callable[[Vendor, str, bytes, Item | None], Draft]
    accepted: Callable[[], None]

    def meet(self, source: Source, demanded: Demanded, reading: Reading) -> OwedPayment:
        """The payment, as it is kept now: that of an earlier demand, or a new one.

        Raises:
            HubError: it cannot be an item, and nothing was kept.
            StoreUnavailable: it is to be demanded again.
            Misconfigured: its vendor is not registered, suspended, or on trial.
        """
        source = replace(source, vendor_id=demanded.vendor_id)
        vendor = self.vendor(source)
        if vendor.stage == "sandbox" and not source.is_test:
            raise Misconfigured("source.vendor_in_sandbox", "nothing of a vendor on trial is owed to anybody")
        kept = False
        for _ in range(_ROUNDS):
            with self.database.read() as connection:
                name, row = self._known(connection, source, demanded)
            draft = self._draft(vendor, demanded, name, 1 if row is None else row["version"] + 1)
            number = None if row is None else self._standing(source, demanded, draft, row, kept=kept)
            if number is None:
                kept = self._publish(source, draft)
                continue
            owed = reading.payment(demanded.numbering.creditor_tax_code, number)
            if owed is not None:
                return owed
        raise StoreUnavailable(cause="demand")

    def _known(self, connection: Connection, source: Source, demanded: Demanded) -> tuple[str, RowMapping | None]:
        """The name that it has or is to have, and the item that bears it."""

        def found(names: list[str]) -> dict[str, RowMapping]:
            return named(connection, source.ente_id, source.vendor_id, demanded.item["source"], _PAYMENTS, names)

        given = demanded.item.get("external_id")
        if given is not None:
            return given, found([given]).get(given)
        said = {name: value for name, value in demanded.item.items() if name not in demanded.passing}
        text = orjson.dumps(said, option=orjson.OPT_SORT_KEYS).decode()
        digest = self.vault.keyed_hash("demand", f"{demanded.numbering.creditor_tax_code}\0{text}")[:32]
        last, row = 0, None
        while True:
            names = {f"demand-{digest}-{n}": n for n in range(last + 1, last + 1 + _AT_ONCE)}
            rows = found(list(names))
            if rows:
                last = max(names[name] for name in rows)
                row = rows[f"demand-{digest}-{last}"]
            if len(rows) < _AT_ONCE:
                break
        if row is not None and row["lifecycle"] == "active" and row["state"] in PAYABLE:
            return str(row["external_id"]), row
        return f"demand-{digest}-{last + 1}", None

    def _draft(self, vendor: Vendor, demanded: Demanded, name: str, version: int) -> Draft:
        body = orjson.dumps({**demanded.item, "external_id": name, "version": version}, default=str)
        draft = self.draft(vendor, _PAYMENTS, body, None)
        return replace(draft, numbers=Numbers(demanded.numbering, (0,)))

    def _standing(self, source: Source, demanded: Demanded, draft: Draft, row: RowMapping, *, kept: bool) -> str | None:
        """The notice number of the payment that is there; None where a new version of it is to be made. `kept`: what
        this demand says was, and whoever has said something else since was later. Raises ContractViolation where
        nothing may be done with it."""
        if row["lifecycle"] == "restricted":
            raise ContractViolation(faults=(Fault("/external_id", RESTRICTED, _RESTRICTED),))
        if row["lifecycle"] != "active":
            return None
        with self.database.read() as connection:
            try:
                citizen = self.citizens.by_id(connection, source.ente_id, row["citizen_id"])
            except LookupError:
                return None  # erased since it was looked for
            _, item = opened(connection, self.vault, citizen, row["item_id"])
            of_demand = is_numbered(connection, source.ente_id, row["item_id"])
        assert isinstance(item, Payment)
        has_name = "external_id" in demanded.item
        if has_name and (not of_demand or item.position is not None):
            # What its vendor asks for is not to be had for what somebody says at a counter.
            raise ContractViolation(faults=(Fault("/external_id", "external_id.taken", _NOT_ON_DEMAND),))
        if row["state"] == "cancelled":
            # Whoever is paid has said that it is not owed, and its notice number is never to be used again.
            raise ContractViolation(faults=(Fault("/external_id", "external_id.cancelled", _CANCELLED),))
        if row["state"] not in PAYABLE | PAID:
            return None
        if kept or row["state"] in PAID or not has_name:
            return item.notice_number  # as its vendor has it by now
        # Of what its vendor has added, that the payment has begun among it, a demand says nothing.
        said = demanded.item.keys() - demanded.passing
        new = Payment.model_validate_json(draft.payload)
        return item.notice_number if item.model_dump(include=said) == new.model_dump(include=said) else None

    def _publish(self, source: Source, draft: Draft) -> bool:
        """As a vendor's would be. Whether it was kept: somebody else may have been first."""
        try:
            answer: Any = self.committer.write(
                self.intake.record, Submission(signed_by(source, draft.payload), act=draft)
            )
        except VersionConflict:
            return False
        if answer.notification == "pending":
            self.accepted()
        return True
