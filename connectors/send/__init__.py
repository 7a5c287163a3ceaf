"""SEND (Piattaforma Notifiche): a notification with legal effect, and what became of it."""

from datetime import timedelta
from pathlib import Path

from connectors.base import http
from connectors.base.manifest import read_manifest
from contracts.connector import Connector, Limits, Notice
from contracts.failures import Misconfigured
from contracts.proving import Proof
from contracts.tls import TlsSettings

from .attestations import Attestations
from .client import Send
from .config import Settings
from .payments import Payments
from .settled import Settled
from .stream import Stream
from .uploads import Uploads
from .wire import Wire


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
    asks = settings.attestations or settings.show_costs
    attestations = (
        Attestations(wire, uploads, every, papers=settings.attestations, costs=settings.show_costs) if asks else None
    )
    send = Send(wire, uploads, settings, attestations)

    settled = Settled(wire, settings)

    def teller(notice: Notice) -> Send | Settled:
        return send if notice.settled is None else settled

    def close() -> None:
        client.close()
        storage.close()

    return Connector(
        read_manifest(Path(__file__).parent),
        lambda notice, memo: teller(notice).advance(notice, memo),
        send.check,
        close,
        lookup=lambda notice, memo: teller(notice).lookup(notice, memo),
        preview=lambda notice: teller(notice).preview(notice),
        pull=Stream(wire, settings).pull if settings.follow == "stream" else None,
        follow_up=None if attestations is None else lambda _, memo: attestations.asked(memo),
        operations=Payments(wire, settings).operations(),
    )
