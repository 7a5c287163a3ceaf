"""`subscription-statistics` (S42-S44): tables without small numbers, as JSON and as CSV."""

import csv
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from stdnum.it import codicefiscale

from hub.ingest import statistics
from hub.ingest.statistics import inert
from tests.flows.making import new_person

from .conftest import Raccordo
from .subscribing import subscribe

pytestmark = pytest.mark.req("S42", "S43", "S44")

CHILD = "RSSMRA25A41H501" + codicefiscale.calc_check_digit("RSSMRA25A41H501")


def area(text: str) -> list[dict[str, str]]:
    return [{"code": "quartiere", "text": text}]


@pytest.fixture
def enrolled(raccordo: Raccordo, home: Path) -> list[str]:
    """Twelve active holders born in 1980, two who wait; two areas and a rare one."""
    raccordo("subscription-service", "add", "nido-2026", "--name", "Nido", "--area-attribute", "quartiere")
    people = [new_person() for _ in range(14)]
    subscribe(home, people[:6], attributes=area("=Centro"))
    subscribe(home, people[6:12], attributes=area("Lunetà"))
    subscribe(home, people[12:], attributes=area("Via Rossi 3"), state="waitlisted")
    subscribe(home, [new_person()] * 6, subscription_service="mensa-2026")
    return people


def cells(answer: dict[str, object], dimension: str) -> dict[str, int | None]:
    found = answer["cells"]
    assert isinstance(found, list)
    return {cell["value"]: cell["number"] for cell in found if cell["dimension"] == dimension}


def test_numbers_by_state_age_sex_and_area_without_small_ones(
    raccordo: Raccordo, home: Path, enrolled: list[str]
) -> None:
    out = raccordo("subscription-statistics", "nido-2026", "--json")
    answer = out.json
    assert cells(answer, "total") == {"": 14}
    assert cells(answer, "sex") == {"F": 0, "M": 14}
    assert cells(answer, "age")["45-54"] == 14
    # Two wait: their number is not told, nor that of the active, from which it could be worked out.
    states = cells(answer, "state")
    assert (states["waitlisted"], states["active"], states.get("ended", 0)) == (None, None, 0)
    areas = cells(answer, "area")
    assert set(areas) == {"=Centro", "Lunetà", "other"}
    assert areas["other"] is None
    assert sum(number is None for number in areas.values()) == 2
    assert "Rossi" not in out.out
    assert not any(person in out.out for person in enrolled)
    with closing(sqlite3.connect(home / "raccordo.db")) as database:
        (last,) = database.execute("SELECT operation FROM access_log ORDER BY access_id DESC LIMIT 1").fetchone()
    assert last == "show_subscription_statistics"


def test_as_csv_for_spreadsheets(raccordo: Raccordo, tmp_path: Path, enrolled: list[str]) -> None:
    path = tmp_path / "nido.csv"
    assert raccordo("subscription-statistics", "nido-2026", "--csv", path).code == 0
    raw = path.read_bytes()
    assert raw.startswith(b"dimension,value,number\r\n")
    rows = list(csv.reader(raw.decode("utf-8").splitlines()))
    assert ["area", "'=Centro", ""] in rows or ["area", "'=Centro", "6"] in rows
    assert [row[0] for row in rows if row[0] == "total"] == ["total"]
    elsewhere = raccordo("subscription-statistics", "nido-2026", "--csv", tmp_path / "no" / "such.csv")
    assert (elsewhere.code, "--csv" in elsewhere.err) == (2, True)


def test_of_the_children_where_the_service_says_so(raccordo: Raccordo, home: Path) -> None:
    raccordo("subscription-service", "add", "nido-2026", "--name", "Nido", "--statistics-of", "beneficiary")
    subscribe(home, [new_person() for _ in range(6)], beneficiaries=[{"tax_code": CHILD, "role": "child"}])
    answer = raccordo("subscription-statistics", "nido-2026", "--json").json
    assert (cells(answer, "sex")["F"], cells(answer, "age")["00-02"], cells(answer, "area")) == (6, 6, {})


def test_of_few_subscribers_nothing_is_told_and_of_none_noughts(raccordo: Raccordo, home: Path) -> None:
    raccordo("subscription-service", "add", "nido-2026", "--name", "Nido")
    nobody = raccordo("subscription-statistics", "nido-2026", "--json").json["cells"]
    assert {cell["number"] for cell in nobody} == {0}
    subscribe(home, [new_person() for _ in range(4)])
    few = raccordo("subscription-statistics", "nido-2026", "--json").json["cells"]
    assert {cell["number"] for cell in few} == {None}


def test_an_attribute_of_too_many_values_is_no_area(
    raccordo: Raccordo, enrolled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics, "MOST_AREAS", 2)
    answer = raccordo("subscription-statistics", "nido-2026", "--json")
    assert (answer.code, "no area" in answer.err) == (1, True)


@pytest.mark.parametrize(
    ("options", "told"),
    [(("--smallest-cell", 2), "--smallest-cell"), (("--area-attribute", "a b"), "--area-attribute")],
)
def test_a_policy_that_cannot_be_is_refused(raccordo: Raccordo, options: tuple[object, ...], told: str) -> None:
    answer = raccordo("subscription-service", "add", "nido-2026", "--name", "Nido", *options)
    assert (answer.code, told in answer.err) == (2, True)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@A1", "\tx", "\rx", "  =x", "\uff1d1", "\uff201"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert inert(text) == f"'{text}"
    assert inert("Centro = 1") == "Centro = 1"


@pytest.mark.parametrize("between", [";", "\t", "\n", "; "])
def test_nor_is_what_an_italian_spreadsheet_takes_for_a_cell(between: str) -> None:
    """It separates by semicolons, also within what a comma made one cell."""
    assert inert(f"Centro{between}=HYPERLINK(1)") == f"Centro{between[0]}'{between[1:]}=HYPERLINK(1)"
    assert inert(f"Centro{between}Nord") == f"Centro{between}Nord"
