"""Spans of OpenTelemetry, where the extra `traces` is installed and a process was told to trace; else nothing at all.

Spans carry ids and outcomes, never content. A caller's `traceparent` is not followed: whoever calls from outside must
not choose our trace ids, nor whether we record.
"""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

log = logging.getLogger(__name__)

_NOTHING: AbstractContextManager[None] = nullcontext()
_tracer: Any = None


def span(name: str, *, apart: bool = False, **attributes: str | int) -> AbstractContextManager[None]:
    """A span around a block; without a tracer it costs one comparison.

    `apart`: not a child of whatever is under way here, where the block runs on behalf of another.
    """
    return _NOTHING if _tracer is None else _span(name, apart, attributes)


@contextmanager
def _span(name: str, apart: bool, attributes: Mapping[str, Any]) -> Iterator[None]:
    from opentelemetry.context import Context

    # An exception's text may quote a value: its type alone is recorded.
    with _tracer.start_as_current_span(
        name,
        context=Context() if apart else None,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as current:
        try:
            yield
        except BaseException as exc:
            current.set_attribute("error.type", type(exc).__name__)
            raise


def use(tracer: Any) -> None:
    """Trace with `tracer` from now on; with none, None."""
    global _tracer
    _tracer = tracer


@contextmanager
def tracing() -> Iterator[None]:
    """Send spans to OTEL_EXPORTER_OTLP_ENDPOINT until the block ends; nothing where it is not set.

    Missing packages are logged and no more: a hub that is not traced is better than none.
    """
    provider = _provider() if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") else None
    if provider is None:
        yield
        return
    use(provider.get_tracer("raccordo"))
    try:
        yield
    finally:
        use(None)
        provider.shutdown()


def _provider() -> Any:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        log.error("traces.unavailable problem=%s", "install raccordo[traces]")  # noqa: TRY400 - the trace says no more
        return None
    provider = TracerProvider(resource=Resource.create({"service.name": "raccordo"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider
