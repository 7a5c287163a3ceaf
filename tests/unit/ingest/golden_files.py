"""The notices of all rules, and of answers to requests about data, as files.

`python -m tests.unit.ingest.golden_files` writes them anew.
"""

import json
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import get_args

from contracts.rights import RightsKind, RightsOutcome
from contracts.rights_administration import RightsClosure
from hub.ingest.rights_notice import answered_notice
from hub.ingest.rule_samples import samples
from hub.ingest.rules import LANGUAGES, Rule, standard
from hub.store.citizens import Subject

FOLDER = Path(__file__).parent / "golden"


def content_of(rule: Rule, language: str) -> str:
    """What the rule says: of an item with all the facts, and of one with the fewest."""
    parts = [f"kind: {rule.kind}\n"]
    for full in (True, False):
        for message in samples(rule, language, full=full):
            parts.append(f"--- {'full' if full else 'least'}\n# {message.title}\n\n{message.body_markdown}\n")
    return "\n".join(dict.fromkeys(parts))


def files() -> dict[str, str]:
    """By name, all that there should be."""
    by_rules = {
        f"{rule.name}.{language}.md": content_of(rule, language) for rule in standard() for language in LANGUAGES
    }
    return by_rules | {f"rights_answered.{language}.md": answers_in(language) for language in LANGUAGES}


def answers_in(language: str) -> str:
    """What is said of the answer to a request about one's data, whichever right, however it ended."""
    parts = []
    ways = product(get_args(RightsOutcome), ("perché", None))
    for outcome, answer in ways:
        closure = RightsClosure(outcome=outcome, answer=answer)
        for kind in get_args(RightsKind):
            row = {"request_id": "r", "kind": kind, "received_on": "2026-11-02", "min_loa": 2}
            subject = Subject("c_h501", "person", "RSSMRA80A01H501U")
            draft = answered_notice(lambda *_: (), subject, row, closure, language, datetime(2026, 11, 26, tzinfo=UTC))
            message = json.loads(draft.payload)
            case = f"{kind} {outcome}{'' if answer else ', without an answer'}"
            parts.append(f"--- {case}\n# {message['title']}\n\n{message['body_markdown']}\n")
    return "\n".join(parts)


def write() -> None:
    for old in FOLDER.glob("*.md"):
        old.unlink()
    for name, content in files().items():
        (FOLDER / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    write()
