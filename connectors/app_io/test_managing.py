"""Services, keys and remote content at IO, against the simulator; and what an administrator is told where it fails."""

import json
from pathlib import Path

import httpx
import pytest
import yaml
from jsonschema import Draft4Validator
from pydantic import ValidationError

from connectors.app_io import connect
from connectors.app_io.config import Settings
from connectors.app_io.simulator import simulator
from connectors.base.scripted import Fault, Reply, ScriptedServer
from connectors.base.serving import LoopbackServer
from contracts.connector import Limits
from contracts.failures import Deferred, Misconfigured, Rejected, Unconfirmed

from .test_simulator import SPECS, needs_specs

SERVICE = {
    "name": "Tassa rifiuti",
    "description": "Avvisi della TARI.",
    "organization": {"name": "Comune di Valdilago", "fiscal_code": "00301970190"},
    "metadata": {"topic_id": 3, "privacy_url": "https://comune.example/privacy"},
    "authorized_cidrs": ["203.0.113.7/32"],
    "max_allowed_payment_amount": 300_000,
}
REMOTE = {"configuration_id": "0" * 26, "key": "the-shared-key"}


@pytest.fixture
def io(tmp_path):
    server = LoopbackServer(simulator(tmp_path / "io.jsonl", manage_keys={"manage"}))
    server.start()
    yield f"{server.url}/api/v1"
    server.stop()


@pytest.fixture
def managing():
    made = []

    def managing(url, **changes):
        settings = {"base_url": url, "api_key": "k", "manage_key": "manage"} | changes
        made.append(connect(Settings.model_validate_json(json.dumps(settings)), Limits(timeout_s=5)))
        return made[-1]

    yield managing
    for each in made:
        each.close()


def run(connector, which, /, **arguments):
    operation = connector.operations[which]
    return operation.run(operation.arguments.model_validate_json(json.dumps(arguments)))


def test_only_what_goes_on_at_io_is_kept_from_a_body_that_leaves(io, managing):
    """Keys are made anew and a service's page is set right until its end, so that nothing of the hub's stays in use."""
    beginning = {name for name, each in managing(io).operations.items() if each.begins}
    assert beginning == {"create-service", "review-service", "release-service", "create-remote-content"}


def test_a_service_from_draft_to_published(io, managing):
    connector = managing(io)
    made = run(connector, "create-service", **SERVICE)
    name = {"service_id": made["id"]}
    assert made["status"]["value"] == "draft"
    changed = run(connector, "update-service", **SERVICE | name | {"name": "TARI"})
    assert (changed["id"], changed["name"]) == (made["id"], "TARI")
    with pytest.raises(Rejected, match=r"manage\.wrong_state"):
        run(connector, "release-service", **name)
    assert run(connector, "review-service", **name) == {}
    assert run(connector, "release-service", **name) == {}
    assert run(connector, "show-service", **name)["status"]["value"] == "approved"
    assert [each["id"] for each in run(connector, "list-services")["value"]] == [made["id"]]
    assert run(connector, "list-topics")["topics"][0]["id"] == 3


def test_one_key_is_made_anew_and_the_other_stays(io, managing):
    connector = managing(io)
    name = {"service_id": run(connector, "create-service", **SERVICE)["id"]}
    before = run(connector, "show-keys", **name)
    after = run(connector, "rotate-key", **name, key="secondary")
    assert after["primary_key"] == before["primary_key"]
    assert after["secondary_key"] != before["secondary_key"]
    assert run(connector, "show-keys", **name) == after


def test_remote_content_is_registered_as_it_is_checked(io, managing):
    lollipop = {"assertion_key": "a", "disabled_for": ["AAAAAA00A00A000A"]}
    precondition = {"when": "ONCE", "title": "Prima di leggere", "markdown": "Aprendo **confermi** la lettura."}
    own = {"api_key": "k2", "advanced": True, "remote_content": REMOTE | {"precondition": precondition}}
    settings = {"advanced": True, "remote_content": REMOTE | {"lollipop": lollipop}, "services": {"tari": own}}
    connector = managing(io, **settings)
    where = {"name": "Area personale", "description": "Testi", "base_url": "https://hub.example/callbacks/v1/c_h501/io"}
    made = run(connector, "create-remote-content", **where)
    assert (made["is_lollipop_enabled"], made["has_precondition"]) == (True, "NEVER")
    assert made["disable_lollipop_for"] == ["AAAAAA00A00A000A"]
    login = made["prod_environment"]["details_authentication"]
    assert login == {"header_key_name": "X-Raccordo-Key", "key": "the-shared-key", "type": "API-KEY"}
    changed = where | {"configuration_id": made["configuration_id"], "service": "tari"}
    assert run(connector, "update-remote-content", **changed) == {}
    (known,) = run(connector, "list-remote-content")["rcConfigList"]
    assert (known["is_lollipop_enabled"], known["has_precondition"]) == (False, "ONCE")
    with pytest.raises(Rejected, match="set remote_content first"):
        run(managing(io), "create-remote-content", **where)


def test_without_the_manage_key_nothing_is_offered(io, managing):
    assert managing(io, manage_key=None).operations == {}
    with pytest.raises(Misconfigured, match=r"manage\.key_refused"):
        run(managing(io, manage_key="another"), "list-services")


@needs_specs
def test_what_is_registered_and_what_the_simulator_answers_is_what_io_describes(io, managing, monkeypatch):
    definitions = yaml.safe_load((Path(SPECS) / "io-commons-definitions-v2.yaml").read_text(encoding="utf-8"))
    lollipop = {"assertion_key": "a", "disabled_for": ["AAAAAA00A00A000A"]}
    connector = managing(io, advanced=True, remote_content=REMOTE | {"lollipop": lollipop})
    where = {"name": "Area personale", "description": "Testi", "base_url": "https://hub.example/callbacks/v1/c_h501/io"}
    sent = []
    building = httpx.Client.build_request
    monkeypatch.setattr(
        httpx.Client, "build_request", lambda *args, **kw: sent.append(kw["json"]) or building(*args, **kw)
    )
    answer = run(connector, "create-remote-content", **where)
    for value, name in ((sent[0], "NewRCConfigurationPublic"), (answer, "RCConfigurationPublic")):
        Draft4Validator({**definitions, "allOf": [{"$ref": f"#/{name}"}]}).validate(value)
    known = {
        *definitions["NewRCConfigurationBase"]["properties"],
        *definitions["RCConfigurationEnvironment"]["properties"],
    }
    assert set(sent[0]) <= known


@pytest.mark.parametrize(
    "wrong",
    [
        {"surprise": 1},
        {"authorized_cidrs": ["everywhere"]},
        {"max_allowed_payment_amount": -1},
        {"organization": {"name": "X", "fiscal_code": "00301970191"}},
        {"metadata": {"topic_id": "3"}},
    ],
)
def test_what_io_would_refuse_is_not_even_sent(managing, wrong):
    with pytest.raises(ValidationError):
        run(managing("http://127.0.0.1:9/"), "create-service", **SERVICE | wrong)
    with pytest.raises(ValidationError):
        run(managing("http://127.0.0.1:9/"), "show-service", service_id="../../messages")


@pytest.mark.parametrize(
    ("status", "body", "safe", "unsafe"),
    [
        (400, {"detail": "name is too long"}, Rejected, Rejected),
        (403, {}, Misconfigured, Misconfigured),
        (404, {}, Rejected, Rejected),
        (429, {"statusCode": 429}, Deferred, Deferred),
        (500, {}, Deferred, Unconfirmed),
        (302, {}, Misconfigured, Misconfigured),
        (200, [], Unconfirmed, Unconfirmed),
    ],
)
def test_each_answer_has_its_meaning(managing, status, body, safe, unsafe):
    with ScriptedServer() as server:
        connector = managing(server.url)
        for name, arguments, kind in (("list-services", {}, safe), ("create-service", SERVICE, unsafe)):
            server.play(Reply(status, body))
            with pytest.raises(kind) as caught:
                run(connector, name, **arguments)
            assert type(caught.value) is kind
            if status == 400:
                assert "name is too long" in str(caught.value)


def test_a_service_is_never_made_twice_after_silence(managing):
    with ScriptedServer() as server:
        connector = managing(server.url)
        server.play(*[Fault.CUT] * 5)
        with pytest.raises(Unconfirmed):
            run(connector, "create-service", **SERVICE)
        assert len(server.received) == 1
