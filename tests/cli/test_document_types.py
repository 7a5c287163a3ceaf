"""The vocabulary of documents, which an administrator edits, and the links that an operator looks at (S54, S55)."""

import pytest

from .conftest import Raccordo

LABELS = ("--label-it", "Permesso di sosta", "--label-en", "Parking permit")


@pytest.mark.req("S54")
def test_types_are_listed_changed_and_taken_off(raccordo: Raccordo) -> None:
    assert raccordo("document-type", "add", "permesso", *LABELS, "--retention-months", "60").code == 0
    assert raccordo("document-type", "change", "permesso", "--keep-copy").code == 0
    [row] = raccordo("document-type", "list", "--json").json
    assert row["label_it"] == "Permesso di sosta"
    assert (row["retention_months"], row["keep_copy"], row["status"]) == (60, True, "listed")
    assert raccordo("document-type", "remove", "permesso").code == 0
    assert raccordo("document-type", "list", "--json").json == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("add", "x"), 2, "--label-it"),
        (("add", "due parole", *LABELS), 2, "the type"),
        (("add", "noto", *LABELS), 1, "already"),
        (("change", "ignoto", "--keep-copy"), 1, "ignoto"),
        (("remove", "ignoto"), 1, "ignoto"),
        (("add", "x", "--label-it", "a\nb", "--label-en", "y"), 2, "--label-it"),
        (("others",), 2, "refuse"),
    ],
)
def test_what_cannot_be_changes_nothing(raccordo: Raccordo, arguments: tuple[str, ...], code: int, said: str) -> None:
    raccordo("document-type", "add", "noto", *LABELS)
    done = raccordo("document-type", *arguments)
    assert done.code == code
    assert said in done.err
    assert [row["doc_type"] for row in raccordo("document-type", "list", "--json").json] == ["noto"]


def test_others_are_refused_or_accepted_by_setting(raccordo: Raccordo) -> None:
    assert raccordo("document-type", "others", "--refuse").code == 0
    [row] = raccordo("document-type", "list", "--json").json
    assert (row["doc_type"], row["status"]) == ("*", "refused")


@pytest.mark.req("S55")
def test_without_bad_links_the_operator_is_told_so(raccordo: Raccordo) -> None:
    assert raccordo("document", "links", "--json").json == []
