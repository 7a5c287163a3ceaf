"""A flow that cannot be read is asked for again, ever more seldom, and left alone in the end; none waits behind it."""

import json
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import httpx
import pytest

from connectors.pagopa_node.flows import Flows
from connectors.pagopa_node.sampling import CREDITOR
from contracts.base import rfc3339
from contracts.failures import Deferred
from contracts.inbound import Stuck

DAY_S = 86_400
BROKEN = {"fdr": "odd"}


class Api:
    """pagoPA's reporting API, of which a test says what is listed and what each flow answers."""

    def __init__(self):
        self.now = 1_000_000_000
        self.listed = []
        self.flows = {}
        """By (name, revision): a head, a status, or text that is no JSON."""
        self.asked = []
        self.is_there = True
        http = httpx.Client(base_url="https://api.example", transport=httpx.MockTransport(self.answer))
        self.flows_api = Flows(http, CREDITOR, date(2026, 3, 1), 100, 5.0, lambda: self.now)

    def publish(self, name, answer, revision=1):
        self.flows[name, revision] = answer
        published = rfc3339(datetime(2026, 3, 2, tzinfo=UTC) + timedelta(minutes=len(self.listed)))
        self.listed.append({"fdr": name, "pspId": "AGID_01", "revision": revision, "published": published})

    def answer(self, request):
        if not self.is_there:
            return answered(b"", 503)
        path = request.url.path.removeprefix(f"/organizations/{CREDITOR}/fdrs")
        if not path:
            after = request.url.params["publishedGt"]
            return page([one for one in self.listed if one["published"] > after])
        _, name, _, revision, *rest = path.split("/")
        if rest[-1] == "payments":
            return page([PAID])
        self.asked.append(name)
        found = self.flows[name, int(revision)]
        if isinstance(found, int):
            return answered(b"", found)
        return answered(found.encode() if isinstance(found, str) else json.dumps(found).encode())

    def round(self, memo):
        """Ask to the end; what was found, and the memo after it."""
        found = []
        while True:
            pulled = self.flows_api.pull(json.loads(json.dumps(memo)))
            found += pulled.found
            memo = pulled.memo
            if not pulled.more:
                return found, memo


HEAD = {
    "fdrDate": "2026-03-03T05:00:00Z",
    "receiver": {"organizationId": CREDITOR},
    "regulation": "TRN2026030300001",
    "regulationDate": "2026-03-03",
    "totPayments": 1,
    "sumPayments": 10,
}
PAID = {
    "index": 1,
    "iuv": "01000000000000144",
    "iur": "iur0001",
    "pay": 10,
    "payStatus": "EXECUTED",
    "payDate": "2026-03-02T10:00:00Z",
}


def answered(body, status=200):
    return httpx.Response(status, stream=httpx.ByteStream(body))


def page(rows):
    return answered(json.dumps({"metadata": {"totPage": 1}, "data": rows}).encode())


def codes(found):
    return [(each.name.rpartition("/")[2], [one.code for one in each.wrong]) for each in found]


@pytest.fixture
def api():
    return Api()


def test_it_is_asked_for_again_after_pauses_that_grow_to_a_day_and_then_left_alone(api):
    """It was asked for in every round, for ever."""
    api.publish("odd", BROKEN)
    memo, asked_at, told = {}, [], []
    began = api.now
    while api.now < began + 45 * DAY_S:
        before = len(api.asked)
        found, memo = api.round(memo)
        if len(api.asked) > before:
            asked_at.append(api.now)
            told.append(codes(found))
        api.now += 300 if api.now < began + 2 * DAY_S else 3600
    pauses = [after - before for before, after in pairwise(asked_at)]
    assert pauses[:9] == [300 * 2**times for times in range(9)]
    assert all(DAY_S <= one < DAY_S + 3600 for one in pauses[9:])
    assert 29 * DAY_S < asked_at[-1] - began < 32 * DAY_S
    assert told[0] == told[-2] == [("unreadable", ["fdr.invalid"])]
    assert told[-1] == [("unreadable", ["fdr.invalid", "fdr.left_alone"])], "an administrator sees that in quarantine"


def test_what_is_left_alone_is_asked_for_once_more_each_time_that_somebody_asks(api):
    api.publish("odd", BROKEN)
    _, memo = api.round({})
    api.now += 31 * DAY_S
    _, memo = api.round(memo)
    api.now += 31 * DAY_S
    assert api.round(memo)[0] == []
    found, memo = api.round(api.flows_api.afresh(memo))
    assert codes(found) == [("unreadable", ["fdr.invalid", "fdr.left_alone"])]
    assert api.round(memo)[0] == []
    api.flows["odd", 1] = HEAD
    found, memo = api.round(api.flows_api.afresh(memo))
    assert codes(found) == [("1", []), ("unreadable", [])], "what stands in quarantine is over"
    assert found[0].flow.total_cents == 1000
    assert api.round(api.flows_api.afresh(memo))[0] == []


def test_who_asks_does_not_wait_for_a_pause(api):
    api.publish("odd", BROKEN)
    _, memo = api.round({})
    assert api.round(memo)[0] == []
    assert len(api.round(api.flows_api.afresh(memo))[0]) == 1
    assert api.flows_api.afresh({})["odd"] == [], "nor does a source that was never read"


def test_another_revision_ends_the_waiting_for_the_one_before(api):
    """As a provider mends one, usually."""
    api.publish("odd", BROKEN)
    api.publish("other", BROKEN)
    _, memo = api.round({})
    api.publish("odd", HEAD, revision=2)
    found, memo = api.round(memo)
    assert [each.name for each in found] == ["fdr/AGID_01/odd/2/1", "fdr/AGID_01/odd/1/unreadable"]
    assert [one["flow"]["fdr"] for one in memo["odd"]] == ["other"]


@pytest.mark.parametrize(("answer", "tries", "code"), [("no JSON", 3, "fdr.unreadable"), (500, None, "fdr.failed")])
def test_one_that_does_not_come_holds_up_none_behind_it(api, answer, tries, code):
    """Where its answer was no JSON, or always an error, no flow was read any more."""
    api.publish("odd", answer)
    api.publish("other", HEAD)
    memo = api.flows_api.pull({}).memo
    with pytest.raises(Stuck) as stuck:
        api.flows_api.pull(memo)
    assert (stuck.value.reason, stuck.value.tries) == (code, tries)
    api.is_there = False
    with pytest.raises(Deferred):
        stuck.value.past()
    api.is_there = True
    passed = stuck.value.past()
    assert codes(passed.found) == [("unreadable", [code])]
    found, memo = api.round(passed.memo)
    assert codes(found) == [("1", [])]
    api.now += DAY_S
    with pytest.raises(Stuck) as again:
        api.round(memo)
    assert again.value.tries == 1, "it was waited for"


def test_that_we_ask_too_much_is_said_of_no_flow(api):
    api.publish("odd", 429)
    with pytest.raises(Deferred) as busy:
        api.round({})
    assert (busy.value.reason, isinstance(busy.value, Stuck)) == ("fdr.throttled", False)


def test_of_very_many_those_that_are_left_alone_are_forgotten_first(api):
    for number in range(100):
        api.publish(f"odd-{number}", BROKEN)
    _, memo = api.round({})
    memo["odd"][40]["due_at"] = None
    for number in range(2):
        api.publish(f"new-{number}", BROKEN)
    _, memo = api.round(memo)
    kept = [one["flow"]["fdr"] for one in memo["odd"]]
    assert (len(kept), {"odd-40", "odd-0"} & {*kept}, kept[-1]) == (100, set(), "new-1")


def test_a_clock_that_is_set_back_keeps_none_waiting(api):
    api.publish("odd", BROKEN)
    _, memo = api.round({})
    api.now -= 3 * DAY_S
    assert len(api.round(memo)[0]) == 1
