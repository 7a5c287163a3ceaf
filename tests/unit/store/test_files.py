"""Files sealed in segments: read in any part, and nothing of them swapped, cut off or passed on unseen."""

import pytest

from hub.security.vault import Vault, VaultError
from hub.store.citizens import Citizen
from hub.store.files import SEGMENT, SEGMENTED_FROM, FileMissing, Files

SHA = "0" * 64


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path / "files", Vault.create(tmp_path / "vault.json"))


@pytest.fixture
def citizen(files):
    return Citizen("c_h501", "citizen-1", files._vault.new_data_key())


def content(size):
    return bytes(n % 251 for n in range(size))


def put(files, citizen, size):
    key = files.put(citizen, item_id="item-1", sha256=SHA, content=content(size))
    return key, files._folder / key


@pytest.mark.parametrize("size", [0, 1, SEGMENTED_FROM - 1, SEGMENTED_FROM, SEGMENTED_FROM + 1])
def test_what_was_put_comes_back(files, citizen, size):
    key, _ = put(files, citizen, size)
    stored = files.open(citizen, key)
    assert (stored.size, files.get(citizen, key)) == (size, content(size))
    assert b"".join(stored.read(size, size)) == b""
    for start, end in ((0, 1), (SEGMENT - 1, SEGMENT + 1), (size // 2, size + 5)):
        assert b"".join(stored.read(start, end)) == content(size)[start:end]


def test_a_part_opens_only_its_segments(files, citizen, monkeypatch):
    key, _ = put(files, citizen, SEGMENTED_FROM)
    opened = []
    right = files.segment
    monkeypatch.setattr(files, "segment", lambda *args: opened.append(args[-1]) or right(*args))
    assert len(b"".join(files.open(citizen, key).read(SEGMENT, 2 * SEGMENT))) == SEGMENT
    assert opened == [1]


def test_no_piece_of_a_large_file_is_larger_than_a_segment(files, citizen):
    key, _ = put(files, citizen, SEGMENTED_FROM + 5)
    assert max(map(len, files.open(citizen, key).read())) == SEGMENT


def _swapped(raw):
    first, second = 16, 16 + SEGMENT + 28
    return raw[:first] + raw[second : second + SEGMENT + 28] + raw[first:second] + raw[second + SEGMENT + 28 :]


@pytest.mark.parametrize(
    "change",
    [
        _swapped,
        lambda raw: raw[:100] + bytes([raw[100] ^ 1]) + raw[101:],
        lambda raw: raw[:-1],
        lambda raw: raw[: 16 + SEGMENT + 28],
        lambda raw: raw[:8] + (SEGMENT).to_bytes(8, "big") + raw[16 : 16 + SEGMENT + 28],
        lambda raw: raw[:8] + (1 << 60).to_bytes(8, "big") + raw[16:],
        lambda raw: raw[:8] + bytes(8),
        lambda raw: raw[:10],
        lambda raw: b"",
    ],
)
def test_a_changed_file_does_not_open(files, citizen, change):
    key, path = put(files, citizen, SEGMENTED_FROM)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(VaultError):
        files.get(citizen, key)


def test_a_file_opens_only_in_its_place_and_with_its_citizens_key(files, citizen):
    key, path = put(files, citizen, SEGMENTED_FROM)
    other = Citizen("c_h501", "citizen-2", files._vault.new_data_key())
    moved = files._folder / "c_h501/citizen-1/item-2"
    moved.write_bytes(path.read_bytes())
    for who, where in ((other, key), (citizen, "c_h501/citizen-1/item-2")):
        with pytest.raises(VaultError):
            files.get(who, where)


def test_a_file_that_is_gone_is_missing(files, citizen):
    key, path = put(files, citizen, SEGMENTED_FROM)
    stored = files.open(citizen, key)
    path.unlink()
    for look in (lambda: files.open(citizen, key), lambda: stored.read()):
        with pytest.raises(FileMissing):
            look()
