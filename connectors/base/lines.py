"""Texts of others in one line."""


def one_line(text: str) -> str:
    """`text` without line ends and other control characters: fit for a header, and for a title."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
