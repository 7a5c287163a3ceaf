"""Publishing: one item, created, updated, unchanged or superseded (`settled` 11), with its message and deliveries."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any

from contracts.states import MACHINES
from hub.errors import (
    AlreadyWithdrawn,
    AnsweredRequestUnknown,
    HubError,
    RecipientChanged,
    VersionConflict,
)
from hub.metrics import count_publications

from .agenda import keep_agenda
from .changes import columns, facts_kept, must_be_reportable, way
from .citizens import Citizen, Citizens
from .database import Tx
from .deadlines import about_item, close_deadlines
from .document_types import note_unlisted
from .drafts import Draft, Identity, Published, Told
from .embargo import move
from .enclosing import changes_something, load_enclosed, must_be_here
from .findings import keep_findings
from .folding import is_over, settle
from .identities import load_by_identity
from .intake import Done, Signed
from .linking import keep_links, settle_replaced
from .meeting import meet
from .notice_keys import changes_sides, placed
from .notifying import corrected
from .numbering import Given
from .planning import NOTHING_KNOWN, Knowledge, know, lacks_address, rows_of
from .plans import Plans
from .ports import Vault
from .raised import raised
from .references import forget_reference
from .registering import must_be_served, must_stay, register, unregister
from .requesting import must_be_known
from .rows import Batch
from .sources import note_alive
from .subscribing import Subscribing
from .telling import notifications
from .versions import Versions


class Publications:
    """Applies drafts. An `ApplyActs` of the Intake."""

    def __init__(self, citizens: Citizens, vault: Vault) -> None:
        self._citizens = citizens
        self._vault = vault
        self.versions = Versions(vault)
        self.plans = Plans(citizens, vault)
        self.subscribing = Subscribing(citizens, self)

    def apply(self, tx: Tx, acts: Sequence[tuple[Signed, Draft]]) -> list[Done | HubError]:
        """Each draft's answer, in order; drafts of one identity in a batch follow each other."""
        drafts = [draft for _, draft in acts]
        meet(tx, drafts)
        known = load_by_identity(tx, {name for draft in drafts for name in draft.names}, lock=True)
        citizens = self._citizens.resolve(tx, (d.subject for d in drafts if d.identity not in known))
        given = Given(self._vault)
        drafts = [placed(draft, known.get(draft.identity)) for draft in given.give(tx, drafts, known)]
        enclosed = load_enclosed(tx, drafts)
        refused = raised(tx, self._vault, drafts, known.keys())
        batch = Batch()
        results: list[Done | HubError] = []
        changed: list[tuple[Draft, Citizen, str | None]] = []
        tally: Counter[tuple[str, str]] = Counter()
        quiet: set[tuple[str, str, str]] = set()
        for draft in drafts:
            item = known.get(draft.identity)
            before = item["state"] if item is not None else None
            citizen = citizens.get(draft.subject) or self._citizens.find(tx.connection, draft.subject)
            try:
                if citizen is None or (item is not None and item["citizen_id"] != citizen.citizen_id):
                    raise RecipientChanged
                must_be_served(draft, item)
                given.must_be_numbered(draft)
                if changes_something(draft, item):
                    must_be_here(draft, citizen, enclosed)
                if item is None:
                    if draft.answer is not None:
                        raise AnsweredRequestUnknown
                    if draft.identity in refused:
                        raise refused[draft.identity]
                    item, outcome = self.versions.create(tx, batch, draft, citizen), "created"
                else:
                    item, outcome = self._repeat(tx, batch, draft, citizen, item)
            except HubError as refusal:
                results.append(refusal)
                continue
            known[draft.identity] = item
            tally[draft.identity.collection, outcome] += 1
            if outcome in ("created", "updated"):
                changed.append((draft, citizen, before))
            elif outcome == "unchanged":
                quiet.add(draft.identity[:3])
            results.append(_done(tx, item, citizen, outcome, draft))
        given.keep(tx, batch, {draft.identity: known[draft.identity] for draft, _, _ in changed})
        if quiet:
            note_alive(tx, quiet)
        note_unlisted(tx, [draft for draft, _, _ in changed])
        settle(tx, batch, self.plans, {known[draft.identity]["item_id"] for draft, *_ in changed if draft.instalments})
        tied = [(draft, known[draft.identity], before is None) for draft, _, before in changed]
        settle_replaced(tx, batch, keep_links(tx, tied), known)
        known_of = self.known_of(tx, changed)
        for draft, citizen, before in changed:
            self.follow(tx, batch, draft, citizen, known[draft.identity], before, known, known_of)
        register(tx, batch, [(draft, known[draft.identity], before is None) for draft, _, before in changed])
        batch.write(tx)
        tx.after_commit.append(partial(count_publications, tally))
        return _with_notifications(tx, batch, results, _told_with(drafts, known))

    def known_of(self, tx: Tx, changed: Sequence[tuple[Draft, Citizen, str | None]]) -> Knowledge:
        """What planning needs to know of these citizens; of most messages nothing."""
        told = [citizen for draft, citizen, _ in changed if draft.told is not None]
        lacking = [
            citizen
            for draft, citizen, _ in changed
            if lacks_address(draft.deliveries) or (draft.told is not None and lacks_address(draft.told.deliveries))
        ]
        return know(tx, self._vault, told, lacking) if told or lacking else NOTHING_KNOWN

    def follow(
        self,
        tx: Tx,
        batch: Batch,
        draft: Draft,
        citizen: Citizen,
        item: dict[str, Any],
        before: str | None,
        known: Mapping[Identity, dict[str, Any]] = MappingProxyType({}),
        wishes: Knowledge | None = None,
    ) -> None:
        """What follows from a new item or version: its notice, its deadlines, and when the hub looks at it again."""
        if item["lifecycle"] == "restricted":
            return  # the version is kept, and nobody is told
        if before is None and draft.deliveries:
            by_mail = wishes or know(tx, self._vault, (), [citizen] if lacks_address(draft.deliveries) else ())
            batch.deliveries += rows_of(tx, item, draft.deliveries, citizen, by_mail, in_turn=draft.in_turn)
        if before is not None and draft.encloses:
            batch.deliveries += corrected(tx, item, draft)
        if item["collection"] == "documents" and before is not None:
            forget_reference(tx, item)
        over = is_over(draft, item)
        if over is not None:
            close_deadlines(tx, batch, item, over)
        else:
            if draft.told is not None and self.is_news(tx, batch, draft.told, item, before):
                self.tell(tx, batch, draft.told, citizen, item, before=before, wishes=wishes)
            self.keep_deadlines(tx, batch, draft.deadlines, citizen, item, first=before is None)
        if draft.agenda or before is not None:
            keep_agenda(tx, batch, item, () if over is not None else draft.agenda, first=before is None)
        if item["collection"] == "applications":
            keep_findings(tx, batch, item, draft.findings, first=before is None)
        if item["collection"] == "subscriptions":
            renewed = None if draft.renews is None else known.get(draft.renews)
            self.subscribing.follow(tx, batch, draft, citizen, item, before, renewed)

    def is_news(self, tx: Tx, batch: Batch, told: Told, item: dict[str, Any], before: str | None) -> bool:
        """Whether an item that was in the state `before` (None where it is new) is to be told of so. What one state
        means to the citizen may change within it: then that the rule for it told is not news, whichever version came
        first."""
        if before != item["state"]:
            return True
        if told.instead_of:
            return _last(_told(tx, batch, item, {told.rule, *told.instead_of}))[0] != told.rule
        return not told.again

    def tell(
        self,
        tx: Tx,
        batch: Batch,
        told: Told,
        citizen: Citizen,
        item: dict[str, Any],
        *,
        before: str | None = "",
        wishes: Knowledge | None = None,
    ) -> None:
        """Notice -> message -> deliveries (`settled` 13). The message's identity is the guard: at most one a rule and
        occasion, or one a version where the rule tells again (besides those that another rule told instead). What two
        sources tell of one notice is one fact. `before` is the state it was in, None where it is new."""
        occasion = f".v{item['version']}" if told.again else f".{told.occasion}" if told.occasion else ""
        if told.fact:
            _, last = _last(_told(tx, batch, item, {told.rule}))
            if before == item["state"] and told.fact == last.rpartition(".")[2]:
                return
            occasion += f".v{item['version']}.{told.fact}"
        if told.instead_of:
            made = _told(tx, batch, item, {told.rule, *told.instead_of})
            if _last(made)[0] in told.instead_of:  # it may have told of this version before that one did
                occasion += f".{len(made)}"
        own = told.message.identity
        identity = own_name = own._replace(external_id=f"{item['item_id']}.{own.external_id}{occasion}")
        names = {identity}
        if item["notice_key"] is not None:
            shared = f"{item['citizen_id']}.{item['notice_key']}.{own.external_id}{occasion}"
            identity = own._replace(external_id=shared)
            names.add(identity)  # besides the other: by it one was told before there was this one
        earlier = load_by_identity(tx, names) if before is not None or len(names) > 1 else {}
        told_before = any(each["lifecycle"] != "withdrawn" for each in earlier.values())
        if told_before or own_name in earlier or any(map(batch.has_identity, names)):
            return
        if identity in earlier:  # taken back with the item that it was about: this one is told of by its own name
            identity = own_name
        if wishes is None:
            wishes = know(tx, self._vault, [citizen], [citizen] if lacks_address(told.deliveries) else ())
        language, draft = wishes.wishes_of(citizen).language, told.message
        if language is not None and told.worded is not None:
            draft = told.worded(language)
        # It stands among what is new, however long ago the source dates what it tells of.
        message = self.versions.create(
            tx, batch, draft, citizen, about=item, name=identity, min_loa=item["min_loa"], occurred_at=tx.now
        )
        batch.deliveries += rows_of(tx, message, told.deliveries, citizen, wishes, kind=told.kind, in_turn=told.in_turn)

    def keep_deadlines(
        self,
        tx: Tx,
        batch: Batch,
        deadlines: Sequence[Draft],
        citizen: Citizen,
        item: dict[str, Any],
        *,
        first: bool = False,
    ) -> None:
        """One deadline a kind, as it is now; what is no longer asked for is cancelled."""
        known = {} if first else about_item(tx, batch, item, "deadlines")
        for wanted in deadlines:
            name = f"{item['item_id']}.{wanted.identity.external_id}"
            kept = known.pop(name, None)
            level = max(wanted.min_loa, item["min_loa"])
            wanted = replace(wanted, identity=wanted.identity._replace(external_id=name), min_loa=level)
            if kept is None:
                if wanted.state == "open":
                    self.versions.create(tx, batch, wanted, citizen, about=item)
                continue
            changed = kept | columns(tx, wanted) | {"version": kept["version"]}
            if wanted.content_hash != kept["content_hash"]:
                changed["version"] = wanted.version
                self.versions.add(tx, batch, wanted, citizen, changed, "updated")
            elif wanted.state == kept["state"] or _stays_missed(tx, kept, wanted):
                continue
            batch.event(changed, tx.now, "updated", state=changed["state"])
            batch.change(changed)
        for name, kept in known.items():
            if kept["state"] == "open":
                # The body's turn: the citizen has done his part, whether or not the source still names the day.
                done = item["turn"] == "body" and not name.endswith(".body_duty")
                state = "met" if done else "cancelled"
                batch.event(kept, tx.now, "updated", state=state)
                batch.change(kept | {"state": state, "updated_at": tx.now})

    def _repeat(
        self, tx: Tx, batch: Batch, draft: Draft, citizen: Citizen, item: dict[str, Any]
    ) -> tuple[dict[str, Any], str]:
        if draft.version == item["version"]:
            if draft.content_hash != item["content_hash"]:
                raise VersionConflict
            return item, "unchanged"
        if draft.version < item["version"]:
            self.versions.keep_late(tx, batch, draft, citizen, item)
            return item, "superseded"
        if item["lifecycle"] == "withdrawn":
            raise AlreadyWithdrawn
        must_be_reportable(draft, item, tx.now)
        if draft.answer is not None:
            must_be_known(tx, item, draft.answer)
        said = partial(self.versions.said, tx, batch, citizen, item["item_id"], item["version"])
        must_stay(tx, draft, item, said)
        changed = item | columns(tx, draft) | facts_kept(tx, draft, item, said)
        if changes_sides(item, changed) and draft.registration is not None:
            unregister(tx, batch, [changed])  # where it was registered until now
        if draft.handover is not None:
            self.versions.hand_on(tx, batch, draft, citizen, changed, item["version"])
        self.versions.add(tx, batch, draft, citizen, changed, "updated")
        batch.event(changed, tx.now, "updated", version=draft.version, state=changed["state"], **way(item, changed))
        machine = MACHINES.get(item["collection"])
        if machine is not None and (item["state"], changed["state"]) in machine.reopening:
            batch.event(changed, tx.now, "reopened")
        batch.change(changed)
        move(tx, batch, changed, item)
        return changed, "updated"


def _stays_missed(tx: Tx, kept: Mapping[str, Any], wanted: Draft) -> bool:
    """A source that still asks for what is past undoes nothing; what had ended before its day is asked for again."""
    past = wanted.due_at is not None and wanted.due_at <= tx.now
    return past and (kept["state"], wanted.state) == ("missed", "open")


def _told(tx: Tx, batch: Batch, item: dict[str, Any], rules: Collection[str]) -> list[tuple[str, str]]:
    """Which of these rules made messages about the item, and on which occasions, oldest first."""
    made = []
    for name, message in about_item(tx, batch, item, "messages").items():
        rule, _, occasion = name.removeprefix(f"{item['item_id']}.").partition(".")
        if rule in rules:
            made.append((message["item_id"], rule, occasion))
    return [(rule, occasion) for _, rule, occasion in sorted(made)]


def _last(told: Sequence[tuple[str, str]]) -> tuple[str, str]:
    return told[-1] if told else ("", "")


def _done(tx: Tx, item: dict[str, Any], citizen: Citizen, outcome: Any, draft: Draft) -> Done:
    answer = Published(
        item["item_id"], draft.identity.external_id, draft.version, item["lifecycle"], outcome, tx.now, "not_sent"
    )
    return Done(answer, citizen, item["item_id"], draft.version, f"item.{outcome}")


def _told_with(drafts: Sequence[Draft], known: Mapping[Identity, dict[str, Any]]) -> dict[str, str]:
    """Payments that the citizen is told of by another one of the same notice: answered as if told of alone."""
    found = {}
    for draft in drafts:
        item = known.get(draft.identity)
        if item is not None and item["folded_into"] is not None and draft.told is not None and draft.told.deliveries:
            found[item["item_id"]] = item["folded_into"]
    return found


def _with_notifications(
    tx: Tx, batch: Batch, results: list[Done | HubError], told_with: Mapping[str, str]
) -> list[Done | HubError]:
    """Fill in `notification`: from the batch for what is new, from the outbox for what was there before."""
    pending = batch.items_with_pending_deliveries()
    old = [
        (result.citizen.ente_id, result.citizen.citizen_id, told_with.get(result.item_id, result.item_id))
        for result in results
        if isinstance(result, Done) and (result.answer.outcome != "created" or result.item_id in told_with)
    ]
    earlier = notifications(tx.connection, old)
    for result in results:
        if isinstance(result, Done):
            answer: Published = result.answer
            about = told_with.get(result.item_id, result.item_id)
            answer.notification = "pending" if about in pending else earlier.get(about, "not_sent")
    return results
