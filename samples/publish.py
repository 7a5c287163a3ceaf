"""Publish one item with `cryptography` and the standard library alone: ES256 and a registered JWK.

python samples/publish.py https://hub.example.it messages samples/message.json key.pem KID ISS
AUDIENCE names the audience where it is not URL/publish/v1. Tries again where the hub says later, believes no receipt
that is not signed over this answer and this request; `raccordo conformance --listen` tried it.
"""

import base64
import email.utils
import hashlib
import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

url, collection, body_path, key_path, kid, iss = sys.argv[1:]
audience = os.environ.get("AUDIENCE", f"{url}/publish/v1")
body = Path(body_path).read_bytes()
key = load_pem_private_key(Path(key_path).read_bytes(), None)


def b64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def digest_of(content: bytes) -> str:
    return "SHA-256=" + base64.b64encode(hashlib.sha256(content).digest()).decode()


def jws(claims: dict) -> str:
    header = {"alg": "ES256", "typ": "JWT", "kid": kid}
    signed = f"{b64url(json.dumps(header).encode())}.{b64url(json.dumps(claims).encode())}"
    r, s = decode_dss_signature(key.sign(signed.encode(), ECDSA(SHA256())))
    return f"{signed}.{b64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def headers() -> dict:
    """Made anew for each attempt: a jti works once."""
    now, digest = int(time.time()), digest_of(body)
    claims = {"iss": iss, "aud": audience, "iat": now, "exp": now + 120}
    signed_headers = [{"digest": digest}, {"content-type": "application/json"}]
    return {
        "Authorization": "Bearer " + jws(claims | {"jti": str(uuid.uuid4())}),
        "Agid-JWT-Signature": jws(claims | {"jti": str(uuid.uuid4()), "signed_headers": signed_headers}),
        "Digest": digest,
        "Content-Type": "application/json",
    }


def send() -> tuple:
    request = urllib.request.Request(f"{url}/publish/v1/{collection}", body, headers())
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers, refused.read()


def seconds_to_wait(retry_after: str) -> float:
    """Retry-After is a number of seconds or a date."""
    if retry_after.isdigit():
        return int(retry_after)
    return max(0, email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time())


def check_receipt(headers, content: bytes) -> None:
    """Raises ValueError, KeyError or InvalidSignature unless the hub signed this answer to this request."""
    header, payload, signature = headers["Agid-JWT-Signature"].split(".")
    with urllib.request.urlopen(f"{url}/.well-known/jwks.json", timeout=30) as answer:
        keys = {one["kid"]: one for one in json.load(answer)["keys"]}
    named = json.loads(unb64url(header))
    jwk, raw = keys[named["kid"]], unb64url(signature)
    if named["alg"] != "ES256" or jwk["crv"] != "P-256" or len(raw) != 64:
        raise ValueError("not ES256")
    x, y = (int.from_bytes(unb64url(jwk[name]), "big") for name in "xy")
    public = EllipticCurvePublicNumbers(x, y, SECP256R1()).public_key()
    r, s = (int.from_bytes(half, "big") for half in (raw[:32], raw[32:]))
    public.verify(encode_dss_signature(r, s), f"{header}.{payload}".encode(), ECDSA(SHA256()))
    claims = json.loads(unb64url(payload))
    wanted = {"iss": audience, "aud": iss, "request_digest": digest_of(body)}
    if any(claims[name] != value for name, value in wanted.items()) or claims["exp"] < time.time():
        raise ValueError("the receipt is of another request")
    if {"digest": digest_of(content)} not in claims["signed_headers"]:
        raise ValueError("the receipt is of another answer")


for attempt in range(3):
    status, answered, content = send()
    if status not in (429, 503) or attempt == 2:
        break
    time.sleep(min(seconds_to_wait(answered.get("Retry-After", "1")), 60))
print(content.decode(), status, sep="\n")
if status not in (200, 201):
    sys.exit(1)
try:
    check_receipt(answered, content)
except (AttributeError, KeyError, ValueError, InvalidSignature) as error:
    sys.exit(f"no receipt: {error!r}")
