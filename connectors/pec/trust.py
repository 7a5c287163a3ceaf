"""Whose word a receipt is: S/MIME (RFC 8551) over the part that says it, by a provider that the ente trusts.

The headers around it are signed by nobody, and are not used. Revocation is not asked about (`docs/mail.md` says why):
whoever is no longer trusted is taken out of the settings.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.parser import BytesHeaderParser
from typing import Any

from asn1crypto import cms
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

LOCAL_PART = "posta-certificata"
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
_LONGEST_CHAIN = 4
_MOST_CERTIFICATES = 10


class Untrusted(Exception):
    """Not a provider's word; the text is a stable code."""


@dataclass(frozen=True, slots=True)
class Vouched:
    """The signed part, byte for byte, and the addresses in its signer's certificate."""

    part: bytes
    signers: frozenset[str]


def vouched(raw: bytes, authorities: Sequence[x509.Certificate], at: datetime) -> Vouched:
    """The part of a `multipart/signed` message that a trusted provider signed. Raises Untrusted."""
    part, signature = _split(raw)
    try:
        info = cms.ContentInfo.load(signature, strict=True)
        if info["content_type"].native != "signed_data":
            raise Untrusted("not_signed_data")
        signed = info["content"]
        if signed["encap_content_info"]["content"].native is not None:
            raise Untrusted("not_detached")
        carried = [x509.load_der_x509_certificate(each.chosen.dump()) for each in signed["certificates"]]
        signers = list(signed["signer_infos"])
        if len(signers) != 1 or len(carried) > _MOST_CERTIFICATES:
            raise Untrusted("not_one_signer")
        leaf = _signer_of(signers[0], carried)
        _verify(signers[0], leaf, part)
    except (ValueError, TypeError, KeyError, AttributeError, UnsupportedAlgorithm):
        raise Untrusted("unreadable_signature") from None
    _chain(leaf, carried, authorities, at)
    return Vouched(part, _addresses(leaf))


def _split(raw: bytes) -> tuple[bytes, bytes]:
    """The signed bytes, and the signature."""
    text = re.sub(rb"\r?\n", b"\r\n", raw)
    head, _, body = text.partition(b"\r\n\r\n")
    headers = BytesHeaderParser(policy=policy.compat32).parsebytes(head + b"\r\n\r\n")
    boundary = headers.get_boundary()
    if headers.get_content_type() != "multipart/signed" or not boundary or not boundary.isascii():
        raise Untrusted("not_signed")
    line = rb"\r\n--" + re.escape(boundary.encode()) + rb"(?:--)?[ \t]*(?=\r\n|\Z)"
    sections = re.split(line, b"\r\n" + body)
    if len(sections) != 4:
        raise Untrusted("not_two_parts")
    part, (_, _, encoded) = sections[1].removeprefix(b"\r\n"), sections[2].removeprefix(b"\r\n").partition(b"\r\n\r\n")
    try:
        return part, base64.b64decode(encoded, validate=False)
    except binascii.Error:
        raise Untrusted("unreadable_signature") from None


def _signer_of(signer: Any, carried: Sequence[x509.Certificate]) -> x509.Certificate:
    sid = signer["sid"]
    if sid.name != "issuer_and_serial_number":
        raise Untrusted("signer_unnamed")
    issuer, serial = sid.chosen["issuer"].dump(), sid.chosen["serial_number"].native
    for certificate in carried:
        if certificate.serial_number == serial and certificate.issuer.public_bytes() == issuer:
            return certificate
    raise Untrusted("signer_missing")


def _verify(signer: Any, leaf: x509.Certificate, part: bytes) -> None:
    name = signer["digest_algorithm"]["algorithm"].native
    if name not in _HASHES:
        raise Untrusted("digest_refused")
    algorithm = _HASHES[name]()
    digest = hashes.Hash(algorithm)
    digest.update(part)
    attributes = {each["type"].native: each["values"] for each in signer["signed_attrs"]}
    if attributes["content_type"].native != ["data"] or attributes["message_digest"].native != [digest.finalize()]:
        raise Untrusted("content_changed")
    content, signature, key = signer["signed_attrs"].untag().dump(), signer["signature"].native, leaf.public_key()
    kind = signer["signature_algorithm"].signature_algo
    try:
        if isinstance(key, rsa.RSAPublicKey) and kind == "rsassa_pkcs1v15" and key.key_size >= 2048:
            key.verify(signature, content, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey) and kind == "ecdsa":
            key.verify(signature, content, ec.ECDSA(algorithm))
        else:
            raise Untrusted("algorithm_refused")
    except InvalidSignature:
        raise Untrusted("signature_wrong") from None


def _chain(
    leaf: x509.Certificate, carried: Sequence[x509.Certificate], authorities: Sequence[x509.Certificate], at: datetime
) -> None:
    """From the signer up to one that is trusted, each valid `at` that time."""
    at_end = leaf
    for _ in range(_LONGEST_CHAIN):
        if not at_end.not_valid_before_utc <= at <= at_end.not_valid_after_utc:
            raise Untrusted("certificate_not_valid_then")
        if at_end in authorities:
            return
        above = next((each for each in (*authorities, *carried) if _issued(each, at_end)), None)
        if above is None:
            break
        at_end = above
    raise Untrusted("provider_not_trusted")


def _issued(above: x509.Certificate, below: x509.Certificate) -> bool:
    try:
        if not above.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return False
        below.verify_directly_issued_by(above)
    except (x509.ExtensionNotFound, ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _addresses(leaf: x509.Certificate) -> frozenset[str]:
    found = [str(each.value) for each in leaf.subject.get_attributes_for_oid(x509.NameOID.EMAIL_ADDRESS)]
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        pass
    else:
        found += names.get_values_for_type(x509.RFC822Name)
    mine = frozenset(each.lower() for each in found if each.lower().startswith(f"{LOCAL_PART}@"))
    if not mine:
        raise Untrusted("not_a_provider_s_certificate")
    return mine
