"""A REST API asked page by page.

The memo holds where the round is (`page`, a number, cursor or link), since when what changed is asked for (`since`, and
`seen` until the round is over: pages need not be in the order of changes), and the tag of the last answer. It belongs
to one mapping and one address: with another all is asked for anew, as what was passed over may be an item now.
`passing.py` says what it holds of a page that cannot be had.
"""

import base64
import hashlib
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any

import httpx

from connectors.base.http import Answer, retry_after, send
from connectors.base.mapping.expressions import CannotEvaluate, Expression
from connectors.base.mapping.times import moment_reader
from connectors.base.mapping.unmappable import Unmappable
from contracts.base import ROME, rfc3339
from contracts.callbacks import place_of
from contracts.failures import Deferred, Failure, Misconfigured
from contracts.inbound import Found, Look, Memo, Pulled
from contracts.proving import Proof

from .config import Settings
from .document import JsonFormat
from .listing import Listed, Names, Rounds
from .looking import Looking
from .mapping import Mapping
from .passing import Passing
from .reading import Document, Record, Unreadable, records
from .tokens import Tokens

_MOST_PAGES = 100_000
_CARRIED = ("since", "swept_at", "whole", "lost", "missed")
_LONGEST = 2000
_NEXT = re.compile(r'<([^<>]{1,2000})>\s*;[^<>,]*\brel="?next"?', re.IGNORECASE)
_read_moment = moment_reader(("iso", "unix"), "Europe/Rome", "earlier", "start")


class Source:
    """The steps, over a client without an address of its own."""

    def __init__(
        self, http: httpx.Client, settings: Settings, mapping: Mapping, proof: Proof | None, timeout_s: float
    ) -> None:
        self.http, self.settings, self.mapping, self.proof, self.timeout_s = http, settings, mapping, proof, timeout_s
        self._passing = Passing(settings, self._at)
        lists_all = mapping.document.lists_all
        self._rounds: Rounds | None = None
        self.look: Look | None = None
        if lists_all is not None:
            self._rounds = Rounds()
            asked, first = partial(self._sent, headers={}), partial(self._at, {})
            looking = Looking(mapping, lists_all, settings.record_url, ask=asked, refusal=_refusal, first=first)
            self.look = looking.look
        self._of = f"{mapping.digest}-{_short(settings.url or '')}"
        self._next = Expression(settings.next) if settings.next is not None else None
        self._changed_at = Expression(settings.changed_at) if settings.changed_at is not None else None
        self._tokens = Tokens(http, settings, timeout_s) if settings.auth == "oauth" else None

    def pull(self, memo: Memo) -> Pulled:
        """The next page. Raises Deferred, Misconfigured."""
        kept = memo if memo.get("of") == self._of else {"of": self._of}
        if self._rounds is not None and kept.get("page") is None and self._asks_for_all(kept):
            kept = kept | {"whole": True}
        try:
            return self._step(kept)
        except Deferred as failure:
            return self._passing.past(kept, failure)
        except Misconfigured as failure:
            if (
                failure.reason != "mapped.status"
                or self.settings.paging not in ("cursor", "link")
                or "page" not in kept
            ):
                raise
            # A cursor that has lapsed meanwhile: it is not the settings.
            return self._passing.past(kept, Deferred("mapped.page_refused", failure.detail))

    def _asks_for_all(self, memo: Memo) -> bool:
        since, swept_at = memo.get("since"), memo.get("swept_at")
        if since is None or self.settings.since_parameter is None or swept_at is None:
            return True
        return not 0 <= time.time() - float(swept_at) < self.settings.whole_every_s

    def _step(self, kept: Memo) -> Pulled:
        url = self._url(kept)
        tag = kept.get("tag") if kept.get("tag_of") == _short(url) else None
        if self._rounds is not None and not kept.get("tag_twice"):
            tag = None  # what the list lacks has to be lacking in a second one
        answer = self._asked(url, {"If-None-Match": tag} if tag else {})
        if answer.status == 304 and tag:
            return Pulled({name: value for name, value in kept.items() if name != "whole"})
        page, rest = self._page(answer)
        seen = max(filter(None, (kept.get("seen"), self._latest(page))), default=None)
        following = self._following(kept, answer, page, rest)
        pages = int(kept.get("pages", 0)) + 1
        if pages > _MOST_PAGES:
            raise Misconfigured("mapped.endless", f"more than {_MOST_PAGES} pages")
        whole = {"began": kept.get("began", time.time()), "round": kept.get("round", secrets.token_hex(8))}
        listed = None if self._rounds is None else Listed()
        there = None if listed is None else listed.names
        names: dict[str, Names] = {}
        if following is not None:
            carried: Memo = {name: kept[name] for name in _CARRIED if name in kept} | {"pages": pages}
            carried |= {"of": self._of, "print": _short(answer.body), **following}
            carried |= {"seen": seen} if seen else {}
            carried |= whole if "whole" in kept else {}
            read = self._found(page, listed, kept, whole["round"], names, is_last=False)
            return Pulled(carried, read, there=there, more=True, ahead=True)
        done: Memo = {"of": self._of}
        since = kept.get("since") if kept.get("lost") else max(filter(None, (kept.get("since"), seen)), default=None)
        if since:
            done["since"] = since
        if self._rounds is not None and self.settings.since_parameter is not None:
            swept_at = whole["began"] if "whole" in kept else kept.get("swept_at")
            done |= {"swept_at": swept_at} if swept_at is not None else {}
        given = answer.headers.get("etag", "")
        if given and len(given) <= 200 and given.isascii() and self.settings.paging == "none":
            # The next round asks at another address if something newer was seen: then the tag is not its.
            done |= {"tag": given, "tag_of": _short(self._url(done))}
            done |= {"tag_twice": True} if given == kept.get("tag") else {}
        done, mended = self._passing.ended(kept, done)
        found = chain(self._found(page, listed, kept, whole["round"], names, is_last=True), mended)
        return Pulled(done, found, all_names=names, there=there)

    def read(self, data: bytes) -> Iterable[Found]:
        """What a file brings, or what stands in quarantine: of a page that was passed over, what comes now."""
        memo = self._passing.question(data)
        if memo is None:
            return self.mapping.read(data)
        return self._passing.again(memo, data, lambda memo: self.mapping.all_found(self._at(memo)))

    def check(self) -> str:
        """Ask for the first page, and say what would become of it."""
        page = self._at({})
        found = list(self.mapping.all_found(page))
        items, wrong = sum(one.item is not None for one in found), [one for one in found if one.wrong]
        withdrawn = sum(one.withdrawn is not None for one in found)
        first = f" The first fault: {wrong[0].wrong[0].code} at {wrong[0].wrong[0].pointer or '/'}." if wrong else ""
        return (
            f"The source answers. Of {len(page)} records on its first page come {items} items; {withdrawn} are taken "
            f"back, {len(wrong)} would be in quarantine.{first}"
        )

    def _url(self, memo: Memo) -> str:
        one, page = self.settings, memo.get("page")
        if one.paging == "link" and page is not None:
            return self._within(str(page))
        more: dict[str, str] = {}
        if one.size_parameter is not None:
            more[one.size_parameter] = str(memo.get("limit", one.size))
        if one.since_parameter is not None and memo.get("since") and "whole" not in memo:
            more[one.since_parameter] = self._since(memo["since"])
        if one.page_parameter is not None and (page is not None or one.paging in ("page", "offset")):
            more[one.page_parameter] = str(self._passing.first if page is None else page)
        return str(httpx.URL(one.url or "").copy_merge_params(more)) if more else str(one.url)

    def _since(self, seen: str) -> str:
        moment = datetime.fromisoformat(seen) - timedelta(seconds=self.settings.since_overlap_s)
        match self.settings.since_form:
            case "utc":
                return rfc3339(moment.replace(microsecond=0))
            case "offset":
                return moment.astimezone(ROME).replace(microsecond=0).isoformat()
            case "date":
                return moment.astimezone(ROME).date().isoformat()
            case "unix":
                return str(int(moment.timestamp()))

    def _within(self, link: str) -> str:
        """The next page's address, which has to be at the source itself: our credentials go there."""
        base = httpx.URL(self.settings.url or "")
        try:
            target = str(base.join(link))
            if place_of(target) == place_of(str(base)):
                return target
        except (ValueError, httpx.InvalidURL):
            pass
        raise Misconfigured("mapped.next_elsewhere", "the next page would be at another host")

    def _asked(self, url: str, headers: dict[str, str]) -> Answer:
        """The answer, which is whole or, where a tag went, that nothing has changed."""
        answer = self._sent(url, headers)
        if (answer.status == 200 and answer.complete) or (answer.status == 304 and headers):
            return answer
        raise _refusal(answer)

    def _sent(self, url: str, headers: dict[str, str]) -> Answer:
        one = self.settings
        secret = one.secret.get_secret_value() if one.secret is not None else ""
        if one.auth == "header":
            headers = headers | {one.auth_header: secret}
        elif one.auth == "basic":
            pair = base64.b64encode(f"{one.auth_user}:{secret}".encode()).decode()
            headers = headers | {"Authorization": f"Basic {pair}"}
        elif self._tokens is not None:
            headers = headers | {"Authorization": f"Bearer {self._tokens.get()}"}
        try:
            request = self.http.build_request("GET", url, headers={"Accept": "*/*"} | headers)
        except (httpx.InvalidURL, UnicodeEncodeError):
            raise Misconfigured("mapped.url", "the address or a header cannot be sent") from None
        answer = send(self.http, request, unsafe=False, deadline_s=self.timeout_s, proof=self.proof)
        if answer.status == 401 and self._tokens is not None and self._tokens.forget():
            raise Deferred("mapped.token_refused", "a new token will be asked for", after=timedelta(seconds=1))
        return answer

    def _at(self, memo: Memo) -> list[Record]:
        """The records of the page that a memo leads to."""
        return self._page(self._asked(self._url(memo), {}))[0]

    def _page(self, answer: Answer) -> tuple[list[Record], Any]:
        reads = self.mapping.document.reads
        try:
            if isinstance(reads, JsonFormat):
                document = Document(reads, answer.body)
                return list(document), document.rest
            page = list(records(reads, answer.body))
        except Unreadable as error:
            raise Deferred("mapped.answer_unreadable", f"{error.code}: {error.detail}") from None
        if page and all(record.wrong is not None for record in page):
            raise Deferred("mapped.answer_unreadable", f"nothing in it is a record: {page[0].wrong}")
        return page, {}

    def _found(
        self,
        page: Iterable[Record],
        listed: Listed | None,
        memo: Memo,
        of: str,
        names: dict[str, Names],
        *,
        is_last: bool,
    ) -> Iterator[Found]:
        """What the page brings, and lists; of a round that asks for all the names are told with the last page."""
        yield from self.mapping.all_found(page, listed)
        if listed is None or self._rounds is None or "whole" not in memo:
            return
        its_round = self._rounds.page(of, int(memo.get("pages", 0)))
        its_round.add(listed)
        if is_last:
            its_round.is_whole = its_round.is_whole and not memo.get("lost")
            self._rounds.end(of)
            names.update(its_round.all_names(self.mapping.collections))

    def _latest(self, page: Iterable[Record]) -> str | None:
        """The latest change of these, as an instant in UTC whose texts are in its order."""
        if self._changed_at is None:
            return None
        latest, now = None, datetime.now(UTC)
        for record in page:
            try:
                value = self._changed_at.find(record.value)
                moment = datetime.fromisoformat(_read_moment(value)).astimezone(UTC)
            except (CannotEvaluate, Unmappable, OverflowError):
                continue  # without it the record is asked for again, which does no harm
            if moment > now:
                continue  # one of the year 2099 would hide all that changes until then
            latest = moment if latest is None or moment > latest else latest
        return latest.isoformat(timespec="microseconds") if latest is not None else None

    def _following(self, memo: Memo, answer: Answer, page: list[Record], rest: Any) -> Memo | None:
        """Where to go on after this page; None where it was the last."""
        one, here = self.settings, memo.get("page")
        if one.paging == "none" or not (page or one.paging in ("cursor", "link")):
            return None
        if one.paging in ("page", "offset"):
            if memo.get("print") == _short(answer.body):
                raise Misconfigured("mapped.same_page", "each page is the same: is page_parameter right?")
            return self._passing.behind(memo, len(page))
        following = self._told(answer, rest)
        if following is None:
            return None
        if following == here:
            raise Misconfigured("mapped.same_page", "the next page is said to be the same again")
        if one.paging == "link":
            self._within(following)
        return {"page": following}

    def _told(self, answer: Answer, rest: Any) -> str | None:
        if self._next is None:
            match = _NEXT.search(answer.headers.get("link", ""))
            return match[1] if match is not None else None
        try:
            value = self._next.find(rest)
        except CannotEvaluate:
            raise Misconfigured("mapped.next", "the expression `next` cannot be worked out on the answer") from None
        if value is None or value is False or value == "":
            return None
        if isinstance(value, bool | dict | list) or len(str(value)) > _LONGEST:
            raise Misconfigured("mapped.next", "what `next` finds is neither a text nor a number")
        return str(value)


def _refusal(answer: Answer) -> Failure:
    """What an answer other than 200 means."""
    status = answer.status
    if 200 <= status < 300:
        if not answer.complete:
            return Deferred("mapped.answer_cut", "cut, compressed, or longer than 1 MiB: then ask for smaller pages")
        return Deferred("mapped.no_content", f"status {status} has no records")
    if status in (408, 425, 429) or status >= 500:
        return Deferred("mapped.unavailable", f"status {status}", after=retry_after(answer))
    if status in (401, 403):
        return Misconfigured("mapped.refused", f"status {status}: the source does not accept our credentials")
    return Misconfigured("mapped.status", f"status {status}")


def _short(value: str | bytes) -> str:
    return hashlib.sha256(value if isinstance(value, bytes) else value.encode()).hexdigest()[:16]
