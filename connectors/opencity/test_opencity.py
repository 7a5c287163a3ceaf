"""OpenCity: the common promises of what is delivered, pulled and called; logins; what is its own."""

import base64
import json
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from connectors.base.conformance import Walk, make_notice
from connectors.base.http_conformance import HttpConformance
from connectors.base.inbound_conformance import take
from connectors.base.scripted import Fault, Received, Reply, ScriptedServer
from connectors.opencity import connect
from connectors.opencity.config import Settings
from contracts.connector import Connector, Done, Limits
from contracts.failures import Deferred, Failure, Misconfigured, Unconfirmed

HERE = Path(__file__).parent
PASSWORD, SECRET = "the-operator's-password", "the-webhook-secret-of-this-tenant"
NOW = 1_770_200_000
SETTINGS = {
    "vendor_id": "opencity",
    "username": "hub-api",
    "password": PASSWORD,
    "private_hosts": ["127.0.0.1"],
    "application_url": "https://servizi.comune.valdilago.example/lang/it/pratiche/{id}/detail",
    "webhook_secret": SECRET,
    "settle_s": 0,
    "page_size": 2,
}
ONE = "7d3f0000-0000-4000-8000-000000000001"


def jwt(issued=NOW, life=3600, name="token"):
    claims = json.dumps({"iat": issued, "exp": issued + life, "id": "u", "n": name}).encode()
    return f"e30.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.{name}-signature"


def made(url, limits=None, now=lambda: NOW, **changes) -> Connector:
    settings = Settings.model_validate_json(json.dumps(SETTINGS | {"base_url": url} | changes))
    return connect(settings, limits or Limits(), now)


def login(request: Received) -> Reply | None:
    """The tenant's login, beside whatever is played."""
    if (request.method, request.path) != ("POST", "/lang/api/auth"):
        return None
    given = json.loads(request.body)
    assert request.headers["content-type"] == "application/json"
    good = given == {"username": "hub-api", "password": PASSWORD}
    return Reply(200, {"token": jwt()}) if good else Reply(401, {"code": 401, "message": "Invalid credentials."})


def is_authorised(request: Received) -> None:
    assert request.headers["authorization"] == f"Bearer {jwt()}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept"] == "application/json"


class TestDelivery(HttpConformance):
    samples = HERE / "samples"
    sending = 1
    secrets = (PASSWORD, SECRET, jwt())

    def connect_to(self, url, limits):
        self.server.aside = self.beside
        connector = made(f"{url}/lang/api", limits)
        # Logged in, however busy the machine is: what is to be late is the call, and not the login before it.
        session = connector.advance.__self__.session
        session.timeout_s = 10
        with suppress(Deferred):  # nobody listens, which is a test of its own
            session.token()
        session.timeout_s = limits.timeout_s
        return connector

    def beside(self, request):
        """The login, and what is stored: a question for it may come at any time."""
        listing = (request.method, request.path) == ("GET", f"/lang/api/applications/{ONE}/messages?version=1")
        if not listing or any(isinstance(each, Fault) for each in self.server.left):
            return login(request)
        stored = [json.loads(each.body) for each in self.server.received if each.method == "POST"]
        return Reply(200, [{"id": ONE} | each for each in stored])

    def check_request(self, request):
        is_authorised(request)

    def test_a_message_that_may_still_come_is_not_sent_again(self):
        self.server.aside = login
        clock = [NOW]
        connector = made(f"{self.server.url}/lang/api", now=lambda: clock[0], settle_s=60)
        self._made.append(connector)
        walk = Walk(connector, self.notice(), {"step": "send", "at": NOW})
        self.server.play(*[Reply(200, [])] * 2)
        with pytest.raises(Deferred) as caught:
            connector.lookup(walk.notice, walk.memo)
        assert (caught.value.after, caught.value.about) == (timedelta(seconds=60), "message")
        clock[0] += 60
        assert connector.lookup(walk.notice, walk.memo) is None

    def test_a_message_that_was_stored_though_the_answer_was_500_is_found(self):
        walk = self.until_sending()
        self.server.play(Reply(500, {"type": "error"}))
        assert isinstance(walk.step(), Unconfirmed)
        text = json.loads(self.server.received[-1].body)["message"]
        self.server.aside = login
        stored = [{"id": "7d3f0000-0000-4000-8000-000000000016", "message": text.replace("<p>", "\n")}]
        self.server.play(Reply(200, [{"id": ONE, "message": "altro"}, *stored]))
        assert walk.connector.lookup(walk.notice, walk.memo) == Done(stored[0]["id"])

    def test_a_memo_of_another_version_is_never_sent_again(self):
        walk = Walk(self.fresh(), self.notice(), {"step": "something else"})
        assert type(walk.finish()) is Unconfirmed
        assert self.server.received == []

    def test_the_reference_can_be_a_comment(self):
        connector = made("https://servizi.comune.valdilago.example/lang/api", reference="comment")
        shown = connector.preview(self.notice())[0].fields["message"]
        assert shown.endswith("<!-- hub:01890a5d-ac96-774b-bcce-b302099a8057 -->")

    def test_no_html_of_a_vendor_gets_through(self):
        notice = make_notice(application=ONE, title="<script>x</script>", body_markdown="<img src=x> [a](javascript:x)")
        shown = self.fresh().preview(notice)[0].fields["message"]
        for bad in ("<script", "<img", 'href="javascript'):
            assert bad not in shown


class TestLogin:
    @pytest.fixture(autouse=True)
    def _server(self):
        with ScriptedServer() as self.server:
            yield

    def logins(self):
        return sum(each.path.endswith("/auth") for each in self.server.received)

    def step(self, connector):
        return take(connector, {})

    def test_a_token_is_renewed_after_four_fifths_of_its_life(self):
        clock = [NOW]
        connector = made(f"{self.server.url}/lang/api", now=lambda: clock[0])
        page = {"meta": {"count": 0}, "data": []}
        # The tenant's clock is hours away, which is nothing to the life of a token.
        self.server.answering = lambda got: Reply(
            200, {"token": jwt(NOW - 9999, 1000)} if got.path.endswith("/auth") else page
        )
        for at, logins in ((0, 1), (799, 1), (800, 2), (1599, 2), (1600, 3)):
            clock[0] = NOW + at
            self.step(connector)
            assert self.logins() == logins

    def test_a_token_that_ended_before_its_time_is_asked_for_anew_once(self):
        tokens = iter([jwt(name="first"), jwt(name="second")])
        page = {"meta": {"count": 0}, "data": []}

        def answer(got):
            if got.path.endswith("/auth"):
                return Reply(200, {"token": next(tokens)})
            return Reply(200, page) if got.headers["authorization"].endswith("second-signature") else Reply(401)

        self.server.answering = answer
        assert not isinstance(self.step(made(f"{self.server.url}/lang/api")), Failure)
        assert self.logins() == 2

    @pytest.mark.parametrize(
        ("reply", "kind", "reason"),
        [
            (Reply(401, {"code": 401, "message": "Invalid credentials."}), Misconfigured, "opencity.login_refused"),
            (Reply(403), Misconfigured, "opencity.login_refused"),
            (Reply(404, "<html>"), Misconfigured, "opencity.not_the_api"),
            (Reply(302, headers={"Location": "/login"}), Misconfigured, "opencity.not_the_api"),
            (Reply(429, headers={"Retry-After": "9"}), Deferred, "opencity.busy"),
            (Reply(500), Deferred, "opencity.unavailable"),
            (Reply(200, "<html>"), Deferred, "opencity.unreadable"),
            (Reply(200, {"token": "a b"}), Deferred, "opencity.unreadable"),
            (Reply(200, {"token": "a\r\nX: y"}), Deferred, "opencity.unreadable"),
            (Reply(200, {"token": None}), Deferred, "opencity.unreadable"),
        ],
    )
    def test_a_login_that_fails_says_what_to_do(self, reply, kind, reason):
        self.server.answering = lambda _: reply
        result = self.step(made(f"{self.server.url}/lang/api"))
        assert isinstance(result, kind)
        assert result.reason == reason
        assert PASSWORD not in f"{result!r} {result}"

    @pytest.mark.parametrize("token", ["opaque", "a.b.c", "a.bnVsbA.c", "a.eyJleHAiOiAieCJ9.c"])
    def test_a_token_that_says_no_end_lives_an_hour(self, token):
        clock = [NOW]
        connector = made(f"{self.server.url}/lang/api", now=lambda: clock[0])
        page = {"meta": {"count": 0}, "data": []}
        self.server.answering = lambda got: Reply(200, {"token": token} if got.path.endswith("/auth") else page)
        for at, logins in ((0, 1), (2879, 1), (2880, 2)):
            clock[0] = NOW + at
            self.step(connector)
            assert self.logins() == logins


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"base_url": "http://servizi.comune.example.it/lang/api"}, "plain http"),
        ({"base_url": "http://127.0.0.1/lang/api", "private_hosts": []}, "plain http"),
        ({"base_url": "https://servizi.comune.example.it/lang/api/"}, "without a slash"),
        ({"base_url": "https://servizi.comune.example.it/api?x=1"}, "without a slash"),
        ({"application_url": "https://servizi.comune.example.it/pratiche"}, "must hold {id}"),
        ({"application_url": "http://servizi.comune.example.it/{id}"}, "must be https"),
        ({"webhook_secret": "short"}, "16 ASCII"),
        ({"webhook_secret": "a secret that is not àscii"}, "16 ASCII"),
        ({"page_size": 101}, "less than or equal to 100"),
        ({"surprise": 1}, "Extra inputs"),
    ],
)
def test_settings_that_cannot_work_are_refused_and_show_nothing(changes, told):
    with pytest.raises(ValidationError, match=told) as caught:
        made("https://servizi.comune.example.it/lang/api", **changes)
    assert PASSWORD not in str(caught.value)
    assert str(changes.get("webhook_secret")) not in str(caught.value)


def test_settings_come_from_a_command_line_too():
    given = {"service_ids": "bonus-mensa=mensa, x = y", "private_hosts": "127.0.0.1,sdc.lan", "collections": "payments"}
    settings = Settings.model_validate_json(json.dumps(SETTINGS | {"base_url": "https://x.example/api"} | given))
    assert settings.service_ids == {"bonus-mensa": "mensa", "x": "y"}
    assert settings.private_hosts == ("127.0.0.1", "sdc.lan")
    assert settings.collections == ("payments",)
    assert (settings.service_of("bonus-mensa", None), settings.service_of("altro", "u")) == ("mensa", "altro")
