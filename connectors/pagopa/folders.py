"""Many notices printed at once into a folder of pagoPA's (`spec/pagopa.md`, "Notice PDF"): asked for, awaited, fetched.

The folder is fetched from an address that pagoPA gives and has signed, at a storage of another host: it is shown no key
of ours, and must be a public one.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import httpx

from connectors.base.http import Answer, send
from contracts.failures import Deferred, Rejected
from contracts.paying import MOST_IN_A_FOLDER, Folder, Paper, Printing

from .paying import Printer, address
from .statuses import failure, speaks_gpd

MOST_BYTES = 268_435_456
"""Of an archive."""
FETCH_WITHIN_S = 120.0

_STATES: Mapping[str, Literal["waiting", "ready", "partly", "failed"]] = {
    "INSERTED": "waiting",
    "PROCESSING": "waiting",
    "COMPLETING": "waiting",
    "PROCESSED": "ready",
    "PROCESSED_WITH_FAILURES": "partly",
    "FAILED": "failed",
}
# A folder's name becomes a part of addresses.
_NAME = re.compile(r"^[A-Za-z0-9_-]{1,100}$")


@dataclass(frozen=True, slots=True)
class Folders:
    """Over the printer's client, which bears the key, and one for the storage, which bears none."""

    printer: Printer
    storage: httpx.Client

    def printing(self) -> Printing:
        """As the hub calls it."""
        return Printing(self.ask, self.state, self.fetch, self.forget)

    def ask(self, papers: Sequence[Paper]) -> str:
        """Raises Misconfigured without a template as well, Rejected for none or too many."""
        if not 1 <= len(papers) <= MOST_IN_A_FOLDER:
            raise Rejected("pagopa.bad_request", f"a folder has 1 to {MOST_IN_A_FOLDER} notices")
        body = {"notices": [self.printer.body(each.notice, each.debtor, each.tax_code) for each in papers]}
        content = json.dumps(body, ensure_ascii=False, sort_keys=True).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": hashlib.sha256(content).hexdigest()}
        request = self.printer.http.build_request("POST", "/notices/generate-massive", content=content, headers=headers)
        name = self._answer(request).object().get("folder_id")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise Deferred("pagopa.unreadable", "status 200 without a folder")
        return name

    def state(self, folder: str) -> Folder:
        """A word that nobody knows is waited for."""
        said = self._answer(self._request("GET", folder, "/status")).object()
        told, printed, failed = (said.get(name) for name in ("status", "processedNotices", "noticesInError"))
        if not isinstance(told, str) or not isinstance(printed, list) or not isinstance(failed, list):
            raise Deferred("pagopa.unreadable", "no status of a folder")
        # What stands in the lists may name people: they are counted.
        return Folder(_STATES.get(told, "waiting"), told[:40], len(printed), len(failed))

    def fetch(self, folder: str) -> bytes:
        """Raises Deferred where it is not there yet, or cannot be had."""
        told = self._answer(self._request("GET", folder, "/url"))
        answer = send(
            self.storage,
            self.storage.build_request("GET", address(told, told.object().get("signedUrl"))),
            unsafe=False,
            deadline_s=FETCH_WITHIN_S,
            most_bytes=MOST_BYTES,
        )
        if answer.status != 200 or not answer.complete or not answer.body.startswith(b"PK"):
            raise Deferred("pagopa.unreadable", f"the storage answers {answer.status}, and no whole archive")
        return answer.body

    def forget(self, folder: str) -> None:
        """Delete it."""
        self._answer(self._request("DELETE", folder, ""))

    def _request(self, method: str, folder: str, what: str) -> httpx.Request:
        if not _NAME.fullmatch(folder):
            raise Rejected("pagopa.folder_unknown", "not the name of a folder")
        return self.printer.http.build_request(method, f"/notices/folder/{folder}{what}")

    def _answer(self, request: httpx.Request) -> Answer:
        """Each may be repeated. Raises what another status means, Deferred for half of an answer."""
        answer = send(self.printer.http, request, unsafe=False, deadline_s=self.printer.timeout_s)
        if answer.status == 404 and speaks_gpd(answer):
            raise Rejected("pagopa.folder_unknown", "no folder of that name, or not ready yet")
        if answer.status != 200:
            raise failure(answer, unsafe=False)
        if not answer.complete:
            raise Deferred("pagopa.unreadable", "status 200, cut")
        return answer
