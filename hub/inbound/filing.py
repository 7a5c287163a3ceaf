"""Files that a source brings with their documents (`Found.content`): held against what the document announces before it
is taken, and kept once it is. Where a crash comes between the two the step is repeated, and the file is kept then."""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from contracts.faults import bilingual
from contracts.inbound import Found, Wrong
from hub.errors import HubError, StoreUnavailable
from hub.registry import Vendor
from hub.store.amendments import Upload
from hub.store.committer import Committer
from hub.store.intake import Intake, Signed, Submission

log = logging.getLogger(__name__)

Keep = Callable[[Vendor, str, bytes, str], Upload | None]
"""(vendor, item_id, bytes, their SHA-256): seals the file and gives what makes it known; None where it is here already.
Raises HubError where the item takes no file any more."""


@dataclass(frozen=True, slots=True)
class Filing:
    """Keeps files. One of more than `limit` bytes is no document's."""

    committer: Committer
    intake: Intake
    keep: Keep
    limit: int

    def checked(self, found: Found) -> Found:
        """As it is, or why its content cannot be its document's."""
        content = found.content
        if content is None:
            return found
        item = found.item or {}
        if len(content) > self.limit:
            wrong = Wrong(
                "/size", "content.too_large", bilingual(f"Più di {self.limit} byte", f"more than {self.limit} bytes")
            )
        elif (len(content), hashlib.sha256(content).hexdigest()) != (item.get("size"), item.get("sha256")):
            wrong = Wrong(
                "/sha256",
                "content.mismatch",
                bilingual("Non sono i byte che il documento annuncia", "not the bytes that the document announces"),
            )
        else:
            return found
        return replace(found, item=None, valid=None, content=None, wrong=(wrong,))

    def file(self, signed: Signed, vendor: Vendor, found: Found, item_id: str | None) -> Any:
        """Keep the file of a document that was taken: the answer, None where there is nothing to keep.

        Raises:
            StoreUnavailable: it is not kept; the step is to be repeated.
        """
        if found.content is None or item_id is None:
            return None
        sha256 = hashlib.sha256(found.content).hexdigest()
        told = replace(signed, body=found.content, body_sha256=sha256)
        try:
            upload = self.keep(vendor, item_id, found.content, sha256)
            if upload is None:
                return None
            return self.committer.write(self.intake.record, Submission(told, act=upload))
        except StoreUnavailable:
            raise
        except HubError as refusal:
            # It was withdrawn, or published anew with another file, which comes by itself.
            log.warning("source.file_refused item=%s code=%s", item_id, refusal.code)
            return None
