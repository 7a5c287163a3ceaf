"""What the simulated tenant has and how strict it is: records, tokens, filters.

Written from `spec/opencity.md` and not from `mapping.py`, so that one's mistake is not the other's.
"""

import base64
import hashlib
import hmac
import json
import operator
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from contracts.base import ROME

_WORK = {str(code) for code in (*range(1500, 1540, 10), 1900, *range(2000, 10_000, 1000))}
CODES = frozenset({"1000", "4100", "4200", "4300", "4400", "4500", "20000", "50000"} | _WORK)
UUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
_BOUNDS: Mapping[str, Callable[[float, float], bool]] = {
    "after": operator.ge,
    "strictly_after": operator.gt,
    "before": operator.le,
    "strictly_before": operator.lt,
}
_INSTANT = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}[+-][0-9]{2}:[0-9]{2})?$")


class Refused(Exception):
    """A call that the tenant does not take: status and body."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


def name_of(number: int, kind: int = 0) -> str:
    """The UUID of the simulated thing with this number."""
    return f"5dc00000-0000-4000-8{kind:03d}-{number:012d}"


USER, OPERATOR, TENANT, SERVICE = (name_of(n, 9) for n in range(1, 5))


@dataclass(slots=True)
class Tokens:
    """JWTs of a secret of the tenant's own."""

    life_s: float
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def issue(self, now: float) -> str:
        claims = {"iat": int(now), "exp": int(now + self.life_s), "username": "hub-api", "roles": ["ROLE_OPERATORE"]}
        signed = f"{_b64(b'{}')}.{_b64(json.dumps(claims | {'id': OPERATOR, 'tenant_id': TENANT}).encode())}"
        return f"{signed}.{self._mac(signed)}"

    def holds(self, token: str, now: float) -> bool:
        signed, _, mac = token.rpartition(".")
        if not hmac.compare_digest(mac.encode(), self._mac(signed).encode()):
            return False
        payload = signed.partition(".")[2]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return bool(now < claims["exp"])

    def forget(self) -> None:
        """From now on none holds that was issued."""
        self._key = secrets.token_bytes(32)

    def _mac(self, signed: str) -> str:
        return _b64(hmac.digest(self._key, signed.encode(), hashlib.sha256))


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def application(number: int, now: float, **changes: Any) -> dict[str, Any]:
    """A practice as the tenant holds it, in charge, with the times of `now`."""
    at = int(now)
    return {
        "id": name_of(number),
        "user": USER,
        "user_name": "Ada Neri",
        "tenant": TENANT,
        "service": "bonus-mensa",
        "service_id": SERVICE,
        "service_name": "Bonus mensa",
        "service_group_name": None,
        "subject": f"Bonus mensa {number}",
        "status": "4000",
        "status_name": "status_pending",
        "data": {
            "applicant": {
                "completename": {"name": "Ada", "surname": "Neri"},
                "fiscal_code": {"fiscal_code": "RSSMRA80A01H501U"},
                "email_address": "ada@posta.example",
            },
            "isee": "12000,50",
        },
        "backoffice_data": None,
        "creation_time": at,
        "created_at": iso(at),
        "submission_time": at,
        "submitted_at": iso(at),
        **status_changed(now),
        "protocol_number": None,
        "protocol_time": None,
        "protocolled_at": None,
        "attachments": [],
        "compiled_modules": [],
        "outcome_file": None,
        "outcome_attachments": [],
        "outcome": None,
        "outcome_motivation": None,
        "payment_type": None,
        "payment_data": [],
        "integrations": [],
        "links": [],
    } | changes


def file(name: str, application_id: str, its_id: str, now: float) -> dict[str, Any]:
    """A file as its application lists it: neither size nor digest."""
    return {
        "id": its_id,
        "name": f"{its_id}.{name.rpartition('.')[2]}",
        "url": f"https://servizi.invalid/lang/api/applications/{application_id}/attachments/{its_id}?version=2",
        "originalName": name,
        "description": None,
        "created_at": iso(now),
        "protocol_required": False,
        "protocol_number": None,
    }


def status_changed(now: float) -> dict[str, Any]:
    """The two members in which an application says when its status changed."""
    return {"latest_status_change_time": int(now), "latest_status_change_at": iso(now)}


def iso(at: float) -> str:
    return datetime.fromtimestamp(int(at), ROME).isoformat(timespec="seconds")


def public(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record without what the simulator alone knows of it."""
    return {name: value for name, value in record.items() if not name.startswith("_")}


def shown(record: Mapping[str, Any], version: str) -> dict[str, Any]:
    """An application in the form of a version: in the first, `data` has flat keys."""
    found = public(record)
    if version != "2":
        found["data"] = dict(_flat(found["data"], ""))
    return found


def _flat(data: Mapping[str, Any], before: str) -> list[tuple[str, Any]]:
    found = []
    for name, value in data.items():
        path = f"{before}.data.{name}" if before else name
        found += _flat(value, path) if isinstance(value, Mapping) else [(path, value)]
    return found


def page(records: list[dict[str, Any]], query: Mapping[str, str]) -> tuple[list[dict[str, Any]], int, int]:
    """The applications that a query asks for, its offset and its limit.

    Raises:
        Refused: a parameter that is known has a value that is not.
    """
    offset, limit = _number(query, "offset", 0), _number(query, "limit", 10)
    if limit > 100:
        raise Refused(400, ["Limit parameter is too high"])
    if query.get("order", "creationTime") != "creationTime" or query.get("sort", "ASC") not in ("ASC", "DESC"):
        raise Refused(400, ["Order parameter is not allowed"])
    status = query.get("status")
    if status is not None and status not in CODES:
        raise Refused(400, [f"Status parameter must be one of {sorted(CODES)}"])
    # Drafts are in no list but their own.
    found = [one for one in records if (one["status"] == status if status else one["status"] != "1000")]
    found = [one for one in found if _within(one, query)]
    found.sort(key=lambda one: (one["creation_time"], one["id"]))
    return found, offset, limit


def _within(record: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    for name, stored in (("createdAt", "creation_time"), ("updatedAt", "_updated"), ("submittedAt", "submission_time")):
        for bound, test in _BOUNDS.items():
            value = query.get(f"{name}[{bound}]")
            if value is None:
                continue
            if not _INSTANT.fullmatch(value):
                raise Refused(400, [f"Parameter {name} must be in one of these formats: YYYY-MM-DD, ISO 8601"])
            instant = datetime.fromisoformat(value)
            want = (instant if instant.tzinfo else instant.replace(tzinfo=ROME)).timestamp()
            if not test(record[stored] or 0, want):
                return False
    return True


def _number(query: Mapping[str, str], name: str, otherwise: int) -> int:
    value = query.get(name, str(otherwise))
    if not value.isdigit():
        raise Refused(400, [f"{name} must be a number"])
    return int(value)


def message(body: Any, application_id: str, name: str, now: float) -> dict[str, Any]:
    """The message that a body makes.

    Raises:
        Refused: as the tenant answers: 400 for what is wrong in it, 500 where `visibility` is left out.
    """
    if not isinstance(body, dict) or not isinstance(body.get("message"), str) or not body["message"].strip():
        raise Refused(
            400, {"type": "validation_error", "title": "There was a validation error", "errors": [["message"]]}
        )
    if "visibility" not in body:
        raise Refused(500, {"type": "error", "title": "There was an error", "description": "contact support"})
    if body["visibility"] not in ("applicant", "internal"):
        raise Refused(
            400, {"type": "validation_error", "title": "There was a validation error", "errors": [["visibility"]]}
        )
    # 2.13 passes over subject, author and created_at: the author is who logged in.
    return {
        "id": name,
        "message": body["message"],
        "subject": None,
        "author": OPERATOR,
        "application": application_id,
        "visibility": body["visibility"],
        "email": None,
        "created_at": iso(now),
        "sent_at": iso(now),
        "read_at": None,
        "clicked_at": None,
        "attachments": [],
        "protocol_required": False,
        "protocolled_at": None,
        "protocol_number": None,
    }
