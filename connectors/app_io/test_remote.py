"""What IO is answered when a citizen opens a message: only to IO, only for the recipient, only what was proved; held
against IO's own descriptions of what it expects (settled 36)."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft4Validator

from connectors.app_io import connect
from connectors.app_io.config import Settings
from connectors.app_io.lollipop import Unreachable
from connectors.app_io.remote import Possessing, RemoteContentServer, Serving
from connectors.app_io.simulator_login import APP_API, Phone
from connectors.base.http_conformance import leading_to
from connectors.base.manifest import read_manifest
from contracts.answering import AttachedFile, Call, SentMessage
from contracts.connector import Limits
from contracts.failures import Misconfigured

from .test_simulator import SPECS, needs_specs

MANIFEST = read_manifest(Path(__file__).parent)
CODE, OTHER = "RSSMRA80A01H501U", "VRDLGI75B02F205X"
NOW = datetime.now(UTC)
KEY = {"x-raccordo-key": "the-key", "fiscal_code": CODE}
FILE = AttachedFile("f-1", "Certificato «è».pdf", "application/pdf", 4, "0" * 64)
MESSAGE = SentMessage(
    delivery_id="01890a5d-ac96-774b-bcce-b302099a8057",
    title="Nido",
    body_markdown="Accolta.",
    ente_name="Comune di Valdilago",
    language="it",
    created_at=NOW,
    deep_link="https://servizi.example/items/1",
    withdrawn=False,
    files=(FILE,),
)
DETAILS = f"messages/{MESSAGE.delivery_id}"


class Shelf:
    """A `Reading` that holds one citizen's message, and remembers what it was asked for."""

    def __init__(self, message=MESSAGE, content=b"%PDF"):
        self.content, self.held, self.asked = content, message, []

    def message(self, delivery_id, tax_code):
        self.asked.append((delivery_id, tax_code))
        return self.held if (delivery_id, tax_code) == (MESSAGE.delivery_id, CODE) else None

    def file(self, delivery_id, tax_code, file_id):
        self.asked.append((delivery_id, tax_code, file_id))
        return self.content


def serving(**changes):
    fields = {"header": "X-Raccordo-Key", "key": "the-key", "lollipop": None, "precondition": None} | changes
    own = {"anagrafe": Serving("X-Raccordo-Key", "second-key", None, None), "tributi": None}
    return RemoteContentServer(Serving(**fields), own)


def of_service(service_id):
    return Shelf(replace(MESSAGE, service_id=service_id))


def asked(path=DETAILS, headers=KEY, *, server=None, shelf=None, **changes):
    fields = {
        "method": "GET",
        "path": path,
        "url": "https://hub.example/x",
        "query": "",
        "body": b"",
        "now": datetime.now(UTC),
    }
    call = Call(**fields | changes, headers=tuple(headers.items()))
    return (server or serving()).answer(call, shelf or Shelf())


def test_the_recipient_reads_text_and_files():
    answer = asked()
    found = json.loads(answer.body)
    assert answer.status == 200
    assert found["details"]["subject"] == "Comunicazione: Nido"
    assert "Accolta." in found["details"]["markdown"]
    (file,) = found["attachments"]
    assert (file["name"], file["content_type"]) == (FILE.filename, "application/pdf")
    answer = asked(f"{DETAILS}/{file['url']}")
    assert (answer.status, answer.body) == (200, b"%PDF")


def test_a_precondition_is_shown_where_there_is_one():
    server = serving(precondition=("Prima", "Aprendo **confermi**."))
    answer = asked(f"{DETAILS}/precondition", server=server)
    assert json.loads(answer.body) == {"title": "Prima", "markdown": "Aprendo **confermi**."}
    assert asked(f"{DETAILS}/precondition").status == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (KEY | {"x-raccordo-key": "another"}, 401),
        (KEY | {"x-raccordo-key": ""}, 401),
        ({"fiscal_code": CODE}, 401),
        ({"x-raccordo-key": "the-key"}, 400),
        (KEY | {"fiscal_code": CODE.lower()}, 400),
        (KEY | {"fiscal_code": OTHER}, 404),
        (KEY | {"x-raccordo-key": "second-key"}, 404),
    ],
)
def test_only_io_asks_and_only_for_the_recipient(headers, status, caplog):
    shelf = Shelf()
    answer = asked(headers=headers, shelf=shelf)
    assert answer.status == status
    assert not (status in (400, 401) and shelf.asked), "nothing is read before it is known who asks"
    assert CODE not in answer.body.decode() + caplog.text
    assert "the-key" not in caplog.text


@pytest.mark.parametrize(
    ("service_id", "key", "status"),
    [
        (None, "the-key", 200),
        ("nidi", "the-key", 200),
        ("anagrafe", "second-key", 200),
        ("anagrafe", "the-key", 404),
        ("nidi", "second-key", 404),
        ("tributi", "the-key", 404),
    ],
)
@pytest.mark.parametrize("path", [DETAILS, f"{DETAILS}/files/f-1"])
def test_the_key_of_a_service_opens_its_own_messages_alone(service_id, key, status, path):
    assert asked(path, KEY | {"x-raccordo-key": key}, shelf=of_service(service_id)).status == status


def test_of_two_services_with_one_key_the_one_that_wants_more_proof_is_not_opened_with_less():
    def owner(_possession, _call):
        raise Unreachable("away")

    strict = Possessing(re.compile("https://.*"), frozenset(), owner)
    lax, proved = Serving("X-Raccordo-Key", "the-key", None, None), Serving("X-Raccordo-Key", "the-key", strict, None)
    for server in (RemoteContentServer(lax, {"nidi": proved}), RemoteContentServer(proved, {"anagrafe": lax})):
        assert asked(server=server, shelf=of_service("nidi")).status == 400, "without LolliPoP's headers nobody reads"


@pytest.mark.parametrize("changes", [{"method": "POST"}, {"method": "HEAD"}, {"body": b"x"}, {"query": "a=b"}])
def test_what_io_never_sends_is_refused(changes):
    assert asked(**changes).status == 400


@pytest.mark.parametrize(
    "path",
    [
        "",
        "messages",
        "messages/",
        "messages/nobodys",
        f"{DETAILS}/",
        f"{DETAILS}/files/other",
        f"{DETAILS}/files/f-1/",
        f"{DETAILS}/files/../f-1",
        f"{DETAILS}/files/%2e%2e/f-1",
        f"{DETAILS}/../{MESSAGE.delivery_id}",
        f"{DETAILS}/precondition/x",
        "messages/..%2f..",
        "elsewhere/x",
    ],
)
def test_no_other_path_leads_anywhere(path):
    answer = asked(path)
    assert (answer.status, answer.media_type) == (404, "application/problem+json")


@pytest.mark.parametrize("changes", [{"withdrawn": True}, {"sensitive": True}])
def test_what_was_taken_back_or_is_for_the_personal_area_alone_is_not_given(changes):
    for path in (DETAILS, f"{DETAILS}/files/f-1"):
        assert asked(path, shelf=Shelf(replace(MESSAGE, **changes))).status == 404


def test_a_file_that_is_about_to_come_is_asked_for_again():
    answer = asked(f"{DETAILS}/files/f-1", shelf=Shelf(content=None))
    assert (answer.status, answer.headers["Retry-After"]) == (503, "120")


def with_lollipop(owner):
    return serving(lollipop=Possessing(re.compile(r"https://api-app\.io\.pagopa\.it/.*"), frozenset({OTHER}), owner))


def test_with_lollipop_a_call_without_proof_is_refused_unless_its_reader_is_a_test_user():
    """A check that is made only where the headers are there is none."""
    server = with_lollipop(lambda possession, _: possession.user_id)
    shelf = Shelf()
    assert asked(server=server, shelf=shelf).status == 400
    assert shelf.asked == []
    assert asked(headers=KEY | {"fiscal_code": OTHER}, server=server).status == 404
    phone = Phone()
    proved = KEY | phone.call(f"{APP_API}/third-party-messages/1") | phone.lines(CODE)
    assert asked(headers=proved, server=server).status == 200
    assert asked(headers=KEY | phone.call(f"{APP_API}/third-party-messages/1"), server=server).status == 400


def test_the_owner_of_the_key_has_to_be_the_reader():
    server = with_lollipop(lambda *_: OTHER)
    phone, shelf = Phone(), Shelf()
    proved = KEY | phone.call(f"{APP_API}/third-party-messages/1") | phone.lines(CODE)
    assert asked(headers=proved, server=server, shelf=shelf).status == 403
    assert shelf.asked == []


def test_what_cannot_be_proved_now_is_to_be_asked_again():
    def away(*_):
        raise Unreachable("x")

    phone, shelf = Phone(), Shelf()
    proved = KEY | phone.call(f"{APP_API}/third-party-messages/1") | phone.lines(CODE)
    answer = asked(headers=proved, server=with_lollipop(away), shelf=shelf)
    assert (answer.status, answer.headers["Retry-After"], shelf.asked) == (503, "120", [])


def settings(**lollipop):
    remote = {"configuration_id": "0" * 26, "key": "the-key", "lollipop": {"assertion_key": "a"} | lollipop}
    return Settings.model_validate_json(json.dumps({"api_key": "k", "advanced": True, "remote_content": remote}))


@pytest.mark.parametrize("field", ["assertion_url", "idp_keys_url"])
def test_whom_we_ask_back_is_asked_in_secret(field):
    with pytest.raises(ValueError, match="https"):
        settings(**{field: "http://io.example"})


def test_a_connector_without_remote_content_answers_nothing():
    plain = connect(Settings.model_validate_json('{"api_key": "k"}'), Limits())
    assert plain.answer is None
    plain.close()
    full = connect(settings(), Limits())
    assert full.answer is not None
    full.close()


def test_where_the_proof_cannot_be_asked_for_nobody_is_refused_for_good(monkeypatch):
    """The names lead nowhere: 503, and IO comes again."""
    leading_to(["203.0.113.1"], monkeypatch)
    connector = connect(settings(), Limits(timeout_s=1))
    phone = Phone()
    proved = KEY | phone.call(f"{APP_API}/third-party-messages/1") | phone.lines(CODE)
    call = Call("GET", DETAILS, "https://hub.example/x", "", tuple(proved.items()), b"", datetime.now(UTC))
    assert connector.answer(call, Shelf()).status == 503
    connector.close()


def test_remote_content_needs_advanced_messages():
    remote = {"configuration_id": "0" * 26, "key": "k"}
    with pytest.raises(ValueError, match="needs advanced"):
        Settings.model_validate_json(json.dumps({"api_key": "k", "remote_content": remote}))


@pytest.fixture(scope="module", params=["io-remote-content-server.yaml", "io-third-party-server.yaml"])
def official(request):
    text = (Path(SPECS) / request.param).read_text(encoding="utf-8")
    # YAML 1.1 takes a number in this form for text.
    return yaml.safe_load(re.sub(r"\b([0-9])E\+([0-9])\b", lambda found: found[1] + "0" * int(found[2]), text))


def schema_of(official, path, status):
    """The schema of an answer, whatever media type it is under; None where the description has none."""
    answer = official["paths"][path]["get"]["responses"][status]
    (content,) = [each for name, each in answer["content"].items() if name != "text/json"] or [{}]
    return content.get("schema")


@needs_specs
@pytest.mark.parametrize(
    ("place", "path", "message"),
    [
        ("/messages/{id}", DETAILS, MESSAGE),
        ("/messages/{id}/precondition", f"{DETAILS}/precondition", MESSAGE),
        ("/messages/{id}", f"{DETAILS}x", MESSAGE),
        ("/messages/{id}/precondition", f"{DETAILS}x/precondition", MESSAGE),
        ("/messages/{id}/{attachment_url}", f"{DETAILS}/files/other", MESSAGE),
        ("/messages/{id}/{attachment_url}", f"{DETAILS}/files/f-1", MESSAGE),
    ],
)
def test_our_answers_are_what_io_describes(official, place, path, message):
    server = serving(precondition=("Prima", "Aprendo."))
    content = None if path.endswith("f-1") else b"x"
    answer = asked(path, server=server, shelf=Shelf(message, content))
    schema = schema_of(official, place, answer.status)
    Draft4Validator({**official, **schema}).validate(json.loads(answer.body))


@needs_specs
@pytest.mark.parametrize("name", ["/messages/{id}", "/messages/{id}/precondition", "/messages/{id}/{attachment_url}"])
def test_the_headers_that_are_described_are_those_that_are_checked(official, name):
    """A header that IO adds or takes away is to be noticed here; and the simulated phone sends what IO describes."""
    described = {
        each["name"]: each["schema"] for each in official["paths"][name]["get"]["parameters"] if each["in"] == "header"
    }
    phone = Phone()
    sent = phone.call(f"{APP_API}/third-party-messages/1") | phone.lines(CODE) | {"fiscal_code": CODE}
    assert set(described) == set(sent)
    for header, schema in described.items():
        Draft4Validator({**official, **schema}).validate(sent[header])


def test_a_wrong_pattern_of_addresses_is_told():
    with pytest.raises(ValueError, match="regular expression"):
        settings(original_url="(")


def test_a_key_that_cannot_be_sent_is_told():
    with pytest.raises((ValueError, Misconfigured)):
        settings(assertion_key="é")


@pytest.mark.parametrize(
    ("operation_id", "path"),
    [
        ("show_io_message", DETAILS),
        ("show_io_precondition", f"{DETAILS}/precondition"),
        ("download_io_file", f"{DETAILS}/files/{FILE.file_id}"),
    ],
)
def test_what_the_manifest_declares_is_what_is_answered(operation_id, path):
    [call] = [one for one in MANIFEST.calls if one.operation_id == operation_id]
    assert re.fullmatch(re.sub(r"\{[a-z_]+\}", "[^/]+", call.path), path)
    server = serving(precondition=("Prima", "Testo."))
    answers = [asked(path, server=server), asked(path, {}, server=server), asked(path, server=server, query="a=b")]
    answers += [
        asked(path, server=server, shelf=Shelf(None)),
        asked(path, {"x-raccordo-key": "the-key"}, server=server),
    ]
    declared = {(answer.status, answer.media_type) for answer in call.answers}
    assert [each.status for each in answers] == [200, 401, 400, 404, 400]
    assert {(each.status, each.media_type) for each in answers} <= declared
