"""Deliberate bugs in what the hub does for the parties (`parties`): each must turn an invariant of theirs red."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import hub.inbound.missing as missing
import hub.store.folding as folding
from hub.admin.rights import RightsDesk
from hub.dispatch.carts import Carts
from hub.inbound.demanding import Demands
from hub.inbound.missing import Missing
from hub.inbound.taking import Taker
from hub.ingest.broadcasting import BroadcastRunner
from hub.store.filing_rights import RightsFiler


def lose_a_record() -> None:
    """Of a source every tenth record is passed over as if it were known."""
    original = Taker._write

    def write(self: Taker, source: Any, vendor: Any, takes: Any, counts: Any) -> None:
        original(self, source, vendor, [each for each in takes if not each[1].name.endswith("3")], counts)

    Taker._write = write  # type: ignore[method-assign]  # that is the bug


def believe_one_round() -> None:
    """What one round lacks is taken back."""
    original = Missing.settle

    def settle(self: Missing, source: Any, look: Any, tally: Any, **how: Any) -> None:
        original(self, source, look, tally, **how | {"lacked_twice": False})

    Missing.settle = settle  # type: ignore[method-assign]  # that is the bug


def name_anew() -> None:
    """What is demanded again is another payment."""
    original = Demands.meet

    def meet(self: Demands, source: Any, demanded: Any, reading: Any) -> Any:
        item = {**demanded.item, "external_id": f"mensa-{uuid4()}"}
        return original(self, source, dataclasses.replace(demanded, item=item), reading)

    Demands.meet = meet  # type: ignore[method-assign]  # that is the bug


def pay_twice() -> None:
    """A payment becomes paid, and then once more."""
    original = folding._is_paid

    @functools.wraps(original)
    def is_paid(tx: Any, batch: Any, item: Any) -> None:
        original(tx, batch, item)
        batch.event(item, tx.now, "paid")

    folding._is_paid = is_paid


def ask_checkout_twice() -> None:
    """A cart is made, and then once more, as if the first answer had been lost."""
    original = Carts.make

    def make(self: Carts, planned: Any) -> str:
        original(self, planned)
        return original(self, planned)

    Carts.make = make  # type: ignore[method-assign]  # that is the bug


def skip_a_subscriber() -> None:
    """Of each portion of a broadcast one is not written to."""
    original = BroadcastRunner.portion

    def portion(self: BroadcastRunner, *args: Any, **kwargs: Any) -> Any:
        made = original(self, *args, **kwargs)
        return dataclasses.replace(made, messages=made.messages[1:])

    BroadcastRunner.portion = portion  # type: ignore[method-assign]  # that is the bug


def file_twice() -> None:
    """A request about one's data stands there two times."""
    original = RightsFiler._file

    def file(self: RightsFiler, *args: Any) -> Any:
        original(self, *args)
        return original(self, *args)

    RightsFiler._file = file  # type: ignore[method-assign]  # that is the bug


def answer_nobody() -> None:
    """A request about one's data is closed, and its citizen is not told."""
    RightsDesk._tell = lambda *_: None  # type: ignore[method-assign]  # that is the bug


def forget_the_day() -> None:
    """What was taken back before does not count."""
    missing.withdrawn_since = lambda *_: 0


def leave_the_parts() -> None:
    """An application is taken back without what hangs on it."""
    Missing._parts = lambda *_: []  # type: ignore[method-assign]  # that is the bug


BUGS: dict[str, Callable[[], None]] = {
    bug.__name__: bug
    for bug in (
        lose_a_record,
        believe_one_round,
        name_anew,
        pay_twice,
        ask_checkout_twice,
        skip_a_subscriber,
        file_twice,
        answer_nobody,
        forget_the_day,
        leave_the_parts,
    )
}
