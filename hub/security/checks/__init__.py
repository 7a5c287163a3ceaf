"""The checks of a vendor's signed request, one function each, and the one table that orders them.

The order: shape, who is addressed and who speaks, algorithm, key, signature, possession, channel, claims, digest and
headers, and last what is answered exactly because the sender is known by then. A jti is consumed after all of them, by
the caller. Method, path and query are covered by no ModI signature (modi 5.17), and by a DPoP proof alone.

Which of them a request meets, its vendor's profile says: the table is compiled once for each profile.
"""

from functools import lru_cache
from typing import Final

from hub.profile import Profile

from . import audit, channels, dpop, integrity, known, parties, repeating, shape, times, trust, vouchers
from .check import (
    Check,
    Run,
    audited,
    audited_by_itself,
    audited_by_pdnd,
    correlated,
    direct,
    mutual,
    pdnd_signed,
    possessing,
    repeatable,
    vouched,
)
from .state import State
from .trust import check_signatures, unchecked

__all__ = ["CHECKS", "Check", "State", "check_signatures", "checks_of", "runs_of", "unchecked"]

# Until the vendor is known, the same for everybody.
IDENTIFYING: Final[tuple[Check, ...]] = (
    Check("single_headers", shape.single_headers, "Nessuna intestazione ripetuta", "No header is repeated"),
    Check(
        "proxy_headers",
        channels.proxy_headers,
        "Le intestazioni del proxy vengono dal proxy",
        "The proxy's headers come from the proxy",
    ),
    Check("find_tokens", shape.find_tokens, "I token sono presenti", "Tokens are present", finds=True),
    Check("distinct_tokens", shape.distinct_tokens, "I token sono distinti", "The tokens are distinct"),
    Check(
        "read_tokens", shape.read_tokens, "I token sono JWS ben formati", "The tokens are well-formed JWS", finds=True
    ),
    Check("own_headers", shape.own_headers, "Ogni token è nella sua intestazione", "Each token is in its own header"),
    Check("check_typ", shape.check_typ, "typ è JWT, o at+jwt per un voucher", "typ is JWT, or at+jwt of a voucher"),
    Check("find_ente", parties.find_ente, "aud indica un ente", "aud names an ente", finds=True),
    Check("one_ente", parties.one_ente, "I due token hanno lo stesso ente", "Both tokens name the same ente"),
    Check(
        "find_vendor",
        parties.find_vendor,
        "iss o client_id indica un fornitore",
        "iss or client_id names a vendor",
        finds=True,
    ),
)

BY_PROFILE: Final[tuple[Check, ...]] = (
    Check(
        "authentication_kind",
        parties.authentication_kind,
        "Il token è del tipo concordato",
        "The token is of the kind agreed",
        finds=True,
    ),
    Check(
        "direct_scheme",
        shape.direct_scheme,
        "Lo schema di Authorization è Bearer",
        "The scheme of Authorization is Bearer",
        when=direct,
    ),
    Check("complete", parties.complete, "Ci sono tutti i token richiesti", "All required tokens are there"),
    Check(
        "find_evidence",
        audit.find_evidence,
        "Agid-JWT-TrackingEvidence è presente e leggibile",
        "Agid-JWT-TrackingEvidence is there and readable",
        finds=True,
        when=audited,
    ),
    Check("evidence_typ", audit.evidence_typ, "typ del tracciamento è JWT", "typ of the evidence is JWT", when=audited),
    Check(
        "evidence_apart",
        audit.evidence_apart,
        "Il tracciamento non è usato come Authorization",
        "The evidence is not used as Authorization",
        when=audited_by_itself,
    ),
    Check(
        "evidence_ente",
        audit.evidence_ente,
        "Il tracciamento è per lo stesso ente",
        "The evidence is for the same ente",
        when=audited,
    ),
    Check("check_alg", shape.check_alg, "L'algoritmo è ammesso", "The algorithm is allowed"),
    Check("check_critical", shape.check_critical, "Nessun parametro crit o b64", "No crit or b64 parameter"),
    Check("one_issuer", parties.one_issuer, "I token hanno lo stesso iss", "The tokens have the same iss", when=direct),
    Check(
        "client_is_issuer",
        parties.client_is_issuer,
        "iss è il client del voucher",
        "iss is the client of the voucher",
        when=vouched,
    ),
    Check(
        "scheme_allowed",
        vouchers.scheme_allowed,
        "Lo schema di Authorization è quello concordato",
        "The scheme of Authorization is the one agreed",
        when=vouched,
    ),
    Check(
        "voucher_scheme",
        vouchers.voucher_scheme,
        "Lo schema è quello del voucher",
        "The scheme is the voucher's",
        when=vouched,
    ),
    Check("voucher_key", vouchers.voucher_key, "La chiave è della PDND", "The key is PDND's", finds=True, when=vouched),
    Check(
        "voucher_signature",
        vouchers.voucher_signature,
        "La firma del voucher è valida",
        "The voucher's signature holds",
        finds=True,
        when=vouched,
    ),
    Check("find_keys", trust.find_keys, "La chiave è del fornitore", "The key is the vendor's", finds=True),
    Check(
        "one_signer",
        trust.one_signer,
        "I token hanno lo stesso firmatario",
        "The tokens have the same signer",
        when=direct,
    ),
    Check(
        "client_owns_key",
        trust.client_owns_key,
        "La chiave è del client del voucher",
        "The key is the voucher's client's",
        when=pdnd_signed,
    ),
    Check("check_signatures", trust.check_signatures, "Le firme sono valide", "The signatures hold"),
    # Who holds the key that the voucher is bound to
    Check(
        "find_proof",
        dpop.find_proof,
        "La prova DPoP è presente e leggibile",
        "The DPoP proof is there and readable",
        finds=True,
        when=possessing,
    ),
    Check("proof_typ", dpop.proof_typ, "typ della prova è dpop+jwt", "typ of the proof is dpop+jwt", when=possessing),
    Check(
        "proof_algorithm",
        dpop.proof_algorithm,
        "L'algoritmo della prova è ammesso",
        "The proof's algorithm is allowed",
        when=possessing,
    ),
    Check(
        "proof_critical",
        dpop.proof_critical,
        "Nessun parametro crit o b64 nella prova",
        "No crit or b64 parameter in the proof",
        when=possessing,
    ),
    Check(
        "proof_key", dpop.proof_key, "La prova porta una chiave", "The proof carries a key", finds=True, when=possessing
    ),
    Check(
        "proof_bound",
        dpop.proof_bound,
        "La chiave è quella a cui il voucher è legato",
        "The key is the one that the voucher is bound to",
        when=possessing,
    ),
    Check(
        "proof_signature",
        dpop.proof_signature,
        "La firma della prova è valida",
        "The proof's signature holds",
        when=possessing,
    ),
    Check("proof_method", dpop.proof_method, "htm è il metodo", "htm is the method", when=possessing),
    Check("proof_target", dpop.proof_target, "htu è l'indirizzo chiamato", "htu is the URL called", when=possessing),
    Check(
        "proof_not_from_the_future",
        dpop.proof_not_from_the_future,
        "iat della prova non è nel futuro",
        "iat of the proof is not in the future",
        when=possessing,
    ),
    Check("proof_fresh", dpop.proof_fresh, "La prova è di adesso", "The proof was made just now", when=possessing),
    Check(
        "proof_of_voucher",
        dpop.proof_of_voucher,
        "ath è il digest del voucher",
        "ath is the hash of the voucher",
        when=possessing,
    ),
    Check("proof_once", dpop.proof_once, "La prova ha un jti", "The proof has a jti", when=possessing),
    # Over which connection
    Check(
        "client_certificate",
        channels.client_certificate,
        "Il certificato TLS è del fornitore",
        "The TLS client certificate is the vendor's",
        when=mutual,
    ),
    # Claims of every token
    Check("not_from_the_future", times.not_from_the_future, "iat non è nel futuro", "iat is not in the future"),
    Check("fresh", times.fresh, "iat è recente", "iat is recent"),
    Check("begun", times.begun, "nbf non è nel futuro", "nbf is not in the future"),
    Check("not_expired", times.not_expired, "Il token non è scaduto", "The token has not expired"),
    Check("short_lived", times.short_lived, "La durata è entro il limite", "The lifetime is within the limit"),
    Check("has_jti", times.has_jti, "jti è presente", "jti is present"),
    # Of the voucher
    Check("voucher_issuer", vouchers.voucher_issuer, "iss è la PDND", "iss is PDND", when=vouched),
    Check("voucher_subject", vouchers.voucher_subject, "sub è il client_id", "sub is the client_id", when=vouched),
    Check("voucher_begins", vouchers.voucher_begins, "Il voucher ha nbf", "The voucher has nbf", when=vouched),
    Check(
        "voucher_purpose",
        vouchers.voucher_purpose,
        "La finalità è ammessa",
        "The purpose is allowed",
        when=vouched,
    ),
    Check("voucher_producer", vouchers.voucher_producer, "producerId è l'ente", "producerId is the ente", when=vouched),
    Check(
        "voucher_eservice",
        vouchers.voucher_eservice,
        "eserviceId è l'e-service dell'ente",
        "eserviceId is the ente's e-service",
        when=vouched,
    ),
    Check(
        "voucher_descriptor",
        vouchers.voucher_descriptor,
        "descriptorId è una versione dell'e-service",
        "descriptorId is a version of the e-service",
        when=vouched,
    ),
    # Of the tracking evidence
    Check(
        "evidence_claims",
        audit.evidence_claims,
        "Il tracciamento ha i claim concordati",
        "The evidence has the claims agreed",
        when=audited,
    ),
    Check(
        "evidence_purpose",
        audit.evidence_purpose,
        "La finalità del tracciamento è quella del voucher",
        "The evidence's purpose is the voucher's",
        when=audited_by_pdnd,
    ),
    Check(
        "evidence_nonce",
        audit.evidence_nonce,
        "dnonce è un numero di 13 cifre",
        "dnonce is a number of 13 digits",
        when=correlated,
    ),
    Check(
        "evidence_digest",
        audit.evidence_digest,
        "Il voucher porta il digest del tracciamento",
        "The voucher carries the digest of the evidence",
        when=correlated,
    ),
    # Digest and signed headers
    Check("find_digest", integrity.find_digest, "Digest è presente", "Digest is present"),
    Check("check_digest", integrity.check_digest, "Digest corrisponde al corpo", "Digest is that of the body"),
    Check(
        "find_signed_headers",
        integrity.find_signed_headers,
        "signed_headers è leggibile",
        "signed_headers is readable",
    ),
    Check("digest_signed", integrity.digest_signed, "Digest è firmato", "Digest is signed"),
    Check("content_headers_signed", integrity.content_headers_signed, "Content-* sono firmati", "Content-* are signed"),
    Check("signed_counts", integrity.signed_counts, "Nessuna copia aggiunta", "No copy was appended"),
    Check(
        "signed_values", integrity.signed_values, "Le intestazioni firmate coincidono", "Signed headers are as received"
    ),
    Check(
        "message_named",
        repeating.message_named,
        "Il messaggio ha un identificativo firmato",
        "The message has a signed id",
        when=repeatable,
    ),
    # The sender is known now, and is told exactly
    Check("vendor_active", known.vendor_active, "Il fornitore è attivo", "The vendor is active"),
    Check("plain_coding", known.plain_coding, "Il corpo non è compresso", "The body has no content coding"),
)

CHECKS: Final[tuple[Check, ...]] = IDENTIFYING + BY_PROFILE


@lru_cache(maxsize=1024)
def checks_of(profile: Profile | None) -> tuple[Check, ...]:
    """Those of one profile, in order; for None those that find out whose it is."""
    if profile is None:
        return tuple(check for check in CHECKS if check in IDENTIFYING)
    return tuple(check for check in CHECKS if check not in IDENTIFYING and check.when(profile))


@lru_cache(maxsize=1024)
def runs_of(profile: Profile | None) -> tuple[tuple[Run, ...], tuple[Run, ...]]:
    """The same as bare functions: those before the signatures are checked, and the rest, which begins with that and
    may need the body."""
    runs = tuple([check.run for check in checks_of(profile)])
    place = runs.index(trust.check_signatures) if trust.check_signatures in runs else len(runs)
    return runs[:place], runs[place:]
