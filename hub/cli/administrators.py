"""`admin`: local accounts of administrators, and the identity providers that vouch for others."""

import secrets
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from contracts.administration import AdminRole, Username
from contracts.base import Code, HttpsUrl, Label
from contracts.identifiers import new_uuid7
from hub.admin.acting import Acted
from hub.admin.passwords import WeakPassword, check_strength, password_hash
from hub.admin.roles import ROLES
from hub.store import administrators as store
from hub.store.administrators import Administrator, IdentityProvider
from hub.store.database import Tx
from hub.store.directory import AlreadyThere, NotThere
from hub.store.second_factors import enrolled

from .console import Failed, WrongUsage, complain, say, table, told
from .options import (
    HOME,
    AsJson,
    EnteCode,
    HomeFolder,
    checked,
    ente_id_of,
    ente_of,
    listed,
    opened,
    read_text,
)
from .revealing import act
from .second_factors import group as second_factor_group

group = typer.Typer(name="admin", help="Who administers the ente over HTTP.")
provider_group = typer.Typer(name="provider", help="OpenID providers that vouch for administrators.")
group.add_typer(provider_group)
group.add_typer(second_factor_group)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The account's name, such as anna.verdi.")]
ProviderId = Annotated[str, typer.Argument(metavar="ID")]
PasswordFile = Annotated[
    Path | None,
    typer.Option("--password-file", metavar="FILE", help="The password, or - for standard input; else one is made."),
]
Roles = Annotated[str, typer.Option("--roles", help=f"a,b of {', '.join(ROLES)}.")]


@group.command("add")
def add(
    name: Name,
    display_name: Annotated[str, typer.Option("--name", help="The person's name, for colleagues.")],
    roles: Roles = "operator",
    password_file: PasswordFile = None,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Make a local account. A password that is made here is printed this once."""
    username = _username(name)
    password, made = _password(password_file, username)
    kept = password_hash(password)
    with opened(home) as one:
        with one.database.read() as connection:
            ente_id = ente_of(connection, ente).ente_id
        account = Administrator(
            ente_id,
            new_uuid7(),
            username,
            checked(Label, display_name, name="--name"),
            _roles(roles),
            password_hash=kept,
        )

        def put(tx: Tx) -> Acted | Failed:
            try:
                store.add_administrator(tx, account)
            except AlreadyThere:
                return Failed(f"there is an account {username!r} already")
            return Acted(None, _target(username), after=_audited(account))

        act(one, "add_administrator", ente_id, put)
    shown = _shown(account) | ({"password": password} if made else {})
    told(shown, as_json=as_json, text=f"account {username} of {ente_id}: {', '.join(sorted(account.roles))}")
    if made and not as_json:
        say(f"password: {password}")


@group.command("list")
def list_(ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """The accounts, those of identity providers too."""
    with opened(home) as one, one.database.read() as connection:
        ente_id = ente_of(connection, ente).ente_id
        found = store.list_administrators(connection, ente_id)
        have = enrolled(connection, ente_id)
    rows = [_shown(each) | {"second_factor": each.administrator_id in have} for each in found]
    table(rows, as_json=as_json, empty="no account: `raccordo admin add` makes one")


@group.command("disable")
def disable(name: Name, ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """Let an account sign in no longer; its sessions end at once."""
    _change(name, ente, home, "disable_administrator", {"active": False}, "is disabled", as_json=as_json)


@group.command("enable")
def enable(name: Name, ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """Let a disabled account sign in again."""
    _change(name, ente, home, "enable_administrator", {"active": True}, "is enabled", as_json=as_json)


@group.command("roles")
def roles_(
    name: Name,
    roles: Annotated[str, typer.Argument(metavar="ROLES", help=f"a,b of {', '.join(ROLES)}.")],
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Give an account these roles and no others; its sessions end."""
    values = {"roles": sorted(_roles(roles))}
    _change(name, ente, home, "change_administrator", values, f"has {', '.join(values['roles'])}", as_json=as_json)


@group.command("password")
def password_(
    name: Name,
    password_file: PasswordFile = None,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Give a local account a new password; its sessions end. One that is made here is printed this once."""
    password, made = _password(password_file, _username(name))
    values = {"password_hash": password_hash(password)}
    more = {"password": password} if made else {}
    _change(name, ente, home, "change_password", values, "has a new password", as_json=as_json, more=more)


@provider_group.command("set")
def set_provider(
    provider_id: ProviderId,
    issuer: Annotated[str, typer.Option("--issuer", help="Its `iss`, under which its discovery is.")],
    client_id: Annotated[str, typer.Option("--client-id")],
    role: Annotated[
        list[str], typer.Option("--role", metavar="VALUE=ROLE", help="What a value of the claim gives; repeatable.")
    ],
    role_claim: Annotated[str, typer.Option("--role-claim", help="A claim, or a path with points.")] = "groups",
    secret_file: Annotated[
        Path | None, typer.Option("--secret-file", metavar="FILE", help="The client's secret; - for standard input.")
    ] = None,
    redirect_uri: Annotated[
        str | None, typer.Option("--redirect-uri", help="Registered there; default: ours, /admin/v1/login-results.")
    ] = None,
    scope: Annotated[str, typer.Option("--scope")] = "openid profile",
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Configure a provider: administrators then sign in at /admin/v1/identity-providers/ID/logins. Sessions of before,
    of those for whom it vouches, end."""
    checked(Code, provider_id, name="the provider's id")
    if "openid" not in scope.split():
        raise WrongUsage("--scope: openid is missing")
    secret = None if secret_file is None else read_text(secret_file, name="--secret-file").rstrip("\r\n")
    with opened(home) as one:
        with one.database.read() as connection:
            of = ente_of(connection, ente)
        provider = IdentityProvider(
            of.ente_id,
            provider_id,
            checked(HttpsUrl, issuer, name="--issuer"),
            client_id,
            secret,
            checked(HttpsUrl, redirect_uri or f"{of.public_url}/admin/v1/login-results", name="--redirect-uri"),
            scope,
            role_claim,
            _role_map(role),
        )

        def put(tx: Tx) -> Acted | Failed:
            before = store.find_provider(tx.connection, one.vault, provider_id)
            try:
                store.set_provider(tx, one.vault, provider)
            except AlreadyThere:
                return Failed(f"another ente has a provider {provider_id!r}: choose another id")
            was = None if before is None else _shown_provider(before)
            return Acted(None, f"identity-providers/{provider_id}", was, _shown_provider(provider))

        act(one, "set_identity_provider", of.ente_id, put)
    told(_shown_provider(provider), as_json=as_json, text=f"provider {provider_id} vouches for {of.ente_id}")


@provider_group.command("list")
def list_providers(ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """The providers; their secrets are never shown."""
    with opened(home) as one, one.database.read() as connection:
        found = store.list_providers(connection, one.vault, ente_of(connection, ente).ente_id)
    table([_shown_provider(each) for each in found], as_json=as_json, empty="no identity provider")


@provider_group.command("remove")
def remove_provider(
    provider_id: ProviderId, ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False
) -> None:
    """Take a provider away; the sessions of those for whom it vouched end."""
    with opened(home) as one:
        ente_id = ente_id_of(one, ente)

        def put(tx: Tx) -> Acted | Failed:
            try:
                store.remove_provider(tx, ente_id, provider_id)
            except NotThere:
                return Failed(f"there is no provider {provider_id!r} in {ente_id}")
            return Acted(None, f"identity-providers/{provider_id}")

        act(one, "remove_identity_provider", ente_id, put)
    told({"provider_id": provider_id}, as_json=as_json, text=f"provider {provider_id} is removed")


def _change(
    name: str,
    ente: str | None,
    home: Path,
    operation: str,
    values: dict[str, Any],
    sentence: str,
    *,
    as_json: bool,
    more: dict[str, Any] | None = None,
) -> None:
    username = _username(name)
    shown = {key: each for key, each in values.items() if key != "password_hash"}
    with opened(home) as one:
        with one.database.read() as connection:
            ente_id = ente_of(connection, ente).ente_id

        def put(tx: Tx) -> Acted | Failed:
            found = store.find_administrator(tx.connection, username)
            if found is not None and "password_hash" in values and found.provider_id is not None:
                return Failed(f"account {username!r} signs in through {found.provider_id}: it has no password here")
            try:
                before = store.change_administrator(tx, ente_id, username, **values)
            except NotThere:
                return Failed(f"there is no account {username!r} in {ente_id}")
            return Acted(None, _target(username), _audited(before), shown)

        act(one, operation, ente_id, put)
        with one.database.read() as connection:
            left = [each for each in store.list_administrators(connection, ente_id) if each.active]
    told({"username": username} | shown | (more or {}), as_json=as_json, text=f"account {username} {sentence}")
    if not any("administrator" in each.roles for each in left):
        complain(
            f"note: nobody in {ente_id} has the role administrator now: connectors are changed here alone, until "
            "`raccordo admin enable`, `roles` or `add`"
        )
    if more and not as_json:
        say(f"password: {more['password']}")


def _username(name: str) -> str:
    found: str = checked(Username, name.lower(), name="the account's name")
    if ":" in found:
        raise WrongUsage("the account's name: colons are for accounts of identity providers")
    return found


def _password(file: Path | None, username: str) -> tuple[str, bool]:
    """The password, and whether it was made here."""
    if file is None:
        return secrets.token_urlsafe(15), True
    password = sys.stdin.readline() if str(file) == "-" else read_text(file, name="--password-file")
    password = password.rstrip("\r\n")
    try:
        check_strength(password, username)
    except WeakPassword as weak:
        raise WrongUsage(f"--password-file: {weak}") from None
    return password, False


def _roles(text: str) -> frozenset[str]:
    found = listed(text)
    for each in found:
        checked(AdminRole, each, name="the roles")
    if not found:
        raise WrongUsage(f"the roles: one or more of {', '.join(ROLES)}")
    return frozenset(found)


def _role_map(given: list[str]) -> dict[str, str]:
    found = {}
    for each in given:
        value, equals, role = each.rpartition("=")
        if not equals or not value:
            raise WrongUsage("--role takes VALUE=ROLE")
        found[value] = checked(AdminRole, role, name=f"--role {value}")
    return found


def _target(username: str) -> str:
    return f"administrators/{username}"


def _audited(account: Administrator) -> dict[str, Any]:
    return {"display_name": account.display_name, "roles": sorted(account.roles), "active": account.active}


def _shown(account: Administrator) -> dict[str, Any]:
    own = {"ente_id": account.ente_id, "username": account.username}
    return own | _audited(account) | {"provider": account.provider_id}


def _shown_provider(provider: IdentityProvider) -> dict[str, Any]:
    return asdict(provider) | {"client_secret": None if provider.client_secret is None else "**********"}
