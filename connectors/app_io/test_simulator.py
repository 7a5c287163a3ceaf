"""The simulator against the connector, against wrong requests, and both against IO's official description."""

import asyncio
import json
import os
import socket
import threading
import time
from pathlib import Path

import httpx
import pytest
import uvicorn
import yaml
from jsonschema import Draft4Validator

from connectors.app_io import connect
from connectors.app_io.config import Settings
from connectors.app_io.mapping import Remote, Service, new_message
from connectors.app_io.simulator import simulator
from connectors.base.conformance import Walk, make_notice
from contracts.connector import Continue, Done, Limits, PaymentData
from contracts.failures import Deferred, Misconfigured, Rejected, Skipped, Unconfirmed

KEY = {"Ocp-Apim-Subscription-Key": "k"}
CODE = "RSSMRA80A01H501U"
PAYMENT = PaymentData("302000100000019421", 8450, "00301970190", invalid_after_due=False)
SAMPLES = Path(__file__).parent / "samples"
SPECS = os.environ.get("RACCORDO_PROVIDER_SPECS")


class Running:
    """A simulator under uvicorn, as the demo runs it."""

    def __init__(self, ledger, **options):
        self.ledger = ledger
        config = uvicorn.Config(
            simulator(ledger, **options), lifespan="off", ws="none", log_level="critical", timeout_graceful_shutdown=1
        )
        self.server = uvicorn.Server(config)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.origin = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.thread = threading.Thread(target=lambda: asyncio.run(self.server.serve([self.socket])))
        self.http = httpx.Client(base_url=f"{self.origin}/api/v1", headers=KEY, trust_env=False)
        self.connectors = []

    def __enter__(self):
        self.thread.start()
        while not self.server.started:
            time.sleep(0.005)
        return self

    def __exit__(self, *_):
        self.http.close()
        for connector in self.connectors:
            connector.close()
        self.server.should_exit = True
        self.thread.join(5)
        self.socket.close()

    def lines(self):
        return [json.loads(line) for line in self.ledger.read_text().splitlines()]

    def faults(self, *faults):
        assert httpx.post(f"{self.origin}/_sim/faults", json=faults, trust_env=False).status_code == 200

    def walk(self, timeout_s=10.0, **changes):
        settings = {"base_url": f"{self.origin}/api/v1", "api_key": "k"}
        self.connectors.append(connect(Settings.model_validate(settings), Limits(timeout_s=timeout_s)))
        return Walk(self.connectors[-1], make_notice(**changes))

    def send(self, content=None, **fields):
        body = new_message(make_notice(), Service())
        body["content"] |= content or {}
        return self.http.post("/messages", json=body | fields)


@pytest.fixture
def start(tmp_path):
    running = []

    def start(**options):
        running.append(Running(tmp_path / "io.jsonl", **options).__enter__())
        return running[-1]

    yield start
    for each in running:
        each.__exit__()


@pytest.fixture(scope="module")
def idle(tmp_path_factory):
    """One for all tests that no message gets past."""
    with Running(tmp_path_factory.mktemp("idle") / "io.jsonl", max_allowed_payment_amount=5000) as idle:
        yield idle


def test_a_delivery_from_end_to_end(start):
    io = start(registered={CODE})
    done = io.walk(payment=PAYMENT).finish()
    (line,) = io.lines()
    assert isinstance(done, Done)
    assert (line["message_id"], line["fiscal_code"]) == (done.provider_id, CODE)
    assert line["message"]["content"]["payment_data"]["amount"] == 8450


def test_people_who_are_not_there_or_do_not_want(start):
    io = start(registered={CODE}, not_allowed={CODE})
    assert io.walk().finish().reason == "io.sender_not_allowed"
    unknown = io.walk(tax_code="VRDLGI75B02F205X").finish()
    assert isinstance(unknown, Skipped | Rejected)
    assert not io.lines()


def test_final_states(start):
    io = start(outcomes={CODE: "REJECTED"}, status_polls=3)
    walk = io.walk()
    assert walk.finish().reason == "io.message_rejected"
    assert len(walk.waits) == 5


def test_throttling_and_errors(start):
    io = start(throttle_next=1)
    io.faults(
        {"kind": "throttle"},
        {"kind": "error", "status": 500},
        {"kind": "error", "status": 401},
        {"kind": "error", "status": 403},
        {"kind": "error", "status": 500, "on": "status"},
        {"kind": "delay", "seconds": 0.05},
    )
    walk = io.walk()
    assert isinstance(walk.step(), Continue)
    results = [walk.step() for _ in range(5)]
    assert [type(result) for result in results] == [Deferred, Deferred, Unconfirmed, Misconfigured, Misconfigured]
    assert [result.after.total_seconds() for result in results[:2]] == [1, 1]
    assert io.lines() == []
    assert isinstance(walk.finish(), Done)
    assert len(io.lines()) == 1


@pytest.mark.parametrize(
    ("fault", "lines"), [({"kind": "drop"}, 0), ({"kind": "cut"}, 1), ({"kind": "hang", "seconds": 20}, 1)]
)
def test_the_ledger_tells_what_the_connector_cannot_know(start, fault, lines):
    io = start()
    io.faults(fault)
    walk = io.walk(timeout_s=1.5)
    walk.step()
    assert type(walk.step()) is Unconfirmed
    assert len(io.lines()) == lines


def test_a_cut_before_anything_was_asked_for_is_deferred(start):
    io = start()
    io.faults(*[{"kind": "drop", "on": "profiles"}] * 3)
    assert type(io.walk().step()) is Deferred


def test_hang_next_and_forgetting_the_faults(start):
    io = start(hang_next=2)
    address = f"{io.origin}/_sim/faults"
    assert [fault["kind"] for fault in httpx.get(address, trust_env=False).json()] == ["hang", "hang"]
    httpx.delete(address, trust_env=False)
    assert isinstance(io.walk().finish(), Done)


def test_the_key_is_checked(start):
    io = start(api_keys={"another"})
    answer = io.send()
    assert (answer.status_code, answer.json()["statusCode"]) == (401, 401)
    assert type(io.walk().finish()) is Misconfigured


@pytest.mark.parametrize(
    "wrong",
    [
        {"content": {"subject": "too short"}},
        {"content": {"subject": "x" * 121}},
        {"content": {"subject": "😀" * 61}},
        {"content": {"markdown": "x" * 79}},
        {"content": {"markdown": "x" * 10_001}},
        {"content": {"due_date": "2026-06-16"}},
        {"content": {"due_date": "2026-06-16T21:59:59+02:00"}},
        {"content": {"payment_data": {"amount": 0, "notice_number": "302000100000019421"}}},
        {"content": {"payment_data": {"amount": "1", "notice_number": "302000100000019421"}}},
        {"content": {"payment_data": {"amount": 1, "notice_number": "402000100000019421"}}},
        {"content": {"payment_data": {"amount": 5001, "notice_number": "302000100000019421"}}},
        {"content": {"surprise": 1}},
        {"fiscal_code": CODE.lower()},
        {"fiscal_code": "00301970190"},
        {"time_to_live": 3599},
        {"time_to_live": 604_801},
        {"surprise": 1},
    ],
)
def test_what_io_would_refuse_is_refused(idle, wrong):
    answer = idle.send(**wrong)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert CODE not in answer.text.upper()
    assert idle.lines() == []


@pytest.mark.parametrize(
    "wanted",
    [
        {"feature_level_type": "ADVANCED"},
        {"default_addresses": {"email": "a@b.it"}},
        {"content": {"third_party_data": {"id": "1"}}},
        {
            "content": {
                "payment_data": {
                    "amount": 1,
                    "notice_number": "302000100000019421",
                    "payee": {"fiscal_code": "00301970190"},
                }
            }
        },
    ],
)
def test_what_needs_a_permission_is_forbidden(idle, wanted):
    assert idle.send(**wanted).status_code == 403


def test_not_json(idle):
    io = idle
    assert io.http.post("/messages", content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 400
    assert io.http.post("/messages", content=b"{", headers={"Content-Type": "application/json"}).status_code == 400
    assert io.http.get(f"/messages/{CODE}/unknown").status_code == 404
    assert io.http.get("/messages/mario/unknown").status_code == 400


def test_a_restart_forgets_no_message_and_no_half_line_counts(start, tmp_path):
    first = start()
    name = first.send().json()["id"]
    with (tmp_path / "io.jsonl").open("a") as ledger:
        ledger.write('{"message_id": "half')
    second = start()
    assert second.http.get(f"/messages/{CODE}/{name}").status_code == 200
    again = second.send().json()["id"]
    assert [line["message_id"] for line in second.lines()] == [name, again]


needs_specs = pytest.mark.skipif(
    SPECS is None, reason="NOT CHECKED against IO's official description: set RACCORDO_PROVIDER_SPECS to its folder"
)


@pytest.fixture(scope="module")
def official():
    definitions = yaml.safe_load((Path(SPECS) / "io-commons-definitions-v2.yaml").read_text(encoding="utf-8"))

    def check(value, name):
        # OpenAPI's subset of JSON Schema is that of draft 4; its own keywords are ignored by the validator.
        Draft4Validator({**definitions, "allOf": [{"$ref": f"#/{name}"}]}).validate(value)

    def fields(name):
        schema = definitions[name]
        parts = schema.get("allOf", [schema])
        return {
            field
            for part in parts
            for field in (fields(part["$ref"][2:]) if "$ref" in part else part.get("properties", {}))
        }

    return check, fields


@needs_specs
@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_our_requests_are_what_io_describes(official, sample):
    check, fields = official
    scenario = json.loads(sample.read_text(encoding="utf-8"))
    exchanges = scenario["exchanges"] if isinstance(scenario, dict) else []
    for request in (exchange["request"] for exchange in exchanges):
        if request["path"] == "/messages":
            body = request["body"]
            check(body, "NewMessage")
            # The descriptions are open: a field that IO does not know would pass unseen.
            assert set(body) <= fields("NewMessage")
            assert set(body["content"]) <= fields("MessageContent")
            assert set(body["content"].get("payment_data", {})) <= fields("PaymentData")


@needs_specs
def test_the_simulators_answers_are_what_io_describes(official, start):
    check, _ = official
    io = start(registered={CODE})
    check(io.http.post("/profiles", json={"fiscal_code": CODE}).json(), "LimitedProfile")
    check(io.http.post("/profiles", json={"fiscal_code": "VRDLGI75B02F205X"}).json(), "ProblemJson")
    check(io.send({"surprise": 1}).json(), "ProblemJson")
    name = io.send({"payment_data": {"amount": 1, "notice_number": "302000100000019421"}}).json()["id"]
    for _ in range(2):
        check(io.http.get(f"/messages/{CODE}/{name}").json(), "ExternalMessageResponseWithContent")


@needs_specs
def test_advanced_messages_with_remote_content_are_what_io_describes(official, start):
    check, fields = official
    io = start(advanced=True, remote_content=True, status_polls=0)
    configuration = {"name": "n", "description": "d", "has_precondition": "ONCE"}
    configuration |= {"disable_lollipop_for": [], "is_lollipop_enabled": False}
    made = io.http.post("/messages-sending/remote-contents/configurations", json=configuration).json()
    service = Service(advanced=True, remote=Remote(made["configuration_id"], "ONCE"))
    body = new_message(make_notice(payment=PAYMENT, has_files=True), service)
    check(body, "NewMessage")
    assert set(body) <= fields("NewMessage")
    assert set(body["content"]["third_party_data"]) <= fields("ThirdPartyData")
    answer = io.http.post("/messages", json=body)
    assert answer.status_code == 201
    told = io.http.get(f"/messages/{CODE}/{answer.json()['id']}").json()
    check(told, "ExternalMessageResponseWithContent")
    assert set(told) <= fields("ExternalMessageResponseWithContent")
    assert (told["read_status"], told["payment_status"]) == ("UNREAD", "NOT_PAID")


def test_remote_content_is_only_for_who_may_and_of_a_known_configuration(start):
    remote = Remote("01HZX3N0000000000000000000")
    body = new_message(make_notice(), Service(advanced=True, remote=remote))
    assert start(advanced=True).http.post("/messages", json=body).status_code == 403
    assert start(advanced=True, remote_content=True).http.post("/messages", json=body).status_code == 403


@needs_specs
def test_the_official_description_tells_good_from_bad(official):
    check, _ = official
    with pytest.raises(Exception, match="is too short"):
        check({"content": {"subject": "short", "markdown": "x" * 80}}, "NewMessage")
