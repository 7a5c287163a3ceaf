"""Which `Accept` headers take JSON."""

import pytest

from hub.http.accepting import takes_json


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "*/*",
        "application/json",
        "application/*",
        "APPLICATION/JSON",
        "text/html, application/json;q=0.1",
        "text/html;q=1, */*;q=0.001",
        "application/json; charset=utf-8",
        "*/*;q=0, application/json",
        "application/json;q=1.000",
    ],
)
def test_json_is_taken(header):
    assert takes_json(header)


@pytest.mark.parametrize(
    "header",
    [
        "text/html",
        "application/xml, text/*",
        "application/json;q=0",
        "application/json;q=0.000, */*",
        "application/*;q=0, */*",
        "*/*;q=0",
        "garbage",
        ";;;,",
    ],
)
def test_json_is_not_taken(header):
    assert not takes_json(header)
