"""`serve --simulate` with its PDND: a vendor publishes with its voucher, a real registration is never touched."""

import json
from pathlib import Path

import pytest

from hub.cli.serving import _warn
from hub.cli.simulated_pdnd import playing_pdnd
from hub.home import Home
from hub.settings import Settings
from tests.harness import BASE, ENTE, PUBLISH_AUDIENCE, ROSSI, eventually, make_message

from .conftest import Raccordo
from .test_serving import serving


def clients(path: Path) -> tuple[str, str]:
    member = json.loads(path.read_text())
    return f"clients={member['client_id']}", f"purposes={member['purpose_id']}"


def test_a_vendor_publishes_with_a_voucher_of_the_simulated_pdnd(
    raccordo: Raccordo, call: Raccordo, home: Path, tmp_path: Path
) -> None:
    body = tmp_path / "body"
    body.write_text(json.dumps(make_message(recipient={"tax_code": ROSSI})))
    with serving(home, tmp_path / "log", "--simulate") as (_, said):
        file, key = said["pdnd"]["clients"][ENTE], said["pdnd"]["key"]
        client, purpose = clients(Path(file))
        agreed = ("--profile", client, "--profile", purpose, "--profile", "audit=AUDIT_REST_02")
        agreed += ("--profile", "dpop=allowed")
        assert raccordo("vendor", "add", "luna", "--name", "Luna", "--trust", "pdnd", *agreed).code == 0
        assert raccordo("ente", "pdnd-client", "check", "simulated").code == 0
        to = ("--url", f"{said['url']}/publish/v1/messages", "--body", body, "--send", "--json")
        given = ("sign", "--pdnd", file, "--key", key, "--iss", "luna", *to)
        user = ("--user", "userID=operatore-7", "--user", "userLocation=sportello-2")
        # The hub looks at what was registered within two seconds.
        sent = eventually(lambda: call(*given, *user), lambda answer: answer.code == 0)
        assert (sent.json["status"], sent.json["receipt"]["verified"]) == (201, True)
        refused = call(*given)
        assert (refused.code, refused.json["status"]) == (1, 400), "the tracking evidence is missing"
        file_of_mistakes = tmp_path / "other.json"
        file_of_mistakes.write_text(Path(file).read_text().replace(purpose.partition("=")[2], said["pdnd"]["url"]))
        wrong = call("sign", "--pdnd", file_of_mistakes, *given[3:])
        assert (wrong.code, "--purpose-id" in wrong.err, "015-0016" in wrong.err) == (1, True, True)
    assert raccordo("ente", "pdnd", "--json").json["pdnd"] is None
    assert raccordo("ente", "pdnd-client", "list", "--json").json == []
    ledger = [json.loads(line) for line in (home / "simulated/pdnd/pdnd.jsonl").read_text().splitlines()]
    digests = [bool(line["digest"]) for line in ledger if line.get("purpose_id") and line["outcome"] == "issued"]
    assert digests[-2:] == [True, False]


def test_its_clients_are_the_same_the_next_time_and_it_leaves_nothing(
    raccordo: Raccordo, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one, folder = Home(Settings(home=home)), home / "simulated" / "pdnd"
    with playing_pdnd(one, folder) as first:
        assert raccordo("ente", "pdnd", "--json").json["pdnd"]["audience"] == PUBLISH_AUDIENCE
        assert any("raccordo vendor add" in line for line in first.lines("http://127.0.0.1:1"))
        client, purpose = clients(first.file(ENTE))
        agreed = ("--profile", client, "--profile", purpose)
        assert raccordo("vendor", "add", "luna", "--name", "Luna", "--trust", "pdnd", *agreed).code == 0
        with playing_pdnd(one, folder) as second:  # as after a run that was killed
            assert second.vendors == {ENTE: "luna"}
            assert not any("vendor add" in line for line in second.lines("http://127.0.0.1:1"))
            assert second.members[ENTE].kid == first.members[ENTE].kid
            _warn(one, simulates=False)
            assert any(line.startswith(f"serve.simulated_pdnd ente={ENTE} ") for line in caplog.messages)
    assert raccordo("ente", "pdnd", "--json").json["pdnd"] is None


def test_a_real_registration_is_not_put_aside_for_a_simulated_one(raccordo: Raccordo, home: Path) -> None:
    own = ("--issuer", "uat.interop.pagopa.it", "--jwks-url", "https://pdnd.example/jwks", "--audience", f"{BASE}/e")
    raccordo("ente", "pdnd", *own)
    before = raccordo("ente", "pdnd", "--json").json
    answer = raccordo("serve", "--simulate", "--port", "0")
    assert (answer.code, f"--simulate: {ENTE} is registered at a real PDND" in answer.err) == (2, True)
    assert raccordo("ente", "pdnd", "--json").json == before
    assert raccordo("connector", "list", "--json").json == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--aud", "x", "--user", "userID=a"), "--user and --dpop go with --pdnd alone"),
        ((), "--aud is needed"),
        (("--pdnd", "FILE", "--signature-only"), "--pdnd goes with neither"),
        (("--pdnd", "FILE", "--dpop"), "--dpop needs --url"),
        (("--pdnd", "FILE", "--user", "userID"), "--user userID: NAME=VALUE"),
        (("--pdnd", "BROKEN"), "--pdnd: kid: "),
    ],
)
def test_what_goes_together_in_sign(
    call: Raccordo, other_keys: Path, tmp_path: Path, more: tuple[str, ...], said: str
) -> None:
    members = ("client_id", "kid", "purpose_id", "audience", "eservice_audience")
    whole = dict.fromkeys(members, "x") | {"token_url": "http://127.0.0.1:1/token"}
    (tmp_path / "FILE").write_text(json.dumps(whole))
    (tmp_path / "BROKEN").write_text(json.dumps({name: value for name, value in whole.items() if name != "kid"}))
    given = [str(tmp_path / each) if each in ("FILE", "BROKEN") else each for each in more]
    answer = call("sign", "--key", other_keys / "key.pem", "--iss", "luna", *given)
    assert (answer.code, said in answer.err) == (2, True), answer.err


def test_sign_says_why_pdnd_gives_no_voucher(call: Raccordo, keys: Path, other_keys: Path, tmp_path: Path) -> None:
    members = ("client_id", "kid", "purpose_id", "audience", "eservice_audience")
    file = tmp_path / "member.json"
    file.write_text(json.dumps(dict.fromkeys(members, "x") | {"token_url": "http://127.0.0.1:1/token"}))
    answer = call("sign", "--key", other_keys / "key.pem", "--iss", "luna", "--pdnd", file)
    assert (answer.code, "http://127.0.0.1:1/token cannot be reached" in answer.err) == (1, True)
    answer = call("sign", "--key", keys / "key.pem", "--iss", "luna", "--pdnd", file)
    assert (answer.code, "--key: PDND takes RSA keys alone" in answer.err) == (2, True)
