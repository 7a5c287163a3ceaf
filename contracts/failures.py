"""What a connector raises when a step did not succeed. The type is the decision; the text holds no personal data."""

from datetime import timedelta
from typing import Literal


class Failure(Exception):
    """A delivery's step failed. `reason` is a short stable code such as `io.profile_not_found`."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason if not detail else f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Rejected(Failure):
    """The provider understood and refuses for good. The delivery ends as `rejected`. `address_is_dead`: as of a report
    (`contracts.inbound.Report`)."""

    def __init__(self, reason: str, detail: str = "", *, address_is_dead: bool = False) -> None:
        super().__init__(reason, detail)
        self.address_is_dead = address_is_dead


class Skipped(Failure):
    """The citizen cannot be reached this way (not on IO, opted out). Not an error: the delivery ends as `skipped`."""


class Deferred(Failure):
    """Not now: the provider is overloaded or unreachable and nothing was accepted. The delivery is tried again.

    `after` is the provider's own wish (Retry-After); the hub clamps it. `about` the message alone (a full mailbox, a
    greylist): others go on. About the provider: so many in a row stop its connector for a while.
    """

    def __init__(
        self,
        reason: str,
        detail: str = "",
        *,
        after: timedelta | None = None,
        about: Literal["provider", "message"] = "provider",
    ) -> None:
        super().__init__(reason, detail)
        self.after = after
        self.about = about


class Unconfirmed(Failure):
    """Bytes were sent and no answer came: the provider may have accepted. Resent only if it can be asked first, honours
    our key, or the connector opted in."""


class Misconfigured(Failure):
    """Our credentials, certificate or set-up are wrong. The connector is paused; no attempt is spent."""
