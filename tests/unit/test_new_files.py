"""What a command writes of persons: new files, for their owner alone."""

import pytest

from hub.cli.console import WrongUsage
from hub.cli.new_files import make_folder, new_file


def test_a_new_file_is_its_owners_alone(tmp_path):
    out = tmp_path / "all.json"
    with new_file(out) as file:
        file.write(b"{}")
    assert out.read_bytes() == b"{}"
    assert out.stat().st_mode & 0o777 == 0o600


def test_what_is_there_is_refused_before_anything_is_made_for_it(tmp_path):
    out = tmp_path / "there"
    out.write_text("mine")
    with pytest.raises(WrongUsage, match="already there"), new_file(out):
        pytest.fail("it began")
    with pytest.raises(WrongUsage, match="already there"):
        make_folder(out)
    assert out.read_text() == "mine"


def test_what_cannot_be_made_is_said(tmp_path):
    with pytest.raises(WrongUsage, match="No such file"), new_file(tmp_path / "nowhere" / "all.json"):
        pytest.fail("it began")
    with pytest.raises(WrongUsage, match="No such file"):
        make_folder(tmp_path / "nowhere" / "all")


def test_half_a_file_does_not_stay(tmp_path):
    out = tmp_path / "all.json"

    def half():
        with new_file(out) as file:
            file.write(b"{")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert not out.exists()
