"""That it is too early for a delivery."""

from datetime import datetime

from contracts.failures import Deferred


class PutOff(Deferred):
    """Nothing is wrong: it is not to be sent yet, and looking at it was no attempt."""

    def __init__(self, reason: str, until: datetime) -> None:
        super().__init__(reason, about="message")
        self.until = until
