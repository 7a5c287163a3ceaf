"""The files under openapi/ are those that the code makes."""

from pathlib import Path

from hub.cli.openapi import drift, write

ROOT = Path(__file__).parents[2]


def test_files_are_those_of_the_code() -> None:
    assert drift(ROOT) == []


def test_changed_missing_and_extra_files_are_drift(tmp_path: Path) -> None:
    write(tmp_path)
    folder = tmp_path / "openapi"
    (folder / "feed.yaml").write_text("openapi: 3.0.3\n")
    (folder / "schemas" / "messages.json").unlink()
    (folder / "old.yaml").write_text("")
    assert drift(tmp_path) == ["feed.yaml", "old.yaml", "schemas/messages.json"]


def test_writing_anew_mends_drift(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "openapi" / "old.yaml").write_text("")
    write(tmp_path)
    assert drift(tmp_path) == []
