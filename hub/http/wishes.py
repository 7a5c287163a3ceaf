"""The bodies by which citizens say how they wish to be told, what they ask of a subscription's source, and as data
subjects."""

from contracts.faults import Bilingual, bilingual, led
from contracts.feed import SubscriptionRequest
from contracts.items.subscription import RequestKind
from contracts.preferences import PreferencesPatch
from contracts.profile import ProfilePatch
from contracts.rights import NEEDS_TEXT, RightsRequestWish
from hub.errors import ContractViolation, Fault, MediaUnsupported, RequestInvalid
from hub.feed import parameters
from hub.ingest.canonical import AS_JSON, read_as

from .exchange import Exchange
from .user_states import media_type, must_be_merge_patch

_ON_OR_OFF = bilingual("Un canale è acceso (true) o spento (false)", "a channel is on (true) or off (false)")


def preferences_patch(exchange: Exchange) -> PreferencesPatch:
    """The merge patch that is the body. Raises MediaUnsupported, RequestInvalid, ContractViolation."""
    parameters.nothing(exchange.request.query_params.multi_items())
    must_be_merge_patch(exchange)
    patch = read_as(PreferencesPatch, exchange.body)
    if not patch.model_fields_set:
        raise RequestInvalid(bilingual("La modifica non cambia nulla", "the patch changes nothing"))
    for name in ("channels", "without_service"):
        switches = getattr(patch, name)
        if switches is not None and None in switches.model_dump(exclude_unset=True).values():
            raise RequestInvalid(led(name, _ON_OR_OFF))
    return patch


def profile_patch(exchange: Exchange) -> ProfilePatch:
    """The merge patch that is the body. Raises MediaUnsupported, RequestInvalid, ContractViolation."""
    parameters.nothing(exchange.request.query_params.multi_items())
    must_be_merge_patch(exchange)
    return read_as(ProfilePatch, exchange.body)


def request_kind(exchange: Exchange) -> RequestKind:
    """What the body asks of the source (contracts.feed.SubscriptionRequest).

    Raises MediaUnsupported, RequestInvalid, ContractViolation.
    """
    must_be_json(exchange)
    return read_as(SubscriptionRequest, exchange.body).kind


def rights_wish(exchange: Exchange) -> RightsRequestWish:
    """What the body asks for. Raises MediaUnsupported, RequestInvalid, ContractViolation."""
    must_be_json(exchange)
    wish = read_as(RightsRequestWish, exchange.body)
    if wish.text is None and wish.kind in NEEDS_TEXT:
        raise ContractViolation(faults=(Fault("/text", "field.missing", _why(wish.kind)),))
    return wish


def must_be_json(exchange: Exchange) -> None:
    """A body of JSON, and no parameters. Raises MediaUnsupported, RequestInvalid."""
    parameters.nothing(exchange.request.query_params.multi_items())
    if media_type(exchange) != "application/json":
        raise MediaUnsupported(AS_JSON, headers={"Accept": "application/json"})


def _why(kind: str) -> Bilingual:
    return bilingual(f"{kind} richiede un testo che dica perché", f"{kind} needs a text that says why")
