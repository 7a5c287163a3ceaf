"""Administrators of the enti: accounts, sessions, and the providers that vouch for some of them.

A session is looked up at each request, so that its end, and that of its account, holds everywhere at once.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from contracts.identifiers import new_uuid7

from .database import Tx, upsert
from .directory import AlreadyThere, NotThere
from .ports import Vault
from .tables import admin_sessions, administrators, identity_providers, provider_logins

_FORGOTTEN_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Administrator:
    """An account. `password_hash` is None where `provider_id` vouches."""

    ente_id: str
    administrator_id: str
    username: str
    display_name: str
    roles: frozenset[str]
    active: bool = True
    password_hash: str | None = field(default=None, repr=False)
    provider_id: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A session that holds, and whose it is."""

    session_hash: str = field(repr=False)
    administrator: Administrator
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """An OpenID provider as an ente configured it."""

    ente_id: str
    provider_id: str
    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False)
    redirect_uri: str
    scope: str
    role_claim: str
    role_map: dict[str, str]
    active: bool = True


@dataclass(frozen=True, slots=True)
class ProviderLogin:
    """A login under way at a provider."""

    ente_id: str
    provider_id: str
    state: str = field(repr=False)
    browser: str = field(repr=False)
    """What the browser that began it holds in a cookie."""
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    expires_at: datetime


def hashed(token: str) -> str:
    """Under what a token is kept: it has 256 random bits, so that a plain hash is enough."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def add_administrator(tx: Tx, one: Administrator, *, subject: str | None = None) -> None:
    """Make an account. Raises AlreadyThere for a name that is taken, in whatever ente."""
    taken = select(administrators.c.username).where(administrators.c.username == one.username)
    if tx.connection.execute(taken).first():
        raise AlreadyThere(one.username)
    row = {
        "ente_id": one.ente_id,
        "administrator_id": one.administrator_id,
        "username": one.username,
        "display_name": one.display_name,
        "roles": sorted(one.roles),
        "active": one.active,
        "password_hash": one.password_hash,
        "provider_id": one.provider_id,
        "subject": subject,
        "created_at": tx.now,
        "updated_at": tx.now,
    }
    tx.connection.execute(insert(administrators), row)


def list_administrators(connection: Connection, ente_id: str) -> list[Administrator]:
    """The accounts of an ente, by name."""
    query = select(administrators).where(administrators.c.ente_id == ente_id).order_by(administrators.c.username)
    return [_administrator(row) for row in connection.execute(query)]


def find_administrator(connection: Connection, username: str) -> Administrator | None:
    """The account of that name."""
    row = connection.execute(select(administrators).where(administrators.c.username == username)).first()
    return None if row is None else _administrator(row)


def change_administrator(tx: Tx, ente_id: str, username: str, **values: Any) -> Administrator:
    """Set columns of an account; its sessions end. Gives it as it was. Raises NotThere."""
    where = (administrators.c.ente_id == ente_id) & (administrators.c.username == username)
    row = tx.connection.execute(select(administrators).where(where).with_for_update()).first()
    if row is None:
        raise NotThere(username)
    tx.connection.execute(update(administrators).where(where).values(**values, updated_at=tx.now))
    end_sessions(tx, ente_id, row.administrator_id)
    return _administrator(row)


def provided_administrator(
    tx: Tx, provider: IdentityProvider, *, subject: str, display_name: str, roles: frozenset[str]
) -> Administrator:
    """The account of a person for whom a provider vouches, with the roles that it gives now; made the first time."""
    its = administrators.c
    where = (its.ente_id == provider.ente_id) & (its.provider_id == provider.provider_id) & (its.subject == subject)
    row = tx.connection.execute(select(administrators).where(where).with_for_update()).first()
    if row is not None:
        changed = {"roles": sorted(roles), "display_name": display_name, "updated_at": tx.now}
        tx.connection.execute(update(administrators).where(where).values(changed))
        row = tx.connection.execute(select(administrators).where(where)).one()
        return _administrator(row)
    # A name that no other account can have: a local one holds no colon.
    username = f"{provider.provider_id}:{hashed(subject)[:16]}"
    made = Administrator(provider.ente_id, new_uuid7(), username, display_name, roles, provider_id=provider.provider_id)
    add_administrator(tx, made, subject=subject)
    return made


def take_roles_away(tx: Tx, provider: IdentityProvider, *, subject: str) -> None:
    """The provider gives the person no role any more: what an account had before opens nothing, in no session."""
    its = administrators.c
    where = (its.ente_id == provider.ente_id) & (its.provider_id == provider.provider_id) & (its.subject == subject)
    row = tx.connection.execute(select(administrators).where(where).with_for_update()).first()
    if row is not None:
        tx.connection.execute(update(administrators).where(where).values(roles=[], updated_at=tx.now))
        end_sessions(tx, row.ente_id, row.administrator_id)


def open_session(tx: Tx, one: Administrator, token: str, *, lasts: timedelta) -> Session:
    """Let the token stand for the administrator; sessions that are over are forgotten."""
    tx.connection.execute(delete(admin_sessions).where(admin_sessions.c.expires_at < tx.now - _FORGOTTEN_AFTER))
    session = Session(hashed(token), one, tx.now, tx.now + lasts)
    row = {
        "ente_id": one.ente_id,
        "session_hash": session.session_hash,
        "administrator_id": one.administrator_id,
        "created_at": session.created_at,
        "expires_at": session.expires_at,
    }
    tx.connection.execute(insert(admin_sessions), row)
    return session


def find_session(connection: Connection, token: str, now: datetime) -> Session | None:
    """The session of a token, while it and its account hold."""
    its, whose = admin_sessions.c, administrators.c
    query = (
        select(its.session_hash, its.created_at.label("began_at"), its.expires_at, administrators)
        .join(administrators, (whose.ente_id == its.ente_id) & (whose.administrator_id == its.administrator_id))
        .where(its.session_hash == hashed(token), its.revoked_at.is_(None), its.expires_at > now, whose.active)
    )
    row = connection.execute(query).first()
    return None if row is None else Session(row.session_hash, _administrator(row), row.began_at, row.expires_at)


def end_session(tx: Tx, session: Session) -> None:
    """Its token opens nothing any more."""
    its = admin_sessions.c
    where = (its.ente_id == session.administrator.ente_id) & (its.session_hash == session.session_hash)
    tx.connection.execute(update(admin_sessions).where(where).values(revoked_at=tx.now))


def end_sessions(tx: Tx, ente_id: str, administrator_id: str) -> None:
    """All of an account's."""
    its = admin_sessions.c
    mine = (its.ente_id == ente_id) & (its.administrator_id == administrator_id) & its.revoked_at.is_(None)
    tx.connection.execute(update(admin_sessions).where(mine).values(revoked_at=tx.now))


def set_provider(tx: Tx, vault: Vault, provider: IdentityProvider) -> None:
    """Configure a provider; the sessions of those for whom it vouched end, as they may have other roles now, or none.
    Raises AlreadyThere where another ente's has that id, or had: its people have the names."""
    for its in (identity_providers.c, administrators.c):
        others = (its.provider_id == provider.provider_id) & (its.ente_id != provider.ente_id)
        if tx.connection.execute(select(its.ente_id).where(others).limit(1)).first():
            raise AlreadyThere(provider.provider_id)
    secret = provider.client_secret
    sealed = (
        None if secret is None else vault.seal(secret.encode(), secret_place(provider.ente_id, provider.provider_id))
    )
    values = {
        "issuer": provider.issuer,
        "client_id": provider.client_id,
        "secret_sealed": sealed,
        "redirect_uri": provider.redirect_uri,
        "scope": provider.scope,
        "role_claim": provider.role_claim,
        "role_map": provider.role_map,
        "active": provider.active,
        "updated_at": tx.now,
    }
    statement = upsert(identity_providers).values(ente_id=provider.ente_id, provider_id=provider.provider_id, **values)
    tx.connection.execute(statement.on_conflict_do_update(index_elements=["ente_id", "provider_id"], set_=values))
    _end_sessions_by(tx, provider.ente_id, provider.provider_id)


def remove_provider(tx: Tx, ente_id: str, provider_id: str) -> None:
    """Take a provider away; the sessions of those for whom it vouched end. Raises NotThere."""
    its = identity_providers.c
    where = (its.ente_id == ente_id) & (its.provider_id == provider_id)
    if tx.connection.execute(delete(identity_providers).where(where)).rowcount == 0:
        raise NotThere(provider_id)
    _end_sessions_by(tx, ente_id, provider_id)


def _end_sessions_by(tx: Tx, ente_id: str, provider_id: str) -> None:
    whose = administrators.c
    mine = select(whose.administrator_id).where(whose.ente_id == ente_id, whose.provider_id == provider_id)
    for administrator_id in tx.connection.execute(mine).scalars().all():
        end_sessions(tx, ente_id, administrator_id)


def find_provider(connection: Connection, vault: Vault, provider_id: str) -> IdentityProvider | None:
    """The provider of that id, in whatever ente."""
    row = connection.execute(select(identity_providers).where(identity_providers.c.provider_id == provider_id)).first()
    return None if row is None else _provider(row, vault)


def list_providers(connection: Connection, vault: Vault, ente_id: str) -> list[IdentityProvider]:
    """Those of an ente."""
    query = select(identity_providers).where(identity_providers.c.ente_id == ente_id)
    return [_provider(row, vault) for row in connection.execute(query.order_by(identity_providers.c.provider_id))]


def begin_login(tx: Tx, vault: Vault, login: ProviderLogin) -> None:
    """Remember a login that begins; those that nobody finished are forgotten."""
    tx.connection.execute(delete(provider_logins).where(provider_logins.c.expires_at < tx.now))
    state_hash = hashed(login.state)
    row = {
        "ente_id": login.ente_id,
        "state_hash": state_hash,
        "provider_id": login.provider_id,
        "browser_hash": hashed(login.browser),
        "nonce": login.nonce,
        "verifier_sealed": vault.seal(login.verifier.encode(), verifier_place(login.ente_id, state_hash)),
        "expires_at": login.expires_at,
    }
    tx.connection.execute(insert(provider_logins), row)


def take_login(tx: Tx, vault: Vault, state: str, browser: str) -> ProviderLogin | None:
    """The login of a state, once: afterwards there is none, whoever asked. None for another browser's."""
    its = provider_logins.c
    where = its.state_hash == hashed(state)
    row = tx.connection.execute(select(provider_logins).where(where).with_for_update()).first()
    if row is None:
        return None
    tx.connection.execute(delete(provider_logins).where(where))
    if row.expires_at <= tx.now or row.browser_hash != hashed(browser):
        return None
    verifier = vault.open(row.verifier_sealed, verifier_place(row.ente_id, row.state_hash)).decode()
    return ProviderLogin(row.ente_id, row.provider_id, state, browser, row.nonce, verifier, row.expires_at)


def secret_place(ente_id: str, provider_id: str) -> str:
    """Where a provider's secret is sealed for."""
    return f"identity_providers|secret|{ente_id}|{provider_id}"


def verifier_place(ente_id: str, state_hash: str) -> str:
    """Where the verifier of a login is sealed for."""
    return f"provider_logins|verifier|{ente_id}|{state_hash}"


def _administrator(row: Any) -> Administrator:
    roles: Sequence[str] = row.roles
    return Administrator(
        row.ente_id,
        row.administrator_id,
        row.username,
        row.display_name,
        frozenset(roles),
        row.active,
        row.password_hash,
        row.provider_id,
    )


def _provider(row: Any, vault: Vault) -> IdentityProvider:
    place = secret_place(row.ente_id, row.provider_id)
    secret = None if row.secret_sealed is None else vault.open(row.secret_sealed, place).decode()
    return IdentityProvider(
        row.ente_id,
        row.provider_id,
        row.issuer,
        row.client_id,
        secret,
        row.redirect_uri,
        row.scope,
        row.role_claim,
        dict(row.role_map),
        row.active,
    )
