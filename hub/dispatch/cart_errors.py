"""Why a cart of pagoPA is not made; see `hub.errors`."""

from datetime import timedelta
from math import ceil

from contracts.faults import Bilingual
from hub.errors import HubError

_LONGEST_S = 3600


class PaymentNotPayable(HubError):
    """A payment cannot go into the cart; `errors` says which, and why."""

    status, code, title = 409, "payment.not_payable", "Pagamento non pagabile ora / Payment not payable now"
    text_it = "Un pagamento non può stare nel carrello: `errors` dice quale, e perché."


class ReturnUrlForbidden(HubError):
    """The browser may come back to the municipality's portal alone."""

    status, code, title = 422, "return_url.not_allowed", "Indirizzo di ritorno non ammesso / Return URL not allowed"
    text_it = "Il browser può tornare solo al portale dell'ente."


class CartNotOffered(HubError):
    """The municipality has no connector of pagoPA in force for a payment's creditor; `errors` says which payment."""

    status, code, title = 422, "cart.not_offered", "Carrello non previsto / Cart not offered"
    text_it = "L'ente non ha un connettore pagoPA in uso per l'ente creditore di un pagamento: `errors` dice quale."


class CartRefused(HubError):
    """pagoPA refuses the cart: a notice may be unknown there, paid, or being paid. Nothing was paid."""

    status, code, title = 422, "cart.refused", "Carrello rifiutato da pagoPA / Cart refused by pagoPA"
    text_it = "pagoPA rifiuta il carrello: forse un avviso lì è ignoto, pagato o in pagamento. Nulla è stato pagato."


class ProviderUnavailable(HubError):
    """The provider cannot be asked now, or gives no clear answer; nothing was paid, and it may be asked again."""

    status, code, title = 503, "provider.unavailable", "Sistema esterno non disponibile / Provider unavailable"
    text_it = "Il sistema esterno ora non è interrogabile o non risponde chiaramente: nulla è pagato, si può riprovare."

    def __init__(self, detail: Bilingual | None = None, *, cause: str = "", after: timedelta | None = None) -> None:
        """`after`: when it is worth asking again, where that is known."""
        seconds = 30 if after is None else min(max(1, ceil(after.total_seconds())), _LONGEST_S)
        super().__init__(detail, cause=cause, headers={"Retry-After": str(seconds)})
