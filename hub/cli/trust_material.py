"""Trust material from files: what an administrator hands over, checked before the registry keeps it."""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography import x509

from hub.registry import Key
from hub.security.causes import CAUSES, Refusal
from hub.security.certificates import presented_key
from hub.security.der import pem_parts
from hub.security.jwk import jwk_key
from hub.security.keys import certificates_pem
from hub.security.presented import Presented
from hub.store.directory import NewKey

from .console import WrongUsage
from .options import read_bytes, read_text

_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})


def read_material(
    trust: str,
    *,
    anchor: Path | None,
    public_anchor: Path | None,
    thumbprints: Sequence[str] | None,
    certificates: Sequence[Path] | None,
    jwks: Path | None,
    channel_anchor: Path | None,
    channel_thumbprints: Sequence[str] | None,
    now: datetime,
    channel_alone: bool = False,
) -> list[NewKey]:
    """What the options hand over, which must fit the kind of trust; `channel_alone`: no key of signatures is needed."""
    keys = [read_thumbprint(text, kind="channel_thumbprint") for text in channel_thumbprints or ()]
    if channel_anchor:
        keys.append(read_anchor(channel_anchor, kind="channel_anchor", now=now, name="--channel-anchor"))
    given = {
        "--anchor": anchor,
        "--public-anchor": public_anchor,
        "--thumbprint": thumbprints,
        "--certificate": certificates,
        "--jwks": jwks,
    }
    for option, value in given.items():
        if value and (trust == "pdnd" or (option == "--jwks") is not (trust == "jwk")):
            raise WrongUsage(f"{option} does not go with --trust {trust}")
    if anchor and public_anchor:
        raise WrongUsage("--anchor and --public-anchor exclude each other: a CA is the vendor's own or everybody's")
    if jwks:
        return [*keys, *read_jwks(jwks, name="--jwks")]
    signing = len(keys)
    keys += [read_thumbprint(text) for text in thumbprints or ()]
    keys += [read_certificate(path, now=now, name="--certificate") for path in certificates or ()]
    if anchor:
        keys.append(read_anchor(anchor, kind="anchor", now=now, name="--anchor"))
    if public_anchor:
        keys.append(read_anchor(public_anchor, kind="public_anchor", now=now, name="--public-anchor"))
    if len(keys) == signing and trust != "pdnd" and not (channel_alone and keys):
        wanted = "--jwks" if trust == "jwk" else "--anchor, --public-anchor, --certificate or --thumbprint"
        raise WrongUsage(f"--trust {trust} needs {wanted}")
    return keys


def name_of(key: Key) -> str:
    """A short public name of an entry: its kid, or what its certificates are."""
    if key.kid:
        return key.kid
    if key.kind.endswith("thumbprint"):
        return key.material
    found = x509.load_pem_x509_certificates(key.material.encode("ascii"))
    return "; ".join(f"{one.subject.rfc4514_string()} until {one.not_valid_after_utc:%Y-%m-%d}" for one in found)


def own_end(key: Key) -> datetime | None:
    """The end that an entry's certificates have by themselves; None for what is no certificate."""
    if key.kind.endswith("anchor"):
        return _end(x509.load_pem_x509_certificates(key.material.encode("ascii")))
    if key.kind == "certificate":
        return _end(x509.load_pem_x509_certificates(key.material.encode("ascii"))[:1])
    return None


def read_jwks(path: Path, *, kind: str = "jwk", name: str) -> list[NewKey]:
    """The public signing keys of a JWK set (or of one JWK); each is known by its `kid`."""
    try:
        content = json.loads(read_text(path, name=name))
    except ValueError:
        raise WrongUsage(f"{name}: {path} is not JSON") from None
    entries = content.get("keys", [content]) if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise WrongUsage(f"{name}: {path} is not a JWK set")
    keys = [_jwk(entry, kind, name) for entry in entries if not isinstance(entry, dict) or entry.get("use") != "enc"]
    if not keys:
        raise WrongUsage(f"{name}: {path} holds no signing key")
    if len({key.kid for key in keys}) < len(keys):
        raise WrongUsage(f"{name}: two keys in {path} have the same kid")
    return keys


def _jwk(entry: Any, kind: str, name: str) -> NewKey:
    if not isinstance(entry, dict):
        raise WrongUsage(f"{name}: a key of the set is no JSON object")
    if _PRIVATE & entry.keys():
        raise WrongUsage(f"{name}: the file holds a private key; hand over the public part alone")
    material = json.dumps(entry, sort_keys=True)
    try:
        thumbprint = jwk_key(material).signer.removeprefix("jwk:")
    except Refusal as refusal:
        raise WrongUsage(f"{name}: {refusal.note or CAUSES[refusal.code].text}") from None
    kid = entry.get("kid", thumbprint)
    if not isinstance(kid, str) or not 0 < len(kid) <= 200:
        raise WrongUsage(f"{name}: a kid is a text of 1 to 200 characters")
    return NewKey(kind, material, kid)


def read_anchor(path: Path, *, kind: str, now: datetime, name: str) -> NewKey:
    """The CA certificates of a PEM file; whatever else is in the file (a key, by mistake) is left there."""
    try:
        found = [x509.load_pem_x509_certificate(pem) for pem in pem_parts(read_bytes(path, name=name))]
    except ValueError:
        raise WrongUsage(f"{name}: a certificate in {path} cannot be read") from None
    if not found:
        raise WrongUsage(f"{name}: {path} holds no certificate in PEM")
    for certificate in found:
        if not _is_authority(certificate):
            raise WrongUsage(f"{name}: {path} holds a certificate that is no CA; pin a leaf with --thumbprint")
        if certificate.not_valid_after_utc <= now:
            raise WrongUsage(f"{name}: a certificate in {path} expired on {certificate.not_valid_after_utc:%Y-%m-%d}")
    return NewKey(kind, certificates_pem(found).decode("ascii"), valid_to=_end(found))


def read_certificate(path: Path, *, now: datetime, name: str) -> NewKey:
    """A vendor's own certificate, pinned, which `x5t#S256` may then name; its issuer after it, for revocation."""
    try:
        found = [x509.load_pem_x509_certificate(pem) for pem in pem_parts(read_bytes(path, name=name))]
    except ValueError:
        raise WrongUsage(f"{name}: a certificate in {path} cannot be read") from None
    if not found:
        raise WrongUsage(f"{name}: {path} holds no certificate in PEM")
    leaf, *others = found
    if _is_authority(leaf):
        raise WrongUsage(f"{name}: {path} begins with a CA; the vendor's own certificate comes first")
    if leaf.not_valid_after_utc <= now:
        raise WrongUsage(f"{name}: the certificate in {path} expired on {leaf.not_valid_after_utc:%Y-%m-%d}")
    try:
        presented_key(Presented(leaf, tuple(others)))
    except Refusal as refusal:
        raise WrongUsage(f"{name}: {refusal.note or CAUSES[refusal.code].text}") from None
    return NewKey("certificate", certificates_pem(found).decode("ascii"), valid_to=_end([leaf]))


def _end(certificates: Sequence[x509.Certificate]) -> datetime:
    """When the last of them ends: said to the registry too, so that the alert on keys that end knows of it."""
    return max(one.not_valid_after_utc for one in certificates)


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except (x509.ExtensionNotFound, ValueError):
        return False


def read_thumbprint(text: str, *, kind: str = "thumbprint") -> NewKey:
    """A pinned certificate: the hex SHA-256 of its DER, colons allowed."""
    plain = text.replace(":", "").strip().lower()
    if not re.fullmatch(r"[0-9a-f]{64}", plain):
        option = "--" + kind.replace("_", "-")
        raise WrongUsage(f"{option}: not the 64 hex digits of a certificate's SHA-256")
    return NewKey(kind, plain)
