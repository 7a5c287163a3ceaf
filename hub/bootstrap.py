"""The composition root: from a home to a hub at work. The only place that chooses."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors import registry as connectors_registry
from contracts.connector import CALLBACK, Simulation
from hub.anchoring import Anchors
from hub.dispatch.actions import ActionDesk, ActionLinks
from hub.dispatch.callbacks import Callbacks
from hub.dispatch.calling import Calling
from hub.dispatch.carts import Carts
from hub.dispatch.confirming import ConfirmLinks
from hub.dispatch.dispatcher import Dispatcher
from hub.dispatch.enclosures import Enclosures
from hub.dispatch.expiring import Expiring
from hub.dispatch.follow_ups import FollowUps
from hub.dispatch.following import Following
from hub.dispatch.instalments import Instalments
from hub.dispatch.notices import Notices
from hub.dispatch.owing import Owing
from hub.dispatch.pool import ConnectorPool
from hub.dispatch.requests import Requests
from hub.dispatch.routing import registering, router
from hub.dispatch.runner import Runner
from hub.dispatch.unsubscribing import UnsubscribeLinks
from hub.exporter import Observed, certificate_figures, exporting
from hub.feed.cards import Cards
from hub.feed.query import Feed
from hub.feed.streams import Streams
from hub.fetching import fetching
from hub.home import Home
from hub.inbound.inbound import inbound
from hub.ingest.batch_view import BatchView
from hub.ingest.batches import Batches, BatchRunner
from hub.ingest.broadcasting import BroadcastRunner
from hub.ingest.events_view import EventsView
from hub.ingest.following import StagedRoute
from hub.ingest.occasions import Occasions
from hub.ingest.pipeline import Pipeline
from hub.ingest.references import References
from hub.ingest.rules import RulesInForce
from hub.ingest.subscription_occasions import SubscriptionOccasions
from hub.ingest.uploads import Uploads
from hub.ingest.vendor_view import VendorView
from hub.security.channel import trusted_proxy
from hub.security.material import Shelf
from hub.security.sign import SigningKey
from hub.store import pdnd_clients
from hub.store.acts import intake_of
from hub.store.agenda import Agenda
from hub.store.broadcasts import Broadcasts
from hub.store.citizens import Citizens
from hub.store.committer import Committer
from hub.store.directory import load_registry
from hub.store.files import Files
from hub.store.listening import Listener
from hub.store.preferences import WishesKeeper
from hub.store.profile_contacts import ContactKeeper
from hub.store.publications import Publications
from hub.store.ranked_lists import withdraw_what_is_over
from hub.store.requesting import Requesting
from hub.store.snapshot import Snapshot, Watcher
from hub.store.sources import Listen, listen
from hub.store.vouchers import SharedVouchers
from hub.store.watching import Watches, copying_back, each_on_its_own
from hub.tracing import tracing
from hub.trust.clients import Vouchers
from hub.trust.environment import Configured, Environments
from hub.trust.trusting import trusting

if TYPE_CHECKING:
    from hub.admin.sources import Sources
    from hub.pdnd.simulation import PdndSimulation

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=180)  # a connector's longest step, and time to settle


class Hub:
    """Everything wired, for one process. `running()` is its life."""

    def __init__(self, home: Home, *, pdnd: Environments | None = None) -> None:
        settings, clock, vault = home.settings, home.clock, home.vault
        self.home, self.settings, self.clock = home, settings, clock
        self.simulated: Mapping[str, str] = {}  # connector -> address of its simulator, with `serve --simulate`
        self.database = home.open_database()
        if settings.dispatch == "workers":
            home.check_workers()
        self.committer = Committer(self.database)
        self.registry = Snapshot(self.database, "trust", load_registry)
        self.keyring = Snapshot(self.database, "trust", home.load_keyring)
        home.signing_key = self.signing_key
        configs = Snapshot(self.database, "connectors", home.configuration.load)
        self.connectors = ConnectorPool(home.types, configs)
        self.citizens = citizens = Citizens(vault)
        files = Files(home.folder / "files", vault)
        publications = Publications(citizens, vault)
        self.intake = intake_of(vault, citizens, publications)
        route = StagedRoute(router(self.connectors.outlets), router(self.connectors.test_outlets), self.registry)
        self.route, rules = route, RulesInForce(self.registry)
        subscriptions = SubscriptionOccasions(route, vault.keyed_hash, self.registry, rules)
        self._agenda = Agenda(citizens, vault, publications, Occasions(route, subscriptions, rules))
        broadcasts = Broadcasts(citizens, publications)
        self.broadcasts = BroadcastRunner(self.database, self.committer, vault, broadcasts, route, self.registry, rules)
        self.proxy = trusted_proxy(settings)
        self.requesting = Requesting(citizens, vault, subscriptions.grant)
        self.shelf = Shelf()
        self.pipeline = Pipeline(
            clock=clock,
            registry=self.registry,
            route=route,
            keyed_hash=vault.keyed_hash,
            rules=rules,
            shelf=self.shelf,
            proxy=self.proxy,
            registration=registering(self.connectors.registrars),
        )
        self.uploads = Uploads(self.pipeline, self.database, citizens, vault, files, route)
        self.inbound = inbound(
            database=self.database,
            committer=self.committer,
            citizens=citizens,
            vault=vault,
            files=files,
            intake=self.intake,
            registry=self.registry,
            draft=self.pipeline.draft,
            keep=(self.uploads.given, settings.content_limit),
            accepted=self.ring,
            configs=configs,
            connector=self.connectors.get,
        )
        self.batches = Batches(self.pipeline, vault)
        self.batch_view = BatchView(self.database)
        self.events_view = EventsView(self.database, self.registry)
        self.batch_runner = BatchRunner(
            database=self.database,
            committer=self.committer,
            intake=self.intake,
            pipeline=self.pipeline,
            vault=vault,
            registry=self.registry,
            accepted=self.ring,
        )
        self.vendor_view = VendorView(self.database)
        self.wishes = WishesKeeper(citizens, vault)
        self.contacts = ContactKeeper(citizens, vault, publications)
        self.cards = Cards(vault, self.database, citizens, clock, self.registry)
        self.feed = Feed(
            database=self.database,
            vault=vault,
            citizens=citizens,
            files=files,
            clock=clock,
            registry=self.registry,
            document_cards=self.cards,
        )
        owing = Owing(vault, self.registry)
        self.carts = Carts(self.connectors, self.committer, owing)
        self.feed.offered, self.feed.rows.carts = subscriptions.offered, self.carts
        self.feed.instalments = Instalments(owing).views
        self.streams = Streams(self.database, citizens, self.registry, most_per_portal=settings.streams_per_portal)
        self.references = References(
            database=self.database,
            committer=self.committer,
            citizens=citizens,
            vault=vault,
            files=files,
            registry=self.registry,
            fetching=partial(fetching, settings.internal_host_names),
            copy_limit=settings.content_limit,
        )
        self.links = UnsubscribeLinks(vault, clock, lambda ente_id: self.registry().ente(ente_id).public_url)
        links = ActionLinks(vault, self.links.public_url)
        self.actions = ActionDesk(links, self.database, vault, citizens, self.registry)
        self.confirm_links = ConfirmLinks(vault, clock, self.links.public_url)
        made = self.links.make, links.make, self.confirm_links.action
        enclosures, environment = Enclosures(vault, files.get), self.connectors.environment
        notices = Notices(self.database, vault, citizens, self.registry, *made, enclosures, environment)
        self.requests = Requests(notices, self.connectors.get)
        follow_ups = FollowUps(self.committer, notices.of, self.connectors.get, self.inbound.keep)
        looks = {"links": self.references.look, "follow_ups": follow_ups.paced}
        self._watches = Watches(looks, self.database.singleton, settings.sweep_s)
        pushes = {"replies": self.batch_view.push, "events": self.events_view.push}
        self.callbacks = Callbacks(configs, self.registry, pushes, Following(notices).notice)
        self.runner = Runner(
            self.committer,
            clock,
            lambda claim: self.callbacks.notice(claim) if claim.channel == CALLBACK else notices.of(claim),
            self.connectors.get,
            LEASE,
            failed=partial(self.requests.keep, self.committer),
            dead=self.inbound.answering.reporter.dead,
            keep=self.inbound.keep,
        )
        self.dispatcher = Dispatcher(
            committer=self.committer,
            run=self.runner.run,
            resending=self.connectors.resending,
            limits=self.connectors.limits,
            lease=LEASE,
            threads=settings.delivery_threads,
            sweep_s=settings.sweep_s,
            grace_s=settings.stop_grace_s,
            after_sweep=self.after_sweep,
        )
        credentials = Snapshot(self.database, pdnd_clients.VERSION, pdnd_clients.PdndClients(vault).load)
        self.vouchers = home.vouchers = Vouchers(credentials, SharedVouchers(self.database, vault), clock)
        self.calling = Calling(self.database, self.connectors.limits, settings.redis_url)
        self._watcher = Watcher((self.registry, self.keyring, configs, credentials))
        self._trusting = trusting(
            self.shelf,
            clock,
            settings,
            pdnd or Configured(self.registry, self.vouchers.api, events_every_s=settings.pdnd_events_s),
            home.folder / "pdnd-events.json",
        )
        self.resolver = self._trusting.resolver
        self.observed = Observed(
            self.database,
            self.committer,
            home.folder,
            home.backup_mark,
            {"trust": self.registry, "connectors": configs, "pdnd_clients": credentials},
            more=self._figures,
            served=self.connectors.served,
            dispatch=settings.dispatch,
        )
        self._listener = Listener(self.database, self.dispatcher.ring)
        self.anchors = Anchors(self.database, home.anchors, self.signing_key, clock)
        self._expire = Expiring(self.committer, files, clock)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Take the home for this process, serve, and put everything down again. Raises HomeError when it is taken."""
        embedded = self.settings.dispatch == "embedded"
        # Others that share the database have claims of their own: nobody takes those over.
        calling = self.delivering(alone=not self.database.is_shared) if embedded else self.calling.running()
        self.observed.role = "api"
        exported, serving = exporting(self.settings.metrics_address, self.observed), self.working(serving=True)
        with self.home.taken(), serving, self._trusting.running(), calling, self._working_off(), exported:
            yield

    @contextmanager
    def _working_off(self) -> Iterator[None]:
        """Go on with accepted batches, look for files at their vendors, follow deliveries up, read sources."""
        self.batch_runner.start()
        try:
            with self._watches.running(), self.inbound.running():
                yield
        finally:
            self.batch_runner.stop()

    @contextmanager
    def working(self, *, serving: bool = False) -> Iterator[None]:
        """Write and follow the configuration: all that a work-horse needs."""
        with ExitStack() as last:
            # From below: each is put down whatever the others do.
            last.callback(self.database.close)
            last.callback(self.anchors.release)
            if serving:
                last.callback(self.anchors.write)
                last.callback(self.streams.stop)
            last.callback(self.committer.close)
            last.callback(self.connectors.close)
            last.callback(self._watcher.stop)
            last.enter_context(copying_back(self.database))
            self.committer.start()
            self._watcher.start()
            if serving:
                self.streams.start()
            with tracing():
                yield

    @contextmanager
    def delivering(self, *, alone: bool = False) -> Iterator[None]:
        """Look for what is due and deliver it, beside others who do unless `alone`; within `working()`."""
        self.dispatcher.start(alone=alone)
        self._listener.start()
        try:
            yield
        finally:
            self._listener.stop()
            self.dispatcher.stop()

    @cached_property
    def sources(self) -> "Sources":
        """As administrators look after them."""
        from hub.admin.sources import Sources  # it brings the administration, which no worker needs

        taker, missing = self.inbound.taker, self.inbound.missing
        return Sources(self.database, self.home.vault, self.home.configuration, self.connectors.get, taker, missing)

    def _figures(self) -> Iterator[tuple[str, tuple[str, ...], float]]:
        yield from self._trusting.figures()
        yield from certificate_figures("connector", self.connectors.certificate_ends())
        yield from certificate_figures("pdnd-client", self.vouchers.certificate_ends())

    def ring(self) -> None:
        """Something may be due. Best effort, and at once."""
        if not self.calling.ring():
            self.dispatcher.ring()

    def signing_key(self) -> SigningKey:
        """The hub's own key that signs now: it is to be asked for each time, for keys follow one another."""
        return self.keyring().signing(self.clock.now())

    def published_keys(self) -> list[dict[str, Any]]:
        """The hub's public keys, for whoever checks what it signed."""
        return self.keyring().published(self.clock.now())

    def after_sweep(self) -> None:
        """What is due besides the outbox. One that fails keeps none of the others."""
        each_on_its_own(
            lambda: self._ring_where(self._agenda.keep_all(self.committer)),
            lambda: self._ring_where(self.broadcasts.go_on()),
            lambda: self.committer.write(listen, Listen()),
            lambda: withdraw_what_is_over(self.database, self.committer),
            self._expire,
            self.anchors.keep,
        )

    def _ring_where(self, something_came: int) -> None:
        if something_came:
            self.ring()


def simulated_pdnd(folder: Path, **options: Any) -> "PdndSimulation":
    """A PDND of our own on loopback, not yet started; it keeps its ledger in `folder`."""
    from hub.pdnd.simulation import PdndSimulation  # it brings Starlette, which no worker needs

    return PdndSimulation(folder, connectors_registry.serve, **options)


def simulations(
    folder: Path, names: Iterable[str], options: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, Simulation]:
    """The simulated providers of the connectors that have one, not yet started; each keeps its ledger in a folder."""
    found = {}
    for name in names:
        with suppress(LookupError):  # that connector has no simulator
            found[name] = connectors_registry.simulate(name, folder / name, **(options or {}).get(name, {}))
    return found
