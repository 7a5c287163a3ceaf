"""Cursors: opaque, and good for one person and one list."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import RequestInvalid
from hub.feed import cursor
from hub.security.vault import Vault

VAULT = Vault("aaaaaaaa", {"aaaaaaaa": b"k" * 32}, b"p" * 32)
POSITIONS = st.lists(st.text(max_size=40) | st.integers(-(2**53), 2**53), max_size=3)


@given(POSITIONS)
def test_a_cursor_gives_its_position_back(position):
    assert cursor.read(VAULT, "me", "items", cursor.write(VAULT, "me", "items", position)) == position


@pytest.mark.parametrize(
    ("owner", "purpose"), [("you", "items"), ("me", "changes"), ("me|items", ""), ("", "me|items")]
)
def test_a_cursor_is_good_for_its_owner_and_its_list_only(owner, purpose):
    made = cursor.write(VAULT, "me", "items", [1])
    with pytest.raises(RequestInvalid):
        cursor.read(VAULT, owner, purpose, made)


@given(st.text(max_size=80))
def test_no_text_that_we_did_not_write_is_a_cursor(text):
    with pytest.raises(RequestInvalid):
        cursor.read(VAULT, "me", "items", text)


@given(st.integers(0, 40), st.integers(1, 255))
def test_a_changed_cursor_is_refused(position, change):
    import base64

    made = cursor.write(VAULT, "me", "items", ["2026-01-01T00:00:00Z", "x"])
    raw = bytearray(base64.urlsafe_b64decode(made + "=" * (-len(made) % 4)))
    raw[position] ^= change
    with pytest.raises(RequestInvalid):
        cursor.read(VAULT, "me", "items", base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("="))


def test_a_cursor_shows_nothing_and_is_never_the_same():
    first, second = (cursor.write(VAULT, "me", "items", ["RSSMRA80A01H501U"]) for _ in range(2))
    assert first != second
    assert "RSSMRA" not in first


def test_the_longest_cursor_fits_into_a_parameter():
    made = cursor.write(VAULT, "me", "items", ["2026-01-01T00:00:00.000000Z", "019b0000-0000-7000-8000-000000000000"])
    assert len(made) <= 400
