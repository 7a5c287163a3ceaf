"""Two administrators who change the same thing at the same moment, each on a machine of their own."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from contracts.vendor_administration import ServiceCardPatch, VendorPatch
from hub.admin.acting import Actor, carry_out
from hub.admin.services import Services
from hub.admin.vendors import Vendors
from hub.errors import PreconditionFailed
from hub.store.database import Database
from tests.harness import ENTE, eventually
from tests.stores import waiting

ACTOR = Actor(ENTE, "anna.verdi")


def vendor_change(_hub, name, matches):
    return Vendors().change(ACTOR, "acme", VendorPatch(display_name=name), matches)


def service_change(hub, name, matches):
    desk = Services(hub.home.types, hub.home.configuration)
    return desk.change(ACTOR, "tari", ServiceCardPatch(display_name=name), matches)


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True, scope="module")  # a file has one writer at a time
@pytest.mark.parametrize("change", [vendor_change, service_change])
def test_of_two_who_saw_the_same_only_the_first_changes_it(hub, change):
    seen = []

    def unchanged(view):
        """As If-Match has it: both saw what the first one finds."""
        seen.append(view["display_name"])
        if view["display_name"] != seen[0]:
            raise PreconditionFailed

    machines = [Database(hub.home.settings.database_url, hub.home.clock) for _ in range(2)]

    def second():
        with machines[1].write() as tx:
            return carry_out(tx, [change(hub, "Seconda", unchanged)])

    try:
        with ThreadPoolExecutor(1) as hand:
            with machines[0].write() as tx:
                (first,) = carry_out(tx, [change(hub, "Prima", unchanged)])
                other = hand.submit(second)
                eventually(lambda: waiting(hub.home.database), bool)
            (refused,) = other.result()
    finally:
        for machine in machines:
            machine.close()
    assert first["display_name"] == "Prima"
    assert isinstance(refused, PreconditionFailed)
