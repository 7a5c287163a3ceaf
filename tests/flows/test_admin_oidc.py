"""What an OpenID provider may say and do, lies and attacks, that a kept one (test_identity_provider.py) does not."""

import json
import time
from dataclasses import replace

import httpx
import pytest

from hub.security.keys import new_key
from hub.security.sign import SigningKey
from hub.store.administrators import change_administrator, find_provider, set_provider
from hub.store.directory import AlreadyThere
from hub.store.tables import access_log, identity_providers, provider_logins
from tests.flows.administering import CALLBACK, Admin, begin_login, end_login, query_of
from tests.flows.making import code, rows
from tests.oidc import CLIENT, SECRET, Provider


@pytest.fixture
def provider(hub, raccordo, tmp_path):
    (tmp_path / "secret").write_text(SECRET + "\n")
    with Provider(redirect_uri=CALLBACK) as provider:
        raccordo(
            *("admin", "provider", "set", "comune", "--issuer", provider.issuer, "--client-id", CLIENT),
            *("--secret-file", tmp_path / "secret", "--role", "ict=administrator", "--role", "urp=operator"),
        )
        yield provider


def at_the_provider(url):
    """The browser at the provider, which sends it back: the callback's query."""
    answer = httpx.get(url)
    assert answer.status_code == 302, answer.text
    assert answer.headers["Location"].startswith(CALLBACK)
    return query_of(answer.headers["Location"])


def log_in(hub):
    url, cookie = begin_login(hub)
    return end_login(hub, at_the_provider(url), cookie)


def test_without_a_role_nobody_signs_in_and_no_account_is_made(hub, provider, raccordo):
    provider.claims |= {"sub": "u-2", "groups": ["altro"]}
    before = raccordo("admin", "list", "--json")
    assert code(log_in(hub)) == (403, "role.missing")
    assert raccordo("admin", "list", "--json") == before


def test_a_disabled_account_does_not_come_back_through_the_provider(hub, provider, raccordo):
    provider.claims["sub"] = "u-3"
    name = log_in(hub).json()["session"]["account"]["username"]
    command = raccordo("admin", "list", "--json")
    assert any(each["username"] == name and each["provider"] == "comune" for each in command)
    with hub.home.database.write() as tx:
        change_administrator(tx, "c_h501", name, active=False)
    assert code(log_in(hub)) == (401, "login.refused")
    assert "u-3" not in str(rows(hub, access_log)), "the provider's name of a person is in no log"


def test_a_path_of_claims_names_the_roles_as_well(hub, provider, raccordo, tmp_path):
    raccordo(
        *("admin", "provider", "set", "comune", "--issuer", provider.issuer, "--client-id", CLIENT),
        *("--secret-file", tmp_path / "secret", "--role", "capo=administrator", "--role-claim", "realm_access.roles"),
    )
    provider.claims |= {"sub": "u-4", "groups": [], "realm_access": {"roles": ["x", "capo"]}}
    assert log_in(hub).json()["session"]["account"]["roles"] == ["administrator"]


NOW = int(time.time())


@pytest.mark.parametrize(
    "lies",
    [
        {"iss": "https://altro.example.it"},
        {"iss": None},
        {"aud": "altro"},
        {"aud": [CLIENT, "altro"]},
        {"azp": "altro"},
        {"nonce": "un altro nonce del tutto diverso da quello"},
        {"nonce": None},
        pytest.param({"exp": NOW - 3600}, id="exp an hour ago"),
        {"exp": None},
        {"exp": True},
        pytest.param({"iat": NOW - 7200}, id="iat two hours ago"),
        pytest.param({"iat": NOW + 7200}, id="iat in two hours"),
        {"sub": ""},
        {"sub": None},
        {"sub": 7},
    ],
    ids=lambda lies: json.dumps(lies)[:40],
)
def test_an_id_token_that_does_not_hold_signs_nobody_in(hub, provider, lies):
    provider.lies = lies
    assert code(log_in(hub)) == (401, "login.refused")


def test_an_id_token_of_another_key_signs_nobody_in(hub, provider):
    provider.signed_by = SigningKey(new_key("es256"))
    assert code(log_in(hub)) == (401, "login.refused")


def test_a_state_counts_once_and_only_in_the_browser_that_began(hub, provider):
    url, cookie = begin_login(hub)
    query = at_the_provider(url)
    assert end_login(hub, query, cookie).status_code == 200
    assert code(end_login(hub, query, cookie)) == (401, "login.refused")
    for others in ("", "di-un-altro"):
        url, cookie = begin_login(hub)
        others = others and f"{cookie.partition('=')[0]}={others}"
        assert code(end_login(hub, at_the_provider(url), others)) == (401, "login.refused")
    assert rows(hub, provider_logins) == [], "a login that failed cannot be tried again"


def test_cookies_of_others_on_the_same_host_end_no_login(hub, provider):
    url, cookie = begin_login(hub)
    assert end_login(hub, at_the_provider(url), f"a/b=1; {{x}}; {cookie}").status_code == 200


def test_a_login_that_the_provider_refused_or_that_is_too_old_ends(hub, provider):
    url, cookie = begin_login(hub)
    state = query_of(url)["state"]
    assert code(end_login(hub, {"state": state, "error": "access_denied"}, cookie)) == (401, "login.refused")
    url, cookie = begin_login(hub)
    query = at_the_provider(url)
    with hub.home.database.write() as tx:
        tx.connection.execute(provider_logins.update().values(expires_at=tx.now))
    assert code(end_login(hub, query, cookie)) == (401, "login.refused")


def test_a_callback_of_another_issuer_ends_the_login(hub, provider):
    url, cookie = begin_login(hub)
    query = at_the_provider(url) | {"iss": "https://altro.example.it"}
    assert code(end_login(hub, query, cookie)) == (401, "login.refused")
    url, cookie = begin_login(hub)
    assert end_login(hub, at_the_provider(url) | {"iss": provider.issuer}, cookie).status_code == 200


def test_a_callback_that_does_not_say_whose_it_is_is_not_of_a_provider_that_would(hub, provider):
    provider.told = {"authorization_response_iss_parameter_supported": True}
    url, cookie = begin_login(hub)
    assert code(end_login(hub, at_the_provider(url), cookie)) == (401, "login.refused")
    url, cookie = begin_login(hub)
    assert end_login(hub, at_the_provider(url) | {"iss": provider.issuer}, cookie).status_code == 200


def test_two_tabs_of_one_browser_end_each_its_own_login(hub, provider):
    """The second took the place of the first, which was refused."""
    (first, one), (second, other) = begin_login(hub), begin_login(hub)
    cookies = f"{one}; {other}"
    assert one.partition("=")[0] != other.partition("=")[0]
    for url in (first, second):
        assert end_login(hub, at_the_provider(url), cookies).status_code == 200


def test_over_https_no_other_host_of_the_domain_can_plant_the_cookie(hub, provider):
    answer = hub.client.get("/admin/v1/identity-providers/comune/logins", headers={"X-Forwarded-Proto": "https"})
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-raccordo-login-")
    assert cookie.endswith("; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure")
    bare = cookie.partition(";")[0].removeprefix("__Host-")
    https = {"X-Forwarded-Proto": "https"}
    query = at_the_provider(answer.headers["Location"])
    refused = hub.client.get("/admin/v1/login-results", params=query, headers=https | {"Cookie": bare})
    assert code(refused) == (401, "login.refused")
    hub.client.cookies.clear()


def test_whoever_has_no_role_any_more_loses_the_sessions_of_before(hub, provider, raccordo):
    provider.claims |= {"sub": "u-5", "groups": ["ict"]}
    signed_in = log_in(hub).json()
    admin = Admin(hub, signed_in["session_token"])
    assert admin.get("/sessions/current").status_code == 200
    provider.claims["groups"] = []
    assert code(log_in(hub)) == (403, "role.missing")
    assert code(admin.get("/sessions/current")) == (401, "session.refused")
    name = signed_in["session"]["account"]["username"]
    (account,) = [each for each in raccordo("admin", "list", "--json") if each["username"] == name]
    assert account["roles"] == []


def test_another_map_of_roles_ends_the_sessions_that_the_old_one_made(hub, provider, raccordo):
    admin = Admin(hub, log_in(hub).json()["session_token"])
    command = ("admin", "provider", "set", "comune", "--issuer", provider.issuer, "--client-id", CLIENT)
    raccordo(*command, "--role", "altro=administrator")
    assert code(admin.get("/sessions/current")) == (401, "session.refused")


def test_a_code_that_the_provider_does_not_know_signs_nobody_in(hub, provider):
    url, cookie = begin_login(hub)
    query = at_the_provider(url) | {"code": "inventato"}
    assert code(end_login(hub, query, cookie)) == (401, "login.refused")


@pytest.mark.parametrize(
    "told",
    [
        {"issuer": "https://altro.example.it"},
        {"token_endpoint": "http://altro.example.it/token"},
        {"jwks_uri": None},
        {"code_challenge_methods_supported": ["plain"]},
    ],
    ids=lambda told: next(iter(told)),
)
def test_a_description_that_cannot_be_trusted_leads_nowhere(hub, provider, told):
    provider.told = told
    answer = hub.client.get("/admin/v1/identity-providers/comune/logins")
    assert code(answer) == (502, "identity_provider.unreachable")


def test_a_provider_that_is_away_or_inside_the_network_is_not_reached(hub, provider, raccordo):
    for issuer in ("http://127.0.0.1:9", "https://10.0.0.7"):
        raccordo("admin", "provider", "set", "altro", "--issuer", issuer, "--client-id", "x", "--role", "a=operator")
        answer = hub.client.get("/admin/v1/identity-providers/altro/logins")
        assert code(answer) == (502, "identity_provider.unreachable")
    assert code(hub.client.get("/admin/v1/identity-providers/nessuno/logins")) == (404, "identity_provider.unknown")


def test_a_removed_provider_ends_the_sessions_of_its_people(hub, provider, raccordo):
    admin = Admin(hub, log_in(hub).json()["session_token"])
    assert admin.get("/sessions/current").status_code == 200
    raccordo("admin", "provider", "remove", "comune")
    assert code(admin.get("/sessions/current")) == (401, "session.refused")


def test_the_id_of_a_provider_that_was_removed_is_no_other_entes(hub, provider, raccordo):
    assert log_in(hub).status_code == 200
    with hub.home.database.read() as connection:
        was = find_provider(connection, hub.home.vault, "comune")
    raccordo("admin", "provider", "remove", "comune")
    with hub.home.database.write() as tx, pytest.raises(AlreadyThere):
        set_provider(tx, hub.home.vault, replace(was, ente_id="c_a944"))


def test_the_clients_secret_is_sealed_and_never_shown(hub, provider, raccordo):
    assert SECRET not in str(raccordo("admin", "provider", "list", "--json"))
    assert SECRET not in str(rows(hub, identity_providers)) + str(rows(hub, access_log))
