"""What anybody may call: the hub's public keys, and the one-click unsubscribe of an e-mail (RFC 8058)."""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, Response

from hub.dispatch.actions import ActionDesk
from hub.dispatch.unsubscribing import UnsubscribeLinks
from hub.errors import ItemUnknown
from hub.store.committer import Committer
from hub.store.optouts import OptOut, record_opt_outs

from .exchange import Exchange, json_response

_PAGE = """<!doctype html>
<html lang="it"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>
body{{font-family:"Titillium Web",system-ui,sans-serif;line-height:1.5;max-width:36rem;margin:0 auto;padding:2rem 1rem;
color:#17324d;background:#fff}}
button{{font:inherit;font-weight:600;color:#fff;background:#0059b3;border:0;border-radius:4px;padding:.75rem 1.5rem;
min-height:44px}}
a.onwards{{display:inline-block;box-sizing:border-box;font-weight:600;color:#fff;background:#0059b3;text-decoration:none;
border-radius:4px;padding:.75rem 1.5rem;min-height:44px}}
h1{{overflow-wrap:anywhere}}
code{{font-size:1rem;overflow-wrap:anywhere}}
code.copied{{display:block;padding:.75rem;background:#f2f5fa;border:1px solid #c5cdd6;user-select:all}}
.copied:focus-visible,a.onwards:focus-visible,button:focus-visible{{outline:3px solid #ff9900;outline-offset:2px}}
</style></head><body><main><h1>{title}</h1>{body}</main></body></html>"""
_ASK = """<p>Non riceverai più per e-mail gli avvisi facoltativi di questo servizio. Resteranno tutti nella tua area
personale.</p><p lang="en">You will no longer receive this service's optional notices by e-mail. They all stay in your
personal area.</p><form method="post">
<button name="List-Unsubscribe" value="One-Click">Non inviarmeli più <span lang="en">/ Stop sending them</span>
</button></form>"""
_DONE = """<p>Fatto: gli avvisi facoltativi di questo servizio non arriveranno più per e-mail. Li trovi sempre nella tua
area personale.</p><p lang="en">Done: this service's optional notices will no longer come by e-mail. You always find
them in your personal area.</p>"""
_STALE = """<p>Il collegamento è scaduto, oppure è stato copiato solo in parte. Apri di nuovo quello dell'e-mail, o
scegli nelle preferenze dell'area personale quali avvisi ricevere.</p><p lang="en">The link has expired, or only a part
of it was copied. Open the one in the e-mail again, or choose in the preferences of your personal area which notices you
get.</p>"""
_ONWARDS = """<p><a class="onwards" href="{url}" rel="noreferrer">Vai all'area personale
<span lang="en">/ Go to your personal area</span></a></p>"""
_WAYS: dict[str, tuple[int, str, str]] = {
    "done": (
        200,
        "Già fatto",
        """<p>Quello che chiedeva questo avviso risulta già fatto: non serve altro. Nell'area personale trovi i
dettagli.</p><p lang="en">What this notice asked for has been done already: nothing else is needed. You find the details
in your personal area.</p>""",
    ),
    "expired": (
        410,
        "Collegamento scaduto",
        """<p>Il termine è passato, oppure questo collegamento è troppo vecchio. Nell'area personale trovi la situazione
aggiornata.</p><p lang="en">The term has passed, or this link is too old. You find how things stand in your personal
area.</p>""",
    ),
    "void": (
        410,
        "Non è più necessario",
        """<p>L'ente ha annullato o ritirato quello che chiedeva questo avviso: non devi fare nulla.</p><p lang="en">The
public body has cancelled or withdrawn what this notice asked for: you need not do anything.</p>""",
    ),
    "unknown": (
        404,
        "Collegamento non valido",
        """<p>Questo collegamento non è valido: forse è stato copiato solo in parte. Apri di nuovo quello
dell'e-mail.</p><p lang="en">This link is not valid: perhaps only a part of it was copied. Open the one in the e-mail
again.</p>""",
    ),
}


@dataclass(frozen=True, slots=True)
class PublicApi:
    """Handlers without a caller's identity."""

    links: UnsubscribeLinks
    actions: ActionDesk
    committer: Committer
    published_keys: Callable[[], list[dict[str, Any]]]
    name_of: Callable[[str], str]
    """Of an ente."""

    async def keys(self, exchange: Exchange) -> Response:
        """The hub's public keys as a JWK set, for whoever checks its receipts."""
        exchange.headers["Cache-Control"] = "public, max-age=300"
        return json_response({"keys": self.published_keys()})

    async def follow(self, exchange: Exchange) -> Response:
        """To the portal, which asks for a login; where nothing is left to be done, a page that says so and no more."""
        way = await run_in_threadpool(self.actions.way, exchange.request.path_params["token"])
        if way.standing == "open" and way.url is not None:
            exchange.headers["Referrer-Policy"] = "no-referrer"
            return Response(status_code=303, headers={"Location": way.url})
        status, title, body = _WAYS[way.standing]
        onwards = _ONWARDS.format(url=escape(way.url)) if way.url else ""
        return page(exchange, title, body + onwards, status=status)

    async def ask(self, exchange: Exchange) -> Response:
        """A page with a button. GET changes nothing: scanners follow links."""
        opt_out = self._opt_out(exchange)
        if opt_out is None:
            return page(exchange, "Collegamento non valido", _STALE, status=404)
        return page(exchange, "Avvisi per e-mail", from_(self.name_of(opt_out.ente_id)) + _ASK)

    async def unsubscribe(self, exchange: Exchange) -> Response:
        """The click itself: no login, no cookie, effective at once, the same when repeated."""
        opt_out = self._opt_out(exchange)
        if opt_out is None:
            return page(exchange, "Collegamento non valido", _STALE, status=404)
        await self.committer.submit(record_opt_outs, opt_out)
        return page(exchange, "Avvisi disattivati", _DONE)

    def _opt_out(self, exchange: Exchange) -> OptOut | None:
        try:
            return self.links.read(exchange.request.path_params["token"])
        except ItemUnknown:
            return None


def from_(ente: str) -> str:
    """Whose page it is: who follows a link of an e-mail must see who asks."""
    return f"<p><strong>{escape(ente)}</strong></p>"


PAGE_POLICY = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "no-referrer",
}
"""Headers of every page: it loads and tells nothing."""


def page(exchange: Exchange, title: str, body: str, *, status: int = 200) -> Response:
    """A page for people, which loads nothing."""
    exchange.headers |= PAGE_POLICY
    return HTMLResponse(_PAGE.format(title=escape(title), body=body), status)
