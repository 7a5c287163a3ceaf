"""A vendor's Markdown as HTML and as plain text. Raw HTML stays text, links are https, images become their words."""

import re
import textwrap
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup

WIDTH = 72

_HTTPS = re.compile(r"https://[^\s<>\"]+", re.IGNORECASE)


class _Renderer(RendererHTML):
    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        # No external resource in a notice: its address would tell when and where it was read.
        return escapeHtml(tokens[idx].content)


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Renderer)
    parser.validateLink = lambda url: _HTTPS.fullmatch(url) is not None  # type: ignore[method-assign]  # its own hook
    return parser


_PARSER = _parser()


def to_html(markdown: str) -> Markup:
    """Safe HTML. Headings go one level down, because the notice's title is the only h1."""
    tokens = _PARSER.parse(markdown)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + 1, 6)}"
    return Markup(_PARSER.renderer.render(tokens, _PARSER.options, {}))  # noqa: S704 - html=False, links checked


def to_text(markdown: str) -> str:
    """The same words as plain text; a link shows its address."""
    return "\n\n".join(_blocks(SyntaxTreeNode(_PARSER.parse(markdown)).children, WIDTH))


def wrap(text: str, width: int = WIDTH) -> str:
    """Each line of `text` broken at spaces; an address is never cut."""
    lines = text.split("\n")
    return "\n".join(textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False) for line in lines)


def _blocks(nodes: Sequence[SyntaxTreeNode], width: int) -> Iterator[str]:
    for node in nodes:
        match node.type:
            case "heading":
                words = _inline(node)
                yield f"{words}\n{'-' * min(len(words), width)}"
            case "bullet_list" | "ordered_list":
                yield "\n".join(_items(node, width))
            case "blockquote":
                yield textwrap.indent("\n\n".join(_blocks(node.children, width - 2)), "> ", lambda _: True)
            case "fence" | "code_block":
                yield textwrap.indent(node.content.rstrip("\n"), "    ")
            case "hr":
                yield "-" * 20
            case _:
                yield wrap(_inline(node), width)


def _items(node: SyntaxTreeNode, width: int) -> Iterator[str]:
    first = int(node.attrs.get("start", 1))
    for number, item in enumerate(node.children, first):
        mark = "- " if node.type == "bullet_list" else f"{number}. "
        text = "\n".join(_blocks(item.children, width - len(mark)))
        yield mark + textwrap.indent(text, " " * len(mark)).lstrip()


def _inline(node: SyntaxTreeNode) -> str:
    if node.type == "softbreak":
        return " "
    if node.type == "hardbreak":
        return "\n"
    if node.type == "image":
        return node.content
    if not node.children:
        return node.content
    words = "".join(_inline(child) for child in node.children)
    if node.type == "link":
        url = str(node.attrs.get("href", ""))
        return words if words == url else f"{words} ({url})"
    return words
