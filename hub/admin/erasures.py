"""Erasing a citizen as the one who decides it sees it: what would go and what stays, and then the order.

The order is carried out by whoever operates the machines, with the hub stopped (`raccordo erase --ordered`), who need
not learn whom it concerns.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import orjson
from sqlalchemy import Connection, RowMapping

from contracts.base import rfc3339
from contracts.faults import bilingual
from contracts.rights_administration import ErasureOrder
from hub.errors import ContractViolation, Fault
from hub.store.citizens import Citizens
from hub.store.database import Tx
from hub.store.erasing import duties_to_keep, what_goes
from hub.store.ports import Vault
from hub.store.requests_of_rights import order_erasure

from .acting import Acted, Actor, Order
from .errors import ErasureChanged
from .rights import one_of, open_one, subject_of, target_of, view_of

KEPT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "items": "Che ci furono, di quale fornitore e in quale stato, senza contenuto: chi ripubblica è rifiutato. / "
        "That there were some, of which vendor and state, without content: who publishes one again is refused.",
        "evidence": "Che cosa fu ricevuto e firmato, per gli hash: è una prova (art. 17, par. 3, lett. e); il "
        "contenuto non si apre più. / What was received and signed, by its hashes: it is a proof (art. 17(3)(e)); the "
        "content opens no more.",
        "access_log": "Chi ha visto che cosa, con il solo identificativo casuale (art. 5, par. 2). / Who saw what, by "
        "the random id alone (art. 5(2)).",
        "rights_requests": "Che furono fatte, e quando ebbero risposta, senza parole (art. 5, par. 2). / That they "
        "were made, and when they were answered, without words (art. 5(2)).",
    }
)
"""What an erasure leaves, and why: nothing of it names anybody."""


@dataclass(frozen=True, slots=True)
class ErasureDesk:
    """The erasures of all enti; each preview and each order is of one."""

    citizens: Citizens
    vault: Vault

    def preview(self, actor: Actor, tax_code: str) -> Order:
        """What an erasure would do: contracts.rights_administration.ErasurePreview. Looking is an act."""

        def do(tx: Tx) -> Acted:
            citizen = self.citizens.find(tx.connection, subject_of(actor.ente_id, tax_code))
            if citizen is None:
                nothing: dict[str, Any] = {"concerns_somebody": False, "duties_to_keep": {}, "goes": {}, "kept": {}}
                return Acted(nothing | {"confirmation": None}, "erasures")
            duties, goes, confirmation = self._seen(tx, actor.ente_id, citizen.citizen_id)
            answer = {"concerns_somebody": True, "duties_to_keep": duties, "goes": goes, "kept": dict(KEPT)}
            return Acted(answer | {"confirmation": confirmation}, "erasures", citizen_id=citizen.citizen_id)

        return Order("preview_erasure", actor, do, "erasures")

    def order(self, actor: Actor, request_id: str, wish: ErasureOrder) -> Order:
        """Order what a request asks for, as a preview showed it. The order raises RightsRequestUnknown,
        RightsRequestClosed, ErasureChanged, and ContractViolation where the request is for something else, nothing is
        held of whoever made it, or a duty to keep stands against it and no reason is given."""
        target = target_of(request_id)

        def do(tx: Tx) -> Acted:
            citizen_id = self._whom(tx.connection, open_one(tx.connection, actor.ente_id, request_id))
            duties, _, confirmation = self._seen(tx, actor.ente_id, citizen_id)
            if wish.confirmation != confirmation:
                raise ErasureChanged
            if duties and wish.despite is None:
                against = ", ".join(f"{count} {what}" for what, count in duties.items())
                detail = bilingual(
                    f"C'è un obbligo di conservazione (GDPR art. 17, par. 3, lett. b) per {sum(duties.values())}"
                    " elementi: dire perché si cancella comunque",
                    f"there is a duty to keep (GDPR art. 17(3)(b)): {against}; say why it is erased all the same",
                )
                raise ContractViolation(faults=(Fault("/despite", "field.missing", detail),))
            order_erasure(tx, actor.ente_id, request_id, wish.despite)
            told = {"erasure_ordered_at": rfc3339(tx.now), "despite": wish.despite}
            view = view_of(one_of(tx.connection, actor.ente_id, request_id), tx.now)
            return Acted(view, target, {"erasure_ordered_at": None}, told, citizen_id=citizen_id)

        return Order("order_erasure", actor, do, target)

    def _whom(self, connection: Connection, row: RowMapping) -> str:
        citizen_id: str | None = row["citizen_id"]
        if row["kind"] != "erasure" or row["item_id"] is not None:
            detail = bilingual(
                "Non chiede di cancellare tutto: annotare una richiesta di tipo `erasure` che lo chieda",
                "it does not ask for the erasure of all that is held: note a request of kind `erasure` that does",
            )
        elif citizen_id is None or not self.citizens.is_there(connection, row["ente_id"], citizen_id):
            detail = bilingual(
                "Di chi l'ha fatta non si conserva nulla: non c'è nulla da cancellare",
                "nothing is held of whoever made it: there is nothing to erase",
            )
        else:
            return citizen_id
        raise ContractViolation(faults=(Fault("", "erasure.not_asked_for", detail),))

    def _seen(self, tx: Tx, ente_id: str, citizen_id: str) -> tuple[dict[str, int], dict[str, int], str]:
        """The duties to keep, what goes, and by what an order says that it has seen just this."""
        duties = duties_to_keep(tx.connection, tx.now, ente_id, citizen_id)
        goes = what_goes(tx.connection, ente_id, citizen_id)
        seen = orjson.dumps([ente_id, citizen_id, duties, goes], option=orjson.OPT_SORT_KEYS).decode()
        return duties, goes, self.vault.keyed_hash("erasure", seen)
