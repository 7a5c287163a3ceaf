"""The simulated tenant refuses what the description says that a tenant refuses."""

import pytest

from .simulator_model import name_of
from .test_simulator import asked, clock, started

__all__ = ["clock", "started"]


@pytest.mark.parametrize(
    ("path", "changes", "status"),
    [
        ("/applications?limit=101", {}, 400),
        ("/applications?limit=x", {}, 400),
        ("/applications?order=updated", {}, 400),
        ("/applications?status=4001", {}, 400),
        ("/applications?updatedAt%5Bafter%5D=2026-02-04T10:00:00Z", {}, 400),
        ("/applications?updatedAt%5Bafter%5D=2026-02-04T10:00:00.5%2B01:00", {}, 400),
        ("/applications/x", {}, 400),
        (f"/applications/{name_of(99)}", {}, 404),
        ("/applications", {"headers": {"Authorization": "Bearer e30.e30.x"}}, 401),
        ("/applications", {"headers": {"Authorization": ""}}, 401),
        ("/subscriptions", {}, 404),
        (f"/payments?remote_id={name_of(1)}", {}, 404),
        (f"/applications/{name_of(1)}/messages", {"method": "POST", "json": {"message": "x"}}, 500),
        (f"/applications/{name_of(1)}/messages", {"method": "POST", "json": {"visibility": "applicant"}}, 400),
        (
            f"/applications/{name_of(1)}/messages",
            {"method": "POST", "json": {"message": "x", "visibility": "all"}},
            400,
        ),
        (f"/applications/{name_of(1)}/messages", {"method": "POST", "content": b"{"}, 400),
        (
            f"/applications/{name_of(1)}/messages",
            {"method": "POST", "content": b"a=b", "headers": {"Content-Type": "text/plain"}},
            400,
        ),
    ],
)
def test_the_tenant_is_as_strict_as_it_is_described(started, path, changes, status):
    simulation, settings = started()
    assert asked(settings, path, **changes).status_code == status
    assert simulation.tenant.messages == []


def test_without_a_version_data_is_flat(started):
    _, settings = started()
    flat = asked(settings, f"/applications/{name_of(1)}").json()["data"]
    assert flat["applicant.data.fiscal_code.data.fiscal_code"] == "RSSMRA80A01H501U"
