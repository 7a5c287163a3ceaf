"""Secrets that are only named: what of one ente's is reached by no other one."""

from pathlib import Path

import pytest

from hub.security.references import Unresolved, secret_of

OWN = "RACCORDO_SECRET_C_H501__IO"


def test_a_file_is_of_the_ente_in_whose_folder_it_is(tmp_path: Path) -> None:
    (tmp_path / "c_h501").mkdir()
    (tmp_path / "c_h501" / "io-key").write_text("di una sola\n")
    (tmp_path / "common").write_text("di tutti")
    shared = frozenset({"file:common"})
    assert secret_of("c_h501", "file:io-key", tmp_path, shared) == "di una sola"
    for ente_id in ("c_h501", "c_a944"):
        assert secret_of(ente_id, "file:common", tmp_path, shared) == "di tutti"
        with pytest.raises(Unresolved):
            secret_of(ente_id, "file:common", tmp_path)
    for ente_id in ("c_a944", "", "..", "."):
        for reference in ("file:io-key", "file:c_h501", "file:c_h501/io-key"):
            with pytest.raises(Unresolved):
                secret_of(ente_id, reference, tmp_path, shared)


def test_a_variable_is_of_the_ente_whose_code_it_bears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (OWN, "RACCORDO_SECRET_SMTP", "RACCORDO_HUB_KEY"):
        monkeypatch.setenv(name, "segreto")
    shared = frozenset({"env:RACCORDO_SECRET_SMTP", "env:RACCORDO_HUB_KEY"})
    assert secret_of("c_h501", f"env:{OWN}", tmp_path) == "segreto"
    assert secret_of("c_a944", "env:RACCORDO_SECRET_SMTP", tmp_path, shared) == "segreto"
    refused = [
        ("c_a944", OWN),
        ("c_h501", "RACCORDO_SECRET_SMTP"),
        ("c_h501__io", OWN),
        ("C_H501", OWN),
        ("c-h501", OWN),
        ("c", OWN),
        ("", OWN),
    ]
    for ente_id, name in refused:
        with pytest.raises(Unresolved):
            secret_of(ente_id, f"env:{name}", tmp_path)
    with pytest.raises(Unresolved):  # listed by mistake: the hub's own are none of a connector's
        secret_of("c_h501", "env:RACCORDO_HUB_KEY", tmp_path, shared)
