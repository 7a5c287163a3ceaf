"""What a person wrote into a file as JSON: a member that stands twice in one object is refused and named, as in every
body over HTTP. The last one held silently."""

import json
from pathlib import Path

import pytest

from .conftest import Raccordo
from .test_connector_operations import SERVICE
from .test_mappings import SAMPLE
from .test_subscription_services import PLAN

TOLD = "Un campo è ripetuto / a member occurs twice in one object"
PERSON = {"tax_code": "RSSMRA80A01H501U", "as_of": "2026-03-02T09:30:00Z", "attributes": {"residence": "Via Roma 1"}}
MEMBER = {
    "client_id": "c",
    "kid": "k",
    "purpose_id": "p",
    "token_url": "https://pdnd.example/token",
    "audience": "a",
    "eservice_audience": "e",
}

KEYS = ("api_key", "manage_key")


def twice(value: object, name: str) -> str:
    """The JSON of it, in which the first member of that name stands a second time, and before what was meant."""
    return json.dumps(value).replace(f'"{name}": ', f'"{name}": null, "{name}": ', 1)


@pytest.mark.parametrize(
    ("command", "option", "text", "place"),
    [
        (("attribute", "import", "--source", "anpr"), "--file: line 2", f"\n{twice(PERSON, 'as_of')}", "/as_of"),
        (("connector", "run", "io", "create-service"), "--arguments", twice(SERVICE, "topic_id"), "/metadata/topic_id"),
        (("mapping", "test"), "--mapping", twice(json.loads(SAMPLE.read_text()), "items"), "/items"),
        (("subscription-service", "add", "nido", "--name", "N"), "--plan", twice(PLAN, "reason"), "/0/reason"),
        (("vendor", "add", "acme", "--name", "A", "--trust", "jwk"), "--jwks", '{"keys": [], "keys": []}', None),
        (("verify", "--path", "/publish/v1/messages"), "--headers", '{"Digest": "a", "Digest": "b"}', "/Digest"),
    ],
)
def test_a_member_that_stands_twice_is_refused_and_named(
    raccordo: Raccordo,
    call: Raccordo,
    secret: Path,
    tmp_path: Path,
    command: tuple[str, ...],
    option: str,
    text: str,
    place: str | None,
) -> None:
    raccordo("connector", "set", "io", "--type", "app_io", *(f"--secret-file={key}={secret}" for key in KEYS))
    file = tmp_path / "given.json"
    file.write_text(text)
    run = call if command[0] == "mapping" else raccordo
    answer = run(*command, option.partition(":")[0], file)
    assert answer.code == 2, answer.out
    wanted = f"{option}: {place}: {TOLD}" if place else f"{option}: {file} ripete un campo / "
    assert wanted in answer.err
    assert "RSSMRA80A01H501U" not in answer.err


@pytest.mark.parametrize("how", ["--set", "--secret-file"])
def test_so_it_is_in_a_setting_that_is_written_as_json(raccordo: Raccordo, tmp_path: Path, how: str) -> None:
    text = twice(json.loads(SAMPLE.read_text()), "items")
    file = tmp_path / "mapping.json"
    file.write_text(text)
    answer = raccordo(
        *("connector", "set", "tributi", "--type", "mapped"), how, f"mapping={text if how == '--set' else file}"
    )
    assert (answer.code, f"{how} mapping: /items: {TOLD}" in answer.err) == (2, True), answer.err


def test_so_it_is_in_what_pdnd_says_of_a_client(call: Raccordo, keys: Path, tmp_path: Path) -> None:
    file = tmp_path / "member.json"
    file.write_text(json.dumps(MEMBER)[:-1] + ', "kid": "k2"}')
    answer = call("sign", "--pdnd", file, "--key", keys / "key.pem", "--iss", "acme", "--aud", "https://hub.example/p")
    assert (answer.code, f"--pdnd: /kid: {TOLD}" in answer.err) == (2, True), answer.err
