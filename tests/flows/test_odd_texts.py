"""Texts that mean something to a browser, a spreadsheet or a terminal: shown as they are, or refused by name; the feed
goes on either way."""

import pytest

from tests.flows.making import MAKERS, code, fresh, new_person, published, titles

SAFE = {
    "html": '<script>alert(1)</script><img src=x onerror="y">',
    "formula": '=HYPERLINK("https://cattivo.example") +1 -1 @SUM(1)',
    "marks": "שלום\u200f ABC\u200e 12/2026",
}
REFUSED = {"nul": "a\x00b", "escape": "a\x1b[31mb", "bell": "a\x07b", "override": "a\u202eb", "isolate": "a\u2066b"}
OF_A_PERSON = sorted(MAKERS.keys() - {"services"})


def item_of(collection, person, **fields):
    return MAKERS[collection](fresh(), tax_code=person, notify={"channels": []}, **fields)


@pytest.mark.parametrize("text", SAFE.values(), ids=SAFE)
def test_a_text_comes_out_as_it_went_in(hub, text):
    person = new_person()
    ids = {each: published(hub, each, item_of(each, person, title=text, summary=text)) for each in OF_A_PERSON}
    for collection, item_id in ids.items():
        assert text in titles(hub.read(f"/{collection}", person))
        shown = hub.read(f"/items/{item_id}", person)
        assert (shown.status_code, shown.json()["summary"]) == (200, text)
        assert shown.headers["content-type"] == "application/json"
        assert shown.headers["x-content-type-options"] == "nosniff"
    assert hub.read("/summary", person).status_code == 200


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("collection", OF_A_PERSON)
def test_what_would_mislead_a_reader_is_refused_by_name_and_the_feed_goes_on(hub, collection, text):
    person = new_person()
    published(hub, collection, item_of(collection, person, title="Prima"))
    answer = hub.publish(collection, item_of(collection, person, title=text))
    assert code(answer) == (422, "contract.violation")
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/title"]
    assert titles(hub.read(f"/{collection}", person)) == ["Prima"]
