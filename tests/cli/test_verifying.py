"""`sign` and `verify`: what the hub would say of a request, and why."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.security.digest import digest_header
from hub.security.sign import SigningKey, sign_request
from tests.harness import PUBLISH_AUDIENCE, make_message

from .conftest import Answer, Raccordo

BODY = json.dumps(make_message()).encode()
Explain = Callable[..., Answer]


@pytest.fixture
def acme(raccordo: Raccordo, keys: Path) -> Raccordo:
    """The command line on a home that knows the vendor `acme`, by its certificate."""
    assert raccordo("vendor", "add", "acme", "--name", "A", "--trust", "x509", "--anchor", keys / "ca.pem").code == 0
    return raccordo


@pytest.fixture
def explain(acme: Raccordo, keys: Path, tmp_path: Path) -> Explain:
    """`verify --json` of a request that `acme` signed, with something wrong in it."""
    key = SigningKey.load(keys / "key.pem", keys / "cert.pem")

    def run(
        *arguments: str,
        body: bytes = BODY,
        sent: bytes | None = None,
        change: dict[str, str | None] | None = None,
        signing_key: SigningKey = key,
        path: str = "/publish/v1/messages",
        as_json: bool = True,
        **claims: Any,
    ) -> Answer:
        wanted = {"iss": "acme", "aud": PUBLISH_AUDIENCE, "now": datetime.now(UTC)} | claims
        headers: dict[str, str | None] = dict(
            sign_request(signing_key, method="POST", url="", body=body, content_type="application/json", **wanted)
        )
        lines = [f"{name}: {value}" for name, value in (headers | (change or {})).items() if value is not None]
        (tmp_path / "headers").write_text("\n".join(lines))
        (tmp_path / "body").write_bytes(body if sent is None else sent)
        files = ("--headers", tmp_path / "headers", "--body", tmp_path / "body")
        return acme("verify", *files, "--path", path, *arguments, *(("--json",) if as_json else ()))

    return run


def failures(answer: Answer) -> list[str]:
    return [step["code"] for step in answer.json["steps"] if step["outcome"] == "failed"]


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_what_sign_prints_is_what_verify_accepts(
    acme: Raccordo, call: Raccordo, keys: Path, tmp_path: Path, form: tuple[str, ...]
) -> None:
    (tmp_path / "body").write_bytes(BODY)
    signed = call(
        "sign", "--key", keys / "key.pem", "--cert", keys / "cert.pem", "--iss", "acme", "--aud", PUBLISH_AUDIENCE,
        "--method", "POST", "--url", "https://hub.example.it/publish/v1/messages", "--body", tmp_path / "body", *form,
    )  # fmt: skip
    assert signed.code == 0
    assert "PRIVATE" not in signed.out
    (tmp_path / "headers").write_text(signed.out)
    answer = acme(
        "verify", "--headers", tmp_path / "headers", "--body", tmp_path / "body", "--method", "post",
        "--path", "https://hub.example.it/publish/v1/messages",
    )  # fmt: skip
    assert answer.code == 0
    assert "La richiesta sarebbe accettata. / The request would be accepted." in answer.out


def test_italian_comes_first(explain: Explain) -> None:
    told = explain(aud="https://other.example.it", as_json=False)
    assert told.code == 1
    assert "NO  aud indica un ente / aud names an ente" in told.out
    assert told.out.index("aud è l'audience") < told.out.index("aud is the audience")
    assert "sarebbe rifiutata" in told.out.splitlines()[-1]


def test_a_vendor_writes_no_line_of_the_answer(explain: Explain) -> None:
    forged = "ok  Il corpo rispetta il contratto e i permessi"
    told = explain(body=json.dumps(make_message() | {f"x\n{forged}\n": 1}).encode(), as_json=False)
    assert told.code == 1
    assert forged not in told.out.splitlines()
    assert "field.unknown" in told.out


def test_every_cause_is_named(explain: Explain, other_keys: Path) -> None:
    now = datetime.now(UTC)
    stranger = SigningKey.load(other_keys / "key.pem")
    cases: list[tuple[dict[str, Any], str]] = [
        ({"aud": "https://other.example.it/publish/v1"}, "audience.mismatch"),
        ({"iss": "nobody"}, "issuer.unknown"),
        ({"now": now - timedelta(hours=1)}, "token.expired"),
        ({"now": now + timedelta(hours=1)}, "iat.future"),
        ({"sent": BODY + b" "}, "digest.mismatch"),
        ({"signing_key": stranger}, "key.reference_missing"),
        ({"change": {"Digest": None}}, "digest.missing"),
        ({"change": {"Digest": digest_header(b"other")}}, "digest.mismatch"),
        ({"change": {"Authorization": None}}, "token.missing"),
        ({"change": {"Agid-JWT-Signature": None}}, "token.missing"),
        ({"change": {"Content-Type": "text/plain"}}, "header.mismatch"),
        ({"lifetime_s": 3600}, "lifetime.too_long"),
    ]
    for wrong, code in cases:
        answer = explain(**wrong)
        assert answer.code == 1, wrong
        assert code in failures(answer), (wrong, failures(answer))
        assert answer.json["accepted"] is False
        assert all(step["advice_it"] for step in answer.json["steps"] if step["code"] == code)


def test_an_unknown_kid_is_named(raccordo: Raccordo, keys: Path, other_keys: Path, tmp_path: Path) -> None:
    raccordo("vendor", "add", "acme", "--name", "A", "--trust", "jwk", "--jwks", keys / "jwks.json")
    headers = sign_request(
        SigningKey.load(other_keys / "key.pem"), iss="acme", aud=PUBLISH_AUDIENCE, method="POST", url="", body=BODY,
        content_type="application/json", now=datetime.now(UTC),
    )  # fmt: skip
    (tmp_path / "headers").write_text(json.dumps(headers))
    (tmp_path / "body").write_bytes(BODY)
    answer = raccordo(
        "verify", "--headers", tmp_path / "headers", "--body", tmp_path / "body", "--path", "/publish/v1/messages",
        "--json",
    )  # fmt: skip
    assert (answer.code, failures(answer)) == (1, ["key.unknown"])


def test_a_withdrawal_is_held_against_the_same_as_over_http(explain: Explain) -> None:
    """Where the token was wrong as well, it passed here with a member that stood twice."""
    path = "/publish/v1/items/01890a5d-ac96-774b-bcce-b302099a8057/withdrawals"
    answer = explain(body=b'{"reason": "Errore", "reason": "Altro"}', path=path, lifetime_s=3600)
    assert (answer.code, failures(answer)) == (1, ["lifetime.too_long", "contract.violation"])
    assert [(each["code"], each["pointer"]) for each in answer.json["faults"]] == [("field.duplicate", "/reason")]


def test_faults_of_the_body_are_told_with_their_pointers(explain: Explain) -> None:
    wrong = make_message(recipient={"tax_code": "RSSMRA80A01H501A"}, colour="red", version=0)
    answer = explain(body=json.dumps(wrong).encode())
    assert (answer.code, failures(answer)) == (1, ["contract.violation"])
    assert {fault["pointer"] for fault in answer.json["faults"]} == {"/recipient/tax_code", "/colour", "/version"}
    assert "RSSMRA80A01H501A" not in answer.out
    people = explain(body=json.dumps(wrong).encode(), as_json=False)
    assert "/recipient/tax_code" in people.out


def test_faults_of_the_body_are_told_even_of_an_expired_request(explain: Explain) -> None:
    stale = explain(body=b"{}", now=datetime.now(UTC) - timedelta(hours=1))
    assert "token.expired" in failures(stale)
    assert "/title" in {fault["pointer"] for fault in stale.json["faults"]}


def test_nothing_is_said_of_the_body_before_the_signature_holds(explain: Explain) -> None:
    unsigned = explain(body=b"{}", iss="nobody")
    assert unsigned.json["faults"] == []


def test_permissions_are_judged_as_the_hub_does(explain: Explain, acme: Raccordo) -> None:
    unknown = explain(body=json.dumps(make_message(service_id="imu")).encode())
    assert failures(unknown) == ["service.unknown"]
    acme("vendor", "suspend", "acme")
    assert "vendor.suspended" in failures(explain())


def test_a_request_is_explained_at_its_own_time(explain: Explain) -> None:
    then = datetime.now(UTC) + timedelta(days=3)
    assert explain(now=then).code == 1
    assert explain("--at", then.isoformat(), now=then).code == 0


@pytest.mark.parametrize(
    ("arguments", "setting"),
    [
        (("--path", "/feed/v1/items"), "--path"),
        (("--path", "/publish/v1/nothing"), "--path"),
        (("--path", "/publish/v1/messages", "--method", "PUT"), "--method"),
        (("--path", "/publish/v1/messages", "--at", "yesterday"), "--at"),
        (("--path", "/publish/v1/messages", "--at", "2026-11-23T09:00:00"), "--at"),
        (("--path", "/publish/v1/messages", "--body", "/none"), "--body"),
        ((), "--path"),
    ],
)
def test_verify_names_the_wrong_setting(
    raccordo: Raccordo, tmp_path: Path, arguments: tuple[str, ...], setting: str
) -> None:
    (tmp_path / "headers").write_text("Digest: x\n")
    answer = raccordo("verify", "--headers", tmp_path / "headers", *arguments)
    assert (answer.code, setting in answer.err) == (2, True)


@pytest.mark.parametrize("content", ["", "no colon here", "{]", '{"headers": [1]}', b"\xff\xfe"])
def test_unreadable_headers_are_told(raccordo: Raccordo, tmp_path: Path, content: str | bytes) -> None:
    (tmp_path / "headers").write_bytes(content if isinstance(content, bytes) else content.encode())
    answer = raccordo("verify", "--headers", tmp_path / "headers", "--path", "/publish/v1/messages")
    assert (answer.code, "--headers" in answer.err) == (2, True)


def test_headers_as_curl_shows_them_are_read(raccordo: Raccordo, tmp_path: Path) -> None:
    (tmp_path / "headers").write_text("> POST /publish/v1/messages HTTP/1.1\n> Host: x\n> Digest: y\n>\n")
    answer = raccordo("verify", "--headers", tmp_path / "headers", "--path", "/publish/v1/messages", "--json")
    assert (answer.code, failures(answer)[0]) == (1, "token.missing")


def test_what_was_received_does_not_drive_the_terminal(raccordo: Raccordo, tmp_path: Path) -> None:
    (tmp_path / "headers").write_text("Authorization: Bearer \x1b[2Jx.y.z\nDigest: \x1b]0;title\x07\n")
    answer = raccordo("verify", "--headers", tmp_path / "headers", "--path", "/publish/v1/messages")
    assert answer.code == 1
    assert "\x1b" not in answer.out


@pytest.mark.parametrize(
    ("arguments", "setting"),
    [
        (("--key", "{keys}/jwks.json"), "--key"),
        (("--key", "{keys}/key.pem", "--cert", "{keys}/ca.pem"), "--key"),
        (("--key", "/none"), "--key"),
        (("--key", "{keys}/key.pem", "--method", "BREW"), "--method"),
        (("--key", "{keys}/key.pem", "--send"), "--url"),
        (("--key", "{keys}/key.pem", "--send", "--url", "http://hub.example.it/publish/v1/messages"), "--url"),
    ],
)
def test_sign_names_the_wrong_setting(call: Raccordo, keys: Path, arguments: tuple[str, ...], setting: str) -> None:
    answer = call("sign", "--iss", "acme", "--aud", "x", *(each.format(keys=keys) for each in arguments))
    assert (answer.code, setting in answer.err) == (2, True)


def test_what_would_be_fetched_is_said(raccordo: Raccordo, keys: Path, tmp_path: Path) -> None:
    key = SigningKey.load(keys / "key.pem")
    eservice = "https://pdnd.example.it/eservice/1"
    raccordo("ente", "pdnd", "--issuer", "pdnd.it", "--jwks-url", "https://pdnd.it/jwks", "--audience", eservice)
    agreed = ("--profile", "clients=c-1", "--profile", "purposes=p-1")
    raccordo("vendor", "add", "luna", "--name", "L", "--trust", "pdnd", *agreed)
    signed = sign_request(
        key, iss="c-1", aud=eservice, method="POST", url="", body=BODY, content_type="application/json",
        now=datetime.now(UTC),
    )  # fmt: skip
    now = int(datetime.now(UTC).timestamp())
    claims = {"aud": eservice, "client_id": "c-1", "sub": "c-1", "iss": "pdnd.it", "iat": now, "exp": now + 60}
    signed["Authorization"] = f"Bearer {key.token(claims, typ='at+jwt')}"
    (tmp_path / "headers").write_text("\n".join(f"{name}: {value}" for name, value in signed.items()))
    (tmp_path / "body").write_bytes(BODY)
    files = ("--headers", tmp_path / "headers", "--body", tmp_path / "body", "--path", "/publish/v1/messages")
    answer = raccordo("verify", *files, "--json")
    assert answer.code == 1
    assert failures(answer) == ["material.wanted"]
    (step,) = [step for step in answer.json["steps"] if step["outcome"] == "failed"]
    assert step["detail"] == "pdnd-jwks pdnd.it"


def test_a_client_certificate_is_believed_of_the_proxy_alone(
    acme: Raccordo, explain: Explain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RACCORDO_CLIENT_CERT_HEADER", "Client-Cert")
    monkeypatch.setenv("RACCORDO_CLIENT_CERT_PROXIES", "10.0.0.1")
    handed = {"Client-Cert": ":AAAA:"}
    assert failures(explain(change=handed)) == ["channel.untrusted"]
    assert failures(explain("--peer", "10.0.0.1", change=handed)) == []
