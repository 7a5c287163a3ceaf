"""Where a tenant was read up to: what is remembered between the steps, as their memo holds it. Names of records and
times alone."""

import json
from typing import Literal

from pydantic import ValidationError

from contracts.base import Model
from contracts.inbound import Memo

SERVICE_STATES = ("0", "1", "2")
"""Of subscription services: waiting, active, inactive. Each is to be asked for, else only the active ones come."""
MOST_MISSED = 200
ALL = "all"
UNREAD = "applications-unread"
"""Stands for records of the list that had no name, as they could not be read."""
ARCHIVE = "archive-list"
LISTS = frozenset({UNREAD, ARCHIVE, *(f"subscription-list/{state}" for state in SERVICE_STATES)})
"""What cannot be asked for alone, by the names under which it is passed over."""

Listing = Literal["all", "drafts"]


class Walk(Model):
    """A round under way."""

    sweep: bool
    started: int
    """Unix seconds, by OpenCity's clock once it has answered."""
    listings: tuple[Listing, ...]
    """Whose pages are still to be read; drafts are in none but their own."""
    offset: int = 0
    limit: int = 0
    """Records of a page, where one of the usual size could not be had; 0: of that size."""
    todo: tuple[str, ...] = ()
    """`message/`, `payment/`, `file/` or `enclosed/` (in its messages) and the application whose they are."""
    after_file: str = ""
    """Of the application whose files are being read, one at a step: the last one, by name."""
    subscriptions: tuple[str, ...] = ()
    """States of services whose subscriptions are still to be read."""
    archive: bool = False
    """Whether the archive is still to be read, from `offset` on, after all else; `after_file` is then a document."""
    archive_from: int | None = None
    """When its reading began."""
    missed: tuple[str, ...] = ()
    """Of `todo` what was passed over because it could not be had; `ALL` where they are too many to be named."""
    hopeless: str = ""
    """Of what kind and why was what was passed over last: the next that fails so is not waited for."""

    def passing_over(self, question: str) -> "Walk":
        return self.model_copy(update={"missed": together(self.missed, (question,))})


class Place(Model):
    """What is remembered between the steps."""

    since: int | None = None
    """When the last finished round began."""
    swept_at: int | None = None
    files: bool = False
    """Whether a sweep has read the files: they may be wanted later than all else."""
    enclosed: bool = False
    """The same of what is attached to messages."""
    archived: tuple[int, int] | None = None
    """When the last reading of the archive began and ended, by OpenCity's clock, as near as ours is to it."""
    missed: tuple[str, ...] = ()
    """What was passed over in the last sweep and since then: the next one reads it however long it has not changed."""
    walk: Walk | None = None

    def has_missed(self, question: str) -> bool:
        return question in self.missed or ALL in self.missed


def together(before: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    """Both, each once, as far as they can be named."""
    found = tuple(dict.fromkeys((*before, *more)))
    return found if len(found) <= MOST_MISSED else (ALL,)


def place_of(memo: Memo) -> Place:
    """What a memo says; the beginning, where it says nothing that is understood."""
    try:
        return Place.model_validate_json(json.dumps(memo))
    except ValidationError:
        # Written by another version: reading all anew finds nothing twice.
        return Place()
