"""PROFILE_NON_REPUDIATION_01 (modi 1.8): a message has an id of its own, which stays when it is sent again.

ID_AUTH_REST_02 refuses a jti that was used; a retransmission carries a fresh one and the same message id, signed.
"""

from contracts.identifiers import holds_tax_code

from .. import claims
from ..causes import Refusal
from ..claims import MAX_TEXT
from .state import SIGNATURE, State


def message_named(state: State) -> None:
    signature = state.of(SIGNATURE)
    if signature is None:  # a read is no message
        return
    kind, _, name = state.profile.message_id.partition(":")
    if kind == "claim":
        state.message_id = _impersonal(claims.text(signature.token.claims, name, missing="message.missing"))
        return
    value = state.request.only(name)
    if value is None:
        raise Refusal("message.missing", f"the header {name}")
    if name not in state.signed:
        raise Refusal("header.unsigned", name)
    if not value or len(value) > MAX_TEXT or not value.isprintable():
        raise Refusal("message.missing", f"the header {name} is empty, too long or not printable")
    state.message_id = _impersonal(value)


def _impersonal(message_id: str) -> str:
    """It is kept in clear for months, and said again in answers."""
    if holds_tax_code(message_id):
        raise Refusal("message.personal")
    return message_id
