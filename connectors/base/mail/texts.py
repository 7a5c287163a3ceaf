"""The connector's own words in the languages it has, and how dates and amounts are written in them."""

import json
import tomllib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from contracts.base import ROME, Model

FALLBACK = "it"


class KindTexts(Model):
    """What a kind of message is called."""

    subject: str
    """After the body's name. Says what kind of thing waits, never what it is about."""
    label: str
    lead: str
    open: str
    """The words of the link to the personal area."""


class Texts(Model):
    language: str
    months: tuple[str, ...]
    at_time: str
    sensitive: KindTexts
    kinds: dict[str, KindTexts]
    amount: str
    due: str
    notice_number: str
    creditor: str
    invalid_after_due: str
    until: str
    courtesy: str
    registered: str
    """In its place where the message goes to a digital domicile."""
    safety: str
    answer: str
    no_answer: str
    unsubscribe: str
    unsubscribe_link: str

    def of_kind(self, kind: str, *, sensitive: bool) -> KindTexts:
        """A kind that has no words of its own is told as `info`; a sensitive notice does not even tell its kind."""
        if sensitive:
            return self.sensitive
        return self.kinds.get(kind, self.kinds["info"])

    def date(self, moment: datetime) -> str:
        """The day in Rome; the hour only where the deadline is not simply a day."""
        local = moment.astimezone(ROME)
        day = f"{local.day} {self.months[local.month - 1]} {local.year}"
        if (local.hour, local.minute) in ((0, 0), (23, 59)):
            return day
        return f"{day}{self.at_time}{local:%H:%M}"

    def money(self, cents: int) -> str:
        return _MONEY[self.language](cents)


def _italian_money(cents: int) -> str:
    return f"{cents // 100:,}".replace(",", ".") + f",{cents % 100:02d} €"


def _english_money(cents: int) -> str:
    return f"€{cents // 100:,}.{cents % 100:02d}"


_MONEY: dict[str, Callable[[int], str]] = {"it": _italian_money, "en": _english_money}


def _load() -> dict[str, Texts]:
    found = {}
    for path in sorted((Path(__file__).parent / "templates").glob("*.toml")):
        found[path.stem] = Texts.model_validate_json(_as_json(path))
    return found


def _as_json(path: Path) -> str:
    # The strict models read arrays into tuples only from JSON.
    return json.dumps(tomllib.loads(path.read_text(encoding="utf-8")))


TEXTS = _load()


def texts_for(language: str) -> Texts:
    """`de-AT` is looked up as `de`; a language without texts gets the Italian ones."""
    return TEXTS.get(language.partition("-")[0], TEXTS[FALLBACK])
