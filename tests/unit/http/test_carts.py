"""Where a browser may come back to from a cart."""

import pytest

from contracts.paying import Returns
from hub.dispatch.cart_errors import ReturnUrlForbidden
from hub.http.carts import at_home

PORTAL = "https://servizi.comune.example.it/area"
GOOD = f"{PORTAL}/fatto"


def returns(error):
    return Returns(ok=GOOD, cancel=GOOD, error=error)


@pytest.mark.parametrize(
    "url",
    [
        GOOD,
        "https://servizi.comune.example.it",
        "https://SERVIZI.comune.example.it:443/altrove?esito=no#in-fondo",
    ],
)
def test_anywhere_at_the_portal(url):
    assert at_home(returns(url), PORTAL).error.startswith("https://servizi.comune.example.it/")


@pytest.mark.parametrize(
    "url",
    [
        "https://altro.example.it/fatto",
        "https://servizi.comune.example.it.altro.example/fatto",
        "https://altro.example/servizi.comune.example.it",
        "https://servizi.comune.example.it:8443/fatto",
        "http://localhost/fatto",
        "https://altro.example\\servizi.comune.example.it/",
        "https://altro.example/\\@servizi.comune.example.it/",
        "https://servizi.comune.example.it./fatto",
        "https://comune.example.it/fatto",
    ],
)
def test_and_nowhere_else(url):
    with pytest.raises(ReturnUrlForbidden) as caught:
        at_home(returns(url), PORTAL)
    assert [each.pointer for each in caught.value.faults] == ["/return_urls/error"]


def test_no_address_names_a_person():
    with pytest.raises(ReturnUrlForbidden) as caught:
        at_home(returns(f"{GOOD}?cf=RSSMRA80A01H501U"), PORTAL)
    assert [each.code for each in caught.value.faults] == ["url.personal_data"]


def test_what_was_compared_is_what_is_sent():
    assert at_home(returns("https://servizi.comune.example.it\\fatto"), PORTAL).error == (
        "https://servizi.comune.example.it/fatto"
    )


def test_an_address_that_is_too_long_as_browsers_write_it_is_refused():
    """Each letter beyond ASCII becomes six characters: it was an error of the hub's, with the address in its log."""
    with pytest.raises(ReturnUrlForbidden) as caught:
        at_home(returns(f"{GOOD}/{'é' * 900}"), PORTAL)
    assert [(each.pointer, each.code) for each in caught.value.faults] == [("/return_urls/error", "url.too_long")]
