"""What anybody may call: the hub's public keys, and the one-click unsubscribe of an e-mail (RFC 8058)."""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

from starlette.responses import HTMLResponse, Response

from hub.dispatch.unsubscribing import UnsubscribeLinks
from hub.store.committer import Committer
from hub.store.optouts import record_opt_outs

from .exchange import Exchange, json_response

_PAGE = """<!doctype html>
<html lang="it"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>
body{{font-family:"Titillium Web",system-ui,sans-serif;line-height:1.5;max-width:36rem;margin:0 auto;padding:2rem 1rem;
color:#17324d;background:#fff}}
button{{font:inherit;font-weight:600;color:#fff;background:#0059b3;border:0;border-radius:4px;padding:.75rem 1.5rem;
min-height:44px}}
button:focus-visible{{outline:3px solid #ff9900;outline-offset:2px}}
</style></head><body><main><h1>{title}</h1>{body}</main></body></html>"""
_ASK = """<p>Non riceverai più per e-mail gli avvisi facoltativi di questo servizio. Resteranno tutti nella tua area
personale.</p><p lang="en">You will no longer receive this service's optional notices by e-mail. They all stay in your
personal area.</p><form method="post">
<button name="List-Unsubscribe" value="One-Click">Non inviarmeli più</button></form>"""
_DONE = """<p>Fatto: gli avvisi facoltativi di questo servizio non arriveranno più per e-mail. Li trovi sempre nella tua
area personale.</p><p lang="en">Done: this service's optional notices will no longer come by e-mail.</p>"""


@dataclass(frozen=True, slots=True)
class PublicApi:
    """Handlers without a caller's identity."""

    links: UnsubscribeLinks
    committer: Committer
    published_keys: Callable[[], list[dict[str, Any]]]

    async def keys(self, exchange: Exchange) -> Response:
        """The hub's public keys as a JWK set, for whoever checks its receipts."""
        exchange.headers["Cache-Control"] = "public, max-age=300"
        return json_response({"keys": self.published_keys()})

    async def ask(self, exchange: Exchange) -> Response:
        """A page with a button. GET changes nothing: scanners follow links."""
        self.links.read(exchange.request.path_params["token"])
        return _page(exchange, "Avvisi per e-mail", _ASK)

    async def unsubscribe(self, exchange: Exchange) -> Response:
        """The click itself: no login, no cookie, effective at once, the same when repeated."""
        opt_out = self.links.read(exchange.request.path_params["token"])
        await self.committer.submit(record_opt_outs, opt_out)
        return _page(exchange, "Avvisi disattivati", _DONE)


PAGE_POLICY = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "no-referrer",
}
"""Headers of every page: it loads and tells nothing."""


def _page(exchange: Exchange, title: str, body: str) -> Response:
    exchange.headers |= PAGE_POLICY
    return HTMLResponse(_PAGE.format(title=escape(title), body=body))
