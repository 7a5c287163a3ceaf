"""Cases that a hub must accept, for a strict one is not a closed one (modi 1, 5.4, 5.8, 5.12)."""

import json
from typing import Final

from .case import ACCEPTED, Case
from .changes import ABSENT, both, times
from .draft import SIG, Draft


def _as_it_is(draft: Draft) -> None:
    """The good request itself."""


def _listed(draft: Draft) -> None:
    both(aud=[draft.party.aud])(draft)


def _one_jti(draft: Draft) -> None:
    both(jti=draft.claims[SIG]["jti"])(draft)


def _spaced(draft: Draft) -> None:
    draft.body = json.dumps(json.loads(draft.body), indent=2, ensure_ascii=True).encode()
    draft.sign_body("application/json")


def _charset(draft: Draft) -> None:
    draft.sign_body("application/json; charset=utf-8")


def _extra(draft: Draft) -> None:
    draft.headers.append(("x-conformance", "1"))
    draft.claims[SIG]["signed_headers"].append({"x-conformance": "1"})


def _reordered(draft: Draft) -> None:
    draft.claims[SIG]["signed_headers"].reverse()


def _ahead(draft: Draft) -> None:
    times(iat=3, nbf=3, exp=3 + draft.lifetime_s)(draft)


def _upper_case(draft: Draft) -> None:
    draft.headers = [(name.upper(), value) for name, value in draft.headers]


def _lower_case(draft: Draft) -> None:
    draft.scheme = draft.scheme.lower()


_ROWS: Final = (
    ("publish", "richiesta corretta", "a good request", _as_it_is),
    ("again", "stessa pubblicazione, jti nuovi", "the same publication with fresh jti", _as_it_is),
    ("aud-array", "aud è un array di un elemento", "aud is an array of one", _listed),
    ("nbf-absent", "senza nbf, facoltativo", "no nbf, which is optional", both(nbf=ABSENT)),
    ("one-jti", "lo stesso jti nei due token", "both tokens of one request have one jti", _one_jti),
    ("body-spaced", "JSON con spazi, firmato così", "JSON with blanks, hashed as sent", _spaced),
    ("content-type-charset", "charset nel Content-Type firmato", "Content-Type with a charset, signed", _charset),
    ("header-signed", "un'altra intestazione firmata", "another header is signed", _extra),
    ("signed-headers-reordered", "signed_headers in altro ordine", "signed_headers in another order", _reordered),
    ("header-names-upper-case", "nomi in maiuscolo", "header names in upper case", _upper_case),
    ("bearer-lower-case", "bearer in minuscolo (RFC 9110)", "bearer in lower case (RFC 9110)", _lower_case),
    ("claims-unknown", "claim in più", "claims that nobody asked for", both(client_id="x", scope="y")),
)

CASES: Final = (
    *(Case("good", *row, ACCEPTED) for row in _ROWS),
    Case(
        "good",
        "clock-3-seconds-ahead",
        "orologio avanti di 3 secondi",
        "clock 3 seconds ahead",
        _ahead,
        ACCEPTED,
        when=lambda profile: profile.future > 4,
    ),
    Case(
        "good",
        "clock-a-minute-behind",
        "orologio indietro di un minuto",
        "clock a minute behind",
        times(iat=-60, nbf=-60, exp=60),
        ACCEPTED,
        when=lambda profile: profile.max_age > 70 and profile.lifetime >= 120,
    ),
    Case(
        "good",
        "jti-absent",
        "senza jti, dove è facoltativo",
        "no jti, where it is optional",
        both(jti=ABSENT),
        ACCEPTED,
        when=lambda profile: profile.jti == "if-present",
    ),
    Case(
        "good", "read", "lettura con Authorization", "a read with Authorization alone", _as_it_is, ACCEPTED, reads=True
    ),
)
