"""What comes in without a vendor's signature: what a connector pulls, what a provider calls us with, what an
administrator uploads.

A connector hands over facts, and the hub does the rest. `Found` is something that its source has: an item, or why it
cannot be one (it goes to the quarantine, `settled` 33). `Report` is what became of a delivery after it was handed over.
Both are taken in one commit before the connector is asked for more, or the provider gets its answer
(`contracts.answering`): what was answered is never lost, and what is told twice changes nothing the second time.
"""

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from contracts.faults import Bilingual

from .base import Code
from .failures import Deferred
from .items import Item
from .naming import Named
from .reporting import FlowPart


class PollSettings(BaseModel):
    """The settings of a connector that pulls begin with these; of one that has but reports, that is all."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    poll_every_s: Annotated[float, Field(ge=1, le=86_400)] = 300.0
    """Secondi tra un giro di lettura e il successivo, quando non c'era altro. / Seconds between two rounds, where there
    was nothing more."""


class SourceSettings(PollSettings):
    """The settings of a connector that brings items in begin with these."""

    vendor_id: Code
    """Il fornitore registrato nell'hub a cui appartengono gli elementi: valgono le sue raccolte e i suoi servizi. / The
    vendor, registered in the hub, whose items these are: its collections and services hold."""

    def named(self) -> Iterator[Named]:
        """contracts.naming.Naming; those of what a connector adds come after."""
        yield Named("vendor", self.vendor_id, "/vendor_id")


class PatientSettings(SourceSettings):
    """The settings of a connector that says what it is to pass over (`Stuck`) and takes back what is gone (`Look`)
    begin with these."""

    pass_over_tries: Annotated[int, Field(ge=2, le=30)] = 8
    """Quante volte si chiede invano una cosa prima di saltarla. / How often one thing is asked for in vain before it is
    passed over."""
    pass_over_after_s: Annotated[int, Field(ge=0, le=604_800)] = 1800
    """E per quanti secondi almeno: un guasto che finisce non costa nulla. / And for how many seconds at least: an
    outage that ends costs nothing."""
    withdraw_at_most: Annotated[int, Field(ge=0, le=100_000)] = 20
    """Quanti elementi si ritirano al più in 24 ore perché la fonte non li ha più; 0: nessuno. / Items taken back in 24
    hours at most, as their source has them no more; 0: none."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """Why something cannot become an item. No personal data: it is shown to operators."""

    pointer: str
    """JSON pointer into the source's own record, empty for the whole."""
    code: str
    detail: Bilingual
    rule: str = ""
    """JSON pointer into the mapping, where one was at work: the rule that did not fit."""


FOR_A_PERSON: Final = frozenset({"pagopa.paid_twice", "pagopa.debtor_differs"})
"""Codes of what is whole and right in itself, but contradicts what is known: read again, it would simply be taken. So
somebody decides about each by its name; what reads many entries again leaves these."""


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that a source has. `repr` shows only its name."""

    name: str
    """The source's own name of it, the same each time it is seen. Up to 200 characters, no tax code. Empty where it has
    none, or none that can be read: then it is known by `raw`."""
    raw: bytes = field(repr=False)
    """As it came, or its own part of that: kept under the vault while it is in quarantine."""
    collection: str = ""
    item: Mapping[str, Any] | None = field(default=None, repr=False)
    """As a vendor would publish it. Without a `version` the hub counts: one more each time the content differs."""
    wrong: tuple[Wrong, ...] = ()
    """Why there is no item. With neither an item nor a fault, it is not for us and is passed over; what stood in the
    quarantine under its name is over then."""
    withdrawn: str | None = None
    """The source has taken it back, for this reason; `item` is then None."""
    missing: bool = False
    """The source says that it has it no more, which it may say by mistake: it is taken back once `Look` has confirmed
    it. Alone, without an item or a fault."""
    flow: FlowPart | None = field(default=None, repr=False)
    """Not an item but a part of a reporting flow (flusso di rendicontazione), kept for reconciliation."""
    valid: Item | None = field(default=None, repr=False, compare=False)
    """`item` as the contract's model, with any version, where the connector held it against the contract already: it is
    not read a second time."""
    content: bytes | None = field(default=None, repr=False, compare=False)
    """The file of a document, where its source opens it to the connector alone: `item` announces its size and digest
    and has no `content_url`. The hub keeps it, as it keeps what a vendor uploads."""


ReportedEvent = Literal["accepted", "delayed", "delivered", "read", "paid", "failed", "complained", "step"]

Step = Literal[
    "digital_delivered",
    "digital_failed",
    "letter_sent",
    "letter_delivered",
    "letter_failed",
    "unreachable",
    "viewed",
    "term_passed",
    "payment_noted",
    "cancelled",
]
"""What happens to a notification with legal effect on its way to the person."""

TAKING_EFFECT: Final = frozenset({"viewed", "term_passed"})
"""The steps by which it takes effect for its recipient (perfezionamento), whichever comes first."""


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a delivery that a provider had accepted.

    `accepted` and `delayed` are news that end nothing: the provider has taken it over, or has not got it there yet.
    `failed`: it did not reach the person after all, and goes on to the channel after it; with `address_is_dead` the
    contact is not used again until the citizen confirms it. `complained`: the person wants no more of them there.
    `step`: something on its way that changes nothing of the delivery, and stands in the timeline.
    """

    event: ReportedEvent
    at: datetime
    delivery_id: str | None = None
    provider_id: str | None = None
    """One of the two: ours, or the provider's name of it (`Done.provider_id`)."""
    reason: str = ""
    """A stable code, such as `email.bounced.5.1.1`."""
    address_is_dead: bool = False
    step: Step | None = None
    """Which, of a `step`."""
    evidence: bytes | None = field(default=None, repr=False)
    """The provider's signed word for it, as it came, where it has to be kept: a PEC receipt. It names the citizen."""


@dataclass(frozen=True, slots=True)
class ProviderDocument:
    """A document that a provider made of what was delivered: an attestation, a printed notice. The hub keeps it as a
    document of the citizen's, from the same vendor and source as the item that was delivered, and linked to it."""

    name: str
    """The provider's own name of it, the same each time: 1 to 150 of `A-Za-z0-9._-`, naming no person."""
    doc_type: Code
    title: str = field(repr=False)
    filename: str = field(repr=False)
    media_type: str
    issued_at: datetime
    content: bytes | None = field(repr=False)
    """None: there is none any more, and what was kept under the name is taken back."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom a channel reaches, as its provider says in bulk, a day at a time and in order. People stand there as the hex
    SHA-256 of their tax code."""

    scope: str
    """Which of the connector's services; empty where it has one."""
    until: datetime
    """All that changed before this moment is known now."""
    unreached: Collection[str] = field(default=(), repr=False)
    reached: Collection[str] | None = field(default=(), repr=False)
    """Of whom the contrary may have been said before. None: a day is missing, and nothing said before it holds."""


Memo = dict[str, Any]
"""Where a source was read up to: JSON values. It is sealed at rest."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """What one step of pulling brought: at most one call to the provider, a page of what it has."""

    memo: Memo
    """Where to go on; kept once `found` and `reports` are."""
    found: Iterable[Found] = ()
    """May be a generator: it is taken in pieces."""
    reports: tuple[Report, ...] = ()
    reach: tuple[Reach, ...] = ()
    all_names: Mapping[str, Container[str]] = field(default_factory=dict)
    """Of a source that lists all that it has and does not tell what it deletes: by the beginning of names, those that
    it has. What was found under such a beginning before and is not among them is missing (`Found.missing`). May be
    filled while `found` is gone through."""
    there: Container[str] | None = None
    """Names that this step says are there, whether or not something came of them: what of them was missing is so no
    more. May be filled as `all_names`."""
    more: bool = False
    """Whether to go on at once; else after `after`, or the time that the settings say."""
    ahead: bool = False
    """With `more`: whether the next step may be asked for while this one is taken in. Only where asking tells the
    provider nothing: one that forgets what it gave once it is asked for more has to wait until that is kept."""
    after: timedelta | None = None


class Stuck(Deferred):
    """One thing of a source cannot be had, and what comes behind it waits. The step is tried again as after any other
    Deferred; once that was in vain for long enough, the hub takes `past` instead: the step without that thing, which
    says so in the quarantine. `past` raises a Failure where it finds that the source is away as a whole.

    `tries` is how many are enough, where the source is there and answers that one question so; else the settings say
    (`PatientSettings`).
    """

    def __init__(self, failure: Deferred, past: Callable[[], Pulled], *, tries: int | None = None) -> None:
        super().__init__(failure.reason, failure.detail, after=failure.after)
        self.past = past
        self.tries = tries


Pull = Callable[[Memo], Pulled]
"""One step. Raises a `contracts.failures.Failure`: Deferred is tried again later from the same memo, Misconfigured
pauses the connector."""

Afresh = Callable[[Memo], Memo]
"""What a memo becomes where somebody asks for a source to be read now: what the connector had put off, or given up, is
asked for as well. It calls nobody."""

Look = Callable[[str], Found | None]
"""Asks a source about one thing, by the name that it was found under: `withdrawn` where the source has it no more for
certain, the thing itself, or None where it is there and nothing is to be taken in. Raises a Failure where that cannot
be told."""

Parts = Mapping[str, Mapping[str, str]]
"""By the beginning of its name, what hangs on a record of a source and has no address of its own: by collection, how
the names of such records begin, before the `external_id` of their items. What links to an item that is taken back
(`Look`) is taken back with it; payments that were paid stay."""


@dataclass(frozen=True, slots=True)
class WholeFile:
    """A file that is all that its source has."""

    found: Iterable[Found]
    all_names: Mapping[str, Container[str]]
    """As in `Pulled`; complete once `found` was gone through, and empty where some of the file cannot be read."""
    look: Look
    """Says of what is missing from it that it is taken back."""


ReadWhole = Callable[[bytes], WholeFile]
"""Reads a file that an administrator uploads, of a source whose files are each all that it has."""

Read = Callable[[bytes], Iterable[Found]]
"""Reads a file, or what stands in quarantine, as the source would have sent it."""
