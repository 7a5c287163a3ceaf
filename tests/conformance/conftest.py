"""A running hub to try, and the vendors that try it: one for each kind of key."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from hub.conformance.draft import Party
from hub.conformance.report import Report
from hub.conformance.vendor import Kit, Trial
from hub.home import Home
from hub.registry import Vendor
from hub.security.keys import certificates_pem, new_authority, new_key, new_leaf, private_pem
from hub.security.sign import SigningKey
from hub.store import directory
from hub.store.directory import NewKey
from tests.conformance.profiles import NOBODY, patterns
from tests.harness import ALL_COLLECTIONS, ENTE, PUBLISH_AUDIENCE, Caller, HubUnderTest, running_hub

__all__ = ["NOBODY", "Tried", "patterns", "tried"]


class Tried:
    """The hub, and a vendor's files as the command line takes them."""

    def __init__(self, hub: HubUnderTest, folder: Path, keys: dict[str, SigningKey]) -> None:
        self.hub, self.folder, self.keys = hub, folder, keys

    def report(self, only: str = "*", *, vendor: str = "acme", **more: Any) -> Report:
        key = self.keys[vendor]
        party = Party(vendor, PUBLISH_AUDIENCE, key, SigningKey(new_key(key.alg.lower()), chosen=key.alg))
        with httpx.Client(timeout=30) as client:
            return Kit(Trial(self.hub.url, party, NOBODY, only, **more), client).run()

    def options(self, vendor: str = "acme") -> list[str]:
        own = [
            f"--target={self.hub.url}",
            f"--aud={PUBLISH_AUDIENCE}",
            f"--iss={vendor}",
            f"--key={self.folder / vendor}.pem",
        ]
        return [*own, f"--cert={self.folder / vendor}.crt"] if self.keys[vendor].certificates else own


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tried]:
    folder, now = tmp_path_factory.mktemp("conformance"), datetime.now(UTC)
    authority = new_authority("Test CA", now=now)
    sealed, rsa = new_key("es256"), new_key("rs256")
    keys = {
        "sealed": SigningKey(
            sealed, (new_leaf(authority, "sealed", sealed.public_key(), now=now), authority.certificate)
        ),
        "rsa": SigningKey(rsa),
    }

    def prepare(home: Home, vendor: Caller, portal: Caller) -> None:
        keys["acme"] = vendor.key
        anchor = NewKey("anchor", certificates_pem([authority.certificate]).decode())
        jwk = NewKey("jwk", json.dumps(keys["rsa"].public_jwk()), keys["rsa"].kid)
        with home.database.write() as tx:
            for name, trust, key in (("sealed", "x509", anchor), ("rsa", "jwk", jwk)):
                one = Vendor(ENTE, name, name, trust, True, (), name, collections=ALL_COLLECTIONS)
                directory.add_vendor(tx, one, [key])
        for name, own in keys.items():
            (folder / f"{name}.pem").write_bytes(private_pem(own.private))
            (folder / f"{name}.crt").write_bytes(certificates_pem(own.certificates))

    with running_hub(folder / "home", prepare=prepare, refusals_per_minute=100_000) as hub:
        yield Tried(hub, folder, keys)
