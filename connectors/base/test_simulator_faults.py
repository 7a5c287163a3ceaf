"""The faults that simulators share: what is none is refused whole, and the rest goes on as it was."""

import asyncio

import httpx
import pytest
from starlette.applications import Starlette

from connectors.base.simulator_faults import KINDS, Kind, Script


@pytest.fixture
def played():
    kinds = {name: KINDS[name] for name in ("drop", "hang", "delay", "error")} | {"lose": Kind(on=("status",))}
    script = Script("messages", "status", kinds=kinds)
    return script, Starlette(routes=[script.route])


def _post(app, faults):
    async def post():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://sim") as http:
            answer = await http.post("/_sim/faults", json=faults)
            return answer.status_code, answer.json()

    return asyncio.run(post())


KNOWN = "kind is one of drop, hang, delay, error, lose"
WRONG = [
    ({"kind": "drop"}, "faults are a list of objects"),
    (["drop"], "faults are a list of objects"),
    ([{"on": "status"}], KNOWN),
    ([{"kind": "drop"}, {"kind": "flood"}], KNOWN),
    ([{"kind": ["drop"]}], KNOWN),
    ([{"kind": "drop", "on": "message"}], "on is one of messages, status"),
    ([{"kind": "drop", "on": ["messages"]}], "on is one of messages, status"),
    ([{"kind": "hang", "seconds": "60"}], "seconds is a number from 0 to 86400"),
    ([{"kind": "hang", "seconds": -1}], "seconds is a number from 0 to 86400"),
    ([{"kind": "error", "status": 42}], "status is a whole number from 200 to 599"),
    ([{"kind": "error", "status": 503.0}], "status is a whole number from 200 to 599"),
    ([{"kind": "error", "status": True}], "status is a whole number from 200 to 599"),
    ([{"kind": "delay"}], "delay needs seconds"),
    ([{"kind": "hang", "second": 60}], "hang says seconds besides kind and on"),
    ([{"kind": "drop", "status": 500}], "drop says nothing more besides kind and on"),
    ([{"kind": "lose"}], "lose is for status: its on says which"),
    ([{"kind": "lose", "on": "messages"}], "lose is for status: its on says which"),
]


@pytest.mark.parametrize(("wrong", "told"), WRONG)
def test_what_is_no_fault_is_refused_and_none_of_the_list_is_taken(played, wrong, told):
    """A text in the list, a delay without its seconds or a status that is none broke requests that came after; a
    fault for requests that there are none of waited for ever, and one with a name misspelt did something else."""
    script, app = played
    assert _post(app, wrong) == (400, {"error": told})
    assert script.next("messages") == {}


def test_a_simulator_without_kinds_of_request_takes_no_fault_for_one():
    script = Script(kinds={"drop": Kind()})
    app = Starlette(routes=[script.route])
    assert _post(app, [{"kind": "drop", "on": "messages"}]) == (400, {"error": "here no fault says on"})
    assert _post(app, [{"kind": "drop"}])[0] == 200
    assert script.next() == {"kind": "drop"}


def test_a_fault_is_for_the_kind_of_request_that_it_names_and_used_up(played):
    script, app = played
    assert _post(app, [{"kind": "hang", "on": "status"}, {"kind": "drop"}])[0] == 200
    assert [script.next("messages").get("kind") for _ in range(2)] == ["drop", None]
    assert [script.next().get("kind") for _ in range(2)] == ["hang", None]
