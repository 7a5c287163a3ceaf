"""samples/README.md names every member that the vectors have, every sample, and every option of the kit it shows."""

import json
import re
from pathlib import Path

import pytest

from hub.cli.application import run

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "samples" / "README.md").read_text()
VECTORS = ROOT / "tests" / "vectors"


def members(name: str) -> set[str]:
    content = json.loads((VECTORS / name).read_text())
    if name == "registry.json":
        found = {*content, *content["shelf"], *content["proxy"]}
        for one in (*content["enti"], *content["vendors"]):
            found |= {*one}
        return found | {member for one in content["vendors"] for key in one["keys"] for member in key}
    found = {*content} - {"notice"}
    for vector in content["vectors"]:
        found |= {*vector, *vector["expect"]}
        for part in ("request", "answer", "receiver"):
            found |= {*vector.get(part, ())}
    return found


@pytest.mark.parametrize("name", ["publish.json", "patterns.json", "answers.json", "registry.json"])
def test_every_member_of_the_vectors_is_described(name):
    told = {word for quoted in re.findall(r"`([^`\n]+)`", PAGE) for word in re.split(r"[^\w-]+", quoted)}
    assert members(name) - told == set()


def test_every_file_of_samples_and_vectors_is_named():
    data = [path.name for path in VECTORS.glob("*.json")]
    assert all(
        name in PAGE for name in (*data, *(path.name for path in (ROOT / "samples").iterdir())) if name != "README.md"
    )


def test_every_option_shown_exists(capsys):
    for command in (["conformance"], ["sign"], ["keys", "new"]):
        assert run([*command, "--help"]) == 0
    known = set(re.findall(r"--[a-z][\w-]*", capsys.readouterr().out))
    assert set(re.findall(r"--[a-z][\w-]*", PAGE)) <= known
