"""The kit as a vendor: sends every case that the vendor's profile calls for to a hub, and judges the answers.

It publishes one message, silent (`notify.channels` is empty) and to one citizen, again and again, and a few more in
batches and with files, and withdraws them all.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from secrets import token_hex
from typing import Any, Final

import httpx

from . import bulk, callbacks
from .case import ACCEPTED, REFUSED, Case
from .draft import Built, Draft, Party
from .issuing import Unobtained
from .patterns import CASES, called_for, untested
from .report import Outcome, Report, Result, Untested, called
from .several import Play, Refusal, Stage
from .wire import MOST_WAIT_S, Answer, NoAnswer, Wire, problem_faults, receipt_faults, seconds_to_wait, told_by

FIRST: Final = CASES[0]
_API: Final = "/publish/v1"
_ATTEMPTS: Final = 4
_LOOK_S: Final = 1.0

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
    receipt_iss: str = ""
    """Who signs answers; by default the audience of the tokens, which with vouchers is the e-service's."""
    patience_s: float = 0.0
    """How long the first request may be refused: a hub that trusts the kit's PDND has yet to find it."""
    called: callbacks.CallReceiver | None = None
    portal: bulk.Portal | None = None


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


def chosen(only: str, everything: Sequence[Case | Play]) -> list[Case | Play]:
    """Without the first, which is always tried."""
    return [one for one in everything if one is not FIRST and called(one.group, one.name, only)]


class Kit:
    """One run of the cases. `tell` gets each result as soon as it is there."""

    def __init__(
        self, trial: Trial, client: httpx.Client, tell: Callable[[Result], None] = lambda result: None
    ) -> None:
        self._trial = trial
        self._wire = Wire(client, trial.target, trial.party.channel)
        self._tell = tell
        self._body = trial.body or message(trial.tax_code, f"CONFORMANCE-{token_hex(6)}")
        self._item_id = ""
        self._more: list[str] = []
        self._client = client
        self._refusals: list[Refusal] = []

    def run(self) -> Report:
        """The good request first: where it is refused, no refusal of a bad one proves anything."""
        results: list[Result] = []
        for result in self._results():
            results.append(result)
            self._tell(result)
        skew = self._wire.skew_s
        facts = {} if skew is None else {"clock_skew_s": str(skew)}
        trial = self._trial
        issuer = trial.party.issuer
        left_out = untested(
            trial.party.profile,
            forging=issuer is not None and issuer.platform is not None,
            own_api=trial.body is None,
            receipts=trial.receipts,
            callbacks=trial.called is not None,
            portal=trial.portal is not None,
            office=trial.party.office,
        )
        chosen_alone = () if trial.only == "*" else (Untested("the other cases", f"--only {trial.only}"),)
        return Report(trial.target + trial.path, results, facts, (*chosen_alone, *left_out))

    def _results(self) -> Iterator[Result]:
        first = self._first()
        yield first
        tried = [one for one in chosen(self._trial.only, self.everything()) if self._concerns(one)]
        if first.outcome == "failed" and not first.answered.startswith("2"):
            why = "the good request is not accepted"
            yield from (_result(one, "skipped", detail=why) for one in tried)
            return
        for one in tried:
            yield self._case(one) if isinstance(one, Case) else self._play(one)
        if self._item_id:
            yield self._withdrawal()

    def everything(self) -> tuple[Case | Play, ...]:
        """What the vendor's profile and what was given call for."""
        trial, more = self._trial, list[Play]()
        if trial.called is not None:
            more += callbacks.plays(trial.called, self._client, trial.target, iss=self._receipt_iss)
        if trial.portal is not None:
            more += bulk.range_plays(trial.portal, self._client, trial.target)
        return called_for(trial.party.profile, *more)

    @property
    def _receipt_iss(self) -> str:
        return self._trial.receipt_iss or self._trial.party.aud

    def _concerns(self, one: Case | Play) -> bool:
        return isinstance(one, Case) or not one.own_api or self._trial.body is None

    def _first(self) -> Result:
        deadline = time.monotonic() + self._trial.patience_s
        while (result := self._case(FIRST)).outcome == "failed" and time.monotonic() < deadline:
            time.sleep(_LOOK_S)
        return result

    def _draft(self, *, reads: bool = False) -> Draft:
        trial, now = self._trial, datetime.now(UTC)
        if reads:
            return Draft(trial.party, method="GET", path=f"{_API}/items/{self._item_id}", body=None, now=now)
        return Draft(trial.party, method="POST", path=trial.path, body=self._body, now=now)

    def _ask(self, method: str, path: str, body: bytes | None = None, content_type: str = "application/json") -> Draft:
        return Draft(
            self._trial.party,
            method=method,
            path=_API + path,
            body=body,
            now=datetime.now(UTC),
            content_type=content_type,
        )

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
        except (NoAnswer, Unobtained) as failure:
            if case.group == "channel" and isinstance(failure, NoAnswer) and not draft.party.handed_over:
                return _result(case, "passed", answered="no connection")
            return _result(case, "failed", answered="none", detail=_told(failure))
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
            wait_s = seconds_to_wait(answer)
            if answer.status != httpx.codes.TOO_MANY_REQUESTS or wait_s > MOST_WAIT_S:
                return built, answer
            time.sleep(wait_s)
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
        return self._receipt(answer, built)

    def _receipt(self, answer: Answer, built: Built) -> str:
        if not self._trial.receipts:
            return ""
        return receipt_faults(answer, self._wire, built, iss=self._trial.party.iss, aud=self._receipt_iss)

    def _play(self, play: Play) -> Result:
        started = time.perf_counter()
        stage = Stage(
            make=self._draft,
            send=self._patient,
            refusals=self._refusals,
            ask=self._ask,
            receipt_faults=self._receipt,
            publishes=lambda: message(self._trial.tax_code, f"CONFORMANCE-{token_hex(6)}"),
            published=self._more.append,
        )
        try:
            answered, faults = play.act(stage)
        except (NoAnswer, Unobtained, httpx.HTTPError) as failure:
            answered, faults = "none", _told(failure)
        outcome: Outcome = "failed" if faults else "passed"
        return _result(play, outcome, answered=answered, detail=faults, took_s=time.perf_counter() - started)

    def _patient(self, built: Built) -> Answer:
        """The same request again after a 429: nothing of it was used up, as nobody looked at it."""
        return self._sent(lambda: built)[1]

    def _withdrawal(self) -> Result:
        case = Case(*WITHDRAWAL, lambda draft: None, ACCEPTED)
        left: list[str] = []
        answered = "none"
        for item_id in dict.fromkeys([*self._more, self._item_id]):
            made = partial(self._withdrawn, item_id)
            try:
                answer = self._sent(made)[1]
            except (NoAnswer, Unobtained):
                left.append(item_id)
                continue
            answered = str(answer.status)
            if answer.status not in ACCEPTED.statuses:
                left.append(item_id)
        detail = f"still published, to be withdrawn by hand: {', '.join(left)}" if left else ""
        return _result(case, "failed" if left else "passed", answered=answered, detail=detail)

    def _withdrawn(self, item_id: str) -> Built:
        return self._ask("POST", f"/items/{item_id}/withdrawals", b'{"reason":"conformance"}').build()


def _told(failure: Exception) -> str:
    if isinstance(failure, Unobtained):
        return f"no voucher: {failure}"
    return f"no answer: {failure if isinstance(failure, NoAnswer) else type(failure).__name__}"


def _result(one: Case | Play, outcome: Outcome, **told: Any) -> Result:
    expected = one.expected if isinstance(one.expected, str) else one.expected.name
    return Result(one.group, one.name, one.it, one.en, outcome, expected, **told)
