"""What a vendor's client is put through, and how it should behave (RAC_ROBUSTEZZA_001, _002; modi 1.8, 5.15, 5.16)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from hub.profile import Profile

from .case import channelled, vouched
from .listener import RETRY_S, Seen
from .report import Outcome, Result, Untested

_EARLY_S: Final = 0.05


class Unseen(Exception):
    """It cannot be told from the requests alone: it takes the exit code of the client (`--run`)."""


@dataclass(frozen=True, slots=True)
class Observed:
    """The requests of one scenario, and how the client ended; None where somebody runs it by hand."""

    seen: Sequence[Seen]
    exit_code: int | None = None
    ended: bool = True
    """False where it was stopped, as it took too long."""
    no_voucher: str = ""
    """Why the simulated PDND gave it none."""

    @property
    def by_hand(self) -> bool:
        return self.exit_code is None and self.ended


Check = Callable[[Observed], str]
"""What is wrong; empty where nothing is. May raise Unseen."""


def _verified(observed: Observed) -> str:
    if not observed.seen:
        return "no request arrived" + (f"; PDND: {observed.no_voucher}" if observed.no_voucher else "")
    return next((f"refused, {one.refusal}" for one in observed.seen if one.refusal), "")


def _succeeds(observed: Observed) -> str:
    if observed.by_hand or observed.exit_code == 0:
        return ""
    return f"the client ended with {observed.exit_code}" if observed.ended else "the client did not end"


def _fails(observed: Observed) -> str:
    if observed.by_hand:
        raise Unseen
    return "" if observed.ended and observed.exit_code else "the client did not end with a failure"


def _once(observed: Observed) -> str:
    return "" if len(observed.seen) == 1 else f"it was sent {len(observed.seen)} times"


def _stops(observed: Observed) -> str:
    if observed.by_hand:
        raise Unseen
    return "" if len(observed.seen) <= 2 else f"it was sent {len(observed.seen)} times: sending it again helps nothing"


def _again(observed: Observed) -> str:
    return "" if len(observed.seen) >= 2 else "it was not sent again"


def _waits(observed: Observed) -> str:
    if len(observed.seen) < 2:
        return ""
    first, second = observed.seen[:2]
    waited = second.at - first.ended
    return "" if waited >= RETRY_S - _EARLY_S else f"sent again after {waited:.1f} s, Retry-After was {RETRY_S} s"


def _fresh(observed: Observed) -> str:
    """Of what was sent again: another jti, the same body."""
    for first, second in zip(observed.seen, observed.seen[1:], strict=False):
        if first.jtis & second.jtis or "token.replayed" in second.refusal:
            return "sent again with a jti that was used: a retransmission carries a fresh one"
        if first.digest != second.digest:
            return "what was sent again is another body"
        if first.message_id != second.message_id:
            return "sent again under another message id: a retransmission keeps it"
    return ""


def _follows(observed: Observed) -> str:
    """202 is no result: the status is asked for, and the result read (NONBLOCK_PULL_REST)."""
    if not any(one.answer == "result" for one in observed.seen):
        return "the result was never read"
    return ""


def _asks_patiently(observed: Observed) -> str:
    asked = [one for one in observed.seen if one.answer == "asked"]
    if len(asked) > 1 and asked[1].at - asked[0].ended < RETRY_S - _EARLY_S:
        return f"asked again before Retry-After ({RETRY_S} s)"
    return ""


def _honest(observed: Observed) -> str:
    if observed.by_hand:
        raise Unseen
    accepted = any(not one.refusal for one in observed.seen)
    if observed.exit_code == 0 and not accepted:
        return "the client ended with 0, though nothing was accepted"
    return "" if observed.ended else "the client did not end"


def _disbelieves(observed: Observed) -> str:
    if observed.by_hand:
        raise Unseen
    if len(observed.seen) > 1 or observed.exit_code != 0:
        return ""
    return "the client took it for a receipt"


def _not_taken_for_done(observed: Observed) -> str:
    if observed.by_hand or len(observed.seen) > 1 or observed.exit_code != 0:
        return ""
    return "the client ended with 0, though nothing was accepted"


def _patient(observed: Observed) -> str:
    if len(observed.seen) > 1 and observed.seen[1].at < observed.seen[0].ended:
        return "sent again while the answer was still to come"
    return ""


@dataclass(frozen=True, slots=True)
class Scenario:
    """`script`: the answers in turn, the last one for good."""

    group: str
    name: str
    it: str
    en: str
    script: tuple[str, ...]
    expected: str
    checks: tuple[Check, ...]
    when: Callable[[Profile], bool] = lambda profile: True
    batch: bool = False
    """The client is run for a batch."""
    pdnd: str = ""
    """What the simulated PDND's token endpoint does once, where it is not as it should."""

    def result(self, observed: Observed, *, took_s: float) -> Result:
        answered = ", ".join(str(one.status) for one in observed.seen) or "none"
        outcome, detail = self._outcome(observed)
        return Result(self.group, self.name, self.it, self.en, outcome, self.expected, answered, detail, took_s)

    def _outcome(self, observed: Observed) -> tuple[Outcome, str]:
        unseen = False
        for check in self.checks:
            try:
                fault = check(observed)
            except Unseen:
                unseen = True
                continue
            if fault:
                return "failed", fault
        return ("skipped", "to be seen only with --run") if unseen else ("passed", "")


def _receipt(kind: str, it: str, en: str) -> Scenario:
    return Scenario("receipts", kind, it, en, (kind,), "failure", (_verified_first, _disbelieves))


def _verified_first(observed: Observed) -> str:
    return _verified(replace(observed, seen=observed.seen[:1]))


def _verified_if_any(observed: Observed) -> str:
    return _verified(observed) if observed.seen else ""


_RETRIES: Final = (_verified, _again, _waits, _fresh, _succeeds)

SCENARIOS: Final = (
    Scenario(
        "request",
        "accepted",
        "richiesta verificata",
        "the request is verified",
        ("accept",),
        "once, success",
        (_verified, _once, _succeeds),
    ),
    Scenario(
        "retries",
        "limited",
        "429 con Retry-After",
        "429 with Retry-After",
        ("limited", "accept"),
        "again after Retry-After, success",
        _RETRIES,
    ),
    Scenario(
        "retries",
        "unavailable",
        "503 con Retry-After",
        "503 with Retry-After",
        ("unavailable", "accept"),
        "again after Retry-After, success",
        _RETRIES,
    ),
    Scenario(
        "retries",
        "unavailable-until",
        "503, Retry-After è una data",
        "503, Retry-After is a date",
        ("unavailable-until", "accept"),
        "again after Retry-After, success",
        _RETRIES,
    ),
    Scenario(
        "retries",
        "slow",
        "risposta dopo 3 secondi",
        "the answer takes 3 seconds",
        ("slow",),
        "once, success",
        (_verified, _patient, _fresh, _succeeds),
    ),
    Scenario(
        "retries",
        "replayed",
        "409: jti già usato",
        "409: the jti was used",
        ("replayed", "accept"),
        "a fresh jti, or failure",
        (_verified, _fresh, _not_taken_for_done),
    ),
    Scenario(
        "retries",
        "refused",
        "401: insistere non serve",
        "401: to insist is of no use",
        ("refused",),
        "failure, at most 2 requests",
        (_verified_first, _stops, _fails),
    ),
    Scenario(
        "retries",
        "invalid",
        "422: insistere non serve",
        "422: to insist is of no use",
        ("invalid",),
        "failure, at most 2 requests",
        (_verified_first, _stops, _fails),
    ),
    _receipt("receipt-unsigned", "ricevuta non firmata", "the receipt is not signed"),
    _receipt("receipt-of-another-body", "ricevuta cambiata dopo la firma", "the receipt was changed after signing"),
    _receipt("receipt-of-another-request", "ricevuta di un'altra richiesta", "the receipt is of another request"),
    _receipt("receipt-of-another-key", "ricevuta firmata da altri", "the receipt is signed by somebody else"),
    _receipt("receipt-of-another-vendor", "ricevuta di un altro fornitore", "the receipt is another vendor's"),
)

PATTERNED: Final = (
    Scenario(
        "receipts",
        "receipt-of-another-message",
        "conferma di un altro messaggio",
        "the confirmation is of another message",
        ("receipt-of-another-message",),
        "failure",
        (_verified_first, _disbelieves),
        when=lambda profile: profile.max_receipts > 0,
    ),
    Scenario(
        "pdnd",
        "pdnd-unavailable",
        "la PDND non risponde una volta",
        "PDND does not answer once",
        ("accept",),
        "a request that verifies, or failure",
        (_verified_if_any, _honest),
        when=vouched,
        pdnd="down",
    ),
    Scenario(
        "batches",
        "batch-followed",
        "lotto accettato: stato, poi risultato",
        "a batch is accepted: its status, then its result",
        ("batch",),
        "the result is read, success",
        (_verified, _follows, _asks_patiently, _succeeds),
        batch=True,
    ),
)


def scenarios_of(profile: Profile, *, batch: bool = False) -> tuple[Scenario, ...]:
    """Those that the vendor's profile calls for; with `batch` those of a client that publishes one."""
    return tuple(one for one in (*SCENARIOS, *PATTERNED) if one.when(profile) and one.batch is batch)


def left_out(profile: Profile, *, batch: bool, callbacks: bool) -> tuple[Untested, ...]:
    """What a run does not show, and why."""
    found = []
    for what, tried, why in (
        ("PDND vouchers", vouched(profile), "not in the vendor's profile: --trust pdnd"),
        ("DPoP", profile.dpop != "never", "not in the vendor's profile: dpop"),
        ("AUDIT_REST", profile.audit != "none", "not in the vendor's profile: audit"),
        ("PROFILE_NON_REPUDIATION_01", profile.max_receipts > 0, "not in the vendor's profile: max_receipts"),
        ("ID_AUTH_CHANNEL_02", channelled(profile), "not in the vendor's profile: channel, --client-cert-header"),
        ("CRL, OCSP", profile.revocation != "off", "not in the vendor's profile: revocation"),
        ("x5u", bool(profile.x5u_hosts), "not in the vendor's profile: x5u_hosts"),
        ("NONBLOCK_PULL_REST", batch, "--batch, with a client that publishes a batch"),
        ("publishing one item", not batch, "--batch: the client publishes batches"),
        ("NONBLOCK_PUSH_REST", callbacks, "no address of the vendor's: --callback-url"),
        ("BULK_RESOURCE_REST", False, "the hub of this run keeps no files: --target tries a hub's"),
    ):
        if not tried:
            found.append(Untested(what, why))
    return tuple(found)
