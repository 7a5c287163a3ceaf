"""The one form that is hashed and kept."""

import json
from datetime import UTC, datetime

import orjson
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from contracts.connector_administration import ConnectorPatch
from contracts.items import COLLECTIONS, Message
from contracts.paying import CartWish
from contracts.preferences import PreferencesPatch
from contracts.publishing import Withdrawal
from contracts.vendor_administration import VendorPatch
from hub.errors import ContractViolation, HubError, PersonalExternalId, RequestInvalid
from hub.ingest.canonical import canonical_json, content_hash, parse, read, read_as
from tests.flows.making import MAKERS
from tests.harness import make_message

BAD = [chr(n) for n in (*range(9), 11, 12, *range(14, 32), *range(127, 160), *range(0x202A, 0x202F))]
BAD += [chr(n) for n in range(0x2066, 0x206A)]
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=BAD), min_size=1, max_size=80)
LINE = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters=BAD), min_size=1, max_size=80
).map(lambda text: f"{text[:79]}.")  # something of a line must be visible
MOMENT = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)).map(datetime.isoformat)  # noqa: DTZ001
OPTIONAL = {
    "summary": TEXT,
    "sensitivity": st.sampled_from(["normal", "sensitive"]),
    "min_loa": st.integers(2, 3),
    "visible_from": MOMENT,
    "due_at": MOMENT,
    "requires_confirmation": st.booleans(),
    "links": st.lists(st.fixed_dictionaries({"rel": st.just("about"), "external_id": st.just("a/b")}), max_size=3),
    "notify": st.fixed_dictionaries({"channels": st.lists(st.sampled_from(["io", "email"]), max_size=2)}),
    "attachments": st.lists(
        st.fixed_dictionaries(
            {"filename": LINE, "media_type": st.just("a/b"), "url": st.just("https://x.it/"), "size": st.integers(1, 9)}
        ),
        max_size=2,
    ),
}
MESSAGES = st.fixed_dictionaries(
    {
        "external_id": st.text("abc-/1", min_size=1, max_size=20),
        "version": st.integers(1, 2**31 - 1),
        "source": st.just("tributi"),
        "recipient": st.just({"tax_code": "RSSMRA80A01H501U"}),
        "title": LINE,
        "occurred_at": MOMENT,
        "body_markdown": TEXT,
    },
    optional=OPTIONAL,
)


@given(MESSAGES)
def test_the_canonical_form_is_that_of_rfc_8785(made):
    item = Message.model_validate_json(json.dumps(made))
    assert canonical_json(item) == rfc8785.dumps(item.model_dump(mode="json", exclude_none=True))


@given(MESSAGES)
def test_reading_it_back_gives_the_same_item(made):
    item = Message.model_validate_json(json.dumps(made))
    assert read(canonical_json(item)) == item
    assert canonical_json(read(canonical_json(item))) == canonical_json(item)


@given(MESSAGES, st.randoms())
def test_order_and_whitespace_make_no_difference(made, random):
    names = list(made)
    random.shuffle(names)
    other = json.dumps({name: made[name] for name in names}, indent=3)
    assert canonical_json(parse("messages", other.encode())) == canonical_json(
        parse("messages", json.dumps(made).encode())
    )


@pytest.mark.parametrize("collection", sorted(MAKERS))
def test_the_canonical_form_of_every_collection_is_that_of_rfc_8785(collection):
    item = parse(collection, json.dumps(MAKERS[collection]("item-1")).encode())
    payload = canonical_json(item)
    assert payload == rfc8785.dumps(item.model_dump(mode="json", exclude_none=True))
    assert type(read(payload)) is COLLECTIONS[collection]


def test_the_zone_of_an_instant_makes_no_difference():
    one, other = (
        parse("messages", json.dumps(MAKERS["messages"]("x", occurred_at=moment)).encode())
        for moment in ("2026-11-23T09:00:00Z", "2026-11-23T10:00:00.000+01:00")
    )
    assert content_hash(canonical_json(one)) == content_hash(canonical_json(other))


@given(st.binary(max_size=300))
def test_no_bytes_do_anything_but_parse_or_be_refused(body):
    with pytest.raises((RequestInvalid, ContractViolation)):
        parse("messages", body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from(sorted(MAKERS)), st.data(), JSON)
def test_any_json_in_any_field_is_taken_or_refused_with_its_place(collection, data, value):
    """A crash here would be a 500 to the vendor: dates at the end of time once were."""
    item = MAKERS[collection]("item-1")
    name = data.draw(st.sampled_from(sorted(COLLECTIONS[collection].model_fields)))
    body = orjson.dumps(item | {name: value})
    faults = faults_of(collection, body)
    assert all(fault.pointer.startswith(f"/{name}") or fault.pointer == "" for fault in faults)


def faults_of(collection, body):
    try:
        parse(collection, body)
    except ContractViolation as refused:
        return refused.faults
    return ()


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", RequestInvalid),
        (b"[]", RequestInvalid),
        (b'{"a"', RequestInvalid),
        (b"{}", ContractViolation),
        (json.dumps(MAKERS["messages"]("RSSMRA80A01H501U")).encode(), PersonalExternalId),
        (json.dumps(MAKERS["messages"]("x") | {"recipient": 1}).encode(), ContractViolation),
    ],
)
def test_each_kind_of_fault_has_its_own_error(body, error):
    with pytest.raises(HubError) as refused:
        parse("messages", body)
    assert type(refused.value) is error


LINKS = [{"rel": "about", "external_id": "x"}, {"rel": "about", "external_id": "x"}]


@pytest.mark.parametrize(
    ("once", "twice", "pointer"),
    [
        ('"title"', '"title": "Altro", "title"', "/title"),
        ('"title"', '"\\u0074itle": "Altro", "title"', "/title"),
        ('"title"', '"title" \t\r\n: "\\"", "title"', "/title"),
        ('"title"', '"title": "\\\\", "title"', "/title"),
        ('"tax_code"', '"tax_code": "RSSMRA80A01H501U", "tax_code"', "/recipient/tax_code"),
        ('"rel"', '"rel": "about", "r\\u0065l"', "/links/0/rel"),
    ],
)
def test_a_member_that_occurs_twice_is_refused_and_told_by_its_place(once, twice, pointer):
    """The last one won silently, while another parser of the signed bytes may take the first."""
    body = json.dumps(make_message("m-1", links=LINKS)).replace(once, twice, 1)
    (fault,) = faults_of("messages", body.encode())
    assert (fault.code, fault.pointer) == ("field.duplicate", pointer)


@pytest.mark.parametrize(
    ("model", "body", "pointer"),
    [
        (Withdrawal, '{"reason": "Errore", "reason": "Doppione"}', "/reason"),
        (VendorPatch, '{"active": false, "active": true}', "/active"),
        (
            ConnectorPatch,
            '{"settings": {"base_url": "https://a.it", "base_url": "https://b.it"}}',
            "/settings/base_url",
        ),
        (ConnectorPatch, '{"settings": {"a/b": [{}, {"c": 1, "c": 1}]}}', "/settings/a~1b/1/c"),
        (ConnectorPatch, '{"settings": {"RSSMRA80A01H501U": 1, "RSSMRA80A01H501U": 2}}', "/settings/[tax code]"),
    ],
)
def test_so_it_is_in_every_other_body(model, body, pointer):
    with pytest.raises(ContractViolation) as refused:
        read_as(model, body.encode())
    assert [(each.code, each.pointer) for each in refused.value.faults] == [("field.duplicate", pointer)]


@pytest.mark.parametrize("before", ["", "di ", "a/", "~", "x" * 184 + "/", "/" * 300, "a/" * 299])
def test_a_tax_code_in_an_unknown_name_is_not_told_wherever_the_place_is_cut(before):
    (fault,) = faults_of("messages", with_member(json.dumps(f"{before}RSSMRA80A01H501U") + ": 1"))
    assert fault.code == "field.unknown"
    assert "RSSMRA80A01" not in fault.pointer


def test_a_name_in_several_objects_or_in_a_text_occurs_once():
    text = 'title": "title", "title": {"title": \\'
    body = json.dumps(make_message("m-1", links=LINKS, title=text)).encode()
    assert parse("messages", body).title == text


# --- what a body may cost

MEGABYTE = 2**20
FULL = make_message(
    actions=[{"kind": "pay", "label": "Paga", "url": "https://x.it/", "valid_from": "2026-01-01T00:00:00Z"}] * 10,
    links=[{"rel": "about", "external_id": "a/b"}] * 50,
    beneficiaries=[{"tax_code": "RSSMRA80A01H501U", "role": "child"}] * 20,
    attachments=[{"filename": "a", "media_type": "a/b", "url": "https://x.it/", "sha256": "0" * 64}] * 20,
    body_markdown='"' * 9000,
)


@pytest.mark.parametrize("model", [Withdrawal, PreferencesPatch, CartWish])
def test_every_body_is_bounded_but_one_that_may_hold_many_texts(model):
    body = b"{%s}" % b",".join(b'"k%d":1' % number for number in range(10_001))
    for is_long, told in ((False, "body.too_many"), (True, "field.unknown")):
        with pytest.raises(ContractViolation) as refused:
            read_as(model, body, is_long=is_long)
        assert told in {fault.code for fault in refused.value.faults}


def test_the_fullest_item_is_far_from_the_bound():
    body = json.dumps(FULL).encode()
    parse("messages", body)
    assert body.count(b'"') - body.count(b'\\"') < 2000


def with_member(member):
    return (json.dumps(make_message())[:-1] + f",{member}}}").encode()


@pytest.mark.parametrize(
    "member",
    [
        ",".join(f'"k{n:x}":1' for n in range(MEGABYTE // 12)),
        ",".join(f'"k{n:x}\\\\":1' for n in range(MEGABYTE // 14)),
        f'"links":[{",".join(["{}"] * (MEGABYTE // 3))}]',
        f'"actions":[{",".join(["1"] * (MEGABYTE // 2))}]',
        f'"notify":{{"channels":[{",".join(["0"] * (MEGABYTE // 2))}]}}',
    ],
    ids=["unknown names", "unknown names with backslashes", "objects", "numbers", "within an object"],
)
def test_a_body_of_faults_is_refused_for_few_of_them(member):
    with pytest.raises(ContractViolation) as refused:
        parse("messages", with_member(member))
    assert len(refused.value.faults) < 5
