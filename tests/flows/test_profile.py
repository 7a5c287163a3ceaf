"""The profile: an address counts once its owner has opened the link sent there; registers' data, source and date."""

import json
import re
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from sqlalchemy import insert, select, update

from connectors.registry import simulate
from hub.store.tables import citizen_contacts, dead_addresses
from tests.flows.making import fresh, published, rows, to
from tests.harness import ENTE, eventually, make_message, running_hub

MAIL = {"notify": {"channels": ["email"]}}
CONTACTS = citizen_contacts.c


@pytest.fixture(scope="module")
def mail(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mail")
    simulation = simulate("email", folder)
    yield folder, simulation.start()
    simulation.stop()


@pytest.fixture(scope="module")
def hub(tmp_path_factory, kind, mail):
    folder = tmp_path_factory.mktemp("profile") / "home"
    with running_hub(folder, connectors={"mail": ("email", dict(mail[1]))}) as hub:
        yield hub


@pytest.fixture
def letters(mail):
    def of(address):
        """The texts that came to an address, oldest first."""
        found = []
        for file in sorted(mail[0].rglob("*.eml")):
            message = message_from_bytes(file.read_bytes(), policy=policy.default)
            if address in str(message["To"]):
                found.append(message.get_body(("plain",)).get_content())
        return found

    return of


def give(hub, person, email, **headers):
    return hub.write("/profile", {"email": email}, person, method="PATCH", headers=headers)


def link_in(text):
    (found,) = set(re.findall(r"https://hub\.comune\.example\.it(/public/v1/contacts/[\w-]+)", text))
    return found


def address(person):
    return f"{person.lower()}@example.org"


def shown(hub, person):
    return [(each["value"], each["state"]) for each in hub.read("/profile", person).json()["contacts"]]


def confirmed(hub, person, email, letters):
    assert give(hub, person, email).status_code == 200
    (text,) = eventually(lambda: letters(email), bool)
    assert hub.client.post(link_in(text)).status_code == 200


@pytest.mark.req("S5")
def test_an_address_counts_once_its_owner_has_opened_the_link(hub, person, letters):
    email = address(person)
    answer = give(hub, person, email)
    assert answer.status_code == 200
    (contact,) = answer.json()["contacts"]
    assert (contact["value"], contact["state"], contact["source"]) == (email, "unverified", "citizen")
    assert contact["confirm_until"] is not None
    (text,) = eventually(lambda: letters(email), bool)
    link = link_in(text)
    assert person not in link
    # Scanners follow links: looking verifies nothing.
    page = hub.client.get(link)
    assert "Comune di Prova" in page.text, "who asks"
    assert (page.status_code, 'method="post"' in page.text) == (200, True)
    assert shown(hub, person) == [(email, "unverified")]
    assert "Indirizzo confermato" in hub.client.post(link).text
    assert hub.client.post(link).status_code == 200
    assert shown(hub, person) == [(email, "verified")]
    item_id = published(hub, "messages", make_message(fresh(), **to(person, None), **MAIL))
    eventually(lambda: hub.read(f"/items/{item_id}", person).json()["deliveries"][0]["state"], "delivered".__eq__)
    assert len(letters(email)) == 2
    operations = [each["operation"] for each in hub.read("/access-log", person).json()["items"]]
    assert {"change_profile", "confirm_contact", "show_profile"} <= set(operations)


@pytest.mark.req("S5")
def test_the_link_is_in_the_letter_alone(hub, person, letters):
    email = address(person)
    give(hub, person, email)
    (text,) = eventually(lambda: letters(email), bool)
    token = link_in(text).rpartition("/")[2]
    (message,) = hub.read("/messages", person).json()["items"]
    whole = hub.read(f"/items/{message['item_id']}", person)
    assert message["title"] == "Conferma il tuo indirizzo e-mail"
    assert token not in whole.text
    assert "/public/v1/contacts/" not in whole.text


@pytest.mark.req("S5")
def test_until_the_new_address_is_confirmed_the_old_one_counts(hub, person, letters):
    old, new = address(person), f"nuovo.{address(person)}"
    confirmed(hub, person, old, letters)
    give(hub, person, new)
    assert shown(hub, person) == [(old, "verified"), (new, "unverified")]
    (text,) = eventually(lambda: letters(new), bool)
    hub.client.post(link_in(text))
    assert shown(hub, person) == [(new, "verified")]
    superseded = hub.client.get(link_in(letters(old)[0]))
    assert (superseded.status_code, "<button" in superseded.text) == (410, False)


def test_an_address_that_was_taken_back_cannot_be_confirmed_any_more(hub, person, letters):
    email = address(person)
    give(hub, person, email)
    (text,) = eventually(lambda: letters(email), bool)
    assert "<button" in hub.client.get(link_in(text)).text
    assert give(hub, person, None).json()["contacts"] == []
    for answer in (hub.client.get(link_in(text)), hub.client.post(link_in(text))):
        assert (answer.status_code, "non più valido" in answer.text) == (410, True)
        assert "<button" not in answer.text
    assert shown(hub, person) == []
    published(hub, "messages", make_message(fresh(), **to(person, None), **MAIL))
    reasons = {each["reason"] for each in eventually(hub.settled, bool) if each["reason"]}
    assert "email.no_address" in reasons


def test_a_verified_address_can_be_taken_back(hub, person, letters):
    confirmed(hub, person, address(person), letters)
    assert give(hub, person, None).json()["contacts"] == []
    assert shown(hub, person) == []


@pytest.mark.parametrize("token", ["x", "AAAA", "a" * 200])
def test_a_link_that_is_not_ours_says_so_and_no_more(hub, token):
    for answer in (hub.client.get(f"/public/v1/contacts/{token}"), hub.client.post(f"/public/v1/contacts/{token}")):
        assert answer.status_code == 404
        assert "Collegamento non valido" in answer.text


def test_the_link_of_another_letter_confirms_nothing(hub, person, letters):
    """One sealed for another purpose."""
    published(hub, "messages", make_message(fresh(), **to(person, address(person)), **MAIL))
    (text,) = eventually(lambda: letters(address(person)), bool)
    (token,) = set(re.findall(r"/public/v1/unsubscribes/([\w-]+)", text)) or {"none"}
    assert hub.client.post(f"/public/v1/contacts/{token}").status_code == 404


def test_asked_again_at_once_no_second_letter_leaves(hub, person, letters):
    email = address(person)
    give(hub, person, email)
    eventually(lambda: letters(email), bool)
    give(hub, person, email)
    give(hub, person, email.upper())
    hub.settled()
    assert len(letters(email)) == 1


def test_five_addresses_a_day_are_enough_however_they_are_taken_back(hub, person):
    for number in range(5):
        assert give(hub, person, f"{number}.{address(person)}").status_code == 200
        assert give(hub, person, None).status_code == 200
    refused = give(hub, person, f"6.{address(person)}")
    assert (refused.status_code, refused.json()["code"]) == (429, "quota.exceeded")
    assert "retry-after" in refused.headers
    assert shown(hub, person) == []


def test_nor_can_one_address_be_written_to_more_often_by_giving_it_again(hub, person, letters):
    for _ in range(5):
        assert give(hub, person, address(person)).status_code == 200
        assert give(hub, person, None).status_code == 200
    refused = give(hub, person, address(person))
    assert (refused.status_code, refused.json()["code"]) == (429, "quota.exceeded")
    hub.settled()
    assert len(letters(address(person))) <= 5


def test_a_link_of_two_days_ago_is_void(hub, person, letters):
    email = address(person)
    give(hub, person, email)
    (text,) = eventually(lambda: letters(email), bool)
    with hub.home.database.write() as tx:
        old = update(citizen_contacts).where(CONTACTS.value_hash == hub.home.vault.keyed_hash("email", email))
        tx.connection.execute(old.values(updated_at=tx.now - timedelta(hours=49)))
    (contact,) = hub.read("/profile", person).json()["contacts"]
    assert contact["confirm_until"] is None
    give(hub, person, f"altro.{email}")  # which clears away what is too old
    assert hub.client.post(link_in(text)).status_code == 410


def test_an_address_to_which_nothing_got_through_is_written_to_again_once_confirmed(hub, person, letters):
    email = address(person)
    with hub.home.database.write() as tx:
        dead = {"ente_id": ENTE, "address_hash": hub.home.vault.keyed_hash("email", email), "reason": "email.bounced"}
        tx.connection.execute(insert(dead_addresses), dead | {"at": tx.now})
    item_id = published(hub, "messages", make_message(fresh(), **to(person, email), **MAIL))

    def told(item_id):
        found = hub.read(f"/items/{item_id}", person).json()["deliveries"]
        return [(each["state"], each["reason"]) for each in found]

    eventually(lambda: told(item_id), lambda found: found == [("skipped", "email.address_dead")])
    give(hub, person, email)
    (text,) = eventually(lambda: letters(email), bool)
    hub.client.post(link_in(text))
    again = published(hub, "messages", make_message(fresh(), **to(person, email), **MAIL))
    eventually(lambda: told(again), lambda found: found == [("delivered", None)])


@pytest.mark.parametrize(
    ("patch", "status", "code"),
    [
        ({}, 422, "contract.violation"),
        ({"email": "non è un indirizzo"}, 422, "contract.violation"),
        ({"email": "a@example.org", "phone": "1"}, 422, "contract.violation"),
        ("[]", 400, "request.invalid"),
    ],
)
def test_what_is_no_address_changes_nothing(hub, person, patch, status, code):
    answer = hub.write("/profile", patch, person, method="PATCH")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert shown(hub, person) == []


def test_a_change_of_what_somebody_else_changed_meanwhile_is_refused(hub, person):
    tag = hub.read("/profile", person).headers["etag"]
    assert give(hub, person, address(person), **{"If-Match": tag}).status_code == 200
    stale = give(hub, person, f"b.{address(person)}", **{"If-Match": tag})
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition.failed")
    fresh_tag = hub.read("/profile", person).headers["etag"]
    assert hub.read("/profile", person, headers={"If-None-Match": fresh_tag}).status_code == 304


def test_a_letter_goes_out_whatever_was_switched_off(hub, person, letters):
    off = {"channels": {"email": False}, "quiet_hours": {"start": "00:00", "end": "23:59"}}
    assert hub.write("/preferences", off, person, method="PATCH").status_code == 200
    give(hub, person, address(person))
    eventually(lambda: letters(address(person)), bool)


@pytest.mark.req("S40")
def test_what_registers_say_is_shown_with_source_and_date(hub, person, raccordo, tmp_path):
    file = tmp_path / "anpr.jsonl"
    line = {"tax_code": person, "as_of": "2026-11-01T00:00:00Z"}
    values = {"birth_place": "Roma", "residence": "Via dei Mille 1"}
    file.write_text(json.dumps(line | {"attributes": values}))
    answer = raccordo("attribute", "import", "--source", "anpr", "--file", str(file), "--json")
    assert (answer["people"], answer["changed"]) == (1, 2)
    assert hub.read("/profile", person).json()["attributes"] == [
        {"code": name, "value": value, "source": "anpr", "as_of": "2026-11-01T00:00:00Z"}
        for name, value in sorted(values.items())
    ]
    older = line | {"as_of": "2026-10-01T00:00:00Z", "attributes": {"residence": "Via vecchia"}}
    file.write_text(json.dumps(older))
    assert raccordo("attribute", "import", "--source", "anpr", "--file", str(file), "--json")["changed"] == 0
    moved = line | {"as_of": "2026-11-20T00:00:00Z", "attributes": {"residence": None}}
    file.write_text(json.dumps(moved))
    raccordo("attribute", "import", "--source", "anpr", "--file", str(file))
    assert [each["code"] for each in hub.read("/profile", person).json()["attributes"]] == ["birth_place"]


def test_an_extract_with_a_wrong_line_is_not_taken_at_all_and_names_nobody(hub, person, raccordo, tmp_path):
    file = tmp_path / "anpr.jsonl"
    good = {"tax_code": person, "as_of": "2026-11-01T00:00:00Z", "attributes": {"birth_place": "Roma"}}
    file.write_text(json.dumps(good) + "\n" + json.dumps(good | {"tax_code": person[:-1]}))
    said = raccordo("attribute", "import", "--source", "anpr", "--file", str(file), code=2)
    assert "line 2: tax_code" in said
    assert person[:-1] not in said
    assert hub.read("/profile", person).json()["attributes"] == []


def test_at_rest_the_address_is_sealed(hub, person):
    give(hub, person, address(person))
    found = [row for row in rows(hub, citizen_contacts) if address(person).encode() in bytes(row["value_sealed"])]
    assert found == []
    with hub.home.database.read() as connection:
        assert connection.execute(select(CONTACTS.value_hash)).scalars().all()
