"""The promises of a source that lists all it has and says by absence what is gone (`Pulled.all_names`, `Look`), beside
those of `pull_conformance`. A connector's test subclasses `ListingConformance` for each kind of list that it has:

    class TestLists(ListingConformance):
        secrets, personal = (KEY,), ("RSSMRA80A01H501U",)
        def connect_to(self, url, limits): ...  # reading pages of two records, where there are pages
        def lists(self, records): ...           # how the provider answers while it has these, in this order
        def named(self, record): ...            # the name under which that record is found

Records, which are numbers, go and come before each call of a round, pages break, processes end. `Told` makes of it what
the hub does (`hub/inbound/missing.py`), over names alone: what goes is what is gone, and goes once.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from contracts.connector import Connector
from contracts.failures import Failure
from contracts.inbound import Memo

from .inbound_conformance import Taken, embellished, patiently, take
from .played_conformance import MOST_STEPS, Pulling
from .scripted import Fault, Received, Reply

_ALL = (1, 2, 3, 4, 5)
_GONE = (3, 5)
_LEFT = (1, 2, 4)
_UNTOLD: tuple[Reply | Fault, ...] = (
    *(Reply(status) for status in (400, 401, 403, 404, 429, 500, 503)),
    *(Reply(200, body) for body in (b"", b"{", b"<html>", b"[]", b"{}")),
    Fault.CUT,
)
"""What says of no record that it is gone, where everything is answered so."""

Answering = Callable[[Received], Reply | Fault]
Before = Callable[[int], Connector | None]
"""What happens before that step of a round; the connector that goes on, if it is another."""


@dataclass(slots=True)
class Told:
    """What a hub knows by what a connector told it."""

    held: set[str] = field(default_factory=set)
    missing: dict[str, bool] = field(default_factory=dict)
    """Each with whether a second list lacked it as well."""
    gone: list[str] = field(default_factory=list)

    def step(self, taken: Taken, lacked: set[str]) -> None:
        """What a step told; `lacked` is what was missing before its round."""
        for found in taken.found:
            if found.item is not None:
                self.held.add(found.name)
            elif found.withdrawn is not None:
                self._goes(found.name)
            elif found.missing:
                self.missing.setdefault(found.name, False)
        if taken.there is not None:
            self._are(taken.there.__contains__)
        for beginning, names in taken.all_names.items():
            self._are(names.__contains__)
            for name in self.held:
                if name.startswith(beginning) and name not in names:
                    self.missing[name] = name in lacked

    def settle(self, connector: Connector) -> None:
        """Ask about what is missing, as far as the lists have to agree on it."""
        assert connector.look is not None
        wanted = [name for name, again in self.missing.items() if again or not connector.looks_at_lists]
        for name in wanted:
            try:
                found = connector.look(name)
            except Failure:
                continue
            del self.missing[name]
            if found is not None and found.withdrawn is not None:
                assert found.name == name
                assert found.withdrawn, "an administrator is told why"
                self._goes(name)

    def _goes(self, name: str) -> None:
        self.gone.append(name)
        self.held.discard(name)

    def _are(self, is_there: Callable[[str], bool]) -> None:
        self.missing = {name: again for name, again in self.missing.items() if not is_there(name)}


class ListingConformance(Pulling):
    """Give `secrets`, `personal`, `connect_to`, `lists` and `named`; `due` where not every round asks for all."""

    def lists(self, records: Sequence[int]) -> Callable[[Received], Reply]:
        """How the provider answers while it has these, in this order: its lists, and what it says of one of them where
        it can be asked."""
        raise NotImplementedError

    def named(self, record: int) -> str:
        """The name under which the connector finds it."""
        raise NotImplementedError

    def due(self, memo: Memo) -> Memo:
        """The memo with which the next round asks for all."""
        return memo

    def have(self, *records: int, change: Callable[[Reply], Reply] = lambda reply: reply) -> None:
        """From now on the provider has these."""
        answers = self.lists(records)
        self.server.answering = lambda request: change(answers(request))

    def names(self, *records: int) -> list[str]:
        return sorted(map(self.named, records))

    def round(
        self, told: Told, memo: Memo, *, before: Before = lambda _: None, settles: bool = True, twice: bool = False
    ) -> Memo:
        """All steps, to the end or to where it is put off, and what is missing then. `twice`: of each step the first
        result is lost, as in a crash before its commit."""
        connector, memo, lacked = self.fresh(), self.due(memo), set(told.missing)
        for step in range(MOST_STEPS):
            connector = before(step) or connector
            if twice:
                take(connector, memo)
            taken, _ = patiently(connector, memo)
            if isinstance(taken, Failure):
                return memo
            for found in taken.found:
                self.is_well_found(found)
            self.shows_nothing(json.dumps(taken.memo))
            told.step(taken, lacked)
            memo = taken.memo
            if not taken.more:
                if settles:
                    told.settle(connector)
                return memo
        raise AssertionError("the round does not end")

    def rounds(self, told: Told, memo: Memo, number: int = 2) -> Memo:
        for _ in range(number):
            memo = self.round(told, memo)
        return memo

    def begun(self) -> tuple[Told, Memo]:
        """A hub that has read all."""
        told = Told()
        self.have(*_ALL)
        memo = self.round(told, {})
        assert sorted(told.held) == self.names(*_ALL)
        return told, memo

    def calls(self) -> list[str]:
        """The paths that the steps of a round ask for last."""
        paths: list[str] = []
        self.have(*_ALL)
        self.round(Told(), {}, before=lambda step: paths.append(self.server.received[-1].path) if step else None)
        return [*paths, self.server.received[-1].path]

    def is_over(self, told: Told, *gone: int) -> None:
        """Assert that these are gone, each once, and all else is there."""
        assert sorted(told.gone) == self.names(*gone)
        assert sorted(told.held) == self.names(*(set(_ALL) - set(gone)))
        assert told.missing == {}

    def test_what_is_listed_no_more_goes_as_promised(self) -> None:
        told, memo = self.begun()
        self.have(*_LEFT)
        memo = self.round(told, memo)
        assert sorted(told.gone) == ([] if self.fresh().looks_at_lists else self.names(*_GONE))
        memo = self.round(told, memo)
        self.is_over(told, *_GONE)
        self.rounds(told, memo)
        self.is_over(told, *_GONE)

    def test_absence_is_only_said_to_be_missing(self) -> None:
        """So that the hub counts before anything goes, and holds it where it is too much."""
        told, memo = self.begun()
        self.have(1)
        self.round(told, memo, settles=False)
        assert told.gone == []
        assert sorted(told.missing) == self.names(*_ALL[1:])

    def test_an_empty_list_denies_nothing(self) -> None:
        told, memo = self.begun()
        self.have()
        memo = self.rounds(told, memo, 3)
        self.have(*_ALL)
        self.rounds(told, memo)
        self.is_over(told)

    def test_what_is_listed_again_is_missing_no_more(self) -> None:
        told, memo = self.begun()
        self.have(*_LEFT)
        memo = self.round(told, memo, settles=False)
        assert sorted(told.missing) == self.names(*_GONE)
        self.have(*_ALL)
        memo = self.round(told, memo)
        self.is_over(told)
        self.have(*_LEFT)
        self.round(told, memo, settles=False)
        assert not any(told.missing.values()), "it was there in between"

    def test_a_record_listed_twice_is_one(self) -> None:
        told, memo = self.begun()
        self.have(1, 2, 2, 3, 3, 3, 4, 5, 5)
        memo = self.rounds(told, memo)
        self.is_over(told)
        self.have(1, 1, *_LEFT)
        self.rounds(told, memo)
        self.is_over(told, *_GONE)

    def test_unknown_fields_do_no_harm(self) -> None:
        def more(reply: Reply) -> Reply:
            return Reply(reply.status, embellished(reply.body), {**reply.headers, "X-New": "1"})

        told, memo = self.begun()
        self.have(*_LEFT, change=more)
        self.rounds(told, memo)
        self.is_over(told, *_GONE)

    def test_a_restart_between_any_two_calls_loses_nothing_and_takes_back_nothing_else(self) -> None:
        def restarted_at(cut: int) -> Before:
            return lambda step: self.fresh() if step == cut else None

        for before in (*map(restarted_at, range(1, len(self.calls()))), lambda _: self.fresh()):
            told, memo = self.begun()
            self.have(*_LEFT)
            memo = self.round(told, memo, before=before)
            assert set(told.gone) <= set(self.names(*_GONE))
            self.rounds(told, memo)
            self.is_over(told, *_GONE)

    def test_steps_whose_commit_was_lost_lose_nothing_and_take_back_nothing_else(self) -> None:
        told, memo = self.begun()
        self.have(*_LEFT)
        for _ in range(2):
            memo = self.round(told, memo, twice=True)
            assert set(told.gone) <= set(self.names(*_GONE))
        self.rounds(told, memo)
        self.is_over(told, *_GONE)

    def test_pages_that_move_under_a_round_take_back_nothing_else(self) -> None:
        def at(cut: int, *records: int) -> Before:
            return lambda step: self.have(*records) if step == cut else None

        for cut in range(len(self.calls())):
            told, memo = self.begun()
            memo = self.round(told, memo, before=at(cut, *_ALL[1:]))  # all that follow move to an earlier place
            assert set(told.gone) <= {self.named(1)}
            self.rounds(told, memo)
            self.is_over(told, 1)
            told = Told()
            self.have(*_ALL[1:])
            memo = self.round(told, {})
            memo = self.round(told, memo, before=at(cut, *_ALL))  # to a later one
            self.have(*_ALL)
            self.rounds(told, memo)
            self.is_over(told)

    def test_a_page_that_breaks_denies_nothing_of_what_is_on_it(self) -> None:
        for path in self.calls():
            told, memo = self.begun()
            answers = self.lists(_LEFT)
            self.server.answering = _broken_at(path, answers)
            for _ in range(2):
                memo = self.round(told, memo)
                assert set(told.gone) <= set(self.names(*_GONE)), f"{path} broke"
            self.have(*_LEFT)
            self.rounds(told, memo)
            self.is_over(told, *_GONE)

    def test_nothing_is_gone_by_an_answer_that_does_not_say_so(self) -> None:
        for answer in _UNTOLD:
            told, memo = self.begun()
            self.have(*_LEFT)
            for _ in range(2):
                memo = self.round(told, memo, settles=False)
            connector = self.fresh()
            self.server.received.clear()
            self.server.answering = _always(answer)
            told.settle(connector)
            # Where nobody is asked, the lists have told all.
            assert told.gone == [] or not self.server.received, f"gone by {answer}"
            self.have(*_LEFT)
            self.rounds(told, memo)
            self.is_over(told, *_GONE)


def _always(answer: Reply | Fault) -> Answering:
    return lambda _: answer


def _broken_at(path: str, answers: Callable[[Received], Reply]) -> Answering:
    return lambda request: Reply(500, {}) if request.path == path else answers(request)
