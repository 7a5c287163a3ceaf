"""OpenCity: what cannot be had holds up nothing for ever, comes later, and is not taken for an outage; and what is gone
is told apart from what is not listed."""

import json

import pytest

from connectors.base.inbound_conformance import patiently, take
from connectors.base.scripted import Reply
from contracts.failures import Deferred, Failure
from contracts.inbound import Stuck

from .places import UNREAD
from .simulator_model import name_of
from .test_archive import DOCUMENT, add, record, server
from .test_opencity import made as connected
from .test_restarts import PDF, filenames
from .test_simulator import a_round, clock, made, started, told

__all__ = ["clock", "server", "started"]
DOCUMENTS = {"collections": ["documents"]}


def with_files(settings, *numbers):
    for number in numbers:
        told(settings, f"files/{name_of(number)}", {"kind": "attachments", "name": f"{number}.pdf", "base64": PDF})


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
def test_a_file_that_never_comes_is_waited_for_long_and_comes_with_a_later_sweep(started, clock, status):
    _, settings = started(applications=3)
    with_files(settings, 1, 2, 3)
    clock.now += 1000
    connector = made(settings, clock, **DOCUMENTS)
    memo = take(connector, {}).memo
    told(settings, "faults", [{"kind": "error", "status": status, "on": "file"}] * 8)
    step, failures = patiently(connector, memo)
    assert len(failures) == 8
    reason = "opencity.busy" if status in (408, 429) else "opencity.unavailable"
    assert [(each.wrong[0].code, each.item) for each in step.found] == [(reason, None)]
    lost = step.found[0]
    rest, memo = a_round(connector, step.memo)
    assert len(filenames(rest)) == 2, "the others"
    # Nothing has changed, and it is asked for all the same.
    clock.now += 100_000
    found, memo = a_round(connector, memo)
    assert [each.name for each in found if each.item] == [lost.name]
    clock.now += 100_000
    assert a_round(connector, memo)[0] == []
    # Or at once, from the quarantine.
    assert [each.item is not None for each in connector.read(lost.raw)] == [True]


def test_while_no_file_comes_only_the_first_is_waited_for(started, clock):
    _, settings = started(applications=4)
    with_files(settings, 1, 2, 3, 4)
    clock.now += 1000
    connector = made(settings, clock, **DOCUMENTS)
    memo = take(connector, {}).memo
    told(settings, "faults", [{"kind": "error", "status": 503, "on": "file"}] * 10)
    waited, found = [], []
    while memo["walk"] is not None:
        # Made anew each time: what was passed over and why stands in the memo.
        step, failures = patiently(made(settings, clock, **DOCUMENTS), memo)
        waited, found, memo = [*waited, len(failures)], [*found, *step.found], step.memo
    assert waited == [8, 0, 0, 0]
    assert [bool(each.wrong) for each in found] == [True, True, True, False], "two more times, then it is there again"


def test_a_tenant_that_is_away_as_a_whole_is_waited_for_without_end(started, clock):
    _, settings = started(applications=2)
    with_files(settings, 1, 2)
    clock.now += 1000
    connector = made(settings, clock, **DOCUMENTS)
    memo = take(connector, {}).memo
    faults = [{"kind": "error", "status": 503, "on": on} for on in ("file", "applications")] * 20
    told(settings, "faults", faults)
    step, failures = patiently(connector, memo)
    assert isinstance(step, Deferred)
    assert len(failures) == 8
    told(settings, "faults", None, method="DELETE")
    found, _ = a_round(connector, memo)
    assert len(filenames(found)) == 2
    assert [each for each in found if each.wrong] == []


def page(server, records, broken, *, count=True):
    """The list of applications, of which any page with a broken one cannot be made."""

    def answer(got):
        if "/applications?" not in got.path:
            return Reply(404)
        query = dict(part.split("=") for part in got.path.partition("?")[2].split("&"))
        offset, limit = int(query["offset"]), int(query["limit"])
        part = range(offset, min(offset + limit, len(records)))
        fault = next((broken[n] for n in part if n in broken), None)
        data = [records[n] for n in part]
        return fault or Reply(200, {"meta": {"count": len(records)} if count else {}, "data": data})

    server.answering = answer


def practice(number):
    return {
        "id": name_of(number),
        "service": "bonus-mensa",
        "status": "4000",
        "created_at": "2026-02-03T09:12:44+01:00",
        "data": {"applicant": {"fiscal_code": {"fiscal_code": "RSSMRA80A01H501U"}}},
    }


@pytest.mark.parametrize("count", [True, False])
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Reply(500), "opencity.breaks"),
        (Reply(504), "opencity.unavailable"),
        (Reply(200, b"{", {}), "opencity.unreadable"),
        (Reply(200, b"{}", {"Content-Length": "99"}), "opencity.incomplete"),
    ],
)
def test_one_application_that_breaks_its_page_is_passed_over_alone(server, fault, reason, count):
    records = [practice(n) for n in range(1, 21)]
    page(server, records, {7: fault, 8: fault, 19: fault}, count=count)
    clock = [1_800_000_000]
    connector = connected(
        f"{server.url}/lang/api",
        now=lambda: clock[0],
        collections=["applications"],
        application_url=None,
        page_size=10,
        changes="walk",
    )
    found, memo = a_round(connector)
    its = [each.name for each in found if each.item is not None]
    assert its == [f"application/{name_of(n)}" for n in range(1, 21) if n not in (8, 9, 20)]
    lost = [each for each in found if each.wrong]
    assert [(each.name, each.wrong[0].code) for each in lost] == [(UNREAD, reason)] * 3
    assert "record 7 of the list" in lost[0].wrong[0].detail
    assert [each.wrong[0].code for each in connector.read(lost[0].raw)] == ["opencity.read_in_sweeps"]
    # A day later all is well: they come, with all that belongs to them, and the quarantine hears of it.
    page(server, records, {})
    clock[0] += 100_000
    found, memo = a_round(connector, memo)
    assert len([each for each in found if each.item]) == 20
    assert [(each.name, each.wrong) for each in found if not each.item] == [(UNREAD, ())]
    assert memo["swept_at"] is None
    found, memo = a_round(connector, memo)
    assert memo["swept_at"] is not None
    assert [each.name for each in found if not each.item] == []
    connector.close()


def test_a_list_none_of_which_can_be_read_is_an_outage(server):
    page(server, [practice(n) for n in range(1, 6)], dict.fromkeys(range(-1, 9), Reply(200, b"<html>")))
    connector = connected(f"{server.url}/lang/api", collections=["applications"], application_url=None, page_size=4)
    memo, found = {}, []
    for _ in range(6):
        step, _ = patiently(connector, memo)
        if isinstance(step, Failure):
            break
        memo, found = step.memo, [*found, *step.found]
    assert isinstance(step, Deferred)
    assert found == []
    page(server, [practice(n) for n in range(1, 6)], {})
    found, memo = a_round(connector, memo)
    assert len(found) == 5
    assert memo["walk"] is None
    connector.close()


def test_a_list_of_subscriptions_that_never_comes_names_none_as_gone(server):
    def answer(got):
        if "subscriptionServiceStatus=1" in got.path:
            return Reply(503)
        return Reply(200, [] if "/subscriptions" in got.path else {"name": "Comune"})

    server.answering = answer
    connector = connected(f"{server.url}/lang/api", collections=["subscriptions"])
    memo, found, names = {}, [], []
    while memo == {} or memo["walk"] is not None:
        step, _ = patiently(connector, memo)
        memo, found, names = step.memo, [*found, *step.found], [*names, step.all_names]
    connector.close()
    assert [(each.name, each.wrong[0].code) for each in found] == [("subscription-list/1", "opencity.unavailable")]
    assert names == [{}, {}, {}]


def test_an_owner_that_never_comes_holds_up_no_other_document_and_comes_with_the_next_sweep(server):
    other = record(id=DOCUMENT[:-1] + "2", owner="7d3f0000-0000-4000-8000-000000000092")
    away = [True]

    def answer(got):
        if "/users/" in got.path:
            its = got.path.partition("/users/")[2].partition("?")[0]
            good = Reply(200, {"codice_fiscale": "RSSMRA80A01H501U"})
            return Reply(503) if its != other["owner"] and away[0] else good
        if "/documents?" in got.path:
            return Reply(200, [record(), other])
        return Reply(200, [] if "/applications" in got.path else b"%PDF-1.7\n")

    server.answering = answer
    clock = [1_800_000_000]
    connector = connected(
        f"{server.url}/lang/api", now=lambda: clock[0], collections=["documents"], files=["archive"], page_size=10
    )
    found, memo = a_round(connector)
    assert [each.wrong[0].code if each.wrong else "" for each in found] == ["opencity.unavailable", ""]
    away[0] = False
    clock[0] += 100_000
    found, memo = a_round(connector, memo)
    assert [(each.name, each.wrong) for each in found] == [(f"archive/{DOCUMENT}", ())]
    connector.close()


@pytest.mark.parametrize("kind", ["message", "payment"])
def test_what_was_passed_over_of_an_application_is_read_from_the_quarantine(started, clock, kind):
    _, settings = started(applications=1)
    told(settings, f"messages/{name_of(1)}", {"message": "Ecco", "visibility": "applicant"})
    connector = made(settings, clock)
    kept = json.dumps({"kind": f"{kind}-of", "application": {"id": name_of(1)}}).encode()
    found = list(connector.read(kept))
    assert [each.name.partition("/")[0] for each in found] == ["message"] * (kind == "message") + [f"{kind}-of"]
    assert all(not each.wrong for each in found)
    told(settings, "faults", [{"kind": "error", "status": 503, "on": "application"}])
    (found,) = connector.read(kept)
    assert [each.code for each in found.wrong] == ["opencity.unavailable"]
    assert json.loads(found.raw) == json.loads(kept)


def names_of(connector, memo):
    """What the steps of a round say that there is, and the memo after it."""
    names, more = [], True
    while more:
        step, _ = patiently(connector, memo)
        names, memo, more = [*names, *step.all_names.items()], step.memo, step.more
    return names, memo


def test_a_sweep_names_all_that_it_saw_and_a_round_or_a_part_of_one_nothing(started, clock):
    _, settings = started(applications=5)
    clock.now += 1000
    connector = made(settings, clock, page_size=2, files=["archive"], collections=["applications", "documents"])
    document = add(settings, title="Primo")
    names, memo = names_of(connector, {})
    assert names == [
        ("application/", frozenset(f"application/{name_of(n)}" for n in range(1, 6))),
        ("archive/", frozenset({f"archive/{document}"})),
    ]
    clock.now += 1000
    assert names_of(connector, memo)[0] == []
    clock.now += 100_000
    begun = take(connector, memo).memo
    restarted = made(settings, clock, page_size=2, collections=["applications"])
    assert "application/" not in dict(names_of(restarted, begun)[0]), "it has not seen the first page"


def test_what_is_not_listed_is_gone_only_where_its_own_address_says_so(started, clock):
    _, settings = started(applications=2)
    connector = made(settings, clock)
    document = add(settings, title="Primo")
    there = connector.look(f"application/{name_of(1)}")
    assert (there.name, there.item is not None) == (f"application/{name_of(1)}", True)
    assert connector.look(f"archive/{document}") is None
    for name in (f"application/{name_of(9)}", f"archive/{name_of(9)}"):
        assert connector.look(name).withdrawn is not None
    assert connector.look(f"subscription/{name_of(9)}").withdrawn is not None
    assert connector.look(f"message/{name_of(9)}") is None, "it has no address of its own without its application"
    for status in (500, 503):
        told(settings, "faults", [{"kind": "error", "status": status, "on": "application"}])
        with pytest.raises(Deferred):
            connector.look(f"application/{name_of(1)}")
    told(settings, "faults", [{"kind": "error", "status": 403, "on": "application"}])
    assert connector.look(f"application/{name_of(1)}") is None, "the operator may not see it any more"


@pytest.mark.parametrize("listed", [[{"id": name_of(1)}], []])
def test_a_tenant_that_denies_what_it_lists_is_not_believed(server, listed):
    server.answering = lambda got: Reply(200, {"data": listed}) if "?version=2&offset" in got.path else Reply(404)
    connector = connected(f"{server.url}/lang/api")
    with pytest.raises(Deferred, match="denies_all"):
        connector.look(f"application/{name_of(2)}")
    connector.close()


def test_a_step_that_is_stuck_says_for_how_long(started, clock):
    _, settings = started(applications=1)
    with_files(settings, 1)
    connector = made(settings, clock, **DOCUMENTS)
    memo = take(connector, {}).memo
    for status, tries in ((500, 3), (403, 3), (503, None)):
        told(settings, "faults", [{"kind": "error", "status": status, "on": "file"}])
        stuck = take(connector, memo)
        assert isinstance(stuck, Stuck)
        assert stuck.tries == tries
