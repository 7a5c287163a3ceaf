"""The faults that simulators share: what is none is refused whole, and the rest goes on as it was."""

import asyncio

import httpx
import pytest
from starlette.applications import Starlette

from connectors.base.simulator_faults import Script


@pytest.fixture
def played():
    script = Script("messages", kinds=("drop", "hang"))
    return script, Starlette(routes=[script.route])


def _post(app, faults):
    async def post():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://sim") as http:
            return (await http.post("/_sim/faults", json=faults)).status_code

    return asyncio.run(post())


WRONG = [{"kind": "drop"}, ["drop"], [{"on": "status"}], [{"kind": "drop"}, {"kind": "flood"}]]


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_fault_is_refused_and_none_of_the_list_is_taken(played, wrong):
    """A text in the list broke each request that came after, until all faults were forgotten."""
    script, app = played
    assert _post(app, wrong) == 400
    assert script.next("messages") == {}


def test_a_fault_is_for_the_kind_of_request_that_it_names_and_used_up(played):
    script, app = played
    assert _post(app, [{"kind": "hang", "on": "status"}, {"kind": "drop"}]) == 200
    assert [script.next("messages").get("kind") for _ in range(2)] == ["drop", None]
    assert [script.next().get("kind") for _ in range(2)] == ["hang", None]
