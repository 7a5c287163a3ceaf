"""The hub behind a real nginx that is configured as our pages say: what was signed arrives as it was sent, nothing is
held back, and nobody speaks for the proxy."""

import json
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from urllib.parse import quote

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from hub.profile import Profile
from hub.registry import Vendor
from hub.security.jwk import jwk_key
from hub.security.responses import verify_response
from hub.store import directory
from hub.store.directory import NewKey
from tests.flows.making import make_document
from tests.harness import (
    ALL_COLLECTIONS,
    BASE,
    ENTE,
    PUBLISH_AUDIENCE,
    Caller,
    HubUnderTest,
    make_home,
    make_message,
)
from tests.mutual_tls import Pki, pem
from tests.real.nginx import Nginx
from tests.real.programs import nginx_program

from .test_serving import serving

HEADER = "SSL-Client-Cert"
REFUSALS = 30
pytestmark = pytest.mark.skipif(nginx_program() is None, reason="no nginx here: nothing stands in front of the hub")


@dataclass
class Front:
    """A hub and the nginx in front of it: `hub` is called through it."""

    hub: HubUnderTest
    pki: Pki
    wired: Caller
    """A vendor that must show a certificate of `pki` in the handshake."""

    def client(self, common: str | None = None) -> httpx.Client:
        """One that shows a certificate of that name, or none."""
        context = ssl.create_default_context(cafile=str(self.pki.authorities))
        if common is not None:
            file = self.pki.folder / f"{common}.pem"
            file.write_text(pem(self.pki.client(common)))
            context.load_cert_chain(file)
        return httpx.Client(base_url=self.hub.url, verify=context, timeout=30)


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("front")
    pki = Pki(folder)
    acme, beta, portal, wired = Caller("acme"), Caller("beta"), Caller("portale"), Caller("wired")
    home = make_home(folder / "home", vendors=(acme, beta), portals=(portal,))
    with home.database.write() as tx:
        profile = Profile(channel="ID_AUTH_CHANNEL_02")
        vendor = Vendor(ENTE, "wired", "wired", "jwk", True, (), "wired", collections=ALL_COLLECTIONS)
        anchor = NewKey("channel_anchor", pki.authorities.read_text())
        directory.add_vendor(tx, replace(vendor, profile=profile), [wired.jwk(), anchor])
    home.database.close()
    certificate = folder / "nginx.pem"
    certificate.write_text(pem(pki.server))
    settings = {
        "CLIENT_CERT_HEADER": HEADER,
        "CLIENT_CERT_FORM": "nginx",
        "CLIENT_CERT_PROXIES": "127.0.0.1",
        "REFUSALS_PER_MINUTE": str(REFUSALS),
    }
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in settings.items():
            patch.setenv(f"RACCORDO_{name}", value)
        _, said = stack.enter_context(serving(folder / "home", folder / "hub.log", "--behind-tls-proxy"))
        nginx = stack.enter_context(Nginx(said["url"], certificate))
        found = Front(HubUnderTest(home, nginx.url, httpx.Client(), acme, beta, portal), pki, wired)
        found.hub.client = stack.enter_context(found.client())
        yield found


def test_a_publication_is_accepted_and_its_receipt_holds(front: Front) -> None:
    body = json.dumps(make_message("m-1", title="Perché così")).encode()
    headers = front.hub.signed(body)
    answer = front.hub.client.post("/publish/v1/messages", content=body, headers=headers)
    assert answer.status_code == 201
    [key] = front.hub.client.get("/.well-known/jwks.json").json()["keys"]
    told = [(name.decode(), value.decode()) for name, value in answer.headers.raw]
    verify_response(
        told,
        answer.content,
        jwk_key(json.dumps(key)),
        now=time.time(),
        iss=PUBLISH_AUDIENCE,
        aud="acme",
        request_digest=headers["Digest"],
    )
    assert answer.headers["location"].startswith(f"{BASE}/publish/v1/items/")
    assert front.hub.read("/items").json()["items"][0]["title"] == "Perché così"


def test_a_large_file_goes_through_whole_or_in_pieces(front: Front) -> None:
    content = b"%PDF-1.7 " + bytes(range(256)) * 80_000
    assert len(content) > 20_000_000
    for name, sent in (("d-1", content), ("d-2", iter([content[:5_000_000], content[5_000_000:]]))):
        item_id = front.hub.publish("documents", make_document(name, content)).json()["item_id"]
        headers = front.hub.signed(content, method="PUT", content_type="application/pdf")
        answer = front.hub.client.put(f"/publish/v1/documents/{item_id}/content", content=sent, headers=headers)
        assert (answer.status_code, answer.json()["state"]) == (201, "available")
        assert front.hub.read(f"/documents/{item_id}/content").content == content


def test_who_is_refused_before_the_body_is_read_is_told_why(front: Front) -> None:
    """The hub answers and closes while nginx is still sending: no 502."""
    content = bytes(24_000_000)
    stranger = front.hub.signed(content, method="PUT", content_type="application/pdf", vendor=Caller("nobody"))
    for headers in (stranger, {"Content-Type": "application/pdf"}):
        answer = front.hub.client.put("/publish/v1/documents/x/content", content=content, headers=headers)
        assert answer.status_code in (400, 401)
        assert answer.json()["code"] == "request.refused"
    large = bytes(25 * 2**20 + 1)
    headers = front.hub.signed(large, method="PUT", content_type="application/pdf")
    answer = front.hub.client.put("/publish/v1/documents/x/content", content=large, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "body.too_large")


def test_a_change_is_heard_at_once(front: Front) -> None:
    hub, headers = front.hub, front.hub.reader()
    with hub.client.stream("GET", "/feed/v1/events", headers=headers) as response:
        assert response.status_code == 200
        lines = response.iter_lines()
        assert next(lines) == "retry: 2000"
        with front.client() as other:
            body = json.dumps(make_message("m-heard", title="Appena arrivato")).encode()
            assert other.post("/publish/v1/messages", content=body, headers=hub.signed(body)).status_code == 201
        assert next(line for line in lines if "Appena arrivato" in line).startswith("data: ")


def test_the_certificate_of_the_handshake_is_the_one_that_counts(front: Front) -> None:
    """And not one that somebody writes into the header."""
    body = json.dumps(make_message("m-wired")).encode()
    forged = quote(front.pki.client("wired").certificate.public_bytes(Encoding.PEM).decode(), safe="")

    def post(shown: str | None, **more: str) -> int:
        headers = front.hub.signed(body, vendor=front.wired)
        with front.client(shown) as client:
            return client.post("/publish/v1/messages", content=body, headers=headers | more).status_code

    assert post("wired") == 201
    assert post("wired", **{HEADER: forged}) == 200
    assert post(None) == 401
    assert post("other") == 401
    assert post(None, **{HEADER: forged}) == 401


def test_nobody_speaks_for_the_proxy(front: Front) -> None:
    """The address that is counted is nginx's word: whoever guesses is stopped whatever address it claims."""
    with front.client() as client:
        answers = [
            client.post("/publish/v1/messages", content=b"{}", headers={"X-Forwarded-For": f"203.0.113.{n}"})
            for n in range(2 * REFUSALS + 1)  # of two minutes, where one ends meanwhile
        ]
    assert 429 in {answer.status_code for answer in answers}
    assert front.hub.publish("messages", make_message("m-after")).status_code == 201
