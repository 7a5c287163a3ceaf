"""What a vendor's verified request becomes: replay rows, quota, evidence and its act, in one transaction.

`Intake.record` is a Committer handler. The order is fixed: the token is consumed first, whatever follows; a replay is
answered before anything else about the request; a refusal leaves only its evidence.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from contracts.faults import shortened
from contracts.identifiers import new_uuid7
from hub.errors import HubError, TokenReplayed

from .citizens import Citizen, Citizens
from .database import Tx
from .jose_headers import JoseHeaders
from .key_material import KeyMaterial, Material
from .packing import keeps_body, packed
from .ports import UsedToken, Vault
from .quotas import Draw, draw
from .receiving import Message, Receiving, Repeated
from .replay import consume_tokens
from .sealed_tokens import TokenSeals
from .tables import clipped

NO_ENTE = "-"


@dataclass(frozen=True, slots=True)
class Signed:
    """A request whose signatures hold, as the store keeps it."""

    request_id: str
    operation: str
    ente_id: str
    vendor_id: str
    signer: str
    used: tuple[UsedToken, ...]
    tokens: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    body_sha256: str
    """Known to whoever made this: files of many megabytes are not hashed again while everybody waits for the commit."""
    verified_by: Material = field(default_factory=dict, repr=False)
    private: frozenset[str] = frozenset()
    """Those of `tokens` that speak of a person."""
    daily_quota: int | None = None
    message: Message | None = None
    """Where the vendor's messages may be sent again (PROFILE_NON_REPUDIATION_01)."""


@dataclass(frozen=True, slots=True)
class Done:
    """What an act left behind: its answer, and whose it is, for the evidence."""

    answer: Any
    citizen: Citizen
    item_id: str
    version: int
    code: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What an act about no single citizen left behind (a batch): its answer. Its body is not part of the evidence."""

    answer: Any
    code: str


@dataclass(frozen=True, slots=True)
class Place:
    """Which item of which batch a submission is, under the vendor's own name where that may be repeated."""

    batch_id: str
    position: int
    collection: str | None
    external_id: str | None


A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Submission(Generic[A]):
    """A signed request with the act it asks for, or the refusal already decided."""

    signed: Signed
    act: A | None = None
    refusal: HubError | None = None
    cost: int = 1
    """How much of the daily quota it uses up."""
    place: Place | None = None
    """Set for an item of a batch, whose signature was checked and whose quota was counted with the batch."""


@dataclass(frozen=True, slots=True)
class Read:
    """The act of a vendor that only read: nothing to apply, its token and its evidence are kept."""


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A request refused by its verification: all that may be said of it."""

    request_id: str
    operation: str
    cause: str
    body_sha256: str
    code: str = "request.refused"
    ente_id: str = NO_ENTE
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    """As far as they could be read, without their signatures."""
    private: frozenset[str] = frozenset()
    """Those of `tokens` that may speak of a person."""
    peer: str = ""
    """loopback, private or public: what kind of address it came from."""


Result = Done | Kept | Read | Repeated | HubError
ApplyActs = Callable[[Tx, Sequence[tuple[Signed, Any]]], Sequence[Done | Kept | HubError]]
NoteOutcomes = Callable[[Tx, Sequence[tuple[Signed, Place, Result]]], None]


def _no_batches(_tx: Tx, _placed: Sequence[tuple[Signed, Place, Result]]) -> None: ...


class Intake:
    """Records submissions. `appliers` gives, for each type of act, the function that applies a list of them; `hold`
    locks what acts of several types are about, before the first is applied; `answers` are the types of answers that are
    given again to a message that arrives again; `note_outcomes` writes down what became of items of batches."""

    def __init__(
        self,
        vault: Vault,
        citizens: Citizens,
        appliers: Mapping[type, ApplyActs],
        hold: Callable[[Tx, Sequence[tuple[Signed, Any]]], None] = lambda _tx, _acts: None,
        answers: Sequence[type] = (),
        note_outcomes: NoteOutcomes = _no_batches,
    ) -> None:
        self._receiving = Receiving(answers)
        self._vault = vault
        self._appliers = appliers
        self._headers = JoseHeaders()
        self._seals = TokenSeals(vault, citizens)
        self._material = KeyMaterial()
        self._hold = hold
        self._note_outcomes = note_outcomes

    def record(self, tx: Tx, submissions: Sequence[Submission[Any]]) -> list[Any]:
        """A Committer handler: each submission's answer, or the error to raise to its caller."""
        results: list[Any] = [None] * len(submissions)
        tokens = self._headers.keep(tx, [submission.signed.tokens for submission in submissions])
        verified_by = self._material.keep(tx, [submission.signed.verified_by for submission in submissions])
        fresh = _consume(tx, submissions, results)
        new, same = self._receive(tx, submissions, fresh, results)
        allowed = _count(tx, submissions, new, results)
        by_type: dict[type, list[int]] = {}
        for n in allowed:
            submission = submissions[n]
            if submission.refusal is not None:
                results[n] = submission.refusal
            elif isinstance(submission.act, Read):
                results[n] = submission.act
            else:
                by_type.setdefault(type(submission.act), []).append(n)
        if len(by_type) > 1:
            # Each type locks in order; one after the other they would meet those of another process crosswise.
            self._hold(tx, [(submissions[n].signed, submissions[n].act) for each in by_type.values() for n in each])
        for kind, numbers in by_type.items():
            acts = [(submissions[n].signed, submissions[n].act) for n in numbers]
            for n, result in zip(numbers, self._appliers[kind](tx, acts), strict=True):
                results[n] = result
        for n in new:
            signed, result = submissions[n].signed, results[n]
            if signed.message is not None and isinstance(result, Done | Kept):
                self._receiving.answered(tx, signed.ente_id, signed.vendor_id, signed.message, result.answer)
        for n, first in same.items():
            result = results[first]
            results[n] = Repeated(result.answer) if isinstance(result, Done | Kept) else result
        for submission, kept, named, result in zip(submissions, tokens, verified_by, results, strict=True):
            row = self._evidence(tx, submission.signed, kept, result)
            row["verified_by"] = named
            if submission.signed.private:
                owner = result.citizen if isinstance(result, Done) else None
                row |= self._seals.seal(tx, row, submission.signed.private, owner)
            tx.evidence_rows.append(row)
        placed = [
            (submission.signed, submission.place, result)
            for submission, result in zip(submissions, results, strict=True)
            if submission.place is not None
        ]
        if placed:
            self._note_outcomes(tx, placed)
        return [result.answer if isinstance(result, Done | Kept | Repeated) else result for result in results]

    def _receive(
        self, tx: Tx, submissions: Sequence[Submission[Any]], numbers: list[int], results: list[Any]
    ) -> tuple[list[int], dict[int, int]]:
        """Those to be done now, and those of this very batch that are the same message as one of them."""
        first: dict[tuple[str, str, Message], int] = {}
        same: dict[int, int] = {}
        named = [n for n in numbers if submissions[n].signed.message is not None]
        # In one order: two processes that count receipts of two messages must not wait for each other.
        for n in sorted(named, key=lambda n: _message_of(submissions[n].signed)):
            signed = submissions[n].signed
            assert signed.message is not None
            received = self._receiving.receive(tx, signed.ente_id, signed.vendor_id, signed.message, signed.request_id)
            if received is not None:
                results[n] = received
                continue
            key = (signed.ente_id, signed.vendor_id, signed.message)
            if first.setdefault(key, n) != n:
                same[n] = first[key]
        return [n for n in numbers if results[n] is None and n not in same], same

    def record_unsigned(self, tx: Tx, refusals: Sequence[Unsigned]) -> list[None]:
        """A Committer handler: evidence of requests refused before their signatures held."""
        tokens = self._headers.keep(tx, [refusal.tokens for refusal in refusals])
        for refusal, kept in zip(refusals, tokens, strict=True):
            row = _evidence_row(tx, refusal.ente_id, refusal.request_id, refusal.operation)
            row |= {"code": refusal.code, "cause": clipped(refusal.cause, 300), "body_sha256": refusal.body_sha256}
            row |= {"tokens": kept, "peer": refusal.peer or None}
            if refusal.private:
                row |= self._seals.seal(tx, row, refusal.private, None)
            tx.evidence_rows.append(row)
        return [None] * len(refusals)

    def _evidence(self, tx: Tx, signed: Signed, tokens: dict[str, str], result: Result) -> dict[str, Any]:
        row = _evidence_row(tx, signed.ente_id, signed.request_id, signed.operation)
        row |= {
            "vendor_id": signed.vendor_id,
            "signer": signed.signer,
            "tokens": tokens,
            "body_sha256": signed.body_sha256,
            "message_id": signed.message.message_id if signed.message is not None else None,
        }
        if isinstance(result, HubError):
            # A refused body belongs to no citizen, so there is no key to keep it under: its hash and tokens stay.
            return row | {"code": result.code, "cause": clipped(shortened(result.detail, 300), 300)}
        if isinstance(result, Read):
            return row | {"verdict": "accepted", "code": "read"}
        if isinstance(result, Repeated):
            return row | {"verdict": "accepted", "code": "repeated"}
        if isinstance(result, Kept):
            return row | {"verdict": "accepted", "code": result.code}
        row |= {
            "verdict": "accepted",
            "code": result.code,
            "citizen_id": result.citizen.citizen_id,
            "item_id": result.item_id,
            "version": result.version,
        }
        if not keeps_body(result.code):
            return row
        place = f"evidence|body|{signed.ente_id}|{row['evidence_id']}"
        return row | {"body_sealed": self._vault.seal_with(result.citizen.data_key, packed(signed.body), place)}


def _message_of(signed: Signed) -> tuple[str, str, str]:
    assert signed.message is not None
    return signed.ente_id, signed.vendor_id, signed.message.message_id


def _evidence_row(tx: Tx, ente_id: str, request_id: str, operation: str) -> dict[str, Any]:
    return {
        "ente_id": ente_id,
        "evidence_id": new_uuid7(),
        "at": tx.now,
        "request_id": request_id,
        "operation": operation,
        "vendor_id": None,
        "signer": None,
        "verdict": "refused",
        "code": "",
        "cause": None,
        "body_sha256": "",
        "body_sealed": None,
        "tokens": {},
        "tokens_sealed": None,
        "sealed_later": None,
        "citizen_id": None,
        "item_id": None,
        "version": None,
        "verified_by": None,
        "message_id": None,
        "peer": None,
    }


def _consume(tx: Tx, submissions: Sequence[Submission[Any]], results: list[Any]) -> list[int]:
    wanted = [(s.signed.ente_id, s.signed.signer, s.signed.used) for s in submissions]
    fresh = []
    for n, unused in enumerate(consume_tokens(tx, wanted)):
        if unused:
            fresh.append(n)
        else:
            results[n] = TokenReplayed()
    return fresh


def _count(tx: Tx, submissions: Sequence[Submission[Any]], numbers: list[int], results: list[Any]) -> list[int]:
    """Those within their vendor's daily quota. Only acts count: a refused request uses nothing up."""
    counted: list[int] = []
    draws: list[Draw] = []
    for n in numbers:
        signed = submissions[n].signed
        if signed.daily_quota is not None and submissions[n].refusal is None:
            counted.append(n)
            draws.append(Draw(signed.ente_id, signed.vendor_id, signed.daily_quota, submissions[n].cost))
    for n, exceeded in zip(counted, draw(tx, draws), strict=True):
        results[n] = exceeded
    return [n for n in numbers if results[n] is None]
