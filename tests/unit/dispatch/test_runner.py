"""The runner and the pool: the type of what a connector raises decides, with fakes that behave."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import OperationalError

from connectors.base.conformance import make_notice
from contracts.base import Model
from contracts.connector import Connector, ConnectorType, Continue, Done, Idempotency, Limits, Manifest
from contracts.failures import Deferred, Misconfigured, Rejected, Skipped, Unconfirmed
from hub.dispatch.building import BadConfiguration, build
from hub.dispatch.pool import ConnectorPool
from hub.dispatch.runner import MarkFailed, Runner
from hub.errors import StoreUnavailable
from hub.store.configuration import ConnectorConfig
from hub.store.faults import CommitUnknown
from hub.store.outbox import Claim, Progress, Settlement
from hub.telemetry import JsonLines

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
CLAIM = Claim("e", "d", "c", "who", "m", "odd", 7, False, "io", 1, {}, False, False, NOW, NOW + timedelta(days=3))


class Writes:
    """A committer that remembers; `keeps` says whether the claim is still ours at each mark."""

    def __init__(self, keeps=True):
        self.keeps = keeps
        self.values = []

    def write(self, _handler, value):
        self.values.append(value)
        return self.keeps

    def of(self, kind):
        return [value for value in self.values if isinstance(value, kind)]


class StandingClock:
    def now(self):
        return NOW


def run(advance, *, claim=CLAIM, keeps=True, notice=lambda _: make_notice(), limits=None, lookup=None, **idempotency):
    """The writes of one claim."""
    manifest = Manifest(
        name="odd", title="Odd", channel="io", idempotency=Idempotency(**idempotency), limits=limits or Limits()
    )
    connector = Connector(manifest, advance, lambda: "", lookup=lookup) if advance else None
    writes = Writes(keeps)
    Runner(writes, StandingClock(), notice, lambda *_: connector, timedelta(seconds=60), lambda: 0.5).run(claim)
    return writes


def raising(failure):
    def advance(*_):
        raise failure

    return advance


def ended(writes):
    (end,) = writes.of(Settlement)
    return end.state, end.outcome, end.reason


OF_THE_STORE = ("queued", "deferred", "store.unavailable")
UNCONFIRMED_TWICE = {"honours_key": True}, {"resend_unconfirmed": True}


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (Rejected("x.no"), ("rejected", "rejected", "x.no")),
        (Skipped("x.absent"), ("skipped", "skipped", "x.absent")),
        (Misconfigured("x.key"), ("held", "misconfigured", "x.key")),
        (Unconfirmed("x.silent"), ("unconfirmed", "unconfirmed", "x.silent")),
        (Deferred("x.later"), ("queued", "deferred", "x.later")),
        (KeyError("RSSMRA80A01H501U"), ("queued", "deferred", "bug.KeyError")),
    ],
)
def test_the_type_of_a_failure_is_the_decision(failure, expected):
    assert ended(run(raising(failure))) == expected


@pytest.mark.parametrize("opted", UNCONFIRMED_TWICE)
def test_who_opted_in_tries_again_after_an_unknown_outcome(opted):
    assert ended(run(raising(Unconfirmed("x")), **opted)) == ("queued", "unconfirmed", "x")


@pytest.mark.parametrize("opted", [{}, *UNCONFIRMED_TWICE])
def test_an_unknown_outcome_at_the_end_of_the_attempts_stays_unknown(opted):
    last = replace(CLAIM, attempts=50)
    assert ended(run(raising(Unconfirmed("x")), claim=last, **opted))[0] == "unconfirmed"


@pytest.mark.parametrize(("accepted", "state"), [(False, "expired"), (True, "unconfirmed")])
def test_the_end_of_the_attempts_is_expired_unless_the_provider_had_taken_it(accepted, state):
    last = replace(CLAIM, attempts=50, accepted=accepted)
    assert ended(run(raising(Deferred("x")), claim=last))[0] == state


def test_what_the_provider_has_taken_waits_on_through_trouble():
    assert ended(run(raising(Deferred("x")), claim=replace(CLAIM, accepted=True)))[0] == "waiting"


def test_done_is_delivered_with_the_providers_own_name():
    (end,) = run(lambda *_: Done("p-1")).of(Settlement)
    assert (end.state, end.provider_id) == ("delivered", "p-1")


def test_the_mark_is_written_before_the_unsafe_step():
    seen = []
    writes = Writes()

    def advance(_notice, memo):
        if memo:
            seen.append([(p.unsafe, p.memo) for p in writes.of(Progress)])
            return Done()
        return Continue({"step": 1}, unsafe=True)

    manifest = Manifest(name="odd", title="Odd", channel="io")
    connector = Connector(manifest, advance, lambda: "")
    Runner(writes, StandingClock(), lambda _: make_notice(), lambda *_: connector, timedelta(seconds=60)).run(CLAIM)
    assert seen == [[(True, {"step": 1})]]


def test_a_claim_that_begins_with_an_unsafe_step_is_marked_first():
    writes = run(lambda *_: Done(), claim=replace(CLAIM, unsafe=True, memo={"step": 1}))
    assert [(p.unsafe, p.memo) for p in writes.of(Progress)] == [(True, {"step": 1})]


def test_a_mark_that_the_store_did_not_take_is_no_doubt_about_sending(monkeypatch):
    def away(self, _handler, value):
        self.values.append(value)
        raise StoreUnavailable

    monkeypatch.setattr(Writes, "write", away)
    with pytest.raises(MarkFailed):
        run(lambda *_: Continue({}, unsafe=True))


def test_a_claim_lost_at_the_mark_sends_nothing_and_settles_nothing():
    calls = []

    def advance(_notice, memo):
        calls.append(memo)
        return Continue({"step": 1}, unsafe=True)

    writes = run(advance, keeps=False)
    assert (calls, writes.of(Settlement)) == ([{}], [])


def test_a_bug_after_the_mark_is_an_unknown_outcome():
    def advance(_notice, memo):
        if memo:
            raise ZeroDivisionError
        return Continue({"step": 1}, unsafe=True)

    assert ended(run(advance)) == ("unconfirmed", "unconfirmed", "bug.ZeroDivisionError")


def test_steps_without_end_are_stopped():
    assert ended(run(lambda *_: Continue({})))[2] == "bug.endless_steps"


def test_a_step_for_later_gives_the_claim_back():
    (end,) = run(lambda *_: Continue({"id": 1}, after=timedelta(minutes=5), accepted=True)).of(Settlement)
    assert (end.state, end.due_at, end.memo) == ("waiting", NOW + timedelta(minutes=5), {"id": 1})


def test_due_times_go_by_the_databases_clock_and_not_by_this_machines():
    # A worker whose clock was an hour fast put off every second step by an hour.
    claim = replace(CLAIM, claimed_at=NOW + timedelta(hours=1))
    (end,) = run(lambda *_: Continue({}, after=timedelta(minutes=5), accepted=True), claim=claim).of(Settlement)
    assert timedelta() <= end.due_at - (NOW + timedelta(hours=1, minutes=5)) < timedelta(minutes=1)


def test_a_wrong_set_up_pauses_the_configuration_that_was_used():
    (end,) = run(raising(Misconfigured("x.key"))).of(Settlement)
    assert (end.state, end.outcome, end.reason, end.claim.connector_version) == ("held", "misconfigured", "x.key", 7)
    assert end.spent is False


def test_a_connector_that_is_not_there_holds_the_delivery():
    assert ended(run(None)) == ("held", "misconfigured", "connector.not_loaded")


@pytest.mark.parametrize(("notice", "state"), [(Skipped("email.opted_out"), "skipped"), (LookupError("who"), "queued")])
def test_a_notice_that_cannot_be_made_is_judged_like_a_step(notice, state):
    def fail(_claim):
        raise notice

    assert ended(run(lambda *_: Done(), notice=fail))[0] == state


AWAY = OperationalError("SELECT", {}, Exception("connection refused"))


@pytest.mark.parametrize("trouble", [AWAY, CommitUnknown("x"), StoreUnavailable(cause="53100/DiskFull")])
def test_a_store_that_is_lost_is_no_bug_of_the_connector(trouble, caplog):
    """Whoever read `delivery.bug` with a trace looked for it in the connector."""
    assert ended(run(lambda *_: Done(), notice=raising(trouble))) == OF_THE_STORE
    assert ended(run(raising(trouble))) == OF_THE_STORE
    assert "delivery.bug" not in caplog.text
    assert caplog.text.count("delivery.store_failed delivery_id=d") == 2
    assert not any(record.exc_info for record in caplog.records)


def test_a_store_that_is_lost_after_the_mark_leaves_an_unknown_outcome():
    def advance(_notice, memo):
        if memo:
            raise AWAY
        return Continue({"step": 1}, unsafe=True)

    assert ended(run(advance)) == ("unconfirmed", "unconfirmed", "store.unavailable")


@pytest.mark.parametrize(("fault", "reason"), [(AWAY, "store.unavailable"), (KeyError(), "bug.KeyError")])
def test_what_breaks_before_the_connector_was_called_leaves_no_doubt_about_sending(fault, reason):
    """Before the mark, the claim that begins with an unsafe step is as unsent as any."""
    writes = run(never, notice=raising(fault), claim=replace(CLAIM, unsafe=True, memo={"step": 1}))
    assert ended(writes) == ("queued", "deferred", reason)
    assert (writes.of(Progress), writes.of(Settlement)[0].unsafe) == ([], True)


def test_no_personal_data_of_a_bug_is_in_what_is_written_or_logged(caplog):
    writes = run(raising(KeyError("RSSMRA80A01H501U")))
    assert "RSSMRA" not in repr(writes.values)
    assert "RSSMRA" not in "".join(JsonLines().format(record) for record in caplog.records)


# --- asking before sending again

MAYBE = replace(CLAIM, maybe_sent=True, unsafe=True, memo={"step": 1})


def never(*_):
    raise AssertionError("must not be called")


def test_what_the_provider_has_is_not_sent_again():
    writes = run(never, claim=MAYBE, lookup=lambda *_: Done("p-1"))
    (end,) = writes.of(Settlement)
    assert (end.state, end.provider_id, writes.of(Progress)) == ("delivered", "p-1", [])


def test_what_the_provider_has_taken_goes_on_from_there():
    found = Continue({"id": 1}, after=timedelta(minutes=1), accepted=True)
    (end,) = run(never, claim=MAYBE, lookup=lambda *_: found).of(Settlement)
    assert (end.state, end.memo) == ("waiting", {"id": 1})


def test_what_surely_did_not_arrive_is_sent_with_its_mark_and_known_as_unsent():
    writes = run(raising(Deferred("x")), claim=MAYBE, lookup=lambda *_: None)
    (end,) = writes.of(Settlement)
    assert [p.unsafe for p in writes.of(Progress)] == [True]
    assert (end.state, end.claim.maybe_sent) == ("queued", False)


def test_where_the_provider_cannot_tell_a_person_decides():
    assert ended(run(never, claim=MAYBE, lookup=raising(Unconfirmed("x.unknown"))))[0] == "unconfirmed"


def test_a_provider_that_cannot_be_asked_now_is_asked_later():
    (end,) = run(never, claim=MAYBE, lookup=raising(Deferred("x.down"))).of(Settlement)
    assert (end.state, end.claim.maybe_sent) == ("queued", True)


@pytest.mark.parametrize("claim", [CLAIM, replace(MAYBE, accepted=True)])
def test_what_was_never_in_doubt_is_not_asked_about(claim):
    assert ended(run(lambda *_: Done(), claim=claim, lookup=never))[0] == "delivered"


def test_an_unknown_outcome_is_asked_about_where_it_can_be():
    assert ended(run(raising(Unconfirmed("x")), lookup=never)) == ("queued", "unconfirmed", "x")


# --- what an outcome says of the provider


@pytest.mark.parametrize(
    ("result", "answered"),
    [
        (lambda *_: Done(), True),
        (lambda *_: Continue({}, after=timedelta(1)), True),
        (raising(Rejected("x")), True),
        (raising(Skipped("x")), True),
        (raising(Deferred("x", about="message")), True),
        (raising(Deferred("x")), False),
        (raising(Unconfirmed("x")), False),
        (raising(Misconfigured("x")), None),
        (raising(KeyError()), None),
    ],
)
def test_only_trouble_of_the_provider_counts_against_it(result, answered):
    (end,) = run(result).of(Settlement)
    assert end.answered is answered


@pytest.mark.parametrize("notice", [raising(Skipped("email.opted_out")), raising(KeyError())])
def test_what_fails_before_the_provider_is_called_says_nothing_of_it(notice):
    (end,) = run(never, notice=lambda claim: notice(claim, {})).of(Settlement)
    assert end.answered is None


def test_a_follow_up_says_nothing_good_as_it_may_hide_trouble():
    """App IO answers `Continue` to a failed question about a status: its breaker would never have opened."""
    (end,) = run(lambda *_: Continue({}, after=timedelta(1)), claim=replace(CLAIM, accepted=True)).of(Settlement)
    assert end.answered is None


def test_the_wish_of_the_provider_is_passed_on():
    (end,) = run(raising(Deferred("x", after=timedelta(minutes=7)))).of(Settlement)
    assert end.after == timedelta(minutes=7)


# --- the pool


class Settings(Model):
    folder: str


class Configs:
    """A snapshot whose `poll` brings what was configured meanwhile."""

    def __init__(self, *configs):
        self.now = {(c.ente_id, c.connector_id): c for c in configs}
        self.next = self.now

    def __call__(self):
        return self.now

    def poll(self):
        self.now = self.next
        return True


class Odd:
    """A connector type that remembers what it made and what was closed."""

    def __init__(self):
        self.made, self.closed = [], []
        manifest = Manifest(name="odd", title="Odd", channel="io")
        self.types = {"odd": ConnectorType(manifest, Settings, self.connect)}
        self.manifest = manifest

    def connect(self, settings, limits):
        self.made.append((settings.folder, limits))
        name = settings.folder
        return Connector(self.manifest, lambda *_: Done(), lambda: "", lambda: self.closed.append(name))


def config(version=1, folder="a", **fields):
    made = {"type": "odd", "status": "active", "settings": {"folder": folder}, "limits": {}} | fields
    return ConnectorConfig("e", "odd", version=version, **made)


def test_one_instance_serves_while_its_version_holds():
    odd = Odd()
    pool = ConnectorPool(odd.types, Configs(config()))
    assert pool.get("e", "odd") is pool.get("e", "odd")
    assert len(odd.made) == 1


def test_who_only_looks_makes_no_connector():
    odd = Odd()
    pool = ConnectorPool(odd.types, Configs(config()))
    assert (pool.served(), pool.certificate_ends()) == (None, {})
    assert odd.made == []
    pool.outlets()
    assert set(pool.served()) == {("e", "io")}
    assert pool.certificate_ends() == {}
    assert len(odd.made) == 1


def test_a_claim_made_under_a_newer_configuration_is_never_served_by_the_old_one():
    odd, configs = Odd(), Configs(config(1, "old"))
    pool = ConnectorPool(odd.types, configs)
    pool.get("e", "odd", 1)
    configs.next = {("e", "odd"): config(2, "new")}
    pool.get("e", "odd", 1)
    pool.get("e", "odd", 2)
    assert [folder for folder, _ in odd.made] == ["old", "new"]


def test_closing_the_pool_closes_every_connector_once():
    """Their sockets were left to the garbage collector."""
    odd, configs = Odd(), Configs(config(1, "old"))
    pool = ConnectorPool(odd.types, configs)
    pool.get("e", "odd")
    configs.next = {("e", "odd"): config(2, "new")}
    pool.get("e", "odd", 2)
    assert odd.closed == []
    for _ in range(2):
        pool.close()
    assert odd.closed == ["old", "new"]


def test_the_limits_in_force_are_the_administrators_where_there_are_any():
    """Retries followed the manifest of the connector, whatever the administrator had set."""
    odd = Odd()
    connector = build(odd.types, config(limits={"max_attempts": 3, "max_age_s": 60}))
    assert (connector.manifest.limits.max_attempts, connector.manifest.limits.max_age_s) == (3, 60)
    assert connector.manifest.limits.retry_base_s == Limits().retry_base_s
    assert odd.made[0][1] == connector.manifest.limits


def test_the_limits_of_every_lane_follow_the_configuration():
    odd, configs = Odd(), Configs(config(limits={"rate_per_s": 3}))
    pool = ConnectorPool(odd.types, configs)
    assert pool.limits()["e", "odd"].rate_per_s == 3
    configs.now = {("e", "odd"): config(2, limits={"rate_per_s": 4})}
    assert pool.limits()["e", "odd"].rate_per_s == 4


@pytest.mark.parametrize(("lookup", "repeats"), [(None, False), (lambda *_: None, True)])
def test_what_can_be_asked_goes_on_by_itself_after_an_unknown_outcome(lookup, repeats):
    connector = Connector(Odd().manifest, lambda *_: Done(), lambda: "", lookup=lookup)
    types = {"odd": ConnectorType(connector.manifest, Settings, lambda *_: connector)}
    assert (("e", "odd") in ConnectorPool(types, Configs(config())).resending()) is repeats


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"settings": {}}, "folder"),
        ({"settings": {"folder": "a", "extra": "RSSMRA80A01H501U"}}, "extra"),
        ({"limits": {"max_attempts": 0}}, "max_attempts"),
        ({"type": "gone"}, "gone"),
    ],
)
def test_settings_that_do_not_fit_are_named_without_their_values(fields, named):
    with pytest.raises(BadConfiguration, match=named) as refused:
        build(Odd().types, config(**fields))
    assert "RSSMRA" not in str(refused.value)


def test_a_setting_that_there_is_not_is_pointed_at_whatever_its_name():
    with pytest.raises(BadConfiguration) as refused:
        build(Odd().types, config(settings={"folder": "a", "a/b": 1}))
    assert [pointer for pointer, _ in refused.value.faults] == ["/settings/a~1b"]


@pytest.mark.parametrize("configs", [(), (config(type="gone"),)], ids=["none", "of an unknown type"])
def test_a_connector_that_is_not_there_is_none_and_serves_no_channel(configs):
    pool = ConnectorPool(Odd().types, Configs(*configs))
    assert pool.get("e", "odd", 1) is None
    assert pool.outlets() == {}
    assert pool.resending() == frozenset()


def unreadable(*_):
    raise Misconfigured("odd.file", "it cannot be read")


def with_a_bug(*_):
    raise RuntimeError


@pytest.mark.parametrize("connect", [unreadable, with_a_bug])
def test_a_connector_that_cannot_be_made_harms_no_other_and_what_goes_there_is_held(connect):
    """`connect` said Misconfigured, which nobody caught: publishing, dispatch and start-up failed for all."""
    odd = Odd()
    broken = ConnectorType(Manifest(name="broken", title="Broken", channel="email"), Settings, connect)
    both = Configs(config())
    both.now |= {("e", "mail"): replace(config(type="broken"), connector_id="mail")}
    pool = ConnectorPool(odd.types | {"broken": broken}, both)
    assert pool.get("e", "mail") is None
    assert {channel: outlet.connector_id for (_, channel), outlet in pool.outlets().items()} == {
        "io": "odd",
        "email": "mail",
    }
    assert set(pool.limits()) == {("e", "odd")}


def test_what_can_be_made_again_is_so_without_a_change_of_the_configuration():
    odd = Odd()
    able = odd.types["odd"]
    types = {"odd": replace(able, connect=unreadable)}
    pool = ConnectorPool(types, Configs(config(limits={"rate_per_s": 3})))
    assert pool.limits() == {}
    types["odd"] = able
    pool.get("e", "odd")
    assert pool.limits()["e", "odd"].rate_per_s == 3


def test_an_active_connector_serves_its_channel_before_a_paused_one():
    """The commands said so; publishing took the first by id, paused or not."""
    both = Configs(config(status="paused"))
    both.now |= {("e", "second"): replace(config(), connector_id="second")}
    assert ConnectorPool(Odd().types, both).outlets()["e", "io"].connector_id == "second"


@pytest.mark.parametrize(("keeps", "dead", "told"), [(True, True, ["x.refused"]), (True, False, []), (False, True, [])])
def test_an_address_that_is_dead_is_told_once_the_refusal_is_settled(keeps, dead, told):
    found = []
    advance = raising(Rejected("x.refused", address_is_dead=dead))
    connector = Connector(Manifest(name="odd", title="Odd", channel="email"), advance, lambda: "")
    writes = Writes(keeps)
    runner = Runner(writes, StandingClock(), lambda _: make_notice(), lambda *_: connector, timedelta(seconds=60))
    replace(runner, dead=lambda claim, reason: found.append(reason)).run(CLAIM)
    assert found == told
    assert writes.values


@pytest.mark.parametrize("hook", ["failed", "dead"])
def test_what_cannot_be_told_of_a_settled_delivery_costs_nothing(hook, caplog):
    caplog.set_level("INFO")
    advance = raising(Rejected("x.refused", address_is_dead=True))
    connector = Connector(Manifest(name="odd", title="Odd", channel="email"), advance, lambda: "")
    writes, called = Writes(), []
    runner = Runner(writes, StandingClock(), lambda _: make_notice(), lambda *_: connector, timedelta(seconds=60))

    def broken(*_):
        raise KeyError("RSSMRA80A01H501U")

    hooks = {"failed": lambda *_: called.append("failed"), "dead": lambda *_: called.append("dead")}
    replace(runner, **(hooks | {hook: broken})).run(CLAIM)
    assert ended(writes) == ("rejected", "rejected", "x.refused")
    assert called == sorted(hooks.keys() - {hook}), "the other one is told"
    assert "delivery.not_followed" in caplog.text
    assert "delivery.settled" in caplog.text
    assert "RSSMRA80A01H501U" not in caplog.text


def test_a_configured_type_that_cannot_be_loaded_stops_the_start():
    class Broken(dict[str, ConnectorType]):
        def get(self, name, default=None):
            raise RuntimeError(name)

    with pytest.raises(RuntimeError, match="odd"):
        ConnectorPool(Broken(), Configs(config()))
