"""The suite of lists is not blind: a source with one fault of each kind fails it, the same without passes."""

import itertools
from urllib.parse import urlsplit

import pytest

from connectors.base import http
from connectors.base.listing_conformance import ListingConformance
from connectors.base.test_inbound_conformance import MANIFEST, SECRET, TAX_CODE, found, keep_all, with_bug
from contracts.connector import Connector
from contracts.failures import Deferred
from contracts.inbound import Found, Pulled, Stuck
from contracts.tls import TlsSettings

from .scripted import Reply


class Toy:
    """A source of pages of two things; with `addresses` each can be asked for."""

    def __init__(self, url, limits, bug, *, addresses):
        self.bug, self.limits, self.addresses = bug, limits, addresses
        self.listed, self.walks, self.before = {}, itertools.count(1), set()
        transport = http.DeadlineTransport(allowed=lambda *_: True)
        self.http = http.client(url, {"Authorization": f"Bearer {SECRET}"}, limits, TlsSettings(), transport)

    def pull(self, memo):
        page = memo.get("page", 0)
        walk = memo.get("walk") or f"{id(self)}-{next(self.walks)}"
        try:
            things = self.asked(f"/things?page={page}")["things"]
        except Deferred as failure:
            raise Stuck(failure, lambda: self.past(walk, page), tries=2) from None
        if page == 0 or self.bug == "a_part_is_all":
            self.listed.setdefault(walk, set())
        if self.bug == "names_of_another_round":
            self.listed[walk] = self.listed.get(walk, set()) | self.before
        if walk in self.listed:
            self.listed[walk] |= {f"thing/{each['id']}" for each in things}
        if self.bug == "unknown_is_no_record":
            things = [each for each in things if "x_new" not in each]
            self.listed[walk] = {f"thing/{each['id']}" for each in things} | self.listed.get(walk, set())
        got = [found(each) for each in things]
        if self.bug == "a_record_once_a_round":
            got = [] if len({each.name for each in got}) < len(got) else got
            self.listed.get(walk, set()).difference_update(set() if got else {f"thing/{each['id']}" for each in things})
        if things:
            return Pulled({"walk": walk, "page": page + 1}, got, more=True)
        names = self.listed.pop(walk, set())
        went = self.before - names if self.bug == "takes_back_itself" else ()
        self.before = names
        told = {"thing/": frozenset(names)} if names or self.bug == "an_empty_list_denies_all" else {}
        told = {} if self.bug == "says_nothing" else told
        return Pulled({}, [Found(name, b"{}", withdrawn="gone") for name in went], all_names=told)

    def past(self, walk, page):
        if self.bug != "what_broke_is_gone":
            self.listed.pop(walk, None)
        return Pulled({"walk": walk, "page": page + 1}, more=True)

    def look(self, name):
        if not self.addresses:
            return Found(name, b"{}", withdrawn="listed no more")
        number = name.partition("/")[2]
        if self.bug == "no_answer_is_a_denial":
            try:
                self.asked(f"/things/{number}")
            except Deferred:
                return Found(name, b"{}", withdrawn="gone")
        answer = self.sent(f"/things/{number}")
        if answer.status == 404:
            if self.bug != "believes_one_that_denies_all":
                listed = self.asked("/things?page=0")["things"][0]["id"]
                self.asked(f"/things/{listed}")
            return Found(name, b"{}", withdrawn="gone" if self.bug != "says_no_reason" else "")
        return found(self.asked(f"/things/{number}"))

    def sent(self, path):
        request = self.http.build_request("GET", path)
        return http.send(self.http, request, unsafe=False, deadline_s=self.limits.timeout_s)

    def asked(self, path):
        answer = self.sent(path)
        if answer.status != 200 or not ({"things", "id"} & set(answer.object())):
            raise Deferred("toy.later")
        return answer.object()


class Lists(ListingConformance):
    """What two lists lack is gone."""

    secrets, personal = (SECRET,), (TAX_CODE,)
    bug = None
    addresses = False

    def connect_to(self, url, limits):
        toy = Toy(url, limits, self.bug, addresses=self.addresses)
        once = self.addresses or self.bug == "one_list_will_do"
        delivers = toy.pull
        return Connector(
            MANIFEST, delivers, lambda: "fine", toy.http.close, pull=toy.pull, look=toy.look, looks_at_lists=not once
        )

    def lists(self, records):
        def answer(request):
            place = urlsplit(request.path)
            if place.query:
                start = 2 * int(place.query.removeprefix("page="))
                return Reply(200, {"things": [thing(each) for each in records[start : start + 2]]})
            number = int(place.path.rpartition("/")[2])
            return Reply(200, thing(number)) if number in records else Reply(404)

        return answer

    def named(self, record):
        return f"thing/{record}"


class Addresses(Lists):
    """What is not there by its address is gone."""

    addresses = True


def thing(number):
    return {"id": number, "who": TAX_CODE, "text": "Ciao"}


@pytest.mark.parametrize("suite", [Lists, Addresses])
def test_a_source_without_a_fault_passes(suite):
    keep_all(suite())


@pytest.mark.parametrize(
    "bug",
    [
        "says_nothing",
        "one_list_will_do",
        "a_part_is_all",
        "names_of_another_round",
        "takes_back_itself",
        "an_empty_list_denies_all",
        "what_broke_is_gone",
        "unknown_is_no_record",
        "a_record_once_a_round",
    ],
)
def test_each_fault_of_lists_is_found(bug):
    with pytest.raises(AssertionError):
        keep_all(with_bug(Lists, bug))


@pytest.mark.parametrize("bug", ["no_answer_is_a_denial", "believes_one_that_denies_all", "says_no_reason"])
def test_each_fault_of_a_question_is_found(bug):
    with pytest.raises(AssertionError):
        keep_all(with_bug(Addresses, bug))
