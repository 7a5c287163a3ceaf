"""Signed requests made beforehand, so that the generator only writes bytes. Each is distinct and used once a server."""

import json
import random
import uuid
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from stdnum.it.codicefiscale import calc_check_digit

from hub.home import Home
from hub.registry import Vendor
from hub.security.keys import Authority, new_authority, new_key, new_leaf, private_pem
from hub.security.sign import SigningKey, sign_portal_request, sign_request
from hub.store import directory
from hub.store.directory import NewKey

from ..harness import ALL_COLLECTIONS, ENTE, FEED_AUDIENCE, PUBLISH_AUDIENCE, Caller, make_home, make_message

LIFETIME_S = 300
"""The longest that the hub accepts: requests signed at the start must hold to the end."""

_TEXT = (
    "Gentile cittadina, gentile cittadino, **è disponibile** l'avviso relativo alla tassa sui rifiuti per l'anno in "
    "corso. L'importo può essere versato in un'unica soluzione o in due rate, con le modalità indicate nella propria "
    "area personale. Per informazioni l'ufficio tributi riceve dal lunedì al venerdì.\n\n"
)


@dataclass(frozen=True)
class Vendors:
    """The vendors of the bench: `es` registered by JWK, `rs` by the anchor of its certificate."""

    es: SigningKey
    rs: SigningKey
    authority: Authority
    portal: Caller

    @classmethod
    def make(cls) -> "Vendors":
        now = datetime.now(UTC)
        authority = new_authority("CA di prova", now=now, kind="rs256")
        key = new_key("rs256")
        leaf = new_leaf(authority, "rs", key.public_key(), now=now)
        return cls(SigningKey(new_key("es256")), SigningKey(key, (leaf,)), authority, Caller("portale"))

    def of(self, name: str) -> SigningKey:
        return self.es if name == "es" else self.rs

    def home(self, folder: Path, **settings: str) -> Home:
        """A fresh home that knows them. No connector: the outbox row is written, nothing is sent."""
        home = make_home(folder, portals=(self.portal,), calls_per_minute=10_000_000, **settings)
        anchor = self.authority.certificate.public_bytes(Encoding.PEM).decode()
        with home.database.write() as tx:
            for name, trust, key in (
                ("es", "jwk", NewKey("jwk", json.dumps(self.es.public_jwk()), self.es.kid)),
                ("rs", "x509", NewKey("anchor", anchor)),
            ):
                vendor = Vendor(ENTE, name, name, trust, True, (), name, collections=ALL_COLLECTIONS)  # type: ignore[arg-type]  # a literal
                directory.add_vendor(tx, vendor, [key])
        home.database.close()
        return home


def tax_codes(count: int) -> list[str]:
    """So many valid tax codes of nobody."""
    draw = random.Random(7)
    found: dict[str, None] = {}
    while len(found) < count:
        letters = "".join(draw.choice("BCDFGLMNPRSTVZ") for _ in range(6))
        body = f"{letters}{draw.randrange(50, 99)}{draw.choice('ABCDEHLMPRST')}{draw.randrange(1, 29):02d}H501"
        found[body + calc_check_digit(body)] = None
    return list(found)


def make_item(tax_code: str) -> dict[str, Any]:
    """A message of about 1.8 KB with one delivery."""
    return make_message(
        str(uuid.uuid4()),
        title="Avviso TARI: prima rata",
        summary="Prima rata della tassa sui rifiuti.",
        body_markdown=_TEXT * 4,
        recipient={"tax_code": tax_code, "email": "cittadino@example.it"},
        notify={"channels": ["email"]},
    )


def publish_requests(vendors: Vendors, vendor: str, codes: list[str], count: int) -> list[bytes]:
    """`count` publications by `vendor`, to `codes` in turn, as bytes on the wire; signed on every core."""
    key = vendors.of(vendor)
    certificates = [one.public_bytes(Encoding.DER) for one in key.certificates]
    wanted = [codes[n % len(codes)] for n in range(count)]
    parts = 8
    jobs = [(private_pem(key.private), certificates, vendor, wanted[n::parts]) for n in range(parts)]
    with ProcessPoolExecutor(mp_context=get_context("forkserver")) as pool:
        return [request for part in pool.map(_sign_some, jobs) for request in part]


def feed_requests(vendors: Vendors, codes: list[str], count: int) -> list[bytes]:
    """First pages of 50, each of another citizen."""
    requests = []
    for n in range(count):
        headers = sign_portal_request(
            vendors.portal.key,
            iss=vendors.portal.name,
            aud=FEED_AUDIENCE,
            sub=f"session-{n}",
            fiscal_number=f"TINIT-{codes[n % len(codes)]}",
            now=datetime.now(UTC),
        )
        requests.append(wire("GET", "/feed/v1/items", headers, b""))
    return requests


def wire(method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
    """An HTTP/1.1 request as bytes."""
    lines = [f"{method} {path} HTTP/1.1", "Host: hub.comune.example.it"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def signed_headers(key: SigningKey, vendor: str, body: bytes) -> dict[str, str]:
    return sign_request(
        key,
        iss=vendor,
        aud=PUBLISH_AUDIENCE,
        method="POST",
        url="",
        body=body,
        content_type="application/json",
        now=datetime.now(UTC),
        lifetime_s=LIFETIME_S,
    )


def _sign_some(job: tuple[bytes, list[bytes], str, list[str]]) -> list[bytes]:
    from cryptography import x509

    pem, ders, vendor, codes = job
    private: Any = load_pem_private_key(pem, None)
    key = SigningKey(private, tuple(x509.load_der_x509_certificate(der) for der in ders))
    requests = []
    for code in codes:
        body = json.dumps(make_item(code)).encode()
        requests.append(wire("POST", "/publish/v1/messages", signed_headers(key, vendor, body), body))
    return requests
