"""What is answered exactly, because every signature holds and the sender is known by then."""

from hub import errors

from ..left import EnteEnded, VendorEnded
from .state import State


def vendor_active(state: State) -> None:
    if state.ente.ended_at is not None:
        raise EnteEnded(cause=f"ente.ended: {state.ente.ente_id} has left")
    if state.vendor.ended_at is not None:
        raise VendorEnded(cause="vendor.ended: the vendor has left")
    if not state.vendor.active:
        raise errors.VendorSuspended(cause="vendor.suspended: the vendor is suspended")


def plain_coding(state: State) -> None:
    # Nothing here decodes bodies: what was hashed is what is parsed and kept as evidence.
    for coding in state.request.values("content-encoding"):
        if coding.strip().lower() != "identity":
            raise errors.MediaUnsupported(cause="content.encoded: only identity is taken")
