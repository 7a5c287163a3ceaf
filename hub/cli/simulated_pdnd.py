"""The simulated PDND beside a hub: enti that take its vouchers, and a client of it that a vendor may sign with.

What it knows is in its memory alone. Its clients and purposes have the same ids and keys each time, so that a vendor
registered with them publishes again the next time. The enti are taken out of it at the end.
"""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from hub.bootstrap import simulated_pdnd
from hub.home import Home
from hub.registry import Ente, Pdnd
from hub.security.jwk import public_jwk
from hub.security.keys import new_key, private_pem, write_private
from hub.security.sign import SigningKey
from hub.store.database import Tx
from hub.store.directory import load_registry, set_pdnd
from hub.store.pdnd_clients import PdndClients, PdndCredentials

from .console import WrongUsage
from .pdnd_signing import PdndMember

ISSUER: Final = "simulated.interop.pagopa.it"
API_CLIENT: Final = "simulated"
"""The name of the ente's client for the keys API."""
KEY_FILE: Final = "key.pem"


class PlayedPdnd:
    """A simulated PDND with its folder of keys and files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._simulation = simulated_pdnd(folder, issuer=ISSUER)
        self._settings: Mapping[str, Any] = {}
        self._api_key: SigningKey | None = None
        self.url = ""

    def start(self) -> None:
        self._settings = self._simulation.start()
        self.url = self._simulation.pdnd.base_url

    def stop(self) -> None:
        self._simulation.stop()

    def admit(self, tx: Tx, home: Home, ente: Ente) -> None:
        """The ente takes its vouchers for what vendors publish, and may read keys there."""
        given = self._settings
        service = Pdnd(given["issuer"], given["jwks_url"], ente.publish_audience, given["keys_url"])
        set_pdnd(tx, ente.ente_id, service)
        records, client_id = self._simulation.pdnd.records, _id("api", ente.publish_audience)
        key = SigningKey(new_key("rs256"))
        records.add_client("api", client_id=client_id)
        kid = records.add_key(client_id, key.public_jwk())
        pem = private_pem(key.private).decode()
        settings = (given["token_url"], given["audience"], None, True, pem)
        PdndClients(home.vault).save(tx, PdndCredentials(ente.ente_id, API_CLIENT, "api", client_id, kid, *settings))

    def vendor(self, name: str, enti: tuple[Ente, ...], key: SigningKey) -> dict[str, PdndMember]:
        """A client with that key and, for each ente, a purpose; by ente."""
        records, given = self._simulation.pdnd.records, self._settings
        client_id = records.add_client(client_id=_id(name))
        kid = records.add_key(client_id, cast("dict[str, Any]", public_jwk(key.private.public_key())))
        found = {}
        for ente in enti:
            audience = ente.publish_audience
            purpose_id = records.add_purpose(client_id, audience=audience, purpose_id=_id(name, audience))
            found[ente.ente_id] = PdndMember(
                client_id=client_id,
                kid=kid,
                purpose_id=purpose_id,
                token_url=given["token_url"],
                audience=given["audience"],
                eservice_audience=audience,
            )
        return found


@dataclass(frozen=True, slots=True)
class Playing:
    """What whoever started it is told."""

    url: str
    folder: Path
    key: Path
    members: Mapping[str, PdndMember]
    """By ente: the same client, another purpose. Each is in a file of the ente's name, too."""
    vendors: Mapping[str, str] = field(default_factory=dict)
    """By ente: the vendor registered with that client already."""

    def file(self, ente_id: str) -> Path:
        return self.folder / f"{ente_id}.json"

    def shown(self) -> dict[str, Any]:
        """For machines."""
        files = {ente_id: str(self.file(ente_id)) for ente_id in self.members}
        return {"url": self.url, "folder": str(self.folder), "key": str(self.key), "clients": files}

    def lines(self, hub_url: str) -> Iterator[str]:
        """For people: where it is, and how a vendor publishes with a voucher of it to the hub at `hub_url`."""
        yield f"PDND is simulated at {self.url}; its ledger is in {self.folder}"
        home = self.folder.parent.parent
        for ente_id, member in self.members.items():
            vendor = self.vendors.get(ente_id)
            if vendor is None:
                vendor = "acme-pdnd"
                yield f"  a vendor of {ente_id} with its voucher (asked for by `sign`), registered first:"
                yield (
                    f"    raccordo vendor add {vendor} --name Acme --trust pdnd --profile clients={member.client_id} "
                    f"--profile purposes={member.purpose_id} --ente {ente_id} --home {home}"
                )
            else:
                yield f"  {vendor} of {ente_id} publishes with its voucher, which `sign` asks for:"
            yield (
                f"    raccordo sign --pdnd {self.file(ente_id)} --key {self.key} --iss {vendor} "
                f"--url {hub_url}/publish/v1/messages --body samples/message.json --send"
            )


@contextmanager
def playing_pdnd(home: Home, folder: Path) -> Iterator[Playing]:
    """The simulated PDND at work until the block ends; meanwhile every ente that is served is registered in it.

    Raises:
        WrongUsage: an ente is registered in a real one.
    """
    with home.database.read() as connection:
        registry = load_registry(connection)
        clients = PdndClients(home.vault).load(connection).values()
    for ente in registry.served:
        elsewhere = ente.pdnd is not None and not is_simulated(ente.pdnd)
        if elsewhere or any(one.ente_id == ente.ente_id and _reads_real_keys(one) for one in clients):
            raise WrongUsage(
                f"--simulate: {ente.ente_id} is registered at a real PDND, which would be forgotten; "
                "simulate in another --home"
            )
    played = PlayedPdnd(folder)
    played.start()
    try:
        with home.database.write() as tx:
            for ente in registry.served:
                played.admit(tx, home, ente)
        members = played.vendor("vendor", registry.served, _kept_key(folder / KEY_FILE))
        told = Playing(played.url, folder, folder / KEY_FILE, members, _registered(registry.vendors.values(), members))
        for ente_id, member in members.items():
            told.file(ente_id).write_text(member.model_dump_json(indent=2) + "\n")
        yield told
    finally:
        _leave(home)
        played.stop()


def is_simulated(pdnd: Pdnd) -> bool:
    """Whether an ente is registered in a simulated PDND, running or not."""
    return pdnd.issuer == ISSUER and pdnd.jwks_url.startswith("http:")


def _reads_real_keys(one: PdndCredentials) -> bool:
    return one.kind == "api" and not (one.name == API_CLIENT and one.token_url.startswith("http:"))


def still_registered(home: Home) -> list[str]:
    """The enti that a run which was killed has left in a simulated PDND."""
    with home.database.read() as connection:
        return [one.ente_id for one in load_registry(connection).enti if one.pdnd and is_simulated(one.pdnd)]


def _leave(home: Home) -> None:
    for ente_id in still_registered(home):
        with home.database.write() as tx:
            set_pdnd(tx, ente_id, None)
            if (ente_id, API_CLIENT) in PdndClients(home.vault).load(tx.connection):
                PdndClients(home.vault).remove(tx, ente_id, API_CLIENT)


def _registered(vendors: Any, members: Mapping[str, PdndMember]) -> dict[str, str]:
    return {
        one.ente_id: one.vendor_id
        for one in vendors
        if one.ente_id in members and members[one.ente_id].client_id in one.profile.clients
    }


def _kept_key(path: Path) -> SigningKey:
    """The key in that file; made where there is none."""
    if not path.exists():
        write_private(path, private_pem(new_key("rs256")))
    return SigningKey.load(path)


def _id(*names: str) -> str:
    """The same UUID for the same names, as PDND would have given once and for all."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "\n".join((ISSUER, *names))))
