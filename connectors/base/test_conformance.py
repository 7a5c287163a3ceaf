"""The suite is not blind: a connector with one fault of each kind fails it, and the same connector without passes."""

import logging

import pytest

from connectors.base.conformance import Conformance
from contracts.connector import Connector, Continue, Done, Idempotency, Manifest, Preview
from contracts.failures import Deferred, Unconfirmed

from .scripted import Fault

SECRET = "the-secret-key"


class Suite(Conformance):
    secrets = (SECRET,)
    faults = (Fault.REFUSED, Fault.CUT)

    def __init__(self, bug=None):
        self.bug, self.fault, self.got, self.seen, self._made = bug, None, [], [], []

    def connect(self, limits):
        idempotency = Idempotency(resend_unconfirmed=self.bug in ("new_identifier", "none_but_resends"))
        manifest = Manifest(name="toy", title="Toy", channel="email", idempotency=idempotency)
        self.memory = None
        return Connector(manifest, self.advance, lambda: self.call("probe"), preview=self.preview)

    def preview(self, notice):
        shown = {"title": notice.title, "key": SECRET if self.bug == "previews_secret" else "(secret)"}
        if self.bug == "preview_sends":
            self.call(notice.delivery_id)
        target = notice.tax_code if self.bug == "previews_a_person" else "toy"
        return (Preview(f"POST /{target}", shown | ({"at": str(len(self.seen))} if self.unsteady() else {})),)

    def unsteady(self):
        self.seen.append(1)
        return self.bug == "unsteady_preview"

    def advance(self, notice, memo):
        if memo.get("step") is None:
            personal = {"to": notice.email} if self.bug == "personal_memo" else {}
            self.memory = "kept outside of the memo"
            return Continue({"step": "send", **personal}, unsafe=self.bug != "not_announced")
        if self.bug == "state_in_memory":
            assert self.memory
        name = f"{notice.delivery_id}-{len(self.got)}" if self.bug == "new_identifier" else notice.delivery_id
        self.call(name)
        if self.bug == "sends_twice":
            self.got.append(name)
        if self.bug == "logs":
            logging.getLogger("toy").info("sent to %s", notice.tax_code)
        return Done(name)

    def call(self, name):
        if self.fault is Fault.REFUSED:
            raise (Unconfirmed if self.bug == "refused_unconfirmed" else Deferred)("toy.refused")
        if self.fault is Fault.CUT:
            shown = SECRET if self.bug == "shows_secret" else ""
            raise (Deferred if self.bug == "cut_deferred" else Unconfirmed)("toy.cut", shown)
        self.got.append(name)
        return "fine"

    def behave(self, fault):
        self.fault = fault

    def taken(self):
        return [name for name in self.got if name != "probe"]


def promises():
    return [name for name in dir(Conformance) if name.startswith("test_")]


def run_all(bug):
    for name in promises():
        getattr(Suite(bug), name)()


@pytest.mark.parametrize("bug", [None, "none_but_resends"])
def test_a_connector_without_a_fault_passes(bug):
    run_all(bug)


@pytest.mark.parametrize(
    "bug",
    [
        "not_announced",
        "personal_memo",
        "state_in_memory",
        "sends_twice",
        "new_identifier",
        "refused_unconfirmed",
        "cut_deferred",
        "shows_secret",
        "preview_sends",
        "previews_secret",
        "previews_a_person",
        "unsteady_preview",
    ],
)
def test_each_fault_is_found(bug):
    with pytest.raises(AssertionError):
        run_all(bug)


@pytest.fixture
def _when_the_test_is_over(caplog):
    # pytest keeps the records of each phase apart: a suite that read those of the wrong one would be blind.
    yield
    with pytest.raises(AssertionError):
        Suite().logged_nothing(caplog)


@pytest.mark.usefixtures("_when_the_test_is_over")
def test_what_is_logged_is_read(caplog):
    caplog.set_level(logging.INFO)
    Suite("logs").test_delivers_once()
