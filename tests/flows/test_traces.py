"""Spans of a request and its delivery, without content; and none where nobody asked."""

import logging
import sys

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from hub import tracing
from tests.harness import ROSSI, make_message, running_hub


@pytest.fixture
def spans():
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.use(provider.get_tracer("test"))
    yield exporter
    tracing.use(None)
    provider.shutdown()


def test_a_publication_is_traced_to_its_delivery_without_content(tmp_path, spans):
    (tmp_path / "box").mkdir()
    connectors = {"box": ("loopback", {"folder": str(tmp_path / "box"), "channel": "email"})}
    with running_hub(tmp_path / "home", connectors=connectors) as hub:
        message = make_message(title="Riservato", recipient={"tax_code": ROSSI, "email": "mario@example.it"})
        headers = hub.signed(b"{}") | {"traceparent": "00-11111111111111111111111111111111-1111111111111111-01"}
        hub.client.post("/publish/v1/messages", content=b"{}", headers=headers)
        assert hub.publish("messages", message).status_code == 201
        hub.settled()
    done = spans.get_finished_spans()
    names = {span.name for span in done}
    assert names == {"request", "identify", "verify", "commit", "deliver"}
    published = [s for s in done if s.name == "request" and s.attributes["operation"] == "publish_message"]
    assert len(published) == 2
    assert all(s.parent is None for s in done), "no caller chooses our traces"
    verified = {s.attributes["request_id"] for s in done if s.name == "verify"}
    assert verified == {s.attributes["request_id"] for s in published}
    assert [s.attributes["connector"] for s in done if s.name == "deliver"] == ["box"]
    told = " ".join(s.to_json() for s in done)
    for personal in (ROSSI, "Riservato", "mario@example.it", "11111111111111111111111111111111"):
        assert personal not in told


def test_of_an_exception_the_type_alone_is_told(spans):
    with pytest.raises(ValueError), tracing.span("x"):
        raise ValueError(ROSSI)
    [span] = spans.get_finished_spans()
    assert span.attributes["error.type"] == "ValueError"
    assert ROSSI not in span.to_json()


def test_what_runs_for_another_is_no_child(spans):
    with tracing.span("outer"), tracing.span("inner"), tracing.span("apart", apart=True):
        pass
    parents = {span.name: span.parent is not None for span in spans.get_finished_spans()}
    assert parents == {"outer": False, "inner": True, "apart": False}


def test_without_a_tracer_there_is_nothing(monkeypatch):
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    with tracing.tracing():
        assert tracing.span("a", x=1) is tracing.span("b")


def test_missing_packages_are_logged_and_no_more(monkeypatch, caplog):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with caplog.at_level(logging.ERROR), tracing.tracing():
        assert tracing.span("a") is tracing.span("b")
    assert "raccordo[traces]" in caplog.text
