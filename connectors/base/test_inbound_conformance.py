"""The inbound suites are not blind: a connector with one fault of each kind fails them, the same without passes."""

import hmac
import inspect
import itertools
import json
import logging
from datetime import UTC, datetime

import pytest

from connectors.base import http
from connectors.base.inbound_conformance import CallbackConformance
from connectors.base.played_conformance import Pulling
from connectors.base.pull_conformance import PullConformance
from contracts.answering import Call, Reply
from contracts.callbacks import is_listed
from contracts.calls import CallAnswer, CallProof, ProviderCall
from contracts.connector import Connector, Manifest
from contracts.failures import Deferred, Misconfigured
from contracts.inbound import Found, Pulled, Wrong
from contracts.tls import TlsSettings

from .scripted import Fault

SECRET = "the-secret-key"
TAX_CODE = "RSSMRA80A01H501U"
MANIFEST = Manifest(name="toy", title="Toy", channel="none")
CALL = ProviderCall(
    operation_id="take_thing",
    method="POST",
    path="things",
    summary="Una cosa / A thing",
    italian="Una cosa.",
    english="A thing.",
    media_types=("application/json",),
    proofs=(CallProof(name="Key", header="Authorization", italian="Una chiave", english="A key"),),
    answers=tuple(CallAnswer(status=n, italian="Così", english="Thus") for n in (202, 400, 401)),
)
LARGEST = 1_000_000


def found(thing, bug=None):
    """A thing of the toy's provider as an item, or why it is none."""
    raw = json.dumps(thing).encode()
    name = TAX_CODE if bug == "name_is_a_person" else f"thing/{thing['id']}"
    if thing.get("gone"):
        return Found(name, raw, withdrawn="deleted")
    if "who" not in thing:
        detail = thing["text"] if bug == "wrong_shows_a_person" else "there is none"
        return Found(name, raw, wrong=(Wrong("/who", "toy.nobody", detail),))
    item = {
        "external_id": f"thing-{thing['id']}",
        "source": "toy",
        "title": "" if bug == "no_such_item" else "Avviso",
        "occurred_at": "2026-03-02T09:30:00Z",
        "recipient": {"tax_code": thing["who"]},
        "body_markdown": thing["text"],
    }
    if bug == "copies_what_it_does_not_know":
        item |= {key: value for key, value in thing.items() if key == "x_new"}
    return Found(name, raw, "messages", item)


class Toy:
    """A connector that pulls pages of things after a number."""

    def __init__(self, url, limits, bug, private):
        self.bug, self.limits, self.after = bug, limits, 0
        inside = (lambda *_: True) if bug == "goes_anywhere" else (lambda host, _: is_listed(host, private))
        transport = http.DeadlineTransport(allowed=inside)
        self.http = http.client(url, {"Authorization": f"Bearer {SECRET}"}, limits, TlsSettings(), transport)

    def pull(self, memo):
        after = self.after if self.bug == "place_in_memory" else memo.get("after", 0)
        if self.bug == "changes_the_memo":
            memo["tried"] = memo.get("tried", 0) + 1
        request = self.http.build_request("GET", f"/things?after={after}")
        things = self.page(request)
        if self.bug == "logs":
            logging.getLogger("toy").info("page %s", things)
        self.after = after = things.get("next", after)
        kept = {"after": after} | ({"seen": things} if self.bug == "store_in_the_memo" else {})
        if self.bug == "memo_grows":
            kept["steps"] = [*memo.get("steps", []), "a step of forty characters or thereabout"]
        got = (found(each, self.bug) for each in things.get("things", []))
        return Pulled(kept, self.once(got), more=things.get("more", False))

    def once(self, got):
        return itertools.islice(got, 1) if self.bug == "loses_one" else got

    def page(self, request):
        try:
            answer = http.send(self.http, request, unsafe=False, deadline_s=self.limits.timeout_s)
        except Deferred:
            if self.bug == "trouble_is_nothing":
                return {}
            raise
        if answer.status in (301, 302, 303, 307, 308) and self.bug == "follows":
            http.send(self.http, self.http.build_request("GET", answer.headers["location"]), unsafe=False, deadline_s=1)
        if answer.status in (401, 403) and self.bug != "key_refused_later":
            raise Misconfigured("toy.refused", SECRET if self.bug == "error_shows_secret" else "")
        if answer.status != 200:
            raise Deferred("toy.later", after=None if self.bug == "does_not_wait" else http.retry_after(answer))
        things = answer.object()
        if not things and self.bug != "garbage_is_nothing":
            raise Deferred("toy.unreadable")
        return things


PAGES = [
    {"things": [{"id": 1, "who": TAX_CODE, "text": "Ciao Mario"}, {"id": 2, "text": "Ciao Mario"}], "next": 2},
    {"things": [{"id": 3, "who": TAX_CODE, "text": "Ciao"}, {"id": 4, "gone": True}], "next": 4},
]


@pytest.fixture(scope="module")
def _scenario(tmp_path_factory):
    def exchange(page, body):
        return {"request": {"method": "GET", "path": f"/things?after={page}"}, "answer": {"status": 200, "body": body}}

    names = [{"name": "thing/1", "collection": "messages", "item": {"external_id": "thing-1"}}]
    names += [{"name": "thing/2", "wrong": ["toy.nobody /who"]}]
    names += [{"name": "thing/3", "item": {}}, {"name": "thing/4", "withdrawn": "deleted"}]
    exchanges = [exchange(0, PAGES[0] | {"more": True}), exchange(2, PAGES[1])]
    rounds = [{"exchanges": exchanges, "found": names}, {"exchanges": [exchange(4, {"things": [], "next": 4})]}]
    folder = tmp_path_factory.mktemp("samples")
    (folder / "pulled.json").write_text(json.dumps({"rounds": rounds}))
    Pull.samples = folder


class Pull(PullConformance):
    secrets, personal = (SECRET,), (TAX_CODE, "Mario")
    bug = None

    def connect_to(self, url, limits):
        return self.made(Toy(url, limits, self.bug, ("127.0.0.1",)))

    def connect_unlisted(self, limits):
        return self.made(Toy("https://provider.example", limits, self.bug, ()))

    def made(self, toy):
        return Connector(MANIFEST, toy.pull, lambda: "fine", toy.http.close, pull=toy.pull)

    def parameters(self):
        return super().parameters() | {"fault": (Fault.REFUSED, Fault.CUT, Fault.GARBAGE), "status": (401, 429, 500)}


class Called:
    """A connector that its provider calls with a thing."""

    count = 0

    def __init__(self, bug):
        self.bug = bug

    def answer(self, call, _reading):
        proved = call.header("authorization") or ""
        if self.bug == "first_of_two":
            proved = next((value for key, value in call.headers if key == "authorization"), "")
        if self.bug == "begins_with" and proved:
            known = f"Bearer {SECRET}".startswith(proved)
        else:
            known = hmac.compare_digest(proved.encode(), f"Bearer {SECRET}".encode())
        old = call.header("x-at") == "old" and self.bug != "old_will_do"
        if (not known or old) and self.bug != "takes_anybody":
            return Reply(401, SECRET.encode() if self.bug == "refusal_shows_secret" else b"")
        if call.method != "POST" and self.bug != "any_method":
            return Reply(405)
        if call.path != "things" and self.bug != "any_path":
            return Reply(404)
        if len(call.body) > LARGEST and self.bug != "any_size":
            return Reply(413)
        try:
            thing = json.loads(call.body)
            one = found(thing, self.bug)
        except (ValueError, RecursionError, TypeError, KeyError):
            return Reply(200 if self.bug == "garbage_is_fine" else 400)
        Called.count += 1
        if self.bug == "another_each_time":
            one = Found(f"{one.name}-{Called.count}", one.raw, one.collection, one.item)
        return Reply(202, found=(one,))


class Callbacks(CallbackConformance):
    secrets, personal, credentials = (SECRET,), (TAX_CODE, "Mario"), ("authorization",)
    bug = None

    def connect(self):
        called = Called(self.bug)
        declared = () if self.bug == "not_declared" else (CALL,)
        if self.bug == "refuses_as_declared_nowhere":
            declared = (CALL.model_copy(update={"answers": CALL.answers[:2]}),)
        manifest = MANIFEST.model_copy(update={"calls": declared})
        return Connector(manifest, called.answer, lambda: "fine", answer=called.answer)

    def body(self):
        return json.dumps(PAGES[0]["things"][0]).encode()

    def authentic(self, body, at="now"):
        headers = (("authorization", f"Bearer {SECRET}"), ("X-At", at))
        return Call("POST", "things", "https://hub.example/x", "", headers, body, datetime(2026, 3, 2, tzinfo=UTC))

    def forged(self):
        return {"old": self.authentic(self.body(), "old")}


def promises(suite):
    # The network's faults last: they take their time.
    return sorted((name for name in dir(suite) if name.startswith("test_")), key="test_fault".__eq__)


def keep(suite, name):
    """One promise, with each of the values that it is made of."""
    promise = getattr(suite, name)
    wanted = list(inspect.signature(promise).parameters)
    given = suite.parameters() if wanted else {}
    for values in itertools.product(*(given[each] for each in wanted)):
        promise(*values)


def keep_all(suite):
    for name in promises(suite):
        if isinstance(suite, Pulling):
            with suite.playing():
                keep(suite, name)
        else:
            keep(suite, name)


def with_bug(suite, bug):
    made = suite()
    made.bug = bug
    return made


@pytest.mark.usefixtures("_scenario")
def test_a_pull_without_a_fault_passes():
    keep_all(Pull())


@pytest.mark.usefixtures("_scenario")
@pytest.mark.parametrize(
    "bug",
    [
        "name_is_a_person",
        "wrong_shows_a_person",
        "no_such_item",
        "copies_what_it_does_not_know",
        "goes_anywhere",
        "place_in_memory",
        "changes_the_memo",
        "store_in_the_memo",
        "memo_grows",
        "loses_one",
        "trouble_is_nothing",
        "follows",
        "key_refused_later",
        "error_shows_secret",
        "does_not_wait",
        "garbage_is_nothing",
    ],
)
def test_each_fault_of_a_pull_is_found(bug):
    with pytest.raises((AssertionError, ValueError)):
        keep_all(with_bug(Pull, bug))


def test_a_callback_without_a_fault_passes():
    keep_all(Callbacks())


@pytest.mark.parametrize(
    "bug",
    [
        "name_is_a_person",
        "wrong_shows_a_person",
        "no_such_item",
        "copies_what_it_does_not_know",
        "first_of_two",
        "begins_with",
        "old_will_do",
        "takes_anybody",
        "refusal_shows_secret",
        "any_method",
        "any_path",
        "any_size",
        "garbage_is_fine",
        "another_each_time",
        "not_declared",
        "refuses_as_declared_nowhere",
    ],
)
def test_each_fault_of_a_callback_is_found(bug):
    suite = with_bug(Callbacks, bug)
    if bug == "wrong_shows_a_person":
        suite.body = lambda: json.dumps(PAGES[0]["things"][1]).encode()
    with pytest.raises((AssertionError, ValueError)):
        keep_all(suite)


@pytest.fixture
def _when_the_test_is_over(caplog):
    yield
    with pytest.raises(AssertionError):
        Pull().logged_nothing(caplog)


@pytest.mark.usefixtures("_scenario", "_when_the_test_is_over")
def test_what_a_pull_logs_is_read(caplog):
    caplog.set_level(logging.INFO)
    suite = with_bug(Pull, "logs")
    with suite.playing():
        suite.test_scenario("pulled.json")


@pytest.mark.usefixtures("_scenario")
def test_a_scenario_with_an_exchange_that_nobody_makes_is_told_of():
    rounds = json.loads((Pull.samples / "pulled.json").read_text())["rounds"]
    rounds[0]["exchanges"].append({"request": {"method": "GET", "path": "/other"}, "answer": {"status": 200}})
    suite = Pull()
    suite.rounds = lambda _name="": rounds
    with suite.playing(), pytest.raises(AssertionError, match="not made"):
        suite.test_scenario("pulled.json")
