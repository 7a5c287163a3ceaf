"""The source's own calls: records in the body of a POST, proved by Standard Webhooks or by a shared secret."""

import hmac
from dataclasses import dataclass
from itertools import islice
from typing import Final

from connectors.base.webhook_verifying import is_believed
from contracts.answering import Call, Reading, Reply

from .config import Settings
from .mapping import Mapping
from .reading import Unreadable, records

LARGEST_CALL: Final = 4_194_304
MOST_RECORDS: Final = 5_000
"""Of a call: a small body may hold a million of them, and each that is wrong is kept with its faults."""
_REFUSED = Reply(401, b'{"title":"the call is not proved"}', "application/problem+json")


@dataclass(frozen=True, slots=True)
class Hook:
    settings: Settings
    mapping: Mapping

    def answer(self, call: Call, reading: Reading) -> Reply:
        """204 once all that the body holds is kept: as items, or in the quarantine, which a repetition cannot mend."""
        if len(call.body) > LARGEST_CALL:
            return Reply(413, b'{"title":"the body is too large"}', "application/problem+json")
        if not self._is_proved(call):
            return _REFUSED
        if call.path:
            return Reply(404)
        if call.method != "POST":
            return Reply(405, headers={"Allow": "POST"})
        try:
            found = list(islice(records(self.mapping.document.reads, call.body), MOST_RECORDS + 1))
        except Unreadable as error:
            return Reply(400, f'{{"title":"{error.code}"}}'.encode(), "application/problem+json")
        if len(found) > MOST_RECORDS:
            return Reply(413, b'{"title":"too many records in one call"}', "application/problem+json")
        return Reply(204, found=tuple(one for record in found for one in self.mapping.found(record)))

    def _is_proved(self, call: Call) -> bool:
        """By each means that the settings name; they name one at least."""
        if self.settings.keys and not is_believed(self.settings.keys, call):
            return False
        if self.settings.webhook_header is None or self.settings.webhook_secret is None:
            return bool(self.settings.keys)
        given = call.header(self.settings.webhook_header)
        secret = self.settings.webhook_secret.get_secret_value()
        return given is not None and hmac.compare_digest(given.encode(), secret.encode())
