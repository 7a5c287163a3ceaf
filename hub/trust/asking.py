"""One voucher asked for with a client's credentials: client assertion, proof where it is bound, token endpoint."""

import asyncio
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from contracts.tls import ClientCertificate
from hub.security.sign import SigningKey
from hub.security.token_keys import TokenProblem
from hub.security.vouchers import Voucher, client_assertion, dpop_proof
from hub.store.pdnd_clients import PdndCredentials

from .credentials import UnusableKey, key_of, read_certificate, read_key
from .http import Web
from .token_endpoint import ask_voucher

RENEW_AT: Final = 0.8
"""Of its life: in the last fifth the first who asks renews it, while the others go on with it."""


async def obtain(web: Web, its: PdndCredentials, *, now: float, digest: str | None = None) -> Voucher:
    """A voucher that PDND has just issued; `digest` as in `client_assertion`, `now` in epoch seconds.

    Raises:
        UnusableKey: of the key or the client certificate; nothing was asked.
        FetchFailed
    """
    proof_key = SigningKey(ec.generate_private_key(ec.SECP256R1())) if its.bound else None
    try:
        assertion = client_assertion(
            private_key(its),
            kid=its.kid,
            client_id=its.client_id,
            audience=its.audience,
            now=now,
            purpose_id=its.purpose_id,
            digest=digest,
        )
    except TokenProblem as problem:  # it was there a moment ago
        raise UnusableKey(str(problem)) from None
    proof = thumbprint = None
    if proof_key is not None:
        proof, thumbprint = dpop_proof(proof_key, method="POST", url=its.token_url, now=now), proof_key.thumbprint
    granted = await ask_voucher(
        web,
        its.token_url,
        client_id=its.client_id,
        assertion=assertion,
        proof=proof,
        digest=digest,
        thumbprint=thumbprint,
        shown=shown_by(its),
    )
    return Voucher(granted.token, now + RENEW_AT * granted.lifetime_s, now + granted.lifetime_s, proof_key)


def obtain_now(its: PdndCredentials, *, now: float, digest: str | None = None) -> Voucher:
    """`obtain` for whoever has no event loop, over connections of its own."""

    async def asked() -> Voucher:
        web = Web()
        try:
            return await obtain(web, its, now=now, digest=digest)
        finally:
            await web.aclose()

    return asyncio.run(asked())


def shown_by(its: PdndCredentials) -> ClientCertificate | None:
    """The client certificate of its connections, read again each time as the key is. Raises UnusableCertificate."""
    if not its.certificate_pem and not its.certificate_reference:
        return None
    return read_certificate(its.certificate_pem, its.certificate_reference)


def private_key(its: PdndCredentials) -> RSAPrivateKey:
    """Read again each time where it stays elsewhere: it may have been changed there. Raises UnusableKey."""
    return key_of(its.key_reference) if its.key_reference else read_key(its.key_pem.encode())
