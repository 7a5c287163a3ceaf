"""What vendors ask their lists for."""

import pytest

from hub.errors import RequestInvalid
from hub.ingest.events_view import events_wish
from hub.ingest.vendor_view import find_wish


@pytest.mark.parametrize("read", [events_wish, find_wish])
@pytest.mark.parametrize("text", ["0", "101", "-1", "1.0", "²", "9" * 30, "0000000019999"])
def test_a_limit_is_a_whole_number_from_1_to_100(read, text):
    read([("limit", "007")])
    with pytest.raises(RequestInvalid):
        read([("limit", text)])
