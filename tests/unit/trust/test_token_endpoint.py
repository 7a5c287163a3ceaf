"""What the token endpoint may answer: the voucher that was asked for, or a refusal in either style."""

import asyncio
import json

import httpx
import pytest

from hub.security import jose
from hub.trust.http import Answer, FetchFailed
from hub.trust.token_endpoint import ask_voucher

DIGEST, KEY = "ab" * 32, "thumbprint"


class Told:
    """A `Web` that answers as it was told."""

    def __init__(self, content, status=200):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.answer = Answer(status, httpx.Headers(), body)

    async def post(self, url, **asked):
        self.asked = asked
        return self.answer


def token(**claims):
    return ".".join((jose.segment({"alg": "RS256"}), jose.segment({"iss": "x", **claims}), "AAAA"))


def granted(**changes):
    content = {"access_token": token(), "token_type": "Bearer", "expires_in": 600, **changes}
    return {name: value for name, value in content.items() if value is not None}


def ask(web, *, bound=False, digest=None):
    own = {"proof": "a.b.c", "thumbprint": KEY} if bound else {"proof": None, "thumbprint": None}
    return asyncio.run(ask_voucher(web, "https://x", client_id="c", assertion="a.b.c", digest=digest, **own))


def test_a_bearer_a_bound_one_and_one_with_a_digest():
    web = Told(granted())
    assert ask(web).lifetime_s == 600
    assert web.asked["data"]["grant_type"] == "client_credentials"
    assert "DPoP" not in web.asked["headers"]
    assert ask(Told(granted(access_token=token(cnf={"jkt": KEY}), token_type="DPoP")), bound=True)
    assert ask(Told(granted(access_token=token(digest={"alg": "SHA256", "value": DIGEST}))), digest=DIGEST)


@pytest.mark.parametrize(
    ("changes", "asked", "problem"),
    [
        ({"access_token": None}, {}, "malformed"),
        ({"access_token": "no token"}, {}, "malformed"),
        ({"expires_in": "600"}, {}, "malformed"),
        ({"expires_in": True}, {}, "malformed"),
        ({"expires_in": 0}, {}, "malformed"),
        ({"expires_in": 10**9}, {}, "malformed"),
        ({"token_type": "DPoP"}, {}, "token_type"),
        ({"token_type": None}, {}, "token_type"),
        ({"access_token": token(cnf={"jkt": KEY})}, {"bound": True}, "token_type"),
        ({"token_type": "DPoP"}, {"bound": True}, "other_key"),
        ({"token_type": "DPoP", "access_token": token(cnf={"jkt": "other"})}, {"bound": True}, "other_key"),
        ({"access_token": token(cnf={"jkt": KEY})}, {}, "other_key"),
        ({}, {"digest": DIGEST}, "other_digest"),
        ({"access_token": token(digest={"alg": "SHA256", "value": "00" * 32})}, {"digest": DIGEST}, "other_digest"),
        ({"access_token": token(digest={"alg": "SHA256", "value": DIGEST})}, {}, "other_digest"),
    ],
)
def test_what_was_not_asked_for_is_no_voucher(changes, asked, problem):
    with pytest.raises(FetchFailed) as failed:
        ask(Told(granted(**changes)), **asked)
    assert failed.value.problem == problem


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"status": 400, "errors": [{"code": "015-0008", "detail": "secret words"}]}, "015-0008"),
        ({"error": "invalid_client", "error_description": "secret words"}, "invalid_client"),
        ({"errors": [{"code": "Robert'); --"}], "error": "A word"}, "status_400"),
        ({"errors": "none"}, "status_400"),
        ({"errors": [1]}, "status_400"),
        (b"<html>", "status_400"),
    ],
)
def test_a_refusal_is_a_code_and_never_the_words_of_pdnd(content, problem):
    with pytest.raises(FetchFailed) as failed:
        ask(Told(content, 400))
    assert (failed.value.problem, failed.value.lasting) == (problem, False)
