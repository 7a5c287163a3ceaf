"""ID_AUTH_CHANNEL_02: the client certificate that the trusted proxy handed over, and whether it is the vendor's."""

from dataclasses import replace
from functools import lru_cache
from typing import Final

from hub.registry import Key, KeyKind, Vendor

from ..causes import Refusal
from ..channel import CHAIN, as_x5c
from .state import State
from .trust import rules_of

_KINDS: Final[dict[KeyKind, KeyKind]] = {"channel_anchor": "anchor", "channel_thumbprint": "thumbprint"}


def proxy_headers(state: State) -> None:
    """Whoever else sends the proxy's headers is refused, whatever the vendor's profile: they are never read."""
    if state.proxy is None:
        return
    for name in state.proxy.headers:
        if state.request.values(name) and not state.proxy.trusts(state.request.peer):
            raise Refusal("channel.untrusted", f"{name} came from elsewhere than the proxy")


def client_certificate(state: State) -> None:
    if state.proxy is None:
        raise Refusal("channel.missing", "no trusted proxy is configured")
    value = state.request.only(state.proxy.header)
    if not value:
        raise Refusal("channel.missing", f"no {state.proxy.header}")
    chain = state.request.values(CHAIN) if state.proxy.form == "rfc9440" else ()
    name = "\n".join((state.proxy.form, value, *chain))
    state.channel = state.chains.resolve(
        name,
        as_x5c(state.proxy.form, value, chain),
        vendor=_as_signer(state.vendor),
        registry=state.registry,
        now=state.now,
        proof=lambda _: None,  # the proxy had it: the handshake
        rules=rules_of(state.profile),
        shelf=state.shelf,
    )


@lru_cache(maxsize=1024)
def _as_signer(vendor: Vendor) -> Vendor:
    """The vendor with the trust of its channel in place of that of its signatures: the rules are the same."""
    keys: tuple[Key, ...] = tuple(replace(key, kind=_KINDS[key.kind]) for key in vendor.keys if key.kind in _KINDS)
    return replace(vendor, keys=keys, subject=vendor.profile.channel_subject or vendor.subject)
