"""A mapping as a whole: what is refused when it is written, and what becomes of records, each fault with its places."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from connectors.mapped import connect
from connectors.mapped.config import Settings
from connectors.mapped.document import MappingDocument
from connectors.mapped.mapping import Mapping, failed_tests
from contracts.connector import Limits
from contracts.failures import Misconfigured, Rejected
from contracts.faults import pointer_of, sentence_of
from contracts.items import COLLECTIONS

SAMPLES = Path(__file__).parent / "samples"
TRIBUTI = json.loads((SAMPLES / "tributi.json").read_text())
HEADER = "id;tipo;cf;data;Oggetto del messaggio;testo\n"
NOTICE = TRIBUTI["tests"][0]["sample"]["dati"]["avvisi"][0]


def document(**changes):
    return MappingDocument.model_validate_json(json.dumps(TRIBUTI | changes))


def preview(mapping, data):
    return list(Mapping(mapping).read(data))


def page(*records):
    return json.dumps({"dati": {"avvisi": records}}).encode()


def settings(mapping, **more):
    return Settings.model_validate_json(json.dumps({"vendor_id": "acme", "mapping": mapping} | more))


def connected(mapping, **more):
    return connect(settings(mapping, **more), Limits())


def faults(found):
    return [(wrong.code, wrong.pointer, wrong.rule) for wrong in found.wrong]


@pytest.mark.parametrize("name", ["tributi.json", "pratiche.json"])
def test_the_samples_hold(name):
    assert failed_tests(Mapping(MappingDocument.model_validate_json((SAMPLES / name).read_text()))) == []


def test_an_item_is_what_a_vendor_would_publish():
    payment, receipt = preview(document(), page(NOTICE))
    assert (payment.name, receipt.name) == ("payments/AVV-2026-000012", "receipts/RIC-2026-000012")
    for found in (payment, receipt):
        assert COLLECTIONS[found.collection].model_validate_json(json.dumps(found.item | {"version": 1}))
        assert json.loads(found.raw) == {"dati": {"avvisi": [NOTICE]}}


def test_every_fault_has_its_place_in_the_record_and_in_the_mapping():
    wrong = NOTICE | {
        "stato": "CHISSA",
        "importo": "84.50",
        "modificato": "2026-03-29T02:15:00",
        "contribuente": {"cf": "RSSMRA80A01H501X", "tipo": "F"},
        "cointestatari": [{"cf": "RSSMRA80A01H501U"}, {"cf": ""}, {"cf": "VRDLGU"}],
        "rata": {"n": 3, "di": 2},
    }
    (found,) = preview(document(), page(wrong))
    at = "/items/0/fields"
    assert found.item is None
    assert found.name == "payments/AVV-2026-000012"
    assert sorted(faults(found)) == sorted(
        [
            ("mapping.time_gap", "/modificato", f"{at}/occurred_at"),
            ("field.invalid", "/contribuente/cf", f"{at}/recipient/fields/tax_code"),
            ("mapping.money", "/importo", f"{at}/amount_cents"),
            ("field.invalid", "/rata", f"{at}/installment"),
            ("mapping.choice", "/stato", f"{at}/state"),
            ("field.missing", "/cointestatari/1/cf", f"{at}/beneficiaries/each/fields/tax_code"),
            # As for vendors: of a list the contract names the first that is wrong.
        ]
    )
    told = " ".join(wrong.detail for wrong in found.wrong)
    assert "mapping version 3" in told
    assert "record 1: " in told
    for value in ("RSSMRA80A01H501X", "CHISSA", "84.50", "VRDLGU"):
        assert value not in told


def test_a_wrong_record_takes_no_other_along_and_has_a_name_that_stays():
    issued = NOTICE | {"stato": "EMESSO"}
    data = page(issued | {"numero": None}, 7, issued | {"numero": 16})
    first, second, third = found = preview(document(), data)
    assert faults(first) == [("mapping.required", "", "/items/0/fields/external_id")]
    assert faults(second) == [("record.not_an_object", "", "")]
    assert third.name == "payments/AVV-2026-000016"
    assert third.item is not None
    assert [one.name for one in preview(document(), data)] == [one.name for one in found]
    again = [preview(document(), one.raw)[0] for one in found]
    assert [(one.name, one.wrong and one.wrong[0].code) for one in again] == [
        (one.name, one.wrong and one.wrong[0].code) for one in found
    ]


def test_a_name_that_is_a_person_is_refused_and_not_told():
    mapping = json.loads(json.dumps(TRIBUTI))
    mapping["items"] = [mapping["items"][0]]
    mapping["items"][0]["fields"]["external_id"] = {"as": "text", "from": "contribuente.cf", "clean": ["upper"]}
    mapping["items"][0].pop("withdrawn")
    mapping["tests"] = []
    (found,) = connected(mapping).read(page(NOTICE))
    assert faults(found) == [("field.invalid", "/contribuente/cf", "/items/0/fields/external_id")]
    assert found.name.startswith("sha256-")
    italian, english = found.wrong[0].detail.split(" / ")
    assert "/external_id: Non deve contenere un codice fiscale" in italian
    assert "external_id must not" in english
    assert "RSSMRA" not in f"{found!r} {found.wrong}"


def test_what_is_taken_back_needs_its_name_alone():
    (found,) = preview(document(), page({"numero": 13, "anno": 2026, "stato": "ANNULLATO"}))
    assert (found.name, found.collection, found.item) == ("payments/AVV-2026-000013", "payments", None)
    assert found.withdrawn == "Avviso annullato dall'ufficio tributi"
    (found,) = preview(document(), page({"anno": 2026, "stato": "ANNULLATO"}))
    assert found.withdrawn is None
    assert found.wrong


def test_the_collection_may_be_the_records_own():
    mapping = {
        "version": 1,
        "title": "Messaggi",
        "source": "s",
        "reads": {"format": "csv", "separator": ";", "encoding": "windows-1252"},
        "items": [
            {
                "collection": {"as": "choice", "from": "tipo", "values": {"M": "messages", "D": "deadlines"}},
                "fields": {
                    "external_id": {"as": "text", "from": "id"},
                    "title": {"as": "text", "from": '"Oggetto del messaggio"'},
                    "occurred_at": {"as": "moment", "from": "data", "formats": ["%d/%m/%Y"]},
                    "recipient": {"as": "object", "fields": {"tax_code": {"as": "text", "from": "cf"}}},
                    "body_markdown": {"as": "text", "from": "testo", "when": "tipo == 'M'"},
                    "due_at": {"as": "moment", "from": "data", "formats": ["%d/%m/%Y"], "when": "tipo == 'D'"},
                },
            }
        ],
        "tests": [
            {
                "name": "righe",
                "sample": f"{HEADER}1;M;RSSMRA80A01H501U;1/3/2026;Perché sì;Costa 5 €\n",
                "expect": [
                    {
                        "collection": "messages",
                        "item": {
                            "external_id": "1",
                            "title": "Perché sì",
                            "body_markdown": "Costa 5 €",
                            "occurred_at": "2026-02-28T23:00:00Z",
                            "recipient": {"tax_code": "RSSMRA80A01H501U"},
                        },
                    }
                ],
            }
        ],
    }
    rows = f"{HEADER}1;D;RSSMRA80A01H501U;1/3/2026;A;\n2;X;RSSMRA80A01H501U;1/3/2026;A;B\n"
    first, second = connected(mapping).read(rows.encode())
    assert (first.collection, first.item["due_at"]) == ("deadlines", "2026-03-01T00:00:00+01:00")
    assert faults(second) == [("mapping.choice", "/tipo", "/items/0/collection")]
    italian, english = second.wrong[0].detail.split(" / ")
    assert italian.endswith(": riga 3: nessuna delle 2 parole elencate nel mapping")
    assert english.endswith(": line 3: none of the 2 words that the mapping lists")


def test_a_file_that_breaks_is_found_as_wrong_after_what_came_before():
    found = list(connected(TRIBUTI).read(page(NOTICE)[:-3]))
    assert [one.item is not None for one in found] == [True, True, False]
    assert found[-1].wrong[0].code == "file.not_json"


def test_a_mapping_whose_tests_fail_is_not_connected():
    mapping = json.loads(json.dumps(TRIBUTI))
    mapping["tests"][0]["expect"][0]["item"]["amount_cents"] = 1
    mapping["tests"][3]["expect"] = []
    with pytest.raises(Misconfigured) as caught:
        connected(mapping)
    assert caught.value.reason == "mapped.tests_fail"
    assert "'un avviso pagato e la sua quietanza': result 1: /amount_cents differs" in caught.value.detail
    assert (
        "'un importo all'inglese va in quarantena': 0 results are expected, and there are 1"
        in caught.value.detail.replace('"', "'")
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"item": {"external_id": "x"}}, "the expected item is none"),
        ({"wrong": ["mapping.money"]}, "the faults are none"),
        ({"withdrawn": "x"}, "it is not withdrawn"),
        ({"collection": "receipts"}, "the collection is payments"),
    ],
)
def test_a_test_says_what_is_otherwise(change, reason):
    tests = [TRIBUTI["tests"][0] | {"expect": [change, {}]}]
    assert reason in failed_tests(Mapping(document(tests=tests)))[0][1]


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (
            ("items", 0, "fields", "title", "parts", 0, "from"),
            "a.",
            "/mapping/items/0/fields/title/parts/0/from: Non è JMESPath / not JMESPath",
        ),
        (("items", 0, "fields", "title", "as"), "txt", "/items/0/fields/title"),
        (("items", 0, "fields", "due_date", "formats"), ["d/m/Y"], "/items/0/fields/due_date/formats/0"),
        (("items", 0, "fields", "due_date", "zone"), "Rome", "/items/0/fields/due_date/zone"),
        (
            ("items", 0, "fields", "titolo"),
            {"as": "constant", "value": "x"},
            "/fields/titolo: campo sconosciuto / there is no",
        ),
        (
            ("items", 0, "fields", "version"),
            {"as": "constant", "value": 1},
            "/fields/version: campo sconosciuto / there is no",
        ),
        (("items", 0, "collection"), "nothing", "/items/0/collection"),
        (("items", 0, "fields", "state", "values"), {}, "/items/0/fields/state/values"),
        (("reads", "at"), "a..b", "/reads/at"),
        (("reads", "separator"), ";", "/reads/separator"),
        (("version",), "3", "/version"),
        (("unknown",), 1, "/unknown"),
    ],
)
def test_a_mapping_that_is_wrong_is_told_with_the_place(path, value, told):
    mapping = json.loads(json.dumps(TRIBUTI))
    there = mapping
    for step in path[:-1]:
        there = there[step]
    there[path[-1]] = value
    with pytest.raises(ValidationError) as caught:
        settings(mapping)
    faults = caught.value.errors(include_input=False)
    assert any(told in f"{pointer_of(each['loc'])}: {sentence_of(each)}" for each in faults)
    steps = [str(step) for each in faults for step in each["loc"]]
    assert not [step for step in steps if "[" in step or "Rule" in step], "pydantic's names of alternatives"
    assert "input_value" not in str(caught.value)


def test_a_mapping_is_bounded():
    deep = {"as": "text", "from": "a"}
    for _ in range(6):
        deep = {"as": "first", "of": [deep]}
    wide = {"as": "first", "of": [{"as": "text", "from": "a"}] * 20}
    for rule, told in ((deep, "deep"), ({"as": "first", "of": [wide] * 20}, "more than 400 rules")):
        mapping = json.loads(json.dumps(TRIBUTI))
        mapping["items"][0]["fields"]["summary"] = rule
        with pytest.raises(ValueError, match=told):
            settings(mapping)
    with pytest.raises(ValueError, match="longer than"):
        settings(TRIBUTI | {"title": "x" * 300_000})


def test_a_mapping_may_come_as_a_text_and_has_a_schema_for_forms():
    assert settings(json.dumps(TRIBUTI)).mapping == document()
    with pytest.raises(ValueError, match="not JSON"):
        settings("{")
    schema = Settings.model_json_schema()
    assert schema["properties"]["mapping"]["$ref"].endswith("/MappingDocument")
    rule = schema["$defs"]["Rule"]
    assert rule["discriminator"]["propertyName"] == "as"
    assert set(rule["discriminator"]["mapping"]) >= {"text", "money", "object", "list"}


def test_what_it_does_is_what_names_it():
    same = Mapping(document(title="Altro", tests=[])).digest
    assert same == Mapping(document()).digest
    assert same != Mapping(document(version=4)).digest
    assert same != Mapping(document(source="altro")).digest


def test_it_delivers_nothing():
    connector = connected(TRIBUTI)
    with pytest.raises(Rejected):
        connector.advance(None, {})
    assert "4 tests" in connector.check()
    assert connector.pull is None
    assert connector.answer is None


@pytest.mark.parametrize("wrong", [{"oggetto": "Mezzo \ud83d"}, {"importo": 10**30}])
def test_what_cannot_be_written_at_all_is_wrong_and_does_not_hold_up_the_others(wrong):
    fields = {"title": {"as": "text", "from": "oggetto"}, "amount_cents": {"as": "integer", "from": "importo"}}
    items = json.loads(json.dumps(TRIBUTI["items"][:1]))
    items[0]["fields"] |= fields
    good = NOTICE | {"oggetto": "TARI", "importo": 8450}
    bad, fine = preview(document(items=items, tests=[]), page(good | wrong, good | {"numero": 13}))[:2]
    assert [code for code, *_ in faults(bad)] == ["mapping.unwritable"]
    assert fine.item is not None
