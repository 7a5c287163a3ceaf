"""Administrators sign in with accounts of the hub's own: what holds, for how long, and what it leaves on record."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from hub.cli.auditing import examine
from hub.store.committer import Committer
from hub.store.sign_in_attempts import FREE_ATTEMPTS, LONGEST_WAIT_S
from hub.store.tables import access_log, admin_sessions, administrators, sign_in_attempts
from tests.flows.administering import PASSWORD, Admin, admin_of, make_account, sign_in
from tests.flows.making import code, described_hub, fresh, rows


@pytest.fixture
def name():
    return fresh("anna")


def test_an_account_signs_in_sees_itself_and_signs_out(hub, name):
    make_account(hub, name, "operator")
    answer = sign_in(hub, name.upper())
    assert (answer.status_code, answer.headers["Location"]) == (201, "/admin/v1/sessions/current")
    session = answer.json()["session"]
    assert session["account"] == {
        "username": name,
        "display_name": name.title(),
        "ente_id": "c_h501",
        "roles": ["operator"],
    }
    admin = Admin(hub, answer.json()["session_token"])
    assert admin.get("/sessions/current").json() == session
    assert admin.call("DELETE", "/sessions/current").status_code == 204
    assert code(admin.get("/sessions/current")) == (401, "session.refused")


def test_a_wrong_password_and_an_unknown_account_are_told_the_same(hub, name):
    make_account(hub, name, "operator")
    wrong, unknown = sign_in(hub, name, "non è questa qui"), sign_in(hub, fresh("nessuno"), PASSWORD)
    for answer in (wrong, unknown):
        assert code(answer) == (401, "credentials.refused")
    told = [{key: each for key, each in answer.json().items() if key != "request_id"} for answer in (wrong, unknown)]
    assert told[0] == told[1]


@pytest.mark.parametrize("header", ["", "Basic", "Basic !!!", "Basic YQ==", "Bearer x", "Basic /////w=="])
def test_credentials_that_are_none_are_refused(hub, header):
    answer = hub.client.post("/admin/v1/sessions", headers={"Authorization": header} if header else {})
    assert code(answer) == (401, "credentials.refused")


@pytest.mark.parametrize("exists", [True, False])
def test_after_failures_in_a_row_one_waits_whether_there_is_such_an_account_or_not(hub, name, exists):
    if exists:
        make_account(hub, name, "operator")
    assert [sign_in(hub, name, "sbagliata davvero").status_code for _ in range(FREE_ATTEMPTS)] == [401] * FREE_ATTEMPTS
    with hub.home.database.write() as tx:  # as after many more, so that the wait outlasts a slow machine
        tx.connection.execute(sign_in_attempts.update().values(failures=20, last_at=tx.now))
    answer = sign_in(hub, name, "sbagliata davvero")
    assert code(answer) == (429, "sign_in.throttled")
    assert 1 <= int(answer.headers["Retry-After"]) <= LONGEST_WAIT_S
    # The right password has to wait as well: else waiting would tell a guesser that it was right.
    assert code(sign_in(hub, name, PASSWORD)) == (429, "sign_in.throttled")


def test_the_right_password_forgives_the_failures_before_it(hub, name):
    make_account(hub, name, "operator")
    for _ in range(3):
        assert [sign_in(hub, name, "sbagliata davvero").status_code for _ in range(3)] == [401] * 3
        assert sign_in(hub, name).status_code == 201


def test_no_token_no_password_and_no_hash_of_one_that_opens_stands_in_database_or_log(hub, name):
    admin = admin_of(hub, name, "operator")
    (account,) = rows(hub, administrators, username=name)
    assert account["password_hash"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    held = str(rows(hub, admin_sessions)) + str(rows(hub, access_log)) + str(rows(hub, administrators))
    assert admin.token not in held
    assert PASSWORD not in held


def test_disabling_an_account_ends_its_sessions_at_once(hub, name, raccordo):
    admin = admin_of(hub, name, "administrator")
    assert admin.get("/sessions/current").status_code == 200
    assert raccordo("admin", "disable", name, "--json") == {"username": name, "active": False}
    assert code(admin.get("/sessions/current")) == (401, "session.refused")
    assert code(sign_in(hub, name)) == (401, "credentials.refused")
    raccordo("admin", "enable", name)
    assert sign_in(hub, name).status_code == 201


def test_whoever_leaves_an_ente_without_administrator_is_told(hub, raccordo):
    with hub.home.database.write() as tx:
        tx.connection.execute(administrators.update().values(active=False))
    first, second = fresh("anna"), fresh("bruno")
    for each in (first, second):
        admin_of(hub, each, "administrator")

    def told(*command):
        return "nobody in" in raccordo("admin", *command)

    assert told("disable", first) is False, "there is another"
    assert told("roles", second, "operator") is True
    assert told("enable", first) is False


def test_a_session_ends_by_itself(hub, name):
    admin = admin_of(hub, name, "operator")
    with hub.home.database.write() as tx:
        tx.connection.execute(admin_sessions.update().values(expires_at=tx.now))
    assert code(admin.get("/sessions/current")) == (401, "session.refused")


def test_accounts_are_made_listed_and_given_roles_and_passwords_on_the_command_line(hub, name, raccordo, tmp_path):
    made = raccordo("admin", "add", name, "--name", "Anna Verdi", "--roles", "operator,service-manager", "--json")
    assert made["roles"] == ["operator", "service-manager"]
    assert sign_in(hub, name, made["password"]).status_code == 201
    (tmp_path / "new.txt").write_text("una frase lunga e nuova\n")
    raccordo("admin", "password", name, "--password-file", tmp_path / "new.txt")
    assert sign_in(hub, name, made["password"]).status_code == 401
    answer = sign_in(hub, name, "una frase lunga e nuova")
    assert answer.status_code == 201
    raccordo("admin", "roles", name, "data-protection")
    assert Admin(hub, answer.json()["session_token"]).get("/sessions/current").status_code == 401
    (listed,) = [each for each in raccordo("admin", "list", "--json") if each["username"] == name]
    assert (listed["roles"], listed["active"]) == (["data-protection"], True)
    assert "already" in raccordo("admin", "add", name, "--name", "Altra", code=1)
    assert "no account" in raccordo("admin", "disable", "nessuno", code=1)


@pytest.mark.parametrize("password", ["corta", "aaaaaaaaaaaaaaaa", "x{name}1234567"])
def test_a_weak_password_is_refused_and_nothing_is_made(hub, name, raccordo, tmp_path, password):
    (tmp_path / "weak.txt").write_text(password.format(name=name))
    told = raccordo("admin", "add", name, "--name", "A", "--password-file", tmp_path / "weak.txt", code=2)
    assert "--password-file: a password" in told
    assert rows(hub, administrators, username=name) == []


def test_what_administrators_did_is_listed_page_by_page_and_stands_in_the_hash_chain(hub, name, raccordo):
    admin = admin_of(hub, name, "data-protection")
    sign_in(hub, name, "sbagliata davvero")
    other = fresh("bruno")
    raccordo("admin", "add", other, "--name", "Bruno", "--json")
    raccordo("admin", "roles", other, "administrator")
    found = admin.get(f"/audit-records?target=administrators/{other}").json()["items"]
    assert [(each["operation"], each["over"], each["outcome"]) for each in found] == [
        ("change_administrator", "command_line", "ok"),
        ("add_administrator", "command_line", "ok"),
    ]
    assert (found[0]["before"]["roles"], found[0]["after"]["roles"]) == (["operator"], ["administrator"])
    first = admin.get("/audit-records?limit=1").json()
    second = admin.get(f"/audit-records?limit=1&cursor={first['next_cursor']}").json()
    assert first["items"][0]["record_id"] != second["items"][0]["record_id"]
    refused = admin.get("/audit-records?operation=sign_in").json()["items"]
    assert {(each["actor"], each["outcome"]) for each in refused} >= {(name, "ok"), (name, "credentials.refused")}
    assert examine(hub.home)[2] == []


def test_an_act_that_was_changed_in_the_database_shows(hub, name, raccordo):
    admin_of(hub, name, "administrator")
    with hub.home.database.write() as tx:
        mine = access_log.c.pseudonym == name
        before = tx.connection.execute(access_log.select().where(mine)).mappings().one()
        tx.connection.execute(access_log.update().where(mine).values(act={"target": "administrators/altri"}))
    assert any("the record was changed" in fault for fault in examine(hub.home)[2])
    with hub.home.database.write() as tx:
        tx.connection.execute(access_log.update().where(mine).values(act=before["act"]))
    assert examine(hub.home)[2] == []


def test_who_lacks_the_role_is_refused_and_that_is_on_record(hub, name):
    admin = admin_of(hub, name, "operator")
    assert code(admin.get("/audit-records")) == (403, "role.missing")
    other = admin_of(hub, fresh("dpo"), "data-protection")
    found = other.get("/audit-records?operation=list_audit_records").json()["items"]
    assert (name, "role.missing") in {(each["actor"], each["outcome"]) for each in found}


def test_guesses_at_the_same_moment_are_counted_each(hub, name):
    make_account(hub, name, "operator")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: sign_in(hub, name, "sbagliata davvero").status_code, range(12)))
    assert set(answers) <= {401, 429}
    name_hash = hub.home.vault.keyed_hash("sign-in", name)
    (row,) = rows(hub, sign_in_attempts, name_hash=name_hash)
    assert row["failures"] == answers.count(401)


def test_an_attempt_under_a_name_that_nobody_has_costs_as_many_commits_as_another(hub, name, monkeypatch):
    make_account(hub, name, "operator")
    handed, submit = [], Committer.submit

    def counted(self, handler, value, **how):
        handed.append(handler)
        return submit(self, handler, value, **how)

    monkeypatch.setattr(Committer, "submit", counted)
    counts = []
    for each in (name, fresh("nessuno")):
        handed.clear()
        assert code(sign_in(hub, each, "non è questa qui")) == (401, "credentials.refused")
        counts.append(len(handed))
    assert counts == [2, 2]


@pytest.mark.usefixtures("one_minute")
def test_a_stranger_who_guesses_names_is_stopped_before_it_costs_anything(tmp_path):
    with described_hub(tmp_path / "home", refusals_per_minute=5) as hub:
        answers = [sign_in(hub, fresh("nessuno"), "non è questa qui") for _ in range(12)]
        assert {code(answer) for answer in answers[5:]} == {(429, "quota.exceeded")}
        assert len(rows(hub, sign_in_attempts)) == 5


def test_a_nul_in_a_name_or_an_address_is_refused(hub, name):
    assert code(sign_in(hub, f"{name}\0", PASSWORD)) == (401, "credentials.refused")
    admin = admin_of(hub, name, "operator")
    for path in ("/connectors/%00", "/vendors/a%00", "/deliveries/%00", "/services/%00"):
        assert code(admin.get(path)) == (400, "request.invalid")


def test_a_target_that_is_none_is_no_longer_on_record_than_it_is_described(hub, name):
    admin = admin_of(hub, name, "administrator")
    assert code(admin.post(f"/connectors/{'x' * 2000}/activations")) == (404, "connector.unknown")
    (act,) = admin.get("/audit-records?operation=activate_connector").json()["items"]
    assert (act["outcome"], act["target"]) == ("connector.unknown", f"connectors/{'x' * 289}")
