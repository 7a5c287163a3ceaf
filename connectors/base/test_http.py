"""Calls that stay within their time and size, and failures that say whether anything left."""

import datetime as dt
import logging
import socket
import ssl
import threading
import time
import tracemalloc

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from connectors.base.http import MAX_ANSWER_BYTES, MAX_RETRY_AFTER, Answer, client, retry_after, send
from connectors.base.scripted import Fault, Reply, ScriptedServer
from contracts.connector import Limits
from contracts.failures import Deferred, Misconfigured, Unconfirmed
from contracts.tls import TlsSettings

NOW = dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC)
SLOW = (Fault.SILENT, Fault.SLOW_HEAD)
IN_TIME_S = 10
"""On a crowded machine, too; without the deadline it would be thirty, or never end."""


@pytest.fixture
def server():
    with ScriptedServer() as server:
        yield server


def call(url, *, unsafe=True, deadline_s=5.0, transport=None, method="POST", content=b"{}"):
    with client(url, {"X-Key": "secret"}, Limits(), TlsSettings(), transport) as http:
        request = http.build_request(method, "/path/RSSMRA80A01H501U", content=content)
        return send(http, request, unsafe=unsafe, deadline_s=deadline_s)


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.GARBAGE])
def test_an_unsafe_call_without_an_answer_is_made_once(server, fault):
    server.play(*[fault] * 5)
    with pytest.raises(Unconfirmed):
        call(server.url)
    assert len(server.received) == 1


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.GARBAGE])
def test_a_safe_call_is_made_again(server, fault):
    server.play(fault, fault, Reply(200, {"a": 1}))
    assert call(server.url, unsafe=False).object() == {"a": 1}


def test_a_safe_call_is_not_made_for_ever(server):
    server.play(*[Fault.CUT] * 9)
    with pytest.raises(Deferred):
        call(server.url, unsafe=False)
    assert len(server.received) == 3


def test_an_unsafe_call_waits_out_a_short_refusal(server):
    server.play(Fault.REFUSED)
    threading.Timer(0.03, server.play, [Reply(200)]).start()
    assert call(server.url).status == 200


@pytest.mark.parametrize("fault", SLOW)
@pytest.mark.parametrize("unsafe", [True, False])
def test_the_deadline_is_for_everything(server, fault, unsafe):
    server.play(*[fault] * 9)
    started = time.monotonic()
    with pytest.raises(Unconfirmed if unsafe else Deferred) as caught:
        call(server.url, unsafe=unsafe, deadline_s=1)
    assert time.monotonic() - started < IN_TIME_S
    assert caught.value.reason == "http.no_answer"
    assert len(server.received) == 1, "no time is left to make it again"


def test_a_slow_body_leaves_the_status(server):
    server.play(Fault.SLOW_BODY)
    answer = call(server.url, deadline_s=1)
    assert (answer.status, answer.complete, answer.object()) == (200, False, {})


def test_a_reader_that_does_not_read_is_left(server):
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        started = time.monotonic()
        with pytest.raises(Unconfirmed):
            call(f"http://127.0.0.1:{deaf.getsockname()[1]}", deadline_s=1, content=b"x" * 20_000_000)
        assert time.monotonic() - started < IN_TIME_S


def test_an_endless_answer_costs_no_memory(server):
    server.play(Fault.ENDLESS)
    tracemalloc.start()
    answer = call(server.url)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert not answer.complete
    assert peak < 8 * MAX_ANSWER_BYTES


def test_a_compressed_answer_is_not_unpacked(server):
    server.play(Reply(201, b"\x1f\x8b....", {"Content-Encoding": "gzip"}))
    answer = call(server.url)
    assert (answer.status, answer.complete) == (201, False)


def test_a_short_body_is_not_complete(server):
    server.play(Reply(201, b'{"id":"1"}', {"Content-Length": "400"}))
    answer = call(server.url)
    assert (answer.status, answer.complete, answer.object()) == (201, False, {})


def test_no_redirect_no_cookie(server):
    server.play(Reply(302, headers={"Location": "/other", "Set-Cookie": "a=b"}), Reply(200))
    with client(server.url, {}, Limits(), TlsSettings()) as http:
        for expected in (302, 200):
            assert send(http, http.build_request("GET", "/"), unsafe=False, deadline_s=5).status == expected
    assert [got.path for got in server.received] == ["/", "/"]
    assert "cookie" not in server.received[1].headers


def test_the_environment_names_no_proxy(server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    server.play(Reply(200))
    assert call(server.url).status == 200


def test_an_unknown_host_is_deferred(monkeypatch):
    def unknown(*_args, **_kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(Deferred) as caught:
        call("https://provider.example")
    assert caught.value.reason == "http.dns"


def test_a_dead_address_does_not_use_up_the_time(server, monkeypatch):
    port = int(server.url.rpartition(":")[2])
    dead = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.2", port))
    live = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: [dead, live])
    server.play(Reply(200))
    assert call(f"http://localhost:{port}").status == 200


def test_a_certificate_that_nobody_signed_is_deferred_and_nothing_leaves(tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path))
    seen = []

    def serve(listener):
        for _ in range(3):
            try:
                connection, _address = listener.accept()
                with connection, context.wrap_socket(connection, server_side=True) as tls:
                    seen.append(tls.recv(100))
            except OSError:
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        with pytest.raises(Deferred) as caught:
            call(f"https://127.0.0.1:{listener.getsockname()[1]}")
        thread.join(5)
    assert caught.value.reason == "http.tls"
    assert b"".join(seen) == b""


def self_signed(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    day = dt.timedelta(days=1)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW - day).not_valid_after(NOW + 9999 * day)
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    pem += key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(pem)
    return folder / "server.pem"


@pytest.mark.parametrize("url", ["http://api.io.pagopa.it", "http://127.0.0.1.example", "ftp://127.0.0.1", "api.io"])
def test_plain_http_is_for_loopback(url):
    with pytest.raises(Misconfigured):
        client(url, {}, Limits(), TlsSettings())


def test_a_header_that_cannot_be_sent_is_misconfigured_and_not_shown():
    with pytest.raises(Misconfigured) as caught:
        client("https://a.example", {"X-Key": "chiàve"}, Limits(), TlsSettings())
    assert "chi" not in str(caught.value)


def test_neither_address_nor_header_is_logged(server, caplog):
    for name in ("", "httpx", "httpcore.connection", "httpcore.http11"):
        caplog.set_level(logging.DEBUG, logger=name)
    server.play(Reply(200))
    call(server.url)
    assert "RSSMRA" not in caplog.text
    assert "secret" not in caplog.text


def test_a_transport_of_the_tests_own_will_do():
    def answer(request):
        raise httpx.ReadTimeout("late", request=request)

    with pytest.raises(Unconfirmed):
        call("https://a.example", transport=httpx.MockTransport(answer))


@pytest.mark.parametrize("body", [b"", b"[1]", b"null", b"{", b"[" * 100_000, b"\xff", b"12"])
def test_what_is_no_object_reads_as_an_empty_one(body):
    assert Answer(200, httpx.Headers(), body, complete=True).object() == {}
    assert repr(Answer(200, httpx.Headers({"x": "RSSMRA80A01H501U"}), body, complete=True)) == "Answer(200)"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        (" 120 ", 120),
        ("0", None),
        ("-5", None),
        ("1.5", None),
        ("1e9", None),
        ("soon", None),
        ("", None),
        ("٣", None),
        ("86400", 86_400),
        ("315360000", 86_400),
        ("9" * 5000, 86_400),
        ("Mon, 02 Mar 2026 09:31:00 GMT", 60),
        ("Mon, 02 Mar 2026 09:29:00 GMT", None),
        ("Mon, 02 Mar 2036 09:31:00 GMT", 86_400),
        ("Monday, 02-Mar-26 09:31:00 GMT", 60),
        ("Mon, 32 Mar 2026 99:31:00 GMT", None),
        ("Mon, 02 Mar 999999999999 09:31:00 GMT", None),
    ],
)
def test_retry_after(value, seconds):
    headers = httpx.Headers([(b"retry-after", value.encode())])
    wait = retry_after(Answer(429, headers, b"", complete=True), NOW)
    assert wait == (None if seconds is None else dt.timedelta(seconds=seconds))
    assert wait is None or wait <= MAX_RETRY_AFTER


def test_a_date_is_measured_by_the_providers_own_clock():
    headers = {"Retry-After": "Mon, 02 Mar 2026 12:00:30 GMT", "Date": "Mon, 02 Mar 2026 12:00:00 GMT"}
    assert retry_after(Answer(429, httpx.Headers(headers), b"", complete=True), NOW) == dt.timedelta(seconds=30)


@pytest.mark.parametrize("where", ["javascript:alert(1)", "https://a:b:c/"])
@pytest.mark.parametrize(("unsafe", "kind"), [(True, Unconfirmed), (False, Deferred)])
def test_a_location_that_is_no_address_is_the_providers_fault(server, where, unsafe, kind):
    """httpx looks at it though nothing is followed, and raised an error that no connector expected."""
    server.play(*[Reply(302, headers={"Location": where})] * 3)
    with pytest.raises(kind):
        call(server.url, unsafe=unsafe)
