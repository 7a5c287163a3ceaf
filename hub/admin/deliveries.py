"""Deliveries as an operator looks after them: without personal data, and sent again only where that may be."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from contracts.base import rfc3339
from contracts.connector import CALLBACK, ConnectorType
from contracts.failures import Failure
from contracts.faults import bilingual
from hub.dispatch.building import limits_of
from hub.dispatch.pool import serving
from hub.dispatch.requests import Requests, claim_of
from hub.store.configuration import Configuration, ConnectorConfig
from hub.store.connector_versions import Environment
from hub.store.database import Tx
from hub.store.directory import NotThere
from hub.store.drafts import CONNECTOR_UNKNOWN
from hub.store.operations import REPLAYABLE, NotReplayable, replay_delivery, show_delivery
from hub.store.tables import clipped
from hub.store.vendor_records import is_on_trial

from .acting import Acted, Actor, Order
from .errors import DeliveryNotReplayable, DeliveryUnknown


@dataclass(frozen=True, slots=True)
class Deliveries:
    """The deliveries of all enti; each reading and each order is of one ente."""

    types: Mapping[str, ConnectorType]
    configuration: Configuration
    requests: Requests
    ring: Callable[[], None]

    def one(self, connection: Connection, ente_id: str, delivery_id: str) -> dict[str, Any]:
        """contracts.work_administration.AdminDelivery with its attempts. Raises DeliveryUnknown."""
        row, tries = self._found(connection, ente_id, delivery_id)
        return view(row) | {"attempt_log": [_attempt(each) for each in tries]}

    def dry_run(self, connection: Connection, ente_id: str, delivery_id: str) -> dict[str, Any]:
        """contracts.work_administration.Replay: what would go out. Raises DeliveryUnknown, DeliveryNotReplayable."""
        row, config = self._replayable(connection, ente_id, delivery_id)
        told: dict[str, Any] = {"delivery_id": delivery_id, "connector_id": config.connector_id}
        told |= {"reason": None, "calls": []}
        if row["channel"] == CALLBACK:
            return told | {"outcome": "would_be_queued"}
        claim = claim_of(row | {"connector_id": config.connector_id})
        try:
            calls = self.requests.of(claim) or ()
        except Failure as failure:
            return told | {"outcome": "would_fail", "reason": failure.reason}
        shown = [
            {
                "call": clipped(call.call, 500),
                "field_lengths": {name: len(value) for name, value in call.fields.items()},
            }
            for call in calls
        ]
        return told | {"outcome": "would_be_queued", "calls": shown}

    def replay(self, actor: Actor, delivery_id: str) -> Order:
        """Queue an ended delivery again, from the first step. The order raises DeliveryUnknown and
        DeliveryNotReplayable."""

        def do(tx: Tx) -> Acted:
            row, config = self._replayable(tx.connection, actor.ente_id, delivery_id)
            tx.after_commit.append(self.ring)
            return queued(tx, row, config, self.types[config.type])

        return Order("replay_delivery", actor, do, target_of(delivery_id))

    def _found(self, connection: Connection, ente_id: str, delivery_id: str) -> tuple[dict[str, Any], list[Any]]:
        try:
            row, tries = show_delivery(connection, delivery_id)
        except NotThere:
            raise DeliveryUnknown from None
        if row["ente_id"] != ente_id:
            raise DeliveryUnknown
        return row, tries

    def _replayable(
        self, connection: Connection, ente_id: str, delivery_id: str
    ) -> tuple[dict[str, Any], ConnectorConfig]:
        row, _ = self._found(connection, ente_id, delivery_id)
        if not _may_go_again(row):
            raise DeliveryNotReplayable(
                bilingual(
                    f"È {row['state']}: ripeterla potrebbe avvisare il cittadino due volte",
                    f"it is {row['state']}: sending it again could tell the citizen twice",
                )
            )
        configs = self.configuration.load(connection)
        config = configs.get((ente_id, row["connector_id"]))
        # What is planned without a connector, as none for tests was there, goes to no citizen by this way either.
        on_trial = row["channel"] != CALLBACK and is_on_trial(connection, ente_id, row["message_id"])
        if row["connector_id"] == CONNECTOR_UNKNOWN:
            environment: Environment = "test" if on_trial else "production"
            config = serving(self.types, configs, ente_id, row["channel"], environment)
        if config is None or config.type not in self.types:
            raise DeliveryNotReplayable(
                bilingual(
                    "Nessun connettore la serve: configurarne prima uno", "no connector serves it: configure one first"
                )
            )
        if on_trial and config.environment != "test":
            raise DeliveryNotReplayable(
                bilingual(
                    f"Il fornitore è in prova, e il connettore {config.connector_id} non è per le prove",
                    f"its vendor is in the sandbox, connector {config.connector_id} not for tests",
                )
            )
        if config.status != "active":
            raise DeliveryNotReplayable(
                bilingual(
                    f"Il connettore {config.connector_id} è in pausa: attivarlo prima",
                    f"connector {config.connector_id} is paused: activate it first",
                )
            )
        return row, config


def queued(tx: Tx, row: Mapping[str, Any], config: ConnectorConfig, kind: ConnectorType) -> Acted:
    """Queue an ended delivery again, by that connector; the answer is contracts.work_administration.Replay. Raises
    DeliveryNotReplayable."""
    delivery_id, connector_id = row["delivery_id"], config.connector_id
    age_s = limits_of(kind, config).max_age_s
    try:
        replay_delivery(tx, delivery_id, expires_in_s=age_s, connector_id=connector_id)
    except NotReplayable as state:
        raise DeliveryNotReplayable(bilingual(f"È {state}", f"it is {state}")) from None
    told = {"delivery_id": delivery_id, "outcome": "queued", "connector_id": connector_id, "reason": None, "calls": []}
    return Acted(
        told,
        target_of(delivery_id),
        {"state": row["state"]},
        {"state": "queued", "connector_id": connector_id},
        citizen_id=row["citizen_id"],
        item_id=row["message_id"],
    )


def target_of(delivery_id: str) -> str:
    """What an act on a delivery says that it is about."""
    return f"deliveries/{clipped(delivery_id, 36)}"


def view(row: Mapping[str, Any]) -> dict[str, Any]:
    """contracts.work_administration.AdminDelivery."""
    own = {name: row[name] for name in ("delivery_id", "connector_id", "channel", "state", "reason", "attempts")}
    times = {name: rfc3339(row[name]) for name in ("created_at", "due_at", "updated_at", "expires_at")}
    return own | times | {"replayable": _may_go_again(row)}


def _may_go_again(row: Mapping[str, Any]) -> bool:
    return row["state"] in REPLAYABLE and row["claim_id"] is None


def _attempt(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "started_at": rfc3339(row["started_at"]),
        "ended_at": None if row["ended_at"] is None else rfc3339(row["ended_at"]),
        "outcome": row["outcome"],
        "reason": row["reason"],
        "detail": row["detail"] or None,
    }
