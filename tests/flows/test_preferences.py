"""How a citizen wishes to be told, from the portal's request to what leaves and what does not."""

from datetime import UTC, datetime, timedelta

import pytest

from contracts.base import ROME
from hub.store.citizens import Subject
from hub.store.contacts import contact_place
from hub.store.tables import access_log, channel_opt_outs, citizen_contacts, deliveries, items, preferences
from tests.flows.making import (
    code,
    described_hub,
    fresh,
    mail_folder,
    make_application,
    new_person,
    notice_number,
    published,
    rows,
    to,
)
from tests.harness import eventually, make_message, make_payment

NOTHING_SAID = {
    "language": None,
    "quiet_hours": None,
    "digest": "off",
    "channels": {"io": True, "email": True},
    "without_service": {"io": True, "email": True},
    "services": [],
    "unsubscribed": [],
    "always_sent": ["alert", "integration_request", "outcome"],
}
MAIL = {"notify": {"channels": ["email"]}}
OFF_FOR_TARI = {"services": [{"service_id": "tari", "io": True, "email": False}]}


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    folder = tmp_path_factory.mktemp("preferences")
    with described_hub(folder / "home", connectors=mail_folder(folder)) as running:
        yield running


def change(hub, person, patch, **headers):
    return hub.write("/preferences", patch, person, method="PATCH", headers=headers)


def wish(hub, person, **patch):
    response = change(hub, person, patch)
    assert response.status_code == 200, response.text
    return response.json()


def told(hub, item_id):
    """(channel, state, reason) of what was to leave about an item, once it has come to rest."""
    about = {row["item_id"] for row in rows(hub, items, about_item_id=item_id, collection="messages")} | {item_id}

    def look():
        return [row for message in about for row in rows(hub, deliveries, message_id=message)]

    at_rest = eventually(look, lambda seen: all(r["state"] != "queued" or r["due_at"] > r["created_at"] for r in seen))
    return [(row["channel"], row["state"], row["reason"]) for row in sorted(at_rest, key=lambda r: r["delivery_id"])]


# --- saying and reading them


@pytest.mark.req("S62")
def test_whoever_said_nothing_reads_what_then_holds(hub, person):
    response = hub.read("/preferences", person)
    assert response.json() == NOTHING_SAID
    assert hub.read("/preferences", person, headers={"If-None-Match": response.headers["ETag"]}).status_code == 304


@pytest.mark.req("S5", "S62")
def test_what_was_said_is_read_again_and_merged(hub, person):
    """Nothing was published for this person yet: the wishes come first."""
    wish(hub, person, language="en", quiet_hours={"start": "22:00", "end": "07:00"}, **OFF_FOR_TARI)
    wish(hub, person, channels={"io": False})
    now = wish(hub, person, without_service={"email": False}, quiet_hours=None)
    assert now == NOTHING_SAID | OFF_FOR_TARI | {
        "language": "en",
        "channels": {"io": False, "email": True},
        "without_service": {"io": True, "email": False},
    }
    assert hub.read("/preferences", person).json() == now
    assert wish(hub, person, language=None, channels=None, without_service=None, services=[]) == NOTHING_SAID


def test_two_portals_do_not_undo_each_others_change(hub, person):
    seen = hub.read("/preferences", person).headers["ETag"]
    first = change(hub, person, {"language": "en"}, **{"If-Match": seen})
    assert first.status_code == 200
    assert code(change(hub, person, {"language": "it"}, **{"If-Match": seen})) == (412, "precondition.failed")
    assert change(hub, person, {"language": "it"}, **{"If-Match": first.headers["ETag"]}).status_code == 200


@pytest.mark.parametrize(
    ("patch", "status", "refused"),
    [
        ({}, 400, "request.invalid"),
        ({"digest": "daily"}, 422, "contract.violation"),
        ({"language": "de"}, 422, "contract.violation"),
        ({"quiet_hours": {"start": "22:00"}}, 422, "contract.violation"),
        ({"quiet_hours": {"start": "24:00", "end": "07:00"}}, 422, "contract.violation"),
        ({"quiet_hours": {"start": "07:00", "end": "07:00"}}, 422, "contract.violation"),
        ({"channels": {"io": None}}, 400, "request.invalid"),
        ({"channels": {"sms": True}}, 422, "contract.violation"),
        ({"services": [{"service_id": "tari", "io": True, "email": True}] * 2}, 422, "contract.violation"),
        ({"services": [{"service_id": "**", "io": True, "email": True}]}, 422, "contract.violation"),
        ({"unsubscribed": [{"service_id": "tari"}]}, 422, "contract.violation"),
        ({"always_sent": []}, 422, "contract.violation"),
    ],
)
def test_what_cannot_be_wished_is_refused_and_changes_nothing(hub, person, patch, status, refused):
    assert code(change(hub, person, patch)) == (status, refused)
    assert hub.read("/preferences", person).json() == NOTHING_SAID


def test_a_request_counts_once_and_is_in_the_access_log(hub, person):
    pseudonym = fresh("session")
    headers = hub.reader(person, sub=pseudonym)
    assert change(hub, person, {"language": "en"}, **headers).status_code == 200
    assert code(change(hub, person, {"language": "en"}, **headers)) == (409, "token.replayed")
    logged = rows(hub, access_log, operation="change_preferences", pseudonym=pseudonym)
    first, second = sorted(logged, key=lambda row: row["outcome"])
    assert [first["outcome"], second["outcome"]] == ["ok", "token.replayed"]
    assert first["citizen_id"] is not None


@pytest.mark.req("S60")
def test_one_citizens_wishes_are_not_anothers_and_are_sealed(hub, person):
    wish(hub, person, language="en", quiet_hours={"start": "22:22", "end": "07:07"})
    assert hub.read("/preferences", new_person()).json() == NOTHING_SAID
    assert not any(b"22:22" in row["record_sealed"] for row in rows(hub, preferences))


def test_a_reader_may_not_change_them(hub, person):
    refused = change(hub, person, {"language": "en"}, **hub.reader(person, scopes="feed:read"))
    assert code(refused) == (403, "scope.missing")


# --- what leaves


@pytest.mark.req("S62")
@pytest.mark.parametrize("collection", ["messages", "payments"])
def test_what_is_off_for_a_service_is_skipped_and_stays_in_the_feed(hub, person, collection):
    """A rule's message is not even planned, a vendor's own is held back when it is about to be sent."""
    wish(hub, person, **OFF_FOR_TARI)
    make = make_message if collection == "messages" else make_payment
    item_id = published(hub, collection, make(fresh(), **to(person), **MAIL, service_id="tari"))
    assert told(hub, item_id) == [("email", "skipped", "email.opted_out")]
    other = published(hub, collection, make(fresh(), **to(person), **MAIL, **_own_number(collection)))
    assert told(hub, other) == [("email", "delivered", None)]
    assert len(hub.read("/messages", person).json()["items"]) == 2


def _own_number(collection):
    return {"notice_number": notice_number()} if collection == "payments" else {}


@pytest.mark.req("S62")
@pytest.mark.parametrize(
    ("service_id", "patch"),
    [("tari", {"channels": {"email": False}}), (None, {"without_service": {"email": False}})],
)
def test_a_channel_can_be_off_altogether_or_for_what_has_no_service(hub, person, service_id, patch):
    wish(hub, person, **patch)
    own = {"service_id": service_id} if service_id else {}
    item_id = published(hub, "messages", make_message(fresh(), **to(person), **MAIL, **own))
    assert told(hub, item_id) == [("email", "skipped", "email.opted_out")]


@pytest.mark.req("S29", "S62")
@pytest.mark.parametrize("needed", NOTHING_SAID["always_sent"])
def test_what_cannot_be_switched_off_comes_all_the_same_and_is_named(hub, person, needed):
    assert needed in wish(hub, person, channels={"email": False})["always_sent"]
    item_id = published(hub, "messages", make_message(fresh(), **to(person), **MAIL, kind=needed))
    assert told(hub, item_id) == [("email", "delivered", None)]


@pytest.mark.req("S62")
def test_a_rule_tells_of_what_cannot_be_switched_off_too(hub, person):
    wish(hub, person, channels={"email": False})
    item = make_application(fresh(), **to(person), **MAIL, state="completed", outcome="accepted")
    assert told(hub, published(hub, "applications", item)) == [("email", "delivered", None)]


@pytest.mark.req("S62")
def test_what_a_link_switched_off_is_shown_and_can_be_switched_on_again(hub, person):
    first = published(hub, "messages", make_message(fresh(), **to(person)))
    citizen_id = rows(hub, items, item_id=first)[0]["citizen_id"]
    address_hash = hub.home.vault.keyed_hash("email", "qualcuno@example.org")
    url = hub.hub.links.make("c_h501", citizen_id, "tari", address_hash)
    link = f"{hub.url}/public/v1/unsubscribes/{url.rpartition('/')[2]}"
    assert "Comune di Prova" in hub.client.get(link).text, "whose notices they are"
    hub.client.post(link).raise_for_status()
    assert hub.read("/preferences", person).json()["unsubscribed"] == [{"service_id": "tari"}]
    other = published(
        hub, "messages", make_message(fresh(), **to(person, "altra@example.org"), **MAIL, service_id="tari")
    )
    assert told(hub, other) == [("email", "delivered", None)]
    assert wish(hub, person, unsubscribed=[])["unsubscribed"] == []
    item_id = published(hub, "messages", make_message(fresh(), **to(person), **MAIL, service_id="tari"))
    assert told(hub, item_id) == [("email", "delivered", None)]
    assert rows(hub, channel_opt_outs, citizen_id=citizen_id) == []


def delivery_of(hub, item_id):
    return lambda: rows(hub, deliveries, message_id=item_id)[0]


def quiet_now():
    """Quiet hours that began an hour ago by the clock on the wall, and go on for two at least: in the night that loses
    an hour as well."""
    now = datetime.now(ROME)
    return {"start": f"{now - timedelta(hours=1):%H:%M}", "end": f"{now + timedelta(hours=4):%H:%M}"}


@pytest.mark.req("S62")
@pytest.mark.parametrize("collection", ["messages", "payments"])
def test_in_quiet_hours_nothing_is_sent_and_nothing_is_lost(hub, person, collection):
    wish(hub, person, quiet_hours=quiet_now())
    make = make_message if collection == "messages" else make_payment
    item_id = published(hub, collection, make(fresh(), **to(person), **MAIL, **_own_number(collection)))
    about = {row["item_id"] for row in rows(hub, items, about_item_id=item_id, collection="messages")} or {item_id}
    later = datetime.now(UTC) + timedelta(minutes=100)
    put_off = eventually(delivery_of(hub, *about), lambda row: row["due_at"] > later and row["claim_id"] is None)
    assert (put_off["state"], put_off["attempts"]) == ("queued", 0)


@pytest.mark.req("S62")
def test_only_an_alert_of_who_may_wake_people_comes_in_quiet_hours(hub, person):
    wish(hub, person, quiet_hours=quiet_now())
    item_id = published(hub, "messages", make_message(fresh(), **to(person), **MAIL, kind="alert"))
    put_off = eventually(delivery_of(hub, item_id), lambda row: row["due_at"] > row["created_at"] + timedelta(hours=1))
    assert put_off["state"] == "queued"


@pytest.mark.req("S62")
def test_the_hubs_own_words_are_in_the_citizens_language(hub, person):
    wish(hub, person, language="en")
    published(hub, "payments", make_payment(fresh(), **to(person), notice_number=notice_number(), title="Mensa"))
    own_words = {"notify": {"subject": "Parole nostre"}}
    published(hub, "payments", make_payment(fresh(), **to(person), notice_number=notice_number(), **own_words))
    assert [m["title"] for m in hub.read("/messages?sort=occurred_at", person).json()["items"]] == [
        "Payment notice: Mensa",
        "Parole nostre",
    ]


# --- an address of the citizen's own


def verify_contact(hub, person, address, *, verified=True):
    """What the profile writes."""
    with hub.home.database.write() as tx:
        citizen = hub.hub.wishes.citizens.resolve(tx, [Subject("c_h501", "person", person)]).popitem()[1]
        sealed = hub.home.vault.seal_with(citizen.data_key, address.encode(), contact_place(citizen, "c1"))
        tx.connection.execute(
            citizen_contacts.insert().values(
                ente_id="c_h501",
                citizen_id=citizen.citizen_id,
                contact_id="c1",
                kind="email",
                value_sealed=sealed,
                value_hash=hub.home.vault.keyed_hash("email", address),
                verified_at=tx.now if verified else None,
                source="citizen",
                updated_at=tx.now,
            )
        )


@pytest.mark.req("S5")
@pytest.mark.parametrize("collection", ["messages", "payments"])
@pytest.mark.parametrize("verified", [True, False])
def test_the_citizens_verified_address_is_used_where_the_vendor_gives_none(hub, person, collection, verified):
    verify_contact(hub, person, "mia@example.org", verified=verified)
    make = make_message if collection == "messages" else make_payment
    item_id = published(hub, collection, make(fresh(), **to(person, None), **MAIL, **_own_number(collection)))
    ended = ("email", "delivered", None) if verified else ("email", "skipped", "email.no_address")
    assert told(hub, item_id) == [ended]
