"""The registry finds what is there and stops at what is broken."""

import importlib
from pathlib import Path

import pytest
from pydantic import ValidationError

from connectors.base.manifest import BrokenConnector, read_manifest
from contracts.inbound import PatientSettings

# Not by `import`: to the import rules every module beside the connectors is a sibling.
registry = importlib.import_module("connectors.registry")

GOOD = 'name = "post"\ntitle = "Post"\nchannel = "email"\n'


def test_every_folder_with_a_manifest_is_found():
    types = registry.Types()
    assert {"app_io", "loopback"} <= set(types)
    for name, found in types.items():
        assert found.manifest.name == name
        assert found.settings.__doc__
        assert found.connect.__doc__


def test_a_long_list_of_hosts_inside_ends_at_its_first_fault():
    """So that what an administrator pastes is not answered by a thousand faults."""
    faults = {}
    for name, found in registry.Types().items():
        if "private_hosts" in found.settings.model_fields:
            with pytest.raises(ValidationError) as caught:
                found.settings.model_validate({"private_hosts": ["not a host"] * 20})
            faults[name] = sum(each["loc"][:1] == ("private_hosts",) for each in caught.value.errors())
    assert {"mapped", "opencity", "pagopa_node"} <= set(faults)
    assert set(faults.values()) == {1}


def test_what_takes_back_what_its_source_lists_no_more_is_held_to_how():
    patient = {name for name, found in registry.Types().items() if issubclass(found.settings, PatientSettings)}
    assert {"mapped", "opencity"} <= patient
    for name in patient:
        tests = Path(registry.__file__).parent.joinpath(name).glob("test_*.py")
        assert any("(ListingConformance)" in each.read_text(encoding="utf-8") for each in tests), name


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name = ", "Invalid value"),
        (GOOD.replace('"post"', '"other"'), "the folder is 'post'"),
        (GOOD.replace('"email"', '"pigeon"'), "channel: "),
        (GOOD + "surprise = 1\n", "surprise: Campo sconosciuto / Extra inputs"),
        (GOOD + "[limits]\ntimeout_s = 0\n", "limits.timeout_s: "),
        (GOOD, "cannot import connectors.post"),
    ],
)
def test_a_broken_connector_stops_with_file_and_reason(tmp_path, text, reason):
    folder = tmp_path / "post"
    folder.mkdir()
    (folder / "manifest.toml").write_text(text)
    with pytest.raises(BrokenConnector) as caught:
        dict(registry.Types(root=tmp_path))
    assert str(folder) in str(caught.value)
    assert reason in str(caught.value)


def test_a_connector_that_carries_proofs_has_settings_for_them(tmp_path, monkeypatch):
    folder = tmp_path / "post"
    folder.mkdir()
    (folder / "manifest.toml").write_text(GOOD + 'auth = "proof"\n')
    loopback = {name: importlib.import_module(f"connectors.loopback{name}") for name in ("", ".config")}
    monkeypatch.setattr(registry, "_import", lambda _folder, name: loopback[name.removeprefix("connectors.post")])
    with pytest.raises(BrokenConnector, match="inherits ProofSettings"):
        dict(registry.Types(root=tmp_path))


def test_a_folder_without_a_manifest_is_no_connector(tmp_path):
    (tmp_path / "base").mkdir()
    assert dict(registry.Types(root=tmp_path)) == {}
    with pytest.raises(BrokenConnector):
        read_manifest(tmp_path / "base")


def test_simulators_are_imported_only_when_asked_for(tmp_path):
    simulation = registry.simulate("app_io", tmp_path)
    assert simulation.start()["base_url"].startswith("http://127.0.0.1:")
    simulation.stop()
    for name in ("loopback", "unknown", "../app_io", "base"):
        with pytest.raises(LookupError):
            registry.simulate(name, tmp_path)


def test_production_does_not_load_what_is_for_tests():
    source = Path(registry.__file__).parent
    for path in source.rglob("*.py"):
        if path.name.startswith("test_") or "conformance" in path.name or path.name.startswith("scripted"):
            continue
        assert "conformance import" not in path.read_text(encoding="utf-8"), path


def test_a_connector_is_imported_when_it_is_first_asked_for(tmp_path):
    for name in ("broken", "loopback"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.toml").write_text(GOOD.replace('"post"', f'"{name}"'))
    made = []
    types = registry.Types(lambda kind: made.append(kind) or kind, tmp_path)
    assert list(types) == ["broken", "loopback"]
    assert "loopback" in types
    assert types.get("unknown") is None
    assert made == []
    assert types["loopback"] is types.get("loopback")
    assert [kind.manifest.name for kind in made] == ["loopback"]
    with pytest.raises(BrokenConnector, match=r"cannot import connectors\.broken"):
        types.get("broken")
