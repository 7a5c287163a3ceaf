"""The faults that simulators share: what is none is refused whole, and the rest goes on as it was."""

import asyncio

import httpx
import pytest
from starlette.applications import Starlette

from connectors.base.simulator_faults import Script


@pytest.fixture
def played():
    script = Script("messages", "status", kinds=("drop", "hang", "delay"))
    return script, Starlette(routes=[script.route])


def _post(app, faults):
    async def post():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://sim") as http:
            answer = await http.post("/_sim/faults", json=faults)
            return answer.status_code, answer.json()

    return asyncio.run(post())


KINDS = "kind is one of drop, hang, delay"
WRONG = [
    ({"kind": "drop"}, "faults are a list of objects"),
    (["drop"], "faults are a list of objects"),
    ([{"on": "status"}], KINDS),
    ([{"kind": "drop"}, {"kind": "flood"}], KINDS),
    ([{"kind": ["drop"]}], KINDS),
    ([{"kind": "drop", "on": "message"}], "on is one of messages, status"),
    ([{"kind": "drop", "on": ["messages"]}], "on is one of messages, status"),
    ([{"kind": "hang", "seconds": "60"}], "retry_after, status, seconds are numbers"),
    ([{"kind": "delay"}], "a delay says its seconds"),
]


@pytest.mark.parametrize(("wrong", "told"), WRONG)
def test_what_is_no_fault_is_refused_and_none_of_the_list_is_taken(played, wrong, told):
    """A text in the list, or a delay without its seconds, broke requests that came after; one for requests that there
    are none of waited for ever."""
    script, app = played
    assert _post(app, wrong) == (400, {"error": told})
    assert script.next("messages") == {}


def test_a_simulator_without_kinds_of_request_takes_no_fault_for_one():
    script = Script(kinds=("drop",))
    app = Starlette(routes=[script.route])
    assert _post(app, [{"kind": "drop", "on": "messages"}]) == (400, {"error": "here no fault says on"})
    assert _post(app, [{"kind": "drop"}])[0] == 200
    assert script.next() == {"kind": "drop"}


def test_a_fault_is_for_the_kind_of_request_that_it_names_and_used_up(played):
    script, app = played
    assert _post(app, [{"kind": "hang", "on": "status"}, {"kind": "drop"}])[0] == 200
    assert [script.next("messages").get("kind") for _ in range(2)] == ["drop", None]
    assert [script.next().get("kind") for _ in range(2)] == ["hang", None]
