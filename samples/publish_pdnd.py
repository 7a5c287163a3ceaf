"""Publish one item with a PDND voucher and INTEGRITY_REST_02: `cryptography` and the standard library alone, RS256.

python samples/publish_pdnd.py URL messages message.json key.pem KID CLIENT_ID PURPOSE_ID TOKEN_URL ASSERTION_AUD ISS
KID, ids, TOKEN_URL and ASSERTION_AUD are those of PDND's back office; ISS is the vendor's id, to whom receipts go.
AUDIENCE: the e-service's, where it is not URL/publish/v1. DPOP=1: the voucher is bound to a key made here, and each
request proves it (RFC 9449). USER_ID: tracking evidence of that user, which the voucher is tied to (AUDIT_REST_02).
One file to be copied whole: what it has in common with publish.py is written out here again, on purpose.
"""

import base64
import email.utils
import hashlib
import json
import os
import secrets
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

url, collection, body_path, key_path, kid, client_id, purpose_id, token_url, assertion_aud, iss = sys.argv[1:]
audience = os.environ.get("AUDIENCE", f"{url}/publish/v1")
user = os.environ.get("USER_ID", "")
body = Path(body_path).read_bytes()
key = load_pem_private_key(Path(key_path).read_bytes(), None)
proof_key = generate_private_key(65537, 2048) if os.environ.get("DPOP") else None


def b64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def digest_of(content: bytes) -> str:
    return "SHA-256=" + base64.b64encode(hashlib.sha256(content).digest()).decode()


def jws(header: dict, claims: dict, signer) -> str:
    signed = f"{b64url(json.dumps(header).encode())}.{b64url(json.dumps(claims).encode())}"
    return f"{signed}.{b64url(signer.sign(signed.encode(), PKCS1v15(), SHA256()))}"


def by_client(claims: dict, lifetime_s: int) -> str:
    """PDND allows no clock ahead of its own: times lie a little in the past."""
    now = int(time.time()) - 2
    times = {"iat": now, "exp": now + lifetime_s, "jti": str(uuid.uuid4())}
    return jws({"alg": "RS256", "typ": "JWT", "kid": kid}, {"iss": client_id, **times, **claims}, key)


def proof(method: str, address: str, voucher: str = "") -> dict:
    """The DPoP header of one request; none where vouchers are not bound."""
    if proof_key is None:
        return {}
    numbers = proof_key.public_key().public_numbers()
    n, e = (b64url(one.to_bytes((one.bit_length() + 7) // 8, "big")) for one in (numbers.n, numbers.e))
    claims = {"htm": method, "htu": address, "iat": int(time.time()) - 2, "jti": str(uuid.uuid4())}
    if voucher:
        claims["ath"] = b64url(hashlib.sha256(voucher.encode()).digest())
    jwk = {"kty": "RSA", "n": n, "e": e, "alg": "RS256"}
    return {"DPoP": jws({"typ": "dpop+jwt", "alg": "RS256", "jwk": jwk}, claims, proof_key)}


def voucher_for(evidence: str) -> str:
    """Good for ten minutes or so: keep it, and use it again."""
    claims = {"sub": client_id, "aud": assertion_aud, "purposeId": purpose_id}
    if evidence:
        claims["digest"] = {"alg": "SHA256", "value": hashlib.sha256(evidence.encode()).hexdigest()}
    form = {
        "client_id": client_id,
        "client_assertion": by_client(claims, 60),
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "grant_type": "client_credentials",
    }
    request = urllib.request.Request(token_url, urllib.parse.urlencode(form).encode(), proof("POST", token_url))
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["access_token"]


def headers(address: str, evidence: str, voucher: str) -> dict:
    """Made anew for each attempt: a jti works once. Voucher and evidence are sent again as they are."""
    digest = digest_of(body)
    signed_headers = [{"digest": digest}, {"content-type": "application/json"}]
    return {
        "Authorization": ("Bearer " if proof_key is None else "DPoP ") + voucher,
        "Agid-JWT-Signature": by_client({"aud": audience, "signed_headers": signed_headers}, 120),
        "Digest": digest,
        "Content-Type": "application/json",
        **({"Agid-JWT-TrackingEvidence": evidence} if evidence else {}),
        **proof("POST", address, voucher),
    }


def send(evidence: str, voucher: str) -> tuple:
    address = f"{url}/publish/v1/{collection}"
    request = urllib.request.Request(address, body, headers(address, evidence, voucher))
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


def check_receipt(answered, content: bytes) -> None:
    """Raises ValueError, KeyError or InvalidSignature unless the hub signed this answer to this request."""
    header, payload, signature = answered["Agid-JWT-Signature"].split(".")
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
    wanted = {"iss": f"{url}/publish/v1", "aud": iss, "request_digest": digest_of(body)}
    if any(claims[name] != value for name, value in wanted.items()) or claims["exp"] < time.time():
        raise ValueError("the receipt is of another request")
    if {"digest": digest_of(content)} not in claims["signed_headers"]:
        raise ValueError("the receipt is of another answer")


tracked = ""
if user:  # signed once and hashed once: that very string is sent (modi 5.5)
    dnonce = 10**12 + secrets.randbelow(9 * 10**12)
    tracked = by_client(
        {"aud": audience, "purposeId": purpose_id, "dnonce": dnonce, "userID": user, "userLocation": "office"}, 600
    )
try:
    shown = voucher_for(tracked)
except (OSError, KeyError, ValueError) as error:
    sys.exit(f"no voucher: {error!r}")
for attempt in range(3):
    status, answered, content = send(tracked, shown)
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
