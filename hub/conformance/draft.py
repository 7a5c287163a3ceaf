"""A vendor's signed request before it is put together: a case changes one point of it, then it is built.

Not `hub.security.sign`, which cannot make what is wrong.
"""

import hashlib
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from secrets import randbelow, token_hex
from typing import Any, Final

from hub.profile import DEFAULT_PROFILE, Profile
from hub.security import jose
from hub.security.algorithms import ALGORITHMS
from hub.security.digest import digest_header
from hub.security.keys import new_key
from hub.security.sign import SigningKey

from .connection import Channel
from .issuing import Issuer
from .office import Office

AUTH: Final = "authorization"
SIG: Final = "agid-jwt-signature"
EVIDENCE: Final = "agid-jwt-trackingevidence"
PROOF: Final = "dpop"
LIFETIME_S: Final = 120
EVIDENCE_LIFETIME_S: Final = 600
LEAST_NONCE: Final = 10**12
_ORDER: Final = (EVIDENCE, AUTH, PROOF, SIG)
"""The voucher carries the digest of the evidence, the proof that of the voucher."""

BOUND: Final = object()
"""Instead of a value: made of what it is bound to when the request is built, unless a case says otherwise."""

Tokens = dict[str, str]
Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Party:
    """Who signs, for whom, and by which patterns. `stranger` is a key of the same type that nobody registered."""

    iss: str
    aud: str
    key: SigningKey
    stranger: SigningKey
    profile: Profile = DEFAULT_PROFILE
    issuer: Issuer | None = None
    """Of vouchers, where the vendor authenticates with them."""
    client_key: SigningKey | None = None
    """Its key at PDND, where that is not `key`: beside INTEGRITY_REST_01."""
    proof_key: SigningKey = field(default_factory=lambda: SigningKey(new_key("es256")))
    base_url: str = ""
    """Of the hub as its callers know it, which is what a DPoP proof names."""
    office: Office | None = None
    """The vendor's CA, where it is one of a test set-up."""
    channel: Channel | None = None
    """How its client certificate is shown (ID_AUTH_CHANNEL_02)."""

    @property
    def handed_over(self) -> bool:
        """Whether the kit stands for the proxy; otherwise what it shows may be refused in the handshake already."""
        return self.channel is None or bool(self.channel.header)

    @property
    def elliptic(self) -> bool:
        return self.key.alg.startswith("ES")

    @property
    def vouched(self) -> bool:
        return self.issuer is not None

    @property
    def by_pdnd(self) -> bool:
        """Whether Agid-JWT-Signature is signed with a key that PDND keeps."""
        return self.profile.integrity == "INTEGRITY_REST_02"

    @property
    def name_at_pdnd(self) -> str:
        return self.issuer.client_id if self.issuer is not None else self.iss

    @property
    def pdnd_key(self) -> SigningKey:
        return self.client_key or self.key

    def pdnd_header(self) -> dict[str, Any]:
        kid = (self.issuer.kid if self.issuer is not None else "") or self.pdnd_key.kid
        return {"alg": self.pdnd_key.alg, "typ": "JWT", "kid": kid}


@dataclass(frozen=True, slots=True)
class Built:
    """A request as it leaves."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    shown: SigningKey | None = None
    """With whose certificate the connection is made, where there is a channel."""


class Draft:
    """A good request by the party's patterns; where there is no body (`body` None), without Agid-JWT-Signature."""

    def __init__(
        self,
        party: Party,
        *,
        method: str,
        path: str,
        body: bytes | None,
        now: datetime,
        content_type: str = "application/json",
    ) -> None:
        self.party = party
        self.method, self.path, self.body = method, path, body or b""
        self.now = int(now.timestamp())
        self.lifetime_s = min(LIFETIME_S, party.profile.lifetime)
        self.sent = [AUTH] if body is None else [AUTH, SIG]
        self.own = [name for name in self.sent if name == SIG or not party.vouched]
        """The tokens that the vendor makes for each request; most cases change these."""
        self.bound = party.profile.dpop != "never"
        """Whether the voucher is bound to a key, and shown with a proof of it."""
        self.shown = party.channel.own if party.channel is not None else None
        """The certificate of the connection."""
        self.scheme = "DPoP " if self.bound else "Bearer "
        self.headers: Headers = []
        self.claims: dict[str, dict[str, Any]] = {}
        self.jose: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, SigningKey] = {}
        self._own_tokens()
        if party.profile.audit != "none":
            self._evidence()
        if party.issuer is not None and party.issuer.platform is not None:
            self._add(AUTH, party.issuer.claims(self.now), party.issuer.header(), party.issuer.platform)
            if self.bound:
                self.claims[AUTH]["cnf"] = {"jkt": party.proof_key.kid}
            if party.profile.audit == "AUDIT_REST_02":
                self.claims[AUTH]["digest"] = BOUND
        if self.bound:
            self._proof()
        self.message_id = token_hex(12) if party.profile.max_receipts and body is not None else ""
        if body is not None:
            self.sign_body(content_type)
        self.kept: Tokens = {}
        """Tokens of an earlier request that are sent again as they are."""
        self.rewrite: Callable[[Tokens], None] = lambda tokens: None
        self.after: Callable[[Headers], None] = lambda headers: None

    def _add(self, name: str, claims: dict[str, Any], header: dict[str, Any], key: SigningKey) -> None:
        self.claims[name], self.jose[name], self.keys[name] = claims, header, key

    def _own_tokens(self) -> None:
        party = self.party
        for name in self.own:
            at_pdnd = name == SIG and party.by_pdnd
            claims = self._base(party.name_at_pdnd if at_pdnd else party.iss, self.lifetime_s)
            if name == AUTH and party.profile.authentication == "ID_AUTH_REST_01":
                del claims["jti"]
            self._add(
                name,
                claims,
                party.pdnd_header() if at_pdnd else party.key.header(),
                party.pdnd_key if at_pdnd else party.key,
            )

    def _base(self, iss: str, lifetime_s: int) -> dict[str, Any]:
        times = {"iat": self.now, "nbf": self.now, "exp": self.now + lifetime_s}
        return {"iss": iss, "aud": self.party.aud, **times, "jti": token_hex(16)}

    def _evidence(self) -> None:
        party, profile = self.party, self.party.profile
        claims = self._base(party.name_at_pdnd, min(EVIDENCE_LIFETIME_S, profile.reuse))
        claims |= dict.fromkeys(profile.audit_claims, "conformance")
        if party.issuer is not None:
            claims["purposeId"] = party.issuer.purpose_id
        if profile.audit == "AUDIT_REST_02":
            claims["dnonce"] = LEAST_NONCE + randbelow(9 * LEAST_NONCE)
        if party.issuer is not None:
            claims = party.issuer.evidence(claims)
        header = party.pdnd_header() if party.vouched else party.key.header()
        self.sent.append(EVIDENCE)
        self._add(EVIDENCE, claims, header, party.pdnd_key if party.vouched else party.key)

    def _proof(self) -> None:
        key = self.party.proof_key
        jwk = {name: value for name, value in key.public_jwk().items() if name not in ("kid", "use")}
        claims = {"htm": BOUND, "htu": BOUND, "ath": BOUND, "iat": self.now, "jti": token_hex(16)}
        self.sent.append(PROOF)
        self._add(PROOF, claims, {"typ": "dpop+jwt", "alg": key.alg, "jwk": jwk}, key)

    def sign_body(self, content_type: str) -> None:
        """Digest and signed headers of the present body."""
        self.headers = [("content-type", content_type), ("digest", digest_header(self.body))]
        self.claims[SIG]["signed_headers"] = [{name: value} for name, value in reversed(self.headers)]
        self.name_message(self.message_id)

    def name_message(self, message_id: str) -> None:
        """The id by which a message is known however often it is sent (modi 1.8), where that is agreed."""
        self.message_id = message_id
        if not message_id:
            return
        kind, _, name = self.party.profile.message_id.partition(":")
        if kind == "claim":
            self.claims[SIG][name] = message_id
            return
        self.headers = [one for one in self.headers if one[0] != name] + [(name, message_id)]
        self.sign_headers([one for one in self.claims[SIG]["signed_headers"] if name not in one])

    def sign_headers(self, wanted: Any) -> None:
        """These `signed_headers`, and the id of the message where it travels in a header."""
        kind, _, name = self.party.profile.message_id.partition(":")
        if self.message_id and kind == "header" and isinstance(wanted, list):
            wanted = [*wanted, {name: self.message_id}]
        self.claims[SIG]["signed_headers"] = wanted

    def build(self) -> Built:
        """Raises Unobtained: there is no voucher to be had."""
        tokens: Tokens = {}
        for name in _ORDER:
            if name in self.sent:
                tokens[name] = self.kept.get(name) or self._made(name, tokens)
        self.rewrite(tokens)
        headers = list(self.headers)
        for name in (name for name in _ORDER if name in tokens):
            headers.append((name, (self.scheme if name == AUTH else "") + tokens[name]))
        if self.party.channel is not None:
            headers += self.party.channel.lines(self.shown)
        self.after(headers)
        return Built(self.method, self.path, tuple(headers), self.body, self.shown)

    def _made(self, name: str, tokens: Tokens) -> str:
        if name not in self.claims:
            issuer = self.party.issuer
            assert issuer is not None
            evidence = tokens.get(EVIDENCE) if self.party.profile.audit == "AUDIT_REST_02" else None
            return issuer.obtained(
                digest=sha256_hex(evidence) if evidence else None,
                proof_key=self.party.proof_key if self.bound else None,
            )
        claims = {member: self._value(name, member, value, tokens) for member, value in self.claims[name].items()}
        return signed(self.jose[name], claims, self.keys[name])

    def _value(self, name: str, member: str, value: Any, tokens: Tokens) -> Any:
        if value is not BOUND:
            return value
        if (name, member) == (AUTH, "digest"):
            return {"alg": "SHA256", "value": sha256_hex(tokens.get(EVIDENCE, ""))}
        return {
            "htm": self.method,
            "htu": self.called_url,
            "ath": jose.base64url(hashlib.sha256(tokens.get(AUTH, "").encode("ascii")).digest()),
        }[member]

    @property
    def called_url(self) -> str:
        """As the client calls it, without query."""
        return self.party.base_url + self.path.partition("?")[0]


def sha256_hex(compact: str) -> str:
    return hashlib.sha256(compact.encode("ascii")).hexdigest()


def signed(header: Mapping[str, Any], claims: Mapping[str, Any], key: SigningKey) -> str:
    """Signed with the key's own algorithm, whatever the header says."""
    return jose.sign(jose.segment(header), claims, key.private, key.alg)


def by_hand(header: str, payload: str, key: SigningKey) -> str:
    """The compact JWS of two segments as they are."""
    signature = ALGORITHMS[key.alg].sign(key.private, f"{header}.{payload}".encode("ascii"))
    return f"{header}.{payload}.{jose.base64url(signature)}"


def unb64u(segment: str) -> bytes:
    return urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
