"""What a data protection officer asks the command line: breaches, requests with dates, the register (P10, P11, P13)."""

import io
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import update

from hub.store.requests_of_rights import due
from hub.store.tables import access_log, items, vendors
from tests.flows.making import described_hub, fresh, mail_folder, new_person, published, rows
from tests.harness import make_message

pytestmark = pytest.mark.req("S61")


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    folder = tmp_path_factory.mktemp("accountability")
    with described_hub(folder / "home", connectors=mail_folder(folder)) as running:
        yield running


@pytest.fixture
def typed(monkeypatch):
    """What comes on standard input."""
    return lambda text: monkeypatch.setattr("sys.stdin", io.StringIO(text + "\n"))


def now():
    return datetime.now(UTC)


def citizen_of(hub, item_id):
    return rows(hub, items, item_id=item_id)[0]["citizen_id"]


def asked(raccordo, since, *options):
    interval = ("--from", since.isoformat(), "--to", (now() + timedelta(minutes=1)).isoformat())
    found = raccordo("breach", *interval, *options, "--json")
    assert found["citizens"] == len(found["touched"])
    return {row["citizen_id"]: row for row in found["touched"]}


def test_whom_a_vendor_a_portal_or_an_interval_touched(hub, raccordo):
    published(hub, "messages", make_message(fresh(), tax_code=new_person()))
    since = now()
    a, b = new_person(), new_person()
    of_acme = citizen_of(hub, published(hub, "messages", make_message(fresh(), tax_code=a)))
    theirs = published(hub, "messages", make_message(fresh(), tax_code=b), vendor=hub.other_vendor)
    of_beta = citizen_of(hub, theirs)
    hub.read("/items", b)
    hub.read("/items", b)
    one = {"citizen_id": of_acme, "reads": 0, "publications": 1}
    assert asked(raccordo, since, "--vendor", "acme") == {of_acme: one}
    assert asked(raccordo, since, "--vendor", "beta") == {of_beta: one | {"citizen_id": of_beta}}
    assert asked(raccordo, since, "--portal", "portale") == {
        of_beta: one | {"citizen_id": of_beta, "reads": 2, "publications": 0}
    }
    assert set(asked(raccordo, since)) == {of_acme, of_beta}


def test_a_key_is_known_by_all_the_names_it_has(hub, raccordo):
    since = now()
    citizen_id = citizen_of(hub, published(hub, "messages", make_message(fresh(), tax_code=new_person())))
    citizen_of(hub, published(hub, "messages", make_message(fresh(), tax_code=new_person()), vendor=hub.other_vendor))
    kid = hub.vendor.key.kid
    [shown] = raccordo("vendor", "show", "acme", "--json")["keys"]
    for name in (kid, f"jwk:{kid}", shown["name"]):
        assert set(asked(raccordo, since, "--signer", name)) == {citizen_id}, name


def test_a_vendor_is_known_by_its_alias_too(hub, raccordo):
    since = now()
    citizen_id = citizen_of(hub, published(hub, "messages", make_message(fresh(), tax_code=new_person())))
    with hub.home.database.write() as tx:
        tx.connection.execute(update(vendors).where(vendors.c.vendor_id == "acme").values(aliases=["acme-spa"]))
    assert set(asked(raccordo, since, "--vendor", "acme-spa")) == {citizen_id}


@pytest.mark.parametrize("wrong", [("--vendor", "acne"), ("--portal", "altro"), ("--signer", "jwk:none")])
def test_a_name_that_nobody_has_is_no_all_clear(hub, raccordo, wrong):
    interval = ("--from", "2026-01-01T00:00:00Z", "--to", "2026-01-02T00:00:00Z")
    assert wrong[0] in raccordo("breach", *interval, *wrong, code=2)


def test_who_they_are_is_told_only_when_asked_and_is_logged(hub, raccordo):
    since, person = now(), new_person()
    citizen_id = citizen_of(hub, published(hub, "messages", make_message(fresh(), tax_code=person)))
    before = len(rows(hub, access_log, operation="breach_query"))
    assert person not in str(asked(raccordo, since, "--vendor", "acme"))
    assert len(rows(hub, access_log, operation="breach_query")) == before + 1
    assert rows(hub, access_log, operation="breach_query", citizen_id=citizen_id) == []
    assert asked(raccordo, since, "--vendor", "acme", "--tax-codes")[citizen_id]["tax_code"] == person
    assert len(rows(hub, access_log, operation="breach_query", citizen_id=citizen_id)) == 1
    seen = hub.read("/access-log", person).json()["items"]
    assert [e["actor"] for e in seen if e["operation"] == "breach_query"] == ["administrator"]


@pytest.mark.parametrize(
    "options",
    [
        ("--from", "2026-01-02T00:00:00Z", "--to", "2026-01-01T00:00:00Z"),
        ("--from", "ieri", "--to", "2026-01-01T00:00:00Z"),
        ("--from", "2026-01-01T00:00:00Z", "--to", "2026-01-02T00:00:00Z", "--vendor", "acme", "--portal", "portale"),
    ],
)
def test_a_wrong_question_is_refused(hub, raccordo, options):
    raccordo("breach", *options, code=2)


def test_a_request_has_its_date_until_it_is_answered(hub, raccordo, typed):
    person = new_person()
    citizen_id = citizen_of(hub, published(hub, "messages", make_message(fresh(), tax_code=person)))
    typed(person)
    made = raccordo("request", "add", "erasure", "--received", "2026-01-31", "--json")
    assert (made["citizen_id"], made["due_on"]) == (citizen_id, "2026-02-28")
    typed(new_person())
    unknown = raccordo("request", "add", "access", "--json")
    assert unknown["citizen_id"] is None
    open_now = {row["request_id"]: row["late"] for row in raccordo("request", "list", "--json")}
    assert open_now == {made["request_id"]: True, unknown["request_id"]: False}
    raccordo("request", "close", made["request_id"], "--outcome", "refused")
    assert "closed before" in raccordo("request", "close", made["request_id"], "--outcome", "done", code=1)
    assert [row["request_id"] for row in raccordo("request", "list", "--json")] == [unknown["request_id"]]
    outcomes = {row["request_id"]: row["outcome"] for row in raccordo("request", "list", "--all", "--json")}
    assert outcomes[made["request_id"]] == "refused"
    typed(person)
    raccordo("request", "add", "access", "--received", (now() + timedelta(days=2)).date().isoformat(), code=2)


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        (date(2026, 11, 26), date(2026, 12, 26)),
        (date(2026, 12, 31), date(2027, 1, 31)),
        (date(2027, 1, 30), date(2027, 2, 28)),
        (date(2026, 3, 31), date(2026, 4, 30)),
    ],
)
def test_a_month_is_a_month_of_the_calendar(received, expected):
    assert due(received) == expected


def test_the_register_says_what_the_configuration_says(hub, raccordo):
    found = {row["collection"]: row for row in raccordo("register", "--json")}
    assert found["messages"]["retention"] == "24 months after closing"
    assert found["documents"]["retention"] == "until a period is set"
    assert found["messages"]["processors"] == ["acme (acme)", "beta (beta)"]
    assert any(one.startswith("mail (") for one in found["messages"]["recipients"])
    assert all(row["purpose"] and row["legal_basis"] for row in found.values())
