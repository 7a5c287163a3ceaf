"""What a provider's step has learned, while the store is away: the step comes again, and no bug is seen in it."""

from types import SimpleNamespace

import pytest

from contracts.connector import Done
from contracts.failures import Deferred
from contracts.settling import NoticeCost
from hub.errors import StoreUnavailable
from hub.inbound.inbound import Inbound


def away(*_):
    raise StoreUnavailable


@pytest.mark.parametrize("learned", [{"documents": (object(),)}, {"costs": (NoticeCost("3" * 18, "0" * 11, 1),)}])
def test_a_step_whose_finds_cannot_be_kept_is_put_off(learned):
    keeps = SimpleNamespace(keep=away)
    inbound = Inbound(taker=None, polling=None, answering=None, documents=keeps, costs=keeps, missing=None)
    with pytest.raises(Deferred) as caught:
        inbound.keep(None, Done(**learned))
    assert (caught.value.reason, caught.value.about) == ("store.unavailable", "message")
