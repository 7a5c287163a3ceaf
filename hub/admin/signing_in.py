"""How administrators sign in and out: with a password of the hub's own, and a second factor where there is one, or
through an OpenID provider."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.faults import bilingual
from hub.errors import HubError
from hub.store import administrators as store
from hub.store import second_factors, sign_in_attempts
from hub.store.administrators import Administrator, IdentityProvider, ProviderLogin, Session
from hub.store.committer import Committer
from hub.store.database import Database, Tx
from hub.store.ports import Vault
from hub.store.readers import record_access
from hub.store.second_factors import MOST_FAILURES

from . import oidc
from .acting import Acted, Actor, Order, carry_out, record
from .errors import (
    AccountDisabled,
    CredentialsRefused,
    IdentityProviderUnknown,
    LoginDenied,
    LoginExpired,
    RoleMissing,
    SecondFactorLocked,
    SecondFactorMissing,
    SecondFactorNotEnrolled,
    SecondFactorRefused,
    SignInThrottled,
)
from .passwords import is_password
from .second_factor import is_one_time, normal, step_of

SESSION_LASTS = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A code that somebody gives who knows the password."""

    account: Administrator
    code: str
    actor: Actor


@dataclass(frozen=True, slots=True)
class SignIn:
    """The ways in and out."""

    database: Database
    committer: Committer
    vault: Vault
    internal_hosts: frozenset[str]
    factor_roles: frozenset[str] = frozenset()
    """A local account with one of these signs in with a second factor or not at all."""

    def session(self, token: str) -> Session | None:
        """The session of a token, as it stands now: looked up each time, so that its end holds everywhere at once."""
        with self.database.read() as connection:
            return store.find_session(connection, token, self.database.now(connection))

    async def local(self, username: str, password: str, code: str, request_id: str) -> tuple[str, Session]:
        """A session of a local account, and its token; `code` is of its second factor, "" for none. Raises
        CredentialsRefused, SignInThrottled, SecondFactorMissing, -Refused, -Locked and -NotEnrolled.

        The attempt is counted before it is looked at, whether there is such an account or not, and takes as long. Only
        password and code together end the count. Of the second factor nothing is told without the password.
        """
        name = username.strip().lower()
        name_hash = self.vault.keyed_hash("sign-in", name)
        await self.committer.submit(_begin_attempts, name_hash)
        found = await asyncio.to_thread(self._account, name)
        kept = found.password_hash if found is not None and found.active else None
        right = await asyncio.to_thread(is_password, password, kept)
        if found is None:
            # As long as the line of the access log takes for an account that there is.
            await self.committer.submit(_keep_attempts, name_hash)
            raise CredentialsRefused
        actor = actor_of(found, request_id)
        if not right:
            refused = record(actor, "sign_in", CredentialsRefused.code)
            await self.committer.submit(record_access, refused)
            raise CredentialsRefused
        enrolled_at = await asyncio.to_thread(self._enrolled_at, found)
        if enrolled_at is not None:
            await self.committer.submit(self._take_codes, _Attempt(found, code, actor))
        token = secrets.token_urlsafe(32)

        def start(tx: Tx) -> Acted:
            now = store.find_administrator(tx.connection, name)
            if now is None or not now.active or now.password_hash != kept:
                raise CredentialsRefused  # changed since it was looked at
            if second_factors.enrolled_at(tx.connection, now) != enrolled_at:
                raise CredentialsRefused  # likewise
            if enrolled_at is None and now.roles & self.factor_roles:
                raise SecondFactorNotEnrolled
            sign_in_attempts.forgive(tx, name_hash)
            session = store.open_session(tx, now, token, lasts=SESSION_LASTS)
            return Acted(session, f"administrators/{name}")

        session: Session = await self.committer.submit(carry_out, Order("sign_in", actor, start))
        return token, session

    async def begin(self, provider_id: str) -> tuple[ProviderLogin, str]:
        """A login at a provider, and the address where it goes on. Raises IdentityProviderUnknown and -Unreachable."""
        provider = await asyncio.to_thread(self._provider, provider_id)
        async with oidc.connections(provider, self.internal_hosts) as outside:
            login, url = await oidc.begin(provider, outside, await asyncio.to_thread(self._now))
        await self.committer.submit(self._keep_logins, login)
        return login, url

    async def finish(
        self, state: str, browser: str, code: str | None, issuer: str | None, request_id: str
    ) -> tuple[str, Session]:
        """The session of a login that a provider vouches for; `code` is None where it refused, `issuer` what the
        callback says of itself (RFC 9207). Raises LoginRefused, RoleMissing, IdentityProviderUnknown and
        -Unreachable."""
        login = await self.committer.submit(self._take_logins, (state, browser))
        if login is None:
            raise LoginExpired(cause="no such login of this browser")
        if code is None:
            raise LoginDenied(cause="the callback holds no code")
        provider = await asyncio.to_thread(self._provider, login.provider_id)
        async with oidc.connections(provider, self.internal_hosts) as outside:
            person = await oidc.finish(provider, login, code, issuer, outside, await asyncio.to_thread(self._now))
        name = f"{provider.provider_id}:{store.hashed(person.subject)[:16]}"
        actor = Actor(provider.ente_id, name, person.roles, request_id=request_id)
        token = secrets.token_urlsafe(32)

        def start(tx: Tx) -> Acted:
            if not person.roles:
                store.take_roles_away(tx, provider, subject=person.subject)
                missing = RoleMissing(
                    bilingual(
                        "Il fornitore di identità non dà un ruolo che l'ente conosca",
                        "the identity provider gives no role that this ente knows",
                    )
                )
                return Acted(missing, "-", outcome=missing.code)
            account = store.provided_administrator(
                tx, provider, subject=person.subject, display_name=person.display_name, roles=person.roles
            )
            if not account.active:
                raise AccountDisabled
            after = {"display_name": person.display_name, "roles": sorted(person.roles)}
            session = store.open_session(tx, account, token, lasts=SESSION_LASTS)
            return Acted(session, f"administrators/{account.username}", after=after)

        session: Session = await self.committer.submit(carry_out, Order("sign_in", actor, start))
        return token, session

    def sign_out(self, session: Session, actor: Actor) -> Order:
        """The order that ends a session."""

        def end(tx: Tx) -> Acted:
            store.end_session(tx, session)
            return Acted(None, f"administrators/{session.administrator.username}")

        return Order("sign_out", actor, end)

    def _account(self, username: str) -> Administrator | None:
        with self.database.read() as connection:
            return store.find_administrator(connection, username)

    def _enrolled_at(self, account: Administrator) -> datetime | None:
        with self.database.read() as connection:
            return second_factors.enrolled_at(connection, account)

    def _take_codes(self, tx: Tx, attempts: Sequence[_Attempt]) -> list[HubError | None]:
        """A Committer handler: None where the code is right and is used up, or why not, which is counted and on
        record."""
        answers = [self._take_code(tx, each) for each in attempts]
        refused = [(each.actor, answer) for each, answer in zip(attempts, answers, strict=True) if answer is not None]
        record_access(tx, [record(actor, "sign_in", answer.code) for actor, answer in refused])
        return answers

    def _take_code(self, tx: Tx, attempt: _Attempt) -> HubError | None:
        one, code = attempt.account, normal(attempt.code)
        factor = second_factors.locked(tx, self.vault, one)
        if factor is None:
            return CredentialsRefused()  # reset since it was looked at
        if factor.failures >= MOST_FAILURES:
            return SecondFactorLocked()
        if not code:
            return SecondFactorMissing()
        if is_one_time(code):
            step = step_of(factor.secret, code, tx.now)
            if step is not None and step > factor.last_step:
                second_factors.take_step(tx, one, step)
                return None
        elif second_factors.take_recovery_code(tx, self.vault, one, code):
            return None
        second_factors.count_failure(tx, one)
        return SecondFactorRefused()

    def _provider(self, provider_id: str) -> IdentityProvider:
        with self.database.read() as connection:
            found = store.find_provider(connection, self.vault, provider_id)
        if found is None or not found.active:
            raise IdentityProviderUnknown
        return found

    def _now(self) -> datetime:
        with self.database.read() as connection:
            return self.database.now(connection)

    def _keep_logins(self, tx: Tx, logins: Sequence[ProviderLogin]) -> list[None]:
        for login in logins:
            store.begin_login(tx, self.vault, login)
        return [None] * len(logins)

    def _take_logins(self, tx: Tx, wanted: Sequence[tuple[str, str]]) -> list[ProviderLogin | None]:
        return [store.take_login(tx, self.vault, state, browser) for state, browser in wanted]


def actor_of(account: Administrator, request_id: str) -> Actor:
    """Who acts, signed in to an account."""
    return Actor(account.ente_id, account.username, account.roles, request_id=request_id)


def _keep_attempts(tx: Tx, name_hashes: Sequence[str]) -> list[None]:
    for name_hash in name_hashes:
        sign_in_attempts.keep_attempt(tx, name_hash)
    return [None] * len(name_hashes)


def _begin_attempts(tx: Tx, name_hashes: Sequence[str]) -> list[SignInThrottled | None]:
    answers: list[SignInThrottled | None] = []
    for name_hash in name_hashes:
        try:
            sign_in_attempts.begin_attempt(tx, name_hash)
        except sign_in_attempts.MustWait as wait:
            answers.append(SignInThrottled(headers={"Retry-After": str(wait.seconds)}))
        else:
            answers.append(None)
    return answers
