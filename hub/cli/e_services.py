"""`ente pdnd`: the e-service that an ente registered at PDND, and the environment it is in."""

from dataclasses import fields, replace
from typing import Annotated, Any, Final, Literal

import typer

from contracts.base import HttpsUrl
from hub.admin.acting import Acted
from hub.registry import Pdnd
from hub.store.database import Tx
from hub.store.directory import AlreadyThere, set_pdnd

from .console import Failed, WrongUsage, told
from .options import HOME, AsJson, EnteCode, HomeFolder, checked, ente_of, listed, opened, word
from .revealing import act

_ID_LENGTH: Final = 64


def pdnd(
    issuer: Annotated[str | None, typer.Option("--issuer", help="`iss` of the environment's vouchers.")] = None,
    jwks_url: Annotated[str | None, typer.Option("--jwks-url", help="Where PDND publishes its own keys.")] = None,
    audience: Annotated[str | None, typer.Option("--audience", help="The e-service's audience, as registered.")] = None,
    keys_url: Annotated[str | None, typer.Option("--keys-url", help="Base of PDND's API of keys.")] = None,
    api_version: Annotated[Literal["v1", "v2", "v3"] | None, typer.Option("--api-version", help="Of that API.")] = None,
    eservice_id: Annotated[str | None, typer.Option("--eservice-id")] = None,
    producer_id: Annotated[str | None, typer.Option("--producer-id")] = None,
    descriptor_ids: Annotated[str | None, typer.Option("--descriptor-ids", help="a,b: versions in service.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="The ente is no longer at PDND.")] = False,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """What the ente registered at PDND; without options, show it. What is not given stays."""
    texts = {"issuer": issuer, "audience": audience, "eservice_id": eservice_id, "producer_id": producer_id}
    given: dict[str, Any] = {name: _text(name, value) for name, value in texts.items() if value is not None}
    for name, url in (("jwks_url", jwks_url), ("keys_url", keys_url)):
        if url is not None:
            given[name] = checked(HttpsUrl, url, name=_option(name)).rstrip("/")
    if api_version is not None:
        given["api_version"] = api_version
    if descriptor_ids is not None:
        given["descriptor_ids"] = frozenset(_text("descriptor_ids", one) for one in listed(descriptor_ids))
    if remove and given:
        raise WrongUsage("--remove: it goes with no other option")
    with opened(home) as one:
        with one.database.read() as connection:
            body = ente_of(connection, ente)
        registered = None if remove else _changed(body.pdnd, given)

        def put(tx: Tx) -> Acted | Failed:
            try:
                set_pdnd(tx, body.ente_id, registered)
            except AlreadyThere as taken:
                return Failed(f"--audience: the ente {taken} has it already")
            before, after = (None if each is None else shown_pdnd(each) for each in (body.pdnd, registered))
            return Acted(None, f"enti/{body.ente_id}/pdnd", before, after)

        if remove or given:
            operation = "remove_pdnd_registration" if remove else "change_pdnd_registration"
            act(one, operation, body.ente_id, put)
    text = f"{body.name} ({body.ente_id}) is not at PDND"
    if registered is not None:
        text = f"{body.name} ({body.ente_id}) takes vouchers of {registered.issuer} for {registered.audience}"
    told({"ente_id": body.ente_id, "pdnd": registered and shown_pdnd(registered)}, as_json=as_json, text=text)


def shown_pdnd(registered: Pdnd) -> dict[str, Any]:
    found = {one.name: getattr(registered, one.name) for one in fields(Pdnd)}
    return found | {"descriptor_ids": sorted(registered.descriptor_ids)}


def _changed(present: Pdnd | None, given: dict[str, Any]) -> Pdnd | None:
    if present is not None:
        return replace(present, **given)
    if not given:
        return None
    missing = [name for name in ("issuer", "jwks_url", "audience") if not given.get(name)]
    if missing:
        raise WrongUsage(f"{_option(missing[0])}: needed the first time")
    return Pdnd(**given)


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _text(name: str, value: str) -> str:
    most = 500 if name in ("issuer", "audience") else _ID_LENGTH
    return word(value, most=most, name=_option(name))
