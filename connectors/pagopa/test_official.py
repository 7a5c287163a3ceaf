"""Held against GPD's official descriptions both ways: what we send, and what the simulator answers."""

import json
import os
from collections import deque
from pathlib import Path

import pytest
from jsonschema import Draft4Validator

from connectors.pagopa.test_parts import BASE, CREDITOR, example

SPECS = os.environ.get("RACCORDO_PROVIDER_SPECS")

needs_specs = pytest.mark.skipif(
    SPECS is None, reason="NOT CHECKED against GPD's official descriptions: set RACCORDO_PROVIDER_SPECS to their folder"
)


def official(version):
    """`check(value, schema)` by the description of a version: it must hold, and no member may be one unknown there.
    `send`: of what SEND tells GPD."""
    file = {
        "v1": "gpd-external-v1.json",
        "v2": "gpd-external-v2-bulk.json",
        "v3": "gpd-external-v3.json",
        "send": "gpd-send-v1.json",
    }[version]
    description = json.loads((Path(SPECS) / file).read_text(encoding="utf-8"))
    schemas = description["components"]["schemas"]

    def check(value, name):
        Draft4Validator({**description, "allOf": [{"$ref": f"#/components/schemas/{name}"}]}).validate(value)
        left = deque([(value, schemas[name])])
        while left:
            value, schema = left.popleft()
            while "$ref" in schema:
                schema = schemas[schema["$ref"].rpartition("/")[2]]
            if isinstance(value, list):
                left.extend((each, schema["items"]) for each in value)
            elif isinstance(value, dict):
                assert set(value) <= set(schema["properties"]), set(value) - set(schema["properties"])
                left.extend((each, schema["properties"][member]) for member, each in value.items())

    return check


NAMES = {"v1": "PaymentPositionModel", "v3": "PaymentPositionModelV3"}
ANSWERS = {"v1": "PaymentPositionModelBaseResponse", "v3": "PaymentPositionModelResponseV3"}
LISTS = {"v1": "PaymentPositionsInfo", "v3": "PaymentPositionsInfoV3"}
WITH_BODY = ("delivered.json", "instalments.json", "several_beneficiaries.json", "organisation.json")


BODIES = [(version, name) for version in ("v1", "v3") for name in WITH_BODY] + [("v3", "several_plans.json")]


@needs_specs
@pytest.mark.parametrize(("version", "name"), BODIES)
def test_our_requests_are_what_gpd_describes(version, name):
    official(version)(example(version, name), NAMES[version])


@needs_specs
@pytest.mark.parametrize(("version", "name"), BODIES)
def test_the_simulators_answers_are_what_gpd_describes(start, version, name):
    gpd, check = start(), official(version)
    made = example(version, name)
    check(gpd.http.post(gpd.at(version=version), json=made).json(), NAMES[version])
    one = gpd.at(f"/{made['iupd']}", version)
    for answer in (gpd.http.post(f"{one}/publish"), gpd.http.put(one, params={"toPublish": "true"}, json=made)):
        assert answer.status_code == 200
        check(answer.json(), NAMES[version])
    check(gpd.http.get(one).json(), ANSWERS[version])
    check(gpd.http.get(gpd.at(version=version)).json(), LISTS[version])
    gpd.pay(made["paymentOption"][0].get("nav") or made["paymentOption"][0]["installments"][0]["nav"])
    check(gpd.http.get(one).json(), ANSWERS[version])
    for refused in (gpd.http.put(one, json=made), gpd.http.get(one + "x"), gpd.http.post(gpd.at(), json={})):
        assert refused.status_code in (400, 404, 409)
        check(refused.json(), "ProblemJson")


@needs_specs
def test_a_request_for_several_is_what_gpd_describes(start):
    gpd, check = start(), official("v2")
    one, other = example("v1"), example("v1", "several_beneficiaries.json") | {"iupd": "RAC-other"}
    other["paymentOption"][0] |= {"nav": "347170000000000168", "iuv": "47170000000000168"}
    sent = {"paymentPositions": [one, other]}
    check(sent, "MultiplePaymentPositionModel")
    path = f"{BASE}/v2/organizations/{CREDITOR}/debtpositions"
    for method, status in (("POST", 201), ("POST", 409), ("PUT", 200)):
        answer = gpd.http.request(method, path, params={"toPublish": "true"}, json=sent)
        assert answer.status_code == status
        assert not answer.content or status == 409
    check(gpd.http.get(f"{BASE}/v2/info").json(), "AppInfo")


@needs_specs
def test_the_official_description_tells_good_from_bad():
    check = official("v1")
    with pytest.raises(Exception, match="minimum"):
        check(example("v1") | {"paymentOption": [example("v1")["paymentOption"][0] | {"amount": 0}]}, NAMES["v1"])
    with pytest.raises(AssertionError, match="surprise"):
        check(example("v1") | {"surprise": 1}, NAMES["v1"])
