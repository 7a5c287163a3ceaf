"""`rule`: which facts tell the citizen something, and in which words (S28), as an administrator of an ente has them."""

from typing import Annotated, Any

import typer

from contracts.identifiers import holds_tax_code
from hub.admin.acting import Acted
from hub.home import Home
from hub.ingest.rule_changes import RuleRefused, amended
from hub.ingest.rule_samples import samples
from hub.ingest.rules import LANGUAGES, Rule, changed, changed_rules, standard
from hub.store.database import Tx
from hub.store.directory import load_registry
from hub.store.notice_rules import RuleVersion, rule_versions, save_rule

from .console import Failed, WrongUsage, emit, say, shown, table, told
from .options import HOME, AsJson, EnteCode, HomeFolder, ente_of, listed, opened
from .revealing import act, operator

group = typer.Typer(name="rule", help="Which facts tell the citizen something, and in which words.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the rule: `raccordo rule list` shows them.")]
Words = Annotated[str | None, typer.Option(help="Facts in braces; what goes with a missing one between [[ and ]].")]


@group.command("list")
def list_(ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """The rules of an ente."""
    with opened(home) as one, one.database.read() as connection:
        ente_id = ente_of(connection, ente).ente_id
        registry = load_registry(connection)
    rows = [
        {
            "rule": rule.name,
            "collection": rule.collection,
            "when": sorted(rule.states) or [f"{day} days before" for day in rule.days],
            "kind": rule.kind,
            "enabled": rule.enabled,
            "changed": bool(registry.rules.get((ente_id, rule.name))),
        }
        for rule in changed_rules(registry, ente_id)
    ]
    table(rows, as_json=as_json, empty="there are no rules")


@group.command("show")
def show(name: Name, ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """A rule, the notices it gives of a sample, and who changed it when."""
    of = _standard(name)
    with opened(home) as one, one.database.read() as connection:
        ente_id = ente_of(connection, ente).ente_id
        versions = rule_versions(connection, ente_id, name)
        rule = next(each for each in changed_rules(load_registry(connection), ente_id) if each.name == of.name)
    content = _content(rule) | {"versions": [version._asdict() for version in versions]}
    if as_json:
        emit(content)
        return
    _tell(content)
    for version in versions:
        say(f"version {version.version}  {shown(version.changed_at)}  {version.author}  {_what(version)}")


@group.command("set")
def set_(
    name: Name,
    enabled: Annotated[bool | None, typer.Option("--on/--off", help="Whether it tells anybody.")] = None,
    days: Annotated[str | None, typer.Option("--days", help="Of a reminder: 7,1 days before.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Of the message.")] = None,
    it_title: Words = None,
    it_body: Words = None,
    en_title: Words = None,
    en_body: Words = None,
    preview: Annotated[bool, typer.Option("--preview", help="Show what it would give, and change nothing.")] = False,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Change a rule for what is published from now on; every process follows within two seconds.

    Reminders that were planned for a day that is no longer one of the rule's are not sent.
    """
    of = _standard(name)
    change: dict[str, Any] = {"enabled": enabled, "kind": kind, "days": _days(days)}
    change = {key: value for key, value in change.items() if value is not None}
    for language, title, body in (("it", it_title, it_body), ("en", en_title, en_body)):
        words = {key: value for key, value in (("title", title), ("body", body)) if value is not None}
        if any(map(holds_tax_code, words.values())):
            raise WrongUsage(f"--{language}: the words of a rule hold no tax code")
        change |= {language: words} if words else {}
    if not change:
        raise WrongUsage("nothing to change: give --on, --off, --days, --kind, or words such as --it-title")
    with opened(home) as one:
        with one.database.read() as connection:
            ente_id = ente_of(connection, ente).ente_id
            record = load_registry(connection).rules.get((ente_id, name), {})
        try:
            record = amended(of, record, change)
        except RuleRefused as refusal:
            raise WrongUsage(f"--{refusal}".replace(".", "-", 1)) from None
        content = _content(changed(of, record))
        if preview:
            emit(content) if as_json else _tell(content)
            return
        version = _save(one, ente_id, name, record)
    _saved(ente_id, name, version, as_json=as_json, what="is changed" if record else "is the standard one again")


@group.command("reset")
def reset(name: Name, ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """Let a rule be as it comes."""
    _standard(name)
    with opened(home) as one:
        with one.database.read() as connection:
            ente_id = ente_of(connection, ente).ente_id
            record = load_registry(connection).rules.get((ente_id, name))
        if not record:
            raise Failed(f"rule {name} of {ente_id} is as it comes")
        version = _save(one, ente_id, name, {})
    _saved(ente_id, name, version, as_json=as_json, what="is the standard one again")


def _save(one: Home, ente_id: str, name: str, record: dict[str, Any]) -> int:
    """The number of the version that it makes."""

    def put(tx: Tx) -> Acted:
        before = load_registry(tx.connection).rules.get((ente_id, name))
        version = save_rule(tx, ente_id, name, record, author=operator())
        return Acted(version, f"rules/{name}", before or None, record or None)

    made: int = act(one, "change_rule", ente_id, put)
    return made


def _standard(name: str) -> Rule:
    found = [rule for rule in standard() if rule.name == name]
    if not found:
        raise Failed(f"there is no rule {name[:64]!r}; `raccordo rule list` shows them")
    return found[0]


def _days(text: str | None) -> list[int] | None:
    if text is None:
        return None
    parts = listed(text)
    if not all(part.isascii() and part.isdigit() and len(part) <= 3 for part in parts):
        raise WrongUsage("--days: whole numbers such as 7,1")
    return [int(part) for part in parts]


def _content(rule: Rule) -> dict[str, Any]:
    """The rule, and what it gives of a full and of a bare sample."""
    return {
        "rule": rule.name,
        "collection": rule.collection,
        "states": sorted(rule.states),
        "days": list(rule.days),
        "kind": rule.kind,
        "enabled": rule.enabled,
        "words": {
            language: {"title": rule.wording[language].title, "body": rule.wording[language].body}
            for language in LANGUAGES
        },
        "samples": [
            {"language": language, "full": full, "title": message.title, "body": message.body_markdown}
            for language in LANGUAGES
            for full in (True, False)
            for message in samples(rule, language, full=full)
        ],
    }


def _tell(content: dict[str, Any]) -> None:
    for name in ("rule", "collection", "states", "days", "kind", "enabled"):
        say(f"{name:<10}  {shown(content[name])}")
    for language, words in content["words"].items():
        say(f"{language} title    {words['title']}")
        say(f"{language} body     {words['body']}")
    for sample in content["samples"]:
        facts = "all its facts" if sample["full"] else "the fewest facts"
        say(f"\n-- {sample['language']}, an item with {facts}\n{sample['title']}\n\n{sample['body']}")
    say()


def _what(version: RuleVersion) -> str:
    return ", ".join(sorted(version.record)) or "as it comes"


def _saved(ente_id: str, name: str, version: int, *, as_json: bool, what: str) -> None:
    told(
        {"ente_id": ente_id, "rule": name, "version": version},
        as_json=as_json,
        text=f"rule {name} of {ente_id} {what} (version {version})",
    )
