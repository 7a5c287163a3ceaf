"""What a legal notification may be: the limits of SEND's table, no names where SEND shows words, one message only."""

import json

import pytest
from pydantic import ValidationError

from contracts.items import COLLECTIONS, Message, Notify
from tests.flows.making import MAKERS
from tests.harness import make_message

LEGAL = {
    "protocol_number": "2026/0004711",
    "subject": "Notifica di verbale",
    "abstract": "Il verbale si legge su SEND.",
    "taxonomy_code": "010202N",
    "physical_communication": "REGISTERED_LETTER_890",
    "recipient_name": "Mario De Rossi",
    "postal_address": {"address": "Via Verdi 3", "zip": "00184", "municipality": "Roma", "province": "RM"},
    "pec": "mario@pec.example.it",
}
DOCUMENT = {"rel": "document", "external_id": "atto-1"}
COSTS = {"fee_policy": "DELIVERY_MODE", "fee_cents": 100, "vat_percent": 22}
PAYMENT = {"rel": "payment", "external_id": "avviso-1"}


def message(links=(DOCUMENT,), channels=("send",), without=(), **legal):
    wish = {name: value for name, value in (LEGAL | legal).items() if name not in without}
    item = make_message(links=list(links), notify={"channels": list(channels), "legal": wish})
    return Message.model_validate_json(json.dumps(item))


def f24(cost=False, title="F24 TARI 2026", **line):
    """A simplified form of one line."""
    record = {"section": "EL", "municipality": "H501", "taxType": "3944", "debit": "08450", "applyCost": cost} | line
    payer = {"taxCode": "RSSMRA80A01H501U"}
    return {"title": title, "metadata": {"f24Simplified": {"taxPayer": payer, "payments": {"records": [record]}}}}


@pytest.mark.parametrize(
    ("legal", "links"),
    [
        ({}, [DOCUMENT]),
        ({"f24": [f24(), f24(debit="100")]}, [DOCUMENT]),
        (COSTS | {"f24": [f24(cost=True)]}, [DOCUMENT]),
        ({"subject": "x" * 134, "abstract": "x" * 1024, "protocol_number": "x" * 256}, [DOCUMENT]),
        ({"recipient_name": "È" * 88}, [DOCUMENT]),
        ({"subject": "Multa per Mario"}, [DOCUMENT]),
        (COSTS, [DOCUMENT, PAYMENT]),
        (COSTS | {"payment_update": "ASYNC", "fee_cents": 0, "vat_percent": 0}, [DOCUMENT, PAYMENT]),
        ({"postal_address": {"address": "1 Rue X", "municipality": "Paris", "foreign_state": "France"}}, [DOCUMENT]),
        ({"additional_language": "DE"}, [DOCUMENT, *({"rel": "document", "external_id": f"d-{n}"} for n in range(14))]),
    ],
)
def test_what_send_takes(legal, links):
    assert message(links, **legal).notified[0] == "atto-1"


def test_neither_address_is_needed():
    assert message(without=("postal_address", "pec", "abstract")).notify.legal.postal_address is None


@pytest.mark.parametrize(
    ("place", "legal"),
    [
        ("protocol_number", {"protocol_number": "x" * 257}),
        ("protocol_number", {"protocol_number": ""}),
        ("protocol_number", {"protocol_number": "2026/RSSMRA80A01H501U"}),
        ("subject", {"subject": "x" * 135}),
        ("subject", {"subject": "due\nrighe"}),
        ("subject", {"subject": "Atto per rssmra80a01h501u"}),
        ("subject", {"subject": "Atto per mario@example.it"}),
        ("subject", {"subject": "Rimborso su IT60X0542811101000000123456"}),
        ("abstract", {"abstract": "x" * 1025}),
        ("abstract", {"abstract": "Codice RSSMRA80A01H501U"}),
        ("taxonomy_code", {"taxonomy_code": "9/0301105TS/"}),
        ("taxonomy_code", {"taxonomy_code": "010202n"}),
        ("physical_communication", {"physical_communication": "LETTER"}),
        ("fee_cents", COSTS | {"fee_cents": 101}),
        ("vat_percent", COSTS | {"vat_percent": -1}),
        ("recipient_name", {"recipient_name": "x" * 89}),
        ("recipient_name", {"recipient_name": "a|b"}),
        ("recipient_name", {"recipient_name": "Мария"}),
        ("pec", {"pec": "no address"}),
        ("additional_language", {"additional_language": "EN"}),
        (
            "municipality",
            {"postal_address": {"address": "Via Po", "municipality": "R", "zip": "1", "province": "RM"}},
        ),
        ("address", {"postal_address": {"address": "V", "municipality": "Roma", "zip": "00184", "province": "RM"}}),
        ("surprise", {"surprise": 1}),
    ],
)
def test_what_send_does_not_take_is_told_with_its_place(place, legal):
    with pytest.raises(ValidationError) as caught:
        message([DOCUMENT, PAYMENT], **legal)
    assert {each["loc"][-1] for each in caught.value.errors()} == {place}


@pytest.mark.parametrize(
    ("said", "legal", "links"),
    [
        ("subject must not name", {"subject": "Verbale a De Rossi, Mario"}, [DOCUMENT]),
        ("abstract must not name", {"abstract": "MARIO DE ROSSI riceve"}, [DOCUMENT]),
        ("needs fee_cents", {"fee_policy": "DELIVERY_MODE", "fee_cents": 1}, [DOCUMENT, PAYMENT]),
        ("go with fee_policy", {"vat_percent": 22}, [DOCUMENT]),
        ("payment_update goes", {"payment_update": "SYNC"}, [DOCUMENT]),
        ("needs a link to a payment", COSTS, [DOCUMENT]),
        ("links to 1 to 15", {}, [PAYMENT]),
        ("links to 1 to 15", {}, [{"rel": "document", "external_id": f"d-{n}"} for n in range(16)]),
        ("needs zip and province", {"postal_address": {"address": "Via Verdi 3", "municipality": "Roma"}}, [DOCUMENT]),
        ("go together", {}, [DOCUMENT]),
    ],
)
def test_what_does_not_fit_together_is_said(said, legal, links):
    with pytest.raises(ValidationError, match=said):
        message(links, channels=("io",) if said == "go together" else ("send",), **legal)
    if said == "go together":
        with pytest.raises(ValidationError, match=said):
            Notify.model_validate_json('{"channels": ["send"]}')


@pytest.mark.parametrize("collection", sorted(set(COLLECTIONS) - {"messages", "services"}))
def test_only_messages_are_notified(collection):
    item = MAKERS[collection]("item-1") | {"notify": {"channels": ["send"], "legal": LEGAL}}
    with pytest.raises(ValidationError, match="is of messages"):
        COLLECTIONS[collection].model_validate_json(json.dumps(item))


def test_no_word_of_the_faults_repeats_what_was_given():
    with pytest.raises(ValidationError) as caught:
        message(subject="Atto per RSSMRA80A01H501U")
    assert "RSSMRA80A01H501U" not in str([each["msg"] for each in caught.value.errors()])


def test_what_follows_from_a_message_is_no_second_notification():
    quiet = message(channels=("io", "send")).notify.wordless()
    assert (quiet.channels, quiet.legal) == (("io",), None)


def test_links_count_once_and_only_where_it_is_a_notification():
    assert message([DOCUMENT, DOCUMENT]).notified == ("atto-1",)
    plain = Message.model_validate_json(json.dumps(make_message(links=[DOCUMENT, PAYMENT])))
    assert (plain.notified, plain.asked_to_pay) == ((), ())


@pytest.mark.parametrize(
    ("said", "form"),
    [
        ("/f24Simplified/payments/records/0/taxType must be text like", f24(taxType="TARI")),
        ("/f24Simplified/payments/records/0/applyCost must be true or false", f24(cost="no")),
        ("/f24Simplified/payments/records/0 has members that SEND does not know", f24(surprise="x")),
        ("exactly one of", f24() | {"metadata": {}}),
        ("exactly one of", f24() | {"metadata": {"f24": {}}}),
        ("nothing to pay", f24() | {"metadata": {"f24Simplified": {"taxPayer": {"taxCode": "RSSMRA80A01H501U"}}}}),
        ("must be an object", f24() | {"metadata": {"f24Simplified": {"payments": []}}}),
        ("list of 1 to", f24() | {"metadata": {"f24Simplified": {"payments": {"records": []}}}}),
        ("needs ", f24() | {"metadata": {"f24Simplified": {"payments": {"records": [{"section": "EL"}]}}}}),
        ("applyCost true on 0 of its lines", f24(cost=True)),
        ("must not contain a tax code", f24(title="F24 di RSSMRA80A01H501U")),
    ],
)
def test_an_f24_that_send_would_not_print_is_refused_with_its_place(said, form):
    with pytest.raises(ValidationError) as caught:
        message(f24=[form])
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("said", "legal", "documents"),
    [
        ("same form twice", {"f24": [f24(), f24(title="Un altro")]}, 1),
        ("applyCost true on 1 of its lines", COSTS | {"f24": [f24()]}, 1),
        ("15 at most", {"f24": [f24(), f24(debit="100")]}, 14),
    ],
)
def test_forms_are_as_many_and_bear_the_costs_as_send_wants(said, legal, documents):
    with pytest.raises(ValidationError, match=said):
        message([{"rel": "document", "external_id": f"d-{n}"} for n in range(documents)], **legal)
