"""The shelf: what was fetched, for how long, and who goes when it is full."""

import pytest

from hub.security.material import Held, Shelf, Wanted

T = 1_000.0


def held(value: object = "value", fresh: float = T + 10, usable: float = T + 20) -> Held:
    return Held(value, fresh, usable, "" if value else "not found")


def test_what_was_never_fetched_is_wanted_by_name():
    with pytest.raises(Wanted) as caught:
        Shelf().get("pdnd-key", "kid-1", T)
    assert (caught.value.source, caught.value.name) == ("pdnd-key", "kid-1")


def test_it_is_used_until_it_is_no_longer_usable():
    shelf = Shelf()
    shelf.put("crl", "https://ca.example/crl", held())
    assert shelf.get("crl", "https://ca.example/crl", T + 19.9).value == "value"
    with pytest.raises(Wanted):
        shelf.get("crl", "https://ca.example/crl", T + 20)


def test_sources_do_not_share_names():
    shelf = Shelf()
    shelf.put("x5u", "https://a.example", held())
    with pytest.raises(Wanted):
        shelf.get("crl", "https://a.example", T)


def test_what_does_not_exist_is_held_too_and_not_refreshed():
    shelf = Shelf()
    shelf.put("pdnd-key", "kid", held(None))
    assert shelf.get("pdnd-key", "kid", T).problem == "not found"
    assert shelf.stale(T + 15) == []


def test_strangers_names_push_out_nothing_in_use():
    shelf = Shelf(capacity=2)
    shelf.put("pdnd-key", "good", held())
    for n in range(5):
        shelf.put("pdnd-key", f"made-up-{n}", held(None))
    assert shelf.get("pdnd-key", "good", T).value == "value"
    with pytest.raises(Wanted):
        shelf.get("pdnd-key", "made-up-0", T)


def test_the_least_recently_used_goes():
    shelf = Shelf(capacity=2)
    shelf.put("x5u", "a", held())
    shelf.put("x5u", "b", held())
    shelf.get("x5u", "a", T)
    shelf.put("x5u", "c", held())
    assert shelf.get("x5u", "a", T)
    with pytest.raises(Wanted):
        shelf.get("x5u", "b", T)


def test_a_dropped_key_is_gone_at_once():
    shelf = Shelf()
    shelf.put("pdnd-key", "kid", held())
    shelf.drop("pdnd-key", "kid")
    with pytest.raises(Wanted):
        shelf.get("pdnd-key", "kid", T)


@pytest.mark.parametrize(("first", "second"), [("value", None), (None, "value")])
def test_the_last_word_counts(first, second):
    shelf = Shelf()
    shelf.put("pdnd-key", "kid", held(first))
    shelf.put("pdnd-key", "kid", held(second))
    assert shelf.get("pdnd-key", "kid", T).value == second


def test_stale_is_what_is_used_beyond_its_freshness():
    shelf = Shelf()
    shelf.put("pdnd-jwks", "old", held())
    shelf.put("pdnd-jwks", "new", held(fresh=T + 18))
    shelf.put("pdnd-jwks", "gone", held(usable=T + 12))
    assert shelf.stale(T + 15) == [("pdnd-jwks", "old")]
