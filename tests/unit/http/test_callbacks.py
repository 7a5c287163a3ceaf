"""What strangers can do to the addresses that providers call: nothing to the providers, and nothing for a name of
their own making."""

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.requests import Request

from contracts.answering import Reply
from hub.errors import PathUnknown, QuotaExceeded
from hub.http.callbacks import CallbacksApi
from hub.http.exchange import Exchange
from hub.http.limits import Limiter


class Answering:
    """One connector, which answers whoever calls."""

    def knows(self, ente_id: str, connector_id: str) -> bool:
        return connector_id == "pagopa"

    def answer(self, ente_id: str, connector_id: str, call: Any) -> Reply:
        return Reply(204)


def called(api: CallbacksApi, connector_id: str, address: str, read: list[str]) -> int:
    async def receive() -> dict[str, Any]:
        read.append(connector_id)
        return {"type": "http.request", "body": b"{}", "more_body": False}

    path = f"/callbacks/v1/c_h501/{connector_id}/x"
    names = {"ente_id": "c_h501", "connector_id": connector_id, "path": "x"}
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": [], "path_params": names}
    request = Request(scope | {"server": ("hub.example", 443), "scheme": "https"}, receive)
    return asyncio.run(api.answer(Exchange(request, "r", address))).status_code


@pytest.mark.usefixtures("one_minute")
def test_a_stranger_uses_up_his_own_calls_alone_and_none_under_names_that_he_made_up() -> None:
    ente = SimpleNamespace(ente_id="c_h501", public_url="https://hub.example")
    registry: Any = SimpleNamespace(ente=lambda _: ente)
    limiter = Limiter(calls_per_minute=1, refusals_per_minute=1)
    answering: Any = Answering()
    api = CallbacksApi(answering, lambda: registry, limiter, 100, None, lambda: datetime.now(UTC))
    read: list[str] = []
    with pytest.raises(PathUnknown):
        called(api, "made-up", "203.0.113.9", read)
    assert read == []
    assert called(api, "pagopa", "203.0.113.9", read) == 204
    with pytest.raises(QuotaExceeded):
        called(api, "pagopa", "203.0.113.9", read)
    assert called(api, "pagopa", "198.51.100.7", read) == 204
