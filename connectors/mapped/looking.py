"""What a source seems to have no more: what it says of that one thing, where it has an address of its own."""

from collections.abc import Callable
from urllib.parse import quote

from connectors.base.http import Answer
from connectors.base.mapping.rules import ready
from connectors.base.mapping.unmappable import Unmappable
from contracts.failures import Deferred, Failure
from contracts.inbound import Found

from .document import JsonFormat, ListsAll
from .mapping import Mapping, gone
from .reading import Record, Unreadable, records

_GONE = (404, 410)


class Looking:
    """Of one source. `record_url` is where one thing has an address of its own; `ask` sends a request, `refusal` says
    what an answer other than 200 means, and `first` gives the records of the source's first page."""

    def __init__(
        self,
        mapping: Mapping,
        lists_all: ListsAll,
        record_url: str | None,
        *,
        ask: Callable[[str], Answer],
        refusal: Callable[[Answer], Failure],
        first: Callable[[], list[Record]],
    ) -> None:
        self._mapping, self._reason = mapping, lists_all.reason
        self._record_url = record_url
        self._ask, self._refusal, self._first = ask, refusal, first
        rule = lists_all.record_id
        self._id = None if rule is None else ready(rule, "/lists_all/record_id")

    def look(self, name: str) -> Found | None:
        """See `contracts.inbound.Look`. Without an address its lists have told all (`Connector.looks_at_lists`)."""
        return gone(name, self._reason) if self._record_url is None else self._asked(name, self._record_url)

    def _asked(self, name: str, record_url: str) -> Found | None:
        """By its own address. A source that has broken may deny all that it has: something that it lists has to be
        there by its address, before it is believed that this one is not."""
        answer = self._answer(name, record_url)
        if answer is None:
            self._holds_what_it_lists(record_url)
            return gone(name, self._reason)
        try:
            its = list(records(JsonFormat(format="json"), answer.body))
        except Unreadable as error:
            raise Deferred("mapped.answer_unreadable", f"{error.code}: {error.detail}") from None
        return next((one for one in self._mapping.all_found(its) if one.name == name), None)

    def _answer(self, name: str, record_url: str) -> Answer | None:
        """What stands at the address of one thing; None where nothing does."""
        answer = self._ask(record_url + quote(self._id_of(name), safe=""))
        if answer.status in _GONE:
            return None
        if answer.status != 200 or not answer.complete:
            raise self._refusal(answer)
        return answer

    def _id_of(self, name: str) -> str:
        collection, _, external_id = name.partition("/")
        if self._id is None:
            return external_id
        try:
            found = self._id({"collection": collection, "external_id": external_id}, None)
        except Unmappable as unmappable:
            raise Deferred("mapped.record_id", unmappable.code) from None
        if not isinstance(found, str | int):
            raise Deferred("mapped.record_id", "the rule gives no text")
        return str(found)

    def _holds_what_it_lists(self, record_url: str) -> None:
        listed = next((one.name for one in self._mapping.all_found(self._first()) if one.item is not None), None)
        if listed is None or self._answer(listed, record_url) is None:
            raise Deferred("mapped.denies_all", "what it lists is not there by its own address, or it lists nothing")
