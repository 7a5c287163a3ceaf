"""Bad ones in who they are from, in their signature or in their times."""

from collections.abc import Iterator

from make_changes import AUTH, SIG, Vector, bad, both, claim, edit_both, get, tokens, unb64u
from make_drafts import FEED, OTHER_PUBLISH, PUBLISH, Draft, T, b64u, borea, by_hand, kid, segment


def _who() -> Iterator[Vector]:
    base = "x5c-es256"
    yield bad(
        "aud-other-service", base, "aud of another e-service", "audience.mismatch", both(aud="https://other.example")
    )
    yield bad("aud-call-url", base, "aud is the URL of the call", "audience.mismatch", both(aud=PUBLISH + "/messages"))
    yield bad("aud-feed", base, "aud of the feed", "audience.mismatch", both(aud=FEED))
    yield bad("aud-slash", base, "aud with a final slash", "audience.mismatch", both(aud=PUBLISH + "/"))
    yield bad(
        "aud-two-enti", base, "aud names two enti of the hub", "audience.mismatch", both(aud=[PUBLISH, OTHER_PUBLISH])
    )
    yield bad("aud-missing", base, "no aud", "audience.missing", both(aud=...))
    yield bad("aud-number", base, "aud is a number", "audience.missing", both(aud=1))
    yield bad(
        "aud-other-ente", base, "an ente where the vendor is not registered", "issuer.unknown", both(aud=OTHER_PUBLISH)
    )
    yield bad("aud-differs", base, "the tokens are for two enti", "audience.differs", claim(SIG, aud=OTHER_PUBLISH))
    yield bad("iss-missing", base, "no iss", "issuer.missing", both(iss=...))
    yield bad("iss-unknown", base, "iss registered with nobody", "issuer.unknown", both(iss="nobody"))
    yield bad("iss-number", base, "iss is a number", "claim.type", both(iss=7))
    yield bad(
        "iss-differs", base, "id in one token, alias in the other", "issuer.differs", claim(SIG, iss="acme-legacy")
    )
    yield bad("iss-of-another", base, "acme's certificate, borea's iss", "key.reference_missing", both(iss="borea"))


def _place() -> Iterator[Vector]:
    yield bad(
        "signature-token-as-authorization",
        "x5c-es256",
        "the Authorization token carries signed_headers",
        "token.misplaced",
        claim(AUTH, signed_headers=[]),
        status=400,
    )


def _signature() -> Iterator[Vector]:
    base, bad_sig = "x5c-es256", "signature.invalid"
    yield bad(
        "other-private-key",
        base,
        "acme's certificate, another private key",
        bad_sig,
        edit_both(lambda h, p, s: by_hand(h, p, "zeta")),
    )
    yield bad(
        "kid-right-key-wrong",
        "jwk-es256",
        "borea's kid, another private key",
        bad_sig,
        Draft("borea", "borea-unknown", {"typ": "JWT", "alg": "ES256", "kid": kid("borea-es")}),
    )
    yield bad(
        "payload-changed",
        base,
        "a claim changed after signing",
        bad_sig,
        tokens(
            lambda t: t.update(
                {
                    AUTH: ".".join(
                        [
                            t[AUTH].split(".")[0],
                            segment({"iss": "acme", "aud": PUBLISH, "iat": T, "exp": T + 60, "jti": "x"}),
                            t[AUTH].split(".")[2],
                        ]
                    )
                }
            )
        ),
    )
    yield bad(
        "signature-changed",
        base,
        "Agid-JWT-Signature's signature of another token",
        bad_sig,
        tokens(lambda t: t.update({SIG: t[SIG].rsplit(".", 1)[0] + "." + t[AUTH].rsplit(".", 1)[1]})),
    )
    yield bad("signature-empty", base, "ES256 without a signature", bad_sig, edit_both(lambda h, p, s: f"{h}.{p}."))
    yield bad("signature-zero", base, "r = s = 0", bad_sig, edit_both(lambda h, p, s: f"{h}.{p}.{b64u(bytes(64))}"))
    yield bad(
        "signature-der", base, "ECDSA in DER form", bad_sig, edit_both(lambda h, p, s: by_hand(h, p, "acme", der=True))
    )
    yield bad(
        "signature-short",
        "jwk-rs256",
        "an RSA signature of 255 bytes",
        bad_sig,
        edit_both(lambda h, p, s: f"{h}.{p}.{b64u(unb64u(s)[:-1])}"),
        draft=borea,
    )


def _claims() -> Iterator[Vector]:
    base = "x5c-es256"
    yield bad("iat-missing", base, "no iat", "claim.missing", both(iat=...))
    yield bad("exp-missing", base, "no exp", "claim.missing", both(exp=...))
    yield bad("jti-missing", base, "no jti", "claim.missing", both(jti=...))
    yield bad("jti-missing-signature", base, "no jti in Agid-JWT-Signature", "claim.missing", claim(SIG, jti=...))
    yield bad("jti-missing-read", "no-body", "no jti on a read", "claim.missing", claim(AUTH, jti=...), draft=get)
    yield bad("jti-number", base, "jti is a number", "claim.type", both(jti=1))
    yield bad("jti-empty", base, "jti is empty", "claim.type", both(jti=""))
    yield bad("jti-nul", base, "jti holds NUL", "claim.type", both(jti="a\u0000b"))
    yield bad("iat-text", base, "iat is text", "claim.type", both(iat=str(T)))
    yield bad("iat-boolean", base, "iat is true", "claim.type", both(iat=True))
    yield bad("exp-float", base, "exp is no whole number", "claim.type", both(exp=T + 60.5))
    yield bad("iat-milliseconds", base, "iat in milliseconds", "iat.future", both(iat=T * 1000, exp=T * 1000 + 60))
    yield bad("iat-future", base, "iat 6 s ahead", "iat.future", both(iat=T + 6))
    yield bad("iat-old", base, "iat 301 s old", "iat.old", both(iat=T - 301, nbf=T - 301, exp=T - 1 + 60))
    yield bad("nbf-future", base, "nbf 6 s ahead", "nbf.future", both(nbf=T + 6))
    yield bad("nbf-text", base, "nbf is text", "claim.type", both(nbf="now"))
    yield bad("expired", base, "exp is now: no tolerance", "token.expired", both(exp=T))
    yield bad("expired-signature", base, "Agid-JWT-Signature expired", "token.expired", claim(SIG, exp=T - 1))
    yield bad("exp-too-far", base, "exp - iat is 301 s", "lifetime.too_long", both(iat=T, nbf=T, exp=T + 301))


def vectors() -> Iterator[Vector]:
    yield from _who()
    yield from _place()
    yield from _signature()
    yield from _claims()
