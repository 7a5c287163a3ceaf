"""A published ranked list for anybody (S45-S47): a page for people, JSON for machines; 410 once it is withdrawn."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, Response

from contracts.base import ROME, rfc3339
from hub.reading_errors import RankedListGone, RankedListUnknown
from hub.registry import Registry
from hub.store.database import Database
from hub.store.directory import NotThere
from hub.store.ranked_lists import PUBLISHED, WITHDRAWN, entries_of, show_list

from .accepting import names_html
from .exchange import Exchange, json_response
from .public import PAGE_POLICY

_ID = re.compile(r"[0-9a-f-]{36}")
_STATES = {
    "requested": ("domanda presentata", "applied"),
    "waitlisted": ("in lista d'attesa", "on the waiting list"),
    "active": ("ammessa", "admitted"),
    "renewal_due": ("ammessa", "admitted"),
}
_PAGE = """<!doctype html>
<html lang="it"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, noarchive"><title>{title}{of}</title><style>
body{{font-family:"Titillium Web",system-ui,sans-serif;line-height:1.5;color:#17324d;background:#fff;margin:0}}
main{{max-width:56rem;margin:0 auto;padding:1.5rem 1rem 3rem}}
h1{{font-size:1.75rem;line-height:1.2;margin:.25rem 0 1rem;overflow-wrap:anywhere}}
h2{{font-size:1.25rem;margin:2rem 0 .5rem}}
.body{{font-weight:600;color:#0059b3;margin:0}}
.table{{overflow-x:auto}}
.table:focus-visible{{outline:3px solid #ff9900;outline-offset:2px}}
table{{border-collapse:collapse;width:100%}}
caption{{text-align:left;padding:0 0 .75rem}}
th,td{{text-align:left;padding:.6rem .75rem;border-bottom:1px solid #c5d3e0;vertical-align:top}}
thead th{{border-bottom:2px solid #17324d}}
td.n,th.n{{text-align:right;font-variant-numeric:tabular-nums}}
[lang=en]{{color:#455b71;font-weight:400}}
code{{font-size:1rem;white-space:nowrap}}
@media (max-width:30rem){{th,td{{padding:.5rem .4rem}}}}
</style></head><body><main>{above}<h1>{title}</h1>{content}</main></body></html>"""
_ABOUT = """<p>Situazione al {frozen}. Consultabile fino al {until} compreso.
<span lang="en">As of {frozen_en}; to be read until {until} included.</span></p>
<p>Ogni iscrizione ha un codice al posto del nome. Il tuo lo trovi, dopo l'accesso, nel dettaglio dell'iscrizione nella
tua area personale.</p><p lang="en">Each enrolment has a code in place of a name. You find yours, after login, with your
enrolment in your personal area.</p>"""
_TABLE = """<div class="table" tabindex="0" role="region" aria-labelledby="caption"><table><caption
id="caption">{count} in ordine di graduatoria <span lang="en">/ {count_en}, in order</span></caption><thead><tr>
<th scope="col" class="n">Posto <span lang="en">/ Place</span></th><th scope="col">Codice
<span lang="en">/ Code</span></th><th scope="col">Esito <span lang="en">/ Outcome</span></th>{keys}</tr></thead>
<tbody>{rows}</tbody></table></div>"""
_TIED = """<p>A parità di valori l'ordine è sorteggiato: i posti con l'asterisco (*) sono pari merito con il precedente.
</p><p lang="en">Where all values are equal the order is drawn by lot: a place with an asterisk (*) ties with the one
before it.</p>"""
_GONE = """<p>Questa graduatoria non è più consultabile.</p>
<p lang="en">This list can no longer be read.</p>"""
_UNKNOWN = """<p>Questa graduatoria non esiste. Controlla l'indirizzo.</p>
<p lang="en">There is no such list. Check the address.</p>"""


@dataclass(frozen=True, slots=True)
class RankedListApi:
    """The handler, without a caller's identity."""

    database: Database
    registry: Callable[[], Registry]

    async def show(self, exchange: Exchange) -> Response:
        """The list as it is published now; never a draft."""
        html = names_html(exchange.request.headers.get("accept"))
        exchange.headers["Vary"] = "Accept"
        exchange.headers["X-Robots-Tag"] = "noindex, noarchive"
        if html:
            exchange.headers |= PAGE_POLICY
        try:
            found = await run_in_threadpool(self._read, exchange.request.path_params["list_id"])
        except (RankedListGone, RankedListUnknown) as refusal:
            if not html:
                raise
            text = _GONE if isinstance(refusal, RankedListGone) else _UNKNOWN
            title, status = ("Graduatoria ritirata", 410) if text is _GONE else ("Graduatoria sconosciuta", 404)
            return HTMLResponse(_framed(title, "", text), status)
        exchange.headers["Cache-Control"] = "no-cache"
        return HTMLResponse(_page(found)) if html else json_response(_view(found))

    def _read(self, list_id: str) -> dict[str, Any]:
        if not _ID.fullmatch(list_id):
            raise RankedListUnknown  # no database need see it
        try:
            with self.database.read() as connection:
                row = show_list(connection, list_id)
                body = self.registry().ente(row["ente_id"])
                if (
                    body.ended_at is not None
                    or row["state"] == WITHDRAWN
                    or (row["until"] and row["until"] <= self.database.now(connection))
                ):
                    raise RankedListGone
                if row["state"] != PUBLISHED:
                    raise RankedListUnknown
                entries = entries_of(connection, row["ente_id"], list_id)
        except NotThere:
            raise RankedListUnknown from None
        return row | {"entries": entries, "body": body.name}


def _view(found: dict[str, Any]) -> dict[str, Any]:
    plain = {name: found[name] for name in ("list_id", "title", "body", "corrections")}
    moments = {name: rfc3339(found[name]) for name in ("frozen_at", "published_at", "until")}
    entries = [
        {"position": one["position"], "pseudonym": one["pseudonym"], "state": one["state"], "tied": one["tied"]}
        | {"values": one["shown"]}
        for one in found["entries"]
    ]
    return plain | moments | {"order": found["columns"], "entries": entries}


def _page(found: dict[str, Any]) -> str:
    shown = {name for one in found["entries"] for name in one["shown"]}
    keys = [key.removeprefix("-") for key in found["columns"] if key.removeprefix("-") in shown]
    head = "".join(f'<th scope="col" class="n">{escape(key.replace("_", " "))}</th>' for key in keys)
    rows = "".join(_row(one, keys) for one in found["entries"])
    frozen, until, count = found["frozen_at"], found["until"], len(found["entries"])
    content = _ABOUT.format(frozen=_when(frozen), frozen_en=_when(frozen, "at"), until=_day(until))
    counted, in_english = _counted(count, "iscrizione", "iscrizioni"), _counted(count, "enrolment", "enrolments")
    content += _TABLE.format(count=counted, count_en=in_english, keys=head, rows=rows)
    content += _TIED if any(one["tied"] for one in found["entries"]) else ""
    if found["corrections"]:
        lines = "".join(
            f"<li>{_when(datetime.fromisoformat(one['at']))}: {escape(one['reason'])} "
            f"({_counted(one['changed'], 'voce cambiata', 'voci cambiate')})</li>"
            for one in found["corrections"]
        )
        content += f'<h2>Correzioni <span lang="en">/ Corrections</span></h2><ul>{lines}</ul>'
    return _framed(escape(found["title"]), escape(found["body"]), content)


def _framed(title: str, body_name: str, content: str) -> str:
    """The page; without the name of a public body where none is known."""
    of, above = (f" - {body_name}", f'<p class="body">{body_name}</p>') if body_name else ("", "")
    return _PAGE.format(title=title, of=of, above=above, content=content)


def _counted(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"


def _row(one: dict[str, Any], keys: list[str]) -> str:
    values = "".join(f'<td class="n">{one["shown"].get(key, "-")}</td>' for key in keys)
    place = f"{one['position']}{' *' if one['tied'] else ''}"
    italian, english = _STATES.get(one["state"], (one["state"], one["state"]))
    return (
        f'<tr><td class="n">{place}</td><th scope="row"><code>{one["pseudonym"]}</code></th>'
        f'<td>{escape(italian)} <span lang="en">/ {escape(english)}</span></td>{values}</tr>'
    )


def _day(end: datetime) -> str:
    """The last day, of which `end` is the midnight after."""
    return f"{(end - timedelta(seconds=1)).astimezone(ROME):%d/%m/%Y}"


def _when(moment: datetime, hour: str = "ore") -> str:
    return f"{moment.astimezone(ROME):%d/%m/%Y, {hour} %H:%M}"
