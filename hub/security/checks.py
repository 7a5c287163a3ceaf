"""The checks of ID_AUTH_REST_02 with INTEGRITY_REST_01, one function each, and the one table that orders them.

The order: shape, algorithm, who and which key, signature, claims, digest and headers, and last what is answered exactly
because the sender is known by then. The jti is consumed after all of them, by the caller. Method, path and query are
covered by no ModI signature (modi 5.17).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final

from hub import errors
from hub.registry import Ente, Registry, Vendor

from . import claims, digest, headers, jose, jwks
from .causes import Refusal
from .certificates import Trusted
from .chains import ChainCache
from .headers import SignedRequest

AUTHORIZATION: Final = "authorization"
SIGNATURE: Final = "agid-jwt-signature"
TYP: Final = "JWT"

# GovWay's defaults (modi 6): 5 minutes of age, 5 seconds ahead, none after exp. ModI sets no maximum lifetime; ours
# equals the age, beyond which a longer one buys nothing.
TIMES: Final = claims.TimeRules(max_age=300, future=5, grace=0, lifetime=300)


@dataclass(slots=True)
class Presented:
    """One token of the request, and what is known of it so far."""

    header: str
    compact: str
    token: jose.Token = None  # type: ignore[assignment]  # set by read_tokens, the first check that needs it follows
    trusted: Trusted | None = None
    key: jose.VerifyingKey = None  # type: ignore[assignment]  # set by find_keys


@dataclass(slots=True)
class State:
    """A request on its way through the checks."""

    request: SignedRequest
    signed_body: bool
    registry: Registry
    now: datetime
    chains: ChainCache
    instant: float
    presented: list[Presented]
    ente: Ente = None  # type: ignore[assignment]  # set by find_ente
    vendor: Vendor = None  # type: ignore[assignment]  # set by find_vendor
    digest: str | None = None
    signed: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def start(
        cls, request: SignedRequest, *, signed_body: bool, registry: Registry, now: datetime, chains: ChainCache
    ) -> "State":
        """A request before the first check."""
        return cls(request, signed_body, registry, now, chains, now.timestamp(), [])

    @property
    def must_sign(self) -> bool:
        """By the operation, not by the message: a stripped body strips no obligation, an added body adds one."""
        return self.signed_body or bool(self.request.body)

    def of(self, header: str) -> Presented | None:
        for one in self.presented:
            if one.header == header:
                return one
        return None


# Shape


def single_headers(state: State) -> None:
    for name in (AUTHORIZATION, SIGNATURE, "digest"):
        state.request.only(name)


def find_tokens(state: State) -> None:
    for name in (AUTHORIZATION, SIGNATURE):
        for value in state.request.values(name)[:1]:
            state.presented.append(Presented(name, headers.bearer(value) if name == AUTHORIZATION else value))
    if not state.presented:
        raise Refusal("token.missing", "neither Authorization nor Agid-JWT-Signature")


def distinct_tokens(state: State) -> None:
    if len(state.presented) == 2 and state.presented[0].compact == state.presented[1].compact:
        raise Refusal("token.duplicated")


def read_tokens(state: State) -> None:
    for one in state.presented:
        one.token = jose.parse(one.compact)


def own_headers(state: State) -> None:
    # A used Agid-JWT-Signature, found in some log, must not open a read as Authorization: jti counts by header.
    if (one := state.of(AUTHORIZATION)) and "signed_headers" in one.token.claims:
        raise Refusal("token.misplaced")


# Algorithm


def check_typ(state: State) -> None:
    for one in state.presented:
        if one.token.header.get("typ") != TYP:
            raise Refusal("typ.wrong", f"{one.header}: typ must be {TYP}")


def check_alg(state: State) -> None:
    for one in state.presented:
        alg = one.token.header.get("alg")
        if not isinstance(alg, str) or alg not in jose.ALGORITHMS:
            raise Refusal("alg.forbidden", f"{one.header}: allowed are {', '.join(jose.ALGORITHMS)}")


def check_critical(state: State) -> None:
    for one in state.presented:
        if "crit" in one.token.header or "b64" in one.token.header:
            raise Refusal("crit.unsupported", one.header)


# Who, and which key. Until the signature holds these are only questions to the registry.


def _ente(state: State, one: Presented) -> Ente:
    wanted = claims.audiences(one.token.claims)
    ente = state.registry.ente_of_audience(wanted, api="publish")
    if ente is None:
        known = ", ".join(each.publish_audience for each in state.registry.enti)
        feed = state.registry.ente_of_audience(wanted, api="feed") is not None
        note = f"{one.header}: that is the audience of the feed" if feed else one.header
        raise Refusal("audience.mismatch", note, facts=f"expected exactly one of {known}; received {wanted!r}")
    return ente


def find_ente(state: State) -> None:
    state.ente = _ente(state, state.presented[0])


def one_ente(state: State) -> None:
    for other in state.presented[1:]:
        if _ente(state, other) is not state.ente:
            raise Refusal("audience.differs")


def find_vendor(state: State) -> None:
    issuer = claims.text(state.presented[0].token.claims, "iss", missing="issuer.missing")
    vendor = state.registry.vendors.get((state.ente.ente_id, issuer))
    if vendor is None:
        raise Refusal("issuer.unknown", facts=f"iss is {issuer!r}, the ente is {state.ente.ente_id}")
    state.vendor = vendor


def one_issuer(state: State) -> None:
    issuer = state.presented[0].token.claims.get("iss")
    for other in state.presented[1:]:
        if claims.text(other.token.claims, "iss", missing="issuer.missing") != issuer:
            raise Refusal("issuer.differs")


def complete(state: State) -> None:
    authorization, signature = state.of(AUTHORIZATION), state.of(SIGNATURE)
    if authorization is None and not state.vendor.signature_only:
        raise Refusal("token.missing", "Authorization")
    if signature is None and state.must_sign:
        raise Refusal("token.missing", "Agid-JWT-Signature")


def _find_key(state: State, one: Presented) -> None:
    protected, header, vendor = one.token.protected, one.token.header, state.vendor
    if vendor.trust == "x509":
        proof = partial(jose.verify, one.token)
        one.trusted = state.chains.resolve(
            protected, header, vendor=vendor, registry=state.registry, now=state.now, proof=proof
        )
        one.key = one.trusted.key
    else:
        one.key = jwks.registered_key(header, vendor.keys, "jwk", state.now)


def find_keys(state: State) -> None:
    first, *others = state.presented
    _find_key(state, first)
    for other in others:
        if other.token.protected == first.token.protected:
            other.trusted, other.key = first.trusted, first.key
        else:
            _find_key(state, other)


def one_signer(state: State) -> None:
    for other in state.presented[1:]:
        if other.key.signer != state.presented[0].key.signer:
            raise Refusal("signer.differs")


# Signature


def check_signatures(state: State) -> None:
    for one in state.presented:
        jose.verify(one.token, one.key)
    for one in state.presented:
        if one.trusted is not None:
            state.chains.keep(one.token.protected, one.trusted, vendor=state.vendor, registry=state.registry)


# Claims


def not_from_the_future(state: State) -> None:
    for one in state.presented:
        claims.iat_not_future(one.token.claims, state.instant, TIMES)


def fresh(state: State) -> None:
    for one in state.presented:
        claims.iat_fresh(one.token.claims, state.instant, TIMES)


def begun(state: State) -> None:
    for one in state.presented:
        claims.nbf_reached(one.token.claims, state.instant, TIMES)


def not_expired(state: State) -> None:
    for one in state.presented:
        claims.not_expired(one.token.claims, state.instant, TIMES)


def short_lived(state: State) -> None:
    for one in state.presented:
        claims.lifetime_bounded(one.token.claims, TIMES)


def has_jti(state: State) -> None:
    for one in state.presented:
        claims.text(one.token.claims, "jti")


# Digest and signed headers


def find_digest(state: State) -> None:
    state.digest = next(iter(state.request.values("digest")), None)
    if state.digest is None and (state.must_sign or state.of(SIGNATURE)):
        raise Refusal("digest.missing")


def check_digest(state: State) -> None:
    # The bytes as received: with a Content-Encoding, the encoded ones (modi 1.4, 5.10).
    if state.digest is not None:
        digest.check(state.digest, state.request.body)


def find_signed_headers(state: State) -> None:
    signature = state.of(SIGNATURE)
    if signature is not None:
        state.signed = headers.signed_headers(signature.token.claims)


def digest_signed(state: State) -> None:
    if state.of(SIGNATURE) and "digest" not in state.signed:
        raise Refusal("header.unsigned", "digest")


def content_headers_signed(state: State) -> None:
    if state.of(SIGNATURE):
        for name in headers.MUST_BE_SIGNED:
            if state.request.values(name) and name not in state.signed:
                raise Refusal("header.unsigned", name)


def signed_counts(state: State) -> None:
    headers.same_counts(state.request, state.signed)


def signed_values(state: State) -> None:
    headers.same_values(state.request, state.signed)


# The sender is known now, and is told exactly.


def vendor_active(state: State) -> None:
    if not state.vendor.active:
        raise errors.VendorSuspended(cause="vendor.suspended: the vendor is suspended")


def plain_coding(state: State) -> None:
    # Nothing here decodes bodies: what was hashed is what is parsed and kept as evidence.
    for coding in state.request.values("content-encoding"):
        if coding.strip().lower() != "identity":
            raise errors.MediaUnsupported(cause="content.encoded: only identity is taken")


@dataclass(frozen=True, slots=True)
class Check:
    """One rule. After a failed one that `finds`, nothing further can be said about the request."""

    name: str
    run: Callable[[State], None]
    text_it: str
    text_en: str
    finds: bool = False


CHECKS: Final[tuple[Check, ...]] = (
    Check("single_headers", single_headers, "Nessuna intestazione ripetuta", "No header is repeated"),
    Check("find_tokens", find_tokens, "I token sono presenti", "Tokens are present", finds=True),
    Check("distinct_tokens", distinct_tokens, "I token sono distinti", "The tokens are distinct"),
    Check("read_tokens", read_tokens, "I token sono JWS ben formati", "The tokens are well-formed JWS", finds=True),
    Check("own_headers", own_headers, "Ogni token è nella sua intestazione", "Each token is in its own header"),
    Check("check_typ", check_typ, "typ è JWT", "typ is JWT"),
    Check("check_alg", check_alg, "L'algoritmo è ammesso", "The algorithm is allowed"),
    Check("check_critical", check_critical, "Nessun parametro crit o b64", "No crit or b64 parameter"),
    Check("find_ente", find_ente, "aud indica un ente", "aud names an ente", finds=True),
    Check("one_ente", one_ente, "I due token hanno lo stesso ente", "Both tokens name the same ente"),
    Check("find_vendor", find_vendor, "iss indica un fornitore", "iss names a vendor", finds=True),
    Check("one_issuer", one_issuer, "I due token hanno lo stesso iss", "Both tokens have the same iss"),
    Check("complete", complete, "Ci sono tutti i token richiesti", "All required tokens are there"),
    Check("find_keys", find_keys, "La chiave è del fornitore", "The key is the vendor's", finds=True),
    Check("one_signer", one_signer, "I due token hanno lo stesso firmatario", "Both tokens have the same signer"),
    Check("check_signatures", check_signatures, "Le firme sono valide", "The signatures hold"),
    Check("not_from_the_future", not_from_the_future, "iat non è nel futuro", "iat is not in the future"),
    Check("fresh", fresh, "iat è recente", "iat is recent"),
    Check("begun", begun, "nbf non è nel futuro", "nbf is not in the future"),
    Check("not_expired", not_expired, "Il token non è scaduto", "The token has not expired"),
    Check("short_lived", short_lived, "La durata è entro il limite", "The lifetime is within the limit"),
    Check("has_jti", has_jti, "jti è presente", "jti is present"),
    Check("find_digest", find_digest, "Digest è presente", "Digest is present"),
    Check("check_digest", check_digest, "Digest corrisponde al corpo", "Digest is that of the body"),
    Check("find_signed_headers", find_signed_headers, "signed_headers è leggibile", "signed_headers is readable"),
    Check("digest_signed", digest_signed, "Digest è firmato", "Digest is signed"),
    Check("content_headers_signed", content_headers_signed, "Content-* sono firmati", "Content-* are signed"),
    Check("signed_counts", signed_counts, "Nessuna copia aggiunta", "No copy was appended"),
    Check("signed_values", signed_values, "Le intestazioni firmate coincidono", "Signed headers are as received"),
    Check("vendor_active", vendor_active, "Il fornitore è attivo", "The vendor is active"),
    Check("plain_coding", plain_coding, "Il corpo non è compresso", "The body has no content coding"),
)
