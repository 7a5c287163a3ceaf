"""Twenty seconds of chance with a fixed seed; FUZZ_SECONDS and FUZZ_SEED say otherwise."""

import json
import os

import pytest

from hub.security import jose

from .running import CORPUS, Broken, as_json, from_json, judge, run, world

SECONDS = float(os.environ.get("FUZZ_SECONDS", "20"))
SEED = int(os.environ.get("FUZZ_SEED", "20261125"))


@pytest.mark.timeout(SECONDS + 100)
def test_whatever_comes_only_what_was_signed_is_accepted() -> None:
    findings = run(SEED, lambda _, seconds: seconds > SECONDS)
    assert findings.seen.total() > 500
    assert len(findings.seen) > 20, "the changes reach many of the checks"


def test_the_kept_corpus_is_refused_still() -> None:
    here = world()
    for one in json.loads(CORPUS.read_text()):
        assert judge(from_json(one["request"]), here, here.signed), one["cause"]


def test_a_seed_makes_the_same_requests() -> None:
    first, second = (run(3, lambda count, _: count >= 150) for _ in range(2))
    assert first.seen == second.seen


def test_a_hole_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that would not notice is of no use: with signatures not looked at, something soon gets through."""
    monkeypatch.setattr(jose, "verify", lambda token, key: None)
    with pytest.raises(Broken):
        run(5, lambda count, _: count >= 3000)


def test_a_request_survives_its_way_into_the_corpus() -> None:
    for request in world().good:
        assert from_json(as_json(request)) == request
