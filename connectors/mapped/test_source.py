"""The requests of a mapped source: each way of paging and of proving, what changed, and what goes wrong."""

import base64

import httpx
import pytest

from connectors.base.inbound_conformance import Taken, take
from connectors.base.scripted import Reply, ScriptedServer
from connectors.mapped.test_mapped import KEY, NOTICE, REST, TRIBUTI, connected
from contracts.connector import Limits
from contracts.failures import Deferred, Misconfigured
from contracts.proving import Proof


@pytest.fixture
def server():
    with ScriptedServer() as server:
        yield server


def source(server, **settings):
    url = settings.pop("path", "/avvisi")
    given = {"origin": "rest", "url": f"{server.url}{url}", "private_hosts": ["127.0.0.1"]}
    return connected(Limits(timeout_s=5), **(given | settings))


def page(*numbers, **more):
    return {"dati": {"avvisi": [NOTICE | {"numero": n} for n in numbers]}} | more


def a_round(connector, memo=None):
    """The names that a round finds, and the memo after it."""
    names, memo, more = [], memo or {}, True
    while more:
        taken = take(connector, memo)
        assert isinstance(taken, Taken), taken
        names += [int(found.name[-6:]) for found in taken.found]
        memo, more = taken.memo, taken.more
    return names, memo


def paths(server):
    return [request.path for request in server.received]


def test_offsets_grow_by_what_came_not_by_what_was_asked(server):
    connector = source(server, paging="offset", page_parameter="skip", size_parameter="take", size=100)
    server.play(Reply(200, page(1, 2, 3)), Reply(200, page(4)), Reply(200, page()))
    assert a_round(connector)[0] == [1, 2, 3, 4]
    assert paths(server) == [f"/avvisi?take=100&skip={n}" for n in (0, 3, 4)]


def test_a_cursor_is_handed_back_until_there_is_none(server):
    connector = source(server, paging="cursor", page_parameter="dopo", next="meta.dopo")
    server.play(Reply(200, page(1, meta={"dopo": "a b/="})), Reply(200, page(meta={"dopo": 7})), Reply(200, page(2)))
    assert a_round(connector)[0] == [1, 2]
    assert paths(server) == ["/avvisi", "/avvisi?dopo=a+b%2F%3D", "/avvisi?dopo=7"]


def test_links_are_followed_within_the_source(server):
    connector = source(server, paging="link", next="links.next")
    server.play(Reply(200, page(1, links={"next": "/avvisi?p=2"})), Reply(200, page(2, links={"next": None})))
    assert a_round(connector)[0] == [1, 2]
    assert paths(server) == ["/avvisi", "/avvisi?p=2"]
    header = {"Link": '<https://x.example/>; rel="prev", <?p=2>; rel="next"'}
    server.play(Reply(200, page(1), header), Reply(200, page(2)))
    assert a_round(source(server, paging="link"))[0] == [1, 2]


@pytest.mark.parametrize(
    "link",
    ["https://evil.example/", "http://127.0.0.1:1/", "//evil.example/x", "http://127.0.0.1.evil.example/", "file:///x"],
)
def test_a_link_elsewhere_is_not_followed(server, link):
    server.play(Reply(200, page(1, next=link)))
    failure = take(source(server, paging="link", next="next"), {})
    assert type(failure) is Misconfigured
    assert failure.reason == "mapped.next_elsewhere"
    assert len(server.received) == 1


@pytest.mark.parametrize(
    "settings",
    [
        {"paging": "page", "page_parameter": "p"},
        {"paging": "offset", "page_parameter": "o"},
        {"paging": "cursor", "page_parameter": "c", "next": "n"},
        {"paging": "link", "next": "n"},
    ],
)
def test_a_source_that_always_gives_the_same_page_does_not_hold_us_for_ever(server, settings):
    server.answering = lambda _: Reply(200, page(1, n="/avvisi?x=1"))
    connector, memo, failure = source(server, **settings), {}, None
    for _ in range(5):
        failure = take(connector, memo)
        if not isinstance(failure, Taken):
            break
        memo = failure.memo
    assert type(failure) is Misconfigured
    assert failure.reason == "mapped.same_page"


def test_only_what_changed_is_asked_for_once_the_round_is_over(server):
    connector = source(server, since_parameter="da", changed_at="modificato", since_form="offset", since_overlap_s=60)
    newest = NOTICE | {"modificato": "2026-06-11T00:00:00Z"}
    server.play(Reply(200, {"dati": {"avvisi": [newest, NOTICE, NOTICE | {"modificato": "ieri"}]}}))
    _, memo = a_round(connector)
    server.play(Reply(200, page()))
    _, memo = a_round(connector, memo)
    server.play(Reply(200, page()))
    a_round(connector, memo)
    assert paths(server)[1:] == ["/avvisi?da=2026-06-11T01%3A59%3A00%2B02%3A00"] * 2


def test_a_change_in_the_far_future_hides_nothing_that_changes_until_then(server):
    connector = source(
        server, since_parameter="da", changed_at="modificato", since_form="date", paging="page", page_parameter="p"
    )
    future = {"dati": {"avvisi": [NOTICE | {"modificato": "2099-01-01T00:00:00Z"}]}}
    server.play(Reply(200, future), Reply(200, page(2)), Reply(200, page()))
    _, memo = a_round(connector)
    assert memo["since"].startswith(NOTICE["modificato"][:10])


@pytest.mark.parametrize(("form", "text"), [("date", "2026-06-10"), ("unix", "1781081823")])
def test_since_is_written_as_the_source_reads_it(server, form, text):
    connector = source(server, since_parameter="da", changed_at="modificato", since_form=form)
    server.play(Reply(200, page(1)), Reply(200, page(1)))
    _, memo = a_round(connector)
    a_round(connector, memo)
    assert paths(server)[1] == f"/avvisi?da={text}"


def test_what_is_the_same_is_not_sent_again(server):
    connector = source(server)
    server.play(Reply(200, page(1), {"ETag": '"a"'}), Reply(304), Reply(200, page(1, 2), {"ETag": '"b"'}))
    found = []
    memo = {}
    for _ in range(3):
        names, memo = a_round(connector, memo)
        found.append(names)
    assert found == [[1], [], [1, 2]]
    assert [request.headers.get("if-none-match") for request in server.received] == [None, '"a"', '"a"']


def test_another_version_of_the_mapping_asks_for_all_anew(server):
    settings = {"since_parameter": "da", "changed_at": "modificato"}
    server.answering = lambda _: Reply(200, page(1), {"ETag": '"a"'})
    _, memo = a_round(source(server, **settings))
    a_round(source(server, **settings, mapping=TRIBUTI | {"title": "Altro titolo"}), memo)
    a_round(source(server, **settings, mapping=TRIBUTI | {"version": 4}), memo)
    assert ["da=" in path for path in paths(server)] == [False, True, False]
    assert "if-none-match" not in server.received[2].headers


def test_basic(server):
    server.play(Reply(200, page(1)))
    a_round(source(server, auth="basic", auth_user="hub", secret=KEY))
    assert server.received[0].headers["authorization"] == "Basic " + base64.b64encode(f"hub:{KEY}".encode()).decode()


def oauth(server, **more):
    return source(
        server, auth="oauth", auth_user="a:b", secret=KEY, token_url=f"{server.url}/token", token_scope="read", **more
    )


def token(value="t1", **more):
    return Reply(200, {"access_token": value, "token_type": "Bearer", "expires_in": 3600} | more)


def test_a_token_is_asked_for_once_and_again_when_it_is_refused(server):
    connector = oauth(server)
    server.play(token(), Reply(200, page(1)), Reply(200, page(2)), Reply(401), token("t2"), Reply(200, page(3)))
    assert [a_round(connector)[0] for _ in range(2)] == [[1], [2]]
    failure = take(connector, {})
    assert type(failure) is Deferred
    assert failure.reason == "mapped.token_refused"
    assert a_round(connector)[0] == [3]
    shown = [request.headers["authorization"] for request in server.received]
    basic = "Basic " + base64.b64encode(f"a%3Ab:{KEY}".encode()).decode()
    assert shown == [basic, "Bearer t1", "Bearer t1", "Bearer t1", basic, "Bearer t2"]
    assert server.received[0].body == b"grant_type=client_credentials&scope=read"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Reply(401), Misconfigured),
        (Reply(400, {"error": "invalid_client"}), Misconfigured),
        (Reply(503), Deferred),
        (Reply(200, b"<html>"), Deferred),
        (token("a\nb"), Deferred),
        (token(7), Deferred),
        (token(token_type="mac"), Deferred),
    ],
)
def test_no_token(server, answer, kind):
    server.play(answer)
    failure = take(oauth(server), {})
    assert type(failure) is kind
    assert KEY not in str(failure)
    assert paths(server) == ["/token"]


def test_a_fresh_token_that_is_refused_is_a_matter_of_the_settings(server):
    server.play(token(), Reply(401))
    assert type(take(oauth(server), {})) is Misconfigured


def test_a_proof_signs_each_call(server):
    class Auth(httpx.Auth):
        def auth_flow(self, request):
            request.headers["Agid-JWT-Signature"] = "signed"
            yield request

    server.play(Reply(200, page(1)))
    settings = (
        {"proof": "modi", "proof_audience": "x"} | REST | {"url": f"{server.url}/a", "private_hosts": ["127.0.0.1"]}
    )
    a_round(connected(proved=Proof(Auth()), **settings))
    assert server.received[0].headers["agid-jwt-signature"] == "signed"
    with pytest.raises(Misconfigured):
        connected(**settings)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(Reply(204), Deferred), (Reply(400), Misconfigured), (Reply(404), Misconfigured), (Reply(408), Deferred)],
)
def test_other_answers(server, answer, kind):
    server.answering = lambda _: answer
    assert type(take(source(server), {})) is kind


def test_the_check_says_what_would_become_of_the_first_page(server):
    wrong = NOTICE | {"importo": "1.5"}
    server.play(Reply(200, {"dati": {"avvisi": [NOTICE, wrong]}}))
    assert source(server).check() == (
        "The source answers. Of 2 records on its first page come 1 items; 0 are taken back, 1 would be in quarantine. "
        "The first fault: mapping.money at /importo."
    )
    server.play(Reply(401))
    with pytest.raises(Misconfigured):
        source(server).check()
