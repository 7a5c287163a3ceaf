"""HTML from anybody: the standard library's parser, without the texts that it fails over or takes very long for."""

from html.parser import HTMLParser


class ForgivingParser(HTMLParser):
    """What is fed in one piece never raises. A declaration that is none, such as `<![x`, is passed over: the standard
    parser raises AssertionError with the text around it, which is personal. A comment without an end is a text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._no_more_comments = False

    def parse_comment(self, i: int, report: bool = True) -> int:
        if not self._no_more_comments:
            if (end := super().parse_comment(i, report)) >= 0:
                return end
            self._no_more_comments = True
        return i + 4  # looking for the end of each of very many would take very long

    def parse_html_declaration(self, i: int) -> int:
        try:
            end = super().parse_html_declaration(i)
        except AssertionError:
            end = self.parse_bogus_comment(i)
        return end if end >= 0 else i + 2


class BlockReader(ForgivingParser):
    """The words of one page, a line for each block; what stands in `unseen` nobody sees."""

    def __init__(self, blocks: frozenset[str], unseen: frozenset[str]) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._blocks, self._unseen, self._hidden = blocks, unseen, 0

    def lines(self, page: str) -> list[str]:
        """The blocks that hold words, blanks as one."""
        self.feed(page)
        self.close()
        found = (" ".join(line.split()) for line in "".join(self.parts).split("\n"))
        return [line for line in found if line]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self._unseen:
            self._hidden += 1
        elif tag in self._blocks:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._unseen:
            self._hidden = max(0, self._hidden - 1)
        elif tag in self._blocks:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)
