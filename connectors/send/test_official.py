"""What connector and simulator say to each other is what SEND's official descriptions describe, both ways."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from jsonschema import Draft4Validator

from connectors.send.scripted_notices import sample
from connectors.send.scripted_platform import good_request, pulled
from connectors.send.statuses import FOLLOWED
from connectors.send.steps import STEPS
from contracts.items.f24 import F24, Many

SPECS = os.environ.get("RACCORDO_PROVIDER_SPECS")

needs_specs = pytest.mark.skipif(
    SPECS is None,
    reason="NOT CHECKED against SEND's official descriptions: set RACCORDO_PROVIDER_SPECS to their folder",
)


class Official:
    """An official description, as far as it says what an exchange may hold."""

    def __init__(self, name: str) -> None:
        self.document = yaml.safe_load((Path(SPECS or "") / name).read_text(encoding="utf-8"))
        for each, schema in self.document["components"]["schemas"].items():
            if each.startswith("TimelineElementDetails") and "oneOf" in schema:
                schema["anyOf"] = schema.pop("oneOf")  # of open objects, more than one always fits

    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        for template, methods in self.document["paths"].items():
            if re.fullmatch(re.sub(r"\{\w+\}", r"[^/]+", template), path) and method.lower() in methods:
                found: dict[str, Any] = methods[method.lower()]
                return found
        return None

    def check(self, value: Any, schema: dict[str, Any]) -> None:
        # OpenAPI's subset of JSON Schema is that of draft 4; its own keywords are ignored by the validator.
        Draft4Validator({**self.document, "allOf": [schema]}).validate(value)

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        if "$ref" not in schema:
            return schema
        found: Any = self.document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return self.resolved(found)

    def fields(self, schema: dict[str, Any]) -> dict[str, Any]:
        schema = self.resolved(schema)
        parts = [self.fields(part) for part in schema.get("allOf", [])]
        return {**schema.get("properties", {}), **{name: each for part in parts for name, each in part.items()}}

    def knows(self, value: Any, schema: dict[str, Any], place: str = "") -> None:
        """Assert that every member is one that is described: the descriptions are open, another would pass unseen."""
        schema = self.resolved(schema)
        if isinstance(value, list) and "items" in schema:
            for each in value:
                self.knows(each, schema["items"], place)
        known = self.fields(schema)
        if isinstance(value, dict) and known:
            assert value.keys() <= known.keys(), f"{place}: {value.keys() - known.keys()}"
            for name, each in value.items():
                self.knows(each, known[name], f"{place}/{name}")

    def holds(self, method: str, path: str, query: str, asked: bytes, status: int, answered: bytes) -> None:
        operation = self.operation(method, path)
        assert operation is not None, f"{method} {path} is not described"
        parameters = {each["name"]: each["schema"] for each in map(self.resolved, operation.get("parameters", []))}
        for name, value in httpx.QueryParams(query).items():
            self.check(value, parameters[name])
        if asked:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            self.check(json.loads(asked), schema)
            self.knows(json.loads(asked), schema)
        answer = operation["responses"].get(str(status))
        if answer is None:
            assert status in (403, 404, 429), f"{method} {path} does not answer {status}"
        elif answered and "content" in answer:
            (content,) = answer["content"].values()
            self.check(json.loads(answered), content["schema"])
            self.knows(json.loads(answered), content["schema"])


@needs_specs
def test_every_exchange_is_as_send_describes_it(start):
    """Of whole lives of notifications, through all that connector and simulator have to say to each other."""
    send = start(page=2, refusals={"00743110157": ["ADDRESS_NOT_FOUND"]})
    connector = send.connector()
    memo, _ = pulled(connector, {})
    pulled(connector, {})
    for name in ("delivered.json", "refused.json", "organisation.json", "f24.json"):
        walk = send.walk(name)
        walk.notice = replace(walk.notice, delivery_id=f"01890a5d-ac96-774b-bcce-b302099a80{len(name):02}")
        while not walk.unsafe:
            walk.step()
        assert walk.connector.lookup(walk.notice, walk.memo) is None
        walk.finish()
    taken_back = send.walk("refused.json", follow="poll")
    while taken_back.memo.get("step") != "follow":
        taken_back.step()
    taken_back.step()
    taken_back.notice = replace(taken_back.notice, withdrawn=True)
    taken_back.finish()
    for status in ("DELIVERING", "DELIVERED", "VIEWED"):
        send.http.post("/_sim/advance", json={"iun": send.requests[0]["iun"], "status": status})
    papers = send.connector(attestations=True)
    memo_of_papers = {"iun": send.requests[0]["iun"]}
    for _ in range(9):
        memo_of_papers = papers.follow_up(walk.notice, memo_of_papers).memo
    assert len(memo_of_papers["had"]) == 4
    price, report = (papers.operations[name] for name in ("notification-price", "report-payments"))
    notice = {"creditor_tax_code": "00301970190", "notice_number": "302000100000019421"}
    costs = price.run(price.arguments(**notice))
    assert costs["total_cents"]
    paid = notice | {"paid_at": "2026-11-26T10:00:00Z", "amount_cents": 8700}
    assert report.run(report.arguments.model_validate_json(json.dumps({"payments": [paid]})))
    papers.follow_up(walk.notice, {"iun": costs["iun"]})  # whose timeline has the payment
    assert connector.check()
    memo, told = pulled(connector, memo)
    assert [each.event for each in told if each.event != "step"] == ["failed", "delivered", "read"]
    finer = send.connector(stream_kind="TIMELINE")
    another, _ = pulled(finer, memo)
    assert (another["kind"], another["stream"] == memo["stream"]) == ("TIMELINE", False)
    on_paper = next(each for each in send.requests if each.get("state") == "ACCEPTED")
    on_paper["request"]["recipients"][0].pop("digitalDomicile", None)
    send.http.post("/_sim/advance", json={"iun": on_paper["iun"], "status": "DELIVERING"})
    assert [each.step for each in pulled(finer, another)[1]] == ["digital_failed", "letter_sent"]
    send.http.put("/delivery-push/v2.0/notifications/cancel/AAAA-AAAA-AAAA-202603-A-1")
    send.http.post(
        "/delivery/v2.6/requests", json=good_request() | {"subject": "x" * 134, "senderTaxId": "00743110157"}
    )
    official = Official("send-delivery-b2b-pa.yaml")
    held = [each for each in send.exchanges if not each[1].startswith(("/_sim/", "/_store/", "/_papers/"))]
    for exchange in held:
        official.holds(*exchange)
    names = "[0-9a-f-]{36}|[A-Z-]{15}[0-9]{6}-[A-Z]-1|PN_[A-Z_]+-[0-9a-f]+.pdf|[0-9]{11}/[0-9]{18}"
    assert {(method, re.sub(names, "", path)) for method, path, *_ in held} == {
        ("POST", "/delivery/attachments/preload"),
        ("POST", "/delivery/v2.6/requests"),
        ("GET", "/delivery/v2.6/requests"),
        ("GET", "/delivery/v2.9/notifications/sent/"),
        ("GET", "/delivery-push//download/legal-facts/"),
        ("PUT", "/delivery-push/v2.0/notifications/cancel/"),
        ("GET", "/delivery/v2.3/price/"),
        ("POST", "/delivery/events/payment/pagopa"),
        ("GET", "/delivery-progresses/v2.9/streams"),
        ("POST", "/delivery-progresses/v2.9/streams"),
        ("GET", "/delivery-progresses/v2.9/streams/"),
        ("GET", "/delivery-progresses/v2.9/streams//events"),
    }


@needs_specs
@pytest.mark.parametrize("name", sorted(path.name for path in Path(__file__).parent.glob("samples/*.json")))
def test_our_samples_are_what_send_describes(name):
    found = sample(name, "https://store.example")
    official = Official("send-delivery-b2b-pa.yaml")
    exchanges = found["exchanges"] if isinstance(found, dict) and "exchanges" in found else []
    for exchange in exchanges:
        asked = exchange["request"]
        if asked["path"].startswith("https") or "/store/" in asked["path"] or "body" not in asked:
            continue
        schema = official.operation(asked["method"], asked["path"])["requestBody"]["content"]["application/json"]
        official.check(asked["body"], schema["schema"])
        official.knows(asked["body"], schema["schema"])


def _patterns(official: Official, schema: dict[str, Any]) -> dict[str, Any]:
    """The members of a described form as `contracts.items.f24` writes them."""
    schema = official.resolved(schema)
    parts = [schema, *(official.resolved(part) for part in schema.get("allOf", []))]
    needed = {name for part in parts for name in _needed(official, part)}
    found: dict[str, Any] = {}
    for name, member in official.fields(schema).items():
        member = official.resolved(member)
        if member["type"] == "array":
            value: Any = (_patterns(official, member["items"]),)
        elif member["type"] == "object":
            value = _patterns(official, member)
        else:
            value = True if member["type"] == "boolean" else _same(member["pattern"])
        found[name + "!" * (name in needed)] = value
    return found


def _needed(official: Official, schema: dict[str, Any]) -> set[str]:
    inner = [official.resolved(part) for part in schema.get("allOf", [])]
    return {*schema.get("required", ()), *(name for part in inner for name in _needed(official, part))}


def _same(pattern: str) -> str:
    """Two ways to write the same, and the one slip of the description (`contracts.items.f24`)."""
    plain = re.sub(
        r"\(([^()]*)\)", r"\1", pattern.removeprefix("^").removesuffix("$").replace("^", "").replace("$", "")
    )
    return plain.replace(r"\d", "[0-9]").replace("{1}", "").replace(r"\\s", r"\s")


def _plainly(shape: Any) -> Any:
    if isinstance(shape, Many):
        return (_plainly(shape.each),)
    return {name: _plainly(each) for name, each in shape.items()} if isinstance(shape, Mapping) else shape


@needs_specs
@pytest.mark.parametrize("form", F24)
def test_the_forms_of_f24_are_those_that_send_describes(form):
    official = Official("send-delivery-b2b-pa.yaml")
    described = official.fields({"$ref": "#/components/schemas/F24Metadata"})
    assert described.keys() == F24.keys()
    (schema,) = described[form]["allOf"]
    assert _plainly(F24[form]) == _patterns(official, schema)


@needs_specs
def test_the_tables_have_every_status_that_send_describes():
    for name in ("send-delivery-b2b-pa.yaml", "send-stream.yaml"):
        statuses = Official(name).document["components"]["schemas"]["NotificationStatusV26"]["enum"]
        assert set(statuses) == FOLLOWED.keys(), name


@needs_specs
def test_streams_are_described_alike_by_both():
    stream, whole = Official("send-stream.yaml"), Official("send-delivery-b2b-pa.yaml")
    event = {"eventId": "0" * 38, "iun": "ABCD-EFGH-IJKL-202603-A-1", "newStatus": "VIEWED", "element": {}}
    stream.check([event], {"$ref": "#/components/schemas/ProgressResponseV28"})
    whole.check([event], {"$ref": "#/components/schemas/ProgressResponseV29"})


@needs_specs
def test_the_steps_are_elements_that_send_describes():
    for name, version in (("send-delivery-b2b-pa.yaml", 28), ("send-stream.yaml", 27)):
        schemas = Official(name).document["components"]["schemas"]
        assert set(schemas[f"TimelineElementCategoryV{version}"]["enum"]) >= STEPS.keys(), name


@needs_specs
def test_only_old_versions_of_a_request_call_the_asynchronous_mode_unsupported():
    schemas = Official("send-delivery-b2b-pa.yaml").document["components"]["schemas"]
    modes = {
        name: schema["properties"]["pagoPaIntMode"]["description"].lower()
        for name, schema in schemas.items()
        if "pagoPaIntMode" in schema.get("properties", {})
    }
    unsupported = {name for name, said in modes.items() if "non ancora supportata" in said}
    assert unsupported == {"NewNotificationRequest", "NewNotificationRequestV21"}
    assert "NewNotificationRequestV26" in modes


@needs_specs
def test_the_official_description_tells_good_from_bad():
    official, body = Official("send-delivery-b2b-pa.yaml"), good_request()
    schema = {"$ref": "#/components/schemas/NewNotificationRequestV26"}
    official.check(body, schema)
    with pytest.raises(Exception, match="is too long"):
        official.check(body | {"subject": "x" * 135}, schema)
    with pytest.raises(AssertionError, match="surprise"):
        official.knows(body | {"surprise": 1}, schema)
