"""What is written to many: by an administrator to all subscribers of a subscription service (S41), by the hub when its
enrolment opens (S10).
"""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from .base import LINE, TEXT, Code, Model, UtcDatetime
from .identifiers import holds_tax_code

_PLACES = re.compile(r"\{([^{}]*)\}")
PLACES = frozenset({"title", "service"})
"""What a text may name in braces: the subscription's title, and the name of its subscription service."""


def impersonal(text: str) -> str:
    """A text for many names nobody. Raises ValueError."""
    if holds_tax_code(text):
        raise ValueError(
            "Niente codici fiscali: lo leggeranno tutti / must not contain a tax code: everybody is going to read it"
        )
    return text


def _with_places(text: str) -> str:
    if unknown := set(_PLACES.findall(text)) - PLACES:
        raise ValueError(f"Non c'è {{{min(unknown)}}} / there is no such name; there are {{service}} and {{title}}")
    return text


class BroadcastText(Model):
    """What it says in one language. The body is Markdown."""

    # Shorter than a message's own, which holds the names that come into the places too.
    title: Annotated[
        str,
        StringConstraints(min_length=1, max_length=150),
        LINE,
        AfterValidator(impersonal),
        AfterValidator(_with_places),
    ]
    body: Annotated[
        str,
        StringConstraints(min_length=1, max_length=10_000),
        TEXT,
        AfterValidator(impersonal),
        AfterValidator(_with_places),
    ]

    @model_validator(mode="after")
    def _few_places(self) -> Self:
        if len(_PLACES.findall(self.body)) > 10:
            raise ValueError("Il testo nomina più di 10 fatti / the body names more than 10 facts")
        return self

    def filled(self, part: str, facts: dict[str, str]) -> str:
        """The title or the body with the facts in their places."""
        return _PLACES.sub(lambda found: facts[found[1]], getattr(self, part))


class Broadcast(Model):
    """What is sent to whom, and how fast."""

    code: Code
    """Of the subscription service."""
    it: BroadcastText
    en: BroadcastText | None = None
    """For those whose subscription is in English; without it they get the Italian."""
    waitlisted: bool = False
    """Also to those who wait for a place."""
    per_second: Annotated[int, Field(ge=1, le=200)] = 50


class Opening(Model):
    """The enrolment of a subscription service has opened: its words are those of the rule."""

    code: Code
    """Of the subscription service."""
    other_periods: Annotated[tuple[Code, ...], Field(min_length=1, fail_fast=True)]
    """The subscription services whose subscribers it concerns."""
    closes_at: UtcDatetime
    per_second: Annotated[int, Field(ge=1, le=200)] = 50
