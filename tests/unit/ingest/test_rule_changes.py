"""What an administrator may change of a rule, and what is refused with the reason."""

import logging

import pytest

from hub.ingest.rule_changes import RuleRefused, amended, faults
from hub.ingest.rules import RulesInForce, changed, changed_rules, standard
from hub.registry import Registry

RULES = {rule.name: rule for rule in standard()}
ENTE = "c_h501"


def change(name, record=None, **wish):
    return amended(RULES[name], record or {}, wish)


def words(text, *, part="body", language="it"):
    return {language: {part: text}}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_standard_rule_keeps_to_the_bounds(rule):
    assert list(faults(rule, rule)) == []


def test_a_change_says_only_what_differs_and_going_back_leaves_nothing():
    record = change("payment_reminder", days=[1, 14, 1], enabled=False, kind="info")
    assert record == {"days": [14, 1], "enabled": False, "kind": "info"}
    record = change("payment_reminder", record, days=[7, 1], enabled=True)
    assert record == {"kind": "info"}
    record = change("payment_reminder", record, **words("Scade: {title}", part="title"))
    assert record == {"kind": "info", "it": {"title": "Scade: {title}"}}
    standard_title = RULES["payment_reminder"].wording["it"].title
    assert change("payment_reminder", record, kind="deadline_reminder", **words(standard_title, part="title")) == {}


def test_the_changed_rule_has_the_change_and_the_rest_as_it_comes():
    rule = changed(RULES["payment_due"], {"it": {"title": "Da pagare: {title}"}})
    assert rule.wording["it"].title == "Da pagare: {title}"
    assert rule.wording["it"].body == RULES["payment_due"].wording["it"].body
    assert rule.wording["en"] == RULES["payment_due"].wording["en"]


@pytest.mark.parametrize(
    ("name", "wish", "setting", "reason"),
    [
        ("payment_due", {"kind": "alert"}, "kind", "one of"),
        ("payment_due", {"kind": "outcome"}, "kind", "one of"),
        ("payment_due", {"kind": "broadcast"}, "kind", "one of"),
        ("payment_due", {"kind": "nonsense"}, "kind", "one of"),
        ("payment_due", {"days": [3]}, "days", "only a rule that reminds"),
        ("payment_reminder", {"days": []}, "days", "from 1 to 5"),
        ("payment_reminder", {"days": [366]}, "days", "from 1 to 5"),
        ("payment_reminder", {"days": [1, 2, 3, 4, 5, 6]}, "days", "from 1 to 5"),
        ("payment_due", words("Ciao {name}"), "it.body", "there is no fact {name}"),
        ("payment_due", words("{title.__class__}"), "it.body", "a brace"),
        ("payment_due", words("{title!r}"), "it.body", "a brace"),
        ("payment_due", words("{title:>99999999}"), "it.body", "a brace"),
        ("payment_due", words("{}"), "it.body", "a brace"),
        ("payment_due", words("{title"), "it.body", "a brace"),
        ("payment_due", words("Da pagare[[ {title}"), "it.body", "go together"),
        ("payment_due", words("Da pagare[[ {title} [[x]] ]]"), "it.body", "go together"),
        ("payment_due", words(""), "it.body", "nothing would be left"),
        ("payment_due", words("{summary}"), "it.body", "nothing would be left"),
        ("payment_due", words("[[Entro il {due}]]"), "it.body", "nothing would be left"),
        ("payment_due", words("Nota: {summary}."), "it.body", "{summary} may be missing"),
        ("payment_due", words("Entro il {due}"), "it.body", "{due} may be missing"),
        ("payment_due", words("x\u202ey"), "it.body", "control characters"),
        ("payment_due", words("x\x00y"), "it.body", "control characters"),
        ("payment_due", words("x" * 20_001), "it.body", "too long"),
        ("payment_due", words("{title} " * 11), "it.body", "too long"),
        ("payment_due", words("due\nrighe {title}", part="title"), "it.title", "single line"),
        ("payment_due", words("x" * 201, part="title"), "it.title", "at most 200"),
        ("payment_due", words("{oggetto}", part="title", language="en"), "en.title", "there is no fact"),
    ],
)
def test_what_would_give_a_broken_notice_is_refused(name, wish, setting, reason):
    with pytest.raises(RuleRefused, match=reason.replace("{", r"\{").replace("}", r"\}")) as refused:
        change(name, **wish)
    assert refused.value.setting == setting


@pytest.mark.parametrize(
    "text",
    [
        "{title}[[ entro il {due}]].",
        "Pagamento dovuto. {summary}",
        "{title}\n\n{summary}\n\n[[Scade il {due}.]]",
        "Solo parole, senza fatti.",
        "[Sito](https://www.comune.example.it) e **{title}**",
    ],
)
def test_sound_words_are_taken(text):
    assert change("payment_due", **words(text)) == words(text)


def test_what_is_sure_of_a_reminder_needs_no_brackets():
    assert change("payment_reminder", **words("Entro il {due}: {title}")) != {}


def test_a_rule_keeps_a_kind_of_its_own_that_others_may_not_have():
    assert change("application_completed", kind="info") == {"kind": "info"}
    assert change("application_completed", {"kind": "info"}, kind="outcome") == {}


def registry(**rules):
    return Registry(1, rules={(ENTE, name): record for name, record in rules.items()})


def test_a_rule_that_is_off_tells_nothing_and_reminds_of_nothing():
    rules = changed_rules(registry(payment_due={"enabled": False}, payment_reminder={"enabled": False}), ENTE)
    assert rules.on_state("payments", "due") is None
    assert rules.reminding("payments", "citizen_duty") is None
    assert rules.on_state("receipts", "available") is not None


def test_the_rules_of_another_ente_are_its_own():
    assert changed_rules(registry(payment_due={"enabled": False}), "c_f205") is standard()


def test_a_change_that_cannot_be_read_leaves_the_standard_rule(caplog):
    with caplog.at_level(logging.ERROR):
        rules = changed_rules(registry(payment_due={"it": {"titolo": "x"}}, receipt_available={"enabled": False}), ENTE)
    assert rules.on_state("payments", "due") == RULES["payment_due"]
    assert rules.on_state("receipts", "available") is None
    assert "rule.unreadable" in caplog.text


def test_a_new_picture_of_the_registry_gives_new_rules():
    pictures = [registry(), registry(payment_due={"enabled": False})]
    force = RulesInForce(lambda: pictures[0])
    assert force(ENTE) is standard()
    del pictures[0]
    assert force(ENTE).on_state("payments", "due") is None
    assert force(ENTE) is force(ENTE)
