"""Files that a source brings: what does not fit its document is not kept, and the document not taken."""

import hashlib
from typing import Any, cast

import pytest

from contracts.inbound import Found
from hub.inbound.filing import Filing

CONTENT = b"%PDF-1.7 ricevuta"
ITEM = {"size": len(CONTENT), "sha256": hashlib.sha256(CONTENT).hexdigest()}
NOTHING = cast(Any, None)


def found(item: dict[str, Any] | None, content: bytes | None = CONTENT) -> Found:
    return Found("file/1", b"{}", "documents", item, content=content)


def test_what_the_document_announces_is_let_through():
    filing = Filing(NOTHING, NOTHING, NOTHING, len(CONTENT))
    for each in (found(ITEM), found(ITEM, None), found(None, None)):
        assert filing.checked(each) is each


@pytest.mark.parametrize(
    ("each", "limit", "code"),
    [
        (found(ITEM), len(CONTENT) - 1, "content.too_large"),
        (found(ITEM, CONTENT + b"x"), 100, "content.mismatch"),
        (found(ITEM | {"size": 1}), 100, "content.mismatch"),
        (found(ITEM | {"sha256": "0" * 64}), 100, "content.mismatch"),
        (found({}), 100, "content.mismatch"),
        (found(None), 100, "content.mismatch"),
    ],
)
def test_what_it_does_not_announce_goes_to_the_quarantine(each, limit, code):
    checked = Filing(NOTHING, NOTHING, NOTHING, limit).checked(each)
    assert [wrong.code for wrong in checked.wrong] == [code]
    assert (checked.item, checked.content, checked.raw) == (None, None, b"{}")
