"""Makes `answers.json`: what the hub signs, for whoever verifies it. `python tests/vectors/make_answers.py`. TEST KEYS.

Receipts (modi 1.8) and calls to a vendor's address (NONBLOCK_PUSH_REST). Tokens come from PyJWT.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any

from make_drafts import BODY, HERE, NOW, OTHER_PUBLISH, PUBLISH, T, by_hand, by_pyjwt, digest, kid, public_jwk, segment

HUB, STRANGER = "borea-es", "eolo"
VENDOR, ADDRESS = "acme", "https://acme.example.it/told"
RECEIPT = b'{"item_id":"0193571f-7000-7000-8000-000000000001","outcome":"created"}'
OTHER = digest(b"another")
RESULT = b'{"batch_id":"0193571f-7000-7000-8000-000000000002","items":[]}'


class Answer:
    """One answer or call; a bad one differs in one point."""

    def __init__(self, *, call: bool) -> None:
        self.body = RESULT if call else RECEIPT
        self.headers = [("content-type", "application/json"), ("digest", digest(self.body))]
        if call:
            self.headers.append(("x-correlation-id", "batch-7"))
        self.claims: dict[str, Any] = {
            "iss": PUBLISH,
            "aud": ADDRESS if call else VENDOR,
            "iat": T,
            "nbf": T,
            "exp": T + 120,
            "jti": "answer-1",
            "signed_headers": [{name: value} for name, value in self.headers],
        }
        if not call:
            self.claims["request_digest"] = digest(BODY)
        self.jose = {"alg": "ES256", "typ": "JWT", "kid": kid(HUB)}
        self.key = HUB
        self.rewrite: Callable[[str], str] = lambda compact: compact

    def set_header(self, name: str, value: str) -> None:
        self.headers = [(known, value if known == name else old) for known, old in self.headers]

    def built(self) -> dict[str, Any]:
        compact = self.rewrite(by_pyjwt(self.jose, self.claims, self.key))
        headers = [*self.headers, ("agid-jwt-signature", compact)] if compact else self.headers
        return {"headers": headers, "body_base64": b64encode(self.body).decode()}


def _claim(**values: Any) -> Callable[[Answer], None]:
    def change(answer: Answer) -> None:
        answer.claims |= values
        for name in [name for name, value in values.items() if value is ...]:
            del answer.claims[name]

    return change


def _body(answer: Answer) -> None:
    answer.body = answer.body.replace(b"0001", b"0009").replace(b"0002", b"0009")


def _false_digest(answer: Answer) -> None:
    _body(answer)
    answer.set_header("digest", digest(answer.body))


def _unsigned_header(name: str) -> Callable[[Answer], None]:
    def change(answer: Answer) -> None:
        answer.claims["signed_headers"] = [one for one in answer.claims["signed_headers"] if name not in one]

    return change


def _by_a_stranger(answer: Answer) -> None:
    answer.key = STRANGER


def _none(answer: Answer) -> None:
    answer.rewrite = lambda compact: f"{segment({**answer.jose, 'alg': 'none'})}.{compact.split('.')[1]}."


def _jose(**members: Any) -> Callable[[Answer], None]:
    def change(answer: Answer) -> None:
        answer.jose |= members

    return change


def _missing(answer: Answer) -> None:
    answer.rewrite = lambda compact: ""


def _correlation(answer: Answer) -> None:
    answer.set_header("x-correlation-id", "batch-8")


def _critical(answer: Answer) -> None:
    header = {**answer.jose, "crit": ["exp"], "exp": T}
    answer.rewrite = lambda compact: by_hand(segment(header), compact.split(".")[1], HUB)


BAD: tuple[tuple[str, str, str, Callable[[Answer], None]], ...] = (
    ("unsigned", "no Agid-JWT-Signature", "token.missing", _missing),
    ("alg-none", "alg none", "alg.mismatch", _none),
    ("forged", "the hub's kid, somebody else's signature", "signature.invalid", _by_a_stranger),
    ("kid-unknown", "a kid that the hub does not publish", "key.unknown", _jose(kid="nobody")),
    ("crit", "an unknown critical parameter", "crit.unsupported", _critical),
    ("typ", "another typ", "typ.wrong", _jose(typ="at+jwt")),
    ("body-changed", "the body was changed after signing", "digest.mismatch", _body),
    ("body-and-digest-changed", "body and Digest were changed after signing", "header.mismatch", _false_digest),
    ("digest-unsigned", "Digest is not signed", "header.unsigned", _unsigned_header("digest")),
    ("content-type-unsigned", "Content-Type is not signed", "header.unsigned", _unsigned_header("content-type")),
    ("issuer", "signed as another ente", "issuer.differs", _claim(iss=OTHER_PUBLISH)),
    ("audience", "meant for another vendor", "audience.mismatch", _claim(aud="another")),
    ("expired", "expired", "token.expired", _claim(iat=T - 200, nbf=T - 200, exp=T - 80)),
    ("future", "iat is in the future", "iat.future", _claim(iat=T + 60, exp=T + 180)),
)


def vectors() -> Iterator[dict[str, Any]]:
    for kind, call in (("receipt", False), ("call", True)):
        expects = {"iss": PUBLISH, "aud": ADDRESS} if call else {"iss": PUBLISH, "aud": VENDOR}
        if not call:
            expects["request_digest"] = digest(BODY)
        why = "a batch's result at the vendor's address" if call else "the answer to a publication"
        good = {"name": kind, "base": None, "why": why, "receiver": expects}
        yield {**good, "answer": Answer(call=call).built(), "expect": {}}
        own = (("correlation-changed", "X-Correlation-ID was changed", "header.mismatch", _correlation),) if call else (
            ("of-another-request", "it answers another request", "digest.mismatch", _claim(request_digest=OTHER)),
            ("of-no-request", "it names no request", "claim.missing", _claim(request_digest=...)),
        )  # fmt: skip
        for name, said, cause, change in (*BAD, *own):
            answer = Answer(call=call)
            change(answer)
            yield {
                "name": f"{kind}-{name}",
                "base": kind,
                "why": said,
                "receiver": expects,
                "answer": answer.built(),
                "expect": {"cause": cause},
            }


if __name__ == "__main__":
    content = {
        "notice": "TEST KEYS, published on purpose. Never register them anywhere.",
        "now": NOW.isoformat(),
        "keys": [json.loads(public_jwk(HUB))],
        "vectors": list(vectors()),
    }
    (HERE / "answers.json").write_text(json.dumps(content, indent=1) + "\n")
    print(f"answers.json: {len(content['vectors'])}")
