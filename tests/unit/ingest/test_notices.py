"""What notices say: a golden file each, nothing broken where a fact is missing, nothing that a fact's text could do."""

import json
import re
from dataclasses import replace

import pytest

from connectors.base.mail.markup import to_html, to_text
from contracts.items import COLLECTIONS
from hub.ingest.deadlines import end_of
from hub.ingest.notices import message_for
from hub.ingest.rule_samples import samples, states_of
from hub.ingest.rules import LANGUAGES, Wording, standard
from tests.flows.making import make_application
from tests.harness import make_payment
from tests.unit.ingest.golden_files import FOLDER, files

RULES = {rule.name: rule for rule in standard()}
BROKEN = re.compile(r"  |\s[.,;:!?]|[:,(]\s*$|\(\s*\)|\*\*\s*\*\*|\bNone\b|[{}]|\[\[|\]\]", re.MULTILINE)


@pytest.mark.req("S28", "S29")
@pytest.mark.parametrize("name", sorted(files()))
def test_each_notice_reads_as_in_its_golden_file(name):
    assert (FOLDER / name).read_text(encoding="utf-8") == files()[name], (
        "if this is meant: python -m tests.unit.ingest.golden_files"
    )


def test_there_is_no_golden_file_of_a_rule_that_is_gone():
    assert {path.name for path in FOLDER.glob("*.md")} == set(files())


def test_rules_that_tell_of_one_state_by_two_names_say_so_of_each_other():
    pairs = {(rule.name, other) for rule in RULES.values() for other in rule.instead_of}
    assert pairs == {
        ("subscription_renewing", "subscription_renewal"),
        ("subscription_renewal", "subscription_renewing"),
    }
    assert all(RULES[name].on == "state" and RULES[name].again for name, _ in pairs)


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_missing_fact_leaves_no_broken_sentence(rule, language, full):
    for message in samples(rule, language, full=full):
        for text in (message.title, message.body_markdown):
            assert not BROKEN.search(text), text


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_italian_notices_name_no_state_by_its_code(rule):
    if "{state}" in rule.wording["it"].title:
        for message, state in zip(samples(rule, "it", full=False), states_of(rule), strict=True):
            assert state not in message.title


HOSTILE = {
    "html": "<script>alert(1)</script><img src=x onerror=y>",
    "link": "[Paga](https://cattivo.example) https://cattivo.example ![x](https://cattivo.example/p.png)",
    "reference": "[Paga]\n\n[Paga]: https://cattivo.example",
    "heading": "# Titolo\nAltro\n===\nAncora\n---\n> cita",
    "list": "1. uno\n- due\n* tre\n+ quattro\n10) cinque",
    "code": "```\ncodice\n```\n~~~\n    indentato\n`x`",
    "emphasis": "*uno* __due__ ~~tre~~",
    "entity": "&lt;b&gt; &#60;b&#62; &amp;",
    "table": "| a | b |\n|---|---|\n| 1 | 2 |",
    "braces": "{title} {0} {reason.__class__} [[x]]",
    "formula": '=HYPERLINK("https://cattivo.example")',
    "plus": "+39 011 0000000 @SUM(1+1)*cmd|' /C calc'!A0",
    "hebrew": "שלום עולם",
    "backslash": "\\*a\\* \\",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_the_text_of_a_fact_stays_text(text):
    fields = {"state": "integration_requested", "summary": text}
    fields["integration"] = {"requested_at": "2026-11-23T09:00:00Z", "reason": text}
    item = COLLECTIONS["applications"].model_validate_json(
        json.dumps(make_application("x", **fields, title=" ".join(text.split())))
    )
    plain = Wording("{title}", "{title}\n\n{reason}\n\n{summary}")
    rule = replace(RULES["application_integration"], wording={"it": plain, "en": plain})
    message = message_for(item, rule, item.state)
    assert message.title == " ".join(text.split())
    html = to_html(message.body_markdown)
    assert set(re.findall(r"<(/?[a-z0-9]+)", html)) <= {"p", "/p"}
    assert html.count("<p>") == 3
    words = " ".join(to_text(message.body_markdown).split())
    once = " ".join(text.split())
    assert words == f"{once} {once} {once}"


def test_a_long_title_is_cut_and_stays_one_line():
    item = COLLECTIONS["applications"].model_validate_json(
        json.dumps(make_application("x", title="T" * 200, summary="a\nb"))
    )
    words = Wording("{summary} {title}", "{title}")
    rule = replace(RULES["application_submitted"], wording={"it": words, "en": words})
    title = message_for(item, rule, "submitted").title
    assert (title[:5], len(title), title[-1]) == ("a b T", 200, "…")


@pytest.mark.req("S6")
@pytest.mark.parametrize(
    ("due_date", "named"),
    [("2026-12-16", "16 dicembre 2026"), ("2026-03-29", "29 marzo 2026"), ("2026-10-25", "25 ottobre 2026")],
)
def test_the_day_named_is_the_last_one(due_date, named):
    """The end of a day is the midnight after it: notices once named the next day, and whoever kept to it was late."""
    item = COLLECTIONS["payments"].model_validate_json(json.dumps(make_payment("x", due_date=due_date)))
    assert named in message_for(item, RULES["payment_reminder"], "due", due=end_of(item.due_date)).title
