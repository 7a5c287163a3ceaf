"""Who may be registered under which name."""

import pytest

from hub.registry import Ente, Portal
from hub.store import directory
from hub.store.directory import HUB_VENDOR, AlreadyThere, NotThere
from tests.unit.store.making import ENTE, make_vendor

BASE = "https://hub.example.it"


def ente(ente_id="c_a001", base=BASE, publish=None, feed=None):
    return Ente(ente_id, "X", base, publish or f"{base}/publish/v1", feed or f"{base}/feed/v1", base)


@pytest.mark.parametrize(
    "second",
    [
        ente("c_a001", "https://other.example.it"),
        ente("c_a002"),
        ente("c_a002", "https://other.example.it", publish=f"{BASE}/publish/v1"),
        ente("c_a002", "https://other.example.it", feed=f"{BASE}/feed/v1"),
        ente("c_a002", "https://other.example.it", feed=f"{BASE}/publish/v1"),
    ],
    ids=["the same code", "the same address", "publish audience", "feed audience", "audience of another kind"],
)
def test_two_bodies_share_neither_code_nor_audience(store, second):
    """The audience selects the body; two with one audience would both be refused."""
    with store.database.write() as tx:
        directory.add_ente(tx, ente())
        with pytest.raises(AlreadyThere):
            directory.add_ente(tx, second)


@pytest.mark.parametrize(
    "second",
    [
        make_vendor("acme"),
        make_vendor("other", aliases=frozenset({"acme"})),
        make_vendor("alias"),
        make_vendor("other", aliases=frozenset({"alias"})),
        make_vendor(HUB_VENDOR),
        make_vendor("other", aliases=frozenset({HUB_VENDOR})),
    ],
)
def test_no_two_vendors_have_one_name_and_none_has_the_hubs(store, second):
    with store.database.write() as tx:
        directory.add_vendor(tx, make_vendor("acme", aliases=frozenset({"alias"})), [])
        with pytest.raises(AlreadyThere):
            directory.add_vendor(tx, second, [])


def test_a_portal_and_a_service_are_registered_once(store):
    portal = Portal(ENTE, "p", "P", True, ())
    with store.database.write() as tx:
        directory.add_portal(tx, portal, [])
        directory.add_service(tx, ENTE, "tari", {})
        with pytest.raises(AlreadyThere):
            directory.add_portal(tx, portal, [])
        with pytest.raises(AlreadyThere):
            directory.add_service(tx, ENTE, "tari", {})


def test_who_is_not_there_cannot_be_suspended(store):
    with store.database.write() as tx, pytest.raises(NotThere):
        directory.set_vendor_active(tx, ENTE, "nobody", active=False)


def test_every_change_of_trust_moves_its_version(store):
    versions = []
    changes = [
        lambda tx: directory.add_ente(tx, ente()),
        lambda tx: directory.add_vendor(tx, make_vendor(), []),
        lambda tx: directory.add_keys(tx, ENTE, "vendor:acme", [directory.NewKey("jwk", "{}")]),
        lambda tx: directory.retire_keys(tx, ENTE, "vendor:acme", tx.now),
        lambda tx: directory.set_vendor_active(tx, ENTE, "acme", active=False),
    ]
    for change in changes:
        with store.database.write() as tx:
            change(tx)
        with store.database.read() as connection:
            versions.append(directory.load_registry(connection).version)
    assert versions == sorted(set(versions))


def test_a_vendor_is_found_by_its_alias_too(store):
    with store.database.write() as tx:
        directory.add_vendor(tx, make_vendor("acme", aliases=frozenset({"alias"})), [])
    with store.database.read() as connection:
        registry = directory.load_registry(connection)
    assert registry.vendors[(ENTE, "alias")] is registry.vendors[(ENTE, "acme")]
