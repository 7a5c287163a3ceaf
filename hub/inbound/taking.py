"""Records of a source become items by the ordinary pipeline, or go into quarantine; unchanged ones are passed over."""

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice

import orjson

from contracts.failures import Misconfigured
from contracts.faults import bilingual
from contracts.identifiers import holds_tax_code
from contracts.inbound import Found
from contracts.items import COLLECTIONS, Item
from hub.errors import HubError, StoreUnavailable, VersionConflict
from hub.registry import Registry, Vendor
from hub.store.amendments import Withdraw
from hub.store.committer import Committer
from hub.store.database import Database
from hub.store.drafts import Draft
from hub.store.faults import error_name
from hub.store.intake import Submission
from hub.store.missing import Seen, note_missing
from hub.store.ports import Vault
from hub.store.quarantine import Misfit
from hub.store.reporting import KeepFlow, KeepingFlows
from hub.store.taking import Record, Take, Taking, in_force, newest_version, records

from .digesting import digested, keyed_digest
from .filing import Filing
from .line import Line
from .outcomes import TRIES, given_up, in_conflict, outcome, overtaken
from .sources import Source, signed_by

log = logging.getLogger(__name__)
_NEVER_TAKEN = bilingual("Ciò che è ritirato non era mai stato preso", "what was taken back was never taken in")

PIECE = 200
"""Records handed to the committer at once, each piece a commit: it takes 256 values. A commit's own cost is that of
some 30 records; with pieces larger than a page nothing would be understood while another is written."""
LARGEST_RAW = 256 * 1024
"""Bytes of a record that quarantine keeps; of a larger one its beginning."""


@dataclass(slots=True)
class Tally:
    """What became of records."""

    counts: Counter[str] = field(default_factory=Counter)
    """taken, unchanged, quarantined, withdrawn, passed."""
    heard: set[tuple[str, str, str]] = field(default_factory=set)
    """(ente, vendor, source) of the items that were there."""

    @property
    def total(self) -> int:
        return self.counts.total()


class Taker:
    """Takes what sources have. `draft` is the pipeline's; `accepted` is called where deliveries may be due."""

    def __init__(
        self,
        *,
        database: Database,
        committer: Committer,
        taking: Taking,
        vault: Vault,
        registry: Callable[[], Registry],
        draft: Callable[[Vendor, str, bytes, Item | None], Draft],
        accepted: Callable[[], None],
        filing: Filing,
    ) -> None:
        self._filing = filing
        self._database = database
        self._committer = committer
        self._taking = taking
        self._vault = vault
        self._keeping = KeepingFlows(vault)
        self._registry = registry
        self._draft = draft
        self._accepted = accepted

    def take(
        self,
        source: Source,
        found: Iterable[Found],
        *,
        again: bool = False,
        seen: Callable[[Tally], None] = lambda _: None,
    ) -> Tally:
        """Take records in pieces, each understood while the one before is made durable; `seen` is told after each.
        `again` looks at those as well that have not changed since they were seen last.

        Raises:
            StoreUnavailable: the store does not take them now; what was taken before stays.
            Misconfigured: the vendor whose items these are is not registered, or suspended.
        """
        with Line() as line:
            tally = self.take_in_line(line, source, found, again=again, seen=seen)
            line.wait()
            return tally

    def take_in_line(
        self,
        line: Line,
        source: Source,
        found: Iterable[Found],
        *,
        again: bool = False,
        seen: Callable[[Tally], None] = lambda _: None,
        more: bool = False,
    ) -> Tally:
        """The same; where there is `more` to come the last piece may still be in the line, and is counted once the line
        was waited for. Raises as `take`, also of what was in the line before."""
        tally = Tally()
        rest = iter(found)

        def write(vendor: Vendor, takes: Sequence[tuple[Take, Found]], counts: Counter[str]) -> None:
            self._write(source, vendor, takes, counts)
            tally.counts.update(counts)

        while piece := list(islice(rest, PIECE)):
            vendor = self.vendor(source)  # not before: a connector that only reports of its deliveries has none
            last = {self._name(each): each for each in piece}  # of one that comes twice the later holds
            if line.holds_any(last):
                line.wait()  # what is known of it is what is being written
            takes, counts = self._piece(source, vendor, last, again, tally.heard)
            at_once = len(piece) < PIECE and not more
            line.put(last.keys(), partial(write, vendor, takes, counts), lambda: seen(tally), at_once=at_once)
        return tally

    def vendor(self, source: Source) -> Vendor:
        """Whose items these are. Raises Misconfigured where it is not registered, or suspended."""
        vendor = self._registry().vendors.get((source.ente_id, source.vendor_id))
        if vendor is None or not vendor.active:
            raise Misconfigured("source.vendor_unknown", f"vendor {source.vendor_id} is not registered, or suspended")
        if source.is_test and vendor.stage != "sandbox":
            raise Misconfigured("source.vendor_in_production", "a connector for tests serves a vendor in its sandbox")
        return vendor

    def _piece(
        self,
        source: Source,
        vendor: Vendor,
        last: Mapping[str, Found],
        again: bool,
        heard: set[tuple[str, str, str]],
    ) -> tuple[list[tuple[Take, Found]], Counter[str]]:
        """What of it is to be written, and what became of the others."""
        counts: Counter[str] = Counter()
        with self._database.read() as connection:
            known = records(connection, source.ente_id, source.connector_id, last)
        takes: list[tuple[Take, Found]] = []
        flows: list[KeepFlow] = []
        missing: dict[str, str] = {}
        unkeyed: dict[str, tuple[str, str]] = {}
        for name, each in last.items():
            if each.flow is not None and source.is_test:
                counts["passed"] += 1  # the books are of money
                continue
            if each.flow is not None:
                flows.append(KeepFlow(source.ente_id, each.flow))
                continue
            before = known.get(name)
            if _says_nothing(each) and (each.missing or before is None or before.item_id is not None):
                counts["passed"] += 1
                if each.missing and before is not None and before.item_id is not None:
                    missing[name] = before.item_id
                continue
            each, told = digested(self._filing.checked(each))
            digest = keyed_digest(self._vault, vendor.vendor_id, told)
            if each.item is not None and isinstance(named := each.item.get("source"), str):
                heard.add((source.ente_id, vendor.vendor_id, named))
            if before is not None and before.digest in (digest, told) and not again:
                counts["unchanged"] += 1
                self._file(source, vendor, each, before)
                if before.digest == told:
                    unkeyed[name] = (told, digest)
                continue
            takes.append((self._made(source, vendor, name, each, digest, before), each))
        self._keep(flows, counts)
        if missing:
            self._note_missing(source, missing)
        if unkeyed:
            self._committer.write(self._taking.note_digests, (source.ente_id, source.connector_id, unkeyed))
        return takes, counts

    def _note_missing(self, source: Source, missing: Mapping[str, str]) -> None:
        """By name, the items of what seems to be gone; what was taken back already is no news."""
        with self._database.read() as connection:
            active = in_force(connection, source.ente_id, set(missing.values()))
        names = [name for name, item_id in missing.items() if item_id in active]
        self._committer.write(note_missing, Seen(source.ente_id, source.connector_id, names))

    def _keep(self, flows: Sequence[KeepFlow], counts: Counter[str]) -> None:
        for result in self._committer.write_all(self._keeping.record, flows):
            if isinstance(result, StoreUnavailable):
                raise result
            if isinstance(result, Exception):
                raise StoreUnavailable(cause=error_name(result))
            counts["taken" if result else "unchanged"] += 1

    def _name(self, found: Found) -> str:
        """It stands in clear: one that would tell of a person is kept by its hash. What has none is named by its
        content: two of them are two."""
        if not found.name:
            return self._vault.keyed_hash("nameless-record", hashlib.sha256(found.raw).hexdigest())
        fits = len(found.name) <= 200 and "\0" not in found.name and not holds_tax_code(found.name)
        return found.name if fits else self._vault.keyed_hash("source-record", found.name)

    def _made(
        self, source: Source, vendor: Vendor, name: str, found: Found, digest: str, before: Record | None
    ) -> Take:
        wrong: tuple[Mapping[str, str], ...] = tuple(
            {"pointer": each.pointer, "code": each.code, "detail": each.detail}
            | ({"rule": each.rule} if each.rule else {})
            for each in found.wrong
        )
        misfit = Misfit(
            source.ente_id, source.connector_id, name, found.collection[:20], wrong, found.raw[:LARGEST_RAW]
        )
        version = before.version if before is not None else 0
        if found.withdrawn is not None:
            return self._withdrawal(source, found, Take(digest, version, misfit), before)
        if found.item is None:
            return Take(digest, version, misfit, is_over=not found.wrong)
        given = found.item.get("version")
        version = given if isinstance(given, int) else version + 1
        return self._publication(source, vendor, found, Take(digest, version, misfit))

    def _publication(self, source: Source, vendor: Vendor, found: Found, take: Take) -> Take:
        body = orjson.dumps({**(found.item or {}), "version": take.version}, default=str)
        act: Draft | None = None
        refusal: HubError | None = None
        try:
            act = self._draft(vendor, found.collection, body, _valid(found, take.version))
            # What a provider of production says of money holds, whatever stands in its vendor's record.
            if act.on_trial is not source.is_test:
                act = replace(act, on_trial=source.is_test)
        except HubError as error:
            refusal = error
        except Exception:
            log.exception("source.bug ente=%s connector=%s", source.ente_id, source.connector_id)
            refusal = HubError()
        return replace(take, submission=Submission(signed_by(source, body), act=act, refusal=refusal))

    def _withdrawal(self, source: Source, found: Found, take: Take, before: Record | None) -> Take:
        if before is None or before.item_id is None:
            fault = {"pointer": "", "code": "item.unknown", "detail": _NEVER_TAKEN}
            return replace(take, misfit=replace(take.misfit, wrong=(fault,)))
        act = Withdraw(before.item_id, (found.withdrawn or "")[:500] or "-")
        return replace(take, submission=Submission(signed_by(source, b"{}"), act=act))

    def _write(self, source: Source, vendor: Vendor, takes: Sequence[tuple[Take, Found]], counts: Counter[str]) -> None:
        """Write them, counted beside the others of their piece."""
        left = list(takes)
        for attempt in range(TRIES + 1):
            results = self._committer.write_all(self._taking.record, [take for take, _ in left], size=_size)
            again = []
            for (take, found), result in zip(left, results, strict=True):
                if isinstance(result, StoreUnavailable):
                    raise result
                if attempt < TRIES and overtaken(found, result):
                    # Somebody else wrote a version of that number, or later ones: the next after what is there now.
                    again.append((self._publication(source, vendor, found, self._newest(take)), found))
                elif isinstance(result, Exception) and not isinstance(result, HubError):
                    again.append((given_up(take, result, attempt), found))
                elif isinstance(result, VersionConflict):
                    again.append((in_conflict(take, result, attempt), found))
                else:
                    counts[outcome(take, result)] += 1
                    if getattr(result, "notification", "") == "pending":
                        self._accepted()
                    self._file(source, vendor, found, result)
            if not again:
                return
            left = again

    def _file(self, source: Source, vendor: Vendor, found: Found, known: object) -> None:
        if found.content is None:  # as of nearly all: for them nothing is made up
            return
        answer = self._filing.file(signed_by(source, b""), vendor, found, getattr(known, "item_id", None))
        if getattr(answer, "notification", "") == "pending":
            self._accepted()

    def _newest(self, take: Take) -> Take:
        act = take.submission.act if take.submission is not None else None
        assert isinstance(act, Draft)
        with self._database.read() as connection:
            return replace(take, version=newest_version(connection, act.identity) + 1)


def _says_nothing(found: Found) -> bool:
    return found.item is None and not found.wrong and found.withdrawn is None


def _valid(found: Found, version: int) -> Item | None:
    """The item as its connector held it against the contract, with the version that it gets."""
    model = COLLECTIONS.get(found.collection)
    if found.valid is None or model is None or type(found.valid) is not model:
        return None
    if found.valid.version == version:  # as of all that are new
        return found.valid
    return found.valid.model_copy(update={"version": version})


def _size(take: Take) -> int:
    return len(take.misfit.raw) + (len(take.submission.signed.body) if take.submission is not None else 0)
