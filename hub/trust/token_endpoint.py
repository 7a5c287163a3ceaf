"""A voucher asked for at PDND's token endpoint: the request, and the answer in both styles of refusal (modi 2.2).

PDND's own words never leave here: a refusal becomes its code, if it has the form of one.
"""

import re
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Any, Final

from contracts.tls import ClientCertificate
from hub.security import jose
from hub.security.causes import Refusal

from .http import Answer, FetchFailed, Web
from .keys import read_object

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MOST_BYTES: Final = 64 * 1024
LONGEST_S: Final = 86_400
_REFUSALS: Final = frozenset({400, 401, 403})
_CODE: Final = re.compile(r"[0-9]{3}-[0-9]{4}")
_ERROR: Final = re.compile(r"[a-z_]{1,40}")


@dataclass(frozen=True, slots=True)
class Granted:
    """A voucher and its life in seconds."""

    token: str = field(repr=False)
    lifetime_s: int


async def ask_voucher(
    web: Web,
    url: str,
    *,
    client_id: str,
    assertion: str,
    proof: str | None,
    digest: str | None,
    thumbprint: str | None,
    shown: ClientCertificate | None = None,
) -> Granted:
    """The voucher, which is what was asked for.

    Args:
        shown: the client certificate, for a way to PDND that demands one.
        digest: hex; the voucher must carry it.
        thumbprint: RFC 7638 of the key that the voucher must be bound to, where there is a `proof`.

    Raises:
        FetchFailed: `problem` is PDND's code where it refuses (`lasting` is then False).
    """
    form = {
        "client_id": client_id,
        "client_assertion": assertion,
        "client_assertion_type": ASSERTION_TYPE,
        "grant_type": "client_credentials",
    }
    headers = {"DPoP": proof} if proof is not None else {}
    answer = await web.post(
        url,
        data=form,
        limit=MOST_BYTES,
        media_types=("application/json",),
        headers=headers,
        refusals=_REFUSALS,
        shown=shown,
    )
    if answer.status != 200:
        raise FetchFailed(_refusal(answer))
    content = read_object(answer.body)
    token, lifetime_s = content.get("access_token"), content.get("expires_in")
    if not isinstance(token, str) or type(lifetime_s) is not int or not 0 < lifetime_s <= LONGEST_S:
        raise FetchFailed("malformed")
    kind = content.get("token_type")
    if not isinstance(kind, str) or kind.lower() != ("bearer" if proof is None else "dpop"):
        raise FetchFailed("token_type")
    _check(token, digest=digest, thumbprint=thumbprint)
    return Granted(token, lifetime_s)


def _check(token: str, *, digest: str | None, thumbprint: str | None) -> None:
    """A voucher for something else would be refused by whoever it is shown to, who could not say why."""
    try:
        claims = jose.parse(token).claims
    except Refusal:
        raise FetchFailed("malformed") from None
    for wanted, group, member, problem in (
        (digest, "digest", "value", "other_digest"),
        (thumbprint, "cnf", "jkt", "other_key"),
    ):
        found: Any = claims.get(group)
        value = found.get(member) if isinstance(found, dict) else None
        if wanted is None and value is None:
            continue
        if wanted is None or not isinstance(value, str) or not compare_digest(value.encode(), wanted.encode()):
            raise FetchFailed(problem)


def _refusal(answer: Answer) -> str:
    """`015-0008` of a problem, `invalid_client` of RFC 6749 5.2, or the status."""
    try:
        content = read_object(answer.body)
    except FetchFailed:
        return f"status_{answer.status}"
    errors = content.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    for pattern, value in ((_CODE, first.get("code")), (_ERROR, content.get("error"))):
        if isinstance(value, str) and pattern.fullmatch(value):
            return value
    return f"status_{answer.status}"
