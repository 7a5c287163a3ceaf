"""Files at the object store behind SEND, at addresses that SEND gives: a document's upload, a paper's download.

The address is another's choice: https, no credentials in it, and a public host, unless the host is listed. Success is
200 with `x-amz-version-id`.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass

import httpx

from connectors.base.http import retry_after, send
from contracts.addresses import LOOPBACK
from contracts.callbacks import is_listed
from contracts.connector import NoticeFile
from contracts.failures import Deferred

from .memos import Slot

_CHECKSUM = "x-amz-checksum-sha256"
MAX_VERSION = 256
MAX_PAPER_BYTES = 25_000_000
"""Of a download: more than any paper of SEND's."""


class Expired(Exception):
    """The address will not do any more, or not for these bytes: ask for another."""


@dataclass(frozen=True, slots=True)
class Uploads:
    """Over a client that knows no key of ours."""

    http: httpx.Client
    private_hosts: tuple[str, ...]
    timeout_s: float

    def put(self, file: NoticeFile, slot: Slot) -> str:
        """Upload it; returns the version. Doing it again is harmless: it makes another version.

        Raises:
            Expired: 400 or 403, which the store answers to a checksum that is not that of the bytes and to an address
                that is over.
            Deferred: not now, or the address is none that we go to.
        """
        self._allowed(slot.url)
        content = file.read()
        if not hmac.compare_digest(hashlib.sha256(content).hexdigest(), slot.sha256):
            raise Deferred("send.file_damaged", "the file is not what its digest says", about="message")
        headers = {
            "Content-Type": file.media_type,
            "x-amz-meta-secret": slot.secret,
            "trailer": _CHECKSUM,
            # A plain header, as integrators' clients send it; the description calls it a trailer (`spec/send.md`).
            _CHECKSUM: checksum(slot.sha256),
        }
        try:
            request = self.http.build_request(slot.method, slot.url, content=content, headers=headers)
        except (UnicodeEncodeError, ValueError, httpx.InvalidURL):
            raise Deferred("send.upload_address", "the secret or the address cannot be sent") from None
        answer = send(self.http, request, unsafe=False, deadline_s=self.timeout_s)
        if answer.status in (400, 403):
            raise Expired
        if answer.status != 200:
            raise Deferred("send.upload_failed", f"status {answer.status}", after=retry_after(answer))
        version: str = answer.headers.get("x-amz-version-id", "")
        if not 0 < len(version) <= MAX_VERSION or not version.isprintable():
            raise Deferred("send.unreadable", "no version of the uploaded file")
        return version

    def get(self, address: str) -> bytes:
        """What is there. Raises Deferred: not now, too much of it, or the address is none that we go to."""
        self._allowed(address)
        request = self.http.build_request("GET", address)
        answer = send(self.http, request, unsafe=False, deadline_s=self.timeout_s, most_bytes=MAX_PAPER_BYTES)
        if answer.status != 200 or not answer.complete:
            raise Deferred(
                "send.download_failed", f"status {answer.status}", after=retry_after(answer), about="message"
            )
        return answer.body

    def _allowed(self, address: str) -> None:
        """Raises Deferred where we do not go there. To which IP address the name leads the client looks at itself."""
        try:
            url = httpx.URL(address)
        except (httpx.InvalidURL, ValueError):
            raise Deferred("send.upload_address", "no URL") from None
        if url.userinfo or not url.host or not 0 < (url.port or 443) < 65_536:
            raise Deferred("send.upload_address", "credentials, no host, or no such port")
        plain = url.scheme == "http" and url.host in LOOPBACK and is_listed(url.host, self.private_hosts)
        if url.scheme != "https" and not plain:
            raise Deferred("send.upload_address", "only https")


def checksum(sha256: str) -> str:
    """A hex digest as SEND and its store write it: base64 of the 32 bytes."""
    return base64.b64encode(bytes.fromhex(sha256)).decode("ascii")
