"""Many changes of what the citizen did with items, in one request: select all, archive, restore."""

from typing import Annotated, Literal

from pydantic import Field

from .base import Model
from .feed import UserState, UserStatePatch
from .identifiers import Uuid7
from .problem import ProblemCode

MOST_CHANGES = 100


class UserStateWish(Model):
    """A merge patch on one item's user state."""

    item_id: Uuid7
    patch: UserStatePatch


class UserStateWishes(Model):
    """Up to 100 items, each once. They are changed together: all, but for those that are refused one by one."""

    items: Annotated[tuple[UserStateWish, ...], Field(min_length=1, max_length=MOST_CHANGES, fail_fast=True)]


class UserStateOutcome(Model):
    """What became of one of them: its new state, or the `code` of the refusal."""

    item_id: Uuid7
    outcome: Literal["changed", "refused"]
    code: ProblemCode | None
    user_state: UserState | None


class UserStateOutcomes(Model):
    """One for each item asked for, in the same order."""

    items: Annotated[tuple[UserStateOutcome, ...], Field(max_length=MOST_CHANGES, fail_fast=True)]
