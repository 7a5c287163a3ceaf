"""The receipts that providers sign, kept as they came: what proves to others that a message was delivered.

They name the citizen and may hold the whole message: sealed under the citizen's key, they go with it, or with the item.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, select

from contracts.inbound import Report

from .citizens import Citizen
from .database import Tx, upsert
from .ports import Vault
from .tables import delivery_proofs


@dataclass(frozen=True, slots=True)
class SealedProof:
    """A receipt, and the hash of its bytes before they were sealed."""

    sha256: str
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Proof:
    """A receipt as it came."""

    event: str
    at: datetime
    sha256: str
    content: bytes = field(repr=False)


def seal_proof(vault: Vault, citizen: Citizen, delivery_id: str, content: bytes) -> SealedProof:
    sha256 = hashlib.sha256(content).hexdigest()
    return SealedProof(sha256, vault.seal_with(citizen.data_key, content, _place(citizen, delivery_id, sha256)))


def keep_proof(tx: Tx, ente_id: str, delivery_id: str, report: Report, proof: SealedProof) -> None:
    """Once, however often it is reported."""
    row = upsert(delivery_proofs).values(
        ente_id=ente_id,
        delivery_id=delivery_id,
        sha256=proof.sha256,
        event=report.event,
        at=report.at,
        proof_sealed=proof.sealed,
    )
    tx.connection.execute(row.on_conflict_do_nothing())


def proofs_of(connection: Connection, vault: Vault, citizen: Citizen, delivery_id: str) -> list[Proof]:
    """In the order of the times that they certify."""
    its = delivery_proofs.c
    query = select(delivery_proofs).where(its.ente_id == citizen.ente_id, its.delivery_id == delivery_id)
    return [
        Proof(
            row.event,
            row.at,
            row.sha256,
            vault.open_with(citizen.data_key, row.proof_sealed, _place(citizen, delivery_id, row.sha256)),
        )
        for row in connection.execute(query.order_by(its.at, its.sha256))
    ]


def _place(citizen: Citizen, delivery_id: str, sha256: str) -> str:
    return f"delivery_proofs|proof|{citizen.ente_id}|{delivery_id}|{sha256}"
