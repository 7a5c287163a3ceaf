"""A page that never comes: its parts are asked for, what breaks is passed over, and comes once it is healthy again."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors.base.inbound_conformance import Taken, patiently
from connectors.base.scripted import Reply
from connectors.mapped.paging import Spot
from connectors.mapped.test_source import page, server, source, take
from contracts.failures import Deferred
from contracts.inbound import Stuck

__all__ = ["server"]
PAGES = {"paging": "page", "page_parameter": "p", "size_parameter": "n", "size": 10}
OFFSETS = PAGES | {"paging": "offset", "page_parameter": "o"}


def has(server, number, *, breaks=(), by="p"):
    """The source has so many records, in pages, and answers 500 to every page with one of those in it."""

    def answer(request):
        query = {name: int(values[0]) for name, values in parse_qs(urlsplit(request.path).query).items()}
        size = query["n"]
        start = (query.get("p", 1) - 1) * size if by == "p" else query.get("o", 0)
        numbers = range(start + 1, min(start + size, number) + 1)
        if any(each in breaks for each in numbers):
            return Reply(500, {})
        return Reply(200, page(*numbers))

    server.answering = answer


def a_round(connector, memo=None):
    """What a round finds in the end, its memo, and how many failures there were on the way."""
    found, memo, failed, more = [], memo or {}, 0, True
    while more:
        taken, failures = patiently(connector, memo)
        assert isinstance(taken, Taken), taken
        found += taken.found
        memo, more, failed = taken.memo, taken.more, failed + len(failures)
    return found, memo, failed


def numbers(found):
    return sorted({int(one.name[-6:]) for one in found if one.item is not None})


@pytest.mark.parametrize(("settings", "by"), [(PAGES, "p"), (OFFSETS, "o")])
@pytest.mark.parametrize("broken", [1, 14, 25, 27])
@pytest.mark.req("S39")
def test_all_but_the_record_that_breaks_its_page_comes(server, settings, by, broken):
    has(server, 27, breaks=(broken,), by=by)
    found, memo, failed = a_round(source(server, **settings))
    if broken == 27:  # nothing is known to come behind it
        assert set(numbers(found)) >= set(range(1, 26))
    else:
        assert numbers(found) == [each for each in range(1, 28) if each != broken]
    (lost,) = [one for one in found if one.wrong]
    assert lost.wrong[0].code == "mapped.unavailable"
    assert failed == 8, "once for all of its parts"

    has(server, 27, by=by)
    mended, memo, _ = a_round(source(server, **settings), memo)
    assert numbers(mended) == list(range(1, 28))
    assert [one.name for one in mended if not one.item and not one.wrong] == [lost.name]
    assert "missed" not in memo


def test_an_outage_passes_nothing_over(server):
    connector = source(server, **PAGES)
    has(server, 25)
    first = take(connector, {})
    server.answering = lambda _request: Reply(503, {})
    stuck = take(connector, first.memo)
    assert isinstance(stuck, Stuck)
    assert stuck.tries is None
    with pytest.raises(Deferred):
        stuck.past()
    assert type(take(source(server, paging="none"), {})) is Deferred, "nothing else is there"


def test_behind_a_cursor_nothing_is_known_so_the_round_ends_and_the_first_pages_are_read_again(server):
    asked = {"paging": "cursor", "page_parameter": "c", "next": "next", "since_parameter": "da"}
    connector = source(server, **asked, changed_at="modificato")

    def answer(request):
        return Reply(400, {}) if "c=" in request.path else Reply(200, page(1, next="due"))

    server.answering = answer
    found, memo, failed = a_round(connector)
    assert numbers(found) == [1]
    assert [one.wrong[0].code for one in found if one.wrong] == ["mapped.page_refused"]
    assert failed == 3, "the source is there and answers so"
    assert "since" not in memo, "what came behind is asked for again"
    server.answering = lambda request: Reply(200, page(2) if "c=" in request.path else page(1, next="due"))
    assert numbers(a_round(connector, memo)[0]) == [1, 2]


def test_a_page_in_quarantine_is_asked_for_again(server):
    connector = source(server, **PAGES)
    has(server, 25, breaks=(14,))
    (lost,) = [one for one in a_round(connector)[0] if one.wrong]
    assert json.loads(lost.raw)["limit"] == 1
    (again,) = connector.read(lost.raw)
    assert (again.name, again.wrong[0].code, again.raw) == (lost.name, "mapped.unavailable", lost.raw)
    has(server, 25)
    found = list(connector.read(lost.raw))
    assert numbers(found) == [14]
    assert [one.name for one in found if one.item is None] == [lost.name]


def test_a_source_with_a_bound_of_its_own_loses_nothing_by_parts(server):
    """It gives five a page, whatever is asked for: parts by number would be other records."""

    def answer(request):
        number = int(parse_qs(urlsplit(request.path).query)["p"][0])
        if number == 2:
            return Reply(500, {})
        start = (number - 1) * 5
        return Reply(200, page(*range(start + 1, min(start + 5, 18) + 1)))

    server.answering = answer
    found = a_round(source(server, **PAGES))[0]
    assert numbers(found) == [*range(1, 6), *range(11, 19)]
    assert [one.name for one in found if one.wrong] == ["page/2"]


@pytest.mark.parametrize("paging", ["page", "offset"])
@pytest.mark.parametrize("size", [1, 7, 12, 100])
def test_parts_and_growing_again_leave_nothing_out(paging, size):
    first = 1 if paging == "page" else 0
    for broken in range(3 * size):
        spot, seen = Spot(paging, first, size, first, size), set()
        for _ in range(200):
            start = (spot.here - first) * spot.limit if paging == "page" else spot.here
            its = range(start, start + spot.limit)
            if start >= 3 * size:
                break
            if broken in its and spot.parted() != spot:
                spot = spot.parted()
                continue
            seen |= set(its)
            spot = spot.after(spot.limit, grow=broken not in its)
        assert seen >= set(range(3 * size))
