"""The verification of a card by its QR: a page for people, JSON for programs, for anybody who has the address."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, Response

from contracts.base import ROME
from hub.errors import ItemUnknown
from hub.feed.cards import Cards
from hub.store.committer import Committer
from hub.store.readers import Access, record_access

from .accepting import prefers_json
from .exchange import Exchange, json_response
from .limits import Limiter

_PAGES = Path(__file__).parent / "pages"
_TEMPLATES = Environment(loader=FileSystemLoader(_PAGES), autoescape=True, undefined=StrictUndefined)
_WORDS = {
    "valid": ("Valido", "Valid"),
    "not_yet_valid": ("Non ancora valido", "Not valid yet"),
    "expired": ("Non valido: scaduto", "Not valid: expired"),
    "revoked": ("Non valido: revocato", "Not valid: revoked"),
    "superseded": ("Non valido: sostituito da uno più recente", "Not valid: superseded by a newer one"),
    "unknown": ("Documento sconosciuto", "Unknown document"),
}
_PROTECTION = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Vary": "Accept",
    "X-Robots-Tag": "noindex",
}
PUBLIC = "public"
"""Stands in the access log for the portal and the person of whoever reads a QR: the hub does not know them."""


@dataclass(frozen=True, slots=True)
class CardsApi:
    """The handler."""

    cards: Cards
    committer: Committer
    limiter: Limiter

    async def check(self, exchange: Exchange) -> Response:
        """What the card's QR leads to. The citizen's access log tells that somebody looked."""
        exchange.headers |= _PROTECTION
        exchange.allowance = self.limiter.count_stranger(exchange.address)
        as_json = prefers_json(exchange.request.headers.get("accept"))
        try:
            found = await run_in_threadpool(self.cards.check, exchange.request.path_params["token"])
        except ItemUnknown:
            if as_json:
                raise
            return _page("unknown", None, status=404)
        access = Access(
            request_id=exchange.request_id,
            ente_id=found.ente_id,
            portal_id=PUBLIC,
            pseudonym=PUBLIC,
            acr="-",
            operation="check_card",
            outcome="ok",
            citizen_id=found.citizen_id,
            item_id=found.item_id,
        )
        await self.committer.submit(record_access, access)
        return json_response(found.view) if as_json else _page(found.view["state"], found.view)


def _page(state: str, card: dict[str, Any] | None, *, status: int = 200) -> Response:
    italian, english = _WORDS[state]
    days = {name: _day((card or {}).get(name)) for name in ("valid_from", "valid_to")}
    page = _TEMPLATES.get_template("card.html").render(
        state=state,
        told={"it": italian, "en": english},
        card=card,
        checked_at=_day((card or {}).get("checked_at"), "%d/%m/%Y, %H:%M"),
        **days,
    )
    return HTMLResponse(page, status)


def _day(moment: str | None, form: str = "%d/%m/%Y") -> str | None:
    return None if moment is None else datetime.fromisoformat(moment).astimezone(ROME).strftime(form)
