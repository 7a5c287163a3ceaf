"""Rules of notices as an administrator sets them: on the command line, and what the running hub then says."""

from datetime import UTC, datetime, timedelta

import pytest

from hub.store.notice_rules import save_rule
from hub.store.tables import notice_rules
from tests.flows.making import fresh, make_deadline, new_person, notice_number, published, reminders_come, rows
from tests.harness import eventually, make_payment


@pytest.fixture(autouse=True)
def _as_it_comes(hub):
    """Whatever a test changes is put back."""
    yield
    hub.hub.registry.poll()
    with hub.home.database.write() as tx:
        for ente_id, name in hub.hub.registry().rules:
            save_rule(tx, ente_id, name, {}, author="test")
    hub.hub.registry.poll()


def told(hub, **fields):
    """What a new payment says to its citizen."""
    person = new_person()
    published(hub, "payments", make_payment(fresh(), tax_code=person, notice_number=notice_number(), **fields))
    return [item["title"] for item in hub.read("/messages", person).json()["items"]]


@pytest.mark.req("S28")
def test_what_an_administrator_writes_is_what_citizens_read(hub, raccordo):
    raccordo("rule", "set", "payment_due", "--it-title", "Da pagare: {title}", "--kind", "info")
    eventually(lambda: told(hub, title="Mensa"), lambda seen: seen == ["Da pagare: Mensa"])
    assert told(hub, title="Lunch", language="en") == ["Payment notice: Lunch"]
    raccordo("rule", "reset", "payment_due")
    eventually(lambda: told(hub, title="Mensa"), lambda seen: seen == ["Avviso di pagamento: Mensa"])


@pytest.mark.req("S28")
def test_a_rule_that_is_switched_off_tells_nobody(hub, raccordo):
    raccordo("rule", "set", "payment_due", "--off")
    eventually(lambda: told(hub), lambda seen: seen == [])
    assert "payment_due of c_h501 is the standard one again" in raccordo("rule", "set", "payment_due", "--on")
    eventually(lambda: told(hub), lambda seen: len(seen) == 1)


def test_a_reminder_planned_for_a_day_that_no_longer_counts_is_not_sent(hub, raccordo):
    soon = datetime.now(UTC) + timedelta(days=1, hours=12)
    person, other = new_person(), new_person()
    due = {"due_at": soon.isoformat().replace("+00:00", "Z")}
    planned = published(hub, "deadlines", make_deadline(fresh(), tax_code=person, **due))
    wished = published(hub, "deadlines", make_deadline(fresh(), tax_code=other, reminder_offsets=[1], **due))
    raccordo("rule", "set", "deadline_reminder", "--days", "30")
    hub.hub.registry.poll()
    for each in (planned, wished):
        reminders_come(hub, each)
    hub.hub.after_sweep()
    assert len(hub.read("/messages", other).json()["items"]) == 1, "the source's own wish stays"
    assert hub.read("/messages", person).json()["items"] == []


def test_a_preview_shows_the_notices_and_changes_nothing(hub, raccordo):
    before = len(rows(hub, notice_rules))
    said = raccordo("rule", "set", "payment_due", "--it-body", "Ecco: **{title}**.[[ Entro il {due}.]]", "--preview")
    assert "Ecco: **Asilo nido 2026/27**." in said
    assert "Entro il 16 dicembre 2026." in said
    assert len(rows(hub, notice_rules)) == before


def test_who_changed_what_and_when_is_kept(hub, raccordo):
    raccordo("rule", "set", "pick_up_reminder", "--days", "5,2")
    raccordo("rule", "set", "pick_up_reminder", "--off")
    shown = raccordo("rule", "show", "pick_up_reminder", "--json")
    assert (shown["days"], shown["enabled"]) == ([5, 2], False)
    first, second = shown["versions"][-2:]
    assert (first["record"], second["record"]) == ({"days": [5, 2]}, {"days": [5, 2], "enabled": False})
    assert first["author"]
    assert second["version"] == first["version"] + 1
    (listed,) = [each for each in raccordo("rule", "list", "--json") if each["rule"] == "pick_up_reminder"]
    assert (listed["enabled"], listed["changed"]) == (False, True)


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        (["set", "payment_due"], 2, "nothing to change"),
        (["set", "payment_due", "--kind", "alert"], 2, "--kind: one of"),
        (["set", "payment_due", "--it-title", "{importo}"], 2, "--it-title: there is no fact {importo}"),
        (["set", "payment_due", "--it-body", "Per RSSMRA80A01H501U"], 2, "no tax code"),
        (["set", "payment_reminder", "--days", "7,x"], 2, "--days"),
        (["set", "nonsense", "--off"], 1, "there is no rule 'nonsense'"),
        (["show", "nonsense"], 1, "there is no rule 'nonsense'"),
        (["reset", "receipt_available"], 1, "is as it comes"),
    ],
)
def test_a_change_that_cannot_be_made_changes_nothing_and_says_why(hub, raccordo, arguments, code, named):
    before = rows(hub, notice_rules)
    assert named in raccordo("rule", *arguments, code=code)
    assert rows(hub, notice_rules) == before
