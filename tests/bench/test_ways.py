"""The bench goes on comparing answers that say the same, whatever the feed learns to say."""

from pathlib import Path

import pytest

from .. import stores
from .crowd import crowd
from .feeding import ways


@pytest.mark.parametrize("kind", stores.KINDS)
@pytest.mark.parametrize("what", ["page", "summary"])
def test_the_bare_way_says_what_the_hub_says(tmp_path: Path, kind: str, what: str) -> None:
    store = stores.Store(kind, tmp_path / "databases")
    url = store.url if kind == "postgresql" else None
    with crowd(tmp_path, url, items=400, citizens=4) as full, ways(full) as both:
        for way in both.of(what, together=1).values():
            way()
    store.drop()
