"""The simulated receiver is as strict as a real one."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.base.conformance import advance, make_notice
from connectors.webhook import connect
from connectors.webhook.config import Settings
from connectors.webhook.signing import read_secrets, signed
from connectors.webhook.simulator import Receiver, simulate
from contracts.connector import Connector, Done, Limits
from contracts.failures import Deferred

EVENT = make_notice(**json.loads((Path(__file__).parent / "samples" / "delivered.json").read_text())["notice"])
OLDER = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


def made(given: Mapping[str, Any], **changes: Any) -> Connector:
    return connect(Settings.model_validate_json(json.dumps({**given, **changes})), Limits())


def test_the_simulator_believes_what_is_signed_and_keeps_each_event_once(tmp_path):
    follower = simulate(tmp_path)
    given = follower.start()
    try:
        connector = made(given)
        assert connector.check()
        faults = given["url"].replace("/hook", "/_sim/faults")
        httpx.post(faults, json=[{"kind": "lost", "status": 500}, {"kind": "status", "status": 503, "retry_after": 3}])
        results = [advance(connector, EVENT, {"step": "tell"}) for _ in range(3)]
        assert [type(each) for each in results] == [Deferred, Deferred, Done]
        assert results[1].after.total_seconds() == 3
        (line,) = (tmp_path / "webhook.jsonl").read_text().splitlines()
        assert json.loads(line)["webhook_id"] == EVENT.push.correlation_id
        assert follower.receiver.repeated == 1
        assert Receiver(tmp_path / "webhook.jsonl", secrets=()).known == {EVENT.push.correlation_id}
        stranger = made(given, signing_secrets=OLDER)
        assert advance(stranger, EVENT, {"step": "tell"}).reason == "webhook.not_authorised"
        connector.close()
        stranger.close()
    finally:
        follower.stop()


@pytest.mark.parametrize("seconds", [-310, 310])
def test_the_simulator_does_not_take_what_is_too_old_or_too_new(tmp_path, seconds):
    follower = simulate(tmp_path)
    given = follower.start()
    try:
        secret, stamp = read_secrets(given["signing_secrets"]), int(time.time()) + seconds
        headers = signed(secret, message_id="ping-1", timestamp=stamp, body=b"{}")
        assert httpx.post(given["url"], content=b"{}", headers=headers).status_code == 401
    finally:
        follower.stop()
