"""`admin second-factor`: what a local account signs in with, beside its password."""

import sys
from typing import Annotated

import segno
import typer

from hub.admin.acting import Acted
from hub.admin.second_factor import enrolment_uri, new_recovery_codes, new_secret, normal
from hub.store import second_factors as store
from hub.store.administrators import Administrator, change_administrator
from hub.store.database import Tx
from hub.store.directory import AlreadyThere, NotThere

from .console import Failed, say, told
from .options import HOME, AsJson, EnteCode, HomeFolder, ente_of, opened
from .revealing import act

group = typer.Typer(name="second-factor", help="One-time codes (TOTP) beside the password of a local account.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The account's name, such as anna.verdi.")]


@group.command("enrol")
def enrol(
    name: Name,
    qr: Annotated[bool, typer.Option("--qr", help="Draw the QR code for the authenticator app too.")] = False,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Give an account a second factor. Its URI and its recovery codes are printed this once; its sessions end."""
    username, secret, codes = name.lower(), new_secret(), new_recovery_codes()
    with opened(home) as one:
        with one.database.read() as connection:
            of = ente_of(connection, ente)

        def put(tx: Tx) -> Acted | Failed:
            account = _account(tx, of.ente_id, username)
            if isinstance(account, Failed):
                return account
            try:
                store.enrol(tx, one.vault, account, secret, [normal(each) for each in codes])
            except AlreadyThere:
                return Failed(f"account {username!r} has a second factor: reset it first, and it holds no longer")
            return _acted(username, has=True)

        act(one, "enrol_second_factor", of.ente_id, put)
    uri = enrolment_uri(secret, username, of.name)
    shown = {"username": username, "uri": uri, "recovery_codes": codes}
    told(shown, as_json=as_json, text=f"account {username} has a second factor: {uri}")
    if as_json:
        return
    if qr:
        segno.make(uri, micro=False).terminal(sys.stdout, compact=True)
    say("recovery codes, each good once in the place of the device's:")
    for each in codes:
        say(each)


@group.command("reset")
def reset(name: Name, ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """Take an account's second factor away, with its recovery codes; its sessions end."""
    username = name.lower()
    with opened(home) as one:
        with one.database.read() as connection:
            ente_id = ente_of(connection, ente).ente_id

        def put(tx: Tx) -> Acted | Failed:
            account = _account(tx, ente_id, username)
            if isinstance(account, Failed):
                return account
            try:
                store.reset(tx, account)
            except NotThere:
                return Failed(f"account {username!r} has no second factor")
            return _acted(username, has=False)

        act(one, "reset_second_factor", ente_id, put)
    shown = {"username": username, "second_factor": False}
    told(shown, as_json=as_json, text=f"account {username} has no second factor any more")


def _account(tx: Tx, ente_id: str, username: str) -> Administrator | Failed:
    """The local account, whose sessions end: they began with less, or with what holds no longer."""
    try:
        account = change_administrator(tx, ente_id, username)
    except NotThere:
        return Failed(f"there is no account {username!r} in {ente_id}")
    if account.provider_id is not None:
        return Failed(f"account {username!r} signs in through {account.provider_id}: its second factor is there")
    return account


def _acted(username: str, *, has: bool) -> Acted:
    return Acted(None, f"administrators/{username}", {"second_factor": not has}, {"second_factor": has})
