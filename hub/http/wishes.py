"""The bodies by which citizens say how they wish to be told, and what they ask of the source of a subscription."""

from pydantic import ValidationError

from contracts.feed import SubscriptionRequest
from contracts.items.subscription import RequestKind
from contracts.preferences import PreferencesPatch
from contracts.profile import ProfilePatch
from hub.errors import MediaUnsupported, RequestInvalid
from hub.feed import parameters
from hub.ingest.canonical import refusal_of

from .exchange import Exchange
from .user_states import media_type, must_be_merge_patch


def preferences_patch(exchange: Exchange) -> PreferencesPatch:
    """The merge patch that is the body. Raises MediaUnsupported, RequestInvalid, ContractViolation."""
    parameters.nothing(exchange.request.query_params.multi_items())
    must_be_merge_patch(exchange)
    try:
        patch = PreferencesPatch.model_validate_json(exchange.body)
    except ValidationError as exc:
        raise refusal_of(exc) from None
    if not patch.model_fields_set:
        raise RequestInvalid("the patch changes nothing")
    for name in ("channels", "without_service"):
        switches = getattr(patch, name)
        if switches is not None and None in switches.model_dump(exclude_unset=True).values():
            raise RequestInvalid(f"{name}: a channel is on (true) or off (false)")
    return patch


def profile_patch(exchange: Exchange) -> ProfilePatch:
    """The merge patch that is the body. Raises MediaUnsupported, RequestInvalid, ContractViolation."""
    parameters.nothing(exchange.request.query_params.multi_items())
    must_be_merge_patch(exchange)
    try:
        return ProfilePatch.model_validate_json(exchange.body)
    except ValidationError as exc:
        raise refusal_of(exc) from None


def request_kind(exchange: Exchange) -> RequestKind:
    """What the body asks of the source (contracts.feed.SubscriptionRequest).

    Raises MediaUnsupported, RequestInvalid, ContractViolation.
    """
    parameters.nothing(exchange.request.query_params.multi_items())
    if media_type(exchange) != "application/json":
        raise MediaUnsupported("send the request as application/json", headers={"Accept": "application/json"})
    try:
        return SubscriptionRequest.model_validate_json(exchange.body).kind
    except ValidationError as exc:
        raise refusal_of(exc) from None
