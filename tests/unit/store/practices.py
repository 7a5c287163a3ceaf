"""Applications on a store whose clock stands still."""

import json

from hub.ingest.canonical import parse
from hub.ingest.drafting import draft_of
from hub.ingest.practices import Terms
from hub.ingest.rules import standard
from tests.flows.making import make_application
from tests.unit.store.canonical import CARD, Canonical, no_route
from tests.unit.store.making import make_vendor


class Practices(Canonical):
    """What a test does with applications."""

    def draft(self, external_id, *, draft_days=365, card=CARD, **fields):
        item = parse("applications", json.dumps(make_application(external_id, **fields)).encode())
        terms = Terms(self.store.clock.moment, card, draft_days)
        return draft_of(
            item, make_vendor(), route=no_route, keyed_hash=self.store.vault.keyed_hash, rules=standard(), terms=terms
        )

    def publish(self, external_id, **fields):
        """The answer: what was published, or the refusal."""
        (answer,) = self.store.publish(self.draft(external_id, **fields))
        return answer
