"""The message by which a rule tells of an item (`settled` 13). A vendor's `notify.subject` and `notify.body` take the
place of the wording where the rule tells of what the vendor published, and not of what the hub noticed later.
"""

import re
from datetime import date, datetime

from contracts.actions import actions_to_tell
from contracts.items import CitizenItem, Message

from .likeness import shown_like
from .rules import LANGUAGES, Rule
from .wording import facts, filled


def message_for(item: CitizenItem, rule: Rule, state: str, *, due: date | datetime | None = None) -> Message:
    """The message that tells about `item` in that state. Its external_id is the rule's name until the store knows the
    item_id."""
    language = item.language[:2] if item.language[:2] in LANGUAGES else LANGUAGES[0]
    wording, known = rule.wording[language], facts(item, state, due, language)
    own = rule.on == "state"
    return Message(
        external_id=rule.name,
        version=1,
        source="hub",
        **shown_like(item),
        title=(own and item.notify.subject) or cut(" ".join(filled(wording.title, known).split())),
        occurred_at=item.occurred_at,
        language=item.language if item.language[:2] in LANGUAGES else LANGUAGES[0],
        kind=rule.kind,
        body_markdown=(own and item.notify.body) or filled(wording.body, known, plain),
        actions=actions_to_tell(item, state),
        notify=item.notify,
    )


_MARKUP = re.compile(r"[\\`*_{}\[\]()#+\-!<>|~=&]")
_NUMBERED = re.compile(r"^(\d{1,9})(?=\.)", re.MULTILINE)
_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)
_BLANK_LINES = re.compile(r"\n\s*\n")
_NOT_PLAIN = re.compile(rf"{_MARKUP.pattern}|[\n\r]|\A[\s\d]|\s\Z")
"""What most facts hold nothing of: they stay as they are."""


def plain(text: str) -> str:
    """A fact is plain text: its characters must not turn into Markdown, nor its lines into lists, code or paragraphs
    that the wording did not mean."""
    if not _NOT_PLAIN.search(text):
        return text
    lines = _INDENT.sub("", _BLANK_LINES.sub("\n", text.strip().replace("\r\n", "\n").replace("\r", "\n")))
    return _NUMBERED.sub(r"\1\\", _MARKUP.sub(r"\\\g<0>", lines))


def cut(title: str) -> str:
    """No longer than a title may be."""
    return title if len(title) <= 200 else title[:199] + "…"
