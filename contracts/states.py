"""The states of each collection and the ways between them, as data (`personal-area` B2).

The ways bind citizens, administrators and the hub. A source may report any state but out of a fact (`settled` 12);
what it left out on the way is recorded.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Machine:
    """States by the states that follow each directly."""

    ways: Mapping[str, tuple[str, ...]]
    facts: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    """States that not even a source takes back, with all that it may still report then."""
    reopening: frozenset[tuple[str, str]] = frozenset()
    """Ways by which what was closed is open again."""

    def leads(self, before: str, after: str) -> bool:
        """Whether the one follows the other directly."""
        return after in self.ways.get(before, ())

    def reportable(self, before: str, after: str) -> bool:
        """Whether a source that said the one may say the other."""
        allowed = self.facts.get(before)
        return allowed is None or after in allowed

    def skipped(self, before: str, after: str) -> tuple[str, ...] | None:
        """What lies between them on the shortest way; None where no way leads there."""
        came: dict[str, str] = {}
        coming = deque([before])
        while coming:
            state = coming.popleft()
            for following in self.ways.get(state, ()):
                if following not in came and following != before:
                    came[following] = state
                    coming.append(following)
        if after not in came:
            return None
        between: list[str] = []
        state = came[after]
        while state != before:
            between.insert(0, state)
            state = came[state]
        return tuple(between)


MACHINES: Mapping[str, Machine] = {
    "applications": Machine(
        ways={
            "draft": ("awaiting_payment", "submitted", "expired"),
            "awaiting_payment": ("submitted", "withdrawn"),
            "submitted": ("registered", "withdrawn"),
            "registered": ("in_progress", "withdrawn"),
            "in_progress": ("integration_requested", "suspended", "completed", "withdrawn"),
            "integration_requested": ("integration_submitted", "in_progress", "withdrawn"),
            "integration_submitted": ("in_progress", "withdrawn"),
            "suspended": ("in_progress", "withdrawn"),
            "completed": ("revoked", "in_progress"),
            "withdrawn": ("in_progress",),
            "revoked": (),
            "expired": (),
        },
        reopening=frozenset({("completed", "in_progress"), ("withdrawn", "in_progress")}),
    ),
    "payments": Machine(
        ways={
            "creating": ("creation_failed", "due"),
            "creation_failed": (),
            "due": ("started", "overdue", "cancelled", "paid_elsewhere"),
            "started": ("paid", "paid_elsewhere"),
            "overdue": ("paid", "expired"),
            "paid": ("refunded",),
            "paid_elsewhere": (),
            "expired": (),
            "cancelled": (),
            "refunded": (),
        },
        facts={"paid": frozenset({"paid", "refunded"}), "refunded": frozenset({"refunded"})},
    ),
    "documents": Machine(
        ways={
            "announced": ("available",),
            "available": ("superseded", "revoked", "expired"),
            "superseded": (),
            "revoked": (),
            "expired": (),
        },
        facts={"revoked": frozenset({"revoked"})},
    ),
    # Of a document on paper or in plastic, beside the document's own state (S52, S53).
    "handovers": Machine(
        ways={
            "preparing": ("shipped", "ready"),
            "shipped": ("delivered", "returned"),
            "ready": ("collected", "returned"),
            "returned": ("shipped", "ready"),
            "delivered": (),
            "collected": (),
        },
        facts={"delivered": frozenset({"delivered"}), "collected": frozenset({"collected"})},
    ),
    "subscriptions": Machine(
        ways={
            "requested": ("waitlisted", "active"),
            "waitlisted": ("active",),
            "active": ("renewal_due", "suspended", "cancelled", "ended"),
            "renewal_due": ("renewed", "ended"),
            "suspended": ("active",),
            "renewed": (),
            "cancelled": (),
            "ended": (),
        },
    ),
    "deadlines": Machine(
        ways={"open": ("met", "missed", "cancelled"), "missed": ("met",), "met": (), "cancelled": ()},
    ),
}
"""Of the collections whose items change their state (messages and receipts have one), and of handovers."""

PAYABLE = frozenset({"due", "started", "overdue"})
"""The states in which a payment can be paid."""
OWED = PAYABLE | {"creating"}
"""Those in which it is to be paid, if not yet."""
PAID_AND_KEPT = frozenset({"paid", "paid_elsewhere"})
"""Those in which it was paid, and not given back."""
PAID = PAID_AND_KEPT | {"refunded"}
"""Those in which it was paid once."""
SETTLED_FOR_GOOD = frozenset({"paid", "refunded"})
"""Those which no receipt and no other word changes: pagoPA has had the money."""
