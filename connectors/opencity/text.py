"""Texts from OpenCity as lines and Markdown, and the hub's as the HTML that its messages are made of. Pure."""

import html
import re

from markdown_it import MarkdownIt

from connectors.base.forgiving_html import BlockReader
from contracts.connector import Notice

_HTTPS = re.compile(r"https://[^\s<>\"()]+", re.IGNORECASE)
# What contracts.base.Model refuses in texts: controls, and overrides of the direction of writing.
_REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
_BLOCKS = frozenset(
    {"p", "div", "br", "li", "ul", "ol", "tr", "table", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote"}
)
_UNSEEN = frozenset({"script", "style", "head", "title", "template"})
_REFERENCE = re.compile(r"hub:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\s*(</p>|-->)?\s*$")
_MARKDOWN_CHARACTERS = 20_000
_HTML_CHARACTERS = 100_000
"""Of a message, so many are read: what comes of them is cut far before."""

WORDS = {
    "it": (
        "C'è una nuova comunicazione per te. Si legge nella tua area personale.",
        "Apri nella tua area personale",
        "Rif.",
    ),
    "en": (
        "There is a new notice for you. You can read it in your personal area.",
        "Open in your personal area",
        "Ref.",
    ),
}


def words_of(notice: Notice) -> tuple[str, str, str]:
    return WORDS.get(notice.language[:2], WORDS["it"])


def line(text: str, most: int) -> str:
    """A single line of at most `most` characters; empty where nothing is left."""
    words = " ".join(_REFUSED.sub("", text).split())
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"


def markdown(message: str) -> str:
    """A message's HTML as Markdown: its words in their blocks, and its https links. Nothing else has a meaning."""
    text = "\n\n".join(_Reader().lines(_REFUSED.sub("", message[:_HTML_CHARACTERS])))
    return text if len(text) <= _MARKDOWN_CHARACTERS else text[: _MARKDOWN_CHARACTERS - 1] + "…"


class _Reader(BlockReader):
    def __init__(self) -> None:
        super().__init__(_BLOCKS, _UNSEEN)
        self._links: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        super().handle_starttag(tag, attrs)
        if tag == "a":
            url = dict(attrs).get("href") or ""
            self._links.append(url if _HTTPS.fullmatch(url) else None)
            self.parts.append("[" if self._links[-1] else "")

    def handle_endtag(self, tag: str) -> None:
        super().handle_endtag(tag)
        if tag == "a" and self._links and (url := self._links.pop()):
            self.parts.append(f"]({url})")

    def handle_data(self, data: str) -> None:
        told = _REFUSED.sub("", data)  # a character reference may stand for one
        # A sender's brackets must not make a link of words that were none.
        super().handle_data(re.sub(r"([\\\[\]<])", r"\\\1", told))


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False})
    parser.disable("image")
    parser.validateLink = lambda url: _HTTPS.fullmatch(url) is not None  # type: ignore[method-assign]  # its own hook
    return parser


_PARSER = _parser()


def reference(notice: Notice) -> str:
    """What names the delivery in a message, found again whatever is made of the HTML around it."""
    return f"hub:{notice.delivery_id}"


def ends_in_reference(message: str) -> bool:
    """Whether a message was written by the hub. Only at its end: who answers may repeat it before his own words."""
    return _REFERENCE.search(message) is not None


def written(notice: Notice, *, hidden_reference: bool) -> str:
    """The message as HTML. A sensitive one says that something waits, and neither what nor how it is called."""
    waiting, open_it, ref = words_of(notice)
    if notice.sensitive:
        words = f"<p>{html.escape(waiting)}</p>"
    else:
        words = f"<p><strong>{html.escape(notice.title)}</strong></p>\n{_PARSER.render(notice.body_markdown).strip()}"
    link = f'<p><a href="{html.escape(notice.deep_link)}">{html.escape(open_it)}</a></p>'
    named = reference(notice)
    end = f"<!-- {named} -->" if hidden_reference else f"<p>{ref} {named}</p>"
    return f"{words}\n{link}\n{end}"
