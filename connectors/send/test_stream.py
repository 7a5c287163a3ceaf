"""The stream of SEND's events: the common promises of whatever is pulled, and what is its own."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from connectors.base.pull_conformance import PullConformance
from connectors.base.scripted import Received, Reply
from connectors.send import connect
from connectors.send.scripted_notices import KEY, SAMPLES, STREAM, settings
from contracts.connector import Connector, Limits
from contracts.failures import Deferred, Misconfigured


class TestPull(PullConformance):
    samples = SAMPLES / "pulled"
    secrets = (KEY,)
    personal = ("mario.rossi@pec.example",)
    # The stream's waits are in milliseconds: see below.
    statuses: ClassVar = {status: kind for status, kind in PullConformance.statuses.items() if status != 429}

    def connect_to(self, url: str, limits: Limits) -> Connector:
        return connect(settings(url), limits)

    def connect_unlisted(self, limits: Limits) -> Connector:
        return self.connect_to("https://provider.example", limits)

    def check_request(self, request: Received) -> None:
        assert request.headers["x-api-key"] == KEY

    def events(self, *answers: Reply, memo: dict[str, Any] | None = None, **changes: Any):
        connector = connect(settings(self.server.url, **changes), Limits(timeout_s=10))
        self._made.append(connector)
        self.server.play(*answers)
        return connector.pull({"stream": STREAM} if memo is None else memo)

    def test_the_wait_of_a_stream_is_in_milliseconds(self):
        assert self.events(Reply(200, [], {"retry-after": "1500"})).after == timedelta(seconds=1.5)
        assert self.events(Reply(200, [], {"retry-after": "9" * 12})).after == timedelta(days=1)
        for silent in ({}, {"retry-after": "0"}, {"retry-after": "soon"}, {"retry-after": "-5"}):
            pulled = self.events(Reply(200, [], silent))
            assert (pulled.after, pulled.more) == (None, False), "an empty page is no reason to go on at once"
        with pytest.raises(Deferred) as caught:
            self.events(Reply(429, b"", {"retry-after": "2500"}))
        assert caught.value.after == timedelta(seconds=2.5)

    def test_events_are_acknowledged_only_by_the_next_question(self):
        event = {"eventId": "0" * 37 + "7", "newStatus": "VIEWED", "iun": "ABCD-EFGH-IJKL-202603-A-1", "element": {}}
        pulled = self.events(Reply(200, [event], {"retry-after": "0"}), memo={"stream": STREAM, "last": "0" * 38})
        assert self.server.received[-1].path.endswith("?lastEventId=" + "0" * 38)
        assert pulled.memo["last"] == event["eventId"]
        assert pulled.more

    def test_the_moment_is_the_events_own(self):
        told = {"eventTimestamp": "2026-03-01T12:00:00+02:00", "timestamp": "2026-03-05T10:00:00Z"}
        event = {"eventId": "1", "newStatus": "VIEWED", "iun": "ABCD-EFGH-IJKL-202603-A-1", "element": told}
        (report,) = self.events(Reply(200, [event])).reports
        assert report.at == datetime(2026, 3, 1, 10, tzinfo=UTC)

    def test_a_stream_of_the_settings_is_not_replaced(self):
        pulled = self.events(Reply(200, []), memo={"stream": "another", "last": "1"}, stream_id=STREAM)
        assert pulled.memo["stream"] == STREAM
        assert "lastEventId" not in self.server.received[-1].path
        with pytest.raises(Misconfigured):
            self.events(Reply(404, {}), stream_id=STREAM)

    def test_a_stream_whose_making_has_no_answer_is_looked_for_again(self):
        known = Reply(200, [{"streamId": STREAM, "title": "Raccordo"}])
        with pytest.raises(Deferred):
            self.events(Reply(200, []), Reply(200, b"{"), memo={})
        assert self.events(known, memo={}).memo == {"stream": STREAM}
        assert [got.method for got in self.server.received] == ["GET", "POST", "GET"]

    def test_the_group_of_the_key_reads_the_stream(self):
        self.events(Reply(200, []), Reply(200, {"streamId": STREAM}), memo={}, group="uffici")
        assert json.loads(self.server.received[-1].body)["groups"] == ["uffici"]
