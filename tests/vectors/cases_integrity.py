"""Bad ones in their digest or signed headers."""

import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterator

from make_changes import SIG, Vector, bad, changed, claim, drop_header, get, sent, set_header
from make_drafts import BODY, HEX, Draft, acme, digest


def _integrity() -> Iterator[Vector]:
    base = "x5c-es256"
    other = acme()
    other.body = BODY.replace(b'":', b'": ')
    yield bad("body-reserialised", base, "blanks were added to the JSON after hashing", "digest.mismatch", other)
    yield bad(
        "digest-of-other-body",
        base,
        "digest and signature of another body",
        "digest.mismatch",
        changed(acme(body=b"{}"), lambda d: setattr(d, "body", BODY)),
    )

    def whole_digest(value: str) -> Callable[[Draft], None]:
        return lambda d: (
            changed(
                d,
                set_header("digest", value),
                lambda e: e.sig.update(signed_headers=[{"digest": value}, {"content-type": "application/json"}]),
            )
            and None
        )

    yield bad(
        "digest-hex", base, "hex instead of base64", "digest.malformed", whole_digest("SHA-256=" + HEX), status=400
    )
    yield bad(
        "digest-sha512",
        base,
        "another algorithm",
        "digest.malformed",
        whole_digest("SHA-512=" + b64encode(hashlib.sha512(BODY).digest()).decode()),
        status=400,
    )
    yield bad(
        "digest-unpadded",
        base,
        "base64 without padding",
        "digest.malformed",
        whole_digest(digest(BODY).rstrip("=")),
        status=400,
    )
    yield bad(
        "digest-list",
        base,
        "two digests in one header",
        "digest.malformed",
        whole_digest(digest(BODY) + "," + digest(b"")),
        status=400,
    )
    yield bad("digest-missing", base, "no Digest header", "digest.missing", drop_header("digest"), status=400)
    yield bad(
        "digest-false-on-read",
        "no-body",
        "a read with a false Digest",
        "digest.mismatch",
        lambda d: d.headers.append(("digest", digest(b"x"))),
        draft=get,
    )
    yield bad(
        "digest-unsigned",
        base,
        "digest is not in signed_headers",
        "header.unsigned",
        claim(SIG, signed_headers=[{"content-type": "application/json"}]),
    )
    yield bad(
        "signed-headers-missing", base, "no signed_headers", "signed_headers.malformed", claim(SIG, signed_headers=...)
    )
    yield bad(
        "signed-headers-object",
        base,
        "an object instead of an array",
        "signed_headers.malformed",
        claim(SIG, signed_headers={"digest": digest(BODY), "content-type": "application/json"}),
    )
    yield bad(
        "signed-headers-merged",
        base,
        "one object of two members",
        "signed_headers.malformed",
        claim(SIG, signed_headers=[{"digest": digest(BODY), "content-type": "application/json"}]),
    )
    yield bad(
        "signed-headers-upper-case",
        base,
        "Digest in upper case",
        "signed_headers.malformed",
        claim(SIG, signed_headers=[{"Digest": digest(BODY)}, {"Content-Type": "application/json"}]),
    )
    yield bad(
        "signed-headers-number",
        base,
        "a value is no text",
        "signed_headers.malformed",
        claim(SIG, signed_headers=[{"digest": 1}]),
    )
    yield bad(
        "content-type-unsigned",
        base,
        "content-type is not signed",
        "header.unsigned",
        claim(SIG, signed_headers=[{"digest": digest(BODY)}]),
    )
    yield bad(
        "content-type-changed",
        base,
        "another type than signed",
        "header.mismatch",
        set_header("content-type", "text/plain"),
    )
    yield bad(
        "content-type-appended",
        base,
        "a second Content-Type",
        "header.count",
        sent(lambda h, t: h.append(("content-type", "application/json"))),
    )
    yield bad(
        "content-type-removed", base, "Content-Type was signed and removed", "header.count", drop_header("content-type")
    )
    yield bad(
        "content-encoding-unsigned",
        base,
        "Content-Encoding is not signed",
        "header.unsigned",
        lambda d: d.headers.append(("content-encoding", "identity")),
    )
    gzip = acme()
    gzip.headers.append(("content-encoding", "gzip"))
    gzip.sig["signed_headers"].append({"content-encoding": "gzip"})
    yield bad(
        "content-encoding-gzip",
        base,
        "a content coding, signed: known sender, 415",
        "content.encoded",
        gzip,
        status=415,
    )
    yield bad(
        "digest-signed-other",
        base,
        "the signed digest is of another body than Digest",
        "header.mismatch",
        claim(SIG, signed_headers=[{"digest": digest(b"x")}, {"content-type": "application/json"}]),
    )
    appended = acme()
    appended.headers += [("x-request-id", "1"), ("x-request-id", "2")]
    appended.sig["signed_headers"].append({"x-request-id": "1"})
    yield bad(
        "extra-header-appended",
        "extra-signed-header",
        "a copy of a signed header was appended",
        "header.count",
        appended,
    )


def vectors() -> Iterator[Vector]:
    yield from _integrity()
