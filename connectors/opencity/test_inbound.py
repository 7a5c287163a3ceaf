"""OpenCity: what is pulled and what its webhook tells: the common promises, and what is its own."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.base.inbound_conformance import CallbackConformance, patiently, take
from connectors.base.pull_conformance import PullConformance
from connectors.base.scripted import Reply, ScriptedServer
from contracts.answering import Call
from contracts.failures import Failure

from .test_opencity import NOW, ONE, PASSWORD, SECRET, is_authorised, jwt, login, made

HERE = Path(__file__).parent


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
        assert [each for each in named if "subscription/" in each] == [{"subscription/": frozenset(ids)}]

    def test_of_two_walks_at_once_each_names_what_it_found_itself(self):
        self.play(self.rounds()[0]["exchanges"])
        self.server.aside = login
        clock = [NOW]
        connector = made(f"{self.server.url}/lang/api", now=lambda: clock[0], collections=["subscriptions"])
        self._made.append(connector)
        memo, named, more = {}, [], True
        while more:
            pulled = connector.pull(memo)
            named += pulled.all_names.values()
            memo, more = pulled.memo, pulled.more
            clock[0] += 1
            take(connector, {})  # another begins
        assert [len(each) for each in named] == [3]

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

    def test_an_application_that_is_not_there_any_more_is_missing(self):
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
        assert [(each.name, each.missing) for each in found] == [(f"application/{ONE}", True)]

    def test_one_application_that_breaks_the_tenant_does_not_stop_all_others(self):
        exchanges = self.rounds()[0]["exchanges"]
        broken = f"/lang/api/applications/{ONE}/messages?version=1"
        self.play(
            [each | {"answer": {"status": 500}} if each["request"]["path"] == broken else each for each in exchanges]
        )
        connector, memo, steps = self.fresh(), {}, []
        waited = []
        while not steps or steps[-1].more:
            step, failures = patiently(connector, memo)
            steps, waited, memo = [*steps, step], [*waited, *failures], step.memo
        assert [each.reason for each in waited] == ["opencity.breaks"] * 3
        found = [each for step in steps for each in step.found]
        assert f"message-of/{ONE}" in [each.name for each in found if each.wrong]
        assert {"application", "payment", "subscription"} <= {
            each.name.partition("/")[0] for each in found if each.item
        }

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

    @pytest.mark.parametrize(("status", "reason"), [(500, "breaks"), (403, "not_allowed"), (429, "busy")])
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

    @pytest.mark.parametrize("status", [404, 410])
    def test_one_that_seems_gone_is_missing(self, status):
        self.server.answering = lambda _: Reply(status)
        assert [found.missing for found in self.answer(self.authentic(self.body())).found] == [True]


class TestMessageWebhook(Callbacks):
    sample = "message.json"

    def test_a_note_of_the_office_is_not_read(self):
        reply = self.told(visibility="internal")
        assert (reply.status, reply.found) == (202, ())
        assert self.server.received == []
