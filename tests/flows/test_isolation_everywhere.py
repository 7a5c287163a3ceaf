"""Two citizens at every operation that `openapi/feed.yaml` describes (settled 39): A asks with each identifier that the
feed shows to B, in each place that takes one, and reads nothing of B and changes nothing of B's.

An operation that is new, or has a new place for an identifier, is asked too; what it needs in its body is said below,
and without that the test fails.
"""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from hub.security.sign import LIFETIME_S
from tests.flows.making import described_hub, mail_folder, make_message, new_person, published
from tests.flows.test_isolation import MARK, fill
from tests.rules.reading import followed, operations

pytestmark = pytest.mark.req("S60")

DESCRIPTION = yaml.safe_load((Path(__file__).parents[2] / "openapi/feed.yaml").read_text(encoding="utf-8"))
OPERATIONS = {
    operation["operationId"]: (method.upper(), path, operation)
    for _, path, method, operation in operations(DESCRIPTION)
}
AT_HOME = "https://servizi.comune.example.it/pagamenti"
BODIES = {
    "change_user_state": lambda _: {"read": True, "archived": True},
    "change_user_states": lambda named: {"items": [{"item_id": named, "patch": {"archived": True}}]},
    "request_subscription_change": lambda _: {"kind": "renew"},
    "make_cart": lambda named: {
        "payments": [{"item_id": named}],
        "return_urls": dict.fromkeys(("ok", "cancel", "error"), AT_HOME),
    },
    "file_rights_request": lambda named: {"kind": "erasure", "text": "di-A", "item_id": named},
    "change_profile": lambda _: {"email": "di-a@example.org"},
    "change_preferences": lambda named: {"services": [{"service_id": named, "io": False, "email": False}]},
}
"""What each operation with a body is sent, given an identifier."""
_CALLERS = {"vendor_id", "portal_id", "actor_id", "recipient_id"}
"""A vendor, a portal or a connector: of which of them A's own pages happen to tell depends on what was done last."""
EVERYBODYS = _CALLERS | {"service_id", "ente_id", "request_id", "source", "access_id"}
"""Names that are no citizen's; and of what is asked, the call's own number."""
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """On one kind of database: whose rows are read is one condition in the SQL of both."""
    folder = tmp_path_factory.mktemp("everywhere")
    with described_hub(folder / "home", connectors=mail_folder(folder)) as running:
        yield running


@pytest.fixture(scope="module")
def people(hub):
    """A and B, each with items of every collection, and wishes of their own."""
    a, b = new_person(), new_person()
    fill(hub, a, "di-A")
    fill(hub, b, MARK)
    for n in range(2):
        published(hub, "messages", make_message(f"altro-{n}-{b[:6]}", tax_code=b, title=MARK))
    wish = {"services": [{"service_id": MARK, "io": False, "email": True}]}
    assert hub.write("/preferences", wish, b, method="PATCH").status_code == 200
    about = hub.read("/items?limit=1", b).json()["items"][0]["item_id"]
    assert hub.write("/rights-requests", {"kind": "access", "text": "di-A"}, a).status_code == 201
    for number in range(3):
        asked_for = {"kind": "objection", "text": f"{MARK} {number}", "item_id": about}
        assert hub.write("/rights-requests", asked_for, b).status_code == 201
    hub.settled()
    return a, b


def parameters(operation, where):
    """The parameters of an operation in a place, with their schema."""
    for one in operation.get("parameters", ()):
        found = followed(DESCRIPTION, one)
        if found["in"] == where:
            yield found["name"], found.get("schema", {})


def takes_a_name(schema):
    return schema.get("type") == "string" and "enum" not in schema and schema.get("format") != "date-time"


def identifiers(answer, found):
    """Into `found`, by the name of its field, each identifier, cursor and external_id in a JSON answer."""
    if isinstance(answer, dict):
        for name, value in answer.items():
            named = name.endswith(("_id", "cursor", "pseudonym")) and name not in EVERYBODYS
            if named and isinstance(value, str) and value:
                found.setdefault(name, set()).add(value)
            identifiers(value, found)
    elif isinstance(answer, list):
        for each in answer:
            identifiers(each, found)


def shown_to(hub, person):
    """All identifiers that the feed shows a person, by the name of their field: every operation that only reads."""
    found: dict[str, set[str]] = {}
    for method, path, _ in OPERATIONS.values():
        if method == "GET" and "{" not in path and path not in ("/status", "/events"):
            limited = path in ("/items", "/messages", "/changes", "/access-log", "/sharing", "/rights-requests")
            identifiers(hub.read(f"{path}?limit=2" if limited else path, person).json(), found)
    for request in hub.read("/rights-requests", person).json()["items"]:
        found.setdefault("rights.request_id", set()).add(request["request_id"])
    for item in hub.read("/items?limit=100&archived=any", person).json()["items"]:
        found.setdefault(f"{item['collection']}.item_id", set()).add(item["item_id"])
    for values in [values for name, values in found.items() if name.endswith(".item_id")]:
        identifiers(hub.read(f"/items/{min(values)}", person).json(), found)
    return found


def asked(hub, operation_id, person, names, query=(), named="-", headers=()):
    method, path, operation = OPERATIONS[operation_id]
    path = path.format(**names)
    if query:
        path += "?" + "&".join(f"{name}={value}" for name, value in query)
    if "requestBody" in operation:
        return hub.write(path, BODIES[operation_id](named), person, method=method, headers=dict(headers))
    # A stream ends with its assertion, in a moment.
    ends = {"now": datetime.now(UTC) - timedelta(seconds=LIFETIME_S - 2), "auth_time": datetime.now(UTC)}
    own = hub.reader(person, **(ends if path.startswith("/events") else {}))
    return hub.client.request(method, f"/feed/v1{path}", headers=own | dict(headers))


def calls(operation, shown):
    """(path parameters, query, named in the body, headers) of all that A asks of an operation."""
    # Of each kind of name one, of items one of each collection; in queries what lists are continued or filtered by.
    every = sorted({min(values) for values in shown.values()})
    continued = [min(shown["next_cursor"]), min(shown["item_id"])]
    in_path = [name for name, _ in parameters(operation, "path")]
    queries = [name for name, schema in parameters(operation, "query") if takes_a_name(schema)]
    headers = [name for name, schema in parameters(operation, "header") if takes_a_name(schema) and name in HEADERS]
    if in_path:
        yield from ((dict.fromkeys(in_path, each), (), each, ()) for each in every if _UUID.fullmatch(each))
        return
    yield PLAIN
    for name in queries:
        yield from (({}, ((name, each),), "-", ()) for each in (continued if name in ("cursor", "after") else [MARK]))
    yield from (({}, (), "-", ((name, each),)) for name in headers for each in continued)
    if "requestBody" in operation:
        yield from (({}, (), each, ()) for each in every if _UUID.fullmatch(each))


PLAIN = ({}, (), "-", ())
HEADERS = ("Last-Event-ID",)
"""Those by which something is named: the others say who calls, and how."""


def test_every_operation_with_a_body_says_what_it_is_sent():
    assert {name for name, (_, _, each) in OPERATIONS.items() if "requestBody" in each} == BODIES.keys()


def test_every_place_that_names_something_is_filled():
    """A place in a path or a header that is new has to be thought of here."""
    places = {name for _, _, each in OPERATIONS.values() for name, _ in parameters(each, "path")}
    headers = {name for _, _, each in OPERATIONS.values() for name, _ in parameters(each, "header")}
    how = {
        "If-None-Match",
        "If-Match",
        "X-Correlation-ID",
        "Range",
        "If-Range",
        "Accept",
        "Citizen-Assertion",
        "Digest",
    }
    assert places == {"item_id", "request_id"}
    assert headers - how <= set(HEADERS), headers


def test_a_reads_nothing_of_b_and_changes_nothing_wherever_an_identifier_of_bs_is_put(hub, people):
    a, b = people
    shown = shown_to(hub, b)
    assert shown.keys() >= {"item_id", "external_id", "next_cursor", "delivery_id", "rights.request_id"}, shown.keys()
    own = shown_to(hub, a)
    theirs = {value for name in shown for value in shown[name] - own.get(name, set())}
    of_bs = ("/items?limit=100", "/preferences", "/profile", "/rights-requests")
    before = {path: hub.read(path, b).json() for path in of_bs}
    done, sent = dict.fromkeys(OPERATIONS, 0), set()
    everything = [(name, call) for name, (_, _, each) in OPERATIONS.items() for call in calls(each, shown)]
    # First what names nothing: later A's own access log has what A itself has asked for.
    for operation_id, (names, query, named, headers) in sorted(everything, key=lambda each: each[1] != PLAIN):
        answer = asked(hub, operation_id, a, names, query, named, headers)
        sent |= {*names.values(), *(value for _, value in (*query, *headers)), named}
        place = (operation_id, names, query, named, headers, answer.status_code)
        assert b not in answer.text, place
        assert MARK not in answer.text or MARK in sent, place
        assert not [each for each in theirs - sent if each in answer.text], place
        assert not names or answer.status_code == 404, place
        done[operation_id] += 1
    assert all(done.values())
    assert {path: hub.read(path, b).json() for path in before} == before
