"""`ente pdnd-client`: what an ente asks vouchers with at PDND."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from contracts.base import Code, HttpsUrl
from contracts.tls import BadCertificate
from hub.admin.acting import Acted
from hub.store.database import Tx
from hub.store.directory import AlreadyThere, NotThere
from hub.store.pdnd_clients import PdndClients, PdndCredentials
from hub.trust.credentials import UnusableKey, key_of, read_certificate, read_key

from .console import Failed, WrongUsage, table, told
from .options import (
    HOME,
    AsJson,
    EnteCode,
    HomeFolder,
    checked,
    ente_id_of,
    ente_of,
    opened,
    read_bytes,
    read_text,
    word,
)
from .pdnd_checks import check
from .revealing import act

group = typer.Typer(name="pdnd-client", help="The ente's clients at PDND, which vouchers are asked with.")
group.command()(check)

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_KID: Final = re.compile(r"[A-Za-z0-9_-]{1,200}")

ClientName = Annotated[str, typer.Argument(metavar="NAME")]


@group.command("add")
def add(
    name: ClientName,
    client_id: Annotated[str, typer.Option("--client-id", help="UUID of the client at PDND.")],
    kid: Annotated[str, typer.Option("--kid", help="Id that PDND gave its public key.")],
    token_url: Annotated[str, typer.Option("--token-url", help="Where vouchers are asked for.")],
    audience: Annotated[str, typer.Option("--audience", help="Of client assertions, as the back office tells it.")],
    kind: Annotated[Literal["consumer", "api"], typer.Option("--kind", help="api: for PDND's own API.")] = "consumer",
    purpose_id: Annotated[str | None, typer.Option("--purpose-id", help="UUID of the purpose (finalità).")] = None,
    key: Annotated[
        Path | None, typer.Option("--key", metavar="FILE", help="Private RSA key in PEM, to be sealed; - for stdin.")
    ] = None,
    key_reference: Annotated[
        str | None, typer.Option("--key-reference", help="file:/path, env:NAME or pkcs11:URI: where the key stays.")
    ] = None,
    dpop: Annotated[
        bool | None,
        typer.Option("--dpop/--bearer", help="Vouchers bound to a key; by default for the API of keys v3 alone."),
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option(
            "--certificate", metavar="FILE", help="Client certificate in PEM with its chain and key, to be sealed."
        ),
    ] = None,
    certificate_reference: Annotated[
        str | None, typer.Option("--certificate-reference", help="file:/path or env:NAME: where such a file stays.")
    ] = None,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Register a client, or replace the one of that name. In effect within two seconds."""
    checked(Code, name, name="the client's name")
    if (kind == "api") is (purpose_id is not None):
        raise WrongUsage(
            "--purpose-id: a client of kind api has none" if kind == "api" else "--purpose-id: a consumer needs one"
        )
    if not _KID.fullmatch(kid):
        raise WrongUsage("--kid: letters, digits, - and _ alone, as PDND gives it")
    audience = word(audience.strip(), most=500, name="--audience")
    token_url = checked(HttpsUrl, token_url, name="--token-url")
    if len(token_url) > 500 or "?" in token_url or "#" in token_url:
        raise WrongUsage("--token-url: at most 500 characters, without query and fragment")
    pem = _key(key, key_reference)
    shown = _certificate(certificate, certificate_reference)
    with opened(home) as one:
        with one.database.read() as connection:
            body = ente_of(connection, ente)
        ente_id = body.ente_id
        # Version 3 of PDND's API takes no others.
        needs_dpop = kind == "api" and body.pdnd is not None and body.pdnd.api_version == "v3"
        made = PdndCredentials(
            ente_id,
            name,
            kind,
            _uuid(client_id, "--client-id"),
            kid,
            token_url,
            audience,
            _uuid(purpose_id, "--purpose-id") if purpose_id else None,
            needs_dpop if dpop is None else dpop,
            pem,
            key_reference or "",
            shown,
            certificate_reference or "",
        )

        def put(tx: Tx) -> Acted | Failed:
            clients = PdndClients(one.vault)
            before = clients.load(tx.connection).get((ente_id, name))
            try:
                clients.save(tx, made)
            except AlreadyThere as other:
                return Failed(f"--kind: {ente_id} has a client of kind api already, {other}; remove it first")
            return Acted(None, f"pdnd-clients/{name}", None if before is None else _shown(before), _shown(made))

        act(one, "add_pdnd_client", ente_id, put)
    told(_shown(made), as_json=as_json, text=f"PDND client {name} of {ente_id}: {kind}, {made.client_id}")


@group.command("list")
def list_(home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """The clients; their keys are never shown."""
    with opened(home) as one, one.database.read() as connection:
        found = PdndClients(one.vault).load(connection)
    table([_shown(one) for one in found.values()], as_json=as_json, empty="no client at PDND is registered")


@group.command("remove")
def remove(name: ClientName, ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """Take a client away, with its key. At PDND it stays: delete its key there too."""
    with opened(home) as one:
        ente_id = ente_id_of(one, ente)

        def put(tx: Tx) -> Acted | Failed:
            try:
                PdndClients(one.vault).remove(tx, ente_id, name)
            except NotThere:
                return Failed(f"there is no PDND client {name!r} in {ente_id}")
            return Acted(None, f"pdnd-clients/{name}")

        act(one, "remove_pdnd_client", ente_id, put)
    told({"ente_id": ente_id, "name": name}, as_json=as_json, text=f"PDND client {name} of {ente_id} is removed")


def _key(key: Path | None, reference: str | None) -> str:
    """The PEM to be sealed; empty where the key stays elsewhere, which is looked at all the same."""
    if (key is None) is (reference is None):
        raise WrongUsage("--key or --key-reference: exactly one of them")
    if reference is not None:
        if len(reference) > 500:
            raise WrongUsage("--key-reference: at most 500 characters")
        try:
            key_of(reference)
        except UnusableKey as fault:
            raise WrongUsage(f"--key-reference: {fault}") from None
        return ""
    assert key is not None
    pem = read_bytes(key, name="--key")
    try:
        read_key(pem)
    except UnusableKey as fault:
        raise WrongUsage(f"--key: {fault}") from None
    return pem.decode("ascii", "replace")


def _certificate(file: Path | None, reference: str | None) -> str:
    """The PEM to be sealed; empty where there is none or it stays elsewhere, which is looked at all the same."""
    if file is None and reference is None:
        return ""
    if file is not None and reference is not None:
        raise WrongUsage("--certificate or --certificate-reference: one of them")
    option = "--certificate" if reference is None else "--certificate-reference"
    if reference is not None and len(reference) > 500:
        raise WrongUsage(f"{option}: at most 500 characters")
    pem = read_text(file, name=option) if file is not None else ""
    try:
        read_certificate(pem, reference or "").check_dates(datetime.now(UTC))
    except (UnusableKey, BadCertificate) as fault:
        raise WrongUsage(f"{option}: {fault}") from None
    return pem


def _uuid(text: str, option: str) -> str:
    if not _UUID.fullmatch(text):
        raise WrongUsage(f"{option}: not a UUID, which PDND gives")
    return text


def _shown(one: PdndCredentials) -> dict[str, Any]:
    return {
        "ente_id": one.ente_id,
        "name": one.name,
        "kind": one.kind,
        "client_id": one.client_id,
        "kid": one.kid,
        "token_url": one.token_url,
        "audience": one.audience,
        "purpose_id": one.purpose_id,
        "dpop": one.bound,
        "key": one.key_reference or "sealed",
        "certificate": one.certificate_reference or ("sealed" if one.certificate_pem else None),
    }
