"""The tenant's webhook: a doorbell. What proves it is one header that was typed in there, and its body may be older
than what a call before it told; so it says only which record to read, and that is read by REST (spec/opencity.md, 13).

Where it cannot be read now the answer is 503: OpenCity tries again, ten times, and after that a sweep finds it.
"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contracts.answering import Call, Reading, Reply
from contracts.failures import Failure
from contracts.inbound import Found

from . import mapping
from .asking import Records
from .config import Settings
from .fields import is_identifier

PATH = "events"
MOST_BYTES = 8_388_608

_TAKEN, _TRY_AGAIN = 202, 503


@dataclass(frozen=True, slots=True)
class Webhook:
    """The answer to the tenant's calls."""

    records: Records
    settings: Settings

    def answer(self, call: Call, reading: Reading) -> Reply:
        """See `contracts.answering.Answer`. Nothing is read of the hub."""
        if not self._is_proved(call):
            return _refused(401, "not authorised")
        if call.path != PATH:
            return _refused(404, "not found")
        if call.method != "POST":
            return _refused(405, "POST alone", {"Allow": "POST"})
        if len(call.body) > MOST_BYTES:
            return _refused(413, "too large")
        told = _object(call.body)
        if told is None:
            return _refused(400, "not an application, nor a message")
        try:
            return Reply(_TAKEN, found=self._found(told))
        except Failure as failure:
            # The reason is a code of ours; what went wrong is not the caller's to know.
            return _refused(_TRY_AGAIN, failure.reason)

    def _is_proved(self, call: Call) -> bool:
        secret = self.settings.webhook_secret
        given = call.header(self.settings.webhook_header)
        if secret is None or given is None:
            return False
        return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), secret.get_secret_value().encode())

    def _found(self, told: Mapping[str, Any]) -> tuple[Found, ...]:
        if "visibility" in told:
            return self._message(told)
        if "applications" not in self.settings.collections:
            return ()
        record = self.records.application(told["id"])
        found = mapping.missing(told["id"]) if record is None else mapping.application(record, self.settings)
        return () if found is None else (found,)

    def _message(self, told: Mapping[str, Any]) -> tuple[Found, ...]:
        if "messages" not in self.settings.collections or told["visibility"] != mapping.APPLICANT:
            return ()
        about = self.records.application(told["application"])
        record = about and self.records.message(told["application"], told["id"])
        if about is None or record is None:
            return ()
        if not self.settings.reads(about.get("service"), about.get("service_id")):
            return ()
        found = mapping.message(record, about, self.settings)
        return () if found is None else (found,)


def _object(body: bytes) -> Mapping[str, Any] | None:
    """An application or a message, told apart as the vendor's description has it; None for anything else."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or not is_identifier(told.get("id")):
        return None
    if "visibility" in told:
        return told if is_identifier(told.get("application")) else None
    return told if "service_id" in told and "status_name" in told else None


def _refused(status: int, why: str, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, json.dumps({"error": why}).encode(), headers=headers or {})
