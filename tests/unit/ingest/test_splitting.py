"""The frame of a batch: its items come out in the bytes that were sent, or the whole is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import ContractViolation, HubError
from hub.ingest.splitting import entry, names, split

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(st.lists(JSON, min_size=1, max_size=8), st.sampled_from([None, 1, "\t"]))
def test_elements_come_out_as_they_were_sent(values, indent):
    body = json.dumps({"items": values}, indent=indent).encode()
    elements = split(body)
    assert [json.loads(each) for each in elements] == values
    assert all(each in body for each in elements)


@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_comes_is_split_or_refused(body):
    try:
        assert split(body)
    except HubError:
        return


@given(JSON)
def test_whatever_an_element_is_its_names_are_found_or_not(value):
    names(json.dumps(value).encode())


def test_an_item_comes_out_in_its_own_bytes():
    item = b'{ "title":"\xc3\xa8" ,"n": 1.0e5 }'
    assert entry(b'{"item": ' + item + b', "collection": "messages"}') == ("messages", item)


def test_a_number_beyond_all_bounds_is_no_matter_of_the_frame():
    long = b"9" * 10_000
    assert split(b'{"items": [' + long + b"]}") == [long]


@pytest.mark.parametrize(
    ("element", "pointer"),
    [
        (b"1", ""),
        (b"[]", ""),
        (b"{}", "/collection"),
        (b'{"collection": "messages"}', "/item"),
        (b'{"collection": "x", "item": {}}', "/collection"),
        (b'{"collection": 7, "item": {}}', "/collection"),
        (b'{"collection": "messages", "item": []}', "/item"),
        (b'{"collection": "messages", "item": {}, "more": 1}', ""),
        (b'{"collection": "messages", "\\u0063ollection": "messages", "item": {}}', "/collection"),
        (b'{"collection": "messages", "item": {}, "it\\u0065m": {}}', "/item"),
        (b'{"\\ud800": 1, "\\ud800": 2}', "/?"),
    ],
)
def test_an_element_that_is_none_is_refused_at_its_place(element, pointer):
    with pytest.raises(ContractViolation) as caught:
        entry(element)
    assert [fault.pointer for fault in caught.value.faults] == [pointer]


def test_items_that_stand_twice_are_refused_at_their_place():
    with pytest.raises(ContractViolation) as caught:
        split(b'{"items": [{}], "\\u0069tems": [{}]}')
    assert [(fault.code, fault.pointer) for fault in caught.value.faults] == [("field.duplicate", "/items")]


@pytest.mark.parametrize(
    ("external_id", "repeated"),
    [("TARI-1", "TARI-1"), ("x-RSSMRA80A01H501U", None), ("", None), (7, None), ("a b", None), ("x" * 201, None)],
)
def test_a_name_is_repeated_only_where_it_names_no_person(external_id, repeated):
    element = json.dumps({"collection": "messages", "item": {"external_id": external_id}}).encode()
    assert names(element) == ("messages", repeated)
