"""The papers of a notification: found in the timeline, downloaded once each, never at the cost of the notification."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from connectors.send.questions import MOST_TRIES
from connectors.send.scripted_notices import notice_of, sample
from contracts.connector import Continue, Done
from contracts.failures import Deferred, Misconfigured


class Asked:
    """What comes of the questions about a notification that was accepted; each memo through JSON."""

    def __init__(self, send, **changes):
        walk = send.walk(attestations=True, attestations_every_s=60, **changes)
        done = walk.finish()
        assert isinstance(done, Done)
        assert done.follow_up.after == timedelta(seconds=60)
        self.connector, self.memo, self.iun = walk.connector, done.follow_up.memo, done.provider_id
        self.papers, self.waits, self.send = [], [], send

    def ask(self):
        step = self.connector.follow_up(notice_of(sample("delivered.json")), json.loads(json.dumps(self.memo)))
        if isinstance(step, Continue):
            self.memo = step.memo
            self.waits.append(step.after.total_seconds())
            self.papers += step.documents
        return step

    def all(self):
        """Until nothing new is there."""
        for _ in range(30):
            step = self.ask()
            if isinstance(step, Done) or (step.after.total_seconds() == 60 and not step.memo["wanted"]):
                return step
        raise AssertionError("it never ends")

    def becomes(self, *statuses):
        for status in statuses:
            self.send.http.post("/_sim/advance", json={"iun": self.iun, "status": status})


@pytest.fixture
def asked(start):
    return Asked(start())


def test_each_paper_is_had_once_and_the_end_is_known(asked):
    asked.all()
    assert [each.title.partition(" (")[0] for each in asked.papers] == [
        "Attestazione di presa in carico della notifica"
    ]
    asked.becomes("DELIVERING", "DELIVERED", "VIEWED")
    asked.all()
    assert isinstance(asked.all(), Continue)
    assert isinstance(asked.all(), Done)
    assert len(asked.papers) == len({each.name for each in asked.papers}) == 4
    notice = asked.papers[1]
    assert (notice.doc_type, notice.filename) == ("avviso-send", f"aar-{asked.iun}.pdf")
    assert notice.media_type == "application/pdf"
    assert notice.content == f"%PDF-1.7 simulated {notice.name}".encode()
    assert notice.issued_at.tzinfo is not None
    assert asked.iun in notice.title


def test_what_send_has_in_its_archive_is_waited_for(start):
    asked = Asked(start(archived=2))
    asked.all()
    assert asked.waits == [1, 1, 1, 60]
    assert len(asked.papers) == 1


def test_the_older_a_notification_is_the_less_often_it_is_looked_for_more(asked):
    asked.all()
    sent = datetime.now(UTC) - timedelta(days=100)
    asked.send.requests[0]["at"] = sent.isoformat()
    wait = asked.ask().after
    assert timedelta(days=5) <= wait <= timedelta(days=5, minutes=10)


def test_no_address_and_nothing_personal_is_in_the_memo(asked):
    seen = []
    while not asked.papers:
        asked.ask()
        seen.append(json.dumps(asked.memo))
    assert not any("http" in each or "RSSMRA" in each or "signature" in each for each in seen)


def test_the_store_gets_no_key(asked):
    asked.all()
    (got,) = [each for each in asked.send.exchanges if each[1].startswith("/_papers/")]
    assert got[4] == 200


@pytest.mark.parametrize("on", ["sent", "facts", "paper"])
@pytest.mark.parametrize("fault", [{"kind": "error", "status": 500}, {"kind": "throttle"}, {"kind": "drop"}])
def test_trouble_puts_the_question_off_and_loses_nothing(asked, on, fault):
    reached = {"sent": 0, "facts": 1, "paper": 2}[on]
    for _ in range(reached):
        asked.ask()
    before = asked.memo
    # A connection that failed is tried again at once, a few times.
    asked.send.faults(*[fault | {"on": on}] * 3)
    with pytest.raises(Deferred):
        asked.ask()
    assert asked.memo == before
    asked.send.http.delete("/_sim/faults")
    asked.all()
    assert len(asked.papers) == 1


def test_a_key_that_is_refused_is_said(asked):
    asked.send.faults({"kind": "error", "status": 403, "on": "sent"})
    with pytest.raises(Misconfigured):
        asked.ask()


def test_a_paper_that_is_never_given_is_passed_over(asked):
    asked.ask()
    asked.send.platform.papers._keys = lambda _: []
    for _ in range(MOST_TRIES - 1):
        assert asked.ask().memo["wanted"]
    assert not asked.ask().memo["wanted"]
    assert asked.papers == []
    assert isinstance(asked.ask(), Continue)


def test_a_memo_of_another_version_ends_the_questions(asked):
    asked.memo = {"odd": 1}
    assert isinstance(asked.ask(), Done)


def test_nobody_asks_without_the_settings(start):
    walk = start().walk(show_costs=False)
    assert walk.connector.follow_up is None
    assert walk.finish().follow_up is None


def test_following_by_polls_asks_for_papers_as_well(start):
    send = start()
    walk = send.walk(attestations=True, follow="poll", follow_every_s=0.01)
    while not walk.memo.get("iun"):
        walk.step()
    for status in ("DELIVERING", "DELIVERED"):
        send.http.post("/_sim/advance", json={"iun": walk.memo["iun"], "status": status})
    assert walk.finish().follow_up.memo["iun"] == send.requests[0]["iun"]
