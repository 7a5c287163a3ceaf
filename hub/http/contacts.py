"""The page behind the link of a confirmation letter: GET asks, POST verifies."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from hub.dispatch.confirming import ConfirmLinks
from hub.errors import ItemUnknown
from hub.store.committer import Committer
from hub.store.database import Database
from hub.store.profile_contacts import Confirmation, ContactKeeper

from .exchange import Exchange
from .limits import Limiter
from .public import from_, page

_ASK = """<p>Premi il pulsante per ricevere gli avvisi dell'area personale a questo indirizzo e-mail. Se non l'hai
chiesto tu, chiudi questa pagina.</p><p lang="en">Press the button to get the notices of your personal area at this
e-mail address. If you did not ask for it, close this page.</p><form method="post">
<button name="confirm" value="yes">Conferma l'indirizzo <span lang="en">/ Confirm the address</span></button></form>"""
_DONE = """<p>Fatto: gli avvisi arriveranno a questo indirizzo. Puoi cambiarlo quando vuoi nell'area personale.</p>
<p lang="en">Done: notices will come to this address. You can change it in your personal area at any time.</p>"""
_VOID = """<p>Il collegamento è scaduto, oppure l'indirizzo è stato cambiato o tolto dal profilo. Nell'area personale
puoi chiedere un collegamento nuovo.</p><p lang="en">The link has expired, or the address was changed or removed from
the profile. In your personal area you can ask for a new link.</p>"""


@dataclass(frozen=True, slots=True)
class ContactsApi:
    """The handlers."""

    links: ConfirmLinks
    keeper: ContactKeeper
    database: Database
    committer: Committer
    limiter: Limiter
    name_of: Callable[[str], str]
    """Of an ente."""

    async def ask(self, exchange: Exchange) -> Response:
        """A page with a button: scanners of mail follow links, and must verify nothing."""
        exchange.allowance = self.limiter.count_stranger(exchange.address)
        try:
            confirmation = self.links.read(exchange.request.path_params["token"])
        except ItemUnknown:
            return page(exchange, "Collegamento non valido", _VOID, status=404)
        if not await run_in_threadpool(self._holds, confirmation):
            return _void(exchange)
        return page(exchange, "Conferma il tuo indirizzo e-mail", from_(self.name_of(confirmation.ente_id)) + _ASK)

    async def confirm(self, exchange: Exchange) -> Response:
        """Whoever reads the mail of an address may have its owner's notices sent there; twice is once."""
        exchange.allowance = self.limiter.count_stranger(exchange.address)
        try:
            confirmation = self.links.read(exchange.request.path_params["token"])
        except ItemUnknown:
            return page(exchange, "Collegamento non valido", _VOID, status=404)
        if await self.committer.submit(self.keeper.confirm, confirmation) == "void":
            return _void(exchange)
        return page(exchange, "Indirizzo confermato", _DONE)

    def _holds(self, confirmation: Confirmation) -> bool:
        with self.database.read() as connection:
            return self.keeper.holds(connection, confirmation)


def _void(exchange: Exchange) -> Response:
    return page(exchange, "Collegamento non più valido", _VOID, status=410)
