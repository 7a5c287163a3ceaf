"""What a conformance run agrees on with whoever is tried: profile, keys, and where vouchers come from."""

import contextlib
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, cast

import httpx
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from hub.conformance.client import serving
from hub.conformance.draft import Party
from hub.conformance.issuing import Issuer, Obtained, Simulated
from hub.pdnd.simulator import Pdnd
from hub.profile import Profile, defaults_of
from hub.security import jose, jwk
from hub.security.causes import Refusal
from hub.security.keys import KeyType, new_key
from hub.security.sign import SigningKey

from .console import Failed, WrongUsage, say
from .options import read_bytes
from .profiles import Held, changed_profile

TRUSTS: Final = ("x509", "jwk", "pdnd")
HOST: Final = "127.0.0.1"


def profile_of(trust: str, pairs: Sequence[str] | None) -> Profile:
    """As `vendor set` would have it. That a TLS certificate is registered is taken for granted. Raises WrongUsage."""
    held = Held(trust, signature_only=False, kinds=frozenset({"channel_anchor"}))
    return changed_profile(defaults_of(trust), pairs or (), option="--profile", held=held)


def key_of(path: Path, cert: Path | None, alg: str | None, *, name: str = "--key") -> SigningKey:
    try:
        return SigningKey.load(path, cert, alg)
    except (ValueError, TypeError, Refusal) as error:
        reason = error.note if isinstance(error, Refusal) else str(error)
        raise WrongUsage(f"{name}: {path} cannot be used: {reason}") from None


@dataclass(frozen=True, slots=True)
class AtPdnd:
    """What the options say of PDND. With `listen` it is simulated on that port, and vouchers are the kit's own."""

    listen: int | None = None
    readers: tuple[str, ...] = ()
    """`UUID=FILE`: clients of kind "api" of whoever is tried, and their public keys."""
    token_url: str = ""
    audience: str = ""
    kid: str = ""
    key: Path | None = None
    ids: tuple[tuple[str, str], ...] = ()
    """Claims of vouchers that name the e-service."""

    def client_key(self, own: SigningKey) -> SigningKey:
        return key_of(self.key, None, None, name="--pdnd-key") if self.key is not None else own


def party_of(
    *, iss: str, aud: str, key: SigningKey, profile: Profile, pdnd: AtPdnd, issuer: Issuer | None, base_url: str
) -> Party:
    """Raises WrongUsage: a stranger's key cannot be made."""
    stranger = SigningKey(new_key(cast(KeyType, key.alg.lower())), chosen=key.alg)
    client_key = pdnd.client_key(key) if issuer is not None else None
    return Party(iss, aud, key, stranger, profile, issuer, client_key, base_url=base_url)


@contextmanager
def issuing(
    profile: Profile, pdnd: AtPdnd, *, key: SigningKey, aud: str, http: httpx.Client
) -> Iterator[Issuer | None]:
    """Where vouchers come from, until the block ends; None where the profile has none. Raises WrongUsage."""
    if profile.authentication != "voucher":
        if pdnd.listen is not None or pdnd.token_url:
            raise WrongUsage("--pdnd-listen and --token-url go with --profile authentication=voucher or --trust pdnd")
        yield None
        return
    client_id, purpose_id = sorted(profile.clients)[0], sorted(profile.purposes)[0]
    if (pdnd.listen is None) is not bool(pdnd.token_url):
        raise WrongUsage("vouchers: --token-url of PDND, or --pdnd-listen for a simulated one")
    if pdnd.listen is None:
        if not pdnd.audience or not pdnd.kid:
            raise WrongUsage("--token-url needs --pdnd-audience and --kid, as PDND's back office shows them")
        try:
            yield Obtained(
                http,
                token_url=pdnd.token_url,
                audience=pdnd.audience,
                client_id=client_id,
                kid=pdnd.kid,
                purpose_id=purpose_id,
                key=pdnd.client_key(key),
            )
        except ValueError as error:
            raise WrongUsage(f"--key: {error}") from None
        return
    with simulated(pdnd.listen, pdnd.readers) as platform:
        yield Simulated(
            platform,
            client_id=client_id,
            purpose_id=purpose_id,
            key=pdnd.client_key(key),
            audience=aud,
            ids=dict(pdnd.ids),
        )


@contextmanager
def simulated(port: int, readers: Sequence[str]) -> Iterator[Pdnd]:
    """A PDND on this machine until the block ends; tells what whoever is tried must be configured with."""
    with TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        platform = Pdnd(Path(folder) / "pdnd.jsonl")
        for reader in readers:
            _add_reader(platform, reader)
        platform.base_url = url = stack.enter_context(serving(platform, door(port, name="--pdnd-listen")))
        say(f"PDND simulata / simulated: issuer {platform.issuer}, {url}/.well-known/jwks.json, keys {url}/v3")
        say(f"  token {url}/token.oauth2, audience {platform.audience}")
        yield platform


def door(port: int, *, name: str) -> socket.socket:
    """Raises Failed."""
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        raise Failed(f"{name} {port}: {error.strerror or error}") from None


def _public(pem: bytes) -> jose.PublicKey:
    loaded = load_pem_public_key(pem)
    if not isinstance(loaded, jose.PublicKey):
        raise ValueError("neither an RSA, EC nor Ed25519 key")  # noqa: TRY004 - of the file
    return loaded


def _add_reader(platform: Pdnd, reader: str) -> None:
    client_id, equals, file = reader.partition("=")
    if not equals or not file:
        raise WrongUsage("--pdnd-reader: CLIENT_ID=FILE, its public key in PEM")
    raw = read_bytes(Path(file), name="--pdnd-reader")
    try:
        public = _public(raw)
        platform.records.add_client("api", client_id=client_id)
        kid = platform.records.add_key(client_id, dict(jwk.public_jwk(public)))
    except ValueError as error:
        raise WrongUsage(f"--pdnd-reader: {file}: {error}") from None
    say(f"  client api {client_id}: kid {kid}")
