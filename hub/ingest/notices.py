"""The message by which a rule tells of an item (`settled` 13). A vendor's `notify.subject` and `notify.body` take the
place of the wording where the rule tells of what the vendor published, and not of what the hub noticed later.
"""

from datetime import date, datetime

from contracts.items import Action, CitizenItem, Message, Payment

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
        recipient=item.recipient,
        title=(own and item.notify.subject) or cut(filled(wording.title, known)),
        occurred_at=item.occurred_at,
        language=item.language if item.language[:2] in LANGUAGES else LANGUAGES[0],
        service_id=item.service_id,
        sensitivity=item.sensitivity,
        min_loa=item.min_loa,
        visible_from=item.visible_from,
        kind=rule.kind,
        body_markdown=(own and item.notify.body) or filled(wording.body, known, plain),
        actions=_actions(item),
        notify=item.notify,
    )


def _actions(item: CitizenItem) -> tuple[Action, ...]:
    if item.actions or not isinstance(item, Payment) or item.pay_url is None:
        return item.actions
    label = "Paga ora" if item.language[:2] != "en" else "Pay now"
    return (Action(kind="pay", label=label, url=item.pay_url, primary=True),)


def plain(text: str) -> str:
    """A title is plain text: its characters must not turn into Markdown."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]()#+-!<>|" else c for c in text)


def cut(title: str) -> str:
    """No longer than a title may be."""
    return title if len(title) <= 200 else title[:199] + "…"
