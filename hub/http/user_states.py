"""The bodies by which citizens mark items: a merge patch on one, or many at once."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from contracts.faults import bilingual
from contracts.feed import UserStatePatch
from contracts.user_states import UserStateWishes
from hub.errors import ContractViolation, Fault, HubError, MediaUnsupported, RequestInvalid
from hub.ingest.canonical import AS_JSON, read_as

from .exchange import Exchange

_MERGE_PATCH = "application/merge-patch+json"
_SETS = bilingual(
    "La modifica mette a true o false almeno uno tra read, archived, starred, confirmed",
    "the patch sets at least one of read, archived, starred, confirmed to true or false",
)

NAMED_BEFORE: Final = bilingual("Già indicato prima", "named before")


def patch(exchange: Exchange) -> dict[str, bool]:
    """The merge patch that is the body. Raises MediaUnsupported, RequestInvalid, ContractViolation."""
    must_be_merge_patch(exchange)
    given = read_as(UserStatePatch, exchange.body).model_dump(exclude_unset=True)
    if not _sets_something(given):
        raise RequestInvalid(_SETS)
    return given


def patches(exchange: Exchange) -> dict[str, dict[str, bool]]:
    """The merge patches of the body (contracts.user_states.UserStateWishes) by item_id.

    Raises:
        MediaUnsupported, RequestInvalid.
        ContractViolation: the contract is broken, an item is named twice, or a patch says nothing.
    """
    if media_type(exchange) != "application/json":
        raise MediaUnsupported(AS_JSON)
    wishes = read_as(UserStateWishes, exchange.body)
    found: dict[str, dict[str, bool]] = {}
    for n, wish in enumerate(wishes.items):
        given = wish.patch.model_dump(exclude_unset=True)
        if wish.item_id in found:
            raise ContractViolation(faults=(Fault(f"/items/{n}/item_id", "field.duplicate", NAMED_BEFORE),))
        if not _sets_something(given):
            raise ContractViolation(faults=(Fault(f"/items/{n}/patch", "field.invalid", _SETS),))
        found[wish.item_id] = given
    return found


def outcomes(
    wanted: Mapping[str, Any], refused: Sequence[HubError | None], states: Mapping[str, dict[str, bool]]
) -> dict[str, Any]:
    """contracts.user_states.UserStateOutcomes. What was withdrawn right after it was changed has no state any more."""
    return {
        "items": [
            {
                "item_id": item_id,
                "outcome": "changed" if refusal is None else "refused",
                "code": None if refusal is None else refusal.code,
                "user_state": states.get(item_id),
            }
            for item_id, refusal in zip(wanted, refused, strict=True)
        ]
    }


def must_be_merge_patch(exchange: Exchange) -> None:
    """Raises MediaUnsupported, naming the type to send."""
    if media_type(exchange) != _MERGE_PATCH:
        error = MediaUnsupported(
            bilingual(f"Inviare la modifica come {_MERGE_PATCH}", f"send the patch as {_MERGE_PATCH}")
        )
        error.headers["Accept"] = error.headers["Accept-Patch"] = _MERGE_PATCH
        raise error


def media_type(exchange: Exchange) -> str:
    """Of the body, bare."""
    return exchange.request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _sets_something(given: Mapping[str, bool | None]) -> bool:
    return bool(given) and None not in given.values()
