"""Second factors on both databases: which codes are taken, once, and when none is any more."""

import asyncio
from functools import cache

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from contracts.identifiers import new_uuid7
from hub.admin.errors import (
    CredentialsRefused,
    SecondFactorLocked,
    SecondFactorMissing,
    SecondFactorNotEnrolled,
    SecondFactorRefused,
    SignInThrottled,
)
from hub.admin.passwords import password_hash
from hub.admin.second_factor import STEP_S, new_recovery_codes, normal
from hub.admin.signing_in import SignIn
from hub.store import second_factors
from hub.store.administrators import Administrator, Session, add_administrator
from hub.store.committer import Committer
from hub.store.sign_in_attempts import FREE_ATTEMPTS
from hub.store.tables import access_log, recovery_codes
from hub.store.tables import second_factors as factors
from tests.unit.store.making import ENTE

PASSWORD = "corretto cavallo batteria"
SECRET = b"12345678901234567890"
_hashed = cache(password_hash)


class Door:
    """The way in to one account, which has a second factor, and to another that has none."""

    def __init__(self, store, committer):
        self.store = store
        self.committer = committer
        self.sign_in = self.of(committer)
        self.account, self.other = (
            Administrator(ENTE, new_uuid7(), name, name, frozenset({"operator"}), password_hash=_hashed(PASSWORD))
            for name in ("anna", "bruno")
        )
        self.codes = new_recovery_codes()
        with store.database.write() as tx:
            add_administrator(tx, self.account)
            add_administrator(tx, self.other)
        self.enrol(self.account, SECRET, self.codes)

    def of(self, committer, *roles):
        return SignIn(self.store.database, committer, self.store.vault, frozenset(), frozenset(roles))

    def enrol(self, account, secret, codes):
        with self.store.database.write() as tx:
            second_factors.enrol(tx, self.store.vault, account, secret, [normal(each) for each in codes])

    def come(self, code, *, name="anna", password=PASSWORD):
        return asyncio.run(self.sign_in.local(name, password, code, "request"))

    def refused(self, code, refusal=SecondFactorRefused, **who):
        with pytest.raises(refusal):
            self.come(code, **who)

    def code(self, steps=0, secret=SECRET):
        """What a device shows whose clock is that many steps ahead."""
        at = self.store.clock.moment.timestamp() + steps * STEP_S
        return TOTP(secret, 6, SHA1(), STEP_S).generate(int(at)).decode()

    def failures(self):
        return self.store.rows(factors)[0]["failures"]


@pytest.fixture
def door(store):
    committer = Committer(store.database)
    committer.start()
    yield Door(store, committer)
    committer.close()


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_code_of_a_step_near_by_opens_once(door, steps):
    code = door.code(steps)
    token, session = door.come(code)
    assert isinstance(session, Session)
    assert door.sign_in.session(token).administrator.username == "anna"
    door.refused(code)


@pytest.mark.parametrize("steps", [-2, 2])
def test_a_code_of_a_step_further_off_is_refused(door, steps):
    door.refused(door.code(steps))
    assert door.store.rows(factors)[0]["last_step"] == 0


def test_after_a_code_none_of_an_earlier_step_is_taken_and_the_next_one_is(door):
    door.come(door.code())
    door.refused(door.code(-1))
    door.store.clock.pass_by(seconds=STEP_S)
    door.come(door.code())


@pytest.mark.parametrize("code", ["000000x", "٣٣٣٣٣٣", "12345", "x" * 40, "ÿÿ"])
def test_what_is_no_code_is_refused_and_counted(door, code):
    door.refused(code)
    assert door.failures() == 1


@pytest.mark.parametrize("code", ["", " ", "-"])
def test_no_code_is_asked_for_and_is_no_wrong_one(door, code):
    door.refused(code, SecondFactorMissing)
    assert door.failures() == 0


def test_of_the_second_factor_nothing_is_told_without_the_password(door):
    door.refused(door.code(), CredentialsRefused, password="non è questa qui")
    door.refused("", CredentialsRefused, password="non è questa qui")
    door.come(door.code())  # which the wrong password did not use up


def test_a_recovery_code_opens_once_however_it_is_written(door):
    first, second = door.codes[:2]
    door.come(first.lower().replace("-", " "))
    door.refused(first)
    door.come(second)
    assert len(door.codes) == len(set(door.codes)) == 10
    used = [row for row in door.store.rows(recovery_codes) if row["used_at"] is not None]
    assert len(used) == 2


def test_a_code_of_another_account_opens_nothing(door):
    codes, secret = new_recovery_codes(), b"0" * 20
    door.enrol(door.other, secret, codes)
    door.refused(codes[0])
    door.refused(door.code(secret=secret))
    door.come(codes[0], name="bruno")


def test_wrong_codes_make_wait_as_wrong_passwords_do_and_only_both_together_forgive(door):
    for _ in range(FREE_ATTEMPTS):
        door.refused("000000x")
    door.refused(door.code(), SignInThrottled)
    door.store.clock.pass_by(seconds=1)
    door.come(door.code())
    assert door.failures() == 0
    door.store.clock.pass_by(seconds=STEP_S)
    door.refused("000000x")  # at once, as the count begins anew


def test_after_a_hundred_wrong_codes_in_a_row_none_is_taken(door):
    with door.store.database.write() as tx:
        tx.connection.execute(factors.update().values(failures=second_factors.MOST_FAILURES - 1))
    door.refused("000000x")
    door.refused(door.code(), SecondFactorLocked)
    door.refused(door.codes[0], SecondFactorLocked)
    outcomes = [row["outcome"] for row in door.store.rows(access_log)]
    assert sorted(outcomes) == ["second_factor.locked", "second_factor.locked", "second_factor.refused"]


def test_of_two_who_come_with_one_code_at_the_same_moment_one_gets_in(door):
    for code in (door.code(), door.codes[0]):
        again = Committer(door.store.database)  # as of another process
        again.start()
        ways = [door.sign_in, door.of(again)]

        async def both(ways=ways, code=code):
            coming = [way.local("anna", PASSWORD, code, "request") for way in ways]
            return await asyncio.gather(*coming, return_exceptions=True)

        found = asyncio.run(both())
        again.close()
        assert [type(each) for each in found if isinstance(each, Exception)] == [SecondFactorRefused]


def test_a_role_may_need_one_and_who_has_none_is_refused_then(door):
    door.come("", name="bruno")
    door.sign_in = door.of(door.committer, "operator")
    door.refused("", SecondFactorNotEnrolled, name="bruno")
    door.refused("", CredentialsRefused, name="bruno", password="non è questa qui")
    door.come(door.code())
    door.sign_in = door.of(door.committer, "administrator")
    door.come("", name="bruno")


@pytest.mark.parametrize("enrolled", [True, False])
def test_a_sign_in_that_began_before_the_factor_was_changed_is_refused(door, enrolled, monkeypatch):
    """The account is looked at, then enrolled or reset at the command line, then the session would begin."""
    name = "anna" if enrolled else "bruno"
    found = SignIn._enrolled_at

    def changed(self, account):
        answer = found(self, account)
        if enrolled:
            with door.store.database.write() as tx:
                second_factors.reset(tx, account)
        else:
            door.enrol(account, SECRET, door.codes)
        return answer

    monkeypatch.setattr(SignIn, "_enrolled_at", changed)
    door.refused(door.code(), CredentialsRefused, name=name)


def test_neither_secret_nor_recovery_code_stands_in_the_database(door):
    held = str(door.store.rows(factors)) + str(door.store.rows(recovery_codes))
    assert SECRET.decode() not in held
    assert not any(each in held or normal(each) in held for each in door.codes)
    assert len(door.store.rows(recovery_codes)) == 10
