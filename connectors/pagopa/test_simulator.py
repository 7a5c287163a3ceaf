"""The simulated GPD against the connector, and against wrong requests."""

from datetime import timedelta

import pytest

from connectors.base.conformance import Walk, make_notice
from connectors.pagopa import connect
from connectors.pagopa.config import Settings
from connectors.pagopa.simulator import simulate
from connectors.pagopa.test_parts import BASE, CREDITOR, TODAY, example, sample
from contracts.connector import Continue, Done, Limits
from contracts.failures import Deferred, Misconfigured, Rejected, Skipped, Unconfirmed

GONE = {"wanted": "gone"}


@pytest.mark.parametrize("api", ["v1", "v3"])
@pytest.mark.parametrize(
    "name", ["delivered.json", "instalments.json", "several_beneficiaries.json", "organisation.json"]
)
def test_a_position_from_its_making_to_its_end(start, api, name):
    gpd = start()
    assert gpd.walk(name, api=api).finish().detail == "created"
    assert gpd.walk(name, api=api).finish().detail == "as wanted", "read-then-act finds what it made"
    again = gpd.walk(name, api=api, revision=2, debtor_name="Maria Bianchi")
    assert again.finish().detail == "updated"
    assert gpd.walk(name, api=api, **GONE).finish().detail == "invalidated"
    assert gpd.walk(name, api=api, **GONE).finish().detail == "as wanted"
    assert gpd.acts() == ["create", "update", "invalidate"]


@pytest.mark.parametrize("api", ["v1", "v3"])
def test_what_is_paid_stays(start, api):
    gpd = start()
    gpd.walk(api=api).finish()
    assert gpd.pay().json() == {"status": "PAID"}
    assert gpd.pay().status_code == 409
    assert gpd.walk(api=api, revision=2).finish().detail == "as wanted"
    for change in (GONE, {"options": changed()}):
        result = gpd.walk(api=api, **change).finish()
        assert (type(result), result.reason) == (Skipped, "pagopa.already_paid")
    assert gpd.acts() == ["create", "pay"]


def changed():
    """The options with another amount."""
    (option,) = sample("delivered.json")["notice"]["position"]["options"]
    (share,) = option["shares"]
    return [option | {"amount_cents": 9000, "shares": [share | {"amount_cents": 9000}]}]


def test_a_number_is_not_used_again(start):
    gpd = start()
    gpd.walk().finish()
    other = sample("delivered.json")["notice"]
    other["position"]["name"] = "RAC-another"
    result = Walk(gpd.connector(), make_notice(**other)).finish()
    assert (type(result), result.reason) == (Rejected, "pagopa.notice_number_taken")
    gpd.walk(**GONE).finish()
    assert Walk(gpd.connector(), make_notice(**other)).finish().reason == "pagopa.notice_number_taken"
    assert gpd.walk().finish().reason == "pagopa.invalidated"


@pytest.mark.parametrize(
    ("fault", "acts"),
    [({"kind": "drop"}, []), ({"kind": "cut"}, ["create"]), ({"kind": "hang", "seconds": 20}, ["create"])],
)
def test_after_an_unknown_outcome_gpd_is_asked_and_nothing_is_doubled(start, fault, acts):
    gpd = start()
    gpd.faults(fault)
    walk = gpd.walk(timeout_s=1.5)
    assert isinstance(walk.step(), Continue)
    assert type(walk.step()) is Unconfirmed
    assert gpd.acts() == acts
    walk.connector = gpd.connector()
    found = walk.connector.lookup(walk.notice, walk.memo)
    assert (found.detail if found else None) == ("as wanted" if acts else None)
    # What the hub does next where nothing is there, and what a restart would do.
    assert isinstance(walk.finish(), Done)
    assert gpd.acts() == ["create"]


@pytest.mark.parametrize("kind", ["drop", "cut"])
@pytest.mark.parametrize(("name", "more"), [("new_version.json", {}), ("gone.json", {})])
def test_an_act_on_what_is_there_is_repeated_without_harm(start, kind, name, more):
    gpd = start()
    gpd.walk().finish()
    gpd.faults(*[{"kind": kind, "on": "change"}] * 3)  # as often as a step tries by itself
    walk = gpd.walk(name, **more)
    assert isinstance(walk.step(), Continue)
    assert not walk.unsafe
    assert type(walk.step()) is Deferred
    assert isinstance(walk.finish(), Done)
    assert gpd.acts()[-1] in ("update", "invalidate")


def test_throttling_and_errors(start):
    gpd = start()
    gpd.faults(
        {"kind": "throttle", "on": "read"},
        {"kind": "throttle", "retry_after": 3},
        {"kind": "error", "status": 500},
        {"kind": "error", "status": 401},
        {"kind": "error", "status": 403},
        {"kind": "delay", "seconds": 0.05},
    )
    walk = gpd.walk()
    results = [walk.step() for _ in range(6)]
    types = [Deferred, Continue, Deferred, Unconfirmed, Misconfigured, Misconfigured]
    assert [type(result) for result in results] == types
    assert [results[n].after.total_seconds() for n in (0, 2)] == [1, 3]
    assert gpd.acts() == []
    assert isinstance(walk.finish(), Done)


def test_whose_key_it_is(start):
    gpd = start(api_keys={"another"})
    assert type(gpd.walk().finish()) is Misconfigured
    assert gpd.send().status_code == 401


@pytest.mark.parametrize("options", [{"organizations": {"06363391001"}}, {"segregation_codes": {1}}])
def test_another_creditor_and_other_segregation_codes_are_forbidden(start, options):
    gpd = start(**options)
    assert gpd.send().json()["statusCode"] == 403
    assert type(gpd.walk().finish()) is Misconfigured


@pytest.mark.parametrize(
    ("change", "option", "transfer", "status"),
    [
        ({"surprise": 1}, None, None, 400),
        ({"iupd": None}, None, None, 400),
        ({"companyName": "x" * 141}, None, None, 400),
        ({"switchToExpired": None}, None, None, 400),
        ({"country": "Italia"}, None, None, 400),
        ({"validityDate": "2026-03-01T00:00:00Z"}, None, None, 400),
        ({"validityDate": "2026-07-01T00:00:00Z"}, None, None, 400),
        (None, {"amount": 0}, None, 400),
        (None, {"amount": "8450"}, None, 400),
        (None, {"amount": 84.5}, None, 400),
        (None, {"amount": 8451}, None, 400),
        (None, {"dueDate": "2026-03-02T11:59:59Z"}, None, 400),
        (None, {"retentionDate": "2026-06-15T00:00:00Z"}, None, 400),
        (None, {"description": "x" * 141}, None, 400),
        (None, {"isPartialPayment": None}, None, 400),
        (None, {"iuv": "1"}, None, 400),
        (None, {"transfer": []}, None, 400),
        (None, {"paymentOptionMetadata": [{"key": "a", "value": "b"}] * 2}, None, 400),
        (None, {"paymentOptionMetadata": [{"key": "NOTIFICATION_FEE", "value": "b"}]}, None, 409),
        (None, None, {"iban": None}, 400),
        (None, None, {"stamp": {"hashDocument": "x", "stampType": "01", "provincialResidence": "RM"}}, 400),
        (None, None, {"iban": "IT00X0000000000000000000000"}, 400),
        (None, None, {"category": "nothing"}, 400),
        (None, None, {"idTransfer": "6"}, 400),
        (None, None, {"remittanceInformation": None}, 400),
    ],
)
def test_what_gpd_would_refuse_is_refused(start, change, option, transfer, status):
    gpd = start(ibans={"IT60X0542811101000000123456"}, categories={"9/0301105TS/"})
    answer = gpd.send(change, option, transfer)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Maria Rossi" not in answer.text
    assert gpd.acts() == []
    assert gpd.send().status_code == 201


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("same", ["iupd", "number"])
def test_of_several_no_two_have_one_name_or_number_and_then_none_is_taken(start, method, same):
    """Named new: no position had the number before."""
    gpd = start()
    one, other = example("v1"), example("v1", "several_beneficiaries.json") | {"iupd": "RAC-other"}
    path, publish = gpd.at(version="v2"), {"toPublish": "true"}
    for position, number in ((one, "47170000000000168"), (other, "47170000000000269")):
        position["paymentOption"][0] |= {"nav": f"3{number}", "iuv": number}
    if method == "PUT":
        assert gpd.http.post(path, params=publish, json={"paymentPositions": [one, other]}).status_code == 201
    before = gpd.ledger.read_text()
    fresh = {"nav": "347170000000000370", "iuv": "47170000000000370"}
    if same == "iupd":
        other["iupd"] = one["iupd"]
    else:
        for position in (one, other):
            position["paymentOption"][0] |= fresh
    answer = gpd.http.request(method, path, params=publish, json={"paymentPositions": [one, other]})
    assert answer.status_code == 409
    assert gpd.ledger.read_text() == before


def test_not_json(start):
    gpd = start()
    assert gpd.http.post(gpd.at(), content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 400
    assert gpd.http.post(gpd.at(), content=b"{", headers={"Content-Type": "application/json"}).status_code == 400


# The table of spec/pagopa.md, "Status machine": how a position comes into each status, and what is refused there.
STATUSES = ("DRAFT", "PUBLISHED", "VALID", "INVALID", "EXPIRED", "PARTIALLY_PAID", "PAID")
REFUSED = {
    "update": {"INVALID", "PARTIALLY_PAID", "PAID"},
    "publish": set(STATUSES) - {"DRAFT"},
    "invalidate": {"DRAFT", "INVALID", "EXPIRED", "PARTIALLY_PAID", "PAID"},
    "delete": {"PARTIALLY_PAID", "PAID"},
}


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("act", sorted(REFUSED))
def test_the_status_machine(start, status, act):
    gpd = start()
    made = example("v1", "instalments.json" if status == "PARTIALLY_PAID" else "delivered.json")
    made |= {"switchToExpired": status == "EXPIRED"}
    made |= {"validityDate": "2026-04-01T00:00:00Z"} if status == "PUBLISHED" else {}
    publish = {"toPublish": "false" if status == "DRAFT" else "true"}
    assert gpd.http.post(gpd.at(), params=publish, json=made).status_code == 201
    one = gpd.at(f"/{made['iupd']}")
    if status == "INVALID":
        assert gpd.http.post(f"{one}/invalidate").status_code == 200
    if status == "EXPIRED":
        gpd.clock.now += timedelta(days=365)
    if status in ("PARTIALLY_PAID", "PAID"):
        gpd.pay("347170000000000168" if status == "PARTIALLY_PAID" else "347170000000000067")
    assert gpd.http.get(one).json()["status"] == status
    if act == "update":
        for option in made["paymentOption"]:
            option["dueDate"] = "2028-01-01T00:00:00Z"
        made.pop("validityDate", None)
        answer = gpd.http.put(one, params={"toPublish": "true"}, json=made)
    elif act == "delete":
        answer = gpd.http.delete(one)
    else:
        answer = gpd.http.post(f"{one}/{act}")
    assert answer.status_code == (409 if status in REFUSED[act] else 200)
    now = {"update": "VALID", "publish": "VALID", "invalidate": "INVALID", "delete": None}[act]
    expected = status if status in REFUSED[act] else now
    assert gpd.http.get(one).json()["status"] == (expected or 404)


def test_only_what_is_valid_is_payable_and_time_makes_it_so(start):
    gpd = start()
    assert gpd.pay().status_code == 404
    made = example("v1") | {"validityDate": "2026-04-01T00:00:00Z"}
    gpd.http.post(gpd.at(), params={"toPublish": "true"}, json=made)
    assert gpd.pay().status_code == 422
    gpd.clock.now += timedelta(days=60)
    assert gpd.pay().status_code == 200


def test_paid_elsewhere(start):
    gpd = start()
    gpd.walk().finish()
    path = f"{BASE}/v1/organizations/{CREDITOR}/paymentoptions/paids"
    assert gpd.http.post(f"{path}/347170000000000067", json={}).json()["status"] == "PO_PAID"
    assert gpd.http.post(f"{path}/347170000000000067", json={}).status_code == 409
    assert gpd.http.post(f"{path}/347170000000000168", json={}).status_code == 404


def test_a_restart_forgets_no_position_and_no_half_line_counts(start):
    first = start()
    first.walk().finish()
    with first.ledger.open("a") as ledger:
        ledger.write('{"act": "half')
    second = start()
    assert second.walk().finish().detail == "as wanted"
    assert second.acts() == ["create"]


def test_the_simulation_gives_settings_that_lead_to_it(tmp_path):
    simulation = simulate(tmp_path, now=lambda: TODAY)
    given = Settings.model_validate(simulation.start())
    connector = connect(given, Limits())
    assert given.organization_tax_code in connector.check()
    assert isinstance(Walk(connector, make_notice(**sample("delivered.json")["notice"])).finish(), Done)
    connector.close()
    simulation.stop()


def renumbered():
    """The options under a number that was never used."""
    (option,) = sample("delivered.json")["notice"]["position"]["options"]
    return [option | {"notice_number": "347170000000000168"}]


@pytest.mark.parametrize("api", ["v1", "v3"])
def test_what_was_invalidated_comes_back_under_other_numbers_alone(start, api):
    gpd = start()
    gpd.walk(api=api).finish()
    gpd.walk(api=api, **GONE).finish()
    again = gpd.walk(api=api, revision=3).finish()
    assert (type(again), again.reason) == (Rejected, "pagopa.invalidated")
    assert gpd.acts() == ["create", "invalidate"]
    assert gpd.walk(api=api, revision=4, options=renumbered()).finish().detail == "created"
    assert gpd.acts() == ["create", "invalidate", "delete", "create"]
    assert gpd.pay().status_code == 404, "the number of before"
    assert gpd.pay("347170000000000168").json() == {"status": "PAID"}
    late = gpd.walk(api=api, revision=5).finish()
    assert (type(late), late.reason) == (Skipped, "pagopa.already_paid")


@pytest.mark.parametrize("api", ["v1", "v3"])
@pytest.mark.parametrize("kind", ["drop", "cut"])
def test_a_deletion_of_unknown_outcome_is_repeated_and_then_read(start, api, kind):
    gpd = start()
    gpd.walk(api=api).finish()
    gpd.walk(api=api, **GONE).finish()
    walk = gpd.walk(api=api, revision=3, options=renumbered())
    while walk.memo.get("step") != "delete":
        assert isinstance(walk.step(), Continue)
    gpd.faults(*[{"kind": kind, "on": "change"}] * 3)  # as often as a step tries by itself
    assert type(walk.step()) is Deferred
    assert walk.finish().detail == "created"
    assert gpd.acts() == ["create", "invalidate", "delete", "create"]


def test_what_was_paid_before_its_deletion_came_is_left_alone(start):
    gpd = start()
    gpd.walk().finish()
    gpd.pay()
    walk = gpd.walk(options=renumbered())
    walk.memo = {"step": "delete"}
    result = walk.finish()
    assert (type(result), result.reason) == (Skipped, "pagopa.already_paid")
    assert gpd.acts() == ["create", "pay"]
