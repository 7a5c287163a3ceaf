"""Extracts of registers, as administrators take them in (S40)."""

from contracts.source_administration import RegisterExtract
from hub.store.attributes import AttributeKeeper, Stated
from hub.store.citizens import Subject
from hub.store.database import Tx

from .acting import Acted, Actor, Order


def import_extract(keeper: AttributeKeeper, actor: Actor, extract: RegisterExtract) -> Order:
    """Keep what a register says of people; what is older than what is known changes nothing. Who they are is not in the
    record of the act."""
    stated = [
        Stated(Subject(actor.ente_id, "person", one.tax_code), extract.register_id, one.as_of, one.attributes)
        for one in extract.people
    ]
    target = f"registers/{extract.register_id}"

    def do(tx: Tx) -> Acted:
        changed = sum(keeper.state(tx, stated))
        answer = {"register_id": extract.register_id, "people": len(stated), "changed": changed}
        return Acted(answer, target, after=answer)

    return Order("import_attributes", actor, do, target)
