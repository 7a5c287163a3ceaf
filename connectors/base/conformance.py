"""The promises that every connector keeps, whatever it speaks. A connector's test subclasses `Conformance`:

    class TestConformance(Conformance):
        def connect(self, limits): ...      # anew, as a restarted process would
        def behave(self, fault): ...        # what the provider does from the next call on
        def taken(self): ...                # the identifier of each message that the provider accepted, in order

`http_conformance.HttpConformance` fills these hooks for a connector over HTTP and adds the promises that only HTTP
needs. Rules: `contracts/connector.py`, `contracts/failures.py`, settled points 28-30.
"""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from pydantic import TypeAdapter

from contracts.connector import Connector, Continue, Done, Limits, Memo, Notice
from contracts.failures import Deferred, Failure, Unconfirmed

from .discretion import Discretion
from .scripted import Fault

Result = Done | Continue | Failure

TIMEOUT_S = 0.6
"""The whole of a step while the provider is slow or silent; elsewhere the tests leave a busy machine its time."""
_PATIENT_S = 10.0
_GRACE_S = 5.0
_MOST_STEPS = 60

_NOTICE: dict[str, Any] = {
    "delivery_id": "01890a5d-ac96-774b-bcce-b302099a8057",
    "ente_name": "Comune di Valdilago",
    "kind": "info",
    "language": "it",
    "created_at": datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
    "deep_link": "https://servizi.comune.valdilago.example/area/i/7Q2M",
    "tax_code": "RSSMRA80A01H501U",
    "email": "mario.rossi@posta.example",
    "title": "Iscrizione al nido accolta",
    "body_markdown": "La domanda per Giulia è stata **accolta**. Il posto va confermato entro dieci giorni.",
}


def make_notice(**changes: Any) -> Notice:
    """A valid notice with `changes`; JSON values will do."""
    return TypeAdapter(Notice).validate_python(_NOTICE | changes)


def advance(connector: Connector, notice: Notice, memo: Memo) -> Result:
    """One step, with the failure as a value; an exception of any other type is a bug and comes through."""
    try:
        return connector.advance(notice, memo)
    except Failure as failure:
        return failure


@dataclass(slots=True)
class Walk:
    """A delivery taken step by step, each memo through JSON as the hub's database does it."""

    connector: Connector
    notice: Notice
    memo: Memo = field(default_factory=dict)
    unsafe: bool = False
    """The last step announced the next one as unsafe."""
    accepted: bool = False
    waits: list[timedelta] = field(default_factory=list)

    def step(self) -> Result:
        result = advance(self.connector, self.notice, json.loads(json.dumps(self.memo)))
        if isinstance(result, Continue):
            self.memo, self.unsafe, self.accepted = result.memo, result.unsafe, result.accepted
            self.waits.append(result.after)
        return result

    def finish(self, *, at_acceptance: bool = False) -> Result:
        """To its end; or, where the last word comes as a report, until the provider has accepted it."""
        for _ in range(_MOST_STEPS):
            result = self.step()
            if not isinstance(result, Continue) or (at_acceptance and result.accepted):
                return result
        raise AssertionError(f"not at its end after {_MOST_STEPS} steps")


class Conformance(Discretion):
    """The part that does not depend on the transport."""

    faults: ClassVar[tuple[Fault, ...]] = tuple(Fault)
    """Those that `behave` can bring about."""
    ends_by_report: ClassVar[bool] = False
    """The provider's last word comes as a `contracts.inbound.Report`: until then the delivery is `waiting`."""
    provider_loggers: ClassVar[tuple[str, ...]] = ("mail.log",)
    """That of aiosmtpd."""

    def connect(self, limits: Limits) -> Connector:
        """The connector, made anew."""
        raise NotImplementedError

    def behave(self, fault: Fault | None) -> None:
        """From the next call on the provider does this; None: what it should, from where the delivery stands."""
        raise NotImplementedError

    def taken(self) -> list[str]:
        """One entry for each message that the provider accepted so far, in order: the identifier it bore."""
        raise NotImplementedError

    def asked(self, *, found: bool) -> None:
        """Called before a `lookup`: the provider is to say whether it has the delivery, where it does not know."""

    def notice(self) -> Notice:
        return make_notice()

    def fresh(self, timeout_s: float = _PATIENT_S) -> Connector:
        """A connector that is closed when the test is over."""
        connector = self.connect(Limits(timeout_s=timeout_s))
        self._made.append(connector)
        return connector

    def walk(self) -> Walk:
        return Walk(self.fresh(), self.notice())

    def ends_well(self, walk: Walk) -> None:
        """Assert that the delivery comes to where a good one ends."""
        result = walk.finish(at_acceptance=self.ends_by_report)
        assert isinstance(result, Continue if self.ends_by_report else Done)

    def until_sending(self) -> Walk:
        """A delivery just before the message leaves; at its very start if the connector announces no unsafe step."""
        self.behave(None)
        walk = self.walk()
        while not walk.unsafe:
            before, count = walk.memo, len(self.taken())
            if not isinstance(walk.step(), Continue) or len(self.taken()) > count:
                walk.memo = before
                break
        return walk

    @pytest.fixture(autouse=True)
    def _closing(self) -> Iterator[None]:
        self._made: list[Connector] = []
        yield
        for connector in self._made:
            connector.close()

    def hidden(self) -> Iterable[str]:
        """A secret, and anything about the citizen."""
        notice = self.notice()
        about = (notice.tax_code, notice.email, notice.digital_address, notice.title, notice.body_markdown)
        return filter(None, (*self.secrets, *about))

    def is_proper(self, result: Result) -> None:
        """Assert what holds of every result: a stable reason, a memo that JSON can hold, nothing personal in either."""
        if isinstance(result, Continue):
            self.shows_nothing(json.dumps(result.memo))
            assert not (result.unsafe and result.accepted), "what is accepted is not sent again"
            assert result.after >= timedelta()
        elif isinstance(result, Failure):
            self.is_a_failure(result)
        else:
            self.shows_nothing(f"{result.provider_id} {result.detail}")

    def is_right(self, result: Result, fault: Fault, *, unsafe: bool, accepted: bool) -> None:
        """Assert the one outcome that `fault` may have (`contracts/failures.py`)."""
        self.is_proper(result)
        if accepted:
            # Deferred would say that nothing was accepted.
            assert isinstance(result, Continue)
            assert result.accepted
        elif fault is Fault.REFUSED:
            assert type(result) is Deferred
        elif unsafe:
            assert type(result) is Unconfirmed
        else:
            assert type(result) in (Deferred, Unconfirmed)

    def meets(self, walk: Walk, fault: Fault) -> None:
        """Assert that the next step, with `fault`, keeps the deadline and has the right outcome."""
        unsafe, accepted = walk.unsafe, walk.accepted
        walk.connector = self.fresh(TIMEOUT_S)
        self.behave(fault)
        started = time.monotonic()
        result = walk.step()
        assert time.monotonic() - started < TIMEOUT_S + _GRACE_S, f"{fault}: the deadline was not kept"
        self.is_right(result, fault, unsafe=unsafe, accepted=accepted)

    def test_delivers_once(self) -> None:
        self.behave(None)
        self.ends_well(self.walk())
        assert len(self.taken()) == 1

    def test_a_restart_between_any_two_steps_changes_nothing(self) -> None:
        self.behave(None)
        walk = self.walk()
        for _ in range(_MOST_STEPS):
            result = walk.step()
            self.is_proper(result)
            if not isinstance(result, Continue):
                break
            walk.connector.close()
            walk.connector = self.fresh()
        assert isinstance(result, Continue if self.ends_by_report else Done)
        assert len(self.taken()) == 1

    def test_what_must_not_be_repeated_is_announced(self) -> None:
        self.behave(None)
        walk = self.walk()
        harmless = walk.connector.manifest.idempotency.honours_key
        for _ in range(_MOST_STEPS):
            announced, count = walk.unsafe, len(self.taken())
            result = walk.step()
            if len(self.taken()) > count:
                assert announced or harmless, "the message left in a step that was not announced as unsafe"
            if not isinstance(result, Continue):
                return

    def test_a_repeated_message_bears_the_same_identifier(self) -> None:
        walk = self.until_sending()
        idempotency = walk.connector.manifest.idempotency
        if not (idempotency.honours_key or idempotency.resend_unconfirmed):
            assert walk.unsafe, "without an idempotency key the step has to be announced"
            return
        memo = walk.memo
        walk.step()
        walk.memo = memo
        self.behave(None)
        walk.step()
        assert len(set(self.taken())) == 1

    def test_nothing_left_is_deferred(self) -> None:
        if Fault.REFUSED not in self.faults:
            return
        walk = self.until_sending()
        count = len(self.taken())
        self.behave(Fault.REFUSED)
        self.is_right(walk.step(), Fault.REFUSED, unsafe=walk.unsafe, accepted=False)
        self.behave(None)
        self.ends_well(walk)  # the same memo must do for the next attempt
        assert len(self.taken()) == count + 1

    def test_bytes_sent_and_no_answer_is_unconfirmed(self) -> None:
        for fault in (fault for fault in self.faults if fault is not Fault.REFUSED):
            walk = self.until_sending()
            self.meets(walk, fault)

    def test_a_lookup_finds_what_the_provider_has_and_nothing_else(self) -> None:
        walk = self.until_sending()
        lookup, memo, taken = walk.connector.lookup, walk.memo, len(self.taken())
        if lookup is None:
            return
        # Without an unsafe step the message is at the provider already.
        self.asked(found=False)
        assert lookup(walk.notice, memo) is None or not walk.unsafe
        assert len(self.taken()) == taken, "a question sends nothing"
        walk.step()
        self.asked(found=True)
        found = lookup(walk.notice, memo)
        assert isinstance(found, Done) or (found is not None and found.accepted)
        self.is_proper(found)

    def test_a_lookup_that_fails_never_says_that_nothing_arrived(self) -> None:
        walk = self.until_sending()
        memo = walk.memo
        if walk.connector.lookup is None:
            return
        walk.step()
        for fault in self.faults:
            self.behave(fault)
            connector = self.fresh(TIMEOUT_S)
            assert connector.lookup is not None
            try:
                assert connector.lookup(walk.notice, memo) is not None
            except (Deferred, Unconfirmed) as failure:
                self.is_proper(failure)

    def test_a_preview_shows_what_would_go_out_and_sends_nothing(self) -> None:
        connector, notice, count = self.fresh(), self.notice(), len(self.taken())
        assert connector.preview is not None, "an operator must see what would be sent again"
        self.behave(None)
        shown = connector.preview(notice)
        assert shown == connector.preview(notice), "two previews of the same must not differ"
        assert len(self.taken()) == count
        self.shows_nothing(" ".join(f"{each.call} {each!r}" for each in shown))
        values = " ".join(value for each in shown for value in each.fields.values())
        assert notice.title in values
        for secret in self.secrets:
            assert secret not in values

    def test_the_check_tells_of_a_provider_that_is_not_there(self) -> None:
        if Fault.REFUSED not in self.faults:
            return
        self.behave(Fault.REFUSED)
        with pytest.raises(Failure) as caught:
            self.fresh().check()
        self.is_proper(caught.value)
