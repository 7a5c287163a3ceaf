"""SEND: the common promises, and what is its own."""

import base64
import json
from dataclasses import replace
from typing import Any

import httpx
import pytest

from connectors.base.conformance import Walk
from connectors.base.http_conformance import HttpConformance
from connectors.base.scripted import Received, Reply
from connectors.send import connect
from connectors.send.client import MOST_ROUNDS, MOST_UNKNOWN, Send
from connectors.send.scripted_notices import KEY, SAMPLES, STREAM, file, notice_of, sample, settings
from connectors.send.statuses import FOLLOWED, REPORTED, TRANSIENT
from contracts.connector import Connector, Continue, Done, Legal, Limits, Notice
from contracts.failures import Deferred, Misconfigured, Rejected, Skipped, Unconfirmed
from contracts.proving import Proof


class TestConformance(HttpConformance):
    samples = SAMPLES
    sending = 3
    secrets = (KEY,)

    def connect_to(self, url: str, limits: Limits) -> Connector:
        return connect(settings(url), limits)

    def load(self, name: str) -> dict[str, Any]:
        # Without a server yet, tests are being collected.
        return sample(name, self.server.url if hasattr(self, "server") else "{url}")

    def notice_of(self, sample: dict[str, Any]) -> Notice:
        return notice_of(sample)

    def identifier(self, request: Received) -> str:
        body = json.loads(request.body)
        return f"{body['paProtocolNumber']} {body['idempotenceToken']}"

    def check_request(self, request: Received) -> None:
        assert request.headers["accept-encoding"] == "identity"
        if not request.path.startswith("/store/"):
            assert request.headers["x-api-key"] == KEY
            return
        # Whoever keeps the files is not SEND's API.
        assert KEY not in str(request.headers)
        kind = "application/pdf" if request.body.startswith(b"%PDF") else "application/json"
        assert request.headers["content-type"] == kind
        assert request.headers["x-amz-meta-secret"].startswith("secret-")
        assert request.headers["trailer"] == "x-amz-checksum-sha256"
        assert len(request.headers["x-amz-checksum-sha256"]) == 44

    def _plain(self, got: Received) -> dict[str, Any]:
        if not got.path.startswith("/store/"):
            return super()._plain(got)
        self.check_request(got)
        return {"method": got.method, "path": got.path, "body": got.body.decode()}

    def steps_of(self, *names: str) -> list[Reply]:
        """The answers of `delivered.json` up to the request, and then these bodies as SEND's word on it."""
        return [*self.happy()[:4], *(Reply(**each["answer"]) for name in names for each in self._last(name))]

    def _last(self, name: str) -> list[dict[str, Any]]:
        return [self.load(name)["exchanges"][-1]]

    def walked(self, notice: Notice, *answers: Reply, **changes: Any) -> Walk:
        self.server.play(*answers)
        connector = connect(settings(self.server.url, **changes), Limits(timeout_s=10))
        self._made.append(connector)
        return Walk(connector, notice)

    def test_the_check_accepts_that_there_is_no_such_request(self):
        self.server.play(Reply(404, {"status": 404, "errors": [{"code": "PN_DELIVERY_NOTIFICATION_NOT_FOUND"}]}))
        assert "accepts the key" in self.fresh().check()

    @pytest.mark.parametrize(
        "answer", [Reply(403, {"message": "Forbidden"}), Reply(404, {"message": "Not Found"}), Reply(400), Reply(302)]
    )
    def test_the_check_tells_of_what_is_wrong(self, answer):
        self.server.play(answer)
        with pytest.raises(Misconfigured):
            self.fresh().check()

    def test_questions_for_the_status_become_rarer(self):
        again = Reply(200, {"notificationRequestStatus": "WAITING"})
        walk = self.walked(self.notice(), *self.happy()[:4], *[again] * 8, self.happy()[-1])
        assert isinstance(walk.finish(), Done)
        waits = [wait.total_seconds() for wait in walk.waits]
        assert waits == [0, 0, 0, 60, 120, 240, 480, 600, 600, 600, 600, 600]

    def test_a_memo_of_another_version_is_never_sent_again(self):
        walk = Walk(self.fresh(), self.notice(), {"step": "something else"})
        assert type(walk.finish()) is Unconfirmed
        assert self.server.received == []

    def test_what_passes_by_itself_is_requested_again_but_not_for_ever(self):
        refused = Reply(200, {"notificationRequestStatus": "REFUSED", "errors": [{"code": "SERVICE_UNAVAILABLE"}]})
        walk = self.walked(self.notice(), *[*self.happy()[:4], refused] * MOST_ROUNDS)
        result = walk.finish()
        assert isinstance(result, Rejected)
        assert result.reason == "send.refused.service_unavailable"
        pairs = self.taken()
        assert len(pairs) == len(set(pairs)) == MOST_ROUNDS
        assert {pair.partition(" ")[0] for pair in pairs} == {"2026/0004711"}

    def test_a_request_that_send_never_heard_of_ends(self):
        missing = Reply(404, {"status": 404, "errors": [{"code": "PN_DELIVERY_NOTIFICATION_NOT_FOUND"}]})
        for answer, reason in ((self.happy()[3], "send.request_unknown"), (Reply(409), "send.conflict")):
            walk = self.walked(self.notice(), *self.happy()[:3], answer, *[missing] * MOST_UNKNOWN)
            assert walk.finish().reason == reason

    def test_an_address_is_used_for_an_hour_at_most(self):
        moments = iter([1000.0, 1001.0, 1000.0 + 3600, 5000.0, 5001.0, 5002.0])
        walk = self.walked(self.notice(), *self.happy()[:2], *self.happy())
        late = Send(*self._parts(walk.connector), now=lambda: next(moments))
        walk.connector = replace(walk.connector, advance=late.advance)
        assert isinstance(walk.finish(), Done)
        assert [got.path for got in self.server.received[:4]] == [
            "/delivery/attachments/preload",
            "/store/00?X-Amz-Signature=abc",
            "/delivery/attachments/preload",
            "/store/00?X-Amz-Signature=abc",
        ]

    def _parts(self, connector: Connector) -> tuple[Any, Any, Any]:
        send: Send = connector.advance.__self__.send
        return send.wire, send.uploads, send.settings

    def test_addresses_that_never_do_are_not_asked_for_without_end(self):
        over = Reply(403, "<Error/>")
        walk = self.walked(self.notice(), *[self.happy()[0], over] * 10)
        result = walk.finish()
        assert isinstance(result, Deferred)
        assert result.reason == "send.upload_refused"
        assert len(self.server.received) == 6

    @pytest.mark.parametrize("at", [1, 2, 3])
    def test_other_documents_in_a_newer_version_are_uploaded_anew(self, at):
        walk = self.walked(self.notice(), *self.happy()[:at], *self.happy())
        for _ in range(at):
            walk.step()
        legal = walk.notice.legal
        files = (*legal.files[:1], file("Corretto", "%PDF-1.7 corretto"))
        walk.notice = replace(walk.notice, legal=replace(legal, files=files))
        assert isinstance(walk.finish(), Done)
        sent = json.loads(self.server.received[-3].body)
        assert [each["digests"]["sha256"] for each in sent["documents"]][1] == _base64(files[1].sha256)
        assert [got.method for got in self.server.received[at:]] == ["POST", "PUT", "PUT", "POST", "GET", "GET"]

    def test_a_damaged_file_is_not_uploaded(self):
        notice = self.notice()
        damaged = replace(notice.legal.files[0], read=lambda: b"something else")
        notice = replace(notice, legal=replace(notice.legal, files=(damaged, notice.legal.files[1])))
        walk = self.walked(notice, *self.happy())
        walk.step()
        result = walk.step()
        assert isinstance(result, Deferred)
        assert result.reason == "send.file_damaged"
        assert [got.method for got in self.server.received] == ["POST"]

    def test_what_was_taken_back_before_the_request_is_not_sent(self):
        for steps in (1, 2, 3):
            walk = self.walked(self.notice(), *self.happy())
            for _ in range(steps):
                walk.step()
            walk.notice = replace(walk.notice, withdrawn=True)
            assert isinstance(walk.finish(), Skipped)
        assert self.taken() == []

    def test_what_was_taken_back_after_it_is_cancelled(self):
        walk = self.walked(self.notice(), *self.happy(), Reply(429), Reply(202, {"status": "OK"}), Reply(404))
        for _ in range(4):
            walk.step()
        walk.notice = replace(walk.notice, withdrawn=True, legal=Legal(walk.notice.legal.wish))
        result = walk.finish()
        assert isinstance(result, Skipped)
        assert result.reason == "item.withdrawn"
        cancelled = "/delivery-push/v2.0/notifications/cancel/ABCD-EFGH-IJKL-202603-A-1"
        assert [(got.method, got.path) for got in self.server.received[-3:-1]] == [("PUT", cancelled)] * 2

    def test_what_send_will_not_cancel_stays_delivered(self):
        walk = self.walked(self.notice(), *self.happy(), Reply(400, {"status": 400, "errors": [{"code": "PN_X"}]}))
        for _ in range(4):
            walk.step()
        walk.notice = replace(walk.notice, withdrawn=True)
        result = walk.finish()
        assert isinstance(result, Done)
        assert result.detail == "not cancelled, status 400"

    def test_what_was_refused_needs_no_cancellation(self):
        refused = Reply(200, {"notificationRequestStatus": "REFUSED", "errors": [{"code": "SERVICE_UNAVAILABLE"}]})
        walk = self.walked(self.notice(), *self.happy()[:4], refused)
        for _ in range(4):
            walk.step()
        walk.notice = replace(walk.notice, withdrawn=True)
        assert isinstance(walk.finish(), Skipped)

    @pytest.mark.parametrize("status", sorted(FOLLOWED))
    def test_following_one_by_one(self, status):
        sent = Reply(200, {"notificationStatus": status})
        end = Reply(200, {"notificationStatus": "VIEWED"})
        walk = self.walked(self.notice(), *self.happy(), Reply(500), sent, end, follow="poll", follow_every_s=0.5)
        result = walk.finish()
        match FOLLOWED[status]:
            case "wait":
                assert (type(result), self.server.left) == (Done, ())
            case "done":
                assert (type(result), self.server.left) == (Done, (end,))
            case (kind, reason):
                assert (type(result), result.reason) == (kind, reason)
        assert walk.accepted
        assert walk.connector.pull is None

    def test_following_leads_to_the_cancellation_of_what_is_taken_back(self):
        delivering = Reply(200, {"notificationStatus": "DELIVERING"})
        walk = self.walked(self.notice(), *self.happy(), delivering, Reply(202), Reply(404), follow="poll")
        for _ in range(7):
            walk.step()
        walk.notice = replace(walk.notice, withdrawn=True)
        assert isinstance(walk.finish(), Skipped)
        assert [got.method for got in self.server.received[-2:]] == ["PUT", "GET"]

    def test_a_lookup_before_the_request_asks_nobody(self):
        walk = self.walked(self.notice(), *self.happy()[:1])
        assert walk.connector.lookup(walk.notice, walk.memo) is None
        walk.step()
        assert walk.connector.lookup(walk.notice, walk.memo) is None
        assert len(self.server.received) == 1

    @pytest.mark.parametrize("answer", [Reply(404, "<html>"), Reply(400), Reply(429), Reply(500), Reply(200, b"{")])
    def test_a_lookup_that_says_nothing_is_no_denial(self, answer):
        walk = self.until_sending()
        self.server.play(*[answer] * 3)
        try:
            found = walk.connector.lookup(walk.notice, walk.memo)
        except (Deferred, Misconfigured):
            return
        assert isinstance(found, Continue)

    def test_a_voucher_goes_with_calls_to_send_alone(self):
        class Bearer(httpx.Auth):
            def auth_flow(self, request):
                request.headers["Authorization"] = "Bearer voucher"
                yield request

        given = settings(self.server.url, proof="pdnd", proof_client="send")
        with pytest.raises(Misconfigured):
            connect(given, Limits())
        connector = connect(given, Limits(timeout_s=10), Proof(Bearer()))
        self._made.append(connector)
        self.server.play(*self.happy())
        assert isinstance(Walk(connector, self.notice()).finish(), Done)
        bearing = ["authorization" in got.headers for got in self.server.received]
        assert bearing == [True, False, False, True, True, True]


def test_every_status_of_send_is_in_both_tables():
    assert REPORTED.keys() == FOLLOWED.keys()
    assert [code for code, passes in TRANSIENT.items() if passes] == ["SERVICE_UNAVAILABLE"]


def _base64(sha256: str) -> str:
    return base64.b64encode(bytes.fromhex(sha256)).decode()


@pytest.mark.parametrize(
    "wrong",
    [
        {"api_key": ""},
        {"api_key": "a\nb"},
        {"base_url": "http://api.notifichedigitali.it"},
        {"sender_tax_code": "12345678901"},
        {"sender_name": "Comune | Ufficio"},
        {"sender_name": "Comune ☂"},
        {"proof": "modi", "proof_audience": "x"},
        {"proof": "pdnd"},
        {"max_documents": 16},
        {"stream_id": STREAM, "follow": "poll"},
        {"stream_id": "../x"},
        {"group": "è"},
        {"surprise": 1},
    ],
)
def test_settings_are_checked(wrong):
    with pytest.raises(ValueError) as caught:
        settings("https://api.notifichedigitali.it", **wrong)
    assert KEY not in str(caught.value)


def test_the_key_is_not_shown():
    given = settings("https://api.notifichedigitali.it")
    assert KEY not in repr(given) + given.model_dump_json()
