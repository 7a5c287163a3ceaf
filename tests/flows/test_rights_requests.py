"""A citizen exercises his rights from the personal area (S61-S63, P10): filed, followed, answered, told once."""

import io
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from hub.dispatch.expiring import Expiring
from hub.store.erasing import erase_citizen
from hub.store.files import Files
from hub.store.filing_rights import MOST_OPEN
from hub.store.requests_of_rights import due, today
from hub.store.tables import access_log, items, rights_requests
from tests.flows.administering import admin_of
from tests.flows.making import code, described_hub, fresh, mail_folder, new_person, published, rows, to
from tests.harness import ENTE, make_message

pytestmark = pytest.mark.req("S61", "S62", "S63")

PATH = "/rights-requests"
TEXT = "Il numero civico è 12, non 21: così è scritto sulla porta."
REASONS = "L'indirizzo è quello dell'anagrafe: va corretto lì."
WRONG = {"kind": "rectification", "text": TEXT}
SPID_3 = "https://www.spid.gov.it/SpidL3"


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    folder = tmp_path_factory.mktemp("rights")
    with described_hub(folder / "home", connectors=mail_folder(folder)) as running:
        yield running


@pytest.fixture(scope="module")
def officer(hub):
    return admin_of(hub, "dario.gialli", "data-protection")


def quiet_item(hub, person, **fields):
    return published(hub, "messages", make_message(fresh(), tax_code=person, notify={"channels": []}, **fields))


def filed(hub, person, wish=WRONG, status=201, **how):
    answer = hub.write(PATH, wish, person, **how)
    assert answer.status_code == status, answer.text
    return answer.json()


def own(hub, person, **claims):
    answer = hub.client.get(f"/feed/v1{PATH}", headers=hub.reader(person, **claims))
    assert answer.status_code == 200
    return answer.json()["items"]


def close(officer, request_id, outcome="refused", answer=REASONS):
    words = {} if answer is None else {"answer": answer}
    return officer.post(f"{PATH}/{request_id}/closures", {"outcome": outcome} | words)


def notices(hub, person):
    return [
        hub.read(f"/items/{each['item_id']}", person).json() for each in hub.read("/messages", person).json()["items"]
    ]


def test_a_request_joins_the_list_that_administrators_work_on(hub, officer, person):
    item_id = quiet_item(hub, person)
    answer = hub.write(PATH, WRONG | {"item_id": item_id}, person)
    made = answer.json()
    with hub.home.database.read() as connection:
        day = today(hub.home.database.now(connection))
    assert (answer.status_code, answer.headers["location"].rpartition("/feed/v1")[2]) == (
        201,
        f"{PATH}/{made['request_id']}",
    )
    assert (made["received_on"], made["due_on"]) == (day.isoformat(), due(day).isoformat())
    assert (made["state"], made["late"], made["answer"]) == ("open", False, None)
    assert (made["text"], made["item_id"], made["filed_by"]) == (TEXT, item_id, "citizen")
    assert own(hub, person) == [made]
    assert hub.read(f"{PATH}/{made['request_id']}", person).json() == made
    [listed] = [each for each in officer.get(PATH).json()["items"] if each["request_id"] == made["request_id"]]
    assert (listed["filed_by"], listed["item_id"], listed["due_on"]) == ("citizen", item_id, made["due_on"])
    shown = officer.get(f"{PATH}/{made['request_id']}").json()
    assert shown == listed | {"tax_code": person, "text": TEXT, "answer": None}


def test_nothing_of_it_is_kept_in_clear_and_who_looked_is_on_record(hub, officer, person):
    made = filed(hub, person)
    officer.get(f"{PATH}/{made['request_id']}")
    close(officer, made["request_id"])
    [row] = rows(hub, rights_requests, request_id=made["request_id"])
    acts = rows(hub, access_log, citizen_id=row["citizen_id"])
    kept = json.dumps([row, *acts], default=repr, ensure_ascii=False)
    for personal in (person, TEXT, REASONS):
        assert personal not in kept
    seen = [(each["actor"], each["operation"]) for each in hub.read("/access-log", person).json()["items"]]
    assert {
        ("portal", "file_rights_request"),
        ("administrator", "show_rights_request"),
        ("administrator", "close_rights_request"),
    } <= set(seen)


def test_the_answer_is_read_in_the_area_and_told_of_once(hub, officer):
    person = new_person()
    published(hub, "messages", make_message(fresh(), **to(person)))
    made = filed(hub, person)
    silent = close(officer, made["request_id"], answer=None)
    assert (code(silent), silent.json()["errors"][0]["pointer"]) == ((422, "contract.violation"), "/answer")
    assert own(hub, person) == [made]
    closed = close(officer, made["request_id"])
    assert (closed.status_code, closed.json()["outcome"]) == (200, "refused")
    assert code(close(officer, made["request_id"], "done")) == (409, "rights_request.closed")
    [request] = own(hub, person)
    assert (request["state"], request["answer"], request["text"]) == ("refused", REASONS, TEXT)
    assert request["closed_at"] == closed.json()["closed_at"]
    [notice] = [each for each in notices(hub, person) if each["content"]["kind"] == "outcome"]
    assert notice["title"] == "Risposta alla tua richiesta sui tuoi dati"
    assert "rettifica" in notice["content"]["body_markdown"]
    assert "Garante" in notice["content"]["body_markdown"]
    # A notice leaves by channels of others: it has neither the question nor the answer.
    assert not [words for words in (TEXT, REASONS) if words in json.dumps(notice, ensure_ascii=False)]
    assert {each["channel"] for each in notice["deliveries"]} == {"io", "email"}


def test_who_reads_english_is_told_in_english(hub, officer, person):
    assert hub.write("/preferences", {"language": "en"}, person, method="PATCH").status_code == 200
    close(officer, filed(hub, person, {"kind": "access"})["request_id"], "done", None)
    [notice] = notices(hub, person)
    assert notice["title"] == "Answer to your request about your data"
    assert "access to your data) was granted" in notice["content"]["body_markdown"]


def test_the_same_request_is_one_as_long_as_it_waits(hub, officer, person):
    made = filed(hub, person)
    assert filed(hub, person, status=200) == made
    others = [WRONG | {"text": f"{TEXT} E il CAP."}, {"kind": "objection", "text": TEXT}, {"kind": "access"}]
    assert len({filed(hub, person, wish)["request_id"] for wish in others}) == 3
    close(officer, made["request_id"])
    assert filed(hub, person)["request_id"] != made["request_id"]
    assert len(own(hub, person)) == 5


def test_no_more_wait_at_once_than_people_can_answer(hub, officer, person):
    made = [filed(hub, person, {"kind": "erasure", "text": f"{number}"}) for number in range(MOST_OPEN)]
    assert code(hub.write(PATH, WRONG, person)) == (409, "request.pending")
    assert filed(hub, person, {"kind": "erasure", "text": "0"}, 200) == made[0], "what waits already is no more"
    close(officer, made[0]["request_id"])
    filed(hub, person)


def test_the_same_request_at_the_same_moment_is_one(hub, person):
    with ThreadPoolExecutor(4) as pool:
        answers = [each.result() for each in [pool.submit(hub.write, PATH, WRONG, person) for _ in range(4)]]
    assert sorted(each.status_code for each in answers) == [200, 200, 200, 201]
    assert len(own(hub, person)) == 1


@pytest.mark.parametrize(
    ("wish", "status", "pointer"),
    [
        ({}, 422, "/kind"),
        ({"kind": "revenge"}, 422, "/kind"),
        ({"kind": "rectification"}, 422, "/text"),
        ({"kind": "objection", "text": " \n "}, 422, "/text"),
        ({"kind": "objection", "text": "\u200b\n\u2800"}, 422, "/text"),
        ({"kind": "restriction", "text": "x" * 4001}, 422, "/text"),
        ({"kind": "access", "text": "a\u0000b"}, 422, "/text"),
        ({"kind": "access", "text": "a\u202eb"}, 422, "/text"),
        ({"kind": "access", "tax_code": "RSSMRA80A01H501U"}, 422, "/tax_code"),
        ({"kind": "access", "item_id": "1"}, 422, "/item_id"),
        ({"kind": "access", "item_id": "0199d1a2-7b3c-7d4e-8f50-6a7b8c9d0e1f"}, 422, "/item_id"),
        ("[]", 400, ""),
        ("{", 400, ""),
    ],
)
def test_what_is_no_request_changes_nothing(hub, person, wish, status, pointer):
    answer = hub.write(PATH, wish, person)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (status, pointer)
    assert own(hub, person) == []


def test_too_long_another_form_and_parameters_are_refused(hub, person):
    assert code(hub.write(PATH, {"kind": "access", "text": "x" * 70_000}, person)) == (413, "body.too_large")
    crowd = hub.write(PATH, WRONG | {f"{number:x}": 0 for number in range(6000)}, person)
    assert crowd.json()["errors"][0]["code"] == "body.too_many", "each unknown name costs everybody's time"
    headers = {"Content-Type": "text/plain"}
    assert code(hub.write(PATH, WRONG, person, headers=headers)) == (415, "media.unsupported")
    assert code(hub.write(f"{PATH}?kind=access", WRONG, person)) == (400, "request.invalid")
    assert own(hub, person) == []


def test_the_longest_text_there_may_be_is_kept_whole(hub, person):
    text = "😀" * 4000
    assert filed(hub, person, {"kind": "objection", "text": text})["text"] == text
    assert own(hub, person)[0]["text"] == text


def test_a_token_files_once(hub, person):
    tokens = hub.reader(person)
    made = filed(hub, person, headers=tokens)
    again = hub.write(PATH, {"kind": "access"}, person, headers=tokens)
    assert code(again) == (409, "token.replayed")
    assert own(hub, person) == [made]


def test_a_portal_without_the_scope_files_nothing(hub, person):
    answer = hub.write(PATH, WRONG, person, headers=hub.reader(person, scopes="feed:read"))
    assert code(answer) == (403, "scope.missing")
    assert own(hub, person) == []


def test_under_a_delegation_it_is_the_others_and_says_so(hub, officer, raccordo, monkeypatch):
    principal, delegate = new_person(), new_person()
    for each in (principal, delegate):
        quiet_item(hub, each)
    acting = {"on_behalf_of": f"TINIT-{principal}"}
    refused = hub.write(PATH, WRONG, headers=hub.reader(delegate, **acting))
    assert code(refused) == (403, "delegation.inactive")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{principal}\n{delegate}\n"))
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    given = raccordo("delegation", "add", "--to", tomorrow, "--json")["delegation_id"]
    made = filed(hub, delegate, headers=hub.reader(delegate, **acting))
    assert made["filed_by"] == "delegate"
    assert own(hub, delegate) == []
    assert own(hub, principal) == own(hub, delegate, **acting) == [made]
    shown = officer.get(f"{PATH}/{made['request_id']}").json()
    assert (shown["tax_code"], shown["delegation_id"]) == (principal, given)
    raccordo("delegation", "end", given)
    assert code(hub.write(PATH, {"kind": "access"}, headers=hub.reader(delegate, **acting))) == (
        403,
        "delegation.inactive",
    )
    assert len(own(hub, principal)) == 1


def test_a_delegate_who_asks_for_much_keeps_nobody_from_his_own_rights(hub, officer, raccordo, monkeypatch):
    principal, delegate = new_person(), new_person()
    for each in (principal, delegate):
        quiet_item(hub, each)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{principal}\n{delegate}\n"))
    raccordo("delegation", "add", "--to", (datetime.now(UTC) + timedelta(days=1)).isoformat())

    def asks(number):
        tokens = hub.reader(delegate, on_behalf_of=f"TINIT-{principal}")
        return hub.write(PATH, {"kind": "erasure", "text": f"{number}"}, headers=tokens)

    assert {asks(number).status_code for number in range(MOST_OPEN)} == {201}
    assert code(asks(MOST_OPEN)) == (409, "request.pending")
    assert filed(hub, principal)["filed_by"] == "citizen"
    same = filed(hub, principal, {"kind": "erasure", "text": "0"})
    assert same["filed_by"] == "citizen", "what the office may refuse the delegate is not all there is of it"


def test_nobody_reads_or_names_what_is_anothers(hub):
    a, b = new_person(), new_person()
    item_id = quiet_item(hub, b)
    made = filed(hub, b, WRONG | {"item_id": item_id})
    assert code(hub.read(f"{PATH}/{made['request_id']}", a)) == (404, "rights_request.unknown")
    assert own(hub, a) == []
    named = hub.write(PATH, WRONG | {"item_id": item_id}, a)
    assert (named.status_code, named.json()["errors"][0]["code"]) == (422, "item.unknown")
    filed(hub, b, {"kind": "access"})
    cursor = hub.read(f"{PATH}?limit=1", b).json()["next_cursor"]
    assert hub.read(f"{PATH}?limit=1&cursor={cursor}", b).json()["items"] == [made]
    assert hub.read(f"{PATH}?limit=1&cursor={cursor}", a).status_code == 400


@pytest.mark.parametrize("request_id", ["x", "%00", "0199d1a2-7b3c-7d4e-8f50-6a7b8c9d0e1f", "..%2Fitems"])
def test_one_that_is_not_there_is_not_found(hub, officer, person, request_id):
    assert hub.read(f"{PATH}/{request_id}", person).status_code == 404
    assert officer.get(f"{PATH}/{request_id}").status_code in (400, 404)


def test_what_is_said_about_an_item_asks_for_the_items_level(hub, officer, person):
    item_id = quiet_item(hub, person, min_loa=3)
    wish = WRONG | {"item_id": item_id}
    assert hub.write(PATH, wish, person).status_code == 422
    made = filed(hub, person, wish, headers=hub.reader(person, acr=SPID_3))
    close(officer, made["request_id"])
    assert own(hub, person) == []
    assert hub.read(f"{PATH}/{made['request_id']}", person).status_code == 404
    assert notices(hub, person) == []
    assert [each["answer"] for each in own(hub, person, acr=SPID_3)] == [REASONS]
    export = hub.read("/export", person)
    assert made["request_id"] not in export.text
    assert export.json()["left_out"]["higher_level"] == 3, "the item, the request, the notice"
    [row] = hub.client.get("/feed/v1/export", headers=hub.reader(person, acr=SPID_3)).json()["requests"]
    assert (row["text"], row["answer"], row["item_id"]) == (TEXT, REASONS, item_id)


def test_a_lower_level_is_not_told_that_the_same_waits_already(hub, person):
    """Whoever knew the item and guessed the words was answered with the request that this level must not see."""
    wish = {"kind": "erasure", "item_id": quiet_item(hub, person, min_loa=3)}
    made = filed(hub, person, wish, headers=hub.reader(person, acr=SPID_3))
    refused = hub.write(PATH, wish, person)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "item.unknown")
    assert filed(hub, person, wish, 200, headers=hub.reader(person, acr=SPID_3)) == made


def test_what_was_noted_at_the_desk_is_shown_and_told_too(hub, officer, person):
    quiet_item(hub, person)
    noted = officer.post(PATH, {"kind": "access", "tax_code": person})
    assert noted.headers["location"] == f"/admin/v1{PATH}/{noted.json()['request_id']}"
    [request] = own(hub, person)
    assert (request["filed_by"], request["text"], request["state"]) == ("office", None, "open")
    assert close(officer, request["request_id"], answer=None).status_code == 200, "the reasons were given on paper"
    assert own(hub, person)[0]["state"] == "refused"
    [notice] = [each for each in notices(hub, person) if each["content"]["kind"] == "outcome"]
    assert "personale" not in notice["content"]["body_markdown"].partition(" Puoi ")[0], "there are no reasons to read"


def test_for_somebody_of_whom_nothing_is_held_no_answer_can_be_kept(hub, officer):
    noted = officer.post(PATH, {"kind": "access", "tax_code": new_person()}).json()
    assert close(officer, noted["request_id"]).json()["errors"][0]["pointer"] == "/answer"
    assert close(officer, noted["request_id"], answer=None).status_code == 200


def test_of_whoever_was_erased_the_request_stays_without_a_word(hub, officer, person):
    made = filed(hub, person)
    [row] = rows(hub, rights_requests, request_id=made["request_id"])
    with hub.home.database.write() as tx:
        erase_citizen(tx, ENTE, row["citizen_id"])
    [row] = rows(hub, rights_requests, request_id=made["request_id"])
    assert (row["text_sealed"], row["due_on"]) == (None, made["due_on"])
    shown = officer.get(f"{PATH}/{made['request_id']}").json()
    assert (shown["tax_code"], shown["text"]) == (None, None)
    assert close(officer, made["request_id"]).status_code == 422
    assert close(officer, made["request_id"], answer=None).json()["outcome"] == "refused"
    assert [each for each in rows(hub, items, citizen_id=row["citizen_id"]) if each["lifecycle"] == "active"] == []


def test_the_words_go_two_years_after_the_answer(hub, officer, person):
    old, recent = filed(hub, person), filed(hub, person, {"kind": "access", "text": "tutto"})
    for each in (old, recent):
        close(officer, each["request_id"])
    with hub.home.database.write() as tx:
        of_old = rights_requests.c.request_id == old["request_id"]
        long_ago = update(rights_requests).where(of_old).values(closed_at=tx.now - timedelta(days=732))
        tx.connection.execute(long_ago)
    Expiring(hub.hub.committer, Files(hub.home.folder / "files", hub.home.vault), hub.hub.clock)()
    words = [(each["text"], each["answer"], each["state"]) for each in own(hub, person)]
    assert words == [("tutto", REASONS, "refused"), (None, None, "refused")]


def test_the_command_line_shows_and_answers_it(hub, person, raccordo, monkeypatch):
    published(hub, "messages", make_message(fresh(), **to(person)))
    made = filed(hub, person)
    [listed] = [each for each in raccordo("request", "list", "--json") if each["request_id"] == made["request_id"]]
    assert (listed["kind"], listed["filed_by"]) == ("rectification", "citizen")
    assert person not in json.dumps(listed)
    shown = raccordo("request", "show", made["request_id"], "--json")
    assert (shown["tax_code"], shown["text"]) == (person, TEXT)
    assert "refusal says why" in raccordo("request", "close", made["request_id"], "--outcome", "refused", code=2)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(f"{REASONS}\n".encode())))
    raccordo("request", "close", made["request_id"], "--outcome", "refused", "--answer", "-")
    assert own(hub, person)[0]["answer"] == REASONS
    [notice] = [each for each in notices(hub, person) if each["content"]["kind"] == "outcome"]
    assert {each["channel"] for each in notice["deliveries"]} == {"io", "email"}
    operations = {each["operation"] for each in hub.read("/access-log", person).json()["items"]}
    assert {"show_rights_request", "close_rights_request"} <= operations


def test_what_a_citizen_wrote_looks_like_no_other_field_at_the_command_line(hub, person, raccordo):
    """A line of his own said whose request it is: `tax_code: ` and somebody else's."""
    other = new_person()
    text = f"Cancellate tutto.\ntax_code: {other}\n\rtax code  {other}\u2028tax code  {other}"
    made = filed(hub, person, {"kind": "erasure", "text": text})
    said = raccordo("request", "show", made["request_id"])
    assert other in said
    fields = [line for line in said.splitlines() if not line.startswith(" ")]
    assert [line.split()[-1] for line in fields if line.startswith("tax")] == [person]
    assert not [line for line in fields if other in line]


def test_only_who_accounts_for_data_reads_them(hub, person):
    made = filed(hub, person)
    operator = admin_of(hub, "olga.verdi", "operator")
    assert code(operator.get(f"{PATH}/{made['request_id']}")) == (403, "role.missing")
    assert code(close(operator, made["request_id"])) == (403, "role.missing")
