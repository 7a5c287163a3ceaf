"""A source that somebody asks for now: what its connector had put off by itself is asked for at once."""

from datetime import timedelta

import pytest

from contracts.failures import Deferred
from contracts.inbound import Pulled
from tests.flows.administering import admin_of
from tests.flows.making import command_line
from tests.flows.sources import Source, hub_with
from tests.harness import eventually


@pytest.fixture
def source():
    """It has put something off, and remembers for whose sake it is asked."""
    source = Source()
    source.memos = []
    source.afresh = lambda memo: memo | {"asked": memo["put_off"]}

    def pull(memo):
        source.memos.append(memo)
        if source.fault is not None:
            raise source.fault
        return Pulled({"put_off": len(source.memos)}, after=timedelta(hours=1))

    source.pull = pull
    return source


def test_whoever_asks_is_not_put_off(tmp_path, source, monkeypatch, capsys):
    with hub_with(tmp_path / "home", source) as hub:
        raccordo, anna = command_line(hub, monkeypatch, capsys), admin_of(hub, "anna.verdi", "administrator")

        def asked(times):
            eventually(lambda: len(source.memos), lambda number: number == times)
            eventually(
                lambda: anna.get("/source-readings").json()["items"][0]["read_at"],
                lambda read_at: read_at not in (None, last[-1]),
            )
            last.append(anna.get("/source-readings").json()["items"][0]["read_at"])

        last = [None]
        asked(1)
        assert anna.post("/connectors/odd/polls").status_code == 202
        asked(2)
        raccordo("connector", "poll", "odd")
        asked(3)
        assert source.memos == [{}, {"put_off": 1, "asked": 1}, {"put_off": 2, "asked": 2}]
        source.fault = Deferred("odd.away")
        raccordo("connector", "poll", "odd", code=1)
        source.fault = None
        assert anna.post("/connectors/odd/polls").status_code == 202
        asked(5)
        assert source.memos[4] == {"put_off": 3, "asked": 3}, "a failure loses nothing of it"
