"""Who plays in the tour: three vendors with different kinds of trust, a portal, three citizens, and what is sent."""

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from contracts.base import rfc3339
from contracts.identifiers import make_notice_number
from contracts.items import COLLECTIONS
from contracts.subscription_services import ListPolicy, SubscriptionService
from hub.cli.pdnd_signing import PdndMember
from hub.cli.simulated_pdnd import PlayedPdnd
from hub.home import Home
from hub.ingest.drafting import SETTLES
from hub.profile import defaults_of
from hub.registry import Ente, Portal, Vendor
from hub.security.keys import (
    certificates_pem,
    new_authority,
    new_key,
    new_leaf,
    private_pem,
    write_private,
    write_public,
)
from hub.security.sign import SigningKey
from hub.store import directory
from hub.store.directory import NewKey
from hub.store.subscription_services import add_subscription_service

ENTE = "c_h501"


@dataclass(frozen=True, slots=True)
class Citizen:
    name: str
    tax_code: str
    email: str
    on_io: bool = True


ROSSI = Citizen("Mario Rossi", "RSSMRA80A01H501U", "mario.rossi@example.it")
VERDI = Citizen("Giuseppe Verdi", "VRDGPP70B15H501F", "giuseppe.verdi@example.it", on_io=False)
BIANCHI = Citizen("Laura Bianchi", "BNCLRA85C41F205P", "laura.bianchi@example.it")
CITIZENS = (ROSSI, VERDI, BIANCHI)

PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 100]/Contents 4 0 R/Resources<</Font<</F<</Type/Font\n"
    b"/Subtype/Type1/BaseFont/Helvetica>>>>>>>>endobj 4 0 obj<</Length 55>>stream\n"
    b"BT /F 14 Tf 20 50 Td (Certificato di residenza) Tj ET   \nendstream endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
)
CREDITOR = "00488410010"
STATION_CREDITOR = "00301970190"
"""Whose notices the hub's own station answers for, and who notifies by SEND."""
NURSERY, MEALS = "nido-2026", "mensa-2025"
SUBSCRIBED = (
    SubscriptionService(
        code=NURSERY,
        name="Nido 2026/27",
        service_id="nido",
        renewal="manual",
        creditor_tax_code=CREDITOR,
        list_policy=ListPolicy(published=True, order_keys=("-punteggio",)),
    ),
    SubscriptionService(code=MEALS, name="Mensa 2025/26", service_id="mensa", renewal="manual", notice_days=45),
)
NOTICE_NUMBER = make_notice_number(application_code=1, iuv_base=2026000123)


@dataclass(frozen=True, slots=True)
class Sender:
    """A vendor as the tour plays it."""

    vendor_id: str
    name: str
    key: SigningKey
    how: str
    member: PdndMember | None = None
    """What it knows of itself at PDND, where that is its trust."""


@dataclass(frozen=True, slots=True)
class Cast:
    base: str
    tributi: Sender
    anagrafe: Sender
    mobilita: Sender
    portal: SigningKey

    @property
    def publish_audience(self) -> str:
        return f"{self.base}/publish/v1"

    @property
    def feed_audience(self) -> str:
        return f"{self.base}/feed/v1"


def engage(home: Home, keys: Path, base: str, pdnd: PlayedPdnd) -> Cast:
    """Make the keys, and register everyone: what `raccordo keys`, `ente`, `vendor`, `portal`, `service` and
    `subscription-service` do, and PDND's back office.
    """
    keys.mkdir(mode=0o700)
    now = datetime.now(UTC)
    authority = new_authority("CA di prova", now=now)
    rsa, ec, portal, at_pdnd = new_key("rs256"), new_key("es256"), new_key("es256"), SigningKey(new_key("rs256"))
    leaf = new_leaf(authority, "tributi-srl", rsa.public_key(), now=now)
    write_private(keys / "tributi-srl.pem", private_pem(rsa))
    write_public(keys / "tributi-srl.crt", certificates_pem([leaf]))
    write_public(keys / "ca.crt", certificates_pem([authority.certificate]))
    write_private(keys / "anagrafe-spa.pem", private_pem(ec))
    write_private(keys / "portale.pem", private_pem(portal))
    write_private(keys / "mobilita-srl.pem", private_pem(at_pdnd.private))
    ente = Ente(ENTE, "Comune di Esempio", base, f"{base}/publish/v1", f"{base}/feed/v1", f"{base}/area-personale")
    member = pdnd.vendor("mobilita-srl", (ente,), at_pdnd)[ENTE]
    cast = Cast(
        base,
        Sender("tributi-srl", "Tributi Srl", SigningKey(rsa, (leaf,)), "certificato x5c, RS256"),
        Sender("anagrafe-spa", "Anagrafe SpA", SigningKey(ec), "chiave JWK registrata, ES256"),
        Sender("mobilita-srl", "Mobilità Srl", at_pdnd, "voucher PDND, INTEGRITY_REST_02", member),
        SigningKey(portal),
    )
    everything = frozenset(COLLECTIONS)
    anchor = certificates_pem([authority.certificate]).decode()
    with home.database.write() as tx:
        directory.add_ente(tx, ente)
        pdnd.admit(tx, home, ente)
        directory.add_service(tx, ENTE, "tari", {"name": "TARI, tassa sui rifiuti"})
        directory.add_service(tx, ENTE, "mensa", {"name": "Mensa scolastica"})
        directory.add_service(tx, ENTE, "anagrafe", {"name": "Certificati anagrafici"})
        directory.add_service(tx, ENTE, "nido", {"name": "Nido d'infanzia", "max_response_days": 30})
        for service in SUBSCRIBED:
            add_subscription_service(tx, ENTE, service)
        for sender, trust, material in (
            (cast.tributi, "x509", NewKey("anchor", anchor)),
            (cast.anagrafe, "jwk", _jwk(cast.anagrafe.key)),
        ):
            vendor = Vendor(
                ENTE,
                sender.vendor_id,
                sender.name,
                "x509" if trust == "x509" else "jwk",
                True,
                (),
                sender.vendor_id,
                collections=everything,
            )
            directory.add_vendor(tx, vendor, [material])
        agreed = replace(
            defaults_of("pdnd"),
            clients=frozenset({member.client_id}),
            purposes=frozenset({member.purpose_id}),
            audit="AUDIT_REST_02",
        )
        its = cast.mobilita
        vendor = Vendor(
            ENTE, its.vendor_id, its.name, "pdnd", True, (), "", collections=frozenset({"messages"}), profile=agreed
        )
        directory.add_vendor(tx, vendor, [])
        # Whose the receipts are that pagoPA brings: it signs nothing itself.
        pagopa = Vendor(ENTE, "pagopa", "pagoPA", "jwk", True, (), "pagopa", collections=frozenset({"receipts"}))
        directory.add_vendor(tx, replace(pagopa, rights=frozenset({SETTLES})), [])
        scopes = frozenset({"feed:read", "feed:write"})
        portal_keys = [_jwk(cast.portal), _jwk(cast.portal, "assertion_jwk")]
        directory.add_portal(tx, Portal(ENTE, "portale", "Area personale", True, (), scopes), portal_keys)
    return cast


def in_days(days: int) -> str:
    """The moment so many days from now."""
    return rfc3339((datetime.now(UTC) + timedelta(days=days)).replace(microsecond=0))


def item(citizen: Citizen, external_id: str, **fields: Any) -> dict[str, Any]:
    """A publication for a citizen."""
    envelope: dict[str, Any] = {
        "external_id": external_id,
        "version": 1,
        "source": "gestionale",
        "recipient": {"tax_code": citizen.tax_code, "email": citizen.email},
        "occurred_at": in_days(0),
    }
    return envelope | fields


WELCOME = item(
    ROSSI,
    "MSG-2026-1",
    title="Apertura delle iscrizioni alla mensa",
    service_id="mensa",
    summary="Dal 1 dicembre si può iscrivere un figlio alla mensa scolastica.",
    body_markdown="Dal **1 dicembre** sono aperte le iscrizioni alla mensa scolastica per l'anno 2026/2027.",
    kind="service_opening",
)
PASS = item(
    VERDI,
    "MOB-2026-9",
    title="Permesso di sosta in scadenza",
    summary="Il permesso di sosta per residenti scade il 31 dicembre.",
    body_markdown="Il permesso di sosta per residenti scade il **31 dicembre**: si rinnova allo sportello o in rete.",
)
CERTIFICATE = item(
    VERDI,
    "CERT-2026-7",
    title="Certificato di residenza",
    service_id="anagrafe",
    doc_type="certificato-anagrafico",
    filename="certificato.pdf",
    media_type="application/pdf",
    size=len(PDF),
    sha256=hashlib.sha256(PDF).hexdigest(),
)
PAYMENT = item(
    BIANCHI,
    "TARI-2026-000123",
    title="TARI 2026, prima rata",
    summary="Importo dovuto entro il 16 dicembre.",
    service_id="tari",
    notice_number=NOTICE_NUMBER,
    creditor_tax_code=CREDITOR,
    amount_cents=12_550,
    reason="TARI 2026, prima rata",
    due_date="2026-12-16",
    pay_url="https://servizi.comune.example.it/pagamenti/123",
)
RECEIPT = item(
    BIANCHI,
    "RT-2026-000123",
    title="Ricevuta TARI 2026, prima rata",
    service_id="tari",
    payment={"notice_number": NOTICE_NUMBER, "creditor_tax_code": CREDITOR},
    receipt_number="RT000123",
    paid_at="2026-11-24T10:15:00Z",
    amount_cents=12_550,
    psp="Banca di Esempio",
)


def body_of(publication: dict[str, Any]) -> bytes:
    """The bytes to sign and to send: the same ones."""
    return json.dumps(publication, ensure_ascii=False).encode()


def _jwk(key: SigningKey, kind: str = "jwk") -> NewKey:
    return NewKey(kind, json.dumps(key.public_jwk()), key.kid)
