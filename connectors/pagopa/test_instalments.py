"""Positions with instalments at the simulated GPD: one plan, and several to choose from."""

import pytest

from connectors.pagopa.test_parts import example

GONE = {"wanted": "gone"}


@pytest.mark.parametrize("api", ["v1", "v3"])
def test_instalments_are_paid_one_by_one(start, api):
    gpd = start()
    gpd.walk("instalments.json", api=api).finish()
    assert gpd.pay("347170000000000168").json() == {"status": "PARTIALLY_PAID"}
    assert gpd.walk("instalments.json", api=api, **GONE).finish().reason == "pagopa.already_paid"
    assert gpd.pay("347170000000000269").json() == {"status": "PAID"}


def test_several_plans_of_v3_are_deleted_since_v1_does_not_know_them(start):
    gpd = start()
    assert gpd.walk("several_plans.json", api="v3").finish().detail == "created"
    assert gpd.walk("several_plans.json", api="v3", revision=2).finish().detail == "as wanted"
    name = example("v3", "several_plans.json")["iupd"]
    assert gpd.http.get(gpd.at(f"/{name}")).json()["detail"] == "MULTI_INSTALLMENT_NOT_SUPPORTED_IN_V1"
    assert gpd.walk("several_plans.json", api="v3", **GONE).finish().detail == "deleted"
    assert gpd.acts() == ["create", "delete"]


def test_whoever_pays_by_one_of_several_plans_has_the_position_left_alone(start):
    gpd = start()
    gpd.walk("several_plans.json", api="v3").finish()
    assert gpd.pay("347170000000000370").json() == {"status": "PARTIALLY_PAID"}
    assert gpd.walk("several_plans.json", api="v3", **GONE).finish().reason == "pagopa.already_paid"
    assert gpd.walk("several_plans.json", api="v3", revision=2, debtor_name="Altri").finish().reason == (
        "pagopa.already_paid"
    )
    for number in ("347170000000000471", "347170000000000572"):
        status = gpd.pay(number).json()
    assert status == {"status": "PAID"}
