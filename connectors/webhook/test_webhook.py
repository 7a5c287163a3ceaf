"""The webhook: the common promises, the signatures of Standard Webhooks, and what is never sent."""

import base64
import hashlib
import hmac
import json
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import ValidationError

from connectors import webhook
from connectors.base.conformance import Walk, advance, make_notice
from connectors.base.http_conformance import HttpConformance, leading_to
from connectors.base.scripted import Received, Reply, ScriptedServer
from connectors.webhook import connect
from connectors.webhook.config import Settings
from contracts.connector import Connector, Continue, Done, Limits
from contracts.failures import Deferred, Misconfigured, Rejected, Unconfirmed
from contracts.following import ItemEvent
from contracts.proving import Proof

HERE = Path(__file__).parent
HMAC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLDER = "whsec_" + base64.b64encode(bytes(range(32))).decode()
ED25519 = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
PUBLIC = "1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
"""The public half of ED25519, as whpk_ has it."""


def verified(request: Received, secret: str = HMAC) -> set[str]:
    """The versions of those signatures that hold, verified by hand as a receiver would."""
    content = b".".join([request.headers["webhook-id"].encode(), request.headers["webhook-timestamp"].encode()])
    content += b"." + request.body
    found = set()
    for version, value in (one.split(",") for one in request.headers["webhook-signature"].split(" ")):
        raw = base64.b64decode(value)
        if version == "v1":
            key = base64.b64decode(secret.removeprefix("whsec_"))
            if hmac.compare_digest(raw, hmac.new(key, content, hashlib.sha256).digest()):
                found.add(version)
        else:
            Ed25519PublicKey.from_public_bytes(base64.b64decode(PUBLIC)).verify(raw, content)
            found.add(version)
    return found


def made(url: str = "https://gestionale.example.it/hook", limits=None, **settings) -> Connector:
    given = {"url": url, "signing_secrets": HMAC} | settings
    return connect(Settings.model_validate_json(json.dumps(given)), limits or Limits())


def event(**notice):
    sample = json.loads((HERE / "samples" / "delivered.json").read_text())
    return make_notice(**(sample["notice"] | notice))


class TestConformance(HttpConformance):
    samples = HERE / "samples"
    sending = 0
    secrets = (HMAC, ED25519)

    def connect_to(self, url: str, limits: Limits) -> Connector:
        secrets = f"{ED25519}\n{HMAC}"
        own = {"payload": "notice", "private_hosts": "127.0.0.1", "signing_secrets": secrets}
        return made(f"{url}/hooks/raccordo", limits, **own)

    def before(self, exchange: int) -> Walk:
        walk = super().before(exchange)
        assert isinstance(walk.step(), Continue)  # what follows is announced
        return walk

    def check_request(self, request: Received) -> None:
        assert request.headers["content-type"] == "application/json"
        assert request.headers["webhook-id"] == "01890a5d-ac96-774b-bcce-b302099a8057"
        assert verified(request) == {"v1", "v1a"}
        assert len(request.body) <= 20_000
        ItemEvent.model_validate_json(request.body)

    def identifier(self, request: Received) -> str:
        return request.headers["webhook-id"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "w",
        "whsec_%",
        "whsec_" + base64.b64encode(bytes(23)).decode(),
        "whsec_" + base64.b64encode(bytes(65)).decode(),
        "whpk_" + PUBLIC,
        ED25519[:-8],
        ED25519[:-5] + "AAA==",
        "whsk_" + base64.b64encode(bytes(64)).decode(),
        f"{HMAC} nonsense",
        " ".join([HMAC] * 6),
    ],
)
def test_what_is_no_secret_is_refused_and_not_shown(text):
    with pytest.raises(ValidationError) as caught:
        made(signing_secrets=text)
    shown = "; ".join(each["msg"] for each in caught.value.errors(include_input=False))
    assert text.partition("_")[2] in ("", "%") or text.partition("_")[2] not in shown


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"signing_secrets": None}, "a call must be proved"),
        ({"url": "http://gestionale.example.it/"}, "plain http"),
        ({"url": "http://127.0.0.1:9/"}, "plain http"),
        ({"url": "https://user:pw@gestionale.example.it/"}, "https address"),
        ({"url": "https://[::1]/"}, "https address"),
        ({"proof": "modi"}, "proof_audience"),
        ({"proof": "pdnd", "proof_audience": "a"}, "proof_client"),
        ({"proof": "pdnd", "proof_client": "c"}, "proof_audience"),
        ({"proof": "modi", "proof_audience": "a", "audit": "AUDIT_REST_02", "audit_user": "u"}, "tied to a voucher"),
        ({"proof": "modi", "proof_audience": "a", "audit": "AUDIT_REST_01"}, "audit_user"),
        ({"proof": "modi", "proof_audience": "a", "answers": "signed"}, "answer_keys"),
        ({"proof": "modi", "proof_audience": "a", "answer_keys": "{}"}, "answer_keys"),
        ({"answers": "signed", "answer_keys": "{}"}, "signed ones come with"),
        (
            {
                "proof": "modi",
                "proof_audience": "a",
                "answers": "tied",
                "answer_keys": "{}",
                "proof_integrity": False,
            },
            "proof_integrity",
        ),
        ({"proof_client": "c"}, "proof=pdnd alone"),
        ({"proof_issuer": "c"}, "proof=modi alone"),
        ({"events": ""}, "at least 1"),
        ({"events": "notification"}, "Input should be"),
        ({"collections": "pratiche"}, "Input should be"),
    ],
)
def test_settings_that_would_not_do_are_told(settings, told):
    with pytest.raises(ValidationError, match=told):
        made(**settings)


def test_lists_come_as_text_too():
    text = {"events": "paid, withdrawn", "collections": "payments", "services": "tari,mensa", "private_hosts": "a.it"}
    given = Settings.model_validate_json(json.dumps({"url": "https://a.it/x", "signing_secrets": HMAC} | text))
    assert (given.events, given.collections, given.services, given.private_hosts) == (
        ("paid", "withdrawn"),
        ("payments",),
        ("tari", "mensa"),
        ("a.it",),
    )


def test_a_proof_that_the_hub_did_not_give_is_not_done_without():
    given = {"url": "https://a.it/x", "proof": "modi", "proof_audience": "https://a.it"}
    with pytest.raises(Misconfigured):
        connect(Settings.model_validate_json(json.dumps(given)), Limits())


@pytest.mark.parametrize(
    ("found", "refused"),
    [
        (["127.0.0.1"], True),
        (["10.0.0.7"], True),
        (["169.254.169.254"], True),
        (["::ffff:10.0.0.7"], True),
        (["64:ff9b::a00:7"], True),
        (["fd00::1"], True),
        (["192.168.1.1", "93.184.216.34"], False),
    ],
)
def test_a_name_that_leads_into_a_private_network_is_not_connected_to(found, refused, monkeypatch):
    tried = leading_to(found, monkeypatch)
    result = advance(made(), event(), {"step": "tell"})
    assert type(result) is Deferred
    assert (result.reason == "http.address_refused") == refused
    assert tried == (set() if refused else {"93.184.216.34"})


def test_a_delivery_that_tells_nothing_is_refused():
    result = advance(made(), make_notice(), {})
    assert (type(result), result.reason) == (Rejected, "webhook.nothing_to_tell")


def test_ids_alone_are_told_unless_the_settings_say_otherwise():
    """What is personal stays here even where the hub gave it."""
    (shown,) = made().preview(event())
    assert shown.fields["data.notice"] == "null"
    assert "RSSMRA80A01H501U" not in " ".join(shown.fields.values())


@pytest.fixture
def server():
    with ScriptedServer() as server:
        yield server


@pytest.fixture(autouse=True)
def _closing(monkeypatch):
    """Whatever `connect` made is closed when the test is over."""
    made = []
    chosen = webhook.chosen_client

    def noted(*arguments, **named):
        made.append(chosen(*arguments, **named))
        return made[-1]

    monkeypatch.setattr(webhook, "chosen_client", noted)
    yield
    for client in made:
        client.close()


def test_the_check_sends_a_signed_event_that_tells_nothing(server):
    connector = made(f"{server.url}/hook", private_hosts="127.0.0.1")
    server.play(Reply(204))
    assert "signed event" in connector.check()
    (request,) = server.received
    assert verified(request) == {"v1"}
    assert json.loads(request.body)["type"] == "raccordo.ping"
    server.play(Reply(401))
    with pytest.raises(Misconfigured, match="not_authorised"):
        connector.check()


class Counting(httpx.Auth):
    """Stands for the hub's proof."""

    requires_request_body = True

    def auth_flow(self, request):
        request.headers["Digest"] = f"bytes={len(request.content)}"
        yield request


@pytest.mark.parametrize(("fault", "outcome"), [(None, Done), ("signature.invalid", Unconfirmed)])
def test_an_answer_that_is_not_its_senders_is_no_acknowledgement(server, fault, outcome):
    seen = []

    def check(headers, body, digest):
        seen.append((dict(headers)["x-signed"], body, digest))
        return fault

    settings = {"proof": "modi", "proof_audience": "https://g.example.it", "private_hosts": "127.0.0.1"}
    given = Settings.model_validate_json(json.dumps({"url": f"{server.url}/hook"} | settings))
    connector = connect(given, Limits(), Proof(Counting(), check))
    server.play(Reply(200, b"{}", {"X-Signed": "yes"}))
    result = advance(connector, event(), {"step": "tell"})
    assert type(result) is outcome
    assert seen == [("yes", b"{}", f"bytes={len(server.received[0].body)}")]
    assert "webhook-signature" not in server.received[0].headers
    # An error may be unsigned: it promises nothing.
    server.play(Reply(503))
    assert type(advance(connector, event(), {"step": "tell"})) is Deferred
    assert len(seen) == 1
    # What was cut cannot be verified.
    server.play(Reply(200, b"{}", {"Content-Length": "10", "X-Signed": "yes"}))
    result = advance(connector, event(), {"step": "tell"})
    assert (result.reason, result.detail) == ("answer.not_proved", "incomplete")


def test_an_acknowledgement_that_was_cut_is_none(server):
    server.play(Reply(200, b"{}", {"Content-Length": "10"}))
    result = advance(made(f"{server.url}/hook", private_hosts="127.0.0.1"), event(), {"step": "tell"})
    assert (type(result), result.reason) == (Unconfirmed, "webhook.acknowledgement_cut")


def test_the_schema_in_the_folder_is_that_of_the_body():
    schema = json.loads((HERE / "event.schema.json").read_text(encoding="utf-8"))
    assert schema == ItemEvent.model_json_schema(mode="serialization")
