"""The descriptions pass every rule, and every rule can fail."""

import copy
import json
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from contracts.items import COLLECTIONS
from hub.errors import all_errors
from hub.http.description import callback_operations, collection_schema, describe, examples
from hub.http.operations import ADMIN, FEED, PUBLISH, Api
from hub.reading_errors import RankedListGone, RankedListUnknown

from . import house, italian, italian_headers, mutations, security
from .checking import CHECKS, Check
from .reading import operations, responses

APIS: tuple[Api, ...] = get_args(Api)
DOCUMENTS = {api: json.loads(json.dumps(describe(api))) for api in APIS}
PROVIDERS_FORMS = frozenset(
    {
        "error-examples",
        "expected-statuses",
        "http-response-content-2xx",
        "paths-kebab-case",
        "request-headers-train-case",
        "use-problem-json-for-errors",
        "use-problem-schema",
        "use-recommended-names-in-parameters",
    }
)
"""What the providers' specifications settle otherwise: SOAP's faults, their paths, statuses and names. The hub's own
part of the callbacks keeps these rules too."""
PROFILES = (italian, italian_headers, security, house)  # importing them fills the table


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
def test_description_keeps_the_rule(api: Api, check: Check) -> None:
    found = check.violations(DOCUMENTS[api])
    if api == "callbacks" and check.name in PROVIDERS_FORMS:
        assert found, "the exception is not needed"
        found = [place for place in found if "{connector_id}/" not in place]
    assert found == []


@pytest.mark.parametrize("name", mutations.MUTATIONS)
def test_spoiled_description_breaks_that_rule_alone(name: str) -> None:
    api, spoil = mutations.MUTATIONS[name]
    document = copy.deepcopy(DOCUMENTS[api])
    document = spoil(document) or document
    assert {check.name for check in CHECKS.values() if check.violations(document)} == {name}


def test_every_rule_has_its_spoiling() -> None:
    assert mutations.MUTATIONS.keys() == CHECKS.keys()


@pytest.mark.parametrize("api", APIS)
def test_description_is_valid_openapi(api: Api) -> None:
    validate(DOCUMENTS[api])


@pytest.mark.parametrize("api", APIS)
def test_description_tells_exactly_the_operations_of_the_table(api: Api) -> None:
    operations_of = {"publish": PUBLISH, "feed": FEED, "admin": ADMIN, "callbacks": callback_operations()}
    table = {(o.path, o.method.lower(), o.operation_id) for o in operations_of[api]}
    assert {(path, method, told["operationId"]) for _, path, method, told in operations(DOCUMENTS[api])} == table


@pytest.mark.parametrize("api", APIS)
def test_description_lists_every_error_code(api: Api) -> None:
    text = DOCUMENTS[api]["info"]["description"]
    assert [error.code for error in all_errors() if f"`{error.code}`" not in text] == []


def test_every_error_is_described_somewhere() -> None:
    shown: set[str] = set()
    for document in DOCUMENTS.values():
        for _, _, response in responses(document):
            for content in response.get("content", {}).values():
                shown |= content.get("examples", {}).keys()
    # What the public pages answer, which belong to neither of the two APIs.
    public = {RankedListGone.code, RankedListUnknown.code}
    assert {error.code for error in all_errors()} - public <= shown


@pytest.mark.parametrize(
    ("collection", "example"),
    [
        ("messages", examples.MESSAGE),
        ("documents", examples.DOCUMENT),
        ("payments", examples.PAYMENT),
        ("receipts", examples.RECEIPT),
        ("services", examples.SERVICE),
    ],
)
def test_published_example_is_accepted_by_the_contract(collection: str, example: dict[str, Any]) -> None:
    COLLECTIONS[collection].model_validate_json(json.dumps(example))


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_collection_schema_is_closed_json_schema_of_its_own(collection: str) -> None:
    schema = collection_schema(collection)
    Draft202012Validator.check_schema(schema)
    assert schema["$id"].endswith(f"/{collection}.json")
    assert schema["additionalProperties"] is False


def test_running_hub_gives_its_own_server() -> None:
    assert describe("feed", "https://hub.example.it/")["servers"] == [
        {"url": "https://hub.example.it/feed/v1", "description": "Questo server / This server"}
    ]
