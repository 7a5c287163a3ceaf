"""Administrators sign in through an identity provider that others keep (Canaille), by its pages and rules."""

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import httpx
import pytest

from tests.flows.administering import CALLBACK, Admin, begin_login, end_login, query_of
from tests.flows.making import code
from tests.identity_provider import CLIENT, Browser, IdentityProvider

SCOPE = "openid profile groups"


@pytest.fixture
def provider():
    """One for each test: its store in memory takes a code that was left over for another of the same client."""
    with IdentityProvider(CALLBACK) as provider:
        yield provider


@pytest.fixture
def configure(provider, raccordo, tmp_path):
    def set_(secret, *more):
        (tmp_path / "secret").write_text(secret + "\n")
        raccordo(
            *("admin", "provider", "set", "comune", "--issuer", provider.issuer, "--client-id", CLIENT),
            *("--secret-file", tmp_path / "secret", "--role", "ict=administrator", *more),
        )

    return set_


@pytest.fixture
def configured(provider, configure):
    configure(provider.secret, "--scope", SCOPE, "--role", "urp=operator")
    return provider


def back(hub, url, cookie):
    return end_login(hub, query_of(url), cookie)


def amended(url, **changes):
    """The same address with other parameters; None takes one away."""
    parts = urlsplit(url)
    asked = {name: value for name, value in (dict(parse_qsl(parts.query)) | changes).items() if value is not None}
    return urlunsplit(parts._replace(query=urlencode(asked)))


def log_in(hub, username):
    url, cookie = begin_login(hub)
    return back(hub, Browser().sign_in(url, username, CALLBACK), cookie)


def test_whoever_the_provider_knows_signs_in_with_the_roles_of_his_groups(hub, configured):
    answer = log_in(hub, "anna")
    assert answer.status_code == 200, answer.text
    account = answer.json()["session"]["account"]
    assert (account["display_name"], account["roles"]) == ("Anna Verdi", ["administrator"])
    assert account["username"].startswith("comune:")
    assert Admin(hub, answer.json()["session_token"]).get("/audit-records").status_code == 200
    assert log_in(hub, "anna").json()["session"]["account"]["username"] == account["username"]
    ugo = log_in(hub, "ugo").json()
    assert ugo["session"]["account"]["roles"] == ["operator"]
    assert code(Admin(hub, ugo["session_token"]).get("/audit-records")) == (403, "role.missing")
    assert code(log_in(hub, "nina")) == (403, "role.missing"), "none of her groups has a role here"


def test_groups_come_by_the_scope_that_asks_for_them_alone(hub, provider, configure):
    configure(provider.secret)
    assert code(log_in(hub, "anna")) == (403, "role.missing")


def test_the_provider_takes_the_code_with_the_hubs_verifier_alone(hub, configured):
    url, cookie = begin_login(hub)
    others = "A" * 43  # the challenge of a verifier that the hub does not have
    came = Browser().sign_in(amended(url, code_challenge=others), "anna", CALLBACK)
    assert code(back(hub, came, cookie)) == (401, "login.refused")
    url, _ = begin_login(hub)
    came = Browser().go(amended(url, code_challenge=None), CALLBACK)
    assert "code" not in query_of(came), "without a challenge the provider gives no code"


def test_a_code_counts_once_and_its_token_for_the_nonce_of_the_login_alone(hub, configured):
    url, cookie = begin_login(hub)
    came = Browser().sign_in(amended(url, nonce="un altro nonce, di un altro"), "anna", CALLBACK)
    assert code(back(hub, came, cookie)) == (401, "login.refused")
    url, cookie = begin_login(hub)
    came = Browser().sign_in(url, "anna", CALLBACK)
    assert back(hub, came, cookie).status_code == 200
    again, cookie = begin_login(hub)
    replayed = amended(came, state=query_of(again)["state"])
    assert code(back(hub, replayed, cookie)) == (401, "login.refused"), "the code was taken already"


def test_the_wrong_secret_signs_nobody_in(hub, configure):
    configure("un altro segreto", "--scope", SCOPE)
    assert code(log_in(hub, "anna")) == (401, "login.refused")


def test_who_signs_out_is_out_of_the_hub_and_at_the_provider_until_he_ends_that_too(hub, configured):
    browser = Browser()
    url, cookie = begin_login(hub)
    token = back(hub, browser.sign_in(url, "anna", CALLBACK), cookie).json()["session_token"]
    admin = Admin(hub, token)
    assert admin.call("DELETE", "/sessions/current").status_code == 204
    assert code(admin.get("/sessions/current")) == (401, "session.refused")
    url, cookie = begin_login(hub)
    assert back(hub, browser.go(url, CALLBACK), cookie).status_code == 200, "the provider still knows the browser"
    described = httpx.get(f"{configured.issuer}/.well-known/openid-configuration").json()
    page = browser.go(described["end_session_endpoint"], CALLBACK)
    browser.fill(page, CALLBACK, answer="logout")
    url, _ = begin_login(hub)
    assert not browser.go(url, CALLBACK).startswith(CALLBACK), "the provider asks who it is"
