"""The kit as a hub that calls a vendor's address (NONBLOCK_PUSH_REST, modi 3): what it must take, and what not.

The vendor's server reads the hub's keys from the listener's JWKS, as it would read them from the hub's.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from secrets import token_hex
from typing import Final

import httpx
import orjson

from hub.security.keys import new_key
from hub.security.outbound import Integrity, ModiAuth, Signer
from hub.security.sign import SigningKey

from .report import Result, called

_ACKNOWLEDGED: Final = "200"
_REFUSED: Final = "4xx"
_CORRELATION: Final = "x-correlation-id"
_HOUR_S: Final = 3600


@dataclass(frozen=True, slots=True)
class Calls:
    """Makes calls to one address, signed by the hub's key or as a case has it."""

    http: httpx.Client
    url: str
    key: SigningKey
    iss: str
    aud: str

    def made(
        self,
        *,
        key: SigningKey | None = None,
        iss: str = "",
        aud: str = "",
        late_s: int = 0,
        correlation: str = "",
        covers: tuple[str, ...] = (_CORRELATION,),
    ) -> httpx.Request:
        """The result of a batch without items, told to the vendor."""
        content = {"batch_id": "00000000-0000-7000-8000-000000000000", "items": []}
        headers = {"Content-Type": "application/json", _CORRELATION: correlation or f"conformance-{token_hex(6)}"}
        request = self.http.build_request("POST", self.url, content=orjson.dumps(content), headers=headers)
        signer = Signer(
            key or self.key, iss or self.iss, aud or self.aud, reference="kid", clock=lambda: time.time() - late_s
        )
        return next(ModiAuth(signer, integrity=Integrity(signer, covers)).auth_flow(request))


Changed = Callable[[Calls], Iterator[httpx.Request]]


def _once(calls: Calls) -> Iterator[httpx.Request]:
    yield calls.made()


def _again(calls: Calls) -> Iterator[httpx.Request]:
    correlation = f"conformance-{token_hex(6)}"
    for _ in range(2):
        yield calls.made(correlation=correlation)


def _replayed(calls: Calls) -> Iterator[httpx.Request]:
    request = calls.made()
    yield request
    yield httpx.Request("POST", request.url, headers=request.headers, content=request.content)


def _without(*names: str) -> Changed:
    def change(calls: Calls) -> Iterator[httpx.Request]:
        request = calls.made()
        for name in names:
            del request.headers[name]
        yield request

    return change


def _body_changed(calls: Calls) -> Iterator[httpx.Request]:
    request = calls.made()
    yield httpx.Request("POST", request.url, headers=request.headers, content=request.content.replace(b"[]", b"{}"))


def _other_correlation(calls: Calls) -> Iterator[httpx.Request]:
    request = calls.made()
    request.headers[_CORRELATION] = "another"
    yield request


def _stranger(calls: Calls) -> Iterator[httpx.Request]:
    yield calls.made(key=SigningKey(new_key("es256")))


def _other_vendor(calls: Calls) -> Iterator[httpx.Request]:
    yield calls.made(aud="https://another.example.it/")


def _other_hub(calls: Calls) -> Iterator[httpx.Request]:
    yield calls.made(iss="https://another.example.it/publish/v1")


def _old(calls: Calls) -> Iterator[httpx.Request]:
    yield calls.made(late_s=_HOUR_S)


CASES: Final[tuple[tuple[str, str, str, Changed, bool], ...]] = (
    ("call-told", "risultato firmato", "a result, signed", _once, True),
    ("call-told-again", "detto di nuovo, token nuovi", "told again, with fresh tokens", _again, True),
    ("call-replayed", "gli stessi token due volte", "the same tokens twice", _replayed, False),
    ("call-unsigned", "senza token", "no tokens", _without("authorization", "agid-jwt-signature"), False),
    ("call-no-signature", "senza Agid-JWT-Signature", "no Agid-JWT-Signature", _without("agid-jwt-signature"), False),
    ("call-body-changed", "corpo cambiato dopo la firma", "the body was changed after signing", _body_changed, False),
    ("call-other-correlation", "X-Correlation-ID cambiato", "X-Correlation-ID was changed", _other_correlation, False),
    ("call-of-a-stranger", "firmato da altri", "signed by somebody else", _stranger, False),
    ("call-to-another", "aud di un altro fornitore", "aud is another vendor", _other_vendor, False),
    ("call-of-another-hub", "iss di un altro hub", "iss is another hub", _other_hub, False),
    ("call-old", "firmato un'ora fa", "signed an hour ago", _old, False),
)  # fmt: skip
"""Name, what it is in two languages, the calls, and whether the last is to be acknowledged; all before it are."""


def results(calls: Calls, only: str) -> list[Result]:
    return [
        _result(calls, name, it, en, change, good=good)
        for name, it, en, change, good in CASES
        if called("callbacks", name, only)
    ]


def _result(calls: Calls, name: str, it: str, en: str, change: Changed, *, good: bool) -> Result:
    started = time.perf_counter()
    expected = _ACKNOWLEDGED if good else _REFUSED
    try:
        answers = [calls.http.send(request).status_code for request in change(calls)]
    except httpx.HTTPError as error:
        return Result("callbacks", name, it, en, "failed", expected, "none", f"no answer: {type(error).__name__}")
    *before, last = answers
    holds = all(status == 200 for status in before) and (last == 200 if good else 400 <= last < 500)
    told = ", ".join(map(str, answers))
    detail = "" if holds else f"answered {told}, expected {', '.join(['200'] * len(before) + [expected])}"
    took_s = time.perf_counter() - started
    return Result("callbacks", name, it, en, "passed" if holds else "failed", expected, told, detail, took_s)
