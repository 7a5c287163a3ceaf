"""Why a signed request was refused: one table of stable codes for the operator's log and for `raccordo verify`.

Nothing of this reaches the caller before the signature holds (`settled` 4). A note never holds a token or a tax code.
"""

from dataclasses import dataclass
from typing import Final

from hub.errors import HubError, RequestMalformed, RequestRefused


@dataclass(frozen=True, slots=True)
class Cause:
    """What one code means, and what the sender should do about it."""

    text: str
    advice: str
    advice_it: str
    malformed: bool = False
    """A header that is missing, repeated or unreadable: 400 instead of 401."""


class Refusal(Exception):
    """A check did not hold. `note` may be logged; `facts` are for the sender's own eyes in `explain`."""

    def __init__(self, code: str, note: str = "", *, facts: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.note = note
        self.facts = facts

    def error(self) -> HubError:
        """The same as the error that HTTP answers; its `cause` is `code: note`."""
        cause = CAUSES[self.code]
        kind = RequestMalformed if cause.malformed else RequestRefused
        return kind(cause=f"{self.code}: {self.note or cause.text}")


def code_of(error: HubError) -> str:
    """The stable dotted code in the `cause` of an error made here; empty for other errors."""
    return error.cause.partition(":")[0]


def _cause(text: str, advice: str, advice_it: str) -> Cause:
    return Cause(text, advice, advice_it)


def _malformed(text: str, advice: str, advice_it: str) -> Cause:
    return Cause(text, advice, advice_it, malformed=True)


_COMPACT = ("Send the token as your JOSE library made it.", "Inviate il token così come prodotto dalla libreria JOSE.")
_CLOCK = ("Run NTP; set nbf = iat, a little in the past.", "Sincronizzate l'orologio (NTP); nbf = iat, poco indietro.")
_KEY = ("Ask the municipality which keys are registered.", "Chiedete al Comune quali chiavi sono registrate.")
_ONCE = ("Send the header once, not through two layers.", "Inviate l'intestazione una volta sola.")
_CERT = (
    "Send the leaf first, then its intermediates, in x5c; the root is the registered anchor.",
    "In x5c prima il certificato foglia, poi gli intermedi; la radice è quella registrata.",
)
_BYTES = (
    "Hash the very bytes you send: serialise once, give the same buffer to the HTTP client.",
    "Calcolate il digest sugli stessi byte inviati: serializzate una volta sola.",
)
_SIGNED = (
    'signed_headers is an array of one-member objects with lower-case names: [{"digest": "..."}, ...].',
    'signed_headers è un array di oggetti con un solo membro, nomi minuscoli: [{"digest": "..."}, ...].',
)
_SAME = ("Sign both tokens with one key, iss and aud.", "Firmate i due token con la stessa chiave, iss e aud.")
_CLAIM = ("See the profile for the claims required.", "Vedete il profilo per i claim richiesti.")
_AUD = (
    "aud is the audience the municipality published for this API, not the URL of the call.",
    "aud è l'audience pubblicata dall'ente per questa API, non l'URL della chiamata.",
)
_JWT = (
    "Use RS256 or ES256 (or the 384, 512, PS and EdDSA forms) with typ JWT.",
    "Usate RS256 o ES256 (o le forme 384, 512, PS ed EdDSA) con typ JWT.",
)
_RENEW = ("Make a new key and have it registered.", "Generate una nuova chiave e fatela registrare.")
_FRESH = ("Make both tokens anew for each call.", "Generate i token di nuovo a ogni chiamata.")
_BOTH = (
    "Send Authorization, Agid-JWT-Signature and Digest with every body, an empty one too.",
    "Inviate Authorization, Agid-JWT-Signature e Digest con ogni corpo, anche vuoto.",
)
_LATER = (
    "Try again in a minute; tell the municipality if it lasts.",
    "Riprovate tra poco; se persiste, avvisate.",
)
_CLIENT = (
    "Sign with a key of the client that asked for the voucher; iss is its client_id.",
    "Firmate con una chiave del client che ha chiesto il voucher; iss è il suo client_id.",
)
_VOUCHER = (
    "Ask PDND for a voucher for this e-service, with the purpose agreed.",
    "Chiedete alla PDND un voucher per questo e-service, con la finalità concordata.",
)
_EVIDENCE = (
    "Sign the evidence once, hash that very string (lower-case hex), ask the voucher with it, send that string.",
    "Firmate il tracciamento una volta, calcolatene lo SHA-256 (hex minuscolo), chiedete il voucher, inviatelo.",
)
_PROOF = (
    "Make a DPoP proof for each request: htm, htu without query, iat, jti, ath (RFC 9449 4.2).",
    "Generate una prova DPoP per ogni richiesta: htm, htu senza query, iat, jti, ath (RFC 9449 4.2).",
)
_CHANNEL = (
    "Connect with the client certificate that the municipality registered.",
    "Collegatevi con il certificato client registrato presso il Comune.",
)
_MESSAGE = (
    "Give each message an id of its own, signed, the same each time it is sent; the jti is fresh each time.",
    "Date a ogni messaggio un identificativo proprio, firmato, uguale a ogni rinvio; il jti è ogni volta nuovo.",
)
_PORTAL = ("See the portal profile of the feed.", "Vedete il profilo del portale per il feed.")

CAUSES: Final[dict[str, Cause]] = {
    # shape
    "header.repeated": _malformed("a header that may come once came more than once", *_ONCE),
    "token.missing": _malformed("a token that this operation needs is missing", *_BOTH),
    "authorization.scheme": _malformed(
        "Authorization is not `<scheme> <JWS>` with the scheme agreed",
        "Put `Bearer ` before the token, or `DPoP ` before a voucher bound to a key.",
        "Anteponete `Bearer ` al token, o `DPoP ` a un voucher legato a una chiave.",
    ),
    "token.duplicated": _malformed(
        "the same token stands in two headers",
        "Agid-JWT-Signature is a token of its own, with signed_headers.",
        "Agid-JWT-Signature è un token a sé, con signed_headers.",
    ),
    "token.misplaced": _malformed(
        "the Authorization token is one that was made for another header",
        "One token for each header: signed_headers in Agid-JWT-Signature alone, claims of the user in the evidence.",
        "Un token per intestazione: signed_headers solo in Agid-JWT-Signature, dati dell'utente solo nel tracciamento.",
    ),
    "token.malformed": _malformed("not a compact JWS of two JSON objects and a signature", *_COMPACT),
    "token.too_large": _malformed("the token is larger than allowed", *_COMPACT),
    "token.detached": _malformed(
        "the payload is empty (detached by mistake)", "Attach the payload.", "Includete il payload nel token."
    ),
    "token.duplicate_member": _malformed("a JSON member occurs twice", *_COMPACT),
    # header
    "typ.wrong": _cause("typ is not the one required", *_JWT),
    "alg.forbidden": _cause("the algorithm is not allowed", *_JWT),
    "alg.mismatch": _cause("the algorithm does not fit the registered key", *_KEY),
    "crit.unsupported": _cause("crit or b64 is present", "Send neither.", "Non usate crit né b64."),
    # who
    "audience.missing": _cause("aud is missing or not a string or list of strings", *_AUD),
    "audience.mismatch": _cause("aud names none of the enti of this API", *_AUD),
    "audience.differs": _cause("the two tokens are for different audiences", *_SAME),
    "issuer.missing": _cause(
        "iss is missing", "Set iss to your vendor id.", "Impostate iss al vostro codice fornitore."
    ),
    "issuer.unknown": _cause("iss names nobody registered with that ente", *_KEY),
    "issuer.differs": _cause("the two tokens have different iss", *_SAME),
    # key
    "key.reference_missing": _cause(
        "the header names no key in a form that is registered (x5c, x5u, x5t#S256, kid); jku, jwk never are",
        "Put the certificate chain in x5c, or the registered kid in kid.",
        "Mettete la catena in x5c, oppure il kid registrato in kid.",
    ),
    "key.unknown": _cause("no registered key of this sender fits", *_KEY),
    "key.unavailable": _cause("keys that PDND publishes could not be had", *_LATER),
    "key.owner": _cause("the key belongs to another client than the voucher", *_CLIENT),
    "key.unusable": _cause("the key is revoked or outside its validity", *_KEY),
    "key.invalid": _cause("the registered key is none of RSA, P-256, P-384, P-521 and Ed25519, or is malformed", *_KEY),
    "key.weak": _cause("the key proves nothing, or takes too long to verify with", *_RENEW),
    "certificate.malformed": _cause("the certificates cannot be read, or x5t#S256 is not the leaf's", *_CERT),
    "certificate.host": _cause(
        "x5u is not an https address of a registered host",
        "Put the certificates in x5c, or have the host registered.",
        "Mettete i certificati in x5c, oppure fate registrare l'host.",
    ),
    "certificate.unreachable": _cause(
        "no certificates could be had from x5u",
        "Serve them in PEM, leaf first, without redirects; or send x5c.",
        "Pubblicateli in PEM, foglia per prima, senza redirect; oppure inviate x5c.",
    ),
    "certificate.expired": _cause("the certificate is outside its validity", *_CERT),
    "certificate.weak": _cause("a key of the chain is too small or of a type not allowed", *_CERT),
    "certificate.usage": _cause("the certificate may not sign requests", *_CERT),
    "certificate.subject": _cause("the certificate is not the registered one", *_CERT),
    "chain.invalid": _cause("the chain does not lead to the registered anchor", *_CERT),
    "certificate.revoked": _cause("a certificate of the chain was revoked by its issuer", *_RENEW),
    "revocation.unknown": _cause(
        "whether a certificate was revoked cannot be known now, and the registration demands it",
        "Try again later; see that the CA's CRL or OCSP addresses answer.",
        "Riprovate più tardi; verificate che CRL o OCSP della CA rispondano.",
    ),
    "chain.busy": _cause("too many new certificates in a short time", *_FRESH),
    "signer.differs": _cause("the two tokens have different signers", *_SAME),
    "signature.invalid": _cause("the signature does not verify", *_COMPACT),
    # claims
    "claim.missing": _cause("a required claim is missing", *_CLAIM),
    "claim.type": _cause("a claim has the wrong type", *_CLAIM),
    "iat.future": _cause("iat is in the future", *_CLOCK),
    "iat.old": _cause("iat is too old", *_FRESH),
    "nbf.future": _cause("nbf is in the future", *_CLOCK),
    "token.expired": _cause("the token has expired", *_FRESH),
    "lifetime.too_long": _cause("exp - iat is longer than allowed", "Shorten exp.", "Accorciate exp."),
    # digest and signed headers
    "digest.missing": _malformed("the Digest header is missing", *_BOTH),
    "digest.malformed": _malformed(
        "Digest is not SHA-256=<base64>",
        "Encode the 32 bytes in base64, not in hex.",
        "Codificate i 32 byte in base64, non in esadecimale.",
    ),
    "digest.mismatch": _cause("Digest is not that of the body received", *_BYTES),
    "signed_headers.malformed": _cause("signed_headers is not an array of single-member objects", *_SIGNED),
    "header.unsigned": _cause("a header that must be signed is not in signed_headers", *_SIGNED),
    "header.count": _cause("a signed header occurs more or less often than it was signed", *_ONCE),
    "header.mismatch": _cause(
        "a signed header differs from the one received",
        "Sign the value that leaves: frameworks rewrite Content-Type.",
        "Firmate il valore che parte davvero: i framework riscrivono Content-Type.",
    ),
    # PDND voucher
    "voucher.issuer": _cause("iss of the voucher is not the PDND that this ente is registered at", *_VOUCHER),
    "voucher.subject": _cause("sub of the voucher is not its client_id", *_VOUCHER),
    "voucher.purpose": _cause("the voucher's purpose is not one of those agreed with this vendor", *_VOUCHER),
    "voucher.eservice": _cause("the voucher is for another e-service, producer or version", *_VOUCHER),
    # tracking evidence
    "audit.purpose": _cause("purposeId of the evidence is not the voucher's", *_EVIDENCE),
    "audit.digest_missing": _cause('the voucher has no digest {"alg": "SHA256", "value": "<hex>"}', *_EVIDENCE),
    "audit.digest": _cause("the voucher was asked with the digest of other evidence", *_EVIDENCE),
    # proof of possession
    "dpop.missing": _malformed("the DPoP proof is missing", *_PROOF),
    "dpop.bearer": _cause("the voucher is bound to a key and was sent as Bearer", *_PROOF),
    "dpop.unbound": _cause("the voucher is bound to no key and was sent as DPoP", *_PROOF),
    "dpop.key": _cause("jwk of the proof is missing, private or of a kind not allowed", *_PROOF),
    "dpop.binding": _cause("the proof's key is not the one that the voucher is bound to", *_PROOF),
    "dpop.method": _cause("htm is not the method of the request", *_PROOF),
    "dpop.target": _cause("htu is not the URL that was called", *_PROOF),
    "dpop.voucher": _cause("ath is not the hash of the voucher", *_PROOF),
    # channel
    "channel.untrusted": _malformed("a header of the TLS proxy came from elsewhere", *_CHANNEL),
    "channel.missing": _cause("no client certificate was handed over", *_CHANNEL),
    "channel.malformed": _cause("the client certificate cannot be read", *_CHANNEL),
    # message
    "message.missing": _cause("the message has no id that can be used", *_MESSAGE),
    "message.personal": _cause("the message's id contains a tax code", *_MESSAGE),
    "material.wanted": _cause("what others publish is needed and not at hand; a hub that runs would fetch it", *_LATER),
    # portal
    "portal.suspended": _cause("the portal is suspended", *_PORTAL),
    "ath.mismatch": _cause("ath is not the hash of the portal token", *_PORTAL),
    "auth_time.old": _cause("the citizen's login is too old", *_PORTAL),
    "auth_time.future": _cause("auth_time is in the future", *_CLOCK),
    "fiscal_number.invalid": _cause("fiscal_number is missing or no tax code", *_PORTAL),
    "organization.invalid": _cause("organization_fiscal_number is no tax code of an organisation", *_PORTAL),
    "subject.personal": _cause("sub is missing, or is a tax code instead of a pseudonym", *_PORTAL),
    "delegation.unsupported": _cause(
        "on_behalf_of is no tax code of a person, or comes with organization_fiscal_number", *_PORTAL
    ),
    "binding.unsupported": _cause("cnf binds the assertion to a key that the hub cannot check", *_PORTAL),
}
