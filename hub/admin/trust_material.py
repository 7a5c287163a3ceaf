"""Trust material as an administrator hands it over, checked before the registry keeps it: at the command line in files,
over HTTP in the body. `what` names it in the sentence that says what is wrong."""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from cryptography import x509

from contracts.faults import bilingual
from contracts.once import Repeated, each_once
from hub.registry import Key
from hub.security.causes import CAUSES, Refusal
from hub.security.certificates import check_authority, presented_key
from hub.security.der import pem_parts
from hub.security.jwk import jwk_key
from hub.security.keys import certificates_pem
from hub.security.presented import Presented, thumbprint
from hub.store.directory import NewKey

MOST_CERTIFICATES = 20
"""At once: the CAs of one vendor, not a whole store of public ones, each of which would vouch for it."""
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})


class BadMaterial(ValueError):
    """It cannot be registered; the text says why."""

    def __init__(self, italian: str, english: str) -> None:
        self.text = bilingual(italian, english)
        super().__init__(self.text)


def name_of(key: Key) -> str:
    """A short public name of an entry: its kid, or what its certificates are."""
    if key.kid:
        return key.kid
    if key.kind.endswith("thumbprint"):
        return key.material
    found = x509.load_pem_x509_certificates(key.material.encode("ascii"))
    return "; ".join(f"{_named(one)} until {one.not_valid_after_utc:%Y-%m-%d}" for one in found)


def signer_of(key: Key) -> str | None:
    """How evidence names who signs with this entry; None for a CA, below which there are many."""
    if key.kind == "jwk":
        return jwk_key(key.material).signer
    if key.kind == "thumbprint":
        return f"x5t#S256:{key.material}"
    if key.kind == "certificate":
        return f"x5t#S256:{thumbprint(x509.load_pem_x509_certificates(key.material.encode('ascii'))[0])}"
    return None


def own_end(key: Key) -> datetime | None:
    """The end that an entry's certificates have by themselves; None for what is no certificate."""
    if key.kind.endswith("anchor"):
        return _end(x509.load_pem_x509_certificates(key.material.encode("ascii")))
    if key.kind == "certificate":
        return _end(x509.load_pem_x509_certificates(key.material.encode("ascii"))[:1])
    return None


def keys_of_jwks(text: str, *, kind: str = "jwk", what: str) -> list[NewKey]:
    """The public signing keys of a JWK set (or of one JWK); each is known by its `kid`. Raises BadMaterial."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise BadMaterial(f"{what} non è JSON", f"{what} is not JSON") from None
    try:
        each_once(text)  # RFC 7517 4: or the last of two holds
    except Repeated:
        raise BadMaterial(f"{what} ripete un campo", f"{what} has a member twice in one object") from None
    entries = content.get("keys", [content]) if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise BadMaterial(f"{what} non è un JWK set", f"{what} is not a JWK set")
    keys = [_jwk(entry, kind) for entry in entries if not isinstance(entry, dict) or entry.get("use") != "enc"]
    if not keys:
        raise BadMaterial(f"{what} non contiene chiavi di firma", f"{what} holds no signing key")
    if len({key.kid for key in keys}) < len(keys):
        raise BadMaterial(f"due chiavi in {what} hanno lo stesso kid", f"two keys in {what} have the same kid")
    return keys


def key_of_anchor(pem: bytes, *, kind: str, now: datetime, what: str) -> NewKey:
    """CA certificates in PEM; whatever else stands there (a key, by mistake) is left out. Raises BadMaterial."""
    found = _certificates(pem, what)
    for certificate in found:
        if not _is_authority(certificate):
            raise BadMaterial(
                f"{what} contiene un certificato che non è di una CA: registrarlo come certificate o thumbprint",
                f"{what} holds a certificate that is no CA; a leaf is pinned as certificate or thumbprint",
            )
        if certificate.not_valid_after_utc <= now:
            raise BadMaterial(
                f"un certificato in {what} è scaduto il {certificate.not_valid_after_utc:%Y-%m-%d}",
                f"a certificate in {what} expired on {certificate.not_valid_after_utc:%Y-%m-%d}",
            )
        try:
            check_authority(certificate)
        except Refusal as refusal:
            raise BadMaterial(
                f"nessuna richiesta si può verificare con {_named(certificate)}",
                f"no request can be verified under {_named(certificate)}: {refusal.note}",
            ) from None
    return NewKey(kind, certificates_pem(found).decode("ascii"), valid_to=_end(found))


def key_of_certificate(pem: bytes, *, now: datetime, what: str) -> NewKey:
    """A vendor's own certificate, pinned, which `x5t#S256` may then name; its issuer after it, for revocation. Raises
    BadMaterial."""
    leaf, *others = _certificates(pem, what)
    if _is_authority(leaf):
        raise BadMaterial(
            f"{what} inizia con una CA; prima va il certificato del fornitore",
            f"{what} begins with a CA; the vendor's own certificate comes first",
        )
    if leaf.not_valid_after_utc <= now:
        raise BadMaterial(
            f"il certificato in {what} è scaduto il {leaf.not_valid_after_utc:%Y-%m-%d}",
            f"the certificate in {what} expired on {leaf.not_valid_after_utc:%Y-%m-%d}",
        )
    try:
        presented_key(Presented(leaf, tuple(others)))
    except Refusal as refusal:
        raise _refused(refusal) from None
    return NewKey("certificate", certificates_pem([leaf, *others]).decode("ascii"), valid_to=_end([leaf]))


def key_of_thumbprint(text: str, *, kind: str = "thumbprint") -> NewKey:
    """A pinned certificate: the hex SHA-256 of its DER, colons allowed. Raises BadMaterial."""
    plain = text.replace(":", "").strip().lower()
    if not re.fullmatch(r"[0-9a-f]{64}", plain):
        raise BadMaterial(
            "non sono le 64 cifre esadecimali dello SHA-256 di un certificato",
            "not the 64 hex digits of a certificate's SHA-256",
        )
    return NewKey(kind, plain)


def _jwk(entry: Any, kind: str) -> NewKey:
    if not isinstance(entry, dict):
        raise BadMaterial("una chiave non è un oggetto JSON", "a key of the set is no JSON object")
    if _PRIVATE & entry.keys():
        raise BadMaterial(
            "contiene una chiave privata: consegnare solo la parte pubblica",
            "the file holds a private key; hand over the public part alone",
        )
    material = json.dumps(entry, sort_keys=True)
    try:
        thumbprint = jwk_key(material).signer.removeprefix("jwk:")
    except Refusal as refusal:
        raise _refused(refusal) from None
    kid = entry.get("kid", thumbprint)
    if not isinstance(kid, str) or not 0 < len(kid) <= 200 or not kid.isprintable():
        raise BadMaterial(
            "un kid è un testo di 1-200 caratteri stampabili",
            "a kid is a text of 1 to 200 characters that can be printed",
        )
    return NewKey(kind, material, kid)


def _refused(refusal: Refusal) -> BadMaterial:
    return BadMaterial(f"non si può usare per firmare ({refusal.code})", refusal.note or CAUSES[refusal.code].text)


def _certificates(pem: bytes, what: str) -> list[x509.Certificate]:
    try:
        found = [x509.load_pem_x509_certificate(part) for part in pem_parts(pem)]
    except ValueError:
        raise BadMaterial(
            f"un certificato in {what} non si può leggere", f"a certificate in {what} cannot be read"
        ) from None
    if not found:
        raise BadMaterial(f"{what} non contiene certificati in PEM", f"{what} holds no certificate in PEM")
    if len(found) > MOST_CERTIFICATES:
        raise BadMaterial(
            f"{what} contiene {len(found)} certificati; al massimo {MOST_CERTIFICATES} insieme",
            f"{what} holds {len(found)} certificates; {MOST_CERTIFICATES} are the most at once",
        )
    return list(dict.fromkeys(found))


def _named(certificate: x509.Certificate) -> str:
    """Its subject, in which somebody else may have written anything."""
    return "".join(
        each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in certificate.subject.rfc4514_string()
    )


def _end(certificates: Sequence[x509.Certificate]) -> datetime:
    """When the last of them ends: said to the registry too, so that the alert on keys that end knows of it."""
    return max(one.not_valid_after_utc for one in certificates)


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except (x509.ExtensionNotFound, ValueError):
        return False
