"""The alert rules are rules of Prometheus, name only metrics that exist, and say in both languages what to do."""

import re
from pathlib import Path

import pytest
import yaml

from hub import metrics
from hub.http.operations import FEED, PUBLISH
from hub.store.figures import COUNTED

ROOT = Path(__file__).parents[2]
FILE = yaml.safe_load((ROOT / "docs/operations/alerts.yaml").read_text(encoding="utf-8"))
RULES = [rule for group in FILE["groups"] for rule in group["rules"]]
METRIC = re.compile(r"\b(?:raccordo|process)_[a-z_]+\b|\bup(?=\{)")
LABELS = re.compile(r"\b([a-z_]+)\s*(?:=~|!~|!=|=)\s*\"([^\"]*)\"")


def known() -> dict[str, set[str]]:
    """Each series that a scrape may show, with its labels."""
    found = {name: set(labels) for name, (_, labels) in metrics.SCRAPED.items()}
    for each in vars(metrics).values():
        if isinstance(each, metrics.Counter | metrics.Histogram) and not each._labelvalues:
            suffixes = ("_total",) if isinstance(each, metrics.Counter) else ("_bucket", "_sum", "_count")
            found |= {each._name + suffix: {*each._labelnames, "le"} for suffix in suffixes}
    found |= {each._name: set() for each in vars(metrics).values() if isinstance(each, metrics.Gauge)}
    return found | {name: {"job"} for name in ("process_resident_memory_bytes", "process_cpu_seconds_total", "up")}


def test_the_shape_is_that_of_prometheus():
    assert set(FILE) == {"groups"}
    for group in FILE["groups"]:
        assert set(group) == {"name", "rules"}
    assert len({rule["alert"] for rule in RULES}) == len(RULES) >= 12


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_is_whole(rule):
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"Raccordo[A-Z]\w+", rule["alert"])
    assert re.fullmatch(r"\d+[smhd]", rule.get("for", "1m"))
    assert rule["labels"]["severity"] in ("info", "warning", "critical")
    assert set(rule["annotations"]) == {"summary", "action"}
    for text in rule["annotations"].values():
        italian, slash, english = text.partition(" / ")
        assert slash, "Italian / English"
        assert min(len(italian), len(english)) > 15
    assert rule["expr"].count("(") == rule["expr"].count(")")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_names_only_what_there_is(rule):
    names = set(METRIC.findall(rule["expr"]))
    assert names
    assert names <= set(known())
    for text in rule["annotations"].values():
        assert set(METRIC.findall(text)) <= set(known()) | {name.rpartition("_")[0] for name in known()}
    labels = set().union(*(known()[name] for name in names)) | {"instance", "job"}
    assert {name for name, _ in LABELS.findall(rule["expr"])} <= labels
    used = re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values()))
    assert set(used) <= labels


def test_states_that_rules_ask_for_are_counted():
    asked = {
        state
        for rule in RULES
        for name, values in LABELS.findall(rule["expr"])
        if name == "state"
        for state in values.split("|")
    }
    assert asked
    assert asked <= set(COUNTED)


def test_every_figure_that_calls_for_a_person_has_its_rule():
    used = set().union(*(METRIC.findall(rule["expr"]) for rule in RULES))
    assert set(metrics.SCRAPED) <= used


def test_what_all_processes_report_of_one_database_is_not_added_up():
    for rule in RULES:
        assert not re.search(r"\bsum\b[^(]*\(raccordo_deliveries\{", rule["expr"])


def test_an_alert_for_what_is_absent_is_none_that_another_process_hides():
    """A dead API raised nothing while any worker was scraped."""
    asked = {rule["alert"]: re.findall(r"absent\((\w+)(\{role=)?", rule["expr"]) for rule in RULES}
    assert asked["RaccordoMetricsAbsent"] == [("raccordo_process", "{role=")]
    assert asked["RaccordoNoPublications"]


def test_every_reason_that_a_delivery_may_give_is_explained_and_no_other():
    """Those of pagoPA stand on its own page."""
    page = (ROOT / "docs/operations/reasons.md").read_text(encoding="utf-8")
    folders = [
        ROOT / "hub/dispatch",
        ROOT / "hub/store",
        *(ROOT / "connectors").iterdir(),
        ROOT / "connectors/base/mail",
    ]
    files = [
        path
        for folder in folders
        for path in folder.glob("*.py")
        if not path.name.startswith(("test_", "simulator", "scripted", "conformance", "http_conformance", "faulty"))
    ]
    families = (
        "io|email|http|loopback|callback|webhook|answer|proof|pdnd|lease|claims|age|connector|channel|citizen|item|"
        "notice|bug|send|opencity|pec"
    )
    files.append(ROOT / "hub/trust/proving.py")
    pattern = re.compile(rf'"((?:{families})\.[a-z_]+)"')
    told = set(re.findall(rf"`((?:{families})\.[a-z_]+)`", page))
    found = set().union(*(pattern.findall(path.read_text(encoding="utf-8")) for path in files))
    found -= {"notice.html", "notice.txt"}  # templates
    assert told == found


def test_every_reason_for_which_a_source_is_not_read_is_explained_and_no_other():
    """Whoever was woken by the alert on sources looked for the code on the page in vain."""
    page = (ROOT / "docs/operations/reasons.md").read_text(encoding="utf-8")
    names = ("connectors/base/mail/imap.py", "connectors/app_io/feed.py", "connectors/pagopa_node/flows.py")
    folders = (ROOT / "hub/inbound", ROOT / "connectors/mapped")
    files = [*(ROOT / name for name in names), *(path for folder in folders for path in folder.glob("*.py"))]
    pattern = re.compile(r'(?:Misconfigured\(|Deferred\(|kind\(|else )\s*"((?:imap|mapped|fdr|source|feed)\.[a-z_]+)"')
    found = set().union(*(pattern.findall(path.read_text(encoding="utf-8")) for path in files))
    assert set(re.findall(r"`((?:imap|mapped|fdr|source|feed)\.[a-z_]+)`", page)) == found


def test_operations_that_are_counted_are_few():
    # A label value a path or a caller could choose would fill the memory of whoever watches.
    assert len(PUBLISH) + len(FEED) < 100


def test_the_runbook_tells_of_every_command_it_needs():
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    for needed in (
        "raccordo backup",
        "raccordo connector check",
        "connector activate",
        "delivery close",
        "vendor rotate",
        "docs/operations/reasons.md",
        "raccordo restore",
        "--erasures",
        "delivery replay",
        "RACCORDO_METRICS_LISTEN",
        "/ready",
        "held",
    ):
        assert needed in text
    assert text.index("# Esercizio") < text.index("# Operations")
