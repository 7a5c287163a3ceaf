"""What a submission may ask for: which part of the store does it, and what it is answered."""

from .amendments import Amendments, Upload, Uploaded, Withdraw, Withdrawn, hold
from .batches import AcceptBatch, AcceptedBatch, accept_batches, note_outcomes
from .citizens import Citizens
from .drafts import Draft, Published
from .intake import ApplyActs, Intake
from .ports import Vault
from .publications import Publications


def intake_of(vault: Vault, citizens: Citizens, publications: Publications) -> Intake:
    """The intake of all acts that there are."""
    amendments = Amendments(citizens, publications)
    appliers: dict[type, ApplyActs] = {
        Draft: publications.apply,
        Upload: amendments.upload,
        Withdraw: amendments.withdraw,
        AcceptBatch: accept_batches,
    }
    answers = (Published, Uploaded, Withdrawn, AcceptedBatch)
    return Intake(vault, citizens, appliers, hold, answers=answers, note_outcomes=note_outcomes)
