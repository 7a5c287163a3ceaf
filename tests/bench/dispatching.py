"""What the embedded dispatcher delivers in a second to a folder, alone and beside a dead and a slow provider."""

import hashlib
import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import orjson
from sqlalchemy import func, select

from contracts.connector import Connector, Continue, Done, Memo, Notice
from contracts.failures import Deferred
from contracts.identifiers import new_uuid7
from contracts.items import Channel, Message, MessageKind
from hub.bootstrap import LEASE, Hub
from hub.dispatch.dispatcher import Dispatcher
from hub.ingest.drafting import draft_of
from hub.ingest.rules import standard
from hub.registry import Vendor
from hub.security.claims import UsedToken
from hub.store.drafts import PlannedDelivery
from hub.store.intake import Signed, Submission
from hub.store.tables import deliveries

from ..harness import ENTE, make_home, make_message

FINE, DEAD, SLOW = "fine", "dead", "slow"
_SLOW_S = 2.0


def rates(folder: Path, *, messages: int) -> tuple[float, float]:
    """(alone, beside the two others): deliveries in a second by the fine connector."""
    place = folder / f"dispatching-{new_uuid7()}"
    return _rate(place / "alone", (FINE,), messages), _rate(place / "beside", (FINE, DEAD, SLOW), messages)


def _rate(folder: Path, names: tuple[str, ...], messages: int) -> float:
    (folder / "out").mkdir(parents=True)
    settings = {"folder": str(folder / "out")}
    home = make_home(folder / "home", connectors=dict.fromkeys(names, ("loopback", settings)))
    hub = Hub(home)
    _publish(hub, names, messages)
    runner = replace(hub.runner, connector=lambda *key: _troubled(hub.connectors.get(*key), key[1]))
    dispatcher = Dispatcher(
        committer=hub.committer,
        run=runner.run,
        resending=hub.connectors.resending,
        limits=hub.connectors.limits,
        lease=LEASE,
    )
    hub.committer.start()
    started = time.perf_counter()
    dispatcher.start()
    while _delivered(hub) < messages:
        time.sleep(0.02)
    taken = time.perf_counter() - started
    dispatcher.stop()
    hub.committer.close()
    hub.database.close()
    return messages / taken


def _publish(hub: Hub, names: tuple[str, ...], messages: int) -> None:
    planned = tuple(PlannedDelivery("io", name, timedelta(days=1)) for name in names)

    def route(_: str, __: tuple[Channel, ...], ___: bool, ____: MessageKind) -> tuple[PlannedDelivery, ...]:
        return planned

    vendor = Vendor(ENTE, "acme", "acme", "jwk", True, (), "acme")
    with hub.database.write() as tx:
        hub.intake.record(
            tx,
            [
                Submission(
                    _signed(n, tx.now + timedelta(days=1)),
                    act=draft_of(
                        Message.model_validate_json(orjson.dumps(make_message(f"m-{n}"))),
                        vendor,
                        route=route,
                        keyed_hash=hub.home.vault.keyed_hash,
                        rules=standard(),
                    ),
                )
                for n in range(messages)
            ],
        )


def _signed(number: int, until: datetime) -> Signed:
    used = (UsedToken("authorization", f"jti-{number}", until),)
    sent = {"tokens": {}, "body": b"{}", "body_sha256": hashlib.sha256(b"{}").hexdigest()}
    return Signed(f"request-{number}", "publish_message", ENTE, "acme", "jwk:x", used=used, **sent)


def _troubled(connector: Connector | None, name: str) -> Connector | None:
    """The folder's connector, whose provider is dead or slow where its name says so."""
    assert connector is not None
    plain = connector.advance

    def advance(notice: Notice, memo: Memo) -> Done | Continue:
        if name == DEAD:
            raise Deferred("bench.dead")
        time.sleep(_SLOW_S)
        return plain(notice, memo)

    return connector if name == FINE else replace(connector, advance=advance)


def _delivered(hub: Hub) -> int:
    its = (deliveries.c.ente_id == ENTE) & (deliveries.c.connector_id == FINE) & (deliveries.c.state == "delivered")
    with hub.database.read() as connection:
        return connection.execute(select(func.count()).select_from(deliveries).where(its)).scalar_one()
