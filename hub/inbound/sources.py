"""Whose records come in by a connector, and how its source is read."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from contracts.identifiers import new_uuid7
from contracts.inbound import Found, PatientSettings
from hub.store.configuration import ConnectorConfig
from hub.store.intake import Signed


@dataclass(frozen=True, slots=True)
class Source:
    """Whose records they are."""

    ente_id: str
    connector_id: str
    vendor_id: str
    is_test: bool
    """By a connector for tests, which brings in what belongs to a vendor in its sandbox alone."""

    @classmethod
    def of(cls, config: ConnectorConfig) -> "Source":
        """Those of a connector, as it is configured."""
        vendor_id = str(config.settings.get("vendor_id", ""))
        return cls(config.ente_id, config.connector_id, vendor_id, config.environment == "test")


@dataclass(frozen=True, slots=True)
class Manner:
    """How a source is read, as the settings of its connector say; where its type leaves that out, as they usually do
    (`contracts.inbound.PatientSettings`)."""

    every: timedelta
    """Between two rounds."""
    tries: int
    """How often something is asked for in vain before it is passed over,"""
    trying: timedelta
    """and for how long at least."""
    withdraw_at_most: int
    """Items taken back in a day, as the source has them no more."""

    @classmethod
    def of(cls, config: ConnectorConfig) -> "Manner":
        """That of a connector, as it is configured."""
        usual = {name: field.default for name, field in PatientSettings.model_fields.items()}
        its = {**usual, **config.settings}
        return cls(
            timedelta(seconds=float(its["poll_every_s"])),
            int(its["pass_over_tries"]),
            timedelta(seconds=float(its["pass_over_after_s"])),
            int(its["withdraw_at_most"]),
        )


def still_taken(found: Found) -> bool:
    """Whether it is taken of a body that has left, too: what became of payments that were asked for, and what brings
    nothing, for what stood in quarantine under its name is over then. Nothing else is new any more."""
    brings = found.item is not None or found.wrong or found.withdrawn is not None or found.missing
    return found.collection == "receipts" or found.flow is not None or not brings


def signed_by(source: Source, body: bytes) -> Signed:
    """Nobody signed it: the evidence says by which connector it came."""
    return Signed(
        request_id=new_uuid7(),
        operation="take",
        ente_id=source.ente_id,
        vendor_id=source.vendor_id,
        signer=f"connector:{source.connector_id}",
        used=(),
        tokens={},
        body=body,
        body_sha256=hashlib.sha256(body).hexdigest(),
    )
