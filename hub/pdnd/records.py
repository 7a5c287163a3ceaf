"""What the simulated PDND knows: clients, purposes, keys and their events, and the ledger of what it was asked."""

import json
import os
import secrets
import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from joserfc.jwk import JWKRegistry

ClientKind = Literal["consumer", "api"]
State = Literal["ACTIVE", "INACTIVE"]


@dataclass(slots=True)
class Client:
    """Of kind `consumer`: it asks vouchers for e-services. Of kind `api`: for the platform's own API."""

    client_id: str
    kind: ClientKind
    consumer_id: str
    kids: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Purpose:
    """Why a client uses an e-service; all three states must be ACTIVE for a voucher."""

    purpose_id: str
    client_id: str
    audience: tuple[str, ...]
    lifetime_s: int
    producer_id: str
    eservice_id: str
    descriptor_id: str
    states: dict[str, State] = field(
        default_factory=lambda: dict.fromkeys(("agreement", "eservice", "purpose"), "ACTIVE")
    )


@dataclass(frozen=True, slots=True)
class RegisteredKey:
    """A public key with the client or the producer's key chain it was registered for."""

    kid: str
    owner: str
    producer: bool
    jwk: dict[str, Any]


@dataclass(frozen=True, slots=True)
class KeyEvent:
    """A key was added or deleted. `number` names the event in v1, `event_id` in v2 and v3."""

    number: int
    event_id: str
    at: str
    added: bool
    key: RegisteredKey


class Records:
    """The platform's data. Any thread may change them while the application serves."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clients: dict[str, Client] = {}
        self.purposes: dict[str, Purpose] = {}
        self.keychains: dict[str, str] = {}
        """Key chain -> producer."""
        self.keys: dict[str, RegisteredKey] = {}
        self.events: list[KeyEvent] = []

    def add_client(self, kind: ClientKind = "consumer", *, client_id: str = "", consumer_id: str = "") -> str:
        """Gives the client's id."""
        client = Client(client_id or str(uuid.uuid4()), kind, consumer_id or str(uuid.uuid4()))
        self.clients[client.client_id] = client
        return client.client_id

    def add_purpose(
        self,
        client_id: str,
        *,
        audience: str | tuple[str, ...],
        lifetime_s: int = 600,
        purpose_id: str = "",
        producer_id: str = "",
        eservice_id: str = "",
        descriptor_id: str = "",
    ) -> str:
        """Gives the purpose's id. Vouchers for it live `lifetime_s` seconds. Raises KeyError: no such client."""
        new = (given or str(uuid.uuid4()) for given in (purpose_id, producer_id, eservice_id, descriptor_id))
        purpose_id, producer_id, eservice_id, descriptor_id = new
        audiences = (audience,) if isinstance(audience, str) else audience
        client = self.clients[client_id]
        self.purposes[purpose_id] = Purpose(
            purpose_id, client.client_id, audiences, lifetime_s, producer_id, eservice_id, descriptor_id
        )
        return purpose_id

    def set_state(self, purpose_id: str, what: Literal["agreement", "eservice", "purpose"], state: State) -> None:
        """Suspend or resume one of the three things on which a voucher depends."""
        self.purposes[purpose_id].states[what] = state

    def add_keychain(self, producer_id: str = "") -> str:
        """A producer's key chain (portachiavi erogatore); gives its id."""
        keychain_id = str(uuid.uuid4())
        self.keychains[keychain_id] = producer_id or str(uuid.uuid4())
        return keychain_id

    def add_key(self, owner: str, jwk: dict[str, Any]) -> str:
        """Register a public key for a client or a key chain; gives the kid that the platform assigns.

        Raises:
            KeyError: there is no such owner.
            ValueError: the key is private, or known already.
        """
        producer = owner in self.keychains
        if not producer and owner not in self.clients:
            raise KeyError(owner)
        key = JWKRegistry.import_key({name: value for name, value in jwk.items() if name != "kid"})
        if getattr(key, "is_private", True):
            raise ValueError("not a public key")
        kid = key.thumbprint()
        alg = jwk.get("alg") or {"RSA": "RS256", "EC": "ES256"}.get(key.key_type, "EdDSA")
        public = {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": alg}
        with self._lock:
            if kid in self.keys:
                raise ValueError("the key is registered already")
            self.keys[kid] = RegisteredKey(kid, owner, producer, public)
            if not producer:
                self.clients[owner].kids.add(kid)
            self._tell(self.keys[kid], added=True)
        return kid

    def revoke_key(self, kid: str) -> None:
        """Delete a key: it answers 404 from now on, and the feed tells. Raises KeyError."""
        with self._lock:
            key = self.keys.pop(kid)
            if not key.producer:
                self.clients[key.owner].kids.discard(kid)
            self._tell(key, added=False)

    def _tell(self, key: RegisteredKey, *, added: bool) -> None:
        number = len(self.events) + 1
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self.events.append(KeyEvent(number, str(uuid.uuid4()), at, added, key))


class Ledger:
    """One JSON line a request, on the disk before its answer leaves. No token is ever written down."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._lock = threading.Lock()
        self.lines: list[dict[str, Any]] = []

    def append(self, **line: Any) -> None:
        line = {"at": datetime.now(UTC).isoformat(), **line}
        with self._lock:
            os.write(self._file, json.dumps(line, ensure_ascii=False).encode() + b"\n")
            os.fsync(self._file)
            self.lines.append(line)

    def count(self, request: str) -> int:
        """How many requests of a kind came: "token", "jwks", "key" or "events"."""
        with self._lock:
            return sum(line["request"] == request for line in self.lines)


class Seen:
    """Values that may come once, each remembered for a while."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def first(self, value: str, *, until: float, now: float) -> bool:
        """Remembers `value` until then; False where it is remembered already."""
        self._until = {known: end for known, end in self._until.items() if end > now}
        if value in self._until:
            return False
        self._until[value] = until
        return True


def new_jti() -> str:
    return secrets.token_hex(16)
