"""What we sign, we and others verify; what we make is kept private."""

import json
import stat
from pathlib import Path
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jwcrypto import jwk, jws

from hub.errors import HubError
from hub.security import digest, keys, modi, portal, sign
from hub.security.causes import Refusal, code_of
from hub.security.chains import ChainCache
from hub.security.headers import SignedRequest


def verify(request: Any, world: Any, *, signed_body: bool = True) -> modi.Verified:
    return modi.verify(request, signed_body=signed_body, registry=world.registry, now=world.now, chains=ChainCache())


@pytest.mark.parametrize("name", ["acme", "borea", "borea-rsa"])
@pytest.mark.parametrize("body", [b"", b"{}", b"\x00\xff" * 1000])
def test_a_signed_request_verifies(world: Any, name: str, body: bytes) -> None:
    vendor = name.split("-")[0]
    if vendor == "acme":
        key = world.signing_key("acme", certified=True)
    else:
        key = world.signing_key("borea-rsa", "rs256") if "rsa" in name else world.signing_key("borea")
    verified = verify(world.signed(key, vendor, body), world)
    assert verified.vendor.vendor_id == vendor
    assert verified.signer == (f"x5t#S256:{key.certificate_thumbprint}" if vendor == "acme" else f"jwk:{key.kid}")
    assert [one.header for one in verified.used] == ["authorization", "agid-jwt-signature"]
    assert set(verified.tokens) == {"authorization", "agid-jwt-signature"}


def test_a_read_carries_authorization_alone(world: Any) -> None:
    request = world.signed(world.signing_key("borea"), "borea", b"", method="GET", content_type=None)
    assert [name for name, _ in request.headers] == ["authorization"]
    assert len(verify(request, world, signed_body=False).used) == 1


def test_extra_headers_are_signed_too(world: Any) -> None:
    request = world.signed(world.signing_key("borea"), "borea", extra_headers={"X-Correlation-ID": "a"})
    verify(request, world)
    changed = dict(request.headers) | {"x-correlation-id": "b"}
    with pytest.raises(HubError) as caught:
        verify(world.request(changed, request.body), world)
    assert code_of(caught.value) == "header.mismatch"


@pytest.mark.parametrize("kind", ["es256", "rs256"])
def test_other_libraries_verify_our_answers(world: Any, kind: Any) -> None:
    key = world.signing_key("hub-" + kind, kind)
    headers = sign.sign_response(
        key,
        iss="hub",
        aud="acme",
        body=b"{}",
        content_type="application/json",
        request_digest="SHA-256=x",
        now=world.now,
    )
    token = headers["Agid-JWT-Signature"]
    claims = pyjwt.decode(
        token,
        key.private.public_key(),
        algorithms=[key.alg],
        audience="acme",
        options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
    )
    assert claims["request_digest"] == "SHA-256=x"
    assert claims["signed_headers"][0] == {"digest": headers["Digest"]} == {"digest": digest.digest_header(b"{}")}
    other = jws.JWS()
    other.deserialize(token, jwk.JWK.from_json(json.dumps(key.public_jwk())), alg=key.alg)
    assert other.is_valid


def test_a_signed_portal_request_verifies(world: Any) -> None:
    headers = sign.sign_portal_request(
        world.signing_key("portale"),
        iss="portale",
        aud=world.feed,
        sub="p1",
        fiscal_number="TINIT-RSSMRA80A01H501U",
        now=world.now,
        assertion_key=world.signing_key("assertion"),
    )
    reader = portal.verify_reader(
        world.request(headers), scope="feed:read", change=True, registry=world.registry, now=world.now
    )
    assert reader.tax_code == "RSSMRA80A01H501U"
    assert len(reader.used) == 2


@pytest.mark.parametrize("kind", ["es256", "rs256"])
def test_keys_are_loaded_from_pem_and_jwk(tmp_path: Path, world: Any, kind: Any) -> None:
    private = keys.new_key(kind)
    leaf = keys.new_leaf(world.authority(), "acme", private.public_key(), now=world.now)
    pem, cert, as_jwk = tmp_path / "key.pem", tmp_path / "cert.pem", tmp_path / "key.json"
    keys.write_private(pem, keys.private_pem(private))
    keys.write_public(cert, keys.certificates_pem([leaf, world.authority().certificate]))
    as_jwk.write_text(jwk.JWK.from_pem(keys.private_pem(private)).export_private())
    one, other = sign.SigningKey.load(pem, cert), sign.SigningKey.load(as_jwk)
    assert one.kid == other.kid == jwk.JWK.from_pem(keys.private_pem(private)).thumbprint()
    assert one.public_jwk() == other.public_jwk()
    assert len(one.x5c) == 1, "the root is not sent"
    assert "d" not in one.public_jwk()


def test_a_key_in_which_a_member_stands_twice_is_refused(tmp_path: Path) -> None:
    """RFC 7517 4: the last one held silently."""
    path = tmp_path / "key.json"
    text = jwk.JWK.from_pem(keys.private_pem(keys.new_key("es256"))).export_private()
    path.write_text(text[:-1] + ',"kty":"EC"}')
    with pytest.raises(ValueError, match="occurs twice"):
        sign.SigningKey.load(path)


def test_a_private_file_is_the_owners_alone_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    keys.write_private(path, b"x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        keys.write_private(path, b"y")


def test_a_certificate_of_another_key_is_refused(world: Any) -> None:
    leaf = world.signing_key("acme", certified=True).certificates
    with pytest.raises(ValueError, match="certificate"):
        sign.SigningKey(keys.new_key("es256"), leaf)


def test_a_file_that_is_no_key_is_refused(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    path = tmp_path / "key"
    pem = X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for content in (pem, b"{}", b'{"kty":"oct","k":"AAAA"}', b"nothing"):
        path.write_bytes(content)
        with pytest.raises(ValueError):
            sign.SigningKey.load(path)


def test_a_key_shows_nothing_of_itself(world: Any) -> None:
    assert "PRIVATE" not in repr(world.signing_key("borea"))


def test_jwks_names_keys_by_thumbprint(world: Any) -> None:
    private = keys.new_key("es256")
    (found,) = json.loads(keys.jwks([private.public_key()]))["keys"]
    assert found["kid"] == jwk.JWK.from_json(json.dumps(found)).thumbprint()
    assert (found["alg"], found["use"]) == ("ES256", "sig")


def test_digest_of_nothing() -> None:
    assert digest.digest_header(b"") == "SHA-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


NOTHING = SignedRequest("POST", "/", (), b"")
EMPTY = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
OTHER_FORMS = ["", "SHA-256", "SHA-256=", "SHA-256=AAAA", "MD5=AAAA", f"SHA-256= {EMPTY}", "SHA-256=é"]


@pytest.mark.parametrize("value", [*OTHER_FORMS, "SHA-256=" + EMPTY.replace("+", "-").replace("/", "_")])
def test_a_digest_of_another_form_is_refused(value: str) -> None:
    with pytest.raises(Refusal) as caught:
        digest.check(value, NOTHING)
    assert caught.value.code == "digest.malformed"


def test_the_name_of_the_algorithm_is_case_insensitive() -> None:
    digest.check("sha-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", NOTHING)


def test_explain_tells_a_vendor_what_to_do(world: Any) -> None:
    request = world.signed(world.signing_key("borea"), "borea", b"{}")
    steps = modi.explain(
        world.request(dict(request.headers), b"{ }"),
        signed_body=True,
        registry=world.registry,
        now=world.now,
        chains=ChainCache(),
    )
    (failed,) = [step for step in steps if step.outcome == "failed"]
    assert failed.name == "check_digest"
    assert digest.digest_header(b"{}") in failed.detail
    assert digest.digest_header(b"{ }") in failed.detail
    assert "same buffer" in failed.advice
    assert failed.advice_it
