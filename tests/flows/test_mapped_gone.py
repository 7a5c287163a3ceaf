"""A vendor without code whose records vanish, or never come: what the administrator sees, and the citizen."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors.base.scripted import Reply, ScriptedServer
from connectors.mapped.test_mapped import NOTICE, TRIBUTI
from tests.flows.administering import admin_of
from tests.flows.making import fresh, new_person
from tests.harness import HubUnderTest, eventually, running_hub

REASON = "Non più presente nel gestionale dei tributi"
MAPPING = TRIBUTI | {"lists_all": {"reason": REASON}}


class Vendor:
    """A page of five records; one that is `broken` makes its page answer 500."""

    def __init__(self, server: ScriptedServer) -> None:
        self.url = server.url
        self.numbers: list[int] = []
        self.broken: set[int] = set()
        self.person = new_person()
        self.at_night: list[int] = []
        self.of_the_night = new_person()
        server.answering = self.answer

    def records(self, numbers: list[int], person: str) -> dict[str, Any]:
        citizen = NOTICE["contribuente"] | {"cf": person}
        return {
            "dati": {
                "avvisi": [
                    NOTICE | {"numero": each, "codice_avviso": None, "contribuente": citizen} for each in numbers
                ]
            }
        }

    def answer(self, request: Any) -> Reply:
        if request.path == "/notte":
            return Reply(200, self.records(self.at_night, self.of_the_night))
        query = {name: int(values[0]) for name, values in parse_qs(urlsplit(request.path).query).items()}
        start = (query["p"] - 1) * query["n"]
        some = self.numbers[start : start + query["n"]]
        return Reply(500, {}) if self.broken & set(some) else Reply(200, self.records(some, self.person))


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    with ScriptedServer() as server:
        yield Vendor(server)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, kind: str, vendor: Vendor) -> Iterator[HubUnderTest]:
    vendor.numbers, vendor.broken, vendor.person = list(range(1, 13)), set(), new_person()
    vendor.at_night, vendor.of_the_night = [201, 202, 203], new_person()
    own = {"vendor_id": "acme", "mapping": MAPPING, "withdraw_at_most": 2}
    rest = own | {
        "origin": "rest",
        "url": f"{vendor.url}/avvisi",
        "private_hosts": ["127.0.0.1"],
        "paging": "page",
        "page_parameter": "p",
        "size_parameter": "n",
        "size": 5,
        "poll_every_s": 1,
        "pass_over_tries": 2,
        "pass_over_after_s": 0,
    }
    nightly = {"origin": "rest", "url": f"{vendor.url}/notte", "private_hosts": ["127.0.0.1"], "poll_every_s": 86_400}
    connectors = {
        "tributi": ("mapped", rest),
        "elenco": ("mapped", own | {"mapping": listing("elenco")}),
        "notte": ("mapped", own | nightly | {"mapping": listing("notte")}),
    }
    with running_hub(tmp_path_factory.mktemp("gone") / "home", connectors=connectors) as hub:
        yield hub


def listing(source: str) -> dict[str, Any]:
    return MAPPING | {"source": source, "tests": []}


def active(hub: HubUnderTest, person: str) -> int:
    items = hub.read("/items?limit=100", person).json()["items"]
    return sum(each["collection"] == "payments" and each["lifecycle"] == "active" for each in items)


@pytest.mark.req("S39")
def test_records_that_vanish_are_taken_back_and_a_broken_page_is_not_in_the_way(hub, vendor, raccordo):
    eventually(lambda: active(hub, vendor.person), lambda found: found == 12, within_s=60)
    vendor.broken = {8}
    vendor.numbers.append(13)
    eventually(lambda: active(hub, vendor.person), lambda found: found == 13, within_s=60)
    [entry] = eventually(lambda: raccordo("quarantine", "list", "--json"), bool, within_s=60)
    assert entry["wrong"][0]["code"] == "mapped.unavailable"
    assert entry["name"].startswith("page/")

    vendor.numbers.remove(1)  # of a round that is not whole nothing is missing
    vendor.broken = set()
    eventually(lambda: raccordo("quarantine", "list", "--json"), lambda found: found == [], within_s=60)
    eventually(lambda: active(hub, vendor.person), lambda found: found == 12, within_s=60)
    [told] = raccordo("connector", "missing", "tributi", "--withdrawn", "--json")
    assert told["name"] == "payments/AVV-2026-000001"

    vendor.numbers = vendor.numbers[:2]  # ten at once: more than a day's worth
    # Lacked by two rounds, and held all the same; once the number is raised they go, without two rounds anew.
    held = eventually(
        lambda: raccordo("connector", "missing", "tributi", "--json"),
        lambda found: len(found) == 10 and all(each["lacked_again"] for each in found),
        within_s=60,
    )
    assert active(hub, vendor.person) == 12, held
    raccordo("connector", "set", "tributi", "--set", "withdraw_at_most=30")
    eventually(lambda: active(hub, vendor.person), lambda found: found == 2, within_s=60)
    told = raccordo("connector", "missing", "tributi", "--withdrawn", "--json")
    assert {each["name"] for each in held} < {each["name"] for each in told}


@pytest.mark.req("S39")
def test_a_file_that_is_all_there_is_takes_back_what_it_lacks_and_a_preview_says_so(hub, vendor, raccordo, tmp_path):
    manager = admin_of(hub, fresh("servizi"), "service-manager")
    person = new_person()

    def upload(*numbers: int, more: str = "") -> str:
        file = tmp_path / "elenco.json"
        file.write_text(json.dumps(vendor.records([*numbers], person)) + more)
        return raccordo("connector", "upload", "elenco", "--file", str(file))

    upload(101, 102, 103)
    assert active(hub, person) == 3
    wish = {"connector_id": "elenco", "sample": json.dumps(vendor.records([102, 103], person))}
    seen = manager.post("/mappings/previews", wish).json()["records"]
    assert [(each["record_name"], each["withdrawn_reason"]) for each in seen if each["is_withdrawn"]] == [
        ("payments/AVV-2026-000101", REASON)
    ]
    upload(102, more="}")  # it cannot be read to its end: it denies nothing
    assert active(hub, person) == 3
    assert "1 withdrawn" in upload(102, 103)
    assert active(hub, person) == 2
    assert "2 unchanged" in upload(102, 103)
    upload(104)  # two more would be three today
    assert active(hub, person) == 3
    assert len(raccordo("connector", "missing", "elenco", "--json")) == 2
    upload(102, 103, 104)
    assert raccordo("connector", "missing", "elenco", "--json") == []


@pytest.mark.req("S39")
def test_what_a_process_found_lacking_is_taken_back_by_the_next_whose_list_lacks_it_too(hub, vendor, raccordo):
    person = vendor.of_the_night
    eventually(lambda: active(hub, person), lambda found: found == 3, within_s=60)

    def round_of_another_process(*numbers: int) -> str:
        vendor.at_night = [*numbers]
        return raccordo("connector", "poll", "notte")

    def missing() -> list[tuple[str, bool]]:
        told = raccordo("connector", "missing", "notte", "--json")
        return [(each["name"][-3:], each["lacked_again"]) for each in told]

    round_of_another_process(202, 203)
    assert missing() == [("201", False)]
    round_of_another_process(201, 202)
    assert missing() == [("203", False)], "what is listed again is not missing, and what is lacked once is only noted"
    round_of_another_process(202, 203)
    assert (active(hub, person), missing()) == (3, [("201", False)])
    assert "1 withdrawn" in round_of_another_process(202, 203)
    assert (active(hub, person), missing()) == (2, [])
    round_of_another_process(202)
    round_of_another_process()  # an empty list denies nothing
    assert (active(hub, person), missing()) == (2, [("203", False)])
    assert "1 withdrawn" in round_of_another_process(202)
