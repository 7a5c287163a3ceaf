"""Several positions in one request: who goes together, and that each delivery keeps an outcome of its own."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from threading import Event

import httpx
import pytest

from connectors.base.conformance import Walk, make_notice
from connectors.base.http import Answer
from connectors.pagopa.test_parts import sample
from connectors.pagopa.together import Together
from contracts.connector import Continue, Done
from contracts.failures import Deferred, Rejected, Unconfirmed
from contracts.identifiers import make_segregated_number
from tests.harness import eventually

TAKEN = Answer(201, httpx.Headers(), b"", complete=True)


@contextmanager
def gathered(together, count):
    """Whatever is sent within waits until there are so many, as if a request were under way."""

    def filled():
        return len(together._filling.positions) if together._filling else 0

    def let_go():
        try:
            eventually(filled, lambda found: found == count)
        finally:
            together._under_way.release()

    together._under_way.acquire()
    with ThreadPoolExecutor(1) as watching:
        watched = watching.submit(let_go)
        yield
        watched.result()


def all_sent(together, count):
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(together.send, [{"iupd": str(n)} for n in range(count)]))


def test_what_comes_while_a_request_is_under_way_goes_in_the_next():
    posts = []
    together = Together(10, 10, lambda many, _left: posts.append(len(many)) or TAKEN)
    with gathered(together, 4):
        sent = all_sent(together, 4)
    assert posts == [4]
    assert {each.count for each in sent} == {4}
    assert together.send({"iupd": "later"}).count == 1, "nobody waits for company"
    assert posts == [4, 1]


def test_no_request_has_more_than_it_may():
    posts, first = [], Event()

    def post(many, _left):
        first.wait(10)
        posts.append([each["iupd"] for each in many])
        return TAKEN

    together = Together(3, 10, post)
    with ThreadPoolExecutor(8) as pool:
        sending = [pool.submit(together.send, {"iupd": str(n)}) for n in range(8)]
        first.set()
        assert all(each.result().outcome is TAKEN for each in sending)
    assert max(map(len, posts)) <= 3
    assert Counter(name for post in posts for name in post) == Counter(map(str, range(8))), "each of them once"


def test_a_failure_is_everybodys_and_so_is_a_bug():
    failure = Deferred("pagopa.unavailable")

    def post(many, _left):
        if many[0]["iupd"] == "bug":
            raise ZeroDivisionError
        raise failure

    together = Together(10, 10, post)
    with gathered(together, 3):
        assert {each.outcome for each in all_sent(together, 3)} == {failure}
    with pytest.raises(ZeroDivisionError):
        together.send({"iupd": "bug"})
    assert together.send({"iupd": "x"}).outcome is failure, "and the next one is not held up"


def test_those_behind_a_leader_that_breaks_know_nothing_of_what_was_sent():
    def post(_many, _left):
        raise ZeroDivisionError

    together, outcomes = Together(10, 10, post), []

    def sent(n):
        try:
            outcomes.append(type(together.send({"iupd": str(n)}).outcome))
        except ZeroDivisionError:
            outcomes.append(ZeroDivisionError)

    with gathered(together, 3), ThreadPoolExecutor(3) as pool:
        list(pool.map(sent, range(3)))
    assert Counter(outcomes) == {Unconfirmed: 2, ZeroDivisionError: 1}


def test_a_step_lasts_no_longer_because_of_the_others():
    together = Together(10, 0.05, lambda _many, _left: TAKEN)
    with together._under_way:
        outcome = together.send({"iupd": "x"}).outcome
    assert (type(outcome), outcome.reason) == (Deferred, "pagopa.busy")
    assert together.send({"iupd": "x"}).outcome is TAKEN


def number(n):
    return make_segregated_number(segregation_code=47, iuv_base=n)


def notices(count, **first):
    """Payments of as many numbers; `first` are changes of the first one's option."""
    made = []
    for n in range(count):
        notice = sample("delivered.json")["notice"]
        notice["position"]["name"] = f"RAC-{n}"
        (option,) = notice["position"]["options"]
        option["notice_number"] = number(n + 1)
        if n == 0:
            option["shares"][0] |= first
        made.append(make_notice(**notice))
    return made


def to_the_act(connector, made):
    """Walks that stand before what changes something."""
    walks = [Walk(connector, notice) for notice in made]
    for walk in walks:
        assert isinstance(walk.step(), Continue)
    return walks


def stepped(connector, walks, act="create"):
    """Their next steps, in one request."""
    together = connector.advance.__self__.together[act]
    with gathered(together, len(walks)), ThreadPoolExecutor(len(walks)) as pool:
        return list(pool.map(Walk.step, walks))


def ends(walks):
    return [result.detail if isinstance(result, Done) else result.reason for result in map(Walk.finish, walks)]


def names(gpd):
    lines = map(json.loads, gpd.ledger.read_text().splitlines())
    return sorted((line["act"], line["position"]["iupd"]) for line in lines)


ONCE = [("create", f"RAC-{n}") for n in range(3)]


def test_first_versions_are_created_in_one_call_and_later_ones_changed_in_one(start):
    gpd = start()
    connector, made = gpd.connector(bulk=20), notices(3)
    walks = to_the_act(connector, made)
    assert all(walk.unsafe for walk in walks), "each is marked before anything leaves"
    assert {result.detail for result in stepped(connector, walks)} == {"created with 2 others"}
    assert names(gpd) == ONCE
    again = [replace(notice, position=replace(notice.position, revision=2)) for notice in made]
    results = stepped(connector, to_the_act(connector, again), "update")
    assert {result.detail for result in results} == {"updated with 2 others"}


@pytest.mark.parametrize(
    ("fault", "alone"),
    [
        ({"kind": "cut"}, "as wanted"),
        ({"kind": "hang", "seconds": 20}, "as wanted"),
        ({"kind": "drop"}, "created"),
        ({"kind": "error", "status": 500}, "created"),
        ({"kind": "error", "status": 401}, "created"),
    ],
)
def test_of_an_unknown_outcome_each_asks_for_itself_and_nothing_is_made_twice(start, fault, alone):
    gpd = start()
    connector = gpd.connector(timeout_s=1.5 if fault["kind"] == "hang" else 10, bulk=20)
    walks = to_the_act(connector, notices(3))
    gpd.faults(fault)
    for result in stepped(connector, walks):
        assert isinstance(result, Continue)
        assert not result.unsafe
        assert result.memo["alone"]
    patient = gpd.connector(bulk=20)
    for walk in walks:
        walk.connector = patient
    assert ends(walks) == [alone] * 3
    assert names(gpd) == ONCE


def test_throttled_they_stay_together_and_wait(start):
    gpd = start()
    connector = gpd.connector(bulk=20)
    walks = to_the_act(connector, notices(3))
    gpd.faults({"kind": "throttle", "retry_after": 3})
    for result in stepped(connector, walks):
        assert type(result) is Deferred
        assert result.after.total_seconds() == 3
    assert {result.detail for result in stepped(connector, walks)} == {"created with 2 others"}
    assert names(gpd) == ONCE


def test_what_kept_them_all_from_being_sent_is_told_of_each_whole(start):
    """What it is about too: of the message alone, or of GPD, which counts against its health."""
    connector = start().connector(bulk=20)
    walks = to_the_act(connector, notices(2))
    kept = Deferred("http.address_refused", "ConnectError", after=timedelta(seconds=3), about="message")

    def post(*_):
        raise kept

    connector.advance.__self__.together["create"]._post = post
    for result in stepped(connector, walks):
        assert type(result) is Deferred
        assert vars(result) == vars(kept)


def test_one_that_is_refused_takes_nobody_with_it(start):
    gpd = start(ibans={"IT60X0542811101000000123456"})
    connector = gpd.connector(bulk=20)
    walks = to_the_act(connector, notices(3, iban="IT40S0542811101000000123456"))
    stepped(connector, walks)
    assert names(gpd) == []
    refused, *others = [walk.finish() for walk in walks]
    assert (type(refused), refused.detail) == (Rejected, "status 400, about the IBAN")
    assert {each.detail for each in others} == {"created"}
    assert names(gpd) == ONCE[1:]


def test_one_that_is_there_already_is_adopted(start):
    gpd = start()
    Walk(gpd.connector(), notices(3)[1]).finish()
    connector = gpd.connector(bulk=20)
    walks = to_the_act(connector, notices(3))
    stepped(connector, walks)
    assert ends(walks) == ["created", "as wanted", "created"]
    assert names(gpd) == ONCE


def test_a_number_of_another_position_is_told_of_the_one_that_has_it(start):
    gpd = start()
    other = sample("delivered.json")["notice"]
    other["position"]["name"] = "RAC-other"
    other["position"]["options"][0]["notice_number"] = number(1)
    Walk(gpd.connector(), make_notice(**other)).finish()
    connector = gpd.connector(bulk=20)
    walks = to_the_act(connector, notices(3))
    stepped(connector, walks)
    assert ends(walks) == ["pagopa.notice_number_taken", "created", "created"]
