"""`keys new`: keys, JWK set and test certificates for vendors and portals."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from hub.security.jose import PrivateKey
from hub.security.jwk import public_jwk
from hub.security.keys import (
    Authority,
    KeyType,
    algorithm,
    certificates_pem,
    jwks,
    new_authority,
    new_key,
    new_leaf,
    private_pem,
    write_private,
    write_public,
)
from hub.security.presented import thumbprint

from .console import Failed, WrongUsage, record
from .options import AsJson

group = typer.Typer(name="keys", help="Keys and test certificates.")

_CA, _CA_KEY = "ca.pem", "ca-key.pem"


@group.callback()
def _group() -> None:
    """Keys and test certificates."""


@group.command("new")
def new(
    kind: Annotated[KeyType, typer.Option("--kind", help="The algorithm it signs with.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Gets key.pem, jwks.json, and cert.pem.")],
    subject: Annotated[
        str | None, typer.Option("--subject", metavar="CN", help="Also a certificate in that name, under DIR/ca.pem.")
    ] = None,
    organization_identifier: Annotated[
        str | None, typer.Option("--organization-identifier", help="2.5.4.97 of the certificate, such as VATIT-...")
    ] = None,
    ca: Annotated[
        bool, typer.Option("--ca", help="Make the test CA DIR/ca.pem, or use the one that is there.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """A new private key (0600, never overwritten) with its JWK set and, with --subject, its certificate."""
    now = datetime.now(UTC)
    out.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority = _authority(out, ca=ca, now=now)
    if subject is not None and authority is None:
        raise WrongUsage(f"--subject needs a CA: give --ca, as there is no {out / _CA}")
    private = new_key(kind)
    files = {"key": out / "key.pem", "jwks": out / "jwks.json"}
    contents = {"jwks": jwks([private.public_key()], algorithm(kind)).encode()}
    told: dict[str, Any] = {"kid": public_jwk(private.public_key())["kid"]}
    if subject is not None:
        assert authority is not None
        leaf = new_leaf(
            authority, subject, private.public_key(), now=now, organization_identifier=organization_identifier
        )
        files["cert"], contents["cert"] = out / "cert.pem", certificates_pem([leaf])
        told["thumbprint"] = thumbprint(leaf)
    present = [path for path in files.values() if path.exists()]
    if present:
        raise Failed(f"{present[0]} is there already; keys are never overwritten")
    write_private(files["key"], private_pem(private))
    for name, content in contents.items():
        write_public(files[name], content)
    if authority is not None:
        files["ca"] = out / _CA
    record({name: str(path) for name, path in files.items()} | told, as_json=as_json)


def _authority(out: Path, *, ca: bool, now: datetime) -> Authority | None:
    """The CA of the folder; with `ca`, made where there is none."""
    certificate, key = out / _CA, out / _CA_KEY
    if certificate.exists() and key.exists():
        return read_authority(out, name="--out")
    if not ca:
        return None
    made = new_authority("Raccordo test CA", now=now)
    if certificate.exists() or key.exists():
        raise Failed(f"{out} holds half a CA: {_CA} and {_CA_KEY} go together")
    write_private(key, private_pem(made.key))
    write_public(certificate, certificates_pem([made.certificate]))
    return made


def read_authority(folder: Path, *, name: str) -> Authority:
    """The test CA that `keys new --ca` made there. Raises WrongUsage."""
    certificate, key = folder / _CA, folder / _CA_KEY
    try:
        private = load_pem_private_key(key.read_bytes(), password=None)
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (ValueError, TypeError, OSError):
        raise WrongUsage(f"{name}: the CA in {folder} cannot be read") from None
    if not isinstance(private, PrivateKey) or private.public_key() != found.public_key():
        raise WrongUsage(f"{name}: {key} is not the key of {certificate}")
    return Authority(private, found)
