"""The feed's two tokens: spec/citizen-identity section 6, as far as no store is needed."""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

import jwt as pyjwt
import pytest

from hub.errors import HubError, RequestRefused
from hub.reading_errors import ActorMismatch, AssuranceTooLow, ScopeMissing
from hub.security import jose, keys
from hub.security.causes import code_of
from hub.security.portal import Reader, verify_reader

CODE, OMOCODIA = "RSSMRA80A01H501U", "RSSMRA80A01H50MM"
COMPANY = "02438750586"
ACR = "https://www.spid.gov.it/SpidL"


class Session:
    """A portal's claims before signing: change one, then `read`."""

    def __init__(self, world: Any) -> None:
        self.world = world
        now = int(world.now.timestamp())
        base = {"iss": "portale", "aud": world.feed, "iat": now - 1, "exp": now + 119, "jti": "j1"}
        self.token: dict[str, Any] = {**base, "scope": "feed:read feed:write"}
        self.assertion: dict[str, Any] = {
            **base,
            "jti": "j2",
            "sub": "pseudonym-1",
            "fiscal_number": "TINIT-" + CODE,
            "acr": ACR + "2",
            "auth_time": now - 600,
            "client_id": "portale",
            "scope": "feed:read feed:write",
        }
        self.typ = {"token": "JWT", "assertion": "citizen-assertion+jwt"}
        self.keys = {"token": world.signing_key("portale"), "assertion": world.signing_key("assertion")}
        self.registry = world.registry
        self.headers: dict[str, str] = {}

    def compact(self, which: str) -> str:
        claims = {name: value for name, value in getattr(self, which).items() if value is not ...}
        return self.keys[which].token(claims, typ=self.typ[which])

    def read(self, scope: str = "feed:read", *, change: bool = False) -> Reader:
        headers = {
            "Authorization": f"Bearer {self.compact('token')}",
            "Citizen-Assertion": self.compact("assertion"),
        } | self.headers
        return verify_reader(
            self.world.request(headers, method="GET"),
            scope=scope,
            change=change,
            registry=self.registry,
            now=self.world.now,
        )

    def refusal(self, **kw: Any) -> tuple[int, str]:
        with pytest.raises(HubError) as caught:
            self.read(**kw)
        assert CODE not in caught.value.cause + caught.value.detail
        return caught.value.status, code_of(caught.value)


@pytest.fixture
def session(world: Any) -> Session:
    return Session(world)


def test_reader_is_the_citizen_of_the_assertion(session: Session) -> None:
    reader = session.read()
    assert (reader.tax_code, reader.subject_kind, reader.level) == (CODE, "person", 2)
    assert reader.pseudonym == "pseudonym-1"
    assert reader.scopes == {"feed:read", "feed:write"}
    assert reader.expires_at == session.world.now + timedelta(seconds=119)
    assert CODE not in repr(reader)


@pytest.mark.parametrize("written", ["TINIT-" + CODE, CODE, CODE.lower(), "tinit-" + CODE.lower()])
def test_every_spelling_reaches_one_feed(session: Session, written: str) -> None:
    session.assertion["fiscal_number"] = written
    assert session.read().tax_code == CODE


def test_an_omocodia_variant_is_another_citizen(session: Session) -> None:
    from stdnum.it import codicefiscale

    variant = CODE[:14] + "M"
    session.assertion["fiscal_number"] = variant + codicefiscale.calc_check_digit(variant)
    assert session.read().tax_code == variant + codicefiscale.calc_check_digit(variant) != CODE


@pytest.mark.parametrize(
    "written",
    [
        ...,
        "",
        "TINIT-TINIT-" + CODE,
        "TINES-" + CODE,
        CODE[:-1] + "A",
        " " + CODE,
        CODE + "\n",
        "01234567890",
        7,
        None,
        [CODE],
        "ＲＳＳＭＲＡ８０Ａ０１Ｈ５０１Ｕ",
    ],
)
def test_a_fiscal_number_that_is_none_is_refused(session: Session, written: Any) -> None:
    session.assertion["fiscal_number"] = written
    assert session.refusal() == (401, "fiscal_number.invalid")


def test_reads_use_up_no_jti_and_changes_both(session: Session) -> None:
    assert session.read().used == ()
    used = session.read("feed:write", change=True).used
    assert [(one.header, one.jti) for one in used] == [("authorization", "j1"), ("citizen-assertion", "j2")]
    # Kept as long as it could be accepted: the assertion has 60 s of grace.
    assert used[1].expires_at == session.world.now + timedelta(seconds=119 + 60)


def test_a_read_token_needs_no_jti_but_a_change_does(session: Session) -> None:
    session.token["jti"] = ...
    session.read()
    assert session.refusal(change=True) == (401, "claim.missing")


REFUSED: list[tuple[str, str, Any, str]] = [
    ("token", "aud", "https://hub.comune.example.it/publish/v1", "audience.mismatch"),
    ("token", "aud", "https://spid.example/userinfo", "audience.mismatch"),
    ("token", "iss", "https://idp.spid.example", "issuer.unknown"),
    ("token", "iss", ..., "issuer.missing"),
    ("token", "exp", -1, "token.expired"),
    ("token", "iat", 6, "iat.future"),
    ("token", "exp", 400, "lifetime.too_long"),
    ("token", "scope", 7, "claim.type"),
    ("assertion", "aud", "https://elsewhere.example", "audience.differs"),
    ("assertion", "aud", ..., "audience.missing"),
    ("assertion", "iss", "other", "issuer.differs"),
    ("assertion", "exp", -60, "token.expired"),
    ("assertion", "exp", ..., "claim.missing"),
    ("assertion", "iat", 61, "iat.future"),
    ("assertion", "iat", ..., "claim.missing"),
    ("assertion", "nbf", 61, "nbf.future"),
    ("assertion", "exp", 300, "lifetime.too_long"),
    ("assertion", "jti", ..., "claim.missing"),
    ("assertion", "auth_time", ..., "claim.missing"),
    ("assertion", "auth_time", True, "claim.type"),
    ("assertion", "auth_time", 61, "auth_time.future"),
    ("assertion", "auth_time", -12 * 3600 - 1, "auth_time.old"),
    ("assertion", "sub", ..., "claim.missing"),
    ("assertion", "sub", "rssmra80a01h501u", "subject.personal"),
    ("assertion", "on_behalf_of", "x", "delegation.unsupported"),
    ("assertion", "cnf", {"jkt": "x"}, "binding.unsupported"),
    ("assertion", "ath", "A" * 43, "ath.mismatch"),
    ("assertion", "organization_fiscal_number", CODE, "organization.invalid"),
    ("assertion", "organization_fiscal_number", "IT01234567890", "organization.invalid"),
    ("assertion", "scope", ["feed:read"], "claim.type"),
]


@pytest.mark.parametrize(("which", "claim", "value", "cause"), REFUSED)
def test_one_wrong_claim_is_refused(session: Session, which: str, claim: str, value: Any, cause: str) -> None:
    if type(value) is int and claim in ("iat", "exp", "nbf", "auth_time"):
        value += int(session.world.now.timestamp())
    getattr(session, which)[claim] = value
    assert session.refusal() == (401, cause)


def test_skew_of_a_minute_is_tolerated_in_the_assertion(session: Session) -> None:
    now = int(session.world.now.timestamp())
    session.assertion |= {"iat": now + 60, "exp": now + 200}
    session.read()
    session.assertion |= {"iat": now - 100, "exp": now - 59}
    session.read()


@pytest.mark.parametrize("acr", [ACR + "1", ACR + "4", "SpidL2", "", None, 2, ..., [ACR + "2"], ACR + "2 "])
def test_assurance_below_two_or_unknown_is_403(session: Session, acr: Any) -> None:
    session.assertion["acr"] = acr
    with pytest.raises(AssuranceTooLow):
        session.read()


def test_level_three_is_read(session: Session) -> None:
    session.assertion["acr"] = ACR + "3"
    assert session.read().level == 3


@pytest.mark.parametrize("where", ["token", "assertion", "registered"])
def test_scope_is_the_intersection_of_three(session: Session, where: str) -> None:
    if where == "registered":
        session.registry = session.world.with_portal(scopes=frozenset({"feed:read"}))
    else:
        getattr(session, where)["scope"] = "feed:read"
    assert session.read().scopes == {"feed:read"}
    with pytest.raises(ScopeMissing):
        session.read("feed:write")


@pytest.mark.parametrize("where", ["token", "assertion"])
def test_no_scope_claim_is_no_scope(session: Session, where: str) -> None:
    getattr(session, where)["scope"] = ...
    with pytest.raises(ScopeMissing):
        session.read()


@pytest.mark.parametrize(
    "actor",
    [
        {"client_id": "other"},
        {"client_id": ...},
        {"act": {"sub": "other"}},
        {"act": "portale"},
        {"client_id": ..., "act": {}},
        {"client_id": None},
    ],
)
def test_another_actor_is_403(session: Session, actor: dict[str, Any]) -> None:
    session.assertion |= actor
    with pytest.raises(ActorMismatch):
        session.read()


def test_act_may_stand_for_client_id(session: Session) -> None:
    session.assertion |= {"client_id": ..., "act": {"sub": "portale"}}
    session.read()


def test_ath_binds_the_assertion_to_the_token(session: Session) -> None:
    # ES256 differs at each signing: the token is fixed first.
    token = session.compact("token")
    session.headers["Authorization"] = f"Bearer {token}"
    session.assertion["ath"] = jose.base64url(sha256(token.encode()).digest())
    session.read()


def test_an_organisation_reads_with_its_own_claim(session: Session) -> None:
    session.assertion["organization_fiscal_number"] = "TINIT-" + COMPANY
    reader = session.read()
    assert (reader.subject_kind, reader.tax_code) == ("organization", COMPANY)


def test_token_and_assertion_cannot_be_swapped(session: Session) -> None:
    session.typ = {"token": "citizen-assertion+jwt", "assertion": "JWT"}
    assert session.refusal() == (401, "typ.wrong")


@pytest.mark.parametrize("which", ["token", "assertion"])
def test_each_token_has_its_own_keys(session: Session, which: str) -> None:
    session.keys[which] = session.keys["assertion" if which == "token" else "token"]
    assert session.refusal() == (401, "key.unknown")


@pytest.mark.parametrize("name", ["Authorization", "Citizen-Assertion"])
def test_both_tokens_are_needed_once(session: Session, name: str) -> None:
    request = session.world.request(
        {"Authorization": f"Bearer {session.compact('token')}", "Citizen-Assertion": session.compact("assertion")}
    )
    for headers, cause in (
        (tuple(pair for pair in request.headers if pair[0] != name.lower()), "token.missing"),
        (request.headers + request.headers, "header.repeated"),
    ):
        with pytest.raises(RequestRefused) as caught:
            verify_reader(
                replace(request, headers=headers),
                scope="feed:read",
                change=False,
                registry=session.registry,
                now=session.world.now,
            )
        assert (caught.value.status, code_of(caught.value)) == (400, cause)


def test_a_forged_assertion_is_refused(session: Session) -> None:
    good = session.compact("assertion").split(".")
    session.assertion["fiscal_number"] = "BNCGNN80A41H501B"
    forged = session.compact("assertion").split(".")
    session.headers["Citizen-Assertion"] = ".".join([good[0], forged[1], good[2]])
    assert session.refusal() == (401, "signature.invalid")


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_unsigned_and_hmac_tokens_are_refused(session: Session, algorithm: str) -> None:
    secret = None if algorithm == "none" else "k" * 32
    kid = session.keys["token"].kid
    token = pyjwt.encode(session.token, secret, algorithm=algorithm, headers={"kid": kid})
    session.headers["Authorization"] = f"Bearer {token}"
    assert session.refusal() == (401, "alg.forbidden")


def test_a_token_of_another_library_is_read(session: Session) -> None:
    key = session.keys["token"]
    pem = keys.private_pem(key.private)
    token = pyjwt.encode(session.token, pem.decode(), algorithm="ES256", headers={"kid": key.kid, "typ": "JWT"})
    session.headers["Authorization"] = f"Bearer {token}"
    session.read()


def test_a_suspended_portal_is_refused(session: Session) -> None:
    session.registry = session.world.with_portal(active=False)
    assert session.refusal() == (401, "portal.suspended")


def test_a_revoked_assertion_key_is_refused(session: Session) -> None:
    world = session.world
    kept = world.jwk_entry(session.keys["token"])
    revoked = world.jwk_entry(session.keys["assertion"], "assertion_jwk", revoked_at=world.now)
    session.registry = world.with_portal(keys=(kept, revoked))
    assert session.refusal() == (401, "key.unusable")


def test_a_false_digest_is_refused(session: Session) -> None:
    session.headers["Digest"] = "SHA-256=" + "A" * 43 + "="
    assert session.refusal() == (401, "digest.mismatch")
