"""What connectors answer to their providers stands in their manifests, and so in `openapi/callbacks.yaml`."""

from pathlib import Path

from connectors.registry import Types
from hub.http.description import describe

ROOT = Path(__file__).parents[2] / "connectors"


def test_whoever_answers_calls_declares_them() -> None:
    answering = {init.parent.name for init in ROOT.glob("*/__init__.py") if "answer=" in init.read_text("utf-8")}
    assert answering
    assert {name for name, kind in Types().items() if kind.manifest.calls} == answering


def test_every_declared_call_is_described_with_who_may_call() -> None:
    described = describe("callbacks")
    for kind in Types().values():
        for call in kind.manifest.calls:
            told = described["paths"][f"/{{ente_id}}/{{connector_id}}/{call.path}"][call.method.lower()]
            assert told["tags"] == [kind.manifest.name]
            assert [*told.get("requestBody", {}).get("content", {})] == [*call.media_types]
            assert {str(answer.status) for answer in call.answers} <= told["responses"].keys()
            headers = {described["components"]["securitySchemes"][name]["name"] for [name] in told["security"]}
            assert headers == {proof.header for proof in call.proofs}
