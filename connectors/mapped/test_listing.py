"""What is listed no more: after whole rounds or a whole file, confirmed by address where there is one."""

import json

import pytest

from connectors.base.inbound_conformance import Taken
from connectors.base.scripted import Reply
from connectors.mapped.listing import Names
from connectors.mapped.test_mapped import NOTICE, TRIBUTI, connected
from connectors.mapped.test_source import page, server, source, take
from contracts.failures import Deferred

__all__ = ["server"]
REASON = "Non più presente nel gestionale"
WHOLE = TRIBUTI | {"lists_all": {"reason": REASON}}
BY_NAME = {
    "reason": REASON,
    "record_id": {"as": "text", "from": "external_id", "replace": [["AVV-2026-", ""]]},
}
PAGES = {"paging": "page", "page_parameter": "p", "mapping": WHOLE}


def name(number):
    return f"payments/AVV-2026-{number:06d}"


def a_round(connector, memo=None):
    memo, names, more = memo or {}, {}, True
    while more:
        taken = take(connector, memo)
        assert isinstance(taken, Taken), taken
        memo, more, names = taken.memo, taken.more, taken.all_names
    return memo, names


def play(server, *pages):
    server.play(*(Reply(200, each) for each in pages))


def listed(names, *numbers):
    return [each for each in numbers if name(each) in names["payments/"]]


@pytest.mark.req("S39")
def test_what_two_whole_rounds_lack_is_gone(server):
    connector = source(server, **PAGES)
    play(server, page(1, 2), page(3), page())
    memo, names = a_round(connector)
    assert listed(names, 1, 2, 3, 4) == [1, 2, 3]
    assert connector.looks_at_lists, "one list alone may lack what is there: a page may have moved"
    play(server, page(1, 2), page())
    assert listed(a_round(connector, memo)[1], 1, 2, 3, 4) == [1, 2]
    assert connector.look(name(3)).withdrawn == REASON


def test_a_round_that_another_process_read_in_part_says_nothing(server):
    play(server, page(1), page(2), page())
    memo = take(source(server, **PAGES), {}).memo
    assert a_round(source(server, **PAGES), memo)[1] == {}


@pytest.mark.parametrize("record", [NOTICE | {"numero": None}, "no record"])
def test_a_record_without_a_name_that_can_be_told_may_be_any(server, record):
    play(server, {"dati": {"avvisi": [NOTICE, record]}}, page())
    assert a_round(source(server, **PAGES))[1] == {}


def test_a_record_that_is_listed_is_there_whatever_is_wrong_with_it(server):
    of_state = [NOTICE | {"numero": 1, "importo": "1.5"}, NOTICE | {"numero": 2, "stato": "BOZZA"}]
    play(server, {"dati": {"avvisi": of_state}}, page())
    assert listed(a_round(source(server, **PAGES))[1], 1, 2) == [1, 2]


def test_a_list_is_said_to_be_unchanged_once_it_came_twice(server):
    """What the first lacks has to be lacking in a second, in whichever process."""
    server.play(*[Reply(200, page(1), {"ETag": '"a"'})] * 2, Reply(304), Reply(200, page(2), {"ETag": '"b"'}))
    memo = {}
    for _ in range(2):
        memo, names = a_round(source(server, mapping=WHOLE), memo)
        assert listed(names, 1, 2) == [1]
        assert "if-none-match" not in server.received[-1].headers
    memo, names = a_round(source(server, mapping=WHOLE), memo)
    assert names == {}
    assert server.received[-1].headers["if-none-match"] == '"a"'
    memo, names = a_round(source(server, mapping=WHOLE), memo)
    assert listed(names, 1, 2) == [2]
    server.play(Reply(200, page(2), {"ETag": '"b"'}))
    a_round(source(server, mapping=WHOLE), memo)
    assert "if-none-match" not in server.received[-1].headers


def test_of_what_changed_alone_nothing_is_missing_until_all_is_asked_for(server, monkeypatch):
    clock = [1_000_000.0]
    monkeypatch.setattr("connectors.mapped.client.time.time", lambda: clock[0])
    connector = source(server, **PAGES, since_parameter="da", changed_at="modificato", whole_every_s=3600)
    play(server, page(1, 2), page())
    memo, names = a_round(connector)
    assert listed(names, 1, 2) == [1, 2]
    play(server, page(2), page())
    clock[0] += 3599
    memo, names = a_round(connector, memo)
    assert names == {}
    assert "da=" in server.received[-1].path
    clock[0] += 2
    play(server, page(1, 2), page())
    assert listed(a_round(connector, memo)[1], 1, 2) == [1, 2]
    assert "da=" not in server.received[-1].path


def test_every_page_says_what_is_there_whatever_becomes_of_it(server):
    """Also of what changed alone, or of a round that says nothing for the rest."""
    connector = source(server, **PAGES, since_parameter="da", changed_at="modificato")
    play(server, page(1), page())
    memo, _ = a_round(connector)
    of_state = [NOTICE | {"numero": 2, "importo": "1.5"}, NOTICE | {"numero": 3, "stato": "BOZZA"}, "no record"]
    play(server, {"dati": {"avvisi": of_state}})
    taken = take(connector, memo)
    assert "da=" in server.received[-1].path
    assert [each for each in (1, 2, 3, 4) if name(each) in taken.there] == [2, 3]


def looking(server, answers, **lists_all):
    """A source with an address of each record, which answers so."""
    connector = source(server, mapping=TRIBUTI | {"lists_all": BY_NAME | lists_all}, record_url=f"{server.url}/avvisi/")
    server.answering = lambda request: answers.get(request.path, Reply(404))
    return connector


def test_a_record_with_an_address_is_asked_for_there(server):
    there = {"/avvisi": Reply(200, page(1)), "/avvisi/000001": Reply(200, NOTICE | {"numero": 1})}
    gone = {"/avvisi/000002": Reply(410), "/avvisi/000003": Reply(503)}
    connector = looking(server, there | gone)
    assert connector.look(name(2)).withdrawn == REASON
    assert connector.look(name(1)).item["external_id"] == "AVV-2026-000001"
    with pytest.raises(Deferred):
        connector.look(name(3))


def test_a_source_that_denies_what_it_lists_is_not_believed(server):
    for answers in ({"/avvisi": Reply(200, page(1))}, {"/avvisi": Reply(200, page())}):
        with pytest.raises(Deferred, match=r"mapped\.denies_all"):
            looking(server, answers).look(name(2))


@pytest.mark.parametrize(
    "settings",
    [
        {"mapping": WHOLE, "record_url": "https://elsewhere.example/"},
        {"record_url": "https://vendor.example/"},
        {"mapping": TRIBUTI | {"lists_all": BY_NAME}},
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings):
    with pytest.raises(ValueError, match="record_url"):
        connected(origin="rest", url="https://vendor.example/avvisi", **settings)


@pytest.mark.parametrize(
    ("content", "known"),
    [
        (page(1, 2), [1, 2]),
        ({"dati": {"avvisi": [NOTICE, NOTICE | {"numero": None}]}}, None),
        ("[1", None),
    ],
)
def test_a_file_says_what_is_missing_only_where_all_of_it_was_read(content, known):
    data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
    whole = connected(mapping=WHOLE).read_whole(data)
    assert list(whole.found)
    if known is None:
        assert not whole.all_names
    else:
        assert listed(whole.all_names, 1, 2, 3) == known
        assert whole.look(name(3)).withdrawn == REASON


def test_each_of_many_names_is_known_again_and_no_other():
    names = Names()
    for number in range(10_000):
        names.add(name(number))
    assert name(9_999) in names
    assert name(10_000) not in names
    assert len(names) == 10_000
