"""Vouchers over real HTTP from a simulated PDND: asked for once, renewed ahead of their end, kept while it is down."""

import asyncio
import logging
import multiprocessing
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hub.clock import SystemClock
from hub.registry import Ente, Pdnd, Registry
from hub.security import jose
from hub.security.keys import private_pem
from hub.security.vault import Vault
from hub.store.database import Database
from hub.store.tables import pdnd_vouchers
from hub.store.vouchers import SharedVouchers
from hub.trust.clients import PdndVouchers, Vouchers
from hub.trust.environment import Configured, VoucherUnavailable
from hub.trust.http import Web
from hub.trust.pdnd import PdndKeys
from hub.trust.vouchers import ClientVouchers
from tests import stores
from tests.harness import ENTE
from tests.pdnd import Client, access, credentials, rsa_key, running_pdnd

DIGEST = "ab" * 32


class Later:
    """The machine's clock, set ahead."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def pdnd(tmp_path):
    with running_pdnd(tmp_path / "pdnd") as pdnd:
        yield pdnd


@pytest.fixture
def clock():
    return Later()


@pytest.fixture(params=stores.KINDS)
def kind(request):
    return request.param


@pytest.fixture
def place(kind, tmp_path):
    """A database and a vault, for as many processes as want them."""
    made = stores.Store(kind, tmp_path)
    Vault.create(tmp_path / "vault.json")
    database = Database(made.url, SystemClock())
    database.migrate()
    database.close()
    yield made.url, tmp_path / "vault.json"
    made.drop()


@pytest.fixture
def database(place, clock):
    database = Database(place[0], clock)
    yield database
    database.close()


@pytest.fixture
def shared(place, database):
    return SharedVouchers(database, Vault.load(place[1]))


@pytest.fixture
def client(pdnd):
    return Client(pdnd, key=rsa_key("consumer"))


@pytest.fixture
def holder(pdnd, client, shared, clock):
    return ClientVouchers(credentials(pdnd, "anpr", client), shared, clock)


def asked(pdnd):
    return pdnd.ledger.count("token")


def test_a_voucher_is_kept_and_another_process_finds_it(pdnd, client, holder, shared, clock):
    first = holder.voucher()
    assert holder.voucher() is first
    other = ClientVouchers(holder.credentials, shared, clock)
    assert other.voucher().token == first.token
    assert asked(pdnd) == 1
    claims = jose.parse(first.token).claims
    assert (claims["client_id"], claims["purposeId"]) == (client.client_id, client.purpose_id)


def test_it_is_renewed_in_the_last_fifth_of_its_life(pdnd, holder, clock):
    first = holder.voucher()
    clock.ahead = timedelta(seconds=479)
    assert holder.voucher() is first
    # PDND's clock stays where it is: it takes no assertion of the future.
    pdnd.clock = lambda: clock.now().timestamp()
    clock.ahead = timedelta(seconds=481)
    assert holder.voucher().token != first.token
    assert asked(pdnd) == 2


def test_threads_that_want_one_at_once_ask_once(pdnd, holder):
    pdnd.faults.add("delay", on="token", seconds=0.2)
    with ThreadPoolExecutor(12) as pool:
        tokens = {voucher.token for voucher in pool.map(lambda _: holder.voucher(), range(24))}
    assert (len(tokens), asked(pdnd)) == (1, 1)


def test_while_one_renews_the_others_go_on_with_what_they_have(pdnd, holder, clock):
    first = holder.voucher()
    clock.ahead = timedelta(seconds=500)
    asked_for, answered = threading.Event(), threading.Event()

    def late():
        asked_for.set()
        assert answered.wait(20)
        return clock.now().timestamp()

    pdnd.clock = late
    with ThreadPoolExecutor(2) as pool:
        renewing = pool.submit(holder.voucher)
        try:
            assert asked_for.wait(10)
            assert holder.voucher() is first
        finally:
            answered.set()
        assert renewing.result().token != first.token


def of_a_process(url, vault, made, start, found):
    database = Database(url, SystemClock())
    holder = ClientVouchers(made, SharedVouchers(database, Vault.load(vault)), SystemClock())
    start.wait()
    try:
        found.put(holder.voucher().token)
    finally:
        database.close()


def test_processes_that_want_one_at_once_ask_once(pdnd, client, place):
    pdnd.faults.add("delay", on="token", seconds=0.3)
    spawn = multiprocessing.get_context("spawn")
    start, found = spawn.Barrier(2), spawn.Queue()
    parts = (*place, credentials(pdnd, "anpr", client), start, found)
    processes = [spawn.Process(target=of_a_process, args=parts) for _ in range(2)]
    for process in processes:
        process.start()
    tokens = {found.get(timeout=60) for _ in processes}
    for process in processes:
        process.join()
    assert (len(tokens), asked(pdnd)) == (1, 1)


def test_one_with_a_digest_is_of_its_process_alone(pdnd, holder, shared, clock):
    with_digest = holder.voucher(DIGEST)
    assert holder.voucher(DIGEST) is with_digest
    assert jose.parse(with_digest.token).claims["digest"] == {"alg": "SHA256", "value": DIGEST}
    assert holder.voucher().token != with_digest.token
    assert asked(pdnd) == 2
    ClientVouchers(holder.credentials, shared, clock).voucher(DIGEST)
    assert asked(pdnd) == 3


@pytest.mark.parametrize(("style", "problem"), [("problem", "015-0033"), ("oauth", "invalid_client")])
def test_a_refusal_says_its_code_and_is_not_tried_again_at_once(pdnd, client, holder, shared, clock, style, problem):
    pdnd.style = style
    del pdnd.records.purposes[client.purpose_id]
    for each in (holder, holder, ClientVouchers(holder.credentials, shared, clock)):
        with pytest.raises(VoucherUnavailable) as unavailable:
            each.voucher()
        assert unavailable.value.problem == problem
    assert asked(pdnd) == 1


def test_other_settings_end_the_pause_after_wrong_ones(pdnd, client, holder, shared, clock):
    wrong = ClientVouchers(replace(holder.credentials, audience="elsewhere"), shared, clock)
    with pytest.raises(VoucherUnavailable):
        wrong.voucher()
    known = {(ENTE, "anpr"): wrong.credentials}
    made = Vouchers(lambda: known, shared, clock)
    known[ENTE, "anpr"] = holder.credentials
    assert made.of(ENTE, "anpr").voucher().token


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ({"kind": "down"}, "unreachable"),
        ({"kind": "error", "status": 503}, "server_error"),
        ({"kind": "throttle", "retry_after": 3}, "throttled"),
        ({"kind": "hang", "seconds": 20}, "timeout"),
        ({"kind": "drip", "seconds": 20}, "timeout"),
        ({"kind": "huge", "bytes": 10_000_000}, "too_large"),
        ({"kind": "redirect", "location": "https://elsewhere.example/"}, "redirected"),
        ({"kind": "nonsense"}, "malformed"),
        ({"kind": "deep"}, "too_large"),
    ],
)
@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_pdnd_that_is_not_itself_is_known_in_bounded_time(pdnd, holder, monkeypatch, fault, problem):
    monkeypatch.setattr("hub.trust.http.TOTAL_S", 0.5)
    pdnd.faults.add(on="token", **fault)
    started = time.monotonic()
    with pytest.raises(VoucherUnavailable) as unavailable:
        holder.voucher()
    assert unavailable.value.problem == problem
    assert time.monotonic() - started < 4


def test_what_is_still_good_is_used_on_while_pdnd_is_down(pdnd, holder, clock):
    first = holder.voucher()
    clock.ahead = timedelta(seconds=500)
    pdnd.faults.add("down", on="token", times=0)
    assert holder.voucher() is first
    assert holder.voucher() is first
    assert asked(pdnd) == 2
    clock.ahead = timedelta(seconds=597)
    with pytest.raises(VoucherUnavailable):
        holder.voucher()


def test_one_that_was_refused_is_renewed_once(pdnd, holder, shared, clock):
    first = holder.voucher()
    assert holder.refused(first)
    second = holder.voucher()
    assert second.token != first.token
    assert holder.refused(first), "by somebody else who had shown the old one"
    assert holder.voucher() is second
    assert not holder.refused(second), "a provider that refuses everything makes nobody ask again and again"
    assert holder.voucher() is second
    assert ClientVouchers(holder.credentials, shared, clock).voucher().token == second.token
    assert asked(pdnd) == 2


def test_a_bound_voucher_has_a_key_of_its_own(pdnd, client, shared, clock):
    holder = ClientVouchers(credentials(pdnd, "anpr", client, bound=True), shared, clock)
    voucher = holder.voucher()
    assert jose.parse(voucher.token).claims["cnf"] == {"jkt": voucher.proof_key.thumbprint}
    again = ClientVouchers(holder.credentials, shared, clock).voucher()
    assert again.proof_key.thumbprint == voucher.proof_key.thumbprint


def test_what_is_shared_is_sealed(pdnd, holder, database):
    token = holder.voucher().token
    with database.read() as connection:
        row = connection.execute(pdnd_vouchers.select()).one()
    assert token.encode() not in row.voucher_sealed
    assert token not in repr(holder.voucher())


def test_no_token_is_logged(pdnd, holder, client, caplog):
    with caplog.at_level(logging.DEBUG):
        token = holder.voucher().token
        del pdnd.records.purposes[client.purpose_id]
        holder.refused(holder.voucher())
        with pytest.raises(VoucherUnavailable):
            holder.voucher()
    assert "pdnd.voucher_issued" in caplog.text
    assert "problem=015-0033" in caplog.text
    assert token[:40] not in caplog.text
    assert "eyJ" not in caplog.text


def test_a_key_that_is_elsewhere_is_read_when_it_is_used(pdnd, client, shared, clock, tmp_path):
    path = tmp_path / "key.pem"
    elsewhere = replace(credentials(pdnd, "anpr", client), key_pem="", key_reference=f"file:{path}")
    with pytest.raises(VoucherUnavailable) as unavailable:
        ClientVouchers(elsewhere, shared, clock).voucher()
    assert unavailable.value.problem == "key_unusable"
    path.write_bytes(private_pem(client.key))
    # Another process, when the pause is over.
    clock.ahead = timedelta(seconds=10)
    pdnd.clock = lambda: clock.now().timestamp()
    assert ClientVouchers(elsewhere, shared, clock).voucher().token


@pytest.mark.parametrize("kind", ["sqlite"])
def test_the_api_of_keys_is_asked_once_more_with_another_voucher(pdnd, client, shared, clock):
    own = Client(pdnd, "api", key=rsa_key("api"))
    holder = ClientVouchers(credentials(pdnd, "anpr", own, kind="api", bound=True), shared, clock)

    async def fetch():
        web = Web()
        try:
            return await PdndKeys(lambda: [replace(access(pdnd), vouchers=PdndVouchers(holder))], web, clock).key(
                client.kid
            )
        finally:
            await web.aclose()

    first = holder.voucher()
    pdnd.faults.add("error", on="key", status=401)
    assert asyncio.run(fetch()).value.client_id == client.client_id
    assert holder.voucher().token != first.token
    pdnd.faults.add("error", on="key", status=401, times=0)
    assert asyncio.run(fetch()).problem == "pdnd.status_401"
    assert asked(pdnd) == 2


@pytest.mark.parametrize("kind", ["sqlite"])
def test_an_environment_gets_the_vouchers_of_an_ente_in_it(pdnd, client, shared, clock):
    own = Pdnd(pdnd.issuer, f"{pdnd.base_url}/jwks", "https://e.example/1", f"{pdnd.base_url}/v3")
    enti = tuple(Ente(name, name, "", "", "", "", own) for name in ("a", ENTE))
    known = {}
    configured = Configured(lambda: Registry(1, enti), Vouchers(lambda: known, shared, clock).api)
    assert [one.has_api for one in configured()] == [False]
    known[ENTE, "anpr"] = credentials(pdnd, "anpr", client)
    assert [one.has_api for one in configured()] == [False], "a consumer's are for an e-service"
    known[ENTE, "api"] = replace(known[ENTE, "anpr"], name="api", kind="api", purpose_id=None)
    (first,) = configured()
    assert first.has_api
    assert configured()[0] is first
    known[ENTE, "api"] = replace(known[ENTE, "api"], kid="another")
    assert configured()[0].vouchers is not first.vouchers
    often = Configured(lambda: Registry(1, enti), events_every_s=0.3)
    assert often()[0].environment.events_every_s == 0.3
    assert often()[0] is often()[0]


def test_a_source_for_another_purpose_gives_nothing(holder):
    source = PdndVouchers(holder)
    with pytest.raises(VoucherUnavailable):
        asyncio.run(source.header_for(purpose_id=None, method="GET", url="https://x.example/"))
