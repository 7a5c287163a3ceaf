"""What verifying both tokens costs, beside two plain joserfc decodes with claim checks, in one run.

`python tests/vectors/bench_verify.py`. Only the ratios mean anything on another machine.
"""

import json
import sys
import time
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[2])]

import test_vectors as vectors  # noqa: E402  (after the path)
from cryptography import x509  # noqa: E402
from joserfc import jws, jwt  # noqa: E402
from joserfc.jwk import ECKey, JWKRegistry, RSAKey  # noqa: E402

from hub.security import keys, modi, sign  # noqa: E402
from hub.security.chains import ChainCache  # noqa: E402


def cost_us(run: Callable[[], Any], times: int = 1000) -> float:
    run()
    started = time.perf_counter()
    for _ in range(times):
        run()
    return (time.perf_counter() - started) / times * 1e6


def plain_joserfc(name: str) -> Callable[[], None]:
    """The two tokens decoded with the key object at hand: no chain, no digest, no signed headers."""
    request = vectors.request_of(vectors.VECTORS[name])
    tokens = [request.values("authorization")[0].removeprefix("Bearer "), request.values("agid-jwt-signature")[0]]
    header = json.loads(urlsafe_b64decode(tokens[0].split(".")[0] + "=="))
    if "x5c" in header:
        public = x509.load_der_x509_certificate(b64decode(header["x5c"][0])).public_key()
        key = (RSAKey if header["alg"] == "RS256" else ECKey).import_key(public)
    else:
        entries = vectors.registry().vendors["c_h501", "borea"].keys
        key = JWKRegistry.import_key(json.loads(next(one.material for one in entries if one.kid == header["kid"])))
    limits = jws.JWSRegistry(algorithms=["RS256", "ES256"])
    limits.max_header_length = limits.max_payload_length = 20_000
    rules: dict[str, Any] = {claim: {"essential": True} for claim in ("iss", "exp", "iat", "jti")}
    checks = jwt.JWTClaimsRegistry(
        now=int(vectors.NOW.timestamp()),
        leeway=5,
        aud={"essential": True, "value": "https://hub.comune.example.it/publish/v1"},
        **rules,
    )

    def run() -> None:
        for token in tokens:
            checks.validate(jwt.decode(token, key, algorithms=["RS256", "ES256"], registry=limits).claims)

    return run


def verifier(name: str, chains: Callable[[], ChainCache]) -> Callable[[], modi.Verified]:
    request, registry = vectors.request_of(vectors.VECTORS[name]), vectors.registry()
    return lambda: modi.verify(request, signed_body=True, registry=registry, now=vectors.NOW, chains=chains())


def main() -> None:
    for name in ("jwk-rs256", "jwk-es256", "x5c-rs256", "x5c-es256"):
        cache = ChainCache()
        ours, plain = verifier(name, lambda cache=cache: cache), plain_joserfc(name)
        pairs = [(cost_us(ours), cost_us(plain)) for _ in range(9)]
        one, other = median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)
        ratio = median(pair[0] / pair[1] for pair in pairs)
        cold = f", first sight of a chain {cost_us(verifier(name, ChainCache), 200):.0f} us" if "x5c" in name else ""
        print(f"{name}: {one:.0f} us, two joserfc decodes {other:.0f} us, ratio {ratio:.2f}{cold}")
    for kind in ("es256", "rs256"):
        key = sign.SigningKey(keys.new_key(kind))
        answer: dict[str, Any] = {"iss": "hub", "aud": "acme", "body": b"x" * 300, "content_type": "application/json"}
        used = cost_us(
            lambda key=key, answer=answer: sign.sign_response(key, **answer, request_digest="x", now=vectors.NOW)
        )
        print(f"sign_response {kind}: {used:.0f} us")


if __name__ == "__main__":
    main()
