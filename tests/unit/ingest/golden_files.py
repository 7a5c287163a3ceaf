"""The notices of all rules as files: `python -m tests.unit.ingest.golden_files` writes them anew."""

from pathlib import Path

from hub.ingest.rule_samples import samples
from hub.ingest.rules import LANGUAGES, Rule, standard

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
    return {f"{rule.name}.{language}.md": content_of(rule, language) for rule in standard() for language in LANGUAGES}


def write() -> None:
    for old in FOLDER.glob("*.md"):
        old.unlink()
    for name, content in files().items():
        (FOLDER / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    write()
