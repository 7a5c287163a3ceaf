"""What the store needs of others, as protocols: bootstrap hands over the real ones."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol


class UsedToken(Protocol):
    """A token to consume (hub.security.claims): its jti is accepted once for (ente, signer, header).

    `signer` is empty where it is the request's own."""

    @property
    def header(self) -> str: ...

    @property
    def jti(self) -> str: ...

    @property
    def expires_at(self) -> datetime: ...

    @property
    def signer(self) -> str: ...


class Vault(Protocol):
    """Encryption at rest (hub.security.vault)."""

    def keyed_hash(self, purpose: str, value: str) -> str: ...

    def seal(self, plaintext: bytes, place: str) -> bytes: ...

    def open(self, sealed: bytes, place: str) -> bytes: ...

    def new_data_key(self) -> bytes: ...

    def seal_with(self, key: bytes, plaintext: bytes, place: str) -> bytes: ...

    def open_with(self, key: bytes, sealed: bytes, place: str) -> bytes: ...

    def open_each(self, key: bytes, values: Sequence[tuple[bytes, str]]) -> list[bytes]: ...
