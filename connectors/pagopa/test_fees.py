"""What SEND's notification costs, at the simulated GPD: SEND alone says so, and whoever updates a position does not
undo it (decision 150)."""

import pytest

from connectors.pagopa.test_official import ANSWERS, needs_specs, official
from connectors.pagopa.test_parts import BASE, CREDITOR, example
from connectors.pagopa.test_simulator import changed

NAV = "347170000000000067"


def tell(gpd, cents, nav=NAV, **body):
    path = f"/pn-integration-gpd/api/v1/organizations/{CREDITOR}/paymentoptions/{nav}/notificationfee"
    return gpd.http.put(path, json={"notificationFee": cents} | body)


def made(gpd, version="v1", name="delivered.json"):
    position = example(version, name)
    assert gpd.http.post(gpd.at(version=version), params={"toPublish": "true"}, json=position).status_code == 201
    return position


def there(gpd, position):
    """(amount, the transfers' amounts, the fee) of the whole's notice."""
    options = gpd.http.get(gpd.at(f"/{position['iupd']}")).json()["paymentOption"]
    option = next(each for each in options if each["nav"] == NAV)
    return option["amount"], [each["amount"] for each in option["transfer"]], option.get("notificationFee")


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_a_position_that_is_put_again_keeps_it(start, version):
    gpd = start()
    position = made(gpd)
    amount, (share,), fee = there(gpd, position)
    assert fee is None
    answer = tell(gpd, 200)
    assert (answer.status_code, answer.json()["amount"], answer.json()["notificationFee"]) == (200, amount + 200, 200)
    assert tell(gpd, 1_240).status_code == 200
    assert there(gpd, position) == (amount + 1_240, [share + 1_240], 1_240), "another takes its place"
    if version == "v2":
        path, body = f"{BASE}/v2/organizations/{CREDITOR}/debtpositions", {"paymentPositions": [position]}
    else:
        path, body = gpd.at(f"/{position['iupd']}", version), example(version)
    assert gpd.http.put(path, params={"toPublish": "true"}, json=body).status_code == 200
    assert there(gpd, position) == (amount + 1_240, [share + 1_240], 1_240)
    assert tell(gpd, 0).status_code == 200
    assert there(gpd, position)[:2] == (amount, [share])


def test_it_is_added_to_what_is_the_creditors_own(start):
    gpd = start()
    position = made(gpd, name="several_beneficiaries.json")
    before = there(gpd, position)
    tell(gpd, 200)
    after = there(gpd, position)
    own = [each.get("organizationFiscalCode") in (None, CREDITOR) for each in position["paymentOption"][0]["transfer"]]
    added = [b - a for a, b in zip(before[1], after[1], strict=True)]
    assert sorted(added) == [0] * (len(added) - 1) + [200]
    assert own[added.index(200)]


@pytest.mark.parametrize("api", ["v1", "v3"])
def test_the_connector_leaves_it_alone(start, api):
    gpd = start()
    gpd.walk(api=api).finish()
    tell(gpd, 200)
    assert gpd.walk(api=api).finish().detail == "as wanted"
    assert gpd.walk(api=api, options=changed()).finish().detail == "updated"
    assert gpd.walk(api=api, options=changed()).finish().detail == "as wanted"
    assert there(gpd, example(api)) == (9_200, [9_200], 200)
    assert gpd.acts() == ["create", "fee", "update"]


def test_what_cannot_be_changes_nothing(start):
    gpd = start()
    position = made(gpd)
    amount = there(gpd, position)[0]
    assert tell(gpd, 200, nav="347170000000000168").status_code == 404
    for wrong in ({"notificationFee": -1}, {"notificationFee": "1"}, {"more": 1}):
        assert tell(gpd, 200, **wrong).status_code == 400
    assert tell(gpd, 200).status_code == 200
    gpd.pay()
    assert tell(gpd, 300).status_code == 422
    assert there(gpd, position)[0] == amount + 200


@needs_specs
def test_its_answers_are_what_gpd_describes(start):
    gpd = start()
    position = made(gpd)
    official("send")(tell(gpd, 200).json(), "PaymentsModelResponse")
    official("send")(tell(gpd, 200, nav="347170000000000168").json(), "ProblemJson")
    for version in ("v1", "v3"):
        official(version)(gpd.http.get(gpd.at(f"/{position['iupd']}", version)).json(), ANSWERS[version])
