"""XML as it may come from anybody: no document type, no entities, nothing from outside, bounded in size and depth.

The parser is defusedxml's over expat; what it finds is a tree of our own, which holds elements and their text alone.
"""

from dataclasses import dataclass, field
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

MOST_BYTES: Final = 1_048_576
"""A receipt with a digital stamp has some kilobytes."""
MOST_DEPTH: Final = 20
"""An envelope's deepest element is the ninth."""
MOST_ELEMENTS: Final = 5_000
_MOST_TEXT: Final = 524_288

Parts = list[tuple[str, "str | Parts"]]
"""What an element holds, to be written: names with their text, or with what they hold."""


class Unreadable(Exception):
    """Not XML that we read; the text says why, and repeats nothing of it."""


@dataclass(slots=True)
class Node:
    """An element. `repr` shows no text."""

    space: str
    name: str
    attributes: dict[str, str] = field(default_factory=dict, repr=False)
    children: list["Node"] = field(default_factory=list, repr=False)
    text: str = field(default="", repr=False)

    def only(self, name: str, space: str | None = None) -> "Node | None":
        """The child of that name; None where there is none, or several."""
        found = [one for one in self.children if one.name == name and space in (None, one.space)]
        return found[0] if len(found) == 1 else None

    def plain(self) -> Any:
        """As JSON would have it: a text, or an object in which a name that comes several times has a list."""
        if not self.children:
            return self.text.strip()
        found: dict[str, Any] = {}
        for one in self.children:
            value = one.plain()
            if one.name not in found:
                found[one.name] = value
            elif isinstance(found[one.name], list):
                found[one.name].append(value)
            else:
                found[one.name] = [found[one.name], value]
        return found


def parse(document: bytes, *, most_elements: int = MOST_ELEMENTS, most_bytes: int = MOST_BYTES) -> Node:
    """The tree of a document. Raises Unreadable."""
    if len(document) > most_bytes:
        raise Unreadable("too long")
    parser = DefusedXMLParser(
        target=_Builder(most_elements), forbid_dtd=True, forbid_entities=True, forbid_external=True
    )
    try:
        parser.feed(document)
        root = parser.close()
    except DefusedXmlException:
        raise Unreadable("a document type or an entity") from None
    # ValueError and LookupError: an encoding that is not one, or that expat cannot be taught.
    except (ParseError, ValueError, LookupError):
        raise Unreadable("not well formed") from None
    if not isinstance(root, Node):
        raise Unreadable("empty")
    return root


class _Builder:
    """The parser's target."""

    def __init__(self, most_elements: int) -> None:
        self._left = most_elements
        self._text_left = _MOST_TEXT if most_elements <= MOST_ELEMENTS else most_elements * 200
        self._open: list[Node] = []
        self._texts: list[list[str]] = []
        """Of the open elements, in pieces: a text that grows by each would be copied for each."""
        self._root: Node | None = None

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._left -= 1
        if self._left < 0:
            raise Unreadable("too many elements")
        if len(self._open) >= MOST_DEPTH:
            raise Unreadable("too deep")
        space, _, name = tag[1:].rpartition("}") if tag.startswith("{") else ("", "", tag)
        node = Node(space, name, dict(attributes))
        if self._open:
            self._open[-1].children.append(node)
        self._open.append(node)
        self._texts.append([])

    def data(self, text: str) -> None:
        self._text_left -= len(text)
        if self._text_left < 0:
            raise Unreadable("too much text")
        if self._texts:
            self._texts[-1].append(text)

    def end(self, _: str) -> None:
        self._root = self._open.pop()
        self._root.text = "".join(self._texts.pop())

    def close(self) -> Node | None:
        return self._root


def write(root: Element) -> bytes:
    """A document in UTF-8."""
    written: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def fill(element: Element, parts: Parts) -> Element:
    """`element`, with these parts in it. The names are local ones: these schemas do not qualify them."""
    for name, value in parts:
        child = SubElement(element, name)
        if isinstance(value, str):
            child.text = value
        else:
            fill(child, value)
    return element
