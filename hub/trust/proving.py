"""What proves a connector's calls, made of its settings (`contracts.proving`): ModI by direct trust, PDND's vouchers.

A proof lives as long as its connector, and looks at keys and clients each time: those of the hub and of the ente
follow one another while it runs.
"""

import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NoReturn

import httpx
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from contracts.failures import Deferred, Misconfigured
from contracts.proving import CheckAnswer, Proof, ProofSettings
from hub.clock import Clock
from hub.security.causes import Refusal
from hub.security.evidence import Evidence
from hub.security.jose import VerifyingKey
from hub.security.jwk import verifying_key
from hub.security.outbound import Integrity, PdndAuth, Signer
from hub.security.outgoing import HubSignature
from hub.security.responses import verify_response
from hub.security.sign import SigningKey
from hub.security.strict_json import json_object
from hub.security.token_keys import TokenProblem
from hub.security.vouchers import Voucher, VoucherUnavailable

from .clients import Vouchers
from .credentials import UnusableKey
from .vouchers import ClientVouchers

_MOST_KEYS = 10


@dataclass(frozen=True, slots=True)
class Prover:
    """Makes proofs; a `contracts.proving.Prove`."""

    key: Callable[[], SigningKey]
    """The hub's own that signs now."""
    vouchers: Callable[[], Vouchers]
    issuer: Callable[[str], str]
    """ente_id -> its `iss` where the settings name none."""
    clock: Clock

    def __call__(self, ente_id: str, settings: ProofSettings) -> Proof | None:
        """Raises Misconfigured: the settings name a key or a client that cannot be used."""
        match settings.proof:
            case "none":
                return None
            case "modi":
                issuer = settings.proof_issuer or self.issuer(ente_id)
                return Proof(self._modi(issuer, settings), self._check(lambda: issuer, settings))
            case "pdnd":
                client = _Client(self.vouchers, ente_id, settings, self.clock)
                client.current()  # what will not do is told now, and not by the first delivery
                return Proof(client, self._check(client.client_id, settings))

    def _modi(self, issuer: str, settings: ProofSettings) -> HubSignature:
        assert settings.proof_audience is not None  # ProofSettings sees to it
        key, certified = self.key, False
        if settings.proof_key is not None:
            own = _own_key(settings.proof_key.get_secret_value())
            key, certified = (lambda: own), bool(own.certificates)
        reference = settings.proof_reference or ("x5c" if certified else "kid")
        if reference != "kid" and not certified:
            _unusable("proof.no_certificate", f"proof_reference={reference} needs certificates after the proof_key")
        return HubSignature(
            key,
            self.clock,
            issuer,
            settings.proof_audience,
            reference,
            integrity=settings.proof_integrity,
            covered=settings.signed_too,
            user=_user(settings),
        )

    def _check(self, us: Callable[[], str], settings: ProofSettings) -> CheckAnswer | None:
        if settings.answer_keys is None:
            return None
        keys, tied = _answer_keys(settings.answer_keys), settings.answers == "tied"
        return partial(_fault_of, keys, us, tied, self.clock)


class _Client(httpx.Auth):
    """One client of the ente at PDND, as it is registered at this moment."""

    requires_request_body = True

    def __init__(self, vouchers: Callable[[], Vouchers], ente_id: str, settings: ProofSettings, clock: Clock) -> None:
        self._vouchers = vouchers
        self._ente_id = ente_id
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._made: tuple[ClientVouchers, PdndAuth] | None = None

    def client_id(self) -> str:
        """Our name at PDND. Raises Misconfigured."""
        return self._client().credentials.client_id

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        try:
            yield from self.current().sync_auth_flow(request)
        except TokenProblem as problem:
            raise Deferred("proof.token", str(problem)) from None

    def current(self) -> PdndAuth:
        """Made anew where the client was registered otherwise meanwhile. Raises Misconfigured."""
        client = self._client()
        with self._lock:
            if self._made is None or self._made[0] is not client:
                self._made = client, self._auth(client)
            return self._made[1]

    def _client(self) -> ClientVouchers:
        name = self._settings.proof_client or ""
        try:
            client = self._vouchers().of(self._ente_id, name)
        except KeyError:
            _unusable("proof.client_unknown", f"there is no client {name!r} in `raccordo ente pdnd-client list`")
        if client.credentials.kind != "consumer":
            _unusable("proof.client_kind", f"the client {name!r} is for PDND's own API, not for an e-service")
        return client

    def _auth(self, client: ClientVouchers) -> PdndAuth:
        its, settings = client.credentials, self._settings
        integrity = evidence = None
        if settings.proof_audience is not None:
            signer = Signer(
                _key_of(client), its.client_id, settings.proof_audience, "kid", its.kid, clock=self._seconds
            )
            if settings.proof_integrity:
                integrity = Integrity(signer, if_there=settings.signed_too)
            if settings.audit != "none":
                correlated = settings.audit == "AUDIT_REST_02"
                evidence = Evidence(signer, purpose_id=its.purpose_id, correlated=correlated)
        return PdndAuth(
            _Holder(client), integrity=integrity, evidence=evidence, user=_user(settings), clock=self._seconds
        )

    def _seconds(self) -> float:
        return self._clock.now().timestamp()


@dataclass(frozen=True, slots=True)
class _Holder:
    """The vouchers, with their absence as a connector's failure: nothing was sent, and it is not the receiver's."""

    client: ClientVouchers

    def voucher(self, digest: str | None = None) -> Voucher:
        try:
            return self.client.voucher(digest)
        except VoucherUnavailable as unavailable:
            raise Deferred("pdnd.no_voucher", unavailable.problem) from None

    def refused(self, voucher: Voucher, digest: str | None = None) -> bool:
        return self.client.refused(voucher, digest)


def _key_of(client: ClientVouchers) -> SigningKey:
    try:
        return client.signing_key()
    except UnusableKey as problem:
        _unusable("proof.client_key", f"the key of the client {client.credentials.name}: {problem}")


def _user(settings: ProofSettings) -> dict[str, str] | None:
    if settings.audit == "none":
        return None
    said = {"userID": settings.audit_user, "userLocation": settings.audit_location, "LoA": settings.audit_loa}
    return {name: value for name, value in said.items() if value is not None}


def _own_key(pem: str) -> SigningKey:
    raw = pem.encode()
    try:
        chain = tuple(x509.load_pem_x509_certificates(raw)) if b"BEGIN CERTIFICATE" in raw else ()
        return SigningKey(SigningKey.read(raw).private, chain)
    except (ValueError, TypeError, UnsupportedAlgorithm, Refusal):
        # Never the error's own text: it may show what it could not read.
        _unusable("proof.key", "proof_key: no private key in PEM without password, or not that of its certificate")


def _answer_keys(text: str) -> tuple[VerifyingKey, ...]:
    try:
        found = json_object(text.encode())
        given = found.get("keys", [found])
        keys = tuple(verifying_key(one) for one in given)
    except (Refusal, AttributeError, TypeError, UnicodeEncodeError):
        keys = ()
    if not 0 < len(keys) <= _MOST_KEYS:
        _unusable("proof.answer_keys", f"answer_keys: 1 to {_MOST_KEYS} public keys for signatures, a JWK or a JWK set")
    return keys


def _fault_of(
    keys: tuple[VerifyingKey, ...],
    us: Callable[[], str],
    tied: bool,
    clock: Clock,
    received: Sequence[tuple[str, str]],
    body: bytes,
    request_digest: str | None,
) -> str | None:
    """Why none of the keys has signed this answer for us; None: one has. A `CheckAnswer` of `contracts.proving`."""
    if tied and request_digest is None:
        return "digest.missing"
    fault = "key.unknown"
    for key in keys:
        try:
            verify_response(
                received,
                body,
                key,
                now=clock.now().timestamp(),
                aud=us(),
                needs_aud=False,
                request_digest=request_digest if tied else None,
            )
        except Refusal as refusal:
            # What the right key says of it tells more than that another key does not fit.
            if refusal.code not in _OTHER_KEY or fault in _OTHER_KEY:
                fault = refusal.code
        else:
            return None
    return fault


_OTHER_KEY = frozenset({"key.unknown", "signature.invalid", "alg.mismatch"})


def _unusable(reason: str, detail: str) -> NoReturn:
    raise Misconfigured(reason, detail)
