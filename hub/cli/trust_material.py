"""Trust material from files: what an administrator hands over, checked before the registry keeps it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from hub.admin.trust_material import (
    BadMaterial,
    key_of_anchor,
    key_of_certificate,
    key_of_thumbprint,
    keys_of_jwks,
)
from hub.store.directory import NewKey

from .console import WrongUsage
from .options import read_bytes, read_text


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


def read_jwks(path: Path, *, kind: str = "jwk", name: str) -> list[NewKey]:
    """The public signing keys of a JWK set (or of one JWK); each is known by its `kid`."""
    with _told(name):
        return keys_of_jwks(read_text(path, name=name), kind=kind, what=str(path))


def read_anchor(path: Path, *, kind: str, now: datetime, name: str) -> NewKey:
    """The CA certificates of a PEM file; whatever else is in the file (a key, by mistake) is left there."""
    with _told(name):
        return key_of_anchor(read_bytes(path, name=name), kind=kind, now=now, what=str(path))


def read_certificate(path: Path, *, now: datetime, name: str) -> NewKey:
    """A vendor's own certificate, pinned, which `x5t#S256` may then name; its issuer after it, for revocation."""
    with _told(name):
        return key_of_certificate(read_bytes(path, name=name), now=now, what=str(path))


def read_thumbprint(text: str, *, kind: str = "thumbprint") -> NewKey:
    """A pinned certificate: the hex SHA-256 of its DER, colons allowed."""
    with _told("--" + kind.replace("_", "-")):
        return key_of_thumbprint(text, kind=kind)


@contextmanager
def _told(name: str) -> Iterator[None]:
    """What is wrong with the material, as the fault of an option."""
    try:
        yield
    except BadMaterial as bad:
        raise WrongUsage(f"{name}: {bad}") from None
