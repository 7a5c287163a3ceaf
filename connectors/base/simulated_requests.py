"""What simulated providers look at in a request before they read its body."""

import hmac
from collections.abc import Collection

from starlette.requests import Request


def bears_key(request: Request, known: Collection[str] | None) -> bool:
    """Whether it has one of these keys where the gateway of the platform's APIs wants it; None: any will do."""
    given = request.headers.get("ocp-apim-subscription-key", "").encode()
    return given != b"" and (known is None or any(hmac.compare_digest(given, key.encode()) for key in known))


def is_json(request: Request) -> bool:
    """Whether it says that its body is JSON."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"
