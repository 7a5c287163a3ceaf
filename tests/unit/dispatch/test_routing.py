"""Which connectors a message goes to."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.dispatch.routing import Outlet, plan, router
from hub.store.drafts import CONNECTOR_UNKNOWN
from hub.store.standing import BULK, NORMAL, URGENT

OUTLETS = {("a", "io"): Outlet("io-1", timedelta(days=3)), ("a", "email"): Outlet("mail-1", timedelta(days=2))}


def test_each_channel_goes_to_its_connector_with_its_age():
    planned = plan("a", ("io", "email"), has_email=True, outlets=OUTLETS)
    assert [(p.channel, p.connector_id, p.max_age, p.reason) for p in planned] == [
        ("io", "io-1", timedelta(days=3), None),
        ("email", "mail-1", timedelta(days=2), None),
    ]


def test_without_an_address_mail_is_recorded_as_impossible():
    (planned,) = plan("a", ("email",), has_email=False, outlets=OUTLETS)
    assert (planned.connector_id, planned.reason) == ("mail-1", "email.no_address")


def test_a_channel_that_nobody_serves_is_recorded_as_such():
    (planned,) = plan("a", ("io",), has_email=True, outlets={})
    assert (planned.connector_id, planned.reason) == (CONNECTOR_UNKNOWN, "channel.not_configured")


def test_the_connectors_of_another_body_are_not_ours():
    (planned,) = plan("b", ("io",), has_email=True, outlets=OUTLETS)
    assert planned.reason == "channel.not_configured"


@pytest.mark.parametrize(("kind", "priority"), [("alert", URGENT), ("info", NORMAL), ("broadcast", BULK)])
def test_an_alert_goes_before_and_a_mailing_to_all_behind(kind, priority):
    (planned,) = plan("a", ("io",), has_email=True, kind=kind, outlets=OUTLETS)
    assert planned.priority == priority


@given(st.lists(st.sampled_from(["io", "email"]), max_size=4), st.booleans())
def test_nothing_is_dropped_and_nothing_is_doubled(channels, has_email):
    planned = plan("a", tuple(channels), has_email=has_email, outlets=OUTLETS)
    assert [p.channel for p in planned] == list(dict.fromkeys(channels))


def test_a_router_looks_at_the_configuration_of_the_moment():
    outlets = dict(OUTLETS)
    route = router(lambda: outlets)
    assert route("a", ("io",), False, "info")[0].connector_id == "io-1"
    outlets[("a", "io")] = Outlet("io-2", timedelta(days=1))
    assert route("a", ("io",), False, "info")[0].connector_id == "io-2"
