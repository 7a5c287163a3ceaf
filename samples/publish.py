"""Publish one item with `cryptography` and the standard library alone: ES256 and a registered JWK.

python samples/publish.py https://hub.example.it messages samples/message.json key.pem KID ISS
AUDIENCE names the audience where it is not URL/publish/v1.
"""

import base64
import hashlib
import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

url, collection, body_path, key_path, kid, iss = sys.argv[1:]
body = Path(body_path).read_bytes()
key = load_pem_private_key(Path(key_path).read_bytes(), None)


def b64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def jws(claims: dict) -> str:
    header = {"alg": "ES256", "typ": "JWT", "kid": kid}
    signed = f"{b64url(json.dumps(header).encode())}.{b64url(json.dumps(claims).encode())}"
    r, s = decode_dss_signature(key.sign(signed.encode(), ECDSA(SHA256())))
    return f"{signed}.{b64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


now = int(time.time())
claims = {"iss": iss, "aud": os.environ.get("AUDIENCE", f"{url}/publish/v1"), "iat": now, "exp": now + 120}
digest = "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode()
signed_headers = [{"digest": digest}, {"content-type": "application/json"}]
headers = {
    "Authorization": "Bearer " + jws(claims | {"jti": str(uuid.uuid4())}),
    "Agid-JWT-Signature": jws(claims | {"jti": str(uuid.uuid4()), "signed_headers": signed_headers}),
    "Digest": digest,
    "Content-Type": "application/json",
}
try:
    with urllib.request.urlopen(urllib.request.Request(f"{url}/publish/v1/{collection}", body, headers)) as answer:
        print(answer.read().decode(), answer.status, sep="\n")
except urllib.error.HTTPError as refused:
    print(refused.read().decode(), refused.code, sep="\n")
    sys.exit(1)
