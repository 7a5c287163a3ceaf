"""Calls of providers, answered by the connector they are for once what they told is kept."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from contracts.answering import Call, Demanded, Reading, Reply
from contracts.connector import Connector
from contracts.failures import Deferred, Failure
from contracts.faults import in_both
from contracts.inbound import Wrong
from hub.errors import Fault, HubError, PathUnknown, StoreUnavailable
from hub.metrics import count_declined
from hub.registry import Registry
from hub.security.left import EnteEnded
from hub.store.configuration import ConnectorConfig

from .demanding import Demands
from .reading import Archive
from .reporting import Reporter
from .sources import Source, still_taken
from .taking import Taker

log = logging.getLogger(__name__)

Configs = Mapping[tuple[str, str], ConnectorConfig]


@dataclass(frozen=True, slots=True)
class Answering:
    """Answers calls."""

    configs: Callable[[], Configs]
    registry: Callable[[], Registry]
    connector: Callable[[str, str, int], Connector | None]
    archive: Archive
    taker: Taker
    reporter: Reporter
    demands: Demands

    def knows(self, ente_id: str, connector_id: str) -> bool:
        """Whether a connector of that name is there, before anything of a call to it is read."""
        return (ente_id, connector_id) in self.configs()

    def answer(self, ente_id: str, connector_id: str, call: Call) -> Reply:
        """The connector's reply.

        Raises:
            PathUnknown: no connector of that name answers calls.
            StoreUnavailable: the connector is paused, or what the call told could not be kept: it is to come again.
            EnteEnded: it brought something to a body that has left, for which only what became of payments is taken.
            HubError: a fault of the connector's.
        """
        config = self.configs().get((ente_id, connector_id))
        if config is None:
            raise PathUnknown
        connector = self.connector(ente_id, connector_id, config.version)
        if connector is None or connector.answer is None:
            raise PathUnknown
        if config.status != "active":
            raise StoreUnavailable(cause="connector paused")
        reading = self.archive.of(config, "answer_provider")
        try:
            reply = connector.answer(call, reading)
        except Deferred as fault:
            raise StoreUnavailable(cause=fault.reason) from None
        except Failure as fault:
            log.warning("callback.failed ente=%s connector=%s reason=%s", ente_id, connector_id, fault.reason)
            raise HubError(cause=fault.reason) from None
        left = ente_id in self.registry().left
        if isinstance(reply, Demanded):
            reply = self._refused(reply, EnteEnded()) if left else self._demanded(config, reply, reading)
        if reply.declined is not None:
            _note_declined(config, reply.declined)
        found = tuple(filter(still_taken, reply.found)) if left else reply.found
        try:
            tally = self.taker.take(Source.of(config), found) if found else None
        except Failure as fault:
            raise _not_now(config, fault) from None
        if reply.reports:
            self.reporter.report(ente_id, connector_id, reply.reports)
        if len(found) < len(reply.found):
            raise EnteEnded(cause=f"ente.ended: {ente_id} has left")
        if tally is not None and tally.counts["quarantined"] and reply.otherwise is not None:
            return reply.otherwise
        return reply

    def _demanded(self, config: ConnectorConfig, demanded: Demanded, reading: Reading) -> Reply:
        """What the connector answers of the payment that it asked for, which is kept now; or that there is none."""
        try:
            return demanded.answer(self.demands.meet(Source.of(config), demanded, reading))
        except Failure as fault:
            raise _not_now(config, fault) from None
        except HubError as fault:
            if fault.status >= 500:  # our own affair: it is to be asked again
                raise
            return self._refused(demanded, fault)

    def _refused(self, demanded: Demanded, fault: HubError) -> Reply:
        where = fault.faults[0] if fault.faults else Fault("", fault.code, fault.detail)
        return replace(demanded.refused, declined=Wrong(where.pointer, where.code, where.detail))


def _not_now(config: ConnectorConfig, fault: Failure) -> StoreUnavailable:
    """It is to come again, once an administrator has seen to it."""
    _note_declined(config, Wrong("", fault.reason, in_both(fault.detail)))
    return StoreUnavailable(cause=fault.reason)


def _note_declined(config: ConnectorConfig, why: Wrong) -> None:
    log.warning(
        "callback.declined ente=%s connector=%s code=%s pointer=%s rule=%s",
        config.ente_id,
        config.connector_id,
        why.code,
        why.pointer,
        why.rule,
    )
    count_declined(ente_id=config.ente_id, connector_id=config.connector_id, code=why.code)
