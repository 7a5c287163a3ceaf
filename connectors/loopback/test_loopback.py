"""The loopback connector: the common promises, and what is its own."""

import errno
import json
import os
from pathlib import Path

import pytest

from connectors.base.conformance import Conformance, Walk, make_notice
from connectors.base.scripted import Fault
from connectors.loopback import connect
from connectors.loopback.config import Settings
from connectors.loopback.mapping import content
from contracts.connector import Done, Limits
from contracts.failures import Deferred, Misconfigured, Rejected

SAMPLES = sorted((Path(__file__).parent / "samples").glob("*.json"))


class TestConformance(Conformance):
    faults = (Fault.REFUSED,)

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path, monkeypatch):
        self.folder, self.monkeypatch = tmp_path, monkeypatch
        self._taken: list[str] = []
        self._replace = Path.replace
        monkeypatch.setattr(Path, "replace", lambda source, target: self._record(source, target))

    def _record(self, source, target):
        self._taken.append(Path(target).name)
        return self._replace(source, target)

    def connect(self, limits):
        return connect(Settings.model_validate({"folder": str(self.folder)}), limits)

    def behave(self, fault):
        def full(*_args):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        self.monkeypatch.setattr(os, "fsync", full if fault else lambda _: None)

    def taken(self):
        return self._taken


def walk(folder, **changes):
    return Walk(connect(Settings.model_validate({"folder": str(folder)}), Limits()), make_notice(**changes))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_sample(sample):
    case = json.loads(sample.read_text(encoding="utf-8"))
    written = json.loads(content(make_notice(**case["notice"])))
    assert {name: written[name] for name in case["written"]} == case["written"]


def test_the_file_bears_the_deliverys_name_and_nothing_else_is_left(tmp_path):
    for _ in range(2):
        assert walk(tmp_path).finish() == Done("01890a5d-ac96-774b-bcce-b302099a8057.json")
    assert [path.name for path in tmp_path.iterdir()] == ["01890a5d-ac96-774b-bcce-b302099a8057.json"]
    assert next(tmp_path.iterdir()).stat().st_mode & 0o077 == 0


def test_a_lookup_knows_a_delivery_by_its_file(tmp_path):
    delivery = walk(tmp_path)
    ask = delivery.connector.lookup
    assert ask(delivery.notice, {}) is None
    delivery.finish()
    assert ask(delivery.notice, {}) == Done("01890a5d-ac96-774b-bcce-b302099a8057.json")


def test_a_missing_folder_does_not_mean_that_nothing_arrived(tmp_path):
    delivery = walk(tmp_path / "gone")
    with pytest.raises(Misconfigured):
        delivery.connector.lookup(delivery.notice, {})


def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path):
    assert isinstance(walk(tmp_path, delivery_id="../x").finish(), Rejected)
    assert isinstance(walk(tmp_path, delivery_id="x\n").finish(), Rejected)


def test_a_missing_folder_is_a_matter_of_configuration(tmp_path):
    missing = walk(tmp_path / "gone")
    assert isinstance(missing.finish(), Misconfigured)
    with pytest.raises(Misconfigured):
        missing.connector.check()


def test_a_write_that_fails_leaves_no_finished_file(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", full)
    assert isinstance(walk(tmp_path).finish(), Deferred)
    assert list(tmp_path.glob("*.json")) == []


def test_the_check_leaves_nothing_behind(tmp_path):
    assert "written" in walk(tmp_path).connector.check()
    assert list(tmp_path.iterdir()) == []


def test_it_stands_in_for_the_channel_that_the_settings_name(tmp_path):
    settings = Settings.model_validate_json(json.dumps({"folder": str(tmp_path), "channel": "io"}))
    assert connect(settings, Limits()).manifest.channel == "io"


def test_a_relative_folder_is_refused():
    with pytest.raises(ValueError, match="absolute"):
        Settings.model_validate({"folder": "here"})
