"""The main flows run on both kinds of database."""

from collections.abc import Iterator

import pytest

from tests import stores


@pytest.fixture(scope="module", params=stores.KINDS)
def kind(request: pytest.FixtureRequest) -> Iterator[str]:
    """Homes made meanwhile have their database there."""
    with stores.in_use(request.param):
        yield request.param
