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

OTHER = "11111111-1111-4111-8111-111111111111"
ENABLED = Reply(200, {"activationDate": "2026-02-01T10:00:00Z"})


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
        assert self.events(known, ENABLED, memo={}).memo == {"stream": STREAM, "kind": "STATUS"}
        assert [got.method for got in self.server.received] == ["GET", "POST", "GET", "GET"]

    def test_the_group_of_the_key_reads_the_stream(self):
        self.events(Reply(200, []), Reply(200, {"streamId": STREAM}), memo={}, group="uffici")
        assert json.loads(self.server.received[-1].body)["groups"] == ["uffici"]

    def test_an_element_tells_the_step_that_it_is_and_nothing_of_the_person(self):
        details = {"digitalAddress": {"type": "PEC", "address": "mario.rossi@pec.example"}}
        elements = [
            {"category": "DIGITAL_FAILURE_WORKFLOW", "eventTimestamp": "2026-03-01T12:00:00+02:00", "details": details},
            {"category": "ANALOG_WORKFLOW_RECIPIENT_DECEASED"},
            {"category": ["REFINEMENT"]},
            {"category": "REFINEMENT", "eventTimestamp": "2026-03-11T00:00:00+01:00"},
        ]
        iun = "ABCD-EFGH-IJKL-202603-A-1"
        events = [{"eventId": str(n), "iun": iun, "element": each} for n, each in enumerate(elements)]
        reports = self.events(Reply(200, events)).reports
        assert [(each.event, each.step, each.at) for each in reports] == [
            ("step", "digital_failed", datetime(2026, 3, 1, 10, tzinfo=UTC)),
            ("step", "term_passed", datetime(2026, 3, 10, 23, tzinfo=UTC)),
        ]
        assert "mario" not in repr(reports)

    def test_one_of_another_kind_takes_the_place_of_the_one_before_which_is_read_to_its_end(self):
        listed = Reply(200, [{"streamId": STREAM, "title": "Raccordo"}])
        made, memo = Reply(200, {"streamId": OTHER}), {"stream": STREAM, "last": "1", "seen": ["1"]}
        found = self.events(listed, made, memo=memo, stream_kind="TIMELINE")
        assert json.loads(self.server.received[-1].body) == {
            "title": "Raccordo (TIMELINE)",
            "eventType": "TIMELINE",
            "groups": [],
            "replacedStreamId": STREAM,
        }
        assert found.more
        element = {"category": "REFINEMENT"}
        event = {"eventId": "2", "newStatus": "VIEWED", "iun": "ABCD-EFGH-IJKL-202603-A-1", "element": element}
        last = self.events(Reply(200, [event], {"retry-after": "9"}), memo=found.memo, stream_kind="TIMELINE")
        assert (last.memo["last"], len(last.reports)) == ("2", 2)
        over = self.events(Reply(200, []), memo=last.memo, stream_kind="TIMELINE")
        assert self.server.received[-1].path.endswith(f"{STREAM}/events?lastEventId=2")
        assert (over.memo, over.more) == ({"stream": OTHER, "kind": "TIMELINE"}, True)
        self.events(Reply(200, []), memo=over.memo, stream_kind="TIMELINE")
        assert self.server.received[-1].path.endswith(f"{OTHER}/events")

    def test_one_that_was_made_before_the_process_died_is_found_by_its_title(self):
        titles = {STREAM: "Raccordo", OTHER: "Raccordo (TIMELINE)"}
        listed = Reply(200, [{"streamId": name, "title": title} for name, title in titles.items()])
        found = self.events(listed, ENABLED, memo={"stream": STREAM}, stream_kind="TIMELINE")
        assert found.memo["next"] == {"stream": OTHER, "kind": "TIMELINE"}
        gone = self.events(Reply(404, {}), memo=found.memo, stream_kind="TIMELINE")
        assert gone.memo == found.memo["next"]

    def test_one_that_was_replaced_is_not_taken_for_ours_though_it_is_still_listed(self):
        listed = Reply(200, [{"streamId": STREAM, "title": "Raccordo"}])
        for gone in (Reply(200, {"disabledDate": "2026-03-01T10:00:00Z"}), Reply(404, {})):
            found = self.events(listed, gone, Reply(200, {"streamId": OTHER}), memo={})
            assert found.memo["stream"] == OTHER
        with pytest.raises(Deferred):
            self.events(listed, Reply(503, b""), memo={})

    def test_one_that_is_deleted_is_replaced_by_nothing(self):
        gone = Reply(404, {"errors": [{"code": "PN_STREAM_NOT_FOUND"}]})
        made = Reply(200, {"streamId": OTHER})
        found = self.events(Reply(200, []), gone, made, memo={"stream": STREAM}, stream_kind="TIMELINE")
        assert found.memo["next"] == {"stream": OTHER, "kind": "TIMELINE"}
        assert "replacedStreamId" not in json.loads(self.server.received[-1].body)
