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
    """L'indirizzo di SEND: questo è della produzione, quello di prova è https://api.uat.notifichedigitali.it. / SEND's
    address: this is that of production, that of tests is https://api.uat.notifichedigitali.it."""
    api_key: Key
    """La chiave API dell'ente, dall'area mittenti di SEND. / The ente's API key, from SEND's area for senders."""
    sender_tax_code: OrganizationTaxCode
    """Il codice fiscale dell'ente a cui appartiene la chiave: SEND ne rifiuta un altro. / The tax code of the
    organisation that the key belongs to: SEND refuses another."""
    sender_name: Denomination
    """La denominazione del mittente, come il destinatario la legge. / The sender's name, as recipients read it."""
    group: Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=r"^[ -~]+$")] | None = None
    """Il gruppo di utenti del mittente che vede le notifiche; serve se la chiave è di gruppi. / The group of the
    sender's users who see the notifications; needed where the key belongs to groups."""
    proof: Annotated[
        Literal["none", "modi", "pdnd"],
        AfterValidator(_no_modi),
        Field(json_schema_extra={"enum": ["none", "pdnd"]}),
    ] = "none"
    """`pdnd`: con la chiave va un voucher, se la chiave è così configurata. / `pdnd`: a voucher goes with the key,
    where the key is so configured."""
    proof_integrity: bool = False
    """Se il digest del corpo è firmato (INTEGRITY_REST_02); SEND non lo chiede. / Whether the body's digest is signed
    (INTEGRITY_REST_02); SEND does not ask for it."""
    max_documents: Annotated[int, Field(ge=1, le=MOST_DOCUMENTS)] = 3
    """Quanti documenti al più ha una notifica. I sorgenti di SEND dicono 3; la produzione non lo dichiara. / How many
    documents one notification has at most. SEND's sources have 3; what production has is not said."""
    private_hosts: Hosts = ()
    """L'host di `base_url`, se è un proxy vostro a un indirizzo privato. / The host of `base_url`, where it is a proxy
    of your own at a private address."""
    private_upload_hosts: Hosts = ()
    """Gli host di caricamento che possono stare a un indirizzo privato; http in chiaro solo per quelli di questa
    macchina. / Hosts for uploads that may be at a private address; plain http is for those of them on loopback
    alone."""
    status_poll_s: Annotated[float, Field(ge=0.01, le=3600)] = 60.0
    """Secondi prima della prima domanda se la richiesta è accettata; ogni altra attende il doppio, al più dieci minuti
    e mai meno di quanto SEND chiede. / Seconds before the first question whether a request was accepted; each further
    one waits twice as long, at most ten minutes, and never less than SEND asks for."""
    follow: Literal["stream", "poll", "none"] = "stream"
    """Come l'hub sa che ne è di una notifica accettata: da un flusso di eventi (`stream`), chiedendo di ciascuna finché
    è consegnata (`poll`, nel frattempo `waiting`), o per nulla. / How the hub learns what became of an accepted
    notification: from a stream of events, by asking for each one until it was delivered (`poll`, in the meantime
    `waiting`), or not at all."""
    follow_every_s: Annotated[float, Field(ge=0.01, le=86_400)] = 3600.0
    """Secondi tra due di queste domande, con `poll`. / Seconds between two of these questions, with `poll`."""
    stream_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")] | None = None
    """L'identificativo presso SEND di un flusso che nessun altro legge. Assente: quello con il titolo qui sotto, creato
    se serve. / SEND's identifier of a stream that nothing else reads, of either kind. Absent: that of the title below,
    which is made if need be."""
    stream_title: Annotated[str, StringConstraints(min_length=1, max_length=256), LINE] = "Raccordo"
    """Il titolo del flusso, per cui è riconosciuto presso SEND. / The stream's title, by which it is known at SEND."""
    stream_kind: Literal["STATUS", "TIMELINE"] = "STATUS"
    """Il tipo del flusso che si crea: STATUS dice a che punto è la notifica e quando si è perfezionata per il
    destinatario; TIMELINE anche che nessuna PEC era raggiungibile e che ne è della lettera. Un altro prende il posto
    del precedente, che è letto fino in fondo. / The kind of the stream that is made: STATUS tells where a notification
    stands, and when it took effect for its recipient; TIMELINE also that no PEC could be reached, and what became of
    the letter. Another takes the place of the one before it, which is read to its end."""

    tell_payments: bool = True
    """Se SEND è informata da sé degli avvisi pagati: allora non manda più la lettera. / Whether SEND is told by itself
    of notices that were paid: then it sends no letter any more."""

    show_costs: bool = True
    """Se il cittadino vede quanto la notifica aggiunge ai suoi pagamenti (`DELIVERY_MODE`, dove pagoPA lo sa). Si
    chiede un minuto dopo l'accettazione, poi come per gli atti. / Whether the citizen is shown what a notification adds
    to its payments (`DELIVERY_MODE`, where pagoPA learns of it). It is asked for a minute after it was accepted, then
    as the papers are."""

    attestations: bool = False
    """Se gli atti che SEND produce (attestazioni e avviso di avvenuta ricezione) diventano documenti nell'area del
    cittadino. Si cercano fino a 180 giorni dal messaggio. / Whether the papers that SEND makes of a notification, its
    attestations and the notice of delivery, become documents in the citizen's area. They are looked for up to 180 days
    after the message was made."""
    attestations_every_s: Annotated[float, Field(ge=0.01, le=604_800)] = 21_600.0
    """Secondi tra due ricerche di atti nuovi, per ogni notifica; quando essa ha più di venti volte tanto, un ventesimo
    della sua età. / Seconds between two looks whether there are new papers, for each notification; once it is older
    than twenty times that, a twentieth of its age."""

    @model_validator(mode="after")
    def _own_stream(self) -> "Settings":
        if self.stream_id is not None and self.follow != "stream":
            raise ValueError("stream_id: solo con follow=stream / goes with follow=stream alone")
        return self
