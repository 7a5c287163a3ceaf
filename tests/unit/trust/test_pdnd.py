"""PDND's keys over real HTTP: each version of the API, and an endpoint that is down, slow, huge or lying."""

import asyncio
import time

import pytest

from hub.clock import SystemClock
from hub.security import jose
from hub.security.material import Held, PdndKey
from hub.trust import http
from hub.trust.environment import KeyName, PdndAccess, PdndEnvironment
from hub.trust.http import Web
from hub.trust.pdnd import FRESH_S, PdndKeys
from tests.pdnd import Client, access, ec_key, jwk_of, rsa_key, running_pdnd

VERSIONS = ("v1", "v2", "v3")


@pytest.fixture(scope="module")
def pdnd(tmp_path_factory):
    with running_pdnd(tmp_path_factory.mktemp("pdnd")) as pdnd:
        yield pdnd


@pytest.fixture(autouse=True)
def without_faults(pdnd):
    yield
    pdnd.faults.clear()


@pytest.fixture(scope="module")
def consumer(pdnd):
    return Client(pdnd, key=rsa_key("consumer"))


@pytest.fixture(scope="module")
def accesses(pdnd):
    return {version: access(pdnd, version) for version in VERSIONS}


def fetch(given: PdndAccess, *names: str, jwks: bool = False) -> list[Held]:
    """What the fetcher brings for each name, one after the other, by a client that has asked nothing before."""

    async def all_() -> list[Held]:
        web = Web()
        keys = PdndKeys(lambda: [given], web, SystemClock())
        try:
            return [await (keys.jwks(name) if jwks else keys.key(name)) for name in names]
        finally:
            await web.aclose()

    return asyncio.run(all_())


@pytest.mark.parametrize("version", VERSIONS)
def test_a_consumers_key_with_its_client_where_the_api_says_so(accesses, consumer, version):
    (held,) = fetch(accesses[version], consumer.kid)
    assert isinstance(held.value, PdndKey)
    assert held.value.key.public == consumer.key.public_key()
    assert held.value.client_id == (None if version == "v1" else consumer.client_id)
    assert time.time() < held.fresh_until < held.usable_until


@pytest.mark.parametrize("version", VERSIONS)
def test_a_producers_key(pdnd, accesses, version):
    kid = jwk_of(ec_key(version))
    kid = pdnd.records.add_key(pdnd.records.add_keychain(), kid)
    (held,) = fetch(accesses[version], str(KeyName(kid, producer=True)))
    assert held.value.key.public == ec_key(version).public_key()
    assert held.value.client_id is None
    if version != "v1":  # which has one path for both
        assert fetch(accesses[version], kid)[0].value is None


@pytest.mark.parametrize("version", VERSIONS)
def test_an_unknown_kid_is_absent_and_no_failure(accesses, version):
    (held,) = fetch(accesses[version], "unheard-of")
    assert (held.value, held.problem) == (None, "")


def test_what_can_be_no_kid_is_not_even_asked(pdnd, accesses):
    before = pdnd.ledger.count("key")
    for held in fetch(accesses["v2"], "../clients", "a b", "x" * 200):
        assert (held.value, held.problem) == (None, "")
    assert pdnd.ledger.count("key") == before


def test_the_platforms_keys_verify_its_vouchers(pdnd, accesses, consumer):
    (held,) = fetch(accesses["v3"], pdnd.issuer, jwks=True)
    assert set(held.value) == {pdnd.keys.kid}
    token = jose.parse(pdnd.keys.sign({"iss": pdnd.issuer}, typ="at+jwt", use="sig"))
    jose.verify(token, held.value[token.header["kid"]])


def test_only_configured_environments_are_asked(accesses):
    (held,) = fetch(accesses["v3"], "elsewhere.example", jwks=True)
    assert held.problem == "pdnd.no_environment"
    (held,) = fetch(accesses["v3"], str(KeyName("k", "elsewhere.example")))
    assert held.problem == "pdnd.no_environment"


def test_where_only_vouchers_are_verified_no_key_is_asked_for(pdnd, consumer):
    jwks_url = f"{pdnd.base_url}/.well-known/jwks.json"
    given = PdndAccess(PdndEnvironment(pdnd.issuer, jwks_url, loopback=True))
    assert set(fetch(given, pdnd.issuer, jwks=True)[0].value) == {pdnd.keys.kid}
    assert fetch(given, consumer.kid)[0].problem == "pdnd.no_api"


def test_where_there_are_several_environments_a_kid_alone_is_of_none(pdnd, accesses, consumer):
    async def both() -> tuple[Held, Held]:
        web = Web()
        other = PdndEnvironment("other", "https://other.example/j", "https://other.example/v3")
        known = [accesses["v2"], PdndAccess(other, accesses["v2"].vouchers)]
        keys = PdndKeys(lambda: known, web, SystemClock())
        try:
            return await keys.key(consumer.kid), await keys.key(str(KeyName(consumer.kid, pdnd.issuer)))
        finally:
            await web.aclose()

    alone, named = asyncio.run(both())
    assert alone.problem == "pdnd.no_environment"
    assert named.value.client_id == consumer.client_id


FAULTS = {
    "down": ({"kind": "down"}, "unreachable"),
    "503": ({"kind": "error", "status": 503}, "server_error"),
    "403": ({"kind": "error", "status": 403}, "status_403"),
    "429": ({"kind": "throttle", "retry_after": 30}, "throttled"),
    "redirect": ({"kind": "redirect", "location": "http://127.0.0.1:9/secret"}, "redirected"),
    "huge": ({"kind": "huge", "bytes": 50_000_000}, "too_large"),
    "text": ({"kind": "content_type", "value": "text/html"}, "media_type"),
    "nonsense": ({"kind": "nonsense"}, "malformed"),
    "deep": ({"kind": "deep"}, "malformed"),
    "private key": ({"kind": "private_key"}, "private_key"),
    "symmetric key": ({"kind": "secret"}, "private_key"),
}
OF_A_KEY = {
    "another kid": ({"kind": "wrong_kid"}, "wrong_kid"),
    "weak key": ({"kind": "weak_key"}, "unusable_key"),
    "key for encryption": ({"kind": "for_encryption"}, "unusable_key"),
}


@pytest.mark.parametrize("case", FAULTS | OF_A_KEY)
def test_a_key_is_refused_whatever_the_endpoint_does(pdnd, accesses, consumer, case):
    fault, problem = (FAULTS | OF_A_KEY)[case]
    pdnd.faults.add(**fault, on="key")
    started = time.monotonic()
    # Of v1: no signature on the answer gives the lie away before the key itself does.
    (held,) = fetch(accesses["v1"], consumer.kid)
    assert (held.value, held.problem) == (None, f"pdnd.{problem}")
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("case", FAULTS)
def test_the_platforms_keys_are_refused_whatever_the_endpoint_does(pdnd, accesses, case):
    fault, problem = FAULTS[case]
    pdnd.faults.add(**fault, on="jwks")
    (held,) = fetch(accesses["v3"], pdnd.issuer, jwks=True)
    assert (held.value, held.problem) == (None, f"pdnd.{problem}")


@pytest.mark.parametrize("kind", ["hang", "drip", "delay"])
def test_a_slow_endpoint_is_given_up(pdnd, accesses, consumer, kind, monkeypatch):
    monkeypatch.setattr(http, "TOTAL_S", 0.3)
    pdnd.faults.add(kind, on="key", seconds=20)
    started = time.monotonic()
    (held,) = fetch(accesses["v1"], consumer.kid)
    assert held.problem == "pdnd.timeout"
    assert time.monotonic() - started < 4


@pytest.mark.parametrize(
    ("kind", "problem"), [("unsigned", "unsigned"), ("altered", "altered")], ids=["unsigned", "altered"]
)
def test_an_answer_that_the_platform_did_not_sign_is_refused(pdnd, accesses, consumer, kind, problem):
    pdnd.faults.add(kind, on="key")
    (held,) = fetch(accesses["v3"], consumer.kid)
    assert held.problem == f"pdnd.{problem}"


def test_two_first_questions_at_once_both_wait_for_the_platforms_keys(pdnd, accesses, consumer):
    async def both() -> list[Held]:
        web = Web()
        keys = PdndKeys(lambda: [accesses["v3"]], web, SystemClock())
        try:
            return await asyncio.gather(keys.key(consumer.kid), keys.key(str(KeyName(consumer.kid, pdnd.issuer))))
        finally:
            await web.aclose()

    assert [held.problem for held in asyncio.run(both())] == ["", ""]


def test_v2_is_believed_unsigned_unless_told_otherwise(pdnd, accesses, consumer):
    for given, problem in ((accesses["v2"], ""), (access(pdnd, "v2", signed_answers=True), "pdnd.unsigned")):
        pdnd.faults.add("unsigned", on="key")
        assert fetch(given, consumer.kid)[0].problem == problem


def test_answers_signed_by_a_rotated_key_are_taken(pdnd, accesses, consumer):
    pdnd.keys.rotate()
    pdnd.keys.retire()
    for each in accesses.values():
        each.vouchers._until = 0  # what the retired key had signed
    assert fetch(accesses["v3"], consumer.kid)[0].value.client_id == consumer.client_id


def test_the_platforms_keys_are_looked_at_again_and_kept_while_they_cannot_be_had(pdnd, accesses, consumer):
    async def over_time() -> list[Held]:
        web = Web()
        keys = PdndKeys(lambda: [accesses["v3"]], web, SystemClock())
        found = [await keys.key(consumer.kid)]
        (client,) = keys.clients().values()
        for fault in ("error", None):
            client._platform_at -= FRESH_S + 1  # a quarter of an hour later
            client._jwks_pause.succeeded()
            if fault:
                pdnd.faults.add(fault, on="jwks")
            found.append(await keys.key(consumer.kid))
        await web.aclose()
        return found

    before = pdnd.ledger.count("jwks")
    assert [held.problem for held in asyncio.run(over_time())] == ["", "", ""]
    assert pdnd.ledger.count("jwks") == before + 3


def test_answers_signed_by_a_key_that_is_not_published_are_refused(pdnd, accesses, consumer):
    pdnd.faults.add("wrong_key", on="jwks", times=0)
    (held,) = fetch(accesses["v3"], consumer.kid)
    assert held.problem == "pdnd.bad_signature"


def test_another_key_under_the_right_kid_verifies_nothing_that_the_owner_signs(pdnd, accesses, consumer):
    pdnd.faults.add("wrong_key", on="key")
    (held,) = fetch(accesses["v1"], consumer.kid)
    with pytest.raises(Exception, match="signature"):
        jose.verify(jose.parse(consumer.assertion()), held.value.key)


def test_a_server_that_is_down_is_left_alone_for_a_while(pdnd, accesses, consumer):
    pdnd.ledger.lines.clear()
    pdnd.faults.add("error", on="key", times=0)
    first, *others = fetch(accesses["v1"], *[consumer.kid] * 20)
    assert first.problem == "pdnd.server_error"
    assert {one.problem for one in others} == {"pdnd.paused"}
    assert [line["outcome"] for line in pdnd.ledger.lines].count("error") == 1


def test_a_lie_about_one_key_keeps_nobody_from_the_others(pdnd, accesses, consumer):
    pdnd.faults.add("wrong_kid", on="key")
    lied, true = fetch(accesses["v1"], consumer.kid, consumer.kid)
    assert lied.problem == "pdnd.wrong_kid"
    assert true.value is not None


def test_pauses_grow_and_end_with_a_success(monkeypatch):
    now = 100.0
    monkeypatch.setattr(http.time, "monotonic", lambda: now)
    pause = http.Pause()
    waits = []
    for _ in range(6):
        pause.failed(http.FetchFailed("server_error", lasting=True))
        waits.append(pause._until - now)
    assert waits == [1, 2, 4, 8, 16, 16]
    pause.failed(http.FetchFailed("throttled", lasting=True, retry_after_s=40))
    assert pause._until - now == 40
    pause.failed(http.FetchFailed("throttled", lasting=True, retry_after_s=86_400))
    assert pause._until - now == 60
    pause.succeeded()
    pause.check()
    pause.failed(http.FetchFailed("wrong_kid"))
    pause.check()


def test_no_voucher_no_key_and_the_reason_is_told(pdnd, consumer):
    given = access(pdnd, "v2")
    pdnd.faults.add("error", on="token", status=500)
    (held,) = fetch(given, consumer.kid)
    assert held.problem == "pdnd.voucher_status_500"


def test_nothing_of_what_was_received_is_logged(pdnd, accesses, consumer, caplog):
    caplog.set_level("DEBUG", logger="hub")
    for kind in ("nonsense", "private_key", "wrong_kid"):
        pdnd.faults.add(kind, on="key")
        fetch(accesses["v1"], consumer.kid)
    fetch(accesses["v3"], consumer.kid)
    assert not any(word in line for line in caplog.messages for word in ("eyJ", "not json", '"n"'))
