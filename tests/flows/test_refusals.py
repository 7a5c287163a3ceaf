"""What is refused, with which status and code, and what a refusal leaves behind: its evidence and nothing else."""

import json
import time
from datetime import UTC, datetime, timedelta
from unittest.mock import Mock

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from hub.security.digest import digest_header
from hub.security.jose import base64url
from hub.store.tables import access_log, citizens, deliveries, evidence, items
from tests.flows.making import described_hub, fresh, make_document, published, rows
from tests.harness import FEED_AUDIENCE, PUBLISH_AUDIENCE, Caller, make_message

BODY_LIMIT = 20_000


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    folder = tmp_path_factory.mktemp("refusals")
    with described_hub(folder / "home", body_limit=BODY_LIMIT, content_limit=BODY_LIMIT * 2) as running:
        published(running, "messages", make_message("first"))
        yield running


def body(**fields):
    return json.dumps(make_message(fresh()) | fields).encode()


GOOD = body()
TABLE = {
    "not JSON": (b"{", 400, "request.invalid"),
    "empty": (b"", 400, "request.invalid"),
    "not UTF-8": (b'{"title": "\xff"}', 400, "request.invalid"),
    "a byte order mark": (b"\xef\xbb\xbf" + GOOD, 400, "request.invalid"),
    "half a surrogate pair": (GOOD.replace(b"Testo", b"\\ud800"), 400, "request.invalid"),
    "nested too deep": (b'{"a":' * 2000 + b"1" + b"}" * 2000, 400, "request.invalid"),
    "an array": (b"[]", 400, "request.invalid"),
    "a string": (b'"x"', 400, "request.invalid"),
    "null": (b"null", 400, "request.invalid"),
    "NaN": (GOOD.replace(b'"version": 1', b'"version": NaN'), 422, "contract.violation"),
    "infinity": (GOOD.replace(b'"version": 1', b'"version": 1e999'), 422, "contract.violation"),
    "a number as a string": (body(version="1"), 422, "contract.violation"),
    "true as a number": (body(version=True), 422, "contract.violation"),
    "an unknown field": (body(altro=1), 422, "contract.violation"),
    "an unknown field inside": (body(notify={"altro": 1}), 422, "contract.violation"),
    "a recipient that is no object": (body(recipient="x"), 422, "contract.violation"),
    "an action that is no object": (body(actions=[1]), 422, "contract.violation"),
    "an instant before the year 1 in UTC": (body(occurred_at="0001-01-01T00:00:00+14:00"), 422, "contract.violation"),
    "an instant after the year 9999 in UTC": (body(occurred_at="9999-12-31T23:59:59-14:00"), 422, "contract.violation"),
    "another collection": (body(collection="payments"), 422, "contract.violation"),
    "a wrong tax code": (body(recipient={"tax_code": "RSSMRA80A01H501X"}), 422, "contract.violation"),
    "a NUL in a text": (body(body_markdown="a\u0000b"), 422, "contract.violation"),
}


@pytest.mark.parametrize("name", ["a%00b", "no-id", "0199d1a2-7b3c-7d4e-8f50-6a7b8c9d0e1f"])
@pytest.mark.parametrize(
    ("method", "path", "content", "media_type"),
    [
        ("POST", "items/{}/withdrawals", b'{"reason": "x"}', "application/json"),
        ("PUT", "documents/{}/content", b"x", "application/pdf"),
        ("GET", "items/{}", b"", None),
    ],
)
def test_what_names_no_item_is_unknown_once(hub, name, method, path, content, media_type):
    """PostgreSQL takes no NUL: the batch broke with all that was in it, and the token was never used up."""
    headers = hub.signed(content, method=method, content_type=media_type)
    target = f"/publish/v1/{path.format(name)}"
    answers = [hub.client.request(method, target, content=content or None, headers=headers) for _ in range(2)]
    assert [answer.json()["code"] for answer in answers] == ["item.unknown", "token.replayed"]


def left_behind(hub):
    """How many rows of each kind there are."""
    with hub.home.database.read() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (items, deliveries, citizens, evidence)
        }


def refused(hub, response, status, code, *, evidence_rows=1):
    """Asserts the answer, and that only its evidence was left."""
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["Content-Type"] == "application/problem+json"
    assert len(rows(hub, evidence, request_id=response.json()["request_id"], verdict="refused")) == evidence_rows


@pytest.fixture
def unchanged(hub):
    """Nothing but evidence may be added in the test."""
    before = left_behind(hub)
    yield
    after = left_behind(hub)
    assert {k: v for k, v in after.items() if k != "evidence"} == {k: v for k, v in before.items() if k != "evidence"}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("case", TABLE)
def test_a_bad_body_is_refused_and_leaves_one_row_of_evidence(hub, case):
    sent, status, code = TABLE[case]
    refused(hub, hub.publish("messages", sent), status, code)


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"altro": 1}, "/altro", "field.unknown"),
        ({"a/b~c": 1}, "/a~1b~0c", "field.unknown"),
        ({"recipient": "x"}, "/recipient", "field.type"),
        ({"recipient": {"tax_code": "X"}}, "/recipient/tax_code", "field.too_short"),
        ({"title": ""}, "/title", "field.too_short"),
        ({"title": "x" * 201}, "/title", "field.too_long"),
        ({"version": 0}, "/version", "field.too_small"),
        ({"kind": "altro"}, "/kind", "field.not_allowed"),
        ({"source": "con spazi"}, "/source", "field.pattern"),
        ({"occurred_at": "2026-11-23T09:00:00"}, "/occurred_at", "field.zone_missing"),
        ({"actions": [{"kind": "pay", "label": "Paga", "url": "http://x.it"}]}, "/actions/0/url", "field.invalid"),
    ],
)
def test_a_fault_is_told_with_its_place_and_a_stable_code(hub, fields, pointer, code):
    (fault,) = hub.publish("messages", body(**fields)).json()["errors"]
    assert (fault["pointer"], fault["code"]) == (pointer, code)


def test_no_batch_waits_for_a_request_that_is_refused(hub, monkeypatch):
    """It waits for its own commit: counted as on its way it would have held up each batch, its own as well."""
    committer, seen = hub.hub.committer, []
    original = hub.hub.intake.record_unsigned

    def record_unsigned(tx, refusals):
        deadline = time.monotonic() + 2
        while committer.coming and time.monotonic() < deadline:
            time.sleep(0.001)
        seen.append(committer.coming)
        return original(tx, refusals)

    monkeypatch.setattr(hub.hub.intake, "record_unsigned", record_unsigned)
    content = body()
    headers = hub.signed(content) | {"Digest": digest_header(b"another")}
    answer = hub.client.post("/publish/v1/messages", content=content, headers=headers)
    assert (answer.json()["code"], seen) == ("request.refused", [0])


def test_every_fault_is_told_at_once(hub):
    errors = hub.publish("messages", body(title="", version=0, altro=1)).json()["errors"]
    assert {fault["pointer"] for fault in errors} == {"/title", "/version", "/altro"}


def test_the_answer_to_a_thousand_faults_stays_short(hub):
    sent = b"{" + b",".join(b'"x%d":1' % n for n in range(1000)) + b"}"
    assert len(hub.publish("messages", sent).json()["errors"]) == 100


@pytest.mark.req("S60")
@pytest.mark.parametrize("fields", [{"RSSMRA80A01H501U": 1}, {"recipient": {"tax_code": "RSSMRA80A01H501A"}}])
def test_no_fault_repeats_a_tax_code(hub, fields):
    response = hub.publish("messages", body(**fields))
    assert response.status_code == 422
    assert "RSSMRA" not in response.text


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "application/json-seq", "multipart/form-data"])
def test_a_wrong_media_type_is_415(hub, media_type):
    headers = hub.signed(GOOD, content_type=media_type)
    response = hub.client.post("/publish/v1/messages", content=GOOD, headers=headers)
    refused(hub, response, 415, "media.unsupported")


@pytest.mark.usefixtures("unchanged")
def test_a_content_coding_is_415_though_its_signature_holds(hub):
    headers = hub.signed(GOOD)
    key = hub.vendor.key
    claims = {"iss": "acme", "aud": PUBLISH_AUDIENCE, "iat": int(datetime.now(UTC).timestamp())}
    claims |= {"nbf": claims["iat"], "exp": claims["iat"] + 60, "jti": fresh()}
    signed = [{"digest": digest_header(GOOD)}, {"content-type": "application/json"}, {"content-encoding": "gzip"}]
    headers |= {"Content-Encoding": "gzip", "Agid-JWT-Signature": key.token(claims | {"signed_headers": signed})}
    response = hub.client.post("/publish/v1/messages", content=GOOD, headers=headers)
    refused(hub, response, 415, "media.unsupported")


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_a_parameter_or_the_case_of_the_media_type_makes_no_difference(hub, media_type):
    sent = body()
    response = hub.client.post("/publish/v1/messages", content=sent, headers=hub.signed(sent, content_type=media_type))
    assert response.status_code == 201


# --- too large: refused before anything is verified, so there is nobody to keep evidence about


@pytest.mark.usefixtures("unchanged")
def test_a_body_announced_too_large_is_refused_unread(hub):
    sent = b'{"a":"' + b"x" * BODY_LIMIT + b'"}'
    refused(hub, hub.publish("messages", sent), 413, "body.too_large", evidence_rows=0)


@pytest.mark.usefixtures("unchanged")
def test_a_streamed_body_is_refused_as_soon_as_it_is_too_large(hub):
    sent = b'{"a":"' + b"x" * BODY_LIMIT + b'"}'
    pieces = (sent[n : n + 4096] for n in range(0, len(sent), 4096))
    response = hub.client.post("/publish/v1/messages", content=pieces, headers=hub.signed(sent))
    refused(hub, response, 413, "body.too_large", evidence_rows=0)


def test_a_body_at_the_limit_is_read(hub):
    sent = body(summary="x")
    sent += b" " * (BODY_LIMIT - len(sent))
    assert hub.publish("messages", sent).status_code == 201


def test_a_file_has_a_limit_of_its_own(hub):
    content = b"x" * (BODY_LIMIT + 1)
    item_id = published(hub, "documents", make_document(fresh(), content))
    assert hub.upload(item_id, content).status_code == 201
    assert hub.upload(item_id, b"x" * (2 * BODY_LIMIT + 1)).status_code == 413


def test_the_body_of_a_patch_has_a_limit(hub):
    assert hub.mark("x", {"a": "x" * BODY_LIMIT}).status_code == 413


# --- nothing there


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "path", ["/", "/publish", "/publish/v1", "/publish/v1/citizens", "/publish/v2/messages", "/feed/v1/citizens"]
)
def test_an_unknown_path_is_404(hub, path):
    headers = hub.signed(GOOD)
    refused(hub, hub.client.post(path, content=GOOD, headers=headers), 404, "path.unknown", evidence_rows=0)


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/publish/v1/messages", {"POST"}),
        ("PATCH", "/publish/v1/documents/x/content", {"PUT"}),
        ("POST", "/feed/v1/items", {"GET", "HEAD"}),
        ("PUT", "/feed/v1/items/x/user-state", {"PATCH"}),
        ("OPTIONS", "/publish/v1/messages", {"POST"}),
    ],
)
def test_a_wrong_method_is_405_and_told_the_right_one(hub, method, path, allowed):
    response = hub.client.request(method, path)
    refused(hub, response, 405, "method.not_allowed", evidence_rows=0)
    assert set(response.headers["Allow"].split(", ")) == allowed


@pytest.mark.parametrize("path", ["/docs", "/docs/publish", "/publish/v1/openapi.json"])
def test_what_is_only_read_takes_no_other_method(hub, path):
    response = hub.client.post(path)
    assert response.status_code == 405
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD"}


@pytest.mark.parametrize("path", ["/publish/v1/messages/", "/feed/v1/items/"])
def test_a_slash_at_the_end_is_no_path_of_ours(hub, path):
    assert hub.client.get(path).status_code == 404


# --- before the signature holds


def sign(hub, sent=GOOD, *, key=None, header=None, token=None, signature=None, **claims):
    """Signed headers with some of their claims, or the JOSE header, changed."""
    now = int(datetime.now(UTC).timestamp())
    good = {"iss": "acme", "aud": PUBLISH_AUDIENCE, "iat": now, "nbf": now, "exp": now + 60, "jti": fresh()} | claims
    good = {name: value for name, value in good.items() if value is not None}
    signed = {"signed_headers": [{"digest": digest_header(sent)}, {"content-type": "application/json"}]}
    key = key or hub.vendor.key
    return {
        "Authorization": token or f"Bearer {key.token(good)}",
        "Agid-JWT-Signature": signature or key.token(good | signed),
        "Digest": digest_header(sent),
        "Content-Type": "application/json",
    }


def unsecured(header, claims):
    return f"{base64url(json.dumps(header).encode())}.{base64url(json.dumps(claims).encode())}."


REFUSED_401 = {
    "another ente's audience": lambda hub: sign(hub, aud="https://altro.example.it/publish/v1"),
    "the feed's audience": lambda hub: sign(hub, aud=FEED_AUDIENCE),
    "an unknown issuer": lambda hub: sign(hub, iss="nessuno"),
    "another vendor's key": lambda hub: sign(hub, key=hub.other_vendor.key),
    "an unregistered key": lambda hub: sign(hub, key=Caller("acme").key),
    "an expired token": lambda hub: sign(hub, iat=1_700_000_000, nbf=1_700_000_000, exp=1_700_000_060),
    "a token from the future": lambda hub: sign(hub, iat=4_000_000_000, nbf=4_000_000_000, exp=4_000_000_060),
    "a token that lives too long": lambda hub: sign(hub, exp=int(datetime.now(UTC).timestamp()) + 90_000),
    "no algorithm": lambda hub: sign(hub, token="Bearer " + unsecured({"alg": "none", "typ": "JWT"}, {"iss": "acme"})),
    "another body": lambda hub: sign(hub, sent=b"{}") | {"Digest": digest_header(GOOD)},
    "a wrong digest": lambda hub: sign(hub, sent=b"{}"),
    "no tokens": lambda hub: {"Content-Type": "application/json"},
}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("case", REFUSED_401)
def test_before_the_signature_holds_there_is_one_answer_and_one_row_of_evidence(hub, case):
    response = hub.client.post("/publish/v1/messages", content=GOOD, headers=REFUSED_401[case](hub))
    status = response.status_code
    assert status in (400, 401)
    refused(hub, response, status, "request.refused")


def test_before_the_signature_holds_all_answers_are_the_same(hub):
    answers = [
        hub.client.post("/publish/v1/messages", content=GOOD, headers=make(hub)).json() for make in REFUSED_401.values()
    ]
    bare = {json.dumps({k: v for k, v in a.items() if k not in ("request_id", "status")}) for a in answers}
    assert len(bare) == 1
    assert {a["status"] for a in answers} <= {400, 401}


def test_nothing_about_a_forged_request_is_told_to_its_sender_but_its_cause_is_kept(hub):
    response = hub.client.post("/publish/v1/messages", content=GOOD, headers=sign(hub, iss="nessuno"))
    (row,) = rows(hub, evidence, request_id=response.json()["request_id"])
    assert row["cause"].startswith("issuer.unknown")
    assert "issuer" not in response.text


@pytest.mark.parametrize("how", ["GET", "feed"])
def test_unsigned_reads_are_refused_too(hub, how):
    response = hub.client.get("/publish/v1/items" if how == "GET" else "/feed/v1/items")
    assert response.json()["code"] == "request.refused"


def test_a_refused_read_of_the_feed_leaves_no_access_record(hub):
    response = hub.client.get("/feed/v1/items")
    assert rows(hub, access_log, request_id=response.json()["request_id"]) == []


# --- the headers of every answer


ANSWERS = {
    "created": lambda hub: hub.publish("messages", body()),
    "invalid": lambda hub: hub.publish("messages", b"{}"),
    "refused": lambda hub: hub.client.get("/publish/v1/items"),
    "not found": lambda hub: hub.client.get("/nowhere"),
    "wrong method": lambda hub: hub.client.delete("/publish/v1/messages"),
    "too large": lambda hub: hub.publish("messages", b"x" * (BODY_LIMIT + 1)),
    "vendor's list": lambda hub: hub.vendor_get("/items"),
    "unknown item": lambda hub: hub.vendor_get("/items/x"),
    "publish status": lambda hub: hub.client.get("/publish/v1/status"),
    "feed status": lambda hub: hub.client.get("/feed/v1/status"),
    "feed": lambda hub: hub.read("/items"),
    "feed invalid": lambda hub: hub.read("/items?limit=x"),
    "changed": lambda hub: hub.mark("x", {"read": True}),
    "keys": lambda hub: hub.client.get("/.well-known/jwks.json"),
    "unsubscribe": lambda hub: hub.client.get("/public/v1/unsubscribes/x"),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_every_answer_says_what_is_left_and_how_it_is_called(hub, answer):
    headers = ANSWERS[answer](hub).headers
    left, most = int(headers["X-RateLimit-Remaining"]), int(headers["X-RateLimit-Limit"])
    assert 0 <= left <= most
    assert 1 <= int(headers["X-RateLimit-Reset"]) <= 60
    assert headers["X-Correlation-ID"]
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("given", ["abc-123", "a.b:c_d", "x" * 64])
def test_a_well_formed_correlation_id_is_echoed(hub, given):
    response = hub.client.get("/publish/v1/status", headers={"X-Correlation-ID": given})
    assert response.headers["X-Correlation-ID"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "<script>", "a,b"])
def test_any_other_correlation_id_is_replaced_by_the_request_id(hub, given):
    response = hub.client.get("/nowhere", headers={"X-Correlation-ID": given})
    assert response.headers["X-Correlation-ID"] == response.json()["request_id"]


# --- rates


@pytest.mark.usefixtures("one_minute")
def test_an_address_that_guesses_is_told_to_wait(tmp_path):
    with described_hub(tmp_path / "home", refusals_per_minute=5) as hub:
        guesses = [hub.client.get("/publish/v1/items") for _ in range(7)]
        assert [guess.status_code == 429 for guess in guesses] == [False] * 5 + [True] * 2
        assert guesses[-1].json()["code"] == "quota.exceeded"
        assert guesses[-1].headers["Retry-After"] == "30"
        assert guesses[-1].headers["X-RateLimit-Remaining"] == "0"


@pytest.mark.usefixtures("one_minute")
def test_what_an_address_has_left_counts_down(tmp_path):
    with described_hub(tmp_path / "home", refusals_per_minute=5) as hub:
        left = [int(hub.client.get("/publish/v1/items").headers["X-RateLimit-Remaining"]) for _ in range(3)]
    assert left == [4, 3, 2]


@pytest.mark.usefixtures("one_minute")
def test_a_vendor_that_calls_too_often_waits_and_hinders_nobody_else(tmp_path):
    with described_hub(tmp_path / "home", calls_per_minute=3) as hub:
        statuses = [hub.publish("messages", body()).status_code for _ in range(4)]
        assert statuses == [201, 201, 201, 429]
        assert hub.publish("messages", body(), vendor=hub.other_vendor).status_code == 201
        assert hub.read("/items").status_code == 200


def test_a_closed_store_answers_503_with_the_time_to_wait(tmp_path):
    with described_hub(tmp_path / "home") as hub:
        hub.hub.committer._closed = True
        response = hub.publish("messages", body())
        hub.hub.committer._closed = False
    assert (response.status_code, response.json()["code"]) == (503, "store.unavailable")
    assert int(response.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    "read", [lambda hub: hub.read("/items"), lambda hub: hub.vendor_get("/items"), lambda hub: hub.read("/summary")]
)
def test_a_read_of_a_database_that_is_away_answers_503(tmp_path, read):
    """It was a 500, which says that it is no use to try again."""
    with described_hub(tmp_path / "home") as hub:
        away = OperationalError("SELECT", {}, Exception("gone"))
        hub.hub.database.read = Mock(side_effect=away)
        response = read(hub)
        del hub.hub.database.read
    assert (response.status_code, response.json()["code"]) == (503, "store.unavailable")


def test_a_token_issued_a_little_ahead_of_our_clock_is_taken(hub):
    ahead = datetime.now(UTC) + timedelta(seconds=2)
    sent = body()
    response = hub.client.post("/publish/v1/messages", content=sent, headers=hub.signed(sent, now=ahead))
    assert response.status_code == 201


def test_a_caller_that_hangs_up_in_the_middle_leaves_nothing(hub):
    before = left_behind(hub)

    def half():
        yield b'{"a":'
        raise ConnectionError

    # Announced and small: it is read before anybody is asked for a signature, and its end never comes.
    headers = hub.signed(body()) | {"Content-Length": "500"}
    with pytest.raises((httpx.HTTPError, ConnectionError)):
        hub.client.post("/publish/v1/messages", content=half(), headers=headers)
    assert left_behind(hub) == before
