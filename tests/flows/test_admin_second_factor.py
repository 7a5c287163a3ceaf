"""A second factor beside the password of a local account: enrolled, asked for, reset."""

import base64
from datetime import UTC, datetime
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from hub.admin.second_factor import step_of
from hub.settings import Settings
from hub.store.administrators import change_administrator
from hub.store.second_factors import MOST_FAILURES
from hub.store.tables import access_log, second_factors
from tests.flows.administering import PASSWORD, Admin, admin_of, make_account, sign_in
from tests.flows.making import code, command_line, described_hub, fresh, rows
from tests.harness import ENTE


@pytest.fixture
def name(hub):
    return make_account(hub, fresh("anna"), "operator")


def come(hub, name, one_time):
    return hub.client.post("/admin/v1/sessions", auth=(name, PASSWORD), headers={"One-Time-Code": one_time})


def device(uri):
    """The authenticator app that took the URI."""
    given = parse_qs(urlsplit(uri).query)
    assert (given["digits"], given["period"], given["algorithm"]) == (["6"], ["30"], ["SHA1"])
    return TOTP(base64.b32decode(given["secret"][0]), 6, SHA1(), 30)


def shown(uri, *, ahead_s=0):
    return device(uri).generate(int(datetime.now(UTC).timestamp()) + ahead_s).decode()


def test_whoever_is_enrolled_signs_in_with_password_and_code_and_each_code_once(hub, name, raccordo):
    made = raccordo("admin", "second-factor", "enrol", name.upper(), "--json")
    assert unquote(urlsplit(made["uri"]).path) == f"/Comune di Prova:{name}"
    assert code(sign_in(hub, name)) == (401, "second_factor.missing")
    assert code(come(hub, name, shown(made["uri"], ahead_s=-300))) == (401, "second_factor.refused")
    right = shown(made["uri"])
    answer = come(hub, name, right)
    assert answer.status_code == 201
    assert Admin(hub, answer.json()["session_token"]).get("/sessions/current").status_code == 200
    assert code(come(hub, name, right)) == (401, "second_factor.refused")
    first = made["recovery_codes"][0]
    assert [come(hub, name, first).status_code for _ in range(2)] == [201, 401]
    (listed,) = [each for each in raccordo("admin", "list", "--json") if each["username"] == name]
    assert listed["second_factor"] is True


def test_a_reset_ends_sessions_and_codes_and_both_are_on_record_without_secrets(hub, name, raccordo):
    before = Admin(hub, sign_in(hub, name).json()["session_token"])
    made = raccordo("admin", "second-factor", "enrol", name, "--json")
    assert code(before.get("/sessions/current")) == (401, "session.refused")
    admin = Admin(hub, come(hub, name, made["recovery_codes"][0]).json()["session_token"])
    assert "reset it first" in raccordo("admin", "second-factor", "enrol", name, code=1)
    assert admin.get("/sessions/current").status_code == 200  # what was refused changed nothing
    raccordo("admin", "second-factor", "reset", name)
    assert code(admin.get("/sessions/current")) == (401, "session.refused")
    assert sign_in(hub, name).status_code == 201
    assert "no second factor" in raccordo("admin", "second-factor", "reset", name, code=1)
    again = raccordo("admin", "second-factor", "enrol", name, "--json")
    assert code(come(hub, name, made["recovery_codes"][1])) == (401, "second_factor.refused")
    assert come(hub, name, again["recovery_codes"][1]).status_code == 201

    dpo = admin_of(hub, fresh("dpo"), "data-protection")
    found = dpo.get(f"/audit-records?target=administrators/{name}").json()["items"]
    acts = [(each["operation"], each["before"], each["after"]) for each in found if each["over"] == "command_line"]
    has, has_none = {"second_factor": True}, {"second_factor": False}
    assert acts == [
        ("enrol_second_factor", has_none, has),
        ("reset_second_factor", has, has_none),
        ("enrol_second_factor", has_none, has),
    ]
    refused = dpo.get("/audit-records?operation=sign_in").json()["items"]
    assert (name, "second_factor.refused") in {(each["actor"], each["outcome"]) for each in refused}
    held = str(rows(hub, access_log))
    secret = parse_qs(urlsplit(made["uri"]).query)["secret"][0]
    assert not any(each in held for each in (secret, *made["recovery_codes"]))


def test_where_a_role_needs_one_nobody_with_it_signs_in_without(tmp_path, monkeypatch, capsys):
    with described_hub(tmp_path / "home", second_factor_roles="administrator, data-protection") as hub:
        operator, administrator = fresh("olga"), fresh("carla")
        make_account(hub, operator, "operator")
        make_account(hub, administrator, "operator", "administrator")
        assert sign_in(hub, operator).status_code == 201
        assert code(sign_in(hub, administrator)) == (403, "second_factor.not_enrolled")
        assert code(sign_in(hub, administrator, "non è questa qui")) == (401, "credentials.refused")
        raccordo = command_line(hub, monkeypatch, capsys)
        made = raccordo("admin", "second-factor", "enrol", administrator, "--json")
        assert come(hub, administrator, shown(made["uri"])).status_code == 201


def test_a_locked_one_is_opened_by_a_reset_alone(hub, name, raccordo):
    made = raccordo("admin", "second-factor", "enrol", name, "--json")
    with hub.home.database.write() as tx:
        tx.connection.execute(second_factors.update().values(failures=MOST_FAILURES))
    assert code(come(hub, name, shown(made["uri"]))) == (403, "second_factor.locked")
    raccordo("admin", "second-factor", "reset", name)
    assert sign_in(hub, name).status_code == 201


def test_a_code_that_is_too_long_to_be_one_is_refused_before_anything_is_done(hub, name):
    assert code(come(hub, name, "1" * 41)) == (400, "request.invalid")


def test_only_local_accounts_that_there_are_can_be_enrolled(hub, name, raccordo):
    assert "no account" in raccordo("admin", "second-factor", "enrol", fresh("nessuno"), code=1)
    assert "no account" in raccordo("admin", "second-factor", "reset", fresh("nessuno"), code=1)
    with hub.home.database.write() as tx:
        change_administrator(tx, ENTE, name, provider_id="comune", password_hash=None)
    assert "signs in through comune" in raccordo("admin", "second-factor", "enrol", name, code=1)


def test_the_command_line_draws_the_uri_as_a_qr_code_where_it_is_asked_to(hub, name, raccordo):
    told = raccordo("admin", "second-factor", "enrol", name, "--qr")
    assert "otpauth://totp/" in told
    assert "▄" in told
    assert len([line for line in told.splitlines() if line.count("-") == 3]) == 10


def test_a_role_that_there_is_not_is_refused_as_a_setting():
    with pytest.raises(ValueError, match="roles with commas"):
        Settings(second_factor_roles="administrator,capo")


@pytest.mark.parametrize(
    ("at", "expected"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (2000000000, "279037"), (20000000000, "353130")],
)
def test_codes_are_those_of_the_rfc(at, expected):
    """RFC 6238, appendix B: the last six of its eight digits."""
    assert step_of(b"12345678901234567890", expected, datetime.fromtimestamp(at, UTC)) == at // 30
