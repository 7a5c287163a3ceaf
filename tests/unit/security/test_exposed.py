"""A key that every user of the machine may read is none: refused in the home, told of where others chose its mode."""

from pathlib import Path

import pytest

from hub.home import Home, HomeError
from hub.security import references
from hub.security.references import content_of, secret_of
from hub.settings import Settings

EXPOSED = [(0o644, 0o755), (0o602, 0o711)]
PROTECTED = [(0o600, 0o755), (0o640, 0o755), (0o644, 0o700)]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    Home(Settings(home=folder)).create()
    return folder


@pytest.mark.parametrize(("file", "folder"), EXPOSED)
@pytest.mark.parametrize("name", ["vault.json", "hub-key.pem"])
def test_a_home_whose_keys_all_may_read_or_change_is_refused_with_what_to_do(home, name, file, folder):
    """A copy made by hand had the mode of any file, and nobody said so."""
    (home / name).chmod(file)
    home.chmod(folder)
    with pytest.raises(HomeError, match=f"chmod 600 {home / name}"):
        Home(Settings(home=home)).open_database()


@pytest.mark.parametrize(("file", "folder"), PROTECTED)
def test_one_that_only_its_owner_or_a_group_reads_is_served(home, file, folder):
    for name in ("vault.json", "hub-key.pem"):
        (home / name).chmod(file)
    home.chmod(folder)
    one = Home(Settings(home=home))
    one.open_database()
    one.database.close()


@pytest.mark.parametrize("told", [True, False])
def test_a_secret_that_all_may_read_is_read_and_told_of_once(tmp_path, caplog, told):
    references._tell_exposed.cache_clear()
    tmp_path.chmod(0o755)
    (tmp_path / "e").mkdir(mode=0o755)
    secret = tmp_path / "e" / "key"
    secret.write_text("abc")
    secret.chmod(0o644 if told else 0o600)
    for _ in range(2):
        assert secret_of("e", "file:key", tmp_path) == "abc"
        assert content_of(f"file:{secret}") == b"abc"
    assert caplog.messages == [f"secret.exposed path={secret}"] * told
