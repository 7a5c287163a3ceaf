"""INTEGRITY_REST_01 and _02: the digest of the body, and the headers that were signed with it (modi 1.4)."""

from .. import digest, headers
from ..causes import Refusal
from .state import SIGNATURE, State


def find_digest(state: State) -> None:
    state.digest = next(iter(state.request.values("digest")), None)
    if state.digest is None and (state.must_sign or state.of(SIGNATURE)):
        raise Refusal("digest.missing")


def check_digest(state: State) -> None:
    # The bytes as received: with a Content-Encoding, the encoded ones (modi 1.4, 5.10).
    if state.digest is not None:
        digest.check(state.digest, state.request)


def find_signed_headers(state: State) -> None:
    signature = state.of(SIGNATURE)
    if signature is not None:
        state.signed = headers.signed_headers(signature.token.claims)


def digest_signed(state: State) -> None:
    if state.of(SIGNATURE) and "digest" not in state.signed:
        raise Refusal("header.unsigned", "digest")


def content_headers_signed(state: State) -> None:
    if state.of(SIGNATURE):
        headers.all_signed(state.request, state.signed)


def signed_counts(state: State) -> None:
    headers.same_counts(state.request, state.signed)


def signed_values(state: State) -> None:
    headers.same_values(state.request, state.signed)
