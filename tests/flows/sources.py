"""A source whose content a test changes, and a hub that reads it."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import SecretStr

from connectors.registry import Types
from contracts.answering import Call, Reply
from contracts.base import Model
from contracts.connector import Connector, ConnectorType, Done, Manifest, Operation
from contracts.inbound import Afresh, Found, PatientSettings, Pulled, Report, Wrong
from tests.flows.making import described_hub, fresh, titles
from tests.harness import HubUnderTest, make_message

MANIFEST = Manifest(name="odd", title="Odd", channel="io")


class Settings(PatientSettings):
    secret: SecretStr = SecretStr("s3cret")


class KeyWish(Model):
    name: str


class Source:
    """It gives two records a page."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.fault: Exception | None = None
        self.asked = 0
        self.reports: list[Report] = []
        self.reading: Callable[[bytes], Iterable[Found]] = read
        self.looks: Callable[[str], Found | None] = lambda _name: None
        self.answers: Callable[[Call, Any], Reply] = lambda _call, _reading: Reply(204)
        self.operations: dict[str, Operation] = {}
        self.afresh: Afresh | None = None

    def connect(self, _settings: Settings, _limits: Any) -> Connector:
        return Connector(
            MANIFEST,
            lambda notice, _memo: Done(f"p-{notice.delivery_id}"),
            lambda: "fine",
            pull=lambda memo: self.pull(memo),
            afresh=self.afresh,
            look=lambda name: self.looks(name),
            answer=lambda call, reading: self.answers(call, reading),
            read=lambda content: self.reading(content),
            operations={"make-key": Operation("A new key", KeyWish, self.made, begins=True)} | self.operations,
        )

    def made(self, wish: KeyWish) -> dict[str, Any]:
        if self.fault is not None:
            raise self.fault
        return {"key": f"k-{wish.name}"}

    def pull(self, memo: dict[str, Any]) -> Pulled:
        self.asked += 1
        if self.fault is not None:
            raise self.fault
        start = memo.get("start", 0)
        page = self.records[start : start + 2]
        reports, self.reports = tuple(self.reports), []
        more = start + 2 < len(self.records)
        following = {"start": start + 2} if more else {}
        return Pulled(following, found=(found_of(each) for each in page), reports=reports, more=more)


def found_of(record: dict[str, Any]) -> Found:
    """As a mapping does it: what has no title cannot be mapped."""
    raw = json.dumps(record).encode()
    if record.get("gone"):
        return Found(record["external_id"], raw, "messages", withdrawn="tolto")
    if "title" not in record:
        return Found(record["external_id"], raw, "messages", wrong=(Wrong("/title", "mapping.missing", "no title"),))
    return Found(record["external_id"], raw, "messages", record)


def read(content: bytes) -> Iterator[Found]:
    loaded = orjson.loads(content)
    for each in loaded if isinstance(loaded, list) else [loaded]:
        yield found_of(each)


def record(tax_code: str, **fields: Any) -> dict[str, Any]:
    made = make_message(fresh("odd"), tax_code=tax_code, source="odd", notify={"channels": []}, **fields)
    del made["version"]
    return made


@contextmanager
def hub_with(folder: Path, source: Source, **settings: Any) -> Iterator[HubUnderTest]:
    """A hub, and a command line, that know this source as a type of connector."""
    known = {**Types(), "odd": ConnectorType(MANIFEST, Settings, source.connect)}

    def types(made: Callable[[ConnectorType], ConnectorType]) -> dict[str, ConnectorType]:
        return {name: made(kind) for name, kind in known.items()}

    own = {"vendor_id": "acme", "poll_every_s": 1} | settings
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("connectors.registry.Types", types)
        with described_hub(folder, connectors={"odd": ("odd", own)}, sweep_s=0.3) as hub:
            yield hub


def titles_of(hub: HubUnderTest, person: str) -> list[str]:
    return sorted(titles(hub.read("/items", person)))


def quarantined(raccordo: Callable[..., Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = raccordo("quarantine", "list", "--json")
    return found
