"""Cases of digest and signed headers (modi 5.2, 5.3, 5.6, 5.10, 5.12, 5.14, 5.17)."""

import gzip
import hashlib
import json
from base64 import b64encode
from typing import Final

from hub.security.digest import digest_header

from .case import NOT_PARTIAL, NOT_SERVED, UNSUPPORTED, Case
from .changes import ABSENT, added, digest, dropped, replaced, signed_headers
from .draft import SIG, Draft

_JSON: Final = {"content-type": "application/json"}


def _reserialised(draft: Draft) -> None:
    """The same JSON, as a proxy or framework would write it."""
    draft.body = json.dumps(json.loads(draft.body), indent=1, sort_keys=True).encode()


def _other_body(draft: Draft) -> None:
    changed = draft.body.replace(b'"version":1', b'"version":9')
    draft.body = changed if changed != draft.body else draft.body + b" "


def _cut(draft: Draft) -> None:
    draft.body = draft.body[:-1]


def _emptied(draft: Draft) -> None:
    draft.body = b""


def _compressed(draft: Draft) -> None:
    """By who stands between (modi 5.10): the coding is true, and nobody signed it."""
    draft.body = gzip.compress(draft.body)
    draft.headers.append(("content-encoding", "gzip"))


def _other_charset(draft: Draft) -> None:
    again = draft.body.decode("utf-8").encode("latin-1", "replace")
    draft.body = again if again != draft.body else draft.body.decode("utf-8").encode("utf-16")


def _gzip_signed(draft: Draft) -> None:
    draft.headers.append(("content-encoding", "gzip"))
    draft.claims[SIG]["signed_headers"].append({"content-encoding": "gzip"})


def _extra(draft: Draft, *sent: str) -> None:
    draft.headers += [("x-conformance", value) for value in sent]
    draft.claims[SIG]["signed_headers"].append({"x-conformance": "1"})


def _patched(draft: Draft) -> None:
    draft.method = "PATCH"


def _ranged(draft: Draft) -> None:
    draft.headers.append(("range", "bytes=0-9"))


def _false_digest(draft: Draft) -> None:
    draft.headers.append(("digest", digest_header(b"x")))


_ROWS: Final = (
    ("body-reserialised", "JSON riscritto dopo il digest", "the JSON was written anew after hashing", _reserialised),
    ("body-changed", "corpo cambiato dopo il digest", "the body was changed after hashing", _other_body),
    ("body-cut", "corpo troncato", "the body was cut", _cut),
    ("body-compressed", "corpo compresso da un proxy", "a proxy compressed the body", _compressed),
    ("body-other-charset", "corpo riscritto in ISO 8859-1", "the body was written anew in ISO 8859-1", _other_charset),
    ("body-emptied", "corpo svuotato", "the body was emptied", _emptied),
    (
        "digest-hex",
        "digest in esadecimale",
        "the digest in hex instead of base64",
        digest(lambda d: "SHA-256=" + hashlib.sha256(d.body).hexdigest()),
    ),
    (
        "digest-sha1",
        "digest SHA-1",
        "a digest with SHA-1",
        digest(lambda d: "SHA=" + b64encode(hashlib.sha1(d.body, usedforsecurity=False).digest()).decode()),
    ),
    (
        "digest-bare",
        "digest senza algoritmo",
        "a digest without its algorithm",
        digest(lambda d: digest_header(d.body)[8:]),
    ),
    (
        "digest-list",
        "due digest in una intestazione",
        "two digests in one header",
        digest(lambda d: f"{digest_header(d.body)},{digest_header(b'')}"),
    ),
    ("digest-missing", "manca Digest", "no Digest header", dropped("digest")),
    (
        "digest-differs",
        "Digest diverso da quello firmato",
        "Digest is not the one signed",
        replaced("digest", digest_header(b"x")),
    ),
    ("digest-unsigned", "Digest non firmato", "Digest is not signed", signed_headers(lambda d: [_JSON])),
    (
        "digest-signed-other",
        "digest firmato di un altro corpo",
        "the signed digest is of another body",
        signed_headers(lambda d: [{"digest": digest_header(b"x")}, _JSON]),
    ),
    ("signed-headers-missing", "manca signed_headers", "no signed_headers", signed_headers(lambda d: ABSENT)),
    ("signed-headers-empty", "signed_headers vuoto", "signed_headers is empty", signed_headers(lambda d: [])),
    (
        "signed-headers-object",
        "signed_headers è un oggetto",
        "an object instead of an array",
        signed_headers(lambda d: {"digest": d, **_JSON}),
    ),
    (
        "signed-headers-text",
        "signed_headers è un testo",
        "text instead of an array",
        signed_headers(lambda d: "digest content-type"),
    ),
    (
        "signed-headers-number",
        "un valore non è testo",
        "a value is no text",
        signed_headers(lambda d: [{"digest": 1}, _JSON]),
    ),
    (
        "content-type-unsigned",
        "Content-Type non firmato",
        "Content-Type is not signed",
        signed_headers(lambda d: [{"digest": d}]),
    ),
    (
        "content-type-changed",
        "Content-Type cambiato",
        "another Content-Type than signed",
        replaced("content-type", "text/plain"),
    ),
    (
        "content-type-appended",
        "un secondo Content-Type",
        "a second Content-Type",
        added("content-type", "application/json"),
    ),
    (
        "content-type-removed",
        "Content-Type firmato e tolto",
        "Content-Type was signed and removed",
        dropped("content-type"),
    ),
    (
        "content-encoding-unsigned",
        "Content-Encoding non firmato",
        "Content-Encoding is not signed",
        added("content-encoding", "identity"),
    ),
    (
        "content-encoding-utf-8",
        "Content-Encoding: UTF-8",
        "Content-Encoding: UTF-8, no coding and unsigned",
        added("content-encoding", "UTF-8"),
    ),
    (
        "header-copied",
        "copia aggiunta di un'intestazione firmata",
        "a copy of a signed header was appended",
        lambda d: _extra(d, "1", "1"),
    ),
    ("header-changed", "intestazione firmata cambiata", "a signed header was changed", lambda d: _extra(d, "2")),
    ("header-removed", "intestazione firmata tolta", "a signed header was removed", lambda d: _extra(d)),
)

CASES: Final = (
    *(Case("integrity", *row) for row in _ROWS),
    Case(
        "integrity",
        "content-encoding-gzip",
        "codifica firmata ma falsa",
        "a coding that is signed and false",
        _gzip_signed,
        UNSUPPORTED,
    ),
    Case("integrity", "patch", "PATCH con integrità", "PATCH is outside INTEGRITY_REST", _patched, NOT_SERVED),
    Case(
        "integrity",
        "range",
        "Range non è coperto: mai 206",
        "Range is outside INTEGRITY_REST: never 206",
        _ranged,
        NOT_PARTIAL,
        reads=True,
    ),
    Case(
        "integrity",
        "digest-false-on-read",
        "Digest falso in lettura",
        "a false Digest on a read",
        _false_digest,
        reads=True,
    ),
)
