"""What the repository says of itself is true: publiccode.yml, licence, settings, sizes, no machine's paths."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from hub.settings import Settings

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PUBLIC = yaml.safe_load((ROOT / "publiccode.yml").read_text())


def tracked():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


@pytest.mark.req("S71")
def test_publiccode_has_what_the_reference_parser_demands():
    for key in ("publiccodeYmlVersion", "name", "url", "platforms", "developmentStatus", "softwareType"):
        assert PUBLIC[key], key
    for language in PUBLIC["localisation"]["availableLanguages"]:
        told = PUBLIC["description"][language]
        assert len(told["shortDescription"]) <= 150
        assert 150 <= len(told["longDescription"]) <= 10_000
        assert told["features"]
    assert PUBLIC["maintenance"]["type"] == "community"
    assert PUBLIC["maintenance"]["contacts"][0]["name"]


@pytest.mark.req("S71")
def test_version_and_licence_are_said_the_same_everywhere():
    assert PUBLIC["softwareVersion"] == PROJECT["version"]
    assert PUBLIC["legal"]["license"] == PROJECT["license"] == "EUPL-1.2"
    assert "SPDX-License-Identifier: EUPL-1.2" in (ROOT / "LICENSE").read_text()
    assert f"## {PROJECT['version']}" in (ROOT / "CHANGELOG.md").read_text()


def test_every_setting_is_in_the_readme_with_its_default_and_no_other():
    readme = (ROOT / "README.md").read_text()
    told = dict(re.findall(r"^\| `(RACCORDO_[A-Z0-9_]+)` \| `?([^|`]*)`? \|", readme, re.MULTILINE))
    known = {f"RACCORDO_{name.upper()}": str(field.default) for name, field in Settings.model_fields.items()}
    assert told == {name: "" if default == "None" else default for name, default in known.items()}


def test_requirements_name_no_index_and_pin_every_package_with_a_hash():
    text = (ROOT / "requirements.txt").read_text()
    assert not re.search(r"https?://|--index-url|--find-links", text)
    packages = re.findall(r"^[a-zA-Z0-9._\[\]-]+==", text, re.MULTILINE)
    assert len(packages) > 40
    assert text.count("--hash=sha256:") >= len(packages)


def test_no_module_has_two_subjects():
    long = {
        str(path.relative_to(ROOT)): lines
        for path in tracked()
        if path.suffix == ".py"
        and path.relative_to(ROOT).parts[0] != "tests"
        and (lines := len(path.read_text().splitlines())) > 350
    }
    assert not long


def test_what_holds_for_every_test_holds_for_a_connectors_own_run_alone():
    one = ("--collect-only", "--verbose", "-p", "no:cacheprovider", "connectors/test_registry.py")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    listed = subprocess.run(
        [sys.executable, "-m", "pytest", *one], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert "hypothesis profile 'raccordo'" in listed.stdout


def test_no_machine_is_named_in_the_repository():
    own = Path(__file__).name
    for path in tracked():
        if path.name != own and path.suffix in (".py", ".md", ".toml", ".txt", ".yml", ".yaml", ".sh", ""):
            assert not re.search(r"/(?:work|farm)/[a-z]", path.read_text(errors="ignore")), path


def test_every_path_the_root_pages_name_exists():
    for page in ("README.md", "CONTRIBUTING.md", "DECISIONS.md"):
        text = (ROOT / page).read_text()
        for path in re.findall(r"`((?:hub|contracts|connectors|tests|samples|openapi)/[\w/.-]*)`", text):
            assert (ROOT / path).exists(), f"{page}: {path}"


def test_decisions_stand_in_order_each_once_and_apart():
    text = (ROOT / "DECISIONS.md").read_text()
    numbers = [int(each) for each in re.findall(r"^## ([0-9]+)\. ", text, re.MULTILINE)]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == len(re.findall(r"^## ", text, re.MULTILINE)) == len(re.findall(r"\n\n## ", text))


def test_no_line_of_the_decisions_or_changes_stands_twice():
    """As it would after a merge that keeps both sides."""
    for page in ("DECISIONS.md", "CHANGELOG.md"):
        lines = [line for line in (ROOT / page).read_text().splitlines() if len(line) > 60]
        assert [line for line in lines if lines.count(line) > 1] == [], page
