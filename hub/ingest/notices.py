"""The rules by which an item other than a message becomes one message (`settled` 13), as data.

The wording is Italian or English; a vendor's `notify.subject` and `notify.body` take its place.
"""

from dataclasses import dataclass

from contracts.items import Action, CitizenItem, Document, Message, MessageKind, Payment, Receipt


@dataclass(frozen=True, slots=True)
class Wording:
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Rule:
    """Once, when its fact holds, an item gives a message of this kind."""

    name: str
    kind: MessageKind
    wording: dict[str, Wording]


PAYMENT_DUE = Rule(
    "payment_due",
    "payment_notice",
    {
        "it": Wording("Avviso di pagamento: {title}", "C'è un pagamento da fare: **{title}**.\n\n{summary}"),
        "en": Wording("Payment notice: {title}", "There is a payment to make: **{title}**.\n\n{summary}"),
    },
)
DOCUMENT_AVAILABLE = Rule(
    "document_available",
    "document_issued",
    {
        "it": Wording("Documento disponibile: {title}", "È disponibile il documento **{title}**.\n\n{summary}"),
        "en": Wording("Document available: {title}", "The document **{title}** is available.\n\n{summary}"),
    },
)
RECEIPT_AVAILABLE = Rule(
    "receipt_available",
    "info",
    {
        "it": Wording("Ricevuta di pagamento: {title}", "È disponibile la ricevuta **{title}**.\n\n{summary}"),
        "en": Wording("Payment receipt: {title}", "The receipt **{title}** is available.\n\n{summary}"),
    },
)


def rule_for(item: CitizenItem, state: str) -> Rule | None:
    """The rule whose fact holds for the item in that state, if any."""
    match item:
        case Payment() if state in ("due", "overdue"):
            return PAYMENT_DUE
        case Document() if state == "available":
            return DOCUMENT_AVAILABLE
        case Receipt():
            return RECEIPT_AVAILABLE
        case _:
            return None


def message_for(item: CitizenItem, rule: Rule) -> Message:
    """The message that tells about `item`. Its external_id is the rule's name until the store knows the item_id."""
    wording = rule.wording.get(item.language[:2], rule.wording["it"])
    summary = item.summary or ""
    body = wording.body.format(title=_plain(item.title), summary=_plain(summary)).strip()
    return Message(
        external_id=rule.name,
        version=1,
        source="hub",
        recipient=item.recipient,
        title=item.notify.subject or _cut(wording.title.format(title=item.title)),
        occurred_at=item.occurred_at,
        language=item.language if item.language[:2] in rule.wording else "it",
        service_id=item.service_id,
        sensitivity=item.sensitivity,
        min_loa=item.min_loa,
        visible_from=item.visible_from,
        kind=rule.kind,
        body_markdown=item.notify.body or body,
        actions=_actions(item),
        notify=item.notify,
    )


def _actions(item: CitizenItem) -> tuple[Action, ...]:
    if item.actions or not isinstance(item, Payment) or item.pay_url is None:
        return item.actions
    label = "Paga ora" if item.language[:2] != "en" else "Pay now"
    return (Action(kind="pay", label=label, url=item.pay_url, primary=True),)


def _plain(text: str) -> str:
    # A title is plain text: its characters must not turn into Markdown.
    return "".join(f"\\{c}" if c in r"\`*_{}[]()#+-!<>|" else c for c in text)


def _cut(title: str) -> str:
    return title if len(title) <= 200 else title[:199] + "…"
