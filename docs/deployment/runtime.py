"""Prints the part of requirements.txt that a hub needs to run, with its hashes: without what only tests and checks use.

    python runtime.py requirements.txt > runtime.txt

What each package is there for stands in the comments that the lock's maker leaves: `# via ...`.
"""

import re
import sys

ROOTS = ("raccordo (pyproject.toml)", "raccordo (pyproject.toml:build)")
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def runtime(text: str) -> str:
    """The entries that a root needs, and those that they need, as they stand."""
    entries = re.split(r"\n(?=[A-Za-z0-9])", text.strip())
    why = {name_of(entry): re.findall(r"# +(?:via )?(\S.*)", entry) for entry in entries}
    needed: set[str] = set()
    found = {name for name, reasons in why.items() if not set(ROOTS).isdisjoint(reasons)}
    while found:
        needed |= found
        found = {name for name, reasons in why.items() if not needed.isdisjoint(reasons)} - needed
    return "\n".join(entry for entry in entries if name_of(entry) in needed) + "\n"


def name_of(entry: str) -> str:
    match = _NAME.match(entry)
    assert match is not None, entry
    return match.group()


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as lock:
        sys.stdout.write(runtime(lock.read()))
