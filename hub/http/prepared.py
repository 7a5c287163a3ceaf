"""An answer that is made ready while what it tells of is being made durable."""

from collections.abc import Callable
from typing import Any

from starlette.responses import Response


class Prepared:
    """A receipt that is signed while the commit of which it tells is being written, and sent once that is durable."""

    def __init__(self, receipt: Callable[[Any], Response]) -> None:
        self._receipt = receipt
        self._answer: Any = None
        self._response: Response | None = None

    def early(self, answer: Any) -> None:
        """Sign it; a commit that is tried again makes another answer."""
        self._response, self._answer = self._receipt(answer), answer

    def of(self, answer: Any) -> Response:
        if self._response is None or self._answer is not answer:
            return self._receipt(answer)
        return self._response
