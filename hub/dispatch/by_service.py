"""One connector of several: single services have settings of their own, such as a provider's key for each."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from contracts.connector import Connector, Notice
from contracts.failures import Failure

BY_NOTICE = ("advance", "lookup", "preview", "follow_up")
"""What a connector offers that begins with a notice."""


def for_services(everywhere: Connector, by_service: Mapping[str, Connector]) -> Connector:
    """The connector that does for each notice what that of its service would; all else as for everybody."""

    def chosen(name: str) -> Callable[..., Any]:
        def call(notice: Notice, *rest: Any) -> Any:
            one = by_service.get(notice.service_id or "", everywhere)
            return getattr(one, name)(notice, *rest)

        return call

    def check() -> str:
        told = [everywhere.check()]
        for service_id, one in by_service.items():
            try:
                told.append(f"{service_id}: {one.check()}")
            except Failure as failure:
                raise type(failure)(failure.reason, f"service {service_id}: {failure.detail}") from failure
        return " ".join(told)

    def close() -> None:
        for one in (everywhere, *by_service.values()):
            one.close()

    certificates = tuple(each for one in (everywhere, *by_service.values()) for each in one.certificates)
    calls: dict[str, Any] = {name: chosen(name) for name in BY_NOTICE if getattr(everywhere, name, None) is not None}
    return replace(everywhere, check=check, close=close, certificates=certificates, **calls)
