"""The query parameters of the feed, as a function of the query string alone."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import RequestInvalid
from hub.feed.parameters import changes_wish, list_wish, nothing
from hub.store.filters import Filters


def test_without_parameters_a_list_is_the_newest_fifty_that_are_not_archived():
    wish = list_wish([], collection=None)
    assert (wish.filters, wish.q, wish.sort, wish.limit, wish.cursor) == (
        Filters(archived=False),
        None,
        "-occurred_at",
        50,
        None,
    )


def test_every_filter_is_understood():
    query = {
        "collection": "payments",
        "state": "due",
        "service_id": "tari",
        "source": "tributi",
        "unread": "true",
        "archived": "true",
        "turn": "citizen",
        "from": "2026-01-01T01:00:00+01:00",
        "to": "2026-02-01T00:00:00Z",
    }
    assert list_wish(list(query.items()), collection=None).filters == Filters(
        collections=("payments",),
        states=("due",),
        service_id="tari",
        source="tributi",
        unread=True,
        archived=True,
        turn="citizen",
        since=datetime(2026, 1, 1, tzinfo=UTC),
        until=datetime(2026, 2, 1, tzinfo=UTC),
    )


def test_the_collection_of_the_path_is_not_asked_for_again():
    assert list_wish([], collection="messages").filters.collections == ("messages",)
    with pytest.raises(RequestInvalid):
        list_wish([("collection", "messages")], collection="messages")


@pytest.mark.parametrize(("text", "limit"), [("1", 1), ("100", 100), ("007", 7)])
def test_a_limit_is_a_whole_number_from_1_to_100(text, limit):
    assert list_wish([("limit", text)], collection=None).limit == limit


@pytest.mark.parametrize("text", ["0", "101", "-1", "+1", "1.0", "1e1", " 1", "٣", "²", "9" * 30, "0000000019999"])
def test_any_other_limit_is_refused(text):
    with pytest.raises(RequestInvalid):
        list_wish([("limit", text)], collection=None)


@pytest.mark.parametrize(
    "query",
    [
        [("q", "")],
        [("q", "x" * 201)],
        [("q", "a\nb")],
        [("q", "a"), ("q", "b")],
        [("from", "2026-01-01T00:00:00")],
        [("from", "0001-01-01T00:00:00+14:00")],
        [("to", "9999-12-31T23:59:59-14:00")],
        [("unread", "True")],
        [("cursor", "x" * 401)],
    ],
)
def test_a_bad_parameter_is_refused(query):
    with pytest.raises(RequestInvalid) as refused:
        list_wish(query, collection=None)
    assert refused.value.faults[0].pointer == f"#query/{query[0][0]}"


def test_a_name_that_is_not_known_is_never_repeated():
    with pytest.raises(RequestInvalid) as refused:
        nothing([("RSSMRA80A01H501U", "1")])
    assert "RSSMRA" not in repr((refused.value.detail, refused.value.faults, refused.value.cause))


def test_two_lists_that_differ_have_cursors_that_differ():
    queries = [[], [("q", "a")], [("sort", "occurred_at")], [("state", "due")], [("archived", "true")]]
    assert len({list_wish(query, collection=None).purpose for query in queries}) == len(queries)


def test_the_limit_may_change_from_page_to_page():
    assert list_wish([("limit", "3")], collection=None).purpose == list_wish([], collection=None).purpose


def test_changes_take_a_cursor_and_a_limit():
    assert changes_wish([("after", "abc"), ("limit", "7")]) == ("abc", 7)


NAMES = st.sampled_from(["q", "from", "to", "limit", "sort", "unread", "cursor", "state", "turn"]) | st.text(max_size=8)


@given(st.lists(st.tuples(NAMES, st.text(max_size=30)), max_size=4))
def test_no_query_does_anything_but_be_understood_or_refused(query):
    try:
        wish = list_wish(query, collection=None)
    except RequestInvalid:
        return
    assert 1 <= wish.limit <= 100
