"""What the flows share: hubs whose every answer is held against its description, items of every collection, people."""

import hashlib
import itertools
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import Table, select
from stdnum.it import codicefiscale

from contracts.subscription_services import SubscriptionService
from hub.cli.application import run
from hub.http.operations import ADMIN, FEED, PUBLISH
from hub.store.subscription_services import add_subscription_service
from hub.store.tables import agenda, deliveries
from tests.harness import ENTE, HubUnderTest, make_item, make_message, make_payment, make_receipt, running_hub
from tests.rules.conformance import assert_as_described

_TEMPLATES = [
    (operation, re.compile(f"/{operation.api}/v1" + re.sub(r"\{[a-z_]+\}", "[^/]+", operation.path)))
    for operation in (*PUBLISH, *FEED, *ADMIN)
]
_people = itertools.count()


def hold_against_description(response: httpx.Response) -> None:
    """An httpx hook: asserts that the operation, if it is one of ours, declares this very response."""
    request = response.request
    for operation, pattern in _TEMPLATES:
        if operation.method == request.method and pattern.fullmatch(request.url.path):
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                response.read()  # a stream has no end that one could wait for
            assert_as_described(operation.api, operation.method, operation.path, response)
            return


@contextmanager
def described_hub(folder: Path, **options: Any) -> Iterator[HubUnderTest]:
    """`running_hub`, every answer of which is checked as it comes."""
    with running_hub(folder, durable=False, **options) as hub:
        hub.client.event_hooks = {"request": [], "response": [hold_against_description]}
        yield hub


def mail_folder(folder: Path) -> dict[str, tuple[str, dict[str, Any]]]:
    """The `connectors` of a hub that writes its e-mails into a folder."""
    (folder / "box").mkdir(parents=True)
    return {"mail": ("loopback", {"folder": str(folder / "box")})}


def fresh(prefix: str = "item") -> str:
    """A name that nothing else has."""
    return f"{prefix}-{uuid4().hex[:12]}"


def new_person() -> str:
    """A valid tax code that no other test uses."""
    number = next(_people)
    letters = "".join("BCDFGHJKLM"[int(digit)] for digit in f"{number:06d}")
    body = f"{letters}80A01H501"
    return body + codicefiscale.calc_check_digit(body)


def to(person: str, address: str | None = "qualcuno@example.org") -> dict[str, Any]:
    """Whom an item is for, and where e-mail reaches the person, if anywhere."""
    return {"recipient": {"tax_code": person} | ({"email": address} if address else {})}


def make_document(external_id: str, content: bytes | None = None, **fields: Any) -> dict[str, Any]:
    """A document: of paper without `content`, else a PDF still to be uploaded."""
    if content is None:
        own: dict[str, Any] = {"doc_type": "certificato", "form": "other"}
    else:
        own = {
            "doc_type": "certificato",
            "filename": "certificato.pdf",
            "media_type": "application/pdf",
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
    return make_item(external_id, **(own | fields))


def make_service(external_id: str, **fields: Any) -> dict[str, Any]:
    own = {"service_id": "mensa", "name": "Mensa", "card_url": "https://www.comune.example.it/mensa"}
    item = make_item(external_id, **(own | fields))
    del item["recipient"]
    return item


def make_application(external_id: str, **fields: Any) -> dict[str, Any]:
    return make_item(external_id, **({"state": "submitted", "resume_url": "https://servizi.example.it/d"} | fields))


def make_subscription(external_id: str, **fields: Any) -> dict[str, Any]:
    own = {"subscription_service": "nido-2026", "state": "active", "valid_from": "2026-09-01"}
    return make_item(external_id, **(own | fields))


def make_deadline(external_id: str, **fields: Any) -> dict[str, Any]:
    return make_item(external_id, **({"due_at": "2099-01-31T23:00:00Z"} | fields))


MAKERS = {
    "messages": make_message,
    "documents": make_document,
    "payments": make_payment,
    "receipts": make_receipt,
    "applications": make_application,
    "subscriptions": make_subscription,
    "deadlines": make_deadline,
    "services": make_service,
}


def notice_number() -> str:
    return f"3{uuid4().int % 10**17:017d}"


def new_subscription_service(hub: HubUnderTest, **fields: Any) -> str:
    """One that no other test uses; returns its code."""
    service = SubscriptionService(code=fresh("nido"), **({"name": "Nido"} | fields))
    with hub.home.database.write() as tx:
        add_subscription_service(tx, ENTE, service)
    hub.hub.registry.poll()
    return service.code


def published(hub: HubUnderTest, collection: str, item: dict[str, Any], **how: Any) -> str:
    """Publish; returns the item_id."""
    response = hub.publish(collection, item, **how)
    assert response.status_code in (200, 201), response.text
    item_id: str = response.json()["item_id"]
    return item_id


def rows(hub: HubUnderTest, table: Table, **where: Any) -> list[dict[str, Any]]:
    """What the database holds."""
    query = select(table).where(*(table.c[name] == value for name, value in where.items()))
    with hub.home.database.read() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def reminders_come(hub: HubUnderTest, *item_ids: str) -> None:
    """The moment of every reminder that is planned of these items is there."""
    with hub.home.database.write() as tx:
        theirs = agenda.c.item_id.in_(item_ids) & agenda.c.occasion.startswith("remind.")
        assert tx.connection.execute(agenda.update().where(theirs).values(at=tx.now)).rowcount


def outcomes(hub: HubUnderTest, item_id: str) -> list[tuple[str, str | None]]:
    """State and reason of each delivery of a message, in the order in which they were begun."""
    found = sorted(rows(hub, deliveries, message_id=item_id), key=lambda row: row["delivery_id"])
    return [(row["state"], row["reason"]) for row in found]


def events(hub: HubUnderTest, person: str, item_id: str) -> list[str]:
    """What the timeline of an item says that its citizen sees."""
    return [each["event"] for each in hub.read(f"/items/{item_id}", person).json()["timeline"]]


def code(response: httpx.Response) -> tuple[int, str | None]:
    """The status, and the code of a refusal or the outcome of a publication."""
    content = response.json()
    return response.status_code, content.get("code") or content.get("outcome")


def command_line(
    hub: HubUnderTest, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    """The command line on the home of a hub, or on another; what it says, read where it is JSON.

    It ends with `code`; anyhow, where that is None.
    """
    if hub.home.database.is_shared:
        monkeypatch.setenv("RACCORDO_DATABASE_URL", hub.home.settings.database_url)

    def call(*arguments: object, code: int | None = 0, home: Path | None = None) -> Any:
        capsys.readouterr()
        ended = run([*map(str, arguments), "--home", str(home or hub.home.folder)])
        out, err = capsys.readouterr()
        assert code in (None, ended), out + err
        return json.loads(out) if out.startswith(("[", "{")) else out + err

    return call


def titles(response: httpx.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [item["title"] for item in response.json()["items"]]
