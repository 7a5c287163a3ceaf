"""SEND (Piattaforma Notifiche): a notification with legal effect, and what became of it."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from connectors.base import http
from connectors.base.manifest import read_manifest
from contracts.connector import Connector, Continue, Done, Limits, Memo, Notice, Preview
from contracts.failures import Misconfigured
from contracts.proving import Proof
from contracts.tls import TlsSettings

from .client import Send
from .config import Settings
from .payments import Payments
from .questions import Questions
from .settled import Settled
from .stream import Stream
from .uploads import Uploads
from .wire import Wire


@dataclass(frozen=True, slots=True)
class Deliveries:
    """The steps of both kinds: of a notification, and of a payment that was made."""

    send: Send
    settled: Settled

    def advance(self, notice: Notice, memo: Memo) -> Done | Continue:
        return self._of(notice).advance(notice, memo)

    def lookup(self, notice: Notice, memo: Memo) -> Done | Continue | None:
        return self._of(notice).lookup(notice, memo)

    def preview(self, notice: Notice) -> tuple[Preview, ...]:
        return self._of(notice).preview(notice)

    def _of(self, notice: Notice) -> Send | Settled:
        return self.send if notice.settled is None else self.settled


def connect(settings: Settings, limits: Limits, proof: Proof | None = None) -> Connector:
    """The connector of one sender at SEND.

    Raises:
        Misconfigured: the base URL or the key cannot be used, or the settings want a voucher and the hub gave no proof.
    """
    if settings.proof != "none" and proof is None:
        raise Misconfigured("send.unproved", "the hub gave no proof")
    client = http.client(
        settings.base_url,
        {"x-api-key": settings.api_key.get_secret_value()},
        limits,
        settings,
        private_hosts=settings.private_hosts,
    )
    wire = Wire(client, proof, limits.timeout_s)
    # Another client: whoever keeps the files gets neither our key nor our voucher nor our certificate.
    storage = http.chosen_client(limits, settings.private_upload_hosts, TlsSettings())
    uploads = Uploads(storage, settings.private_upload_hosts, limits.timeout_s)
    every = timedelta(seconds=settings.attestations_every_s)
    papers, costs = settings.attestations, settings.show_costs
    questions = Questions(wire, uploads, every, papers=papers, costs=costs) if papers or costs else None
    send = Send(wire, uploads, settings, questions)
    deliveries = Deliveries(send, Settled(wire, settings))

    def close() -> None:
        client.close()
        storage.close()

    return Connector(
        read_manifest(Path(__file__).parent),
        deliveries.advance,
        send.check,
        close,
        lookup=deliveries.lookup,
        preview=deliveries.preview,
        pull=Stream(wire, settings).pull if settings.follow == "stream" else None,
        follow_up=None if questions is None else lambda _, memo: questions.asked(memo),
        operations=Payments(wire, settings).operations(),
    )
