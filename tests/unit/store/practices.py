"""Applications on a store whose clock stands still."""

from hub.ingest.practices import Terms
from tests.flows.making import make_application
from tests.unit.store.canonical import CARD, Canonical


class Practices(Canonical):
    """What a test does with applications."""

    def draft(self, external_id, *, draft_days=365, card=CARD, **fields):
        terms = Terms(self.store.clock.moment, card, draft_days)
        return self.drafted("applications", make_application(external_id, **fields), terms=terms)

    def publish(self, external_id, **fields):
        """The answer: what was published, or the refusal."""
        (answer,) = self.store.publish(self.draft(external_id, **fields))
        return answer
