"""A citizen changes something of his own, through a portal: one frame, whatever it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from hub.errors import HubError, PreconditionFailed, TokenReplayed

from .citizens import Citizen, Citizens, Subject
from .database import Tx, lock_names
from .ports import UsedToken
from .readers import Access, record_access
from .replay import consume_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnChange:
    """What every such change comes with. `if_match` is the tag that was seen, None for any."""

    access: Access
    subject: Subject
    signer: str
    used: tuple[UsedToken, ...]
    if_match: str | None = None
    refusal: HubError | None = None
    """Already decided: only the token is consumed and the access recorded."""


class Tagged(Protocol):
    """What is changed: its tag changes whenever it does."""

    @property
    def tag(self) -> str: ...


Change = TypeVar("Change", bound=OwnChange)
Held = TypeVar("Held", bound=Tagged)


def change_each(
    tx: Tx,
    citizens: Citizens,
    changes: Sequence[Change],
    *,
    lock: Callable[[Citizen], str],
    held: Callable[[Citizen], Held],
    apply: Callable[[Tx, Change, Citizen, Held], Any],
) -> list[Any]:
    """What is held of each citizen after his change, or why it was refused; one about whom nothing was published yet is
    made for it. The token is consumed first, and the access recorded whatever follows. `apply` gets what was held, and
    may give another answer than what is held then."""
    results: list[Any] = []
    fresh = consume_tokens(tx, [(each.access.ente_id, each.signer, each.used) for each in changes])
    sound = [each.subject for each, unused in zip(changes, fresh, strict=True) if unused and not each.refusal]
    known = citizens.resolve(tx, sound) if sound else {}
    # Two who change one citizen's would each write what the other did not see.
    lock_names(tx, {lock(each) for each in known.values()})
    for each, unused in zip(changes, fresh, strict=True):
        citizen = known.get(each.subject)
        access = each.access if citizen is None else replace(each.access, citizen_id=citizen.citizen_id)
        try:
            if not unused:
                raise TokenReplayed
            if each.refusal is not None:
                raise each.refusal
            assert citizen is not None
            before = held(citizen)
            if each.if_match not in (None, before.tag):
                raise PreconditionFailed
            answer = apply(tx, each, citizen, before)
            results.append(held(citizen) if answer is None else answer)
        except HubError as refusal:
            results.append(refusal)
            access = replace(access, outcome=refusal.code)
        record_access(tx, [access])
    return results
