"""OpenCity: the common promises of what is delivered, pulled and called; logins; what is its own."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from connectors.base.conformance import Walk, make_notice
from connectors.base.http_conformance import HttpConformance
from connectors.base.inbound_conformance import CallbackConformance, take
from connectors.base.pull_conformance import PullConformance
from connectors.base.scripted import Fault, Received, Reply, ScriptedServer
from connectors.opencity import connect
from connectors.opencity.config import Settings
from contracts.connector import Connector, Done, Limits
from contracts.failures import Deferred, Failure, Misconfigured, Unconfirmed
from contracts.inbound import Call

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
        return made(f"{url}/lang/api", limits)

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


class TestPull(PullConformance):
    samples = HERE / "samples" / "pulled"
    secrets = (PASSWORD, SECRET, jwt())
    personal = ("RSSMRA80A01H501U", "Mario Rossi", "mario.rossi@posta.example", "MIIC-Rossi")
    collections = ("applications", "messages", "payments", "subscriptions")

    def connect_to(self, url, limits):
        self.server.aside = login
        return made(f"{url}/lang/api", limits, collections=self.collections)

    def connect_unlisted(self, limits):
        return made("https://provider.example/lang/api", limits, private_hosts=[])

    def check_request(self, request):
        is_authorised(request)

    def only(self, **changes):
        """A connector for one kind alone, over the main scenario's first round."""
        self.play(self.rounds()[0]["exchanges"])
        self.server.aside = login
        connector = made(f"{self.server.url}/lang/api", **changes)
        self._made.append(connector)
        return [found for _, taken in self.pull({}, connector) for found in taken.found]

    def test_what_the_settings_leave_out_is_not_asked_for(self):
        found = self.only(collections=["payments"])
        assert {each.collection or "quarantine" for each in found} == {"payments", "quarantine"}
        assert {each.name.partition("/")[0] for each in found} == {"payment"}
        assert not any("status=1000" in each.path or "messages" in each.path for each in self.server.received)

    def test_applications_of_other_services_are_passed_over(self):
        assert self.only(services=["passo-carrabile"]) == []
        assert any(each.collection == "messages" for each in self.only(services=["bonus-mensa"]))

    def test_services_have_the_hubs_names_where_the_settings_say_so(self):
        items = [each.item for each in self.only(service_ids={"bonus-mensa": "mensa"}) if each.item is not None]
        assert {item["service_id"] for item in items} == {"mensa"}

    def test_the_citizen_is_told_where_the_settings_say_so(self):
        found = self.only(tell=["io", "email"], collections=["applications"])
        assert {tuple(each.item["notify"]["channels"]) for each in found if each.item} == {("io", "email")}

    def test_all_subscriptions_are_named_so_that_deleted_ones_are_missed(self):
        self.play(self.rounds()[0]["exchanges"])
        steps, memo, connector = [], {}, self.fresh()
        while not steps or steps[-1].more:
            steps.append(connector.pull(memo))
            memo = steps[-1].memo
        named = [step.all_names for step in steps if step.all_names]
        ids = (f"subscription/7d3f0000-0000-4000-8000-0000000000{n}" for n in (30, 31, 32))
        assert named == [{"subscription/": frozenset(ids)}]

    def test_after_a_restart_between_its_lists_no_subscription_is_missed(self):
        self.play(self.rounds()[0]["exchanges"])
        memo, more = {}, True
        while more:
            pulled = self.fresh().pull(memo)
            assert pulled.all_names == {}
            memo, more = pulled.memo, pulled.more

    def test_a_sweep_comes_when_it_is_due(self):
        self.play(self.rounds()[0]["exchanges"])
        memo = self.pull({})[-1][1].memo
        self.server.received.clear()
        self.play(self.rounds()[1]["exchanges"])
        assert made_at(self, NOW + 86_399).pull(memo).more
        assert "updatedAt" in self.server.received[-1].path
        with pytest.raises(Failure):  # the scenario has no sweep of this page size
            made_at(self, NOW + 86_400, page_size=3).pull(memo)
        assert self.server.received[-1].path == "/lang/api/applications?version=2&offset=0&limit=3"

    def test_walking_asks_for_messages_of_what_changed_alone(self):
        self.play(self.rounds()[0]["exchanges"])
        memo = self.pull({})[-1][1].memo | {"since": NOW + 3600}
        self.server.received.clear()
        connector = made_at(self, NOW + 3600, changes="walk", collections=["applications", "messages"])
        found = [each for _, taken in self.pull(memo, connector) for each in taken.found]
        assert {each.name.partition("/")[0] for each in found} == {"application"}
        asked = [each.path.split("/")[4] for each in self.server.received if "messages" in each.path]
        # What cannot be understood is asked about all the same: its status is in no table.
        assert asked == ["7d3f0000-0000-4000-8000-000000000003"]

    def test_a_memo_of_another_version_begins_anew(self):
        self.play(self.rounds()[0]["exchanges"])
        assert take(self.fresh(), {"walk": "elsewhere"}).memo == take(self.fresh(), {}).memo

    def test_an_application_that_is_gone_is_withdrawn(self):
        self.play(self.rounds()[0]["exchanges"])
        memo = take(self.fresh(), {}).memo
        self.play(
            [
                {
                    "request": {"method": "GET", "path": f"/lang/api/applications/{ONE}?version=2"},
                    "answer": {"status": 404},
                }
            ]
        )
        found = take(self.fresh(), memo).found
        assert [(each.name, each.withdrawn is not None) for each in found] == [(f"application/{ONE}", True)]

    def test_the_quarantine_can_be_read_again(self):
        self.play(self.rounds()[0]["exchanges"])
        connector = self.fresh()
        first = [found for _, taken in self.pull({}, connector) for found in taken.found]
        for each in first:
            assert [(again.name, again.item, again.wrong) for again in connector.read(each.raw)] == [
                (each.name, each.item, each.wrong)
            ]
            assert b"MIIC" not in each.raw
        for body in (b"", b"[]", b"7", b'{"kind": "x"}', b"[" * 100_000, b"\xff"):
            assert [found.wrong[0].code for found in connector.read(body)] in (
                ["opencity.unreadable"],
                ["opencity.no_identifier"],
            )


def made_at(suite, now, **changes):
    suite.server.aside = login
    connector = made(f"{suite.server.url}/lang/api", now=lambda: now, **changes)
    suite._made.append(connector)
    return connector


class Callbacks(CallbackConformance):
    secrets = (PASSWORD, SECRET, jwt())
    personal = ("RSSMRA80A01H501U", "Mario Rossi", "mario.rossi@posta.example")
    credentials = ("x-hub-key",)
    sample = ""

    @pytest.fixture(autouse=True)
    def _tenant(self):
        with ScriptedServer() as self.server:
            self.server.aside = login
            sample = json.loads((HERE / "samples" / "pulled" / "pulled.json").read_text())
            bodies = {each["request"]["path"]: each["answer"]["body"] for each in sample["rounds"][0]["exchanges"]}
            message = bodies[f"/lang/api/applications/{ONE}/messages?version=1"][0]
            bodies[f"/lang/api/applications/{ONE}/messages/{message['id']}?version=1"] = message
            self.server.answering = lambda got: Reply(200, bodies[got.path]) if got.path in bodies else Reply(404)
            yield

    def connect(self):
        return made(f"{self.server.url}/lang/api")

    def body(self):
        return (HERE / "samples" / "called" / self.sample).read_bytes()

    def authentic(self, body):
        headers = (("Content-Type", "application/json"), ("X-Hub-Key", SECRET))
        return Call("POST", "events", "https://hub.example/c", "", headers, body, datetime.fromtimestamp(NOW, UTC))

    def told(self, **changes):
        return self.answer(self.authentic(json.dumps(json.loads(self.body()) | changes).encode()))

    def test_nothing_is_asked_for_a_stranger(self):
        call = self.authentic(self.body())
        self.connect().answer(Call("POST", "events", call.url, "", (), call.body, call.now), None)
        assert self.server.received == []

    @pytest.mark.parametrize(("status", "reason"), [(500, "unavailable"), (403, "not_allowed"), (429, "busy")])
    def test_what_cannot_be_read_now_is_asked_for_again(self, status, reason):
        self.server.answering = lambda _: Reply(status)
        reply = self.answer(self.authentic(self.body()))
        assert (reply.status, reply.found) == (503, ())
        assert json.loads(reply.body) == {"error": f"opencity.{reason}"}

    def test_a_name_that_leads_elsewhere_is_refused(self):
        for name in ("../users", "", None, 7, f"{ONE}/../x", f"{ONE}\n"):
            assert self.told(id=name).status == 400
        assert self.server.received == []

    def test_without_a_secret_no_webhook_is_taken(self):
        assert made(self.server.url, webhook_secret=None).answer is None


class TestApplicationWebhook(Callbacks):
    sample = "application.json"

    def test_what_is_read_counts_and_not_what_was_told(self):
        reply = self.told(status="9000", status_name="status_cancelled")
        assert [found.item["state"] for found in reply.found] == ["in_progress"]

    def test_one_that_is_gone_is_withdrawn(self):
        self.server.answering = lambda _: Reply(404)
        assert [found.withdrawn is not None for found in self.answer(self.authentic(self.body())).found] == [True]


class TestMessageWebhook(Callbacks):
    sample = "message.json"

    def test_a_note_of_the_office_is_not_read(self):
        reply = self.told(visibility="internal")
        assert (reply.status, reply.found) == (202, ())
        assert self.server.received == []


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
        assert type(result) is kind
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
