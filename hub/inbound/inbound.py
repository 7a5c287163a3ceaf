"""The parts of this package, put together."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from contracts.connector import Connector, Continue, Done
from contracts.failures import Deferred
from contracts.items import Item
from hub.errors import StoreUnavailable
from hub.registry import Registry, Vendor
from hub.store.citizens import Citizens
from hub.store.committer import Committer
from hub.store.configuration import ConnectorConfig
from hub.store.database import Database
from hub.store.drafts import Draft
from hub.store.files import Files
from hub.store.intake import Intake
from hub.store.outbox import Claim
from hub.store.ports import Vault
from hub.store.taking import Taking

from .answering import Answering
from .costs import NoticeCosts
from .demanding import Demands
from .filing import Filing, Keep
from .missing import Missing
from .polling import Polling
from .provider_documents import ProviderDocuments
from .reading import Archive
from .reporting import Reporter
from .taking import Taker


@dataclass(frozen=True, slots=True)
class Inbound:
    """What takes in, answers and reads."""

    taker: Taker
    polling: Polling
    answering: Answering
    documents: ProviderDocuments
    costs: NoticeCosts
    missing: Missing

    def keep(self, claim: Claim, made: Done | Continue) -> None:
        """What a provider made of something delivered, and what it says that it costs. Raises Deferred where the
        store is away, and Misconfigured where the item's vendor may have no documents."""
        try:
            if made.documents:
                self.documents.keep(claim, made.documents)
            if made.costs:
                self.costs.keep(claim, made.costs)
        except StoreUnavailable:
            raise Deferred("store.unavailable", about="message") from None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Read sources meanwhile."""
        self.polling.start()
        try:
            yield
        finally:
            self.polling.stop()


def inbound(
    *,
    database: Database,
    committer: Committer,
    citizens: Citizens,
    vault: Vault,
    files: Files,
    intake: Intake,
    registry: Callable[[], Registry],
    draft: Callable[[Vendor, str, bytes, Item | None], Draft],
    keep: tuple[Keep, int],
    accepted: Callable[[], None],
    configs: Callable[[], Mapping[tuple[str, str], ConnectorConfig]],
    connector: Callable[[str, str, int], Connector | None],
) -> Inbound:
    """The parts for one process. `keep` keeps files, of so many bytes at most."""
    taker = Taker(
        database=database,
        committer=committer,
        taking=Taking(intake, vault),
        vault=vault,
        registry=registry,
        draft=draft,
        accepted=accepted,
        filing=Filing(committer, intake, *keep),
    )
    reporter = Reporter(database, committer, citizens, vault)
    missing = Missing(database, committer, vault, taker)
    polling = Polling(
        database=database,
        committer=committer,
        vault=vault,
        taker=taker,
        missing=missing,
        reporter=reporter,
        registry=registry,
        configs=configs,
        connector=connector,
    )
    archive = Archive(database, committer, citizens, vault, files, registry)
    demands = Demands(database, committer, intake, citizens, vault, taker.vendor, draft, accepted)
    answering = Answering(configs, registry, connector, archive, taker, reporter, demands)
    documents = ProviderDocuments(database, citizens, vault, taker, configs)
    return Inbound(taker, polling, answering, documents, NoticeCosts(committer, vault, configs), missing)
