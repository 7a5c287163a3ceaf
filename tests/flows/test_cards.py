"""Digital cards: the picture with its QR, and what the QR says to whoever reads it (S50)."""

import base64
import re
import string
from xml.etree import ElementTree

import pytest

from hub.http.limits import Limiter
from hub.registry import DocumentType
from hub.store.document_types import add_type
from hub.store.erasing import erase_citizen
from hub.store.tables import access_log, items
from tests.flows.making import described_hub, fresh, mail_folder, make_document, new_person, published, rows
from tests.harness import BASE, ENTE

SVG = {"Accept": "image/svg+xml"}
NAMES = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    def prepare(home, _vendor, _portal):
        with home.database.write() as tx:
            add_type(tx, ENTE, "tessera", DocumentType("Tessera della biblioteca", "Library card"))

    folder = tmp_path_factory.mktemp("cards")
    with described_hub(folder / "home", connectors=mail_folder(folder), prepare=prepare) as running:
        yield running


def make_card(person, **fields):
    card = {"fields": [{"label": "Titolare", "value": "ZANZIBAR Mario"}, {"label": "N.", "value": "<b>&7"}]}
    own = {"doc_type": "tessera", "form": "card", "card": card | fields.pop("card", {}), "issuer": "Biblioteca"}
    return make_document(fresh(), recipient={"tax_code": person}, title="Tessera ZANZIBAR", **(own | fields))


def address_of(hub, person, item_id):
    url = hub.read(f"/items/{item_id}", person).json()["verify_url"]
    assert url.startswith(f"{BASE}/public/v1/cards/")
    return url.removeprefix(BASE)


def check(hub, path, accept="application/json"):
    return hub.client.get(path, headers={"Accept": accept})


def issued(hub, **fields):
    person = new_person()
    item = make_card(person, **fields)
    item_id = published(hub, "documents", item)
    return person, item, item_id, address_of(hub, person, item_id)


@pytest.mark.req("S50")
def test_the_qr_says_valid_by_whom_and_until_when_and_not_whose_it_is(hub):
    person, _, item_id, path = issued(hub, valid_from="2026-01-01T00:00:00Z", valid_to="2099-01-01T00:00:00Z")
    answer = check(hub, path)
    content = answer.json()
    content.pop("checked_at")
    assert content == {
        "state": "valid",
        "doc_type": "tessera",
        "type_label": {"it": "Tessera della biblioteca", "en": "Library card"},
        "issuer": "Biblioteca",
        "valid_from": "2026-01-01T00:00:00Z",
        "valid_to": "2099-01-01T00:00:00Z",
    }
    page = check(hub, path, "text/html")
    for told in (answer.text, page.text, path):
        assert not any(secret in told for secret in ("ZANZIBAR", person, item_id))
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.req("S50")
@pytest.mark.parametrize(
    ("fields", "then", "state", "words"),
    [
        ({"valid_from": "2098-01-01T00:00:00Z"}, None, "not_yet_valid", "Non ancora valido"),
        ({"valid_to": "2025-01-01T00:00:00Z"}, None, "expired", "scaduto"),
        ({"card": {"valid_to": "2025-01-01T00:00:00Z"}}, None, "expired", "scaduto"),
        ({}, {"state": "revoked"}, "revoked", "revocato"),
        ({}, "withdrawal", "revoked", "revocato"),
        ({}, "replacement", "superseded", "sostituito"),
    ],
)
def test_a_card_that_does_not_hold_says_why(hub, fields, then, state, words):
    person, item, item_id, path = issued(hub, **fields)
    if then == "withdrawal":
        hub.withdraw(item_id)
    elif then == "replacement":
        links = [{"rel": "replaces", "external_id": item["external_id"]}]
        published(hub, "documents", make_card(person, links=links))
    elif then:
        published(hub, "documents", item | {"version": 2} | then)
    assert check(hub, path).json()["state"] == state
    page = check(hub, path, "text/html,application/xhtml+xml,*/*;q=0.8")
    assert page.status_code == 200
    assert words in page.text
    assert 'lang="it"' in page.text


def test_what_was_never_issued_is_unknown(hub):
    _, _, _, path = issued(hub)
    token = path.rpartition("/")[2]
    document = published(hub, "documents", make_document(fresh(), recipient={"tax_code": new_person()}))
    no_card = hub.hub.cards.address(ENTE, document).removeprefix(BASE)
    never = hub.hub.cards.address(ENTE, "01a21580-0000-7000-8000-000000000000").removeprefix(BASE)
    swapped = token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1]
    # The last letter of base64 carries bits that say nothing: only one writing is good.
    loose = token[:-1] + next(
        c for c in string.ascii_letters + string.digits + "-_" if c != token[-1] and same_bytes(token, c)
    )
    answers = [
        check(hub, where)
        for where in (no_card, never, *(f"/public/v1/cards/{one}" for one in (swapped, loose, "x", "A" * 43, "%00")))
    ]
    told = [{k: v for k, v in answer.json().items() if k != "request_id"} for answer in answers]
    assert [answer.status_code for answer in answers] == [404] * len(answers)
    assert all(each == told[0] for each in told)
    page = check(hub, never, "text/html")
    assert page.status_code == 404
    assert "Documento sconosciuto" in page.text


def same_bytes(token, last):
    def read(text):
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

    return read(token[:-1] + last) == read(token)


@pytest.mark.parametrize("how", ["embargo", "erasure"])
def test_a_card_that_nobody_may_see_is_unknown(hub, how):
    person, _, item_id, path = issued(hub)
    if how == "erasure":
        (row,) = rows(hub, items, item_id=item_id)
        with hub.home.database.write() as tx:
            erase_citizen(tx, ENTE, row["citizen_id"])
    else:
        hidden = published(hub, "documents", make_card(person, visible_from="2098-01-01T00:00:00Z"))
        path = hub.hub.cards.address(ENTE, hidden).removeprefix(BASE)
    assert check(hub, path).status_code == 404


def test_whoever_reads_a_qr_is_in_the_citizens_access_log_and_the_token_is_not(hub):
    _, _, item_id, path = issued(hub)
    check(hub, path)
    logged = [row for row in rows(hub, access_log, item_id=item_id) if row["operation"] == "check_card"]
    assert [(row["portal_id"], row["pseudonym"]) for row in logged] == [("public", "public")]
    assert path.rpartition("/")[2] not in str(logged)


@pytest.mark.usefixtures("one_minute")
def test_guessing_is_slowed_down(hub):
    limiter = Limiter(calls_per_minute=1000, refusals_per_minute=3)
    for _ in range(3):
        limiter.count_stranger("203.0.113.9")
    with pytest.raises(Exception, match="quota") as refused:
        limiter.count_stranger("203.0.113.9")
    assert refused.value.status == 429
    limiter.count_stranger("203.0.113.10")
    limiter.count_call("vendor")


@pytest.mark.req("S50")
def test_the_card_is_a_picture_that_a_screen_reader_can_tell(hub):
    person, _, item_id, path = issued(hub, valid_to="2099-01-01T00:00:00Z")
    answer = hub.read(f"/documents/{item_id}/content", person, headers=SVG)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/svg+xml")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    tree = ElementTree.fromstring(answer.content)
    spoken = {one.tag.removeprefix(NAMES): one.text for one in tree if one.tag in (f"{NAMES}title", f"{NAMES}desc")}
    assert spoken["title"] == "Tessera ZANZIBAR"
    for told in ("Valida", "Biblioteca", "Titolare: ZANZIBAR Mario", "N.: <b>&7", "Valida fino al 01/01/2099"):
        assert told in spoken["desc"]
    assert tree.attrib["role"] == "img"
    assert qr_of(tree) == dark_modules(BASE + path)
    again = hub.read(f"/documents/{item_id}/content", person, headers=SVG | {"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    # A card without a file has no other form.
    assert hub.read(f"/documents/{item_id}/content", person).headers["Content-Type"] == "image/svg+xml"
    head = hub.client.head(f"/feed/v1/documents/{item_id}/content", headers=hub.reader(person))
    assert head.headers["Content-Length"] == str(len(answer.content))


def qr_of(tree):
    """The dark modules of the QR in a card, as it is drawn."""
    (path,) = [one for one in tree.iter(f"{NAMES}path") if one.attrib.get("shape-rendering")]
    dark = set()
    for x, y, width in re.findall(r"M(\d+) (\d+)h(\d+)v1", path.attrib["d"]):
        dark |= {(int(x) + n, int(y)) for n in range(int(width))}
    return dark


def dark_modules(text):
    """The same of a QR of that text by the library's own rendering."""
    import segno

    matrix = segno.make(text, error="m", micro=False).matrix
    return {(x, y) for y, row in enumerate(matrix) for x, dark in enumerate(row) if dark}


@pytest.mark.parametrize(
    ("fields", "state", "words"),
    [({"valid_to": "2025-01-01T00:00:00Z"}, "available", "NON VALIDA: scaduta"), ({"language": "en"}, None, "Valid")],
)
def test_the_picture_says_how_the_card_stands(hub, fields, state, words):
    person, _, item_id, _ = issued(hub, **fields)
    answer = hub.read(f"/documents/{item_id}/content", person, headers=SVG)
    assert words in answer.text
    assert state is None or answer.headers["Document-State"] in (state, "expired")


def test_a_document_that_is_no_card_has_no_picture(hub):
    person = new_person()
    item_id = published(hub, "documents", make_document(fresh(), b"%PDF", recipient={"tax_code": person}))
    hub.upload(item_id, b"%PDF")
    assert hub.read(f"/documents/{item_id}/content", person, headers=SVG).status_code == 406
    both = {"Accept": "image/svg+xml, */*;q=0.1"}
    assert hub.read(f"/documents/{item_id}/content", person, headers=both).content == b"%PDF"
    assert hub.read(f"/items/{item_id}", person).json()["verify_url"] is None


@pytest.mark.req("S60")
def test_nobody_else_gets_the_picture(hub):
    _, _, item_id, _ = issued(hub)
    assert hub.read(f"/documents/{item_id}/content", new_person(), headers=SVG).status_code == 404


def test_a_revoked_card_has_no_picture_any_more(hub):
    person, item, item_id, _ = issued(hub)
    published(hub, "documents", item | {"version": 2, "state": "revoked"})
    assert hub.read(f"/documents/{item_id}/content", person, headers=SVG).status_code == 404
