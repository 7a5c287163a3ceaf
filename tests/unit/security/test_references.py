"""Secrets that are only named: what of one ente's is reached by no other one."""

from pathlib import Path

import pytest

from hub.security.references import Unresolved, secret_of


def test_a_file_in_the_subfolder_of_an_ente_is_no_other_ones(tmp_path: Path) -> None:
    (tmp_path / "c_h501").mkdir()
    (tmp_path / "c_h501" / "io-key").write_text("di una sola\n")
    (tmp_path / "common").write_text("di tutti")
    assert secret_of("c_h501", "file:io-key", tmp_path) == "di una sola"
    assert secret_of("c_h501", "file:common", tmp_path) == "di tutti"
    for ente_id in ("c_a944", "", "..", "."):
        assert secret_of(ente_id, "file:common", tmp_path) == "di tutti"
        for reference in ("file:io-key", "file:c_h501", "file:c_h501/io-key"):
            with pytest.raises(Unresolved):
                secret_of(ente_id, reference, tmp_path)
