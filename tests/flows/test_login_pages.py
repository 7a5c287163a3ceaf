"""What an administrator's browser shows of signing in through an identity provider: how it ended, and the way on."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from hub.admin.signing_in import SignIn
from hub.store.administrators import IdentityProvider, change_administrator, set_provider
from hub.store.tables import provider_logins
from tests import browser, stores
from tests.flows.administering import Admin, query_of
from tests.flows.making import code
from tests.harness import ENTE, running_hub
from tests.oidc import CLIENT, SECRET, Provider

# As Chromium writes it, and as programs do.
PAGE, JSON = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8", "application/json"
CALLBACK = "/admin/v1/login-results"
BEGIN = "/admin/v1/identity-providers/comune/logins"
NAME = "Anna <b>Verdi</b>"
LOOK = (Path(__file__).parent / "look_at_page.js").read_text()
PHONE, DESK = 390, 1280


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    # A page is drawn the same whatever the database.
    with stores.in_use("sqlite"), running_hub(tmp_path_factory.mktemp("logins") / "home") as running:
        yield running


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    if browser.found() is None:
        pytest.skip(f"no browser here: one of {', '.join(browser.NAMES)} draws the pages")
    with browser.browser(tmp_path_factory.mktemp("browser")) as one:
        yield one


@pytest.fixture
def provider(hub):
    """One that leads back to the hub where it really is."""
    with Provider(redirect_uri=hub.url + CALLBACK) as provider:
        provider.claims["name"] = NAME
        configured = IdentityProvider(
            *(ENTE, "comune", provider.issuer, CLIENT, SECRET, provider.redirect_uri, "openid", "groups"),
            role_map={"ict": "administrator", "urp": "operator"},
        )
        with hub.home.database.write() as tx:
            set_provider(tx, hub.home.vault, configured)
        yield provider


@dataclass
class Login:
    """One that was begun, and that the provider has answered: it ends with `query`."""

    hub: object
    query: dict[str, str]
    cookie: str

    def end(self, accept=PAGE):
        headers = {"Accept": accept, "Cookie": self.cookie}
        return self.hub.client.get(CALLBACK, params=self.query, headers=headers)


def begun(hub):
    answer = hub.client.get(BEGIN, headers={"Accept": PAGE})
    assert answer.status_code == 303
    hub.client.cookies.clear()
    back = httpx.get(answer.headers["Location"]).headers["Location"]
    return Login(hub, query_of(back), answer.headers["Set-Cookie"].partition(";")[0])


def age(login, _provider):
    with login.hub.home.database.write() as tx:
        tx.connection.execute(provider_logins.update().values(expires_at=tx.now))


def open_elsewhere(login, _provider):
    login.cookie = "altro=1"


def call_off(login, _provider):
    del login.query["code"]
    login.query["error"] = "access_denied"


def disable(login, _provider):
    name = begun(login.hub).end(JSON).json()["session"]["account"]["username"]
    with login.hub.home.database.write() as tx:
        change_administrator(tx, ENTE, name, active=False)


def answer_as_another(login, _provider):
    login.query["iss"] = "https://altro.example.it"


def lie(_login, provider):
    provider.lies = {"nonce": "un altro nonce del tutto diverso da quello"}


def give_no_role(_login, provider):
    provider.claims["groups"] = ["altro"]


def go_away(_login, provider):
    provider.told = {"issuer": "https://altro.example.it"}


FAILURES = {
    "Accesso scaduto": (age, 401, "login.refused"),
    "Accesso scaduto, altro browser": (open_elsewhere, 401, "login.refused"),
    "Accesso non concesso": (call_off, 401, "login.refused"),
    "Account disattivato": (disable, 401, "login.refused"),
    "Accesso non riuscito": (answer_as_another, 401, "login.refused"),
    "Accesso non riuscito, prova falsa": (lie, 401, "login.refused"),
    "Nessun ruolo in Raccordo": (give_no_role, 403, "role.missing"),
    "Il fornitore di identità non risponde": (go_away, 502, "identity_provider.unreachable"),
}
INTERNALS = re.compile(r"nonce|id_token|discovery|issuer|callback|traceback|altro\.example", re.IGNORECASE)


def is_page(answer):
    """Whether it is a page that runs and loads nothing; its title."""
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; ")
    assert "script-src" not in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "Accept" in answer.headers["Vary"]
    assert not re.search(r"<script|\son\w+=|https?://", answer.text)
    return re.search("<h1>(.*)</h1>", answer.text)[1].replace("&#x27;", "'")


@pytest.mark.parametrize("name", FAILURES)
def test_each_failure_is_told_in_clear_words_with_a_way_on(hub, provider, name):
    fail, status, _ = FAILURES[name]
    provider.claims["sub"] = f"u-{name}"
    login = begun(hub)
    fail(login, provider)
    answer = login.end()
    assert (answer.status_code, is_page(answer)) == (status, name.partition(",")[0])
    assert '<p lang="en">' in answer.text
    assert not INTERNALS.search(answer.text), INTERNALS.search(answer.text)
    assert answer.headers["X-Correlation-ID"] in answer.text, "whoever runs the hub finds it by this"
    assert (f'href="{BEGIN}"' in answer.text) == (fail is not disable)


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.parametrize("accept", [JSON, "*/*", f"{JSON}, text/html;q=0.5"])
def test_a_program_has_problems_as_before(hub, provider, name, accept):
    fail, *expected = FAILURES[name]
    provider.claims["sub"] = f"u-{name}-{accept}"
    login = begun(hub)
    fail(login, provider)
    answer = login.end(accept)
    assert list(code(answer)) == expected
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_where_no_login_can_begin_a_page_says_so(hub, provider):
    provider.told = {"jwks_uri": None}
    away = hub.client.get(BEGIN, headers={"Accept": PAGE})
    assert (away.status_code, is_page(away)) == (502, "Il fornitore di identità non risponde")
    assert f'href="{BEGIN}"' in away.text
    unknown = hub.client.get(BEGIN.replace("comune", "nessuno"), headers={"Accept": PAGE})
    assert (unknown.status_code, is_page(unknown)) == (404, "Indirizzo di accesso sconosciuto")
    assert "href" not in unknown.text
    assert code(hub.client.get(BEGIN, headers={"Accept": JSON})) == (502, "identity_provider.unreachable")


@pytest.mark.parametrize("state", ["", "x" * 201, '"><b>.x', "../../docs.x", "senza-punto"])
def test_what_stands_in_a_callback_that_nobody_sent_leads_nowhere(hub, state):
    answer = hub.client.get(CALLBACK, params={"state": state, "code": "x"}, headers={"Accept": PAGE})
    assert answer.status_code == 401
    assert is_page(answer) in ("Accesso non riuscito", "Accesso scaduto")
    assert "<b>" not in answer.text
    assert "href" not in answer.text


def test_an_archive_that_is_away_is_a_page_too(hub, provider, monkeypatch):
    async def away(*_):
        raise OperationalError("select", {}, Exception("connection to 10.0.0.7 refused"))

    login = begun(hub)
    monkeypatch.setattr(SignIn, "finish", away)
    answer = login.end()
    assert (answer.status_code, is_page(answer)) == (503, "Accesso non riuscito")
    assert answer.headers["Retry-After"]
    assert "10.0.0.7" not in answer.text


def test_who_is_in_reads_as_whom_and_has_the_token_once(hub, provider):
    provider.claims |= {"sub": "u-in", "groups": ["ict", "urp"]}
    answer = begun(hub).end()
    assert (answer.status_code, is_page(answer)) == (200, "Accesso riuscito")
    assert "Anna &lt;b&gt;Verdi&lt;/b&gt;" in answer.text
    assert "i ruoli <strong>administrator</strong>, <strong>operator</strong>" in answer.text
    assert 'href="/docs/admin"' in answer.text
    token = re.search(r'<code class="copied"[^>]*>([\w-]+)</code>', answer.text)[1]
    assert Admin(hub, token).get("/sessions/current").json()["account"]["roles"] == ["administrator", "operator"]
    assert "; Max-Age=0;" in answer.headers["Set-Cookie"]


SHOWN = ("Accesso riuscito", *(name for name in FAILURES if "," not in name))


@pytest.mark.req("S64")
@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.parametrize("name", SHOWN)
def test_in_a_browser_it_can_be_read_by_everybody(hub, tab, provider, name, width):
    """Chromium itself goes to the provider and comes back, with the cookie that it was given."""
    provider.claims |= {"sub": f"b-{name}-{width}", "name": f"Anna Verdi {'di nome lunghissimo ' * 3}"}
    if name == "Accesso riuscito":
        tab.open(hub.url + BEGIN, width=width)
    elif name in ("Il fornitore di identità non risponde", "Nessun ruolo in Raccordo"):
        FAILURES[name][0](None, provider)
        tab.open(hub.url + BEGIN, width=width)
    else:
        login = begun(hub)
        FAILURES[name][0](login, provider)
        tab.open(hub.url + CALLBACK, width=width)  # whose cookies these are
        tab.ask(f"document.cookie = {login.cookie!r} + '; path=/'")
        tab.open(str(httpx.URL(hub.url + CALLBACK, params=login.query)), width=width)
    if folder := os.environ.get("RACCORDO_PICTURES"):
        tab.picture(Path(folder) / f"login_{name.replace(' ', '_')}.{width}.png")
    assert tab.ask("document.querySelector('h1').textContent") == name
    wrong = tab.ask(LOOK)
    assert not wrong, "\n".join(wrong[:30])
    assert not [each for each in tab.complaints() if not each.startswith("Failed to load resource: the server resp")]
