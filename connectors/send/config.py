"""The settings of the SEND connector: one sender, that is one key of the Piattaforma Notifiche."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from connectors.base.keys import Key
from contracts.base import LINE, HttpsUrl
from contracts.callbacks import Hosts
from contracts.identifiers import OrganizationTaxCode
from contracts.inbound import PollSettings
from contracts.items.legal import MOST_DOCUMENTS, Denomination
from contracts.proving import ProofSettings
from contracts.tls import TlsSettings


def _no_modi(value: str) -> str:
    if value == "modi":
        raise ValueError("SEND takes vouchers of PDND, and no direct trust")
    return value


class Settings(ProofSettings, PollSettings, TlsSettings):
    """How to reach SEND and as whom; calls bear the key, and where the key is so configured a voucher of PDND."""

    base_url: HttpsUrl = "https://api.notifichedigitali.it"
    """Of production; that of tests is https://api.uat.notifichedigitali.it."""
    api_key: Key
    sender_tax_code: OrganizationTaxCode
    """Of the organisation that the key belongs to: SEND refuses another."""
    sender_name: Denomination
    group: Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=r"^[ -~]+$")] | None = None
    """Users of the sender who see the notifications; needed where the key belongs to groups."""
    proof: Annotated[Literal["none", "modi", "pdnd"], AfterValidator(_no_modi)] = "none"
    proof_integrity: bool = False
    max_documents: Annotated[int, Field(ge=1, le=MOST_DOCUMENTS)] = 3
    """Documents of one notification. SEND's own configuration has 3 in its sources; what production has is not said."""
    private_hosts: Hosts = ()
    """The host of `base_url`, where it is a proxy of your own at a private address."""
    private_upload_hosts: Hosts = ()
    """Hosts for uploads that may be at a private address; plain http is for those of them on loopback alone."""
    status_poll_s: Annotated[float, Field(ge=0.01, le=3600)] = 60.0
    """The wait before the first question whether a request was accepted; each further one waits twice as long, at most
    ten minutes, and never less than SEND asks for."""
    follow: Literal["stream", "poll", "none"] = "stream"
    """How the hub learns what became of an accepted notification: from a stream of events, or by asking for each one
    until it was delivered, in the meantime `waiting`."""
    follow_every_s: Annotated[float, Field(ge=0.01, le=86_400)] = 3600.0
    """Seconds between two of these questions."""
    stream_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")] | None = None
    """Of a stream that nothing else reads, of either kind. None: that of the title below, which is made if need be."""
    stream_title: Annotated[str, StringConstraints(min_length=1, max_length=256), LINE] = "Raccordo"
    stream_kind: Literal["STATUS", "TIMELINE"] = "STATUS"
    """Of the stream that is made: STATUS tells where a notification stands, and when it took effect for its recipient;
    TIMELINE also that no PEC could be reached, and what became of the letter. Another takes the place of the one before
    it, which is read to its end."""

    tell_payments: bool = True
    """Whether SEND is told by itself of notices that were paid: then it sends no letter any more."""

    show_costs: bool = True
    """Whether the citizen is shown what a notification adds to its payments (`DELIVERY_MODE`, where pagoPA learns of
    it). It is asked for a minute after it was accepted, then as the papers are."""

    attestations: bool = False
    """Whether the papers that SEND makes of a notification, its attestations and the notice of delivery, become
    documents in the citizen's area. They are looked for up to 180 days after the message was made."""
    attestations_every_s: Annotated[float, Field(ge=0.01, le=604_800)] = 21_600.0
    """Seconds between two looks whether there are new ones, for each notification; once it is older than twenty times
    that, a twentieth of its age."""

    @model_validator(mode="after")
    def _own_stream(self) -> "Settings":
        if self.stream_id is not None and self.follow != "stream":
            raise ValueError("stream_id goes with follow=stream alone")
        return self
