"""What is remembered between the steps of a notification. No personal data: keys, versions, digests, SEND's own names.

{} -> preload -> upload, once for each document -> request (announced as unsafe) -> status -> done, or follow; cancel
and cancelled where the item was taken back. `round` counts the tokens: a request that SEND refused is made again under
a new one.
"""

import json
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError

from contracts.base import Model
from contracts.connector import Memo
from contracts.failures import Unconfirmed

Count = Annotated[int, Field(ge=0)]


class Preload(Model):
    """Addresses for the uploads are to be asked for; `tries` times those that we got did not do."""

    step: Literal["preload"] = "preload"
    round: Count = 0
    tries: Count = 0


class Slot(Model):
    """Where a document goes. Its address and secret let one upload that file, and no other, for an hour."""

    key: Annotated[str, StringConstraints(min_length=1, max_length=512)]
    url: Annotated[str, StringConstraints(min_length=1, max_length=8000)]
    secret: Annotated[str, StringConstraints(min_length=1, max_length=1000)]
    method: Literal["PUT", "POST"]
    sha256: str
    version: str | None = None
    """`x-amz-version-id` of the answer, once it is there: SEND's versionToken."""


class Upload(Model):
    """Documents are uploaded one after the other, up to `until` in seconds of the epoch."""

    step: Literal["upload"] = "upload"
    round: Count
    tries: Count
    until: int
    slots: tuple[Slot, ...]


class Stored(Model):
    """A document that is at SEND."""

    key: str
    version: str
    sha256: str


class Request(Model):
    """Everything is there for the request."""

    step: Literal["request"] = "request"
    round: Count
    protocol_number: str
    """That of the pair, even if a newer version of the item has another."""
    version: int
    """Of the message."""
    files: tuple[Stored, ...]


class Status(Model):
    """SEND took the request; whether it accepts it is asked for."""

    step: Literal["status"] = "status"
    round: Count
    protocol_number: str
    version: int
    request_id: str | None = None
    """None where only the pair names it."""
    checks: Count = 0


class Follow(Model):
    """SEND accepted it under this IUN."""

    step: Literal["follow"] = "follow"
    iun: str


class Cancel(Model):
    """It is to be cancelled."""

    step: Literal["cancel"] = "cancel"
    iun: str
    checks: Count = 0


class Cancelled(Model):
    """SEND cancels it; `told`: that it adds nothing to payments any more."""

    step: Literal["cancelled"] = "cancelled"
    iun: str
    told: bool = False


Step = Preload | Upload | Request | Status | Follow | Cancel | Cancelled
_STEPS: TypeAdapter[Step] = TypeAdapter(Annotated[Step, Field(discriminator="step")])


def step_of(memo: Memo) -> Step:
    """The step that comes next. Raises Unconfirmed for a memo of another version: it cannot be told what has left.

    A memo of the questions asked since it was accepted (`questions.Asking`) names no step, but its IUN: it is to be
    followed, or cancelled.
    """
    if "step" not in memo and "iun" in memo:
        memo = {"step": "follow", "iun": memo["iun"]}
    try:
        # As JSON: the models are strict, and only there a list is an array.
        return _STEPS.validate_json(json.dumps({"step": "preload"} | memo))
    except ValidationError:
        raise Unconfirmed("send.memo_unknown") from None


def memo_of(step: Step) -> Memo:
    return step.model_dump(mode="json")
