"""The connector: the common promises of what pulls and of what is called, and each way of paging and of proving."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.base.inbound_conformance import CallbackConformance
from connectors.base.listing_conformance import ListingConformance
from connectors.base.pull_conformance import PullConformance
from connectors.base.scripted import Reply
from connectors.mapped import connect
from connectors.mapped.config import Settings
from connectors.mapped.hook import MOST_RECORDS
from contracts.answering import Call
from contracts.connector import Limits

SAMPLES = Path(__file__).parent / "samples"
TRIBUTI = json.loads((SAMPLES / "tributi.json").read_text())
NOTICE = TRIBUTI["tests"][0]["sample"]["dati"]["avvisi"][0] | {"stato": "EMESSO"}
KEY = "the-secret-key-of-the-source"
NOW = datetime(2026, 6, 2, 9, 30, tzinfo=UTC)


def connected(limits=None, proved=None, **settings):
    given = {"vendor_id": "acme", "mapping": TRIBUTI} | settings
    return connect(Settings.model_validate_json(json.dumps(given)), limits or Limits(), proved)


class TestPull(PullConformance):
    samples = SAMPLES / "pulled"
    secrets = (KEY,)
    personal = ("RSSMRA80A01H501U", "mario.rossi@posta.example")

    def made(self, url, limits, private):
        return connected(
            limits,
            origin="rest",
            url=f"{url}/api/avvisi?stato=tutti",
            private_hosts=private,
            auth="header",
            auth_header="X-Api-Key",
            secret=KEY,
            paging="page",
            page_parameter="pagina",
            size_parameter="per",
            size=2,
            since_parameter="da",
            changed_at="modificato",
        )

    def connect_to(self, url, limits):
        return self.made(url, limits, ["127.0.0.1"])

    def connect_unlisted(self, limits):
        return self.made("https://provider.example", limits, [])

    def check_request(self, request):
        assert request.headers["x-api-key"] == KEY
        assert request.headers["accept-encoding"] == "identity"


class TestLists(ListingConformance):
    secrets, personal = (KEY,), TestPull.personal
    lists_all: ClassVar = {"reason": "Non più presente nel gestionale"}
    settings: ClassVar = {"paging": "page", "page_parameter": "p", "first_page": 0}

    def connect_to(self, url, limits):
        mapping = TRIBUTI | {"lists_all": self.lists_all}
        given = {"origin": "rest", "url": f"{url}/avvisi", "private_hosts": ["127.0.0.1"], "mapping": mapping}
        proof = {"auth": "header", "auth_header": "X-Api-Key", "secret": KEY}
        return connected(limits, **(given | proof | self.settings))

    def lists(self, records):
        return lambda request: Reply(200, listed(self.page(records, asked_of(request))))

    def page(self, records, asked):
        start = 2 * int(asked["p"])
        return records[start : start + 2]

    def named(self, record):
        return f"payments/AVV-2026-{record:06d}"


class TestListsByOffset(TestLists):
    settings: ClassVar = {"paging": "offset", "page_parameter": "o", "size_parameter": "n", "size": 2}

    def page(self, records, asked):
        start = int(asked["o"])
        return records[start : start + int(asked["n"])]


class TestListsByCursor(TestLists):
    settings: ClassVar = {"paging": "cursor", "page_parameter": "c", "next": "dopo"}

    def lists(self, records):
        def answer(request):
            start = int(asked_of(request).get("c", 0))
            after = {"dopo": start + 2} if start + 2 < len(records) else {}
            return Reply(200, listed(records[start : start + 2]) | after)

        return answer


class TestListsOfOnePage(TestLists):
    settings: ClassVar = {"paging": "none"}

    def lists(self, records):
        body = listed(records)
        return lambda request: Reply(304) if request.headers.get("if-none-match") == _tag(body) else _tagged(body)


class TestListsWithAddresses(TestLists):
    lists_all = TestLists.lists_all | {
        "record_id": {"as": "text", "from": "external_id", "replace": [["AVV-2026-", ""]]}
    }

    def connect_to(self, url, limits):
        self.settings = TestLists.settings | {"record_url": f"{url}/avvisi/"}
        return super().connect_to(url, limits)

    def lists(self, records):
        pages = super().lists(records)

        def answer(request):
            place, _, number = urlsplit(request.path).path.rpartition("/")
            if place != "/avvisi":
                return pages(request)
            return Reply(200, NOTICE | {"numero": int(number)}) if int(number) in records else Reply(404)

        return answer


def asked_of(request):
    return dict(parse_qsl(urlsplit(request.path).query))


def listed(records):
    return {"dati": {"avvisi": [NOTICE | {"numero": each} for each in records]}}


def _tag(body):
    return f'"{hashlib.sha256(json.dumps(body).encode()).hexdigest()[:16]}"'


def _tagged(body):
    return Reply(200, body, {"ETag": _tag(body)})


class Called(CallbackConformance):
    secrets = (KEY,)
    personal = ("RSSMRA80A01H501U", "Mario.Rossi@posta.example")

    def body(self):
        return json.dumps({"dati": {"avvisi": [NOTICE, NOTICE | {"numero": 13, "importo": "1.5"}]}}).encode()

    def call(self, body, headers):
        return Call("POST", "", "https://hub.example/callbacks/v1/c_h501/tributi/", "", headers, body, NOW)


class TestCallsWithASharedSecret(Called):
    credentials = ("x-webhook-key",)

    def connect(self):
        return connected(origin="webhook", webhook_header="X-Webhook-Key", webhook_secret=KEY)

    def authentic(self, body):
        return self.call(body, (("X-Webhook-Key", KEY),))


HMAC = bytes(range(32))
ED25519 = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def signed(call, *, by="v1", at=NOW, message_id="msg_1", body=None):
    stamp = str(int(at.timestamp()))
    content = f"{message_id}.{stamp}.".encode() + (call.body if body is None else body)
    raw = hmac.digest(HMAC, content, hashlib.sha256) if by == "v1" else ED25519.sign(content)
    headers = {"webhook-id": message_id, "webhook-timestamp": stamp}
    headers["webhook-signature"] = f"v9,AAAA {by},{base64.b64encode(raw).decode()}"
    return replace(call, headers=tuple(headers.items()))


class TestSignedCalls(Called):
    credentials = ("webhook-id", "webhook-timestamp", "webhook-signature")
    keys = "whsec_" + base64.b64encode(HMAC).decode()
    by = "v1"
    secrets = (keys,)

    def connect(self):
        return connected(origin="webhook", webhook_keys=self.keys)

    def authentic(self, body):
        return signed(self.call(body, ()), by=self.by)

    def forged(self):
        call = self.call(self.body(), ())
        return {
            "of yesterday": signed(call, by=self.by, at=NOW - timedelta(seconds=301)),
            "of tomorrow": signed(call, by=self.by, at=NOW + timedelta(seconds=301)),
            "over another body": signed(call, by=self.by, body=b"{}"),
            "with an id that may end elsewhere": signed(call, by=self.by, message_id="a.1"),
        }


class TestCallsSignedWithAKeyPair(TestSignedCalls):
    keys = "whsec_" + base64.b64encode(HMAC[::-1]).decode()
    keys += " whpk_" + base64.b64encode(ED25519.public_key().public_bytes_raw()).decode()
    by = "v1a"
    secrets = (keys,)


def test_both_means_are_needed_where_both_are_set():
    connector = connected(
        origin="webhook", webhook_keys=TestSignedCalls.keys, webhook_header="X-Webhook-Key", webhook_secret=KEY
    )
    call = signed(Called().call(Called().body(), ()))
    assert connector.answer(call, None).status == 401
    assert connector.answer(replace(call, headers=(("X-Webhook-Key", KEY),)), None).status == 401
    assert connector.answer(replace(call, headers=(*call.headers, ("X-Webhook-Key", KEY))), None).status == 204


def test_a_call_of_very_many_records_is_refused_whole():
    connector = connected(origin="webhook", webhook_header="X-Webhook-Key", webhook_secret=KEY)
    for number, status in ((MOST_RECORDS, 204), (MOST_RECORDS + 1, 413)):
        body = json.dumps({"dati": {"avvisi": [1] * number}}).encode()
        reply = connector.answer(Called().call(body, (("X-Webhook-Key", KEY),)), None)
        assert (reply.status, len(reply.found)) == (status, number if status == 204 else 0)


REST = {"origin": "rest", "url": "https://a.example/x"}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"origin": "rest"}, "url: serve con origin=rest, e solo lì / needed"),
        ({"url": "https://a.example/x"}, "url: serve con origin=rest, e solo lì / needed"),
        ({"origin": "webhook"}, "webhook_keys or webhook_secret: needed"),
        ({"origin": "webhook", "webhook_header": "X-Key"}, "go together"),
        ({"origin": "webhook", "webhook_header": "X-Key", "webhook_secret": "short"}, "at least 16"),
        ({"origin": "webhook", "webhook_keys": "whsec_AAAA"}, "24 to 64 bytes"),
        ({"origin": "webhook", "webhook_keys": "whpk_AAAA"}, "32 bytes"),
        ({"webhook_keys": TestSignedCalls.keys}, "only there"),
        (REST | {"url": "http://a.example/x"}, "plain http"),
        (REST | {"url": "http://127.0.0.1/x"}, "plain http"),
        (REST | {"url": "https://user:x@a.example/x"}, "url"),
        (REST | {"auth": "header"}, "secret: serve dove"),
        (REST | {"secret": "x"}, "secret: serve dove"),
        (REST | {"auth": "header", "secret": "ù"}, "ASCII"),
        (REST | {"auth": "basic", "secret": "x"}, "auth_user"),
        (REST | {"auth": "oauth", "auth_user": "a", "secret": "x"}, "token_url"),
        ({"auth": "header", "secret": "x"}, "goes with origin=rest"),
        (REST | {"paging": "page"}, "page_parameter"),
        (REST | {"paging": "cursor", "page_parameter": "c"}, "next: serve con"),
        (REST | {"next": "n"}, "next: va con"),
        (REST | {"since_parameter": "da"}, "go together"),
    ],
)
def test_settings_that_do_not_go_together(settings, told):
    with pytest.raises(ValueError, match="validation error") as caught:
        connected(**settings)
    assert told in str(caught.value)
    assert KEY not in str(caught.value)
