"""The kit against our own hub: every case as expected; and against hubs with one thing broken, which it must find."""

import json
import time
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

from hub.allowance import Allowance
from hub.cli.application import run
from hub.conformance import certified, vendor
from hub.conformance.several import PLAYS
from hub.conformance.vendor import CASES
from hub.http import exchange, publish
from hub.security import modi
from hub.store.operations import list_deliveries


def failed(report) -> set[str]:
    return {one.name for one in report.results if one.outcome == "failed"}


@pytest.mark.parametrize("vendor", ["acme", "sealed", "rsa"])
def test_our_hub_holds_in_every_case(tried, vendor):
    report = tried.report(vendor=vendor)
    assert failed(report) == set()
    skipped = {one.name for one in report.results if one.outcome == "skipped"}
    by_certificate = {"chain-wrong", "leaf-of-another-key", "x5c-garbage", "x5c-missing"}
    by_key = {"kid-unknown", "kid-missing"}
    rsa = {"signature-der"} if vendor == "rsa" else set()
    of_a_ca = {one.name for one in certified.CASES if one.needs == "authority"}
    assert skipped == (by_key if vendor == "sealed" else by_certificate) | rsa | of_a_ca
    assert report.counts["passed"] >= 120


def test_a_quota_that_ends_tomorrow_is_told_at_once(tried, monkeypatch):
    """The kit waited three minutes for midnight, and said nothing."""
    waits: list[float] = []

    async def exceeded(*_given, **_more):
        raise Allowance(5, 0, 40_000).exceeded()

    monkeypatch.setattr(vendor, "time", SimpleNamespace(**vars(time) | {"sleep": waits.append}))
    monkeypatch.setattr(publish.PublishApi, "_submit", exceeded)
    report = tried.report("good/publish")
    assert (failed(report), waits) == ({"publish"}, [])
    assert "quota.exceeded" in report.results[0].detail


def test_names_are_unique_and_every_case_says_what_it_tries():
    everything = [*CASES, *PLAYS]
    assert len({one.name for one in everything}) == len(everything)
    assert all(one.it and one.en for one in everything)


def test_what_was_published_is_one_silent_item_and_withdrawn(tried):
    before = len(items(tried))
    tried.report("good/*")
    (own,) = items(tried)[before:]
    assert own["lifecycle"] == "withdrawn"
    with tried.hub.home.database.read() as connection:
        assert not list_deliveries(connection, limit=10)


def items(tried) -> list[dict]:
    headers = tried.hub.signed(b"", method="GET", content_type=None)
    found = tried.hub.client.get("/publish/v1/items?limit=100", headers=headers).json()["items"]
    return sorted((one for one in found if one["source"] == "conformance"), key=lambda one: one["item_id"])


# Hubs with one check switched off


BROKEN = {
    "single_headers": {"authorization-twice"},
    "own_headers": {"signature-token-as-authorization"},
    "check_typ": {"typ-missing", "typ-at-jwt", "typ-dpop"},
    "check_critical": {"crit-unknown", "b64-false"},
    "one_ente": {"aud-differs"},
    "not_from_the_future": {"iat-future"},
    "begun": {"nbf-future"},
    "not_expired": {"expired"},
    "short_lived": {"too-long"},
    "check_digest": {"body-reserialised", "body-cut", "body-emptied"},
    "content_headers_signed": {"content-type-unsigned", "content-encoding-unsigned"},
    "signed_counts": {"header-copied", "content-type-removed"},
    "signed_values": {"digest-signed-other", "header-changed"},
    "complete": {"no-signature", "body-stripped"},
}


@pytest.mark.parametrize("off", BROKEN)
def test_a_hub_without_a_check_is_found_out(tried, off, without):
    without(off)
    found = failed(tried.report())
    assert found & BROKEN[off], found


def test_a_hub_that_forgets_its_jti_is_found_out(tried, monkeypatch):
    monkeypatch.setattr(modi, "_used", lambda state: ())
    assert failed(tried.report("replay/*")) == {
        "replayed",
        "authorization-jti-again",
        "signature-jti-again",
        "jti-again-in-new-tokens",
        "parallel",
    }


def test_a_hub_that_tells_strangers_the_cause_is_found_out(tried, monkeypatch):
    true = exchange.problem

    def told(error, at):
        error.detail = error.cause or error.detail
        return true(error, at)

    monkeypatch.setattr(exchange, "problem", told)
    assert failed(tried.report("answers/*")) == {"refusals-alike"}


def test_a_hub_that_tells_strangers_which_header_was_wrong_is_found_out(tried, monkeypatch):
    true = exchange.problem

    def told(error, at):
        if error.status == 400:
            error.detail = error.cause
        return true(error, at)

    monkeypatch.setattr(exchange, "problem", told)
    report = tried.report()
    assert failed(report) == {"refusals-alike"}
    assert "by detail" in next(one.detail for one in report.results if one.outcome == "failed")


def test_errors_that_are_no_problems_are_found_out(tried, monkeypatch):
    monkeypatch.setattr(exchange, "PROBLEM", "application/json")
    assert failed(tried.report("iss-*")) == {"iss-missing", "iss-unknown", "iss-number", "iss-differs"}


def test_a_receipt_that_is_unsigned_or_of_another_request_is_found_out(tried, monkeypatch):
    monkeypatch.setattr(publish, "sign_response", lambda *args, **kw: {})
    assert "receipt" in tried.report("publish").results[0].detail
    monkeypatch.undo()
    true = publish.sign_response
    other = "SHA-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    monkeypatch.setattr(publish, "sign_response", lambda key, **kw: true(key, **{**kw, "request_digest": other}))
    assert "it answers another request" in tried.report("publish").results[0].detail
    assert failed(tried.report("publish", receipts=False)) == set()


def test_nothing_is_proved_where_the_good_request_is_refused(tried, monkeypatch):
    monkeypatch.setattr(modi, "_used", lambda state: 1 / 0)
    report = tried.report()
    assert failed(report) == {"publish"}
    assert report.counts["passed"] == 0


# The command


def test_the_command_writes_json_and_junit(tried, tmp_path, capsys):
    report, junit = tmp_path / "report.json", tmp_path / "junit.xml"
    code = run(["conformance", *tried.options("sealed"), "--only=key/*", f"--json={report}", f"--junit={junit}"])
    assert code == 0
    told = capsys.readouterr().out
    assert "catena di un'altra CA / a chain of another CA" in told
    assert "superati" in told
    content = json.loads(report.read_text())
    assert (content["failed"], content["skipped"]) == (0, 2)
    suite = ElementTree.parse(junit).getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == (str(len(content["cases"])), "0", "2")
    assert {case.get("classname") for case in suite} >= {"conformance.key", "conformance.good"}


def test_the_command_fails_where_a_case_fails_and_says_why(tried, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(modi, "_used", lambda state: ())
    junit = tmp_path / "junit.xml"
    assert run(["conformance", *tried.options(), "--only=replayed", f"--junit={junit}"]) == 1
    out, err = capsys.readouterr()
    assert "NO  replay/replayed: request 2 should be answered 409" in out
    assert "1 of 3 cases failed" in err
    (failure,) = ElementTree.parse(junit).getroot().iter("failure")
    assert "la stessa richiesta due volte" in failure.get("message")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--target=https://hub.example.it"], "--iss"),
        (["--target=nowhere", "--iss=a"], "--target"),
        (["--tax-code=ABC"], "--tax-code"),
        (["--only=nothing"], "--only: nothing is called nothing"),
        (["--listen=8099"], "--target or --listen"),
        (["--json=/nowhere/at/all.json", "--only=publish"], "--json: cannot write"),
    ],
)
def test_wrong_usage_is_said_in_one_sentence(tried, options, told, capsys):
    given = options if options[0].startswith("--target=https") else [*tried.options(), *options]
    assert run(["conformance", *given]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert len(err.splitlines()) == 1


def test_a_hub_that_does_not_answer_fails_the_first_case(tried, capsys):
    assert run(["conformance", *tried.options(), "--target=http://127.0.0.1:1"]) == 1
    assert "no answer: ConnectError" in capsys.readouterr().out
