"""A mapping is tried out on the command line, before anything is connected."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from .conftest import Raccordo

SAMPLE = Path(__file__).parents[2] / "connectors" / "mapped" / "samples" / "tributi.json"


@pytest.fixture
def mapping() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SAMPLE.read_text(encoding="utf-8"))
    return found


def written(folder: Path, value: Any) -> Path:
    file = folder / f"{abs(hash(json.dumps(value)))}.json"
    file.write_text(json.dumps(value), encoding="utf-8")
    return file


def test_a_preview_shows_items_and_every_fault_with_both_places(call: Raccordo, tmp_path: Path, mapping: Any) -> None:
    notice = mapping["tests"][0]["sample"]["dati"]["avvisi"][0] | {"stato": "EMESSO"}
    records = [notice, notice | {"numero": 2, "importo": "1.5"}, {"stato": "BOZZA"}, notice | {"stato": "ANNULLATO"}]
    sample = written(tmp_path, {"dati": {"avvisi": records}})
    done = call("mapping", "preview", "--mapping", SAMPLE, "--sample", sample, "--json")
    assert done.code == 1
    results = done.json["results"]
    assert [result["result"] for result in results] == ["item", "wrong", "passed", "withdrawn"]
    assert results[0]["item"]["amount_cents"] == 108450
    [fault] = results[1]["wrong"]
    assert (fault["pointer"], fault["rule"]) == ("/importo", "/items/0/fields/amount_cents")
    assert done.json["counts"] == {"item": 1, "wrong": 1, "passed": 1, "withdrawn": 1}
    told = call("mapping", "preview", "--mapping", SAMPLE, "--sample", sample, "--first", "2").out
    assert "in the record: /importo   in the mapping: /items/0/fields/amount_cents" in told
    assert told.splitlines()[-1] == "1 item, 1 wrong, 1 passed, 1 withdrawn"


def test_a_mapping_is_previewed_before_its_tests_hold(call: Raccordo, tmp_path: Path, mapping: Any) -> None:
    mapping["tests"][0]["expect"] = []
    file = written(tmp_path, mapping)
    sample = written(tmp_path, mapping["tests"][0]["sample"])
    assert call("mapping", "preview", "--mapping", file, "--sample", sample).code == 0
    done = call("mapping", "test", "--mapping", file, "--json")
    assert done.code == 1
    first, *others = done.json
    assert "0 results are expected, and there are 2" in first["problem"]
    assert [row["problem"] for row in others] == [None, None, None]


def test_a_rule_without_its_kind_is_told_which_there_are(call: Raccordo, tmp_path: Path, mapping: Any) -> None:
    fields = mapping["items"][0]["fields"]
    fields["title"] = {"from": "titolo"}
    fields["summary"] = {"as": "words", "from": "titolo"}
    mapping["items"] = mapping["items"][:1]
    done = call("mapping", "preview", "--mapping", written(tmp_path, mapping), "--sample", written(tmp_path, {}))
    assert done.code == 2
    assert 'mapping.items.0.fields.title: Manca "as" / "as" is missing; it is one of ' in done.err
    assert 'mapping.items.0.fields.summary: "as" non è tra i valori ammessi / "as" cannot be that: ' in done.err
    assert "at least 1 item" not in done.err


def test_the_tests_of_a_mapping(call: Raccordo) -> None:
    done = call("mapping", "test", "--mapping", SAMPLE)
    assert done.code == 0
    assert "un avviso annullato" in done.out


def test_a_mapping_that_is_wrong_is_told_with_its_place(call: Raccordo, tmp_path: Path, mapping: Any) -> None:
    mapping["items"][0]["fields"]["due_date"]["formats"] = ["d/m"]
    done = call("mapping", "test", "--mapping", written(tmp_path, mapping))
    assert done.code == 2
    assert "mapping.items.0.fields.due_date.formats.0" in done.err
    mapping["items"][0]["fields"]["due_date"]["formats"] = ["iso"]
    mapping["tests"] = [1]
    assert "/tests/0" in call("mapping", "test", "--mapping", written(tmp_path, mapping)).err


@pytest.mark.parametrize("content", ["", "[]", "{"])
def test_what_is_no_mapping(call: Raccordo, tmp_path: Path, content: str) -> None:
    file = tmp_path / "m.json"
    file.write_text(content)
    done = call("mapping", "preview", "--mapping", file, "--sample", file)
    assert done.code == 2
    assert "--mapping" in done.err


def test_the_schema_of_mappings_holds_for_the_sample(call: Raccordo, mapping: Any) -> None:
    schema = call("mapping", "schema").json
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(mapping)
    mapping["items"][0]["fields"]["amount_cents"]["notation"] = "fr"
    with pytest.raises(ValidationError):
        Draft202012Validator(schema).validate(mapping)


def test_a_mapping_whose_tests_fail_is_not_connected(raccordo: Raccordo, mapping: Any, keys: Path) -> None:
    raccordo("vendor", "add", "acme", "--name", "Acme", "--trust", "x509", "--anchor", keys / "ca.pem")

    def connect(document: Any) -> Any:
        given = ("--set", "vendor_id=acme", "--set", f"mapping={json.dumps(document)}")
        return raccordo("connector", "set", "tributi", "--type", "mapped", *given)

    failing = json.loads(json.dumps(mapping))
    failing["tests"][0]["expect"] = []
    done = connect(failing)
    assert done.code == 2
    assert "'un avviso pagato e la sua quietanza': 0 results are expected" in done.err
    assert connect(mapping).code == 0
    assert connect(failing).code == 2
    [row] = raccordo("connector", "list", "--json").json
    assert (row["connector_id"], row["version"]) == ("tributi", 1)
