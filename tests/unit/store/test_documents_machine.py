"""A document against a model of it: versions, its file, one that takes its place, days that pass, withdrawals
(settled 11-13, S48, S55, S56).

What holds whatever happens: it is available only while its file is here, what its newest version says, and nothing else
takes its place; what was revoked stays so; each fact is told once; only what can still end has a day on which it does.
"""

import hashlib
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from hub.errors import AlreadyWithdrawn, StateTerminal
from hub.ingest.canonical import read
from hub.ingest.drafting import uploaded_draft
from hub.ingest.rules import standard
from hub.store.amendments import Upload, Withdraw, Withdrawn
from hub.store.drafts import Published
from hub.store.tables import agenda
from tests.flows.making import make_document
from tests.unit.store.canonical import Canonical, instant, no_route
from tests.unit.store.machines import StoreMachine, on_each_kind
from tests.unit.store.making import START, make_vendor

PERSON = "RSSMRA80A01H501U"
FILES = (b"uno", b"due")
ENDS = START + timedelta(days=40)


class OneDocument(StoreMachine):
    """The model: the newest version's state, file and end; the file that came; whether another takes its place."""

    @initialize()
    def begin(self):
        self.hub = Canonical(self.store)
        self.version, self.said, self.file, self.came, self.ends = 0, None, None, None, None
        self.gone = self.expired = self.was_revoked = self.swept = False
        self.newer = 0
        self.newer_here = False
        self.payload = b""

    @rule(
        state=st.sampled_from([None, None, None, "revoked", "superseded"]),
        file=st.sampled_from([None, *FILES]),
        ends=st.booleans(),
    )
    def publish(self, state, file, ends):
        own = {} if state is None else {"state": state}
        own |= {"valid_to": instant(ENDS)} if ends else {}
        document = make_document("a", file, tax_code=PERSON, version=self.version + 1, **own)
        draft = self.hub.drafted("documents", document)
        (answer,) = self.store.publish(draft)
        if self.gone:
            assert isinstance(answer, AlreadyWithdrawn)
            return
        if self.said == "revoked" and state != "revoked":
            assert isinstance(answer, StateTerminal)
            return
        assert isinstance(answer, Published), answer
        self.version, self.said, self.file, self.ends = self.version + 1, state, file, ENDS if ends else None
        self.payload, self.expired, self.swept = draft.payload, False, False
        if self.came != file:
            self.came = None

    @precondition(lambda self: self.version and not self.gone and self.file is not None)
    @rule()
    def upload(self):
        item = self.hub.item("a")
        document, digest = read(self.payload), hashlib.sha256(self.file).hexdigest()
        hashed = self.store.vault.keyed_hash
        draft = uploaded_draft(document, make_vendor(), route=no_route, keyed_hash=hashed, rules=standard())
        answer = self.hub.act(Upload(item["item_id"], self.version, digest, "k", draft))
        assert answer.outcome == ("unchanged" if self.came == self.file else "created")
        self.came, self.swept = self.file, False

    @rule()
    def replace(self):
        """Another document, or a version of it, takes its place."""
        self.newer += 1
        links = [{"rel": "replaces", "external_id": "a"}]
        newer = make_document(f"b-{self.newer}", tax_code=PERSON, links=links)
        (answer,) = self.store.publish(self.hub.drafted("documents", newer))
        assert answer.outcome == "created"
        self.newer_here, self.swept = True, False

    @precondition(lambda self: self.newer_here)
    @rule()
    def take_the_newer_back(self):
        for number in range(1, self.newer + 1):
            item = self.hub.item(f"b-{number}")
            if item["lifecycle"] == "active":
                assert isinstance(self.hub.act(Withdraw(item["item_id"], "errore")), Withdrawn)
        # What had ended before another took its place ends again, with the next sweep.
        self.newer_here = self.swept = self.expired = False

    @precondition(lambda self: self.version and not self.gone)
    @rule()
    def withdraw(self):
        assert isinstance(self.hub.act(Withdraw(self.hub.item("a")["item_id"], "errore")), Withdrawn)
        self.gone = True

    @rule(count=st.sampled_from([1, 25, 50]))
    def wait(self, count):
        self.clock.pass_by(days=count)
        self.swept = False

    @rule()
    def sweep(self):
        self.hub.sweep()
        self.swept = True
        if self.version and not self.gone and self.is_valid() and self.ends and self.clock.moment >= self.ends:
            self.expired = True

    def is_valid(self):
        return self.expected() == "available"

    def expected(self):
        if self.said == "revoked":
            return "revoked"
        if self.newer_here or self.said == "superseded":
            return "superseded"
        if self.file is not None and self.came != self.file:
            return "announced"
        return "expired" if self.expired else "available"

    @invariant()
    def it_is_as_all_of_this_says_together(self):
        if not self.version or self.gone:
            return
        item = self.hub.item("a")
        assert (item["version"], item["state"]) == (self.version, self.expected())
        assert (item["content_key"] is not None) == (self.came is not None)
        assert not self.was_revoked or item["state"] == "revoked"
        self.was_revoked = item["state"] == "revoked"

    @invariant()
    def each_fact_is_told_once(self):
        if not self.version:
            return
        told = [name.partition(".")[0] for name in self.hub.made(self.hub.item("a")["item_id"], "messages")]
        for name in ("document_available", "document_revoked"):
            assert told.count(name) <= 1
        if self.gone:
            return
        if self.expected() == "revoked":
            assert "document_revoked" in told
        if self.expected() == "available" and self.swept:
            assert "document_available" in told

    @invariant()
    def only_what_can_still_end_has_a_day(self):
        if not self.version:
            return
        item = self.hub.item("a")
        about = self.hub.made(item["item_id"], "deadlines").values()
        open_still = [row for row in about if row["state"] == "open" and row["lifecycle"] == "active"]
        planned = [row["occasion"] for row in self.store.rows(agenda) if row["item_id"] == item["item_id"]]
        if self.gone:
            assert planned == []
            return
        can_end = self.expected() in ("announced", "available") and self.ends is not None
        assert len(open_still) <= can_end
        if not can_end:
            assert [occasion for occasion in planned if occasion != "follow"] == []
        elif self.swept:
            assert len(open_still) == (self.clock.moment < self.ends or self.expected() == "announced")


TestOnSqlite, TestOnPostgresql = on_each_kind(OneDocument, examples=(25, 3), steps=16)
