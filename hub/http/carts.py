"""The body by which a citizen asks for a cart, and where the browser may come back to from it."""

from typing import Final

from pydantic import AnyUrl

from contracts.base import LONGEST_URL
from contracts.faults import bilingual
from contracts.identifiers import holds_tax_code
from contracts.paying import CartWish, Returns
from hub.dispatch.cart_errors import ReturnUrlForbidden
from hub.errors import ContractViolation, Fault
from hub.ingest.canonical import read_as

from .exchange import Exchange
from .user_states import NAMED_BEFORE
from .wishes import must_be_json

_ELSEWHERE: Final = bilingual(
    "Non è sul portale che l'ente ha registrato", "not at the portal that the ente registered"
)
_NAMES_A_PERSON: Final = bilingual("Indica una persona con il codice fiscale", "names a person by tax code")
_TOO_LONG: Final = bilingual(
    f"Supera {LONGEST_URL} caratteri una volta codificato", f"over {LONGEST_URL} characters when encoded"
)


def wish(exchange: Exchange) -> CartWish:
    """The body (contracts.paying.CartWish). Raises MediaUnsupported, RequestInvalid, ContractViolation."""
    must_be_json(exchange)
    wanted = read_as(CartWish, exchange.body)
    for n, part in enumerate(wanted.payments):
        if part in wanted.payments[:n]:
            raise ContractViolation(faults=(Fault(f"/payments/{n}", "field.duplicate", NAMED_BEFORE),))
    return wanted


def at_home(returns: Returns, portal_url: str) -> Returns:
    """The addresses as browsers read them, all of the portal's own origin (RFC 6454): a cart that led elsewhere would
    send a citizen who has just paid to whoever wrote the link. Raises ReturnUrlForbidden."""
    wrong, read = [], {}
    for name, given in returns.model_dump().items():
        # What is compared is what is sent: a reader of URLs that is laxer than ours finds nothing to be lax about.
        url = AnyUrl(given)
        read[name] = str(url)
        if _origin(url) != _origin(AnyUrl(portal_url)):
            wrong.append(Fault(f"/return_urls/{name}", "url.elsewhere", _ELSEWHERE))
        elif holds_tax_code(given):
            wrong.append(Fault(f"/return_urls/{name}", "url.personal_data", _NAMES_A_PERSON))
        elif len(read[name]) > LONGEST_URL:  # each letter beyond ASCII is six characters
            wrong.append(Fault(f"/return_urls/{name}", "url.too_long", _TOO_LONG))
    if wrong:
        raise ReturnUrlForbidden(faults=tuple(wrong))
    return Returns(**read)


def _origin(url: AnyUrl) -> tuple[str, str | None, int | None]:
    return url.scheme, url.host, url.port
