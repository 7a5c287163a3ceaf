"""The kit as a vendor: sends every case to a hub and judges the answers.

It publishes one message, silent (`notify.channels` is empty) and to one citizen, again and again, and withdraws it.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any, Final

import httpx

from . import good, integrity, parties, shape
from .case import ACCEPTED, REFUSED, Case
from .draft import Built, Draft, Party
from .report import Outcome, Report, Result, called
from .several import PLAYS, Play, Refusal, Stage
from .wire import Answer, NoAnswer, Wire, problem_faults, receipt_faults, seconds_to_wait, told_by

CASES: Final = (*good.CASES, *shape.CASES, *parties.CASES, *integrity.CASES)
FIRST: Final = CASES[0]
_API: Final = "/publish/v1"
_ATTEMPTS: Final = 4

_BEFORE_THE_SIGNATURE: Final = frozenset({"form", "algorithm", "key"})

WITHDRAWAL: Final = ("cleaning", "withdraw", "ritiro di quanto pubblicato", "what was published is withdrawn")


@dataclass(frozen=True, slots=True)
class Trial:
    """What is tried. With a `path` and `body` of its own, cases of the rest of this API are left out."""

    target: str
    party: Party
    tax_code: str
    only: str = "*"
    path: str = f"{_API}/messages"
    body: bytes | None = None
    receipts: bool = True


def message(tax_code: str, external_id: str) -> bytes:
    """The one message that is published: to be recognised by people, and told to nobody."""
    content = {
        "external_id": external_id,
        "version": 1,
        "source": "conformance",
        "recipient": {"tax_code": tax_code},
        "title": "Prova di conformità",
        "occurred_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "kind": "info",
        "body_markdown": "Messaggio di prova: nessuna azione richiesta.",
        "notify": {"channels": []},
    }
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()


def chosen(only: str) -> list[Case | Play]:
    """Without the first, which is always tried."""
    everything: tuple[Case | Play, ...] = (*CASES[1:], *PLAYS)
    return [one for one in everything if called(one.group, one.name, only)]


class Kit:
    """One run of the cases. `tell` gets each result as soon as it is there."""

    def __init__(
        self, trial: Trial, client: httpx.Client, tell: Callable[[Result], None] = lambda result: None
    ) -> None:
        self._trial = trial
        self._wire = Wire(client, trial.target)
        self._tell = tell
        self._body = trial.body or message(trial.tax_code, f"CONFORMANCE-{token_hex(6)}")
        self._item_id = ""
        self._refusals: list[Refusal] = []

    def run(self) -> Report:
        """The good request first: where it is refused, no refusal of a bad one proves anything."""
        results: list[Result] = []
        for result in self._results():
            results.append(result)
            self._tell(result)
        skew = self._wire.skew_s
        facts = {} if skew is None else {"clock_skew_s": str(skew)}
        return Report(self._trial.target + self._trial.path, results, facts)

    def _results(self) -> Iterator[Result]:
        first = self._case(FIRST)
        yield first
        if first.outcome == "failed" and not first.answered.startswith("2"):
            why = "the good request is not accepted"
            yield from (_result(one, "skipped", detail=why) for one in chosen(self._trial.only))
            return
        for one in chosen(self._trial.only):
            yield self._case(one) if isinstance(one, Case) else self._play(one)
        if self._item_id:
            yield self._withdrawal()

    def _draft(self, *, reads: bool = False) -> Draft:
        trial, now = self._trial, datetime.now(UTC)
        if reads:
            return Draft(trial.party, method="GET", path=f"{_API}/items/{self._item_id}", body=None, now=now)
        return Draft(trial.party, method="POST", path=trial.path, body=self._body, now=now)

    def _case(self, case: Case) -> Result:
        draft = self._draft(reads=case.reads)
        if lacking := case.lacking(draft, item=bool(self._item_id)):
            return _result(case, "skipped", detail=lacking)

        def made() -> Built:
            anew = self._draft(reads=case.reads)
            case.change(anew)
            return anew.build()

        try:
            built, answer = self._sent(made)
        except NoAnswer as failure:
            return _result(case, "failed", answered="none", detail=f"no answer: {failure}")
        faults = self._faults(case, built, answer)
        if not faults and case.expected is REFUSED and case.group in _BEFORE_THE_SIGNATURE:
            self._refusals.append(Refusal(case.name, answer.status, answer.json()))
        return _result(
            case, "failed" if faults else "passed", answered=str(answer.status), detail=faults, took_s=answer.took_s
        )

    def _sent(self, made: Callable[[], Built]) -> tuple[Built, Answer]:
        """Made anew where the hub says to wait. Raises NoAnswer."""
        for _ in range(_ATTEMPTS - 1):
            built = made()
            answer = self._wire.send(built)
            if answer.status != httpx.codes.TOO_MANY_REQUESTS:
                return built, answer
            time.sleep(seconds_to_wait(answer))
        built = made()
        return built, self._wire.send(built)

    def _faults(self, case: Case, built: Built, answer: Answer) -> str:
        if answer.status not in case.expected.statuses:
            return f"answered {answer.status}, expected {case.expected.name}{told_by(answer)}"
        if case.expected.fails or not answer.response.is_success:
            return problem_faults(answer)
        if case.reads:
            return ""
        content = answer.json()
        if self._trial.body is None and isinstance(content, dict) and isinstance(content.get("item_id"), str):
            self._item_id = content["item_id"]
        party = self._trial.party
        return receipt_faults(answer, self._wire, built, iss=party.iss, aud=party.aud) if self._trial.receipts else ""

    def _play(self, play: Play) -> Result:
        started = time.perf_counter()
        try:
            answered, faults = play.act(Stage(self._draft, self._patient, self._refusals))
        except NoAnswer as failure:
            answered, faults = "none", f"no answer: {failure}"
        outcome: Outcome = "failed" if faults else "passed"
        return _result(play, outcome, answered=answered, detail=faults, took_s=time.perf_counter() - started)

    def _patient(self, built: Built) -> Answer:
        """The same request again after a 429: nothing of it was used up, as nobody looked at it."""
        return self._sent(lambda: built)[1]

    def _withdrawal(self) -> Result:
        def made() -> Built:
            body = json.dumps({"reason": "conformance"}).encode()
            path = f"{_API}/items/{self._item_id}/withdrawals"
            return Draft(self._trial.party, method="POST", path=path, body=body, now=datetime.now(UTC)).build()

        case = Case(*WITHDRAWAL, lambda draft: None, ACCEPTED)
        try:
            _, answer = self._sent(made)
        except NoAnswer as failure:
            return _result(case, "failed", answered="none", detail=f"no answer: {failure}")
        done = answer.status in ACCEPTED.statuses
        detail = "" if done else f"item {self._item_id} is still published: withdraw it by hand"
        return _result(case, "passed" if done else "failed", answered=str(answer.status), detail=detail)


def _result(one: Case | Play, outcome: Outcome, **told: Any) -> Result:
    expected = one.expected if isinstance(one.expected, str) else one.expected.name
    return Result(one.group, one.name, one.it, one.en, outcome, expected, **told)
