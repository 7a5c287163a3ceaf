"""Whether the hub's signed receipt holds: signature, digest, addressee, and the request it answers."""

import json
import time
from dataclasses import dataclass
from typing import Final

import httpx

from hub.security import jose, jwk
from hub.security.causes import CAUSES, Refusal
from hub.security.responses import verify_response

_API: Final = "/publish/v1"
_PUBLISHING: Final = frozenset({"POST", "PUT"})


@dataclass(frozen=True, slots=True)
class Receipt:
    """`verified` is None where there is nothing to verify, or no key to do it with."""

    verified: bool | None
    detail: str


def receipt_of(
    answer: httpx.Response, client: httpx.Client, *, vendor_id: str, audience: str, request_digest: str
) -> Receipt:
    """The answer's receipt, checked with the keys that the hub publishes under /.well-known/jwks.json."""
    compact = answer.headers.get("agid-jwt-signature")
    if compact is None:
        # What was published and is answered without one may be anybody's answer (modi 5.15 excuses errors alone).
        due = answer.is_success and answer.request.method in _PUBLISHING
        return Receipt(False if due else None, "the answer carries none")
    base, found, _ = str(answer.url).partition(_API)
    if not found:
        return Receipt(None, "not checked, as the URL is not one of the publish API")
    try:
        keys = client.get(f"{base}/.well-known/jwks.json").raise_for_status().json()["keys"]
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return Receipt(None, "not checked, as the hub's keys could not be read")
    try:
        _verify(compact, keys, answer, vendor_id=vendor_id, audience=audience, request_digest=request_digest)
    except Refusal as refusal:
        return Receipt(False, f"refused: {refusal.note or CAUSES[refusal.code].text}")
    return Receipt(True, "verified, signed by the hub over this answer and this request")


def _verify(
    compact: str,
    keys: list[dict[str, str]],
    answer: httpx.Response,
    *,
    vendor_id: str,
    audience: str,
    request_digest: str,
) -> None:
    kid = jose.parse(compact).header.get("kid")
    material = next((key for key in keys if key.get("kid") == kid), None)
    if material is None:
        raise Refusal("key.unknown", "its key is not among those of the hub")
    verify_response(
        answer.headers.multi_items(),
        answer.content,
        jwk.jwk_key(json.dumps(material)),
        now=time.time(),
        iss=audience,
        aud=vendor_id,
        request_digest=request_digest,
    )
