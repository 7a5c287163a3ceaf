"""Signing as a member of PDND: a voucher asked for, INTEGRITY_REST_02 and, for a named user, AUDIT_REST_02."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts.base import HttpsUrl
from contracts.faults import sentence_of
from hub.clock import SystemClock
from hub.security.evidence import Evidence
from hub.security.keys import private_pem
from hub.security.outbound import AUTHORIZATION, EVIDENCE, SIGNATURE, Integrity, PdndAuth, Signer
from hub.security.sign import SigningKey
from hub.security.vouchers import Voucher
from hub.store.pdnd_clients import PdndCredentials
from hub.trust.asking import obtain_now
from hub.trust.checking import Checked
from hub.trust.credentials import UnusableKey
from hub.trust.http import FetchFailed

from .console import Failed, WrongUsage
from .json_files import must_be_once
from .options import read_bytes
from .pdnd_checks import explained

_HEADERS: Final = (AUTHORIZATION, "DPoP", "Content-Type", "Digest", SIGNATURE, EVIDENCE)
_NOWHERE: Final = "https://hub.invalid/"
_Text = Annotated[str, Field(min_length=1, max_length=500)]


class PdndMember(BaseModel):
    """What a vendor copies from PDND's back office about its client, one purpose of it and the e-service."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    client_id: _Text
    kid: _Text
    purpose_id: _Text
    token_url: HttpsUrl
    audience: _Text
    """`aud` of client assertions."""
    eservice_audience: _Text
    """`aud` of what is signed for the e-service."""


def read_member(path: Path) -> PdndMember:
    """Of a JSON file. Raises WrongUsage."""
    raw = read_bytes(path, name="--pdnd")
    try:
        member = PdndMember.model_validate_json(raw)
    except ValidationError as error:
        fault = error.errors(include_input=False)[0]
        raise WrongUsage(f"--pdnd: {'.'.join(map(str, fault['loc'])) or path}: {sentence_of(fault)}") from None
    must_be_once(raw.decode(), name="--pdnd")
    return member


def read_user(pairs: Sequence[str]) -> Mapping[str, str] | None:
    """The claims of `userID=...`; None where there are none. Raises WrongUsage."""
    claims = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals and value) or name in claims:
            raise WrongUsage(f"--user {pair[:80]}: NAME=VALUE, such as userID=..., each name once")
        claims[name] = value
    return claims or None


def sign_as_member(
    member: PdndMember,
    key: SigningKey,
    *,
    method: str,
    url: str | None,
    body: bytes,
    content_type: str | None,
    user: Mapping[str, str] | None = None,
    dpop: bool = False,
) -> dict[str, str]:
    """The headers of a request, with a voucher that is asked for here and now.

    Raises:
        Failed: PDND gave none, in the words of `ente pdnd-client check`.
    """
    its = PdndCredentials(
        "",
        "--pdnd",
        "consumer",
        member.client_id,
        member.kid,
        member.token_url,
        member.audience,
        member.purpose_id,
        dpop,
        private_pem(key.private).decode(),
    )
    signer = Signer(key, member.client_id, member.eservice_audience, "kid", kid=member.kid)
    evidence = Evidence(signer, purpose_id=member.purpose_id, correlated=True) if user else None
    auth = PdndAuth(_Asked(its), integrity=Integrity(signer), evidence=evidence, user=user)
    typed = {"Content-Type": content_type} if content_type is not None else {}
    request = httpx.Request(method, url or _NOWHERE, content=body, headers=typed)
    try:
        next(auth.sync_auth_flow(request))
    except UnusableKey as unusable:
        raise WrongUsage(f"--key: {unusable}") from None
    except FetchFailed as failed:
        raise Failed(explained(Checked(failed.problem, detail=failed.detail), its)) from None
    return {name: request.headers[name] for name in _HEADERS if name in request.headers}


class _Asked:
    """A `VoucherHolder` that keeps nothing: a new voucher each time."""

    def __init__(self, its: PdndCredentials) -> None:
        self._its = its

    def voucher(self, digest: str | None = None) -> Voucher:
        return obtain_now(self._its, now=SystemClock().now().timestamp(), digest=digest)

    def refused(self, voucher: Voucher, digest: str | None = None) -> bool:
        del voucher, digest
        return False
